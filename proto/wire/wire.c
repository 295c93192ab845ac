#include "wire/internal.h"
#include "wire/task_threads.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RING_SIZE_DEFAULT ((size_t)256 * 1024)

int64_t wire_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- news for the owner ---- */

static bool first_news(struct wire *wire)
{
    bool first = !wire->notified && !wire->stopping;
    wire->notified = true;
    return first;
}

bool wire_mark_ready(struct wire *wire, struct wire_connection *connection)
{
    if (connection->starting)
        return false; /* marked when it has started */
    if (!connection->ready) {
        connection->ready = true;
        connection->ready_next = NULL;
        if (wire->ready_last)
            wire->ready_last->ready_next = connection;
        else
            wire->ready_first = connection;
        wire->ready_last = connection;
        wire->ready_count++;
    }
    return first_news(wire);
}

bool wire_mark_endpoint(struct wire *wire)
{
    wire->endpoint_ready = true;
    return first_news(wire);
}

void wire_tell(struct wire *wire, bool needed)
{
    if (needed && wire->options.notify)
        wire->options.notify(wire->options.context);
}

static void report_refused(struct wire_endpoint *endpoint, const struct wire_handler *handler, void *context)
{
    char address[sizeof endpoint->refused_address];
    pthread_mutex_lock(&endpoint->wire->mutex);
    bool refused = endpoint->refused;
    endpoint->refused = false;
    memcpy(address, endpoint->refused_address, sizeof address);
    const char *reason = endpoint->refused_reason;
    pthread_mutex_unlock(&endpoint->wire->mutex);
    if (refused && handler->accept_failed)
        handler->accept_failed(context, endpoint, address, reason);
}

static void report_endpoints(struct wire *wire, const struct wire_handler *handler, void *context)
{
    for (struct wire_endpoint *endpoint = wire->endpoints; endpoint; endpoint = endpoint->next) {
        char reason[REASON_SIZE];
        pthread_mutex_lock(&wire->mutex);
        bool failed = endpoint->dial_failed;
        endpoint->dial_failed = false;
        memcpy(reason, endpoint->reason, sizeof reason);
        pthread_mutex_unlock(&wire->mutex);
        if (failed)
            handler->dial_failed(context, endpoint, reason);
        report_refused(endpoint, handler, context);
    }
}

static struct wire_connection *take_ready(struct wire *wire)
{
    pthread_mutex_lock(&wire->mutex);
    struct wire_connection *connection = wire->ready_first;
    if (connection) {
        wire->ready_first = connection->ready_next;
        if (!wire->ready_first)
            wire->ready_last = NULL;
        wire->ready_count--;
        connection->ready = false;
    }
    pthread_mutex_unlock(&wire->mutex);
    return connection;
}

bool wire_poll(struct wire *wire, const struct wire_handler *handler, void *context, size_t budget_bytes)
{
    /* Cleared before looking: news from here on notifies again, so nothing can be missed in between. */
    pthread_mutex_lock(&wire->mutex);
    wire->notified = false;
    size_t turns = wire->ready_count;
    bool endpoint_ready = wire->endpoint_ready;
    wire->endpoint_ready = false;
    pthread_mutex_unlock(&wire->mutex);

    if (endpoint_ready)
        report_endpoints(wire, handler, context);
    for (; turns > 0 && budget_bytes > 0; turns--) {
        struct wire_connection *connection = take_ready(wire);
        if (!connection)
            break;
        connection_poll(connection, handler, context, &budget_bytes);
    }
    pthread_mutex_lock(&wire->mutex);
    bool more = wire->ready_count > 0 || wire->endpoint_ready;
    pthread_mutex_unlock(&wire->mutex);
    return more;
}

/* ---- the tick: runs only while somebody has a deadline or a listener is parked ---- */

static bool is_crowded(const struct wire *wire)
{
    return wire->handshake_count >= HANDSHAKES_MAX;
}

/* Also finds the nearest of the deadlines that are left. */
static bool expire_connections(struct wire *wire)
{
    bool tell = false;
    bool crowded = is_crowded(wire);
    int64_t now = wire_now_ms();
    wire->nearest_ms = INT64_MAX;
    for (struct wire_connection *connection = wire->connections; connection; connection = connection->next) {
        bool shorter = crowded && !connection->up && wire->handshake_ms > HANDSHAKE_TIMEOUT_CROWDED_MS;
        int64_t early = shorter ? wire->handshake_ms - HANDSHAKE_TIMEOUT_CROWDED_MS : 0;
        if (connection->deadline_ms != 0 && connection->deadline_ms < wire->nearest_ms)
            wire->nearest_ms = connection->deadline_ms;
        if (connection->deadline_ms == 0 || now < connection->deadline_ms - early)
            continue;
        connection_end(connection, connection->deadline_reason);
        tell |= wire_mark_ready(wire, connection);
    }
    return tell;
}

