/* Two links and a wire between them that does what the input says: delivers, breaks, injects, waits, accepts, sends, acknowledges.
 * Whatever the peer says, a side keeps its books: nothing sent beyond credit, sequences that only go forward, CLOSED for ever. */
#include "fuzz.h"

#include "link/link.h"

enum { OPERATIONS_MAX = 400, OUT_SIZE_MAX = 1 << 22 };

struct side {
    struct link link;
    struct buf out;        /* bytes to the other side */
    uint64_t acked[LINK_LANES], next[LINK_LANES], expected[LINK_LANES];
    bool was_up;
};

struct world {
    struct side sides[2];
    uint64_t now_ms;
};

/* ---- the books of a side ---- */

static bool lane_is_ordered(const struct link *link, unsigned lane, bool sending)
{
    bool to_member = sending ? link->peer.role == LINK_ROLE_MEMBER_ONLY : link->options.role == LINK_ROLE_MEMBER_ONLY;
    return !to_member || lane == LINK_LANE_RECEIPTS;
}

static void check_lane(struct side *side, unsigned lane)
{
    const struct link *link = &side->link;
    const struct link_tx *tx = &link->tx[lane];
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < tx->flights_count; i++) {
        const struct link_flight *flight = &tx->flights[(tx->flights_first + i) % tx->flights_capacity];
        FUZZ_CHECK(flight->last_sequence > tx->acked && flight->last_sequence < tx->next);
        bytes += flight->bytes;
    }
    FUZZ_CHECK(bytes == tx->flying_bytes && tx->flights_count <= 1024);
    if (link->state == LINK_STATE_UP && lane_is_ordered(link, lane, true)) FUZZ_CHECK(tx->acked < tx->next || tx->next == 0);
    FUZZ_CHECK(tx->rest.payload.size == 0 || tx->rest.sent < tx->rest.payload.size);
    FUZZ_CHECK(link->rx[lane].part.size == 0 || link->rx[lane].part.bytes.size < link->rx[lane].part.size);
    if (!side->was_up) return;
    FUZZ_CHECK(tx->acked >= side->acked[lane] && tx->next >= side->next[lane] && link->rx[lane].next >= side->expected[lane]);
}

static void check_side(struct side *side)
{
    const struct link *link = &side->link;
    FUZZ_CHECK(link->state <= LINK_STATE_CLOSED && side->out.size < OUT_SIZE_MAX * 2);
    FUZZ_CHECK(link->frame_size_max == (side->was_up ? QIAO_FRAME_SIZE_MAX : QIAO_FRAME_SIZE_MAX_BEFORE_UP));
    FUZZ_CHECK(link->state != LINK_STATE_UP || link->version == 1);
    FUZZ_CHECK(link->state == LINK_STATE_CLOSED ? link_deadline_ms(link) == LINK_NEVER : link_deadline_ms(link) != LINK_NEVER);
    for (unsigned lane = 0; lane < LINK_LANES; lane++) {
        if (link_can_send(link, lane)) FUZZ_CHECK(link->state == LINK_STATE_UP);
        check_lane(side, lane);
        side->acked[lane] = link->tx[lane].acked;
        side->next[lane] = link->tx[lane].next;
        side->expected[lane] = link->rx[lane].next;
    }
    FUZZ_CHECK(link->state != LINK_STATE_UP || side->was_up);
}

static void check_batch(const struct side *side, const struct link_event *event)
{
    const struct batch_view *batch = &event->batch;
    FUZZ_CHECK(batch->lane < LINK_LANES && batch->count > 0 && event->skip <= batch->count);
    if (!lane_is_ordered(&side->link, batch->lane, false)) FUZZ_CHECK(event->skip == 0);
    else FUZZ_CHECK(side->link.rx[batch->lane].next >= batch->first_sequence + batch->count);
}

/* ---- what can happen ---- */

static void receive(struct world *w, unsigned to, const struct frame *frame)
{
    struct side *side = &w->sides[to];
    struct link_event event;
    enum link_state before = side->link.state;
    size_t size = side->out.size;
    link_receive(&side->link, w->now_ms, frame, &side->out, &event);
    if (before == LINK_STATE_CLOSED) FUZZ_CHECK(event.type == LINK_NOTHING && side->out.size == size);
    if (event.type == LINK_CLOSED) FUZZ_CHECK(side->link.state == LINK_STATE_CLOSED && memchr(event.reason, 0, sizeof event.reason));
    if (event.type == LINK_PEER_HELLO) FUZZ_CHECK(before == LINK_STATE_WAIT_HELLO && side->link.state == LINK_STATE_WAIT_ACCEPT);
    if (event.type == LINK_UP) FUZZ_CHECK(before == LINK_STATE_WAIT_AUTH && side->link.state == LINK_STATE_UP);
    side->was_up |= event.type == LINK_UP;
    if (event.type == LINK_BATCH) check_batch(side, &event);
}

