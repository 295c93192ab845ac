/* One connection: bytes in (NNG's threads fill the ring, the owner drains it), bytes out, and its end. */
#include "wire/internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEND_PARTS_MAX = 8,        /* what an NNG aio takes */
    JOIN_SIZE_MAX = 16 * 1024, /* small buffers are joined up to this */
    LARGE_READ_SIZE = 2048,    /* a read of this size asks for a large chunk next time */
    LARGE_READ_PATIENCE_MS = 1000,
};

/* ---- shared state; with the mutex held ---- */

void connection_end(struct wire_connection *connection, const char *reason)
{
    if (!connection->ended)
        snprintf(connection->reason, sizeof connection->reason, "%s", reason);
    connection->ended = true;
    connection_set_deadline(connection, 0, NULL);
}

void connection_set_deadline(struct wire_connection *connection, int64_t deadline_ms, const char *reason)
{
    struct wire *wire = connection->wire;
    wire->deadline_count += (deadline_ms != 0);
    wire->deadline_count -= (connection->deadline_ms != 0);
    if (wire->deadline_count == 0)
        wire->nearest_ms = INT64_MAX;
    else if (deadline_ms != 0 && deadline_ms < wire->nearest_ms)
        wire->nearest_ms = deadline_ms;
    connection->deadline_ms = deadline_ms;
    connection->deadline_reason = reason;
}

static void add_to_list(struct wire_connection *connection)
{
    struct wire *wire = connection->wire;
    connection->next = wire->connections;
    if (connection->next)
        connection->next->previous = connection;
    wire->connections = connection;
}

static void remove_from_list(struct wire_connection *connection)
{
    struct wire *wire = connection->wire;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        wire->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
}

static void remove_from_ready(struct wire_connection *connection)
{
    struct wire *wire = connection->wire;
    struct wire_connection *before = NULL;
    if (!connection->ready)
        return;
    for (struct wire_connection *each = wire->ready_first; each != connection; each = each->ready_next)
        before = each;
    if (before)
        before->ready_next = connection->ready_next;
    else
        wire->ready_first = connection->ready_next;
    if (wire->ready_last == connection)
        wire->ready_last = before;
    wire->ready_count--;
    connection->ready = false;
}

static void leave_handshake(struct wire_connection *connection)
{
    if (connection->peer.tls && !connection->up)
        connection->wire->handshake_count--;
}

/* ---- bytes in over TLS: the engine calls the watch ---- */

static void watch_up(void *context, const struct tls_identity *identity)
{
    struct wire_connection *connection = context;
    struct wire *wire = connection->wire;
    memcpy(connection->peer.common_name, identity->common_name, sizeof connection->peer.common_name);
    memcpy(connection->peer.fingerprint, identity->fingerprint, sizeof connection->peer.fingerprint);
    connection->peer.verified = true;
    pthread_mutex_lock(&wire->mutex);
    bool tell = false;
    if (!connection->ended) {
        leave_handshake(connection);
        connection->up = true;
        connection_set_deadline(connection, 0, NULL);
        tell = wire_mark_ready(wire, connection);
    }
    pthread_mutex_unlock(&wire->mutex);
    wire_tell(wire, tell);
}

static size_t watch_reserve(void *context, uint8_t **ret_space)
{
    struct wire_connection *connection = context;
    pthread_mutex_lock(&connection->wire->mutex);
    size_t room = ring_reserve(&connection->ring, true, ret_space);
    connection->stalled = room == 0;
    pthread_mutex_unlock(&connection->wire->mutex);
    return room;
}

static void watch_commit(void *context, size_t size)
{
    struct wire_connection *connection = context;
    struct wire *wire = connection->wire;
    pthread_mutex_lock(&wire->mutex);
    ring_commit(&connection->ring, size);
    bool tell = size > 0 && wire_mark_ready(wire, connection);
    pthread_mutex_unlock(&wire->mutex);
    wire_tell(wire, tell);
}

static void note_end(void *context, const char *reason)
{
    struct wire_connection *connection = context;
    struct wire *wire = connection->wire;
    pthread_mutex_lock(&wire->mutex);
    connection_end(connection, reason);
    bool tell = wire_mark_ready(wire, connection);
    pthread_mutex_unlock(&wire->mutex);
    wire_tell(wire, tell);
}