static void unpark_endpoints(struct wire *wire)
{
    pthread_mutex_lock(&wire->mutex);
    struct wire_endpoint *endpoint = wire->endpoints; /* new ones come in front; a link never changes */
    pthread_mutex_unlock(&wire->mutex);
    for (; endpoint; endpoint = endpoint->next)
        endpoint_unpark(endpoint);
}

static void on_tick(void *context)
{
    struct wire *wire = context;
    pthread_mutex_lock(&wire->mutex);
    bool tell = !wire->stopping && expire_connections(wire);
    bool unpark = !wire->stopping && wire->endpoint_parked;
    wire->endpoint_parked = false;
    wire->ticking = false;
    pthread_mutex_unlock(&wire->mutex);
    wire_tell(wire, tell);
    if (unpark)
        unpark_endpoints(wire);
    wire_start_tick(wire);
}

/* Until the next tick is due. With the mutex held. */
static int64_t pause_ms(const struct wire *wire, int64_t now_ms)
{
    if (wire->endpoint_parked || is_crowded(wire) || wire->nearest_ms < now_ms + TICK_MS)
        return TICK_MS;
    return wire->nearest_ms > now_ms + TICK_MS_MAX ? TICK_MS_MAX : wire->nearest_ms - now_ms;
}

void wire_start_tick(struct wire *wire)
{
    pthread_mutex_lock(&wire->mutex);
    int64_t now_ms = wire_now_ms(), pause = pause_ms(wire, now_ms);
    bool wanted = !wire->stopping && (wire->deadline_count > 0 || wire->endpoint_parked);
    bool start = wanted && !wire->ticking;
    bool hurry = wanted && wire->ticking && now_ms + pause + TICK_MS < wire->tick_at_ms;
    wire->ticking |= start;
    if (start || hurry)
        wire->tick_at_ms = start ? now_ms + pause : now_ms; /* it comes at once, and begins the pause */
    pthread_mutex_unlock(&wire->mutex);
    if (start)
        nng_sleep_aio((nng_duration)pause, wire->tick);
    else if (hurry)
        nng_aio_abort(wire->tick, NNG_ECANCELED);
}

/* ---- life ---- */

static int start_tls(struct wire *wire, char *reterr_text, size_t reterr_size)
{
    int rv = tls_engine_register();
    if (rv != 0) {
        snprintf(reterr_text, reterr_size, "NNG refuses the OpenSSL engine: %s", nng_strerror(rv));
        return -ENOTSUP;
    }
    if (!wire->options.tls)
        return 0;
    int rc = tls_context_new(wire->options.tls, &wire->tls, reterr_text, reterr_size);
    wire->options.tls = NULL; /* the caller's, and read by now */
    return rc;
}

int wire_new(const struct wire_options *options, struct wire **ret_wire, char *reterr_text, size_t reterr_size)
{
    struct wire *wire = calloc(1, sizeof *wire);
    if (!wire)
        return -ENOMEM;
    wire->options = *options;
    if (wire->options.ring_size_max == 0)
        wire->options.ring_size_max = RING_SIZE_DEFAULT;
    wire->nearest_ms = INT64_MAX;
    wire->handshake_ms = options->handshake_ms ? options->handshake_ms : HANDSHAKE_TIMEOUT_MS;
    pthread_mutex_init(&wire->mutex, NULL);
    int rc = start_tls(wire, reterr_text, reterr_size);
    if (rc == 0 && options->owns_nng)
        task_threads_park();
    if (rc == 0 && nng_aio_alloc(&wire->tick, on_tick, wire) != 0)
        rc = -ENOMEM;
    if (rc != 0) {
        wire_free(wire);
        return rc;
    }
    *ret_wire = wire;
    return 0;
}