/* Everything the other side has said so far; from `damage` on the first byte may be another. */
static void deliver(struct world *w, struct choices *c, unsigned to, bool damage)
{
    struct buf *from = &w->sides[!to].out;
    struct qiao_bytes bytes = buf_bytes(from);
    struct frame frame;
    size_t size;
    unsigned code;
    if (damage && from->size > 0) from->data[choose_number(c, 2) % from->size] ^= choose(c);
    while (frame_parse(bytes, w->sides[to].link.frame_size_max, &frame, &size, &code) == FRAME_READY) {
        receive(w, to, &frame);
        bytes = qiao_bytes(bytes.data + size, bytes.size - size);
    }
    from->size = 0;
}

static void inject(struct world *w, struct choices *c, unsigned to)
{
    struct frame frame = { (enum frame_type)(1 + choose_below(c, FRAME_TYPE_COUNT - 1)), choose_sized(c) };
    receive(w, to, &frame);
}

static void inject_batch(struct world *w, struct choices *c, unsigned to)
{
    buf_auto payload = { 0 };
    unsigned lane = choose_below(c, 5), count = 1 + choose_below(c, 6);
    uint64_t first = lane < LINK_LANES && choose_below(c, 2) ? w->sides[to].link.rx[lane].next - choose_below(c, 3) : choose_number(c, 8);
    batch_put_fields(&payload, lane, first, count);
    for (unsigned i = 0; i < count; i++) pb_put_bytes_head(&payload, 1, 0);
    receive(w, to, &(struct frame){ FRAME_BATCH, buf_bytes(&payload) });
}

static void inject_ack(struct world *w, struct choices *c, unsigned to)
{
    buf_auto payload = { 0 };
    buf_auto lane_ack = { 0 };
    unsigned lane = choose_below(c, 5);
    uint64_t known = lane < LINK_LANES ? w->sides[to].link.tx[lane].acked : 0;
    pb_put_varint(&lane_ack, 1, lane);
    pb_put_varint(&lane_ack, 2, choose_below(c, 2) ? known + choose_below(c, 4) : choose_number(c, 8));
    pb_put_varint(&lane_ack, 3, choose_number(c, 2));
    pb_put_varint(&lane_ack, 4, choose_number(c, 3));
    pb_put_bytes(&payload, 1, buf_bytes(&lane_ack));
    pb_put_varint(&payload, 2, choose_number(c, 1));
    receive(w, to, &(struct frame){ FRAME_ACK, buf_bytes(&payload) });
}

static void accept_peer(struct world *w, struct choices *c, unsigned who)
{
    struct side *side = &w->sides[who];
    struct link_resume resume[LINK_LANES];
    if (side->link.state != LINK_STATE_WAIT_ACCEPT) return;
    for (unsigned lane = 0; lane < LINK_LANES; lane++) resume[lane] = (struct link_resume){ .received = choose(c), .next = 1 + choose_number(c, 1) };
    link_accept(&side->link, resume, w->now_ms, &side->out);
}

static void send_batch(struct world *w, struct choices *c, unsigned who)
{
    struct side *side = &w->sides[who];
    unsigned lane = choose_below(c, LINK_LANES), count = 1 + choose_below(c, 6);
    buf_auto entries = { 0 };
    if (!link_can_send(&side->link, lane)) return;
    for (unsigned i = 0; i < count; i++) {
        struct qiao_bytes raw = choose_bytes(c, choose_below(c, 16));
        pb_put_bytes_head(&entries, 1, raw.size);
        buf_append(&entries, raw.data, raw.size);
    }
    uint64_t first = lane_is_ordered(&side->link, lane, true) ? side->link.tx[lane].next : 1 + choose_number(c, 2);
    link_send_batch(&side->link, lane, first, count, buf_bytes(&entries), w->now_ms, &side->out);
}

/* Large enough to go in parts. */
static void send_large(struct world *w, struct choices *c, unsigned who)
{
    struct side *side = &w->sides[who];
    unsigned lane = choose_below(c, QIAO_LANES);
    buf_auto entries = { 0 };
    if (!link_can_send(&side->link, lane) || !lane_is_ordered(&side->link, lane, true)) return;
    size_t size = 8000 + choose_number(c, 2);
    pb_put_bytes_head(&entries, 1, size);
    memset(buf_reserve(&entries, size), choose(c), size);
    entries.size += size;
    link_send_batch(&side->link, lane, side->link.tx[lane].next, 1, buf_bytes(&entries), w->now_ms, &side->out);
}