static const char *explain(int rv)
{
    return rv == NNG_ECONNSHUT || rv == NNG_ECLOSED ? "closed by the peer" : nng_strerror(rv);
}

/* The one receive of a watched stream is over: so is the stream. */
static void on_watched_end(void *context)
{
    struct wire_connection *connection = context;
    pthread_mutex_lock(&connection->wire->mutex);
    connection->receive_over = true;
    pthread_mutex_unlock(&connection->wire->mutex);
    note_end(connection, explain(nng_aio_result(connection->receive)));
}

/* ---- bytes in over tcp and ipc: one receive after the other ---- */

/* Reads on if there is room. A large chunk is lent only for a while: an idle connection must not keep it. */
static void receive_next(struct wire_connection *connection)
{
    struct wire *wire = connection->wire;
    uint8_t *space = NULL;
    pthread_mutex_lock(&wire->mutex);
    bool large = connection->receive_large;
    size_t room = ring_reserve(&connection->ring, large, &space);
    connection->stalled = room == 0;
    pthread_mutex_unlock(&wire->mutex);
    if (room == 0)
        return;
    nng_iov part = { .iov_buf = space, .iov_len = room };
    nng_aio_set_iov(connection->receive, 1, &part);
    nng_aio_set_timeout(connection->receive, large ? LARGE_READ_PATIENCE_MS : NNG_DURATION_INFINITE);
    nng_stream_recv(connection->stream, connection->receive);
}

/* A reset makes NNG give up before the last bytes are read; reading on gives them. */
static bool may_read_on(struct wire_connection *connection, int rv)
{
    bool first = rv == NNG_ECONNSHUT && !connection->reset_seen;
    connection->reset_seen = rv == NNG_ECONNSHUT;
    return rv == 0 || rv == NNG_ETIMEDOUT || first;
}

static void on_receive(void *context)
{
    struct wire_connection *connection = context;
    struct wire *wire = connection->wire;
    int rv = nng_aio_result(connection->receive);
    size_t size = rv == 0 ? nng_aio_count(connection->receive) : 0;
    bool more = may_read_on(connection, rv);
    pthread_mutex_lock(&wire->mutex);
    ring_commit(&connection->ring, size);
    connection->receive_large = size >= LARGE_READ_SIZE;
    if (!more)
        connection_end(connection, explain(rv));
    bool tell = (size > 0 || !more) && wire_mark_ready(wire, connection);
    pthread_mutex_unlock(&wire->mutex);
    wire_tell(wire, tell);
    if (more)
        receive_next(connection);
}

static void resume(struct wire_connection *connection)
{
    if (connection->peer.tls)
        tls_engine_resume(connection->stream);
    else
        receive_next(connection);
}

/* ---- bytes out ---- */

static struct outgoing *free_outgoing(struct outgoing *outgoing)
{
    while (outgoing) {
        struct outgoing *next = outgoing->next;
        free(outgoing->bytes);
        free(outgoing);
        outgoing = next;
    }
    return NULL;
}

/* With the mutex held. */
static unsigned gather(struct wire_connection *connection, nng_iov *parts)
{
    unsigned count = 0;
    size_t offset = connection->out_offset;
    for (struct outgoing *each = connection->out_first; each && count < SEND_PARTS_MAX; each = each->next) {
        parts[count++] = (nng_iov){ .iov_buf = each->bytes + offset, .iov_len = each->size - offset };
        offset = 0;
    }
    connection->out_flying = count;
    return count;
}

static void send_parts(struct wire_connection *connection, unsigned count, nng_iov *parts)
{
    nng_aio_set_iov(connection->send, count, parts);
    nng_stream_send(connection->stream, connection->send);
}

/* Takes the buffers that have gone out completely off the queue. With the mutex held. */
static struct outgoing *take_sent(struct wire_connection *connection, size_t size)
{
    struct outgoing *sent = NULL;
    connection->pending_size -= size;
    size += connection->out_offset;
    while (connection->out_first && size >= connection->out_first->size) {
        struct outgoing *done = connection->out_first;
        size -= done->size;
        connection->out_first = done->next;
        done->next = sent;
        sent = done;
    }
    if (!connection->out_first)
        connection->out_last = NULL;
    connection->out_offset = size;
    return sent;
}