struct wire *wire_free(struct wire *wire)
{
    if (!wire)
        return NULL;
    pthread_mutex_lock(&wire->mutex);
    wire->stopping = true;
    pthread_mutex_unlock(&wire->mutex);
    /* The tick touches endpoints, endpoints make connections: in this order nothing new can appear behind our back. */
    if (wire->tick)
        nng_aio_stop(wire->tick);
    while (wire->endpoints) {
        struct wire_endpoint *endpoint = wire->endpoints;
        wire->endpoints = endpoint->next;
        endpoint_free(endpoint);
    }
    while (wire->connections)
        connection_free(wire->connections);
    nng_aio_free(wire->tick); /* not before: somebody may have been about to start it */
    tls_context_free(wire->tls);
    pthread_mutex_destroy(&wire->mutex);
    free(wire);
    return NULL;
}

int wire_reload_tls(struct wire *wire, const struct wire_tls *tls, char *reterr_text, size_t reterr_size)
{
    if (!wire->tls) {
        snprintf(reterr_text, reterr_size, "TLS was not configured at the start");
        return WIRE_E_TLS;
    }
    return tls_context_reload(wire->tls, tls, reterr_text, reterr_size);
}

void wire_set_handshake_ms(struct wire *wire, uint32_t handshake_ms)
{
    pthread_mutex_lock(&wire->mutex);
    wire->handshake_ms = handshake_ms;
    pthread_mutex_unlock(&wire->mutex);
}

/* ---- endpoints ---- */

static int check_allowed(struct wire *wire, const struct address *address, char *reterr_text, size_t reterr_size)
{
    if (address->tls && !wire->tls) {
        snprintf(reterr_text, reterr_size, "%s needs a certificate, a key and a CA", address->scheme);
        return WIRE_E_NO_TLS;
    }
    if (!address->tls && !address->local && !wire->options.allow_plain_tcp && !address_is_loopback(address)) {
        snprintf(reterr_text, reterr_size, "plain tcp to \"%s\" would leave this machine unprotected and was not allowed", address->host);
        return WIRE_E_PLAIN;
    }
    return 0;
}

static int new_endpoint(struct wire *wire, const char *url, bool listening, void *user, struct wire_endpoint **ret_endpoint,
                        char *reterr_text, size_t reterr_size)
{
    struct address address;
    int rc = address_parse(url, listening, &address, reterr_text, reterr_size);
    if (rc == 0)
        rc = check_allowed(wire, &address, reterr_text, reterr_size);
    if (rc != 0)
        return rc;
    struct wire_endpoint *endpoint = calloc(1, sizeof *endpoint);
    if (!endpoint)
        return -ENOMEM;
    endpoint->wire = wire;
    endpoint->user = user;
    endpoint->address = address;
    address_format(&address, endpoint->url, sizeof endpoint->url);
    *ret_endpoint = endpoint;
    return 0;
}

static int adopt(struct wire *wire, struct wire_endpoint *endpoint, int rc, struct wire_endpoint **ret_endpoint)
{
    if (rc != 0) {
        endpoint_free(endpoint);
        return rc;
    }
    pthread_mutex_lock(&wire->mutex);
    endpoint->next = wire->endpoints;
    wire->endpoints = endpoint;
    pthread_mutex_unlock(&wire->mutex);
    *ret_endpoint = endpoint;
    return 0;
}

int wire_listen(struct wire *wire, const char *url, void *user, struct wire_endpoint **ret_endpoint, char *reterr_text, size_t reterr_size)
{
    struct wire_endpoint *endpoint = NULL;
    int rc = new_endpoint(wire, url, true, user, &endpoint, reterr_text, reterr_size);
    if (rc == 0)
        rc = adopt(wire, endpoint, endpoint_listen(wire, endpoint, reterr_text, reterr_size), ret_endpoint);
    if (rc == 0)
        endpoint_accept(endpoint); /* not before it is in the list where the tick looks for it */
    return rc;
}

int wire_dialer(struct wire *wire, const char *url, const char *server_name, void *user, struct wire_endpoint **ret_endpoint,
                char *reterr_text, size_t reterr_size)
{
    struct wire_endpoint *endpoint = NULL;
    int rc = new_endpoint(wire, url, false, user, &endpoint, reterr_text, reterr_size);
    if (rc != 0)
        return rc;
    return adopt(wire, endpoint, endpoint_prepare_dialer(wire, endpoint, server_name, reterr_text, reterr_size), ret_endpoint);
}

const char *wire_endpoint_url(const struct wire_endpoint *endpoint)
{
    return endpoint->url;
}

void *wire_endpoint_user(const struct wire_endpoint *endpoint)
{
    return endpoint->user;
}
