#include "link/link.h"

#include "link/handshake.h"

#include <qiao/version.h>
#include <stdarg.h>
#include <stdio.h>

/* Batches in flight per lane; together with the credit in bytes this bounds what a lane remembers. */
#define FLIGHTS_MAX 1024u

void link_init(struct link *link, const struct link_options *options, uint64_t now_ms)
{
    *link = (struct link){ .options = *options, .state = LINK_STATE_IDLE, .frame_size_max = QIAO_FRAME_SIZE_MAX_BEFORE_UP };
    link->state_since_ms = link->received_at_ms = link->sent_at_ms = now_ms;
    if (!options->dialer) link->state = LINK_STATE_WAIT_HELLO;
}

void link_deinit(struct link *link)
{
    for (unsigned lane = 0; lane < LINK_LANES; lane++) {
        free(link->tx[lane].flights);
        buf_deinit(&link->tx[lane].rest.payload);
        link_part_deinit(&link->rx[lane].part);
    }
    *link = (struct link){ .state = LINK_STATE_CLOSED };
}

static void enter(struct link *link, enum link_state state, uint64_t now_ms)
{
    link->state = state;
    link->state_since_ms = now_ms;
}

void link_start(struct link *link, uint64_t now_ms, struct buf *out)
{
    assert(link->options.dialer && link->state == LINK_STATE_IDLE);
    handshake_put_hello(link, out);
    link->sent_at_ms = now_ms;
    enter(link, LINK_STATE_WAIT_HELLO, now_ms);
}

static void stand(struct link *link, const struct link_resume resume[LINK_LANES])
{
    memcpy(link->resume, resume, sizeof link->resume);
    for (unsigned lane = 0; lane < LINK_LANES; lane++) {
        /* What a lane stands at when the peer's Auth does not speak of it. */
        assert(resume[lane].next > 0);
        link->tx[lane].next = resume[lane].next;
        link->tx[lane].acked = resume[lane].next - 1;
        link->rx[lane].next = resume[lane].received + 1;
        if (resume[lane].part) link->rx[lane].part = link_part_copy(resume[lane].part);
        link->resume[lane].part = NULL;
    }
}

void link_accept(struct link *link, const struct link_resume resume[LINK_LANES], uint64_t now_ms, struct buf *out)
{
    assert(link->state == LINK_STATE_WAIT_ACCEPT);
    stand(link, resume);
    if (!link->options.dialer) handshake_put_hello(link, out);
    if (!handshake_put_auth(link, out)) {
        link_close(link, QIAO_CODE_LINK_SIGNATURE, "own key cannot sign", out);
        return;
    }
    link->sent_at_ms = now_ms;
    enter(link, LINK_STATE_WAIT_AUTH, now_ms);
}

void link_adopt(struct link *link, const struct link_hello *peer, unsigned suite, const struct seal_key_id *key_id, const struct link_resume theirs[LINK_LANES],
                const struct link_resume own[LINK_LANES], uint64_t now_ms)
{
    link->peer = *peer;
    link->peer_suite = suite;
    link->peer_key_id = *key_id;
    link->version = QIAO_PROTOCOL_VERSION_MAX;
    link->frame_size_max = QIAO_FRAME_SIZE_MAX;
    stand(link, own);
    for (unsigned lane = 0; lane < LINK_LANES; lane++) handshake_take_resume(link, lane, &theirs[lane]);
    enter(link, LINK_STATE_UP, now_ms);
}

/* Close { code = 1, reason = 2 } */
void link_close(struct link *link, unsigned code, const char *reason, struct buf *out)
{
    if (link->state == LINK_STATE_CLOSED) return;
    size_t mark = frame_begin(out, FRAME_CLOSE);
    pb_put_varint(out, 1, code);
    pb_put_string(out, 2, reason);
    frame_end(out, mark);
    link->state = LINK_STATE_CLOSED;
}

/* ---- frames from the peer ---- */