/* The owner is woken only for an end it waits for. With the mutex held. */
static bool is_awaited_end(const struct wire_connection *connection)
{
    return connection->drain_awaited && connection->pending_size == 0;
}

static size_t watch_outgoing(void *context, const uint8_t **ret_bytes)
{
    struct wire_connection *connection = context;
    size_t size = 0;
    pthread_mutex_lock(&connection->wire->mutex);
    const struct outgoing *first = connection->out_first;
    if (first) {
        *ret_bytes = first->bytes + connection->out_offset;
        size = first->size - connection->out_offset;
    }
    connection->out_flying = first ? 1 : 0;
    pthread_mutex_unlock(&connection->wire->mutex);
    return size;
}

static void watch_sent(void *context, size_t size)
{
    struct wire_connection *connection = context;
    struct wire *wire = connection->wire;
    pthread_mutex_lock(&wire->mutex);
    struct outgoing *sent = take_sent(connection, size);
    connection->out_flying = 0;
    bool tell = is_awaited_end(connection) && wire_mark_ready(wire, connection);
    pthread_mutex_unlock(&wire->mutex);
    wire_tell(wire, tell);
    free_outgoing(sent);
}

static void on_sent(void *context)
{
    struct wire_connection *connection = context;
    struct wire *wire = connection->wire;
    int rv = nng_aio_result(connection->send);
    nng_iov parts[SEND_PARTS_MAX];
    unsigned count = 0;
    bool tell = false;
    struct outgoing *sent = NULL;
    pthread_mutex_lock(&wire->mutex);
    connection->out_flying = 0;
    if (rv == 0) {
        sent = take_sent(connection, nng_aio_count(connection->send));
        count = gather(connection, parts);
    }
    /* A failed send is no end of the stream by itself: what the peer said before it went away is still to be read. */
    connection->send_failed = rv != 0;
    if (rv != 0 || is_awaited_end(connection))
        tell = wire_mark_ready(wire, connection);
    pthread_mutex_unlock(&wire->mutex);
    wire_tell(wire, tell);
    free_outgoing(sent);
    if (count > 0)
        send_parts(connection, count, parts);
}

/* Puts small bytes behind those of the last waiting buffer. With the mutex held. */
static bool join(struct wire_connection *connection, const uint8_t *bytes, size_t size)
{
    struct outgoing *last = connection->out_last;
    size_t waiting = 0;
    for (struct outgoing *each = connection->out_first; each && waiting <= connection->out_flying; each = each->next)
        waiting++;
    if (waiting <= connection->out_flying || last->size + size > JOIN_SIZE_MAX)
        return false;
    if (last->size + size > last->capacity) {
        uint8_t *larger = realloc(last->bytes, JOIN_SIZE_MAX);
        if (!larger)
            return false;
        last->bytes = larger;
        last->capacity = JOIN_SIZE_MAX;
    }
    memcpy(last->bytes + last->size, bytes, size);
    last->size += size;
    return true;
}

static void append(struct wire_connection *connection, struct outgoing *outgoing)
{
    if (connection->out_last)
        connection->out_last->next = outgoing;
    else
        connection->out_first = outgoing;
    connection->out_last = outgoing;
}

static void end_here(struct wire_connection *connection, const char *reason)
{
    connection->closing = GONE;
    note_end(connection, reason);
}

void wire_send(struct wire_connection *connection, uint8_t *buffer, size_t size)
{
    struct wire *wire = connection->wire;
    struct outgoing *outgoing = malloc(sizeof *outgoing);
    if (size == 0 || !outgoing || connection->closing != STAY_OPEN) {
        free(buffer);
        free(outgoing);
        if (size > 0 && !outgoing)
            end_here(connection, "out of memory"); /* a gap in the stream would be worse */
        return;
    }
    *outgoing = (struct outgoing){ .bytes = buffer, .size = size, .capacity = size };
    nng_iov parts[SEND_PARTS_MAX];
    unsigned count = 0;
    bool tls = connection->peer.tls;
    pthread_mutex_lock(&wire->mutex);
    connection->pending_size += size;
    if (size < JOIN_SIZE_MAX && join(connection, buffer, size)) {
        outgoing->next = NULL;
    } else {
        append(connection, outgoing);
        outgoing = NULL;
    }
    bool idle = connection->out_flying == 0 && !connection->ended && !connection->send_failed;
    if (idle && !tls)
        count = gather(connection, parts);
    pthread_mutex_unlock(&wire->mutex);
    free_outgoing(outgoing);
    if (idle && tls)
        tls_engine_send(connection->stream);
    if (count > 0)
        send_parts(connection, count, parts);
}