static void go_on(struct world *w, struct choices *c, unsigned who)
{
    struct side *side = &w->sides[who];
    link_continue(&side->link, choose_below(c, QIAO_LANES), w->now_ms, &side->out);
}

static void inject_part(struct world *w, struct choices *c, unsigned to)
{
    buf_auto payload = { 0 };
    struct qiao_bytes bytes = choose_bytes(c, choose_below(c, 32));
    pb_put_varint(&payload, 1, choose_below(c, 5));
    pb_put_varint(&payload, 2, choose_number(c, 1));
    pb_put_varint(&payload, 3, choose_below(c, 3));
    pb_put_varint(&payload, 4, choose_below(c, 2) ? bytes.size : choose_number(c, 4));
    pb_put_varint(&payload, 5, choose_below(c, 2) ? 0 : choose_number(c, 1));
    pb_put_bytes(&payload, 6, bytes);
    receive(w, to, &(struct frame){ FRAME_PART, buf_bytes(&payload) });
}

static void send_ack(struct world *w, struct choices *c, unsigned who)
{
    struct side *side = &w->sides[who];
    uint64_t sequence[LINK_LANES];
    if (side->link.state != LINK_STATE_UP) return;
    for (unsigned lane = 0; lane < LINK_LANES; lane++) sequence[lane] = choose_below(c, 2) && side->link.rx[lane].next ? side->link.rx[lane].next - 1 : 0;
    link_send_ack(&side->link, sequence, choose_below(c, 2), choose(c), w->now_ms, &side->out);
}

static void pass_time(struct world *w, struct choices *c, unsigned who)
{
    struct link_event event;
    struct side *side = &w->sides[who];
    w->now_ms += choose_number(c, 2);
    if (choose_below(c, 4) == 0) link_progress(&side->link, w->now_ms);
    link_tick(&side->link, w->now_ms, &side->out, &event);
    FUZZ_CHECK(event.type == LINK_NOTHING || (event.type == LINK_CLOSED && side->link.state == LINK_STATE_CLOSED));
    FUZZ_CHECK(link_deadline_ms(&side->link) > w->now_ms);
}

static void close_side(struct world *w, struct choices *c, unsigned who)
{
    struct side *side = &w->sides[who];
    if (choose_below(c, 8) == 0) link_close(&side->link, choose(c), "the input says so", &side->out);
}

static void operate(struct world *w, struct choices *c)
{
    static void (*const operations[])(struct world *, struct choices *, unsigned) = {
        inject, inject_batch, inject_ack, accept_peer, send_batch, send_ack, pass_time, close_side, send_large, go_on, inject_part,
    };
    unsigned operation = choose(c), who = operation >> 7;
    operation = (operation & 0x7f) % 15;
    if (operation < 11) operations[operation](w, c, who);
    else deliver(w, c, who, operation == 11);
    check_side(&w->sides[0]);
    check_side(&w->sides[1]);
    for (unsigned i = 0; i < 2; i++)
        if (w->sides[i].out.size > OUT_SIZE_MAX) w->sides[i].out.size = 0;
}

static void begin(struct world *w, struct choices *c)
{
    for (unsigned i = 0; i < 2; i++) {
        struct link_options options = {
            .dialer = i == 0, .role = (enum link_role)choose_below(c, 4), .node = i ? "district" : "street", .area = "990101", .org = choose_below(c, 2) ? "desk" : NULL,
            .incarnation = 1 + i, .wants_deliveries = true, .wants_events = true, .nonce = { (uint8_t)(i + 1) }, .seal = &seal_null,
            .credit_messages = choose(c), .credit_bytes = choose(c) * 256u, .heartbeat_ms = 1000, .silence_ms = 3000, .handshake_ms = 2000,
            .features = choose(c),
        };
        w->sides[i] = (struct side){ 0 };
        link_init(&w->sides[i].link, &options, w->now_ms);
    }
    if (choose_below(c, 16) != 15) link_start(&w->sides[0].link, w->now_ms, &w->sides[0].out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices c = choices(data, size);
    struct world w = { .now_ms = 1000 };
    begin(&w, &c);
    for (unsigned i = 0; i < OPERATIONS_MAX && c.left > 0; i++) operate(&w, &c);
    for (unsigned i = 0; i < 2; i++) {
        link_deinit(&w.sides[i].link);
        buf_deinit(&w.sides[i].out);
    }
    return 0;
}
