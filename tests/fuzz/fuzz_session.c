/* A member's session and a node that says anything. What the member submitted is told as acknowledged at most once, in order,
 * and is kept until then; what the handlers see are whole messages. */
#include "mail.h"

#include "sdk/session.h"

enum { OPERATIONS_MAX = 300, SUBMITTED_MAX = 512 };

struct world {
    struct session session;
    struct link node;
    struct buf node_out;
    bool node_up;
    uint64_t now_ms;
    uint64_t node_taken[QIAO_LANES];
    struct qiao_id submitted[QIAO_LANES][SUBMITTED_MAX];
    size_t submitted_count[QIAO_LANES], acknowledged[QIAO_LANES];
    unsigned submissions;    /* each has an id of its own */
    uint64_t tokens[16];
    unsigned tokens_count;
    struct choices *choices;
};

/* ---- the member's handlers ---- */

static void on_submitted(void *context, const struct qiao_id *id)
{
    struct world *w = context;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        if (w->acknowledged[lane] == w->submitted_count[lane] || !qiao_id_equal(id, &w->submitted[lane][w->acknowledged[lane]])) continue;
        w->acknowledged[lane]++;
        return;
    }
    bool expected = false; /* else acknowledged out of order, twice, or never submitted */
    FUZZ_CHECK(expected);
}

static void on_receipt(void *context, const struct qiao_receipt *receipt)
{
    (void)context;
    FUZZ_CHECK(receipt->reason && receipt->recipient.area && receipt->recipient.org && strlen(receipt->reason) < QIAO_BODY_SIZE_MAX);
}

static void check_text(const char *text, size_t size_max)
{
    FUZZ_CHECK(text && strlen(text) <= size_max);
}

static enum qiao_verdict on_delivery(void *context, const struct qiao_delivery *delivery)
{
    struct world *w = context;
    const struct qiao_message *m = &delivery->message;
    check_text(m->source.area, QIAO_AREA_SIZE_MAX);
    check_text(m->destination.org, QIAO_ORG_SIZE_MAX);
    check_text(m->case_id, QIAO_CASE_ID_SIZE_MAX);
    check_text(m->matter, QIAO_MATTER_SIZE_MAX);
    FUZZ_CHECK((unsigned)m->lane < QIAO_LANES && (unsigned)m->privacy < 4 && delivery->attempt >= 1);
    w->tokens[w->tokens_count++ % 16] = delivery->token;
    return (enum qiao_verdict)choose_below(w->choices, 4);
}

static void on_link(void *context, bool up, unsigned code, const char *reason)
{
    struct world *w = context;
    (void)code;
    FUZZ_CHECK(!up || session_is_up(&w->session));
    FUZZ_CHECK(reason && strlen(reason) < 128);
}

/* ---- the wire ---- */

static void to_session(void *context, const struct frame *frame)
{
    struct world *w = context;
    session_receive(&w->session, w->now_ms, frame);
}

static void node_accept(struct world *w)
{
    struct link_resume resume[LINK_LANES];
    for (unsigned lane = 0; lane < LINK_LANES; lane++) resume[lane] = (struct link_resume){ .received = lane < QIAO_LANES ? w->node_taken[lane] : 0, .next = 1 };
    if (choose_below(w->choices, 4) == 3) resume[choose_below(w->choices, LINK_LANES)].received = choose_number(w->choices, 1);
    if (choose_below(w->choices, 16) == 15) resume[choose_below(w->choices, LINK_LANES)].received = choose_number(w->choices, 8);
    link_accept(&w->node, resume, w->now_ms, &w->node_out);
}

static void to_node(void *context, const struct frame *frame)
{
    struct world *w = context;
    struct link_event event;
    if (!w->node_up) return;
    link_receive(&w->node, w->now_ms, frame, &w->node_out, &event);
    if (event.type == LINK_PEER_HELLO) node_accept(w);
    if (event.type == LINK_BATCH && event.batch.lane < QIAO_LANES) w->node_taken[event.batch.lane] = event.batch.first_sequence + event.batch.count - 1;
    /* A member that keeps to the rules is never told off. */
    FUZZ_CHECK(event.type != LINK_CLOSED || event.code == QIAO_CODE_OK || event.code == QIAO_CODE_LINK_TIMEOUT || w->session.goodbye);
}

/* ---- what can happen ---- */

static void connect_or_cut(struct world *w)
{
    uint8_t nonce[32] = { 1 };
    struct link_options options = {
        .role = LINK_ROLE_PEER_NODE, .node = "district", .area = "990101", .incarnation = 1, .nonce = { 2 }, .seal = &seal_null,
        .credit_messages = choose(w->choices), .credit_bytes = 4096, .heartbeat_ms = 1000, .silence_ms = 60000, .handshake_ms = 60000,
    };
    if (w->session.connected) session_disconnected(&w->session);
    if (w->node_up) link_deinit(&w->node);
    w->node_out.size = 0;
    link_init(&w->node, &options, w->now_ms);
    w->node_up = true;
    session_connected(&w->session, nonce, w->now_ms);
}

static void exchange(struct world *w)
{
    mail_frames(&w->session.out, QIAO_FRAME_SIZE_MAX, to_node, w);
    mail_frames(&w->node_out, QIAO_FRAME_SIZE_MAX, to_session, w);
}

static void cut(struct world *w)
{
    if (w->session.connected) session_disconnected(&w->session);
}