size_t wire_pending(const struct wire_connection *connection)
{
    pthread_mutex_lock(&connection->wire->mutex);
    size_t pending = connection->pending_size;
    pthread_mutex_unlock(&connection->wire->mutex);
    return pending;
}

/* ---- what the owner asks for ---- */

static void look_again(struct wire_connection *connection)
{
    struct wire *wire = connection->wire;
    pthread_mutex_lock(&wire->mutex);
    bool tell = wire_mark_ready(wire, connection);
    pthread_mutex_unlock(&wire->mutex);
    wire_tell(wire, tell);
}

void wire_pause(struct wire_connection *connection, bool paused)
{
    if (connection->paused == paused)
        return;
    connection->paused = paused;
    if (!paused)
        look_again(connection);
}

static void set_deadline(struct wire_connection *connection, int64_t timeout_ms, const char *reason)
{
    pthread_mutex_lock(&connection->wire->mutex);
    if (!connection->ended)
        connection_set_deadline(connection, wire_now_ms() + timeout_ms, reason);
    pthread_mutex_unlock(&connection->wire->mutex);
    wire_start_tick(connection->wire);
}

static void await_drain(struct wire_connection *connection)
{
    pthread_mutex_lock(&connection->wire->mutex);
    connection->drain_awaited = true;
    pthread_mutex_unlock(&connection->wire->mutex);
}

void wire_close(struct wire_connection *connection, bool at_once)
{
    if (at_once && connection->closing != GONE) {
        end_here(connection, "closed here");
    } else if (connection->closing == STAY_OPEN) {
        connection->closing = DRAIN;
        set_deadline(connection, DRAIN_TIMEOUT_MS, "the peer did not take what was left to send");
        await_drain(connection);
        look_again(connection);
    }
}

void wire_set_user(struct wire_connection *connection, void *user)
{
    connection->user = user;
}

void *wire_user(const struct wire_connection *connection)
{
    return connection->user;
}

/* ---- reporting ---- */

static bool may_deliver(const struct wire_connection *connection)
{
    return connection->closing == STAY_OPEN && !connection->paused;
}

static size_t peek(struct wire_connection *connection, const uint8_t **ret_data)
{
    pthread_mutex_lock(&connection->wire->mutex);
    size_t size = ring_peek(&connection->ring, ret_data);
    pthread_mutex_unlock(&connection->wire->mutex);
    return size;
}

static void consume(struct wire_connection *connection, size_t size)
{
    pthread_mutex_lock(&connection->wire->mutex);
    ring_consume(&connection->ring, size);
    bool stalled = connection->stalled && !connection->ended;
    pthread_mutex_unlock(&connection->wire->mutex);
    if (stalled)
        resume(connection);
}

/* Something more was read and thrown away. */
static void linger_on(struct wire_connection *connection)
{
    if (connection->closing == LINGER && !connection->peer.tls && wire_now_ms() < connection->linger_limit_ms)
        set_deadline(connection, LINGER_QUIET_MS, "closed here");
}

/* Bytes for a connection that is being closed are thrown away, so that the peer's last words do not stop ours. */
static void deliver(struct wire_connection *connection, const struct wire_handler *handler, void *context, size_t *budget_bytes)
{
    const uint8_t *data;
    size_t size;
    while (*budget_bytes > 0 && (connection->closing != STAY_OPEN || !connection->paused) && (size = peek(connection, &data)) > 0) {
        if (size > *budget_bytes)
            size = *budget_bytes;
        if (may_deliver(connection))
            handler->received(context, connection, qiao_bytes(data, size));
        consume(connection, size);
        *budget_bytes -= size;
        linger_on(connection);
    }
}