static void fail(struct link *link, unsigned code, struct buf *out, struct link_event *event, const char *format, ...) __attribute__((format(printf, 5, 6)));
static void fail(struct link *link, unsigned code, struct buf *out, struct link_event *event, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(event->reason, sizeof event->reason, format, arguments);
    va_end(arguments);
    event->type = LINK_CLOSED;
    event->code = code;
    link_close(link, code, event->reason, out);
}

static void receive_hello(struct link *link, uint64_t now_ms, const struct frame *frame, struct buf *out, struct link_event *event)
{
    unsigned code = handshake_take_hello(link, frame->payload);
    if (code == QIAO_CODE_LINK_CLOCK) {
        int64_t ahead_s = (int64_t)(link->peer.wall_ms - link->options.wall_ms) / 1000;
        fail(link, code, out, event, "%s: the clock of %s is %lld s %s; set both by NTP", qiao_code_text(code), link->peer.node[0] ? link->peer.node : link->peer.org,
             (long long)(ahead_s < 0 ? -ahead_s : ahead_s), ahead_s < 0 ? "behind" : "ahead");
        return;
    }
    if (code != QIAO_CODE_OK) {
        fail(link, code, out, event, "hello refused: %s", qiao_code_text(code));
        return;
    }
    enter(link, LINK_STATE_WAIT_ACCEPT, now_ms);
    event->type = LINK_PEER_HELLO;
}

static void receive_auth(struct link *link, uint64_t now_ms, const struct frame *frame, struct buf *out, struct link_event *event)
{
    unsigned code = handshake_take_auth(link, frame->payload);
    if (code != QIAO_CODE_OK) {
        fail(link, code, out, event, "authentication refused: %s", qiao_code_text(code));
        return;
    }
    link->frame_size_max = QIAO_FRAME_SIZE_MAX;
    link->paced = (link->options.features & LINK_FEATURE_PARTS) && link->options.role != LINK_ROLE_MEMBER_ONLY && link->peer.role != LINK_ROLE_MEMBER_ONLY;
    link->parts = link->paced && (link->peer.features & LINK_FEATURE_PARTS);
    pace_init(&link->pace, link->options.pace_limit, now_ms);
    enter(link, LINK_STATE_UP, now_ms);
    event->type = LINK_UP;
}

static bool lane_is_free(const struct link *link, unsigned lane, bool sending)
{
    bool to_member = sending ? link->peer.role == LINK_ROLE_MEMBER_ONLY : link->options.role == LINK_ROLE_MEMBER_ONLY;
    return to_member && lane != LINK_LANE_RECEIPTS;
}

static void take_batch(struct link *link, struct qiao_bytes payload, struct buf *out, struct link_event *event)
{
    struct batch_view *batch = &event->batch;
    if (!batch_open(payload, batch) || batch->lane >= LINK_LANES ||
        (batch->lane == LINK_LANE_RECEIPTS && link->options.role != LINK_ROLE_MEMBER_ONLY)) {
        fail(link, QIAO_CODE_FRAME_BODY, out, event, "batch cannot be decoded");
        return;
    }
    event->type = LINK_BATCH;
    if (lane_is_free(link, batch->lane, false)) return;
    struct link_rx *rx = &link->rx[batch->lane];
    if (batch->first_sequence > rx->next) {
        fail(link, QIAO_CODE_LINK_SEQUENCE, out, event, "lane %u: expected %llu, got %llu", batch->lane, (unsigned long long)rx->next,
             (unsigned long long)batch->first_sequence);
        return;
    }
    uint64_t behind = rx->next - batch->first_sequence;
    event->skip = behind < batch->count ? (uint32_t)behind : batch->count;
    rx->next += batch->count - event->skip;
}

static void receive_batch(struct link *link, uint64_t now_ms, const struct frame *frame, struct buf *out, struct link_event *event)
{
    (void)now_ms;
    take_batch(link, frame->payload, out, event);
}