static void node_delivers(struct world *w)
{
    buf_auto entries = { 0 };
    buf_auto raw = { 0 };
    struct choices *c = w->choices;
    unsigned lane = choose_below(c, LINK_LANES), count = 1 + choose_below(c, 4);
    if (!w->node_up || w->node.state != LINK_STATE_UP) return;
    for (unsigned i = 0; i < count; i++) {
        raw.size = 0;
        if (lane == LINK_LANE_RECEIPTS) mail_receipt(c, &seal_null, &raw);
        else mail_envelope(c, choose(c), 200, -1, &seal_null, &raw);
        if (choose_below(c, 8) == 7) raw.data[choose(c) % raw.size] ^= choose(c);
        mail_entry(&entries, buf_bytes(&raw));
    }
    uint64_t first = lane == LINK_LANE_RECEIPTS ? w->node.tx[lane].next : choose_below(c, 8) == 7 ? 1 + choose_number(c, 7) : 1u + choose(c);
    link_send_batch(&w->node, lane, first, count, buf_bytes(&entries), w->now_ms, &w->node_out);
}

static void node_acknowledges(struct world *w)
{
    uint64_t sequence[LINK_LANES] = { 0 };
    if (!w->node_up || w->node.state != LINK_STATE_UP) return;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) sequence[lane] = choose_below(w->choices, 8) == 7 ? choose_number(w->choices, 2) : w->node_taken[lane];
    link_send_ack(&w->node, sequence, true, choose_below(w->choices, 2), w->now_ms, &w->node_out);
}

static void node_raves(struct world *w)
{
    struct frame frame = { (enum frame_type)(1 + choose_below(w->choices, FRAME_TYPE_COUNT - 1)), choose_sized(w->choices) };
    session_receive(&w->session, w->now_ms, &frame);
}

static void submit(struct world *w)
{
    struct choices *c = w->choices;
    const struct mail_place *to = &mail_places[choose_below(c, MAIL_PLACES)];
    struct qiao_message message = { .kind = 200, .destination = { to->area, to->org, NULL, NULL }, .lane = (enum qiao_lane)choose_below(c, 4), .body = choose_bytes(c, choose_below(c, 64)) };
    unsigned lane = (unsigned)message.lane;
    message.id = mail_id((uint8_t)w->submissions);
    message.id.bytes[QIAO_ID_SIZE - 2] = (uint8_t)(w->submissions++ >> 8);
    if (lane < QIAO_LANES && w->submitted_count[lane] == SUBMITTED_MAX) return;
    struct qiao_id id;
    int result = session_submit(&w->session, &message, 1700000000000u, &id);
    FUZZ_CHECK(result == QIAO_CLIENT_OK || result == QIAO_CLIENT_BUSY || result == QIAO_CLIENT_INVALID);
    if (result != QIAO_CLIENT_OK) return;
    FUZZ_CHECK(lane < QIAO_LANES);
    w->submitted[lane][w->submitted_count[lane]++] = id;
}

static void flush(struct world *w) { session_flush(&w->session, w->now_ms); }

static void late_verdict(struct world *w)
{
    struct choices *c = w->choices;
    uint64_t token = choose_below(c, 4) ? w->tokens[choose_below(c, 16)] : choose_number(c, 8);
    session_verdict(&w->session, token, (enum qiao_verdict)choose_below(c, 4), choose(c), "a reason", choose_number(c, 2));
}

static void pass_time(struct world *w)
{
    struct link_event event;
    w->now_ms += choose_number(w->choices, 2);
    session_tick(&w->session, w->now_ms);
    if (w->node_up) link_tick(&w->node, w->now_ms, &w->node_out, &event);
}

static void check_books(const struct world *w)
{
    size_t open = 0;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) open += w->submitted_count[lane] - w->acknowledged[lane];
    FUZZ_CHECK(open == w->session.unacknowledged && (open > 0 || w->session.unacknowledged_bytes == 0));
    FUZZ_CHECK(open <= w->session.options.window_messages && memchr(w->session.reason, 0, sizeof w->session.reason));
}

static void operate(struct world *w)
{
    static void (*const operations[])(struct world *) = { exchange, connect_or_cut, cut, node_delivers, node_acknowledges, node_raves, submit, flush, late_verdict, pass_time };
    operations[choose_below(w->choices, sizeof operations / sizeof operations[0])](w);
    check_books(w);
    if (w->session.out.size > 1u << 22) w->session.out.size = 0;
    if (w->node_out.size > 1u << 22) w->node_out.size = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct qiao_client_handler handler = { .link = on_link, .submitted = on_submitted, .receipt = on_receipt, .deliver = on_delivery };
    static struct world w; /* large, and zero again each time */
    struct choices c = choices(data, size);
    struct session_options options = {
        .area = choose_below(&c, 2) ? "990101" : NULL, .member = "desk", .seal = &seal_null, .incarnation = 1, .window_messages = 1 + choose_below(&c, 64),
        .window_bytes = 4096, .delivery_messages = 64, .heartbeat_ms = 1000, .silence_ms = 60000, .handshake_ms = 60000,
    };
    memset(&w, 0, sizeof w);
    w.choices = &c;
    w.now_ms = 1000;
    session_init(&w.session, &options, &handler, &w, NULL);
    connect_or_cut(&w);
    for (unsigned i = 0; i < OPERATIONS_MAX && c.left > 0; i++) operate(&w);
    session_deinit(&w.session);
    if (w.node_up) link_deinit(&w.node);
    buf_deinit(&w.node_out);
    return 0;
}