struct state {
    bool up, ended, send_failed, receive_over, all_sent, all_read;
};

static struct state look(struct wire_connection *connection)
{
    pthread_mutex_lock(&connection->wire->mutex);
    struct state state = {
        .up = connection->up,
        .ended = connection->ended,
        .send_failed = connection->send_failed,
        .receive_over = connection->receive_over,
        .all_sent = connection->pending_size == 0,
        .all_read = connection->ring.unread_size == 0,
    };
    pthread_mutex_unlock(&connection->wire->mutex);
    return state;
}

static void report_failure(struct wire_connection *connection, const struct wire_handler *handler, void *context)
{
    struct wire_endpoint *endpoint = connection->endpoint;
    if (connection->reported)
        handler->closed(context, connection, connection->reason);
    else if (endpoint->dialer)
        handler->dial_failed(context, endpoint, connection->reason);
    else if (handler->accept_failed)
        handler->accept_failed(context, endpoint, connection->peer.address, connection->reason);
}

/* The queue is empty, but the last bytes are in NNG's buffer or the kernel's. Whoever closes with bytes unread sends a reset,
 * which destroys them. Over TLS the peer is told and closes first; tcp has no such word in NNG, so it is given until the peer
 * has said nothing for a while. A local socket loses nothing. */
static void finish_draining(struct wire_connection *connection)
{
    if (connection->peer.local) {
        end_here(connection, "closed here");
        return;
    }
    connection->closing = LINGER;
    connection->linger_limit_ms = wire_now_ms() + LINGER_TIMEOUT_MS;
    set_deadline(connection, connection->peer.tls ? LINGER_TIMEOUT_MS : LINGER_QUIET_MS, "closed here");
    if (connection->peer.tls)
        tls_engine_shutdown(connection->stream);
}

static void advance_closing(struct wire_connection *connection)
{
    struct state state = look(connection);
    if (connection->closing != DRAIN || state.ended)
        return;
    if (state.send_failed)
        end_here(connection, "the peer is gone");
    else if (state.all_sent)
        finish_draining(connection);
}

/* The owner is told at once; the stream may stay a moment for the peer to read an alert. */
static void finish(struct wire_connection *connection, bool receive_over, const struct wire_handler *handler, void *context)
{
    report_failure(connection, handler, context);
    if (!connection->peer.tls || receive_over || connection->closing != STAY_OPEN) {
        connection_free(connection);
        return;
    }
    connection->farewell = true;
    pthread_mutex_lock(&connection->wire->mutex);
    connection_set_deadline(connection, wire_now_ms() + FAREWELL_MS, connection->reason);
    pthread_mutex_unlock(&connection->wire->mutex);
    wire_start_tick(connection->wire);
}

void connection_poll(struct wire_connection *connection, const struct wire_handler *handler, void *context, size_t *budget_bytes)
{
    if (connection->farewell) {
        connection_free(connection);
        return;
    }
    if (look(connection).up && !connection->reported) {
        connection->reported = true;
        handler->connected(context, connection->endpoint, connection, &connection->peer);
    }
    deliver(connection, handler, context, budget_bytes);
    advance_closing(connection);
    struct state state = look(connection);
    if (state.ended && (state.all_read || connection->closing != STAY_OPEN))
        finish(connection, state.receive_over, handler, context);
    else if (!state.all_read && !connection->paused)
        look_again(connection);
}

/* ---- beginning and end ---- */

static bool start_watched(struct wire_connection *connection)
{
    const struct tls_watch watch = {
        .context = connection, .up = watch_up, .reserve = watch_reserve, .commit = watch_commit, .outgoing = watch_outgoing, .sent = watch_sent, .ended = note_end,
    };
    if (tls_engine_attach(connection->stream, &watch) != 0)
        return false;
    nng_iov part = { .iov_buf = &connection->unused_byte, .iov_len = 1 };
    nng_aio_set_iov(connection->receive, 1, &part);
    nng_stream_recv(connection->stream, connection->receive);
    return true;
}

static void start_reading_plain(struct wire_connection *connection)
{
    struct wire *wire = connection->wire;
    pthread_mutex_lock(&wire->mutex);
    connection->up = true;
    pthread_mutex_unlock(&wire->mutex);
    receive_next(connection);
}