static void receive_part(struct link *link, uint64_t now_ms, const struct frame *frame, struct buf *out, struct link_event *event)
{
    (void)now_ms;
    struct qiao_bytes whole;
    unsigned code = link->paced ? parts_receive(link, frame->payload, &whole) : QIAO_CODE_FRAME_TYPE;
    if (code != QIAO_CODE_OK) fail(link, code, out, event, "part of a batch refused: %s", qiao_code_text(code));
    else if (whole.size > 0) take_batch(link, whole, out, event);
}

void link_take_credit(struct link_tx *tx, uint64_t messages, uint64_t bytes)
{
    tx->credit_messages = messages < QIAO_CREDIT_MESSAGES_MAX ? messages : QIAO_CREDIT_MESSAGES_MAX;
    tx->credit_bytes = bytes < QIAO_CREDIT_BYTES_MAX ? bytes : QIAO_CREDIT_BYTES_MAX;
}

static void release_flights(struct link_tx *tx, uint64_t acked)
{
    while (tx->flights_count > 0) {
        struct link_flight *first = &tx->flights[tx->flights_first];
        if (first->last_sequence > acked) break;
        tx->flying_bytes -= first->bytes;
        tx->flights_first = (tx->flights_first + 1) % tx->flights_capacity;
        tx->flights_count--;
    }
}

/* What is acknowledged need not be sent to its end; and when everything is, nothing is under way. */
static void settle_pace(struct link *link)
{
    bool flying = false;
    for (unsigned lane = 0; lane < LINK_LANES; lane++) {
        struct link_tx *tx = &link->tx[lane];
        if (tx->rest.payload.size > 0 && tx->rest.first_sequence + tx->rest.count - 1 <= tx->acked) buf_clear(&tx->rest.payload, 0);
        flying |= tx->flights_count > 0;
    }
    if (!flying) pace_all_arrived(&link->pace);
}

/* LaneAck { lane = 1, sequence = 2, credit_messages = 3, credit_bytes = 4, suite = 5, chain = 6, signature = 7, key_id = 8, at_ms = 9,
 * audit_size = 10, audit_root = 11 } */
enum { LANE_ACK_FIELDS = 12 };
static const uint8_t lane_ack_types[LANE_ACK_FIELDS] = { 0xff, PB_VARINT, PB_VARINT, PB_VARINT, PB_VARINT, PB_VARINT, PB_BYTES, PB_BYTES, PB_BYTES, PB_FIXED64, PB_VARINT, PB_BYTES };

static bool take_lane_ack(struct link *link, struct qiao_bytes bytes, struct link_custody custody[LINK_LANES])
{
    uint64_t values[LANE_ACK_FIELDS] = { 0 };
    struct qiao_bytes texts[LANE_ACK_FIELDS] = { { 0 } };
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.number >= LANE_ACK_FIELDS) continue;
        if (f.type != (enum pb_type)lane_ack_types[f.number]) return false;
        values[f.number] = f.value;
        texts[f.number] = f.bytes;
    }
    if (r.failed || values[1] >= LINK_LANES) return false;
    bool sized = texts[6].size == SEAL_DIGEST_SIZE && texts[8].size == SEAL_KEY_ID_SIZE && texts[11].size == SEAL_DIGEST_SIZE && texts[7].size <= SEAL_SIGNATURE_SIZE_MAX;
    if (texts[7].size > 0 && !sized) return false;
    custody[values[1]] = (struct link_custody){ .present = texts[7].size > 0, .suite = values[5] < SEAL_SUITES ? (unsigned)values[5] : SEAL_SUITES, .sequence = values[2],
                                                .chain = texts[6], .signature = texts[7], .key_id = texts[8], .audit_root = texts[11], .at_ms = values[9], .audit_size = values[10] };
    struct link_tx *tx = &link->tx[values[1]];
    link_take_credit(tx, values[3], values[4]);
    if (lane_is_free(link, (unsigned)values[1], true)) return true;
    /* Beyond what this session sent: taken from an earlier connection and stored meanwhile. It is said again when it comes again. */
    if (values[2] >= tx->next) values[2] = tx->next - 1;
    if (values[2] > tx->acked) tx->acked = values[2];
    release_flights(tx, tx->acked);
    return true;
}

static void receive_ack(struct link *link, uint64_t now_ms, const struct frame *frame, struct buf *out, struct link_event *event)
{
    (void)now_ms;
    struct pb_reader r = pb_reader(frame->payload);
    struct pb_field f;
    link->busy_code = 0;
    event->type = LINK_ACKED;
    while (pb_next(&r, &f)) {
        if (f.number == 1 && (f.type != PB_BYTES || !take_lane_ack(link, f.bytes, event->custody))) r.failed = true;
        if (f.number == 2 && f.type == PB_VARINT) link->busy_code = (uint32_t)f.value;
        if (r.failed) break;
    }
    if (r.failed) fail(link, QIAO_CODE_FRAME_BODY, out, event, "acknowledgement is not valid");
    else settle_pace(link);
}

static void receive_ping(struct link *link, uint64_t now_ms, const struct frame *frame, struct buf *out, struct link_event *event)
{
    (void)event;
    if (frame->payload.size <= 16) link_send_frame(link, FRAME_PONG, frame->payload, now_ms, out);
}

/* Ping { token = 1 }: what the pace's marks are numbered with begins behind the heartbeat's token. */
enum { TOKEN_HEARTBEAT = 1, TOKEN_MARKS = 2 };

static void receive_pong(struct link *link, uint64_t now_ms, const struct frame *frame, struct buf *out, struct link_event *event)
{
    (void)out;
    struct pb_reader r = pb_reader(frame->payload);
    struct pb_field f;
    event->type = LINK_PONG;
    while (pb_next(&r, &f))
        if (f.number == 1 && f.type == PB_VARINT && f.value >= TOKEN_MARKS) pace_answered(&link->pace, f.value - TOKEN_MARKS, now_ms);
}

static void receive_close(struct link *link, uint64_t now_ms, const struct frame *frame, struct buf *out, struct link_event *event)
{
    (void)now_ms;
    (void)out;
    struct pb_reader r = pb_reader(frame->payload);
    struct pb_field f;
    link->state = LINK_STATE_CLOSED;
    event->type = LINK_CLOSED;
    while (pb_next(&r, &f)) {
        if (f.number == 1 && f.type == PB_VARINT) event->code = (unsigned)f.value;
        if (f.number == 2 && f.type == PB_BYTES && utf8_valid(f.bytes))
            snprintf(event->reason, sizeof event->reason, "%.*s", (int)(f.bytes.size > 120 ? 120 : f.bytes.size), (const char *)f.bytes.data);
    }
}

#define PASS_ON(name, event_type)                                                                                          \
    static void name(struct link *link, uint64_t now_ms, const struct frame *frame, struct buf *out, struct link_event *event) \
    {                                                                                                                      \
        (void)link;                                                                                                        \
        (void)now_ms;                                                                                                      \
        (void)out;                                                                                                         \
        event->type = event_type;                                                                                          \
        event->payload = frame->payload;                                                                                   \
    }
PASS_ON(receive_verdicts, LINK_VERDICTS)
PASS_ON(receive_admin_request, LINK_ADMIN_REQUEST)
PASS_ON(receive_admin_reply, LINK_ADMIN_REPLY)
PASS_ON(receive_keys_wanted, LINK_KEYS_WANTED)
PASS_ON(receive_keys, LINK_KEYS)
PASS_ON(receive_routes, LINK_ROUTES)
PASS_ON(receive_attachment, LINK_ATTACHMENT)

#define IN(state) (1u << LINK_STATE_##state)