static struct wire_connection *new_connection(struct wire_endpoint *endpoint, nng_stream *stream, uint32_t place)
{
    struct wire_connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    bool tls = endpoint->address.tls;
    if (nng_aio_alloc(&connection->receive, tls ? on_watched_end : on_receive, connection) != 0 ||
        (!tls && nng_aio_alloc(&connection->send, on_sent, connection) != 0)) {
        nng_aio_free(connection->receive);
        free(connection);
        return NULL;
    }
    nng_aio_set_timeout(connection->receive, NNG_DURATION_INFINITE);
    if (connection->send)
        nng_aio_set_timeout(connection->send, NNG_DURATION_INFINITE);
    connection->wire = endpoint->wire;
    connection->endpoint = endpoint;
    connection->stream = stream;
    connection->place = place;
    connection->peer.tls = tls;
    connection->peer.local = endpoint->address.local;
    address_describe_peer(stream, connection->peer.local, connection->peer.address, sizeof connection->peer.address);
    ring_init(&connection->ring, endpoint->wire->options.ring_size_max);
    return connection;
}

/* Answers false while the wire is being freed: the walk over the connections may have passed already. */
static bool enlist(struct wire_connection *connection)
{
    struct wire *wire = connection->wire;
    pthread_mutex_lock(&wire->mutex);
    bool accepted = !wire->stopping;
    connection->starting = true;
    if (accepted) {
        add_to_list(connection);
        if (connection->peer.tls) {
            wire->handshake_count++;
            wire->tls_count++;
            connection_set_deadline(connection, wire_now_ms() + wire->handshake_ms, "the TLS handshake took too long");
        }
    }
    pthread_mutex_unlock(&wire->mutex);
    return accepted;
}

static void leave_door(struct wire *wire, uint32_t place, bool proved)
{
    const struct wire_door *door = wire->options.door;
    if (place != 0)
        door->leave(door->context, place, proved);
}

void wire_proved(struct wire_connection *connection)
{
    const struct wire_door *door = connection->wire->options.door;
    if (connection->place != 0 && !connection->proved)
        door->proved(door->context, connection->place);
    connection->proved = true;
}

static void discard(struct wire_connection *connection)
{
    leave_door(connection->wire, connection->place, false);
    nng_stream_free(connection->stream);
    nng_aio_free(connection->receive);
    nng_aio_free(connection->send);
    free(connection);
}

static void finish_start(struct wire_connection *connection)
{
    struct wire *wire = connection->wire;
    pthread_mutex_lock(&wire->mutex);
    connection->starting = false;
    bool tell = wire_mark_ready(wire, connection);
    pthread_mutex_unlock(&wire->mutex);
    wire_tell(wire, tell);
    wire_start_tick(wire);
}

bool connection_start(struct wire_endpoint *endpoint, nng_stream *stream, uint32_t place)
{
    struct wire_connection *connection = new_connection(endpoint, stream, place);
    if (!connection) {
        leave_door(endpoint->wire, place, false);
        nng_stream_free(stream);
        return false;
    }
    if (!enlist(connection)) {
        discard(connection);
        return true;
    }
    if (!connection->peer.tls)
        start_reading_plain(connection);
    else if (!start_watched(connection))
        note_end(connection, "the TLS engine of the wire is not in use");
    finish_start(connection);
    return true;
}

struct wire_connection *connection_free(struct wire_connection *connection)
{
    struct wire *wire = connection->wire;
    nng_stream_close(connection->stream); /* first: it ends every operation, and no watch is called after it */
    nng_aio_stop(connection->receive);
    if (connection->send)
        nng_aio_stop(connection->send);
    pthread_mutex_lock(&wire->mutex);
    leave_handshake(connection);
    wire->tls_count -= connection->peer.tls;
    connection_set_deadline(connection, 0, NULL);
    remove_from_ready(connection);
    remove_from_list(connection);
    pthread_mutex_unlock(&wire->mutex);
    leave_door(wire, connection->place, connection->proved);
    nng_aio_free(connection->receive);
    nng_aio_free(connection->send);
    nng_stream_free(connection->stream);
    ring_deinit(&connection->ring);
    free_outgoing(connection->out_first);
    free(connection);
    return NULL;
}