static const struct {
    unsigned allowed; /* states in which the frame may come */
    void (*handle)(struct link *, uint64_t, const struct frame *, struct buf *, struct link_event *);
} frames[FRAME_TYPE_COUNT] = {
    [FRAME_HELLO] = { IN(WAIT_HELLO), receive_hello },
    [FRAME_AUTH] = { IN(WAIT_AUTH), receive_auth },
    [FRAME_BATCH] = { IN(UP), receive_batch },
    [FRAME_ACK] = { IN(UP), receive_ack },
    [FRAME_VERDICTS] = { IN(UP), receive_verdicts },
    [FRAME_PING] = { IN(UP), receive_ping },
    [FRAME_PONG] = { IN(UP), receive_pong },
    [FRAME_CLOSE] = { IN(WAIT_HELLO) | IN(WAIT_ACCEPT) | IN(WAIT_AUTH) | IN(UP), receive_close },
    [FRAME_ADMIN_REQUEST] = { IN(UP), receive_admin_request },
    [FRAME_ADMIN_REPLY] = { IN(UP), receive_admin_reply },
    [FRAME_KEYS_WANTED] = { IN(UP), receive_keys_wanted },
    [FRAME_KEYS] = { IN(UP), receive_keys },
    [FRAME_PART] = { IN(UP), receive_part },
    [FRAME_ROUTES] = { IN(UP), receive_routes },
    [FRAME_ATTACHMENT] = { IN(UP), receive_attachment },
};

void link_receive(struct link *link, uint64_t now_ms, const struct frame *frame, struct buf *out, struct link_event *ret_event)
{
    *ret_event = (struct link_event){ .type = LINK_NOTHING };
    if (link->state == LINK_STATE_CLOSED) return;
    link->received_at_ms = now_ms;
    if (!(frames[frame->type].allowed & 1u << link->state)) {
        fail(link, QIAO_CODE_FRAME_TYPE, out, ret_event, "frame type %d not expected now", (int)frame->type);
        return;
    }
    frames[frame->type].handle(link, now_ms, frame, out, ret_event);
}

void link_progress(struct link *link, uint64_t now_ms)
{
    link->received_at_ms = now_ms;
}

/* ---- frames to the peer ---- */

bool link_can_send(const struct link *link, unsigned lane)
{
    const struct link_tx *tx = &link->tx[lane];
    if (link->state != LINK_STATE_UP || link->options.mute) return false;
    if (lane_is_free(link, lane, true)) return tx->credit_messages > 0;
    if (link->paced && (tx->rest.payload.size > 0 || pace_room(&link->pace) == 0)) return false;
    return tx->next - 1 - tx->acked < tx->credit_messages && tx->flying_bytes < tx->credit_bytes && tx->flights_count < FLIGHTS_MAX;
}

static void remember_flight(struct link_tx *tx, uint64_t last_sequence, uint64_t bytes)
{
    if (tx->flights_count == tx->flights_capacity) {
        uint32_t capacity = tx->flights_capacity ? tx->flights_capacity * 2 : 8;
        struct link_flight *flights = base_alloc(capacity * sizeof *flights);
        for (uint32_t i = 0; i < tx->flights_count; i++) flights[i] = tx->flights[(tx->flights_first + i) % tx->flights_capacity];
        free(tx->flights);
        tx->flights = flights;
        tx->flights_first = 0;
        tx->flights_capacity = capacity;
    }
    tx->flights[(tx->flights_first + tx->flights_count++) % tx->flights_capacity] = (struct link_flight){ last_sequence, bytes };
    tx->flying_bytes += bytes;
}

static void begin_batch(struct link *link, unsigned lane, uint64_t first_sequence, uint32_t count, size_t size)
{
    struct link_tx *tx = &link->tx[lane];
    assert(link->state == LINK_STATE_UP && count > 0);
    if (lane_is_free(link, lane, true)) return;
    assert(first_sequence == tx->next);
    tx->next += count;
    remember_flight(tx, tx->next - 1, size);
}

static void count_sent(struct link *link, size_t size, uint64_t now_ms, struct buf *out)
{
    buf_auto token = { 0 };
    link->sent_at_ms = now_ms;
    link->sent_bytes += size;
    pace_sent(&link->pace, size);
    if (!link->paced || !pace_wants_mark(&link->pace)) return;
    pb_put_varint(&token, 1, TOKEN_MARKS + pace_mark(&link->pace, now_ms));
    link_send_frame(link, FRAME_PING, buf_bytes(&token), now_ms, out);
}

static void put_whole(struct link *link, unsigned lane, uint64_t first_sequence, uint32_t count, struct qiao_bytes entries, uint64_t now_ms, struct buf *out)
{
    size_t mark = frame_begin(out, FRAME_BATCH), before = out->size - FRAME_HEAD_SIZE;
    batch_put_fields(out, lane, first_sequence, count);
    buf_append(out, entries.data, entries.size);
    frame_end(out, mark);
    count_sent(link, out->size - before, now_ms, out);
}

void link_send_whole(struct link *link, unsigned lane, uint64_t first_sequence, uint32_t count, struct qiao_bytes entries, uint64_t now_ms, struct buf *out)
{
    begin_batch(link, lane, first_sequence, count, entries.size);
    put_whole(link, lane, first_sequence, count, entries, now_ms, out);
}

void link_send_batch(struct link *link, unsigned lane, uint64_t first_sequence, uint32_t count, struct qiao_bytes entries, uint64_t now_ms, struct buf *out)
{
    struct link_tx *tx = &link->tx[lane];
    struct link_rest *rest = &tx->rest;
    begin_batch(link, lane, first_sequence, count, entries.size);
    if (!link->parts || (tx->held.size == 0 && entries.size <= pace_quantum(&link->pace))) {
        link->resent_bytes += tx->before < entries.size ? tx->before : entries.size;
        tx->before = 0;
        put_whole(link, lane, first_sequence, count, entries, now_ms, out);
        return;
    }
    assert(rest->payload.size == 0);
    rest->before = tx->before;
    tx->before = 0;
    batch_put_fields(&rest->payload, lane, first_sequence, count);
    buf_append(&rest->payload, entries.data, entries.size);
    rest->first_sequence = first_sequence;
    rest->count = count;
    rest->sent = parts_held(link, lane, first_sequence, count, buf_bytes(&rest->payload));
    tx->held.size = 0;
    link_continue(link, lane, now_ms, out);
}

void link_continue(struct link *link, unsigned lane, uint64_t now_ms, struct buf *out)
{
    const struct link_rest *rest = &link->tx[lane].rest;
    while (link->state == LINK_STATE_UP && rest->payload.size > 0 && pace_room(&link->pace) > 0) {
        size_t before = rest->sent, size = parts_send(link, lane, pace_quantum(&link->pace), out);
        if (before < rest->before) link->resent_bytes += (rest->sent < rest->before ? rest->sent : rest->before) - before;
        count_sent(link, size, now_ms, out);
    }
}

void link_sent_before(struct link *link, unsigned lane, size_t bytes)
{
    link->tx[lane].before = bytes;
}

uint32_t link_held_count(const struct link *link, unsigned lane, uint64_t first_sequence)
{
    const struct link_held *held = &link->tx[lane].held;
    return held->size > 0 && held->first_sequence == first_sequence ? held->count : 0;
}

static void put_lane_ack(const struct link *link, unsigned lane, uint64_t sequence, struct buf *lane_ack)
{
    lane_ack->size = 0;
    pb_put_varint(lane_ack, 1, lane);
    pb_put_varint(lane_ack, 2, sequence);
    pb_put_varint(lane_ack, 3, link->options.credit_messages);
    pb_put_varint(lane_ack, 4, link->options.credit_bytes);
}

void link_send_custody(struct link *link, const struct link_custody custody[LINK_LANES], unsigned busy_code, uint64_t now_ms, struct buf *out)
{
    buf_auto lane_ack = { 0 };
    size_t mark = frame_begin(out, FRAME_ACK);
    for (unsigned lane = 0; lane < LINK_LANES; lane++) {
        const struct link_custody *c = &custody[lane];
        if (!c->present) continue;
        put_lane_ack(link, lane, c->sequence, &lane_ack);
        pb_put_varint(&lane_ack, 5, c->suite);
        pb_put_bytes(&lane_ack, 6, c->chain);
        pb_put_bytes(&lane_ack, 7, c->signature);
        pb_put_bytes(&lane_ack, 8, c->key_id);
        pb_put_fixed64(&lane_ack, 9, c->at_ms);
        pb_put_varint(&lane_ack, 10, c->audit_size);
        pb_put_bytes(&lane_ack, 11, c->audit_root);
        pb_put_bytes_head(out, 1, lane_ack.size);
        buf_append(out, lane_ack.data, lane_ack.size);
    }
    pb_put_varint(out, 2, busy_code);
    frame_end(out, mark);
    link->sent_at_ms = now_ms;
}

void link_send_ack(struct link *link, const uint64_t sequence[LINK_LANES], bool all_lanes, unsigned busy_code, uint64_t now_ms, struct buf *out)
{
    buf_auto lane_ack = { 0 };
    size_t mark = frame_begin(out, FRAME_ACK);
    for (unsigned lane = 0; lane < LINK_LANES; lane++) {
        if (sequence[lane] == 0 && !all_lanes) continue;
        put_lane_ack(link, lane, sequence[lane], &lane_ack);
        pb_put_bytes_head(out, 1, lane_ack.size);
        buf_append(out, lane_ack.data, lane_ack.size);
    }
    pb_put_varint(out, 2, busy_code);
    frame_end(out, mark);
    link->sent_at_ms = now_ms;
}

void link_send_frame(struct link *link, enum frame_type type, struct qiao_bytes payload, uint64_t now_ms, struct buf *out)
{
    size_t mark = frame_begin(out, type);
    buf_append(out, payload.data, payload.size);
    frame_end(out, mark);
    link->sent_at_ms = now_ms;
}

/* ---- time ---- */

void link_tick(struct link *link, uint64_t now_ms, struct buf *out, struct link_event *ret_event)
{
    *ret_event = (struct link_event){ .type = LINK_NOTHING };
    if (link->state == LINK_STATE_CLOSED) return;
    if (link->state != LINK_STATE_UP) {
        if (now_ms >= link->state_since_ms + link->options.handshake_ms) fail(link, QIAO_CODE_LINK_TIMEOUT, out, ret_event, "handshake took too long");
        return;
    }
    if (now_ms >= link->received_at_ms + link->options.silence_ms) {
        fail(link, QIAO_CODE_LINK_TIMEOUT, out, ret_event, "nothing heard for %llu ms", (unsigned long long)(now_ms - link->received_at_ms));
        return;
    }
    uint64_t quiet_since = link->sent_at_ms > link->received_at_ms ? link->received_at_ms : link->sent_at_ms;
    if (now_ms >= quiet_since + link->options.heartbeat_ms && now_ms >= link->sent_at_ms + link->options.heartbeat_ms)
        link_send_frame(link, FRAME_PING, qiao_bytes((const uint8_t[]){ 0x08, TOKEN_HEARTBEAT }, 2), now_ms, out);
}

uint64_t link_deadline_ms(const struct link *link)
{
    if (link->state == LINK_STATE_CLOSED) return LINK_NEVER;
    if (link->state != LINK_STATE_UP) return link->state_since_ms + link->options.handshake_ms;
    uint64_t ping = link->sent_at_ms + link->options.heartbeat_ms;
    uint64_t silence = link->received_at_ms + link->options.silence_ms;
    return ping < silence ? ping : silence;
}
