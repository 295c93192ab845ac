/* Peers that are broken, old, or not who they say. */
#include "pair.h"

#include "schema/link.pb-c.h"

#include <criterion/criterion.h>

static struct qiao_bytes hello_of(struct buf *buf, uint32_t version_min, uint32_t version_max, size_t nonce_size, const char *node)
{
    static uint8_t nonce[64] = { 42 };
    Qiao__V1__Hello hello = QIAO__V1__HELLO__INIT;
    hello.version_min = version_min;
    hello.version_max = version_max;
    hello.nonce = (ProtobufCBinaryData){ nonce_size, nonce };
    hello.node = (char *)node;
    hello.role = QIAO__V1__LINK_ROLE__LINK_ROLE_CHILD;
    buf->size = 0;
    buf->size = qiao__v1__hello__pack(&hello, buf_reserve(buf, qiao__v1__hello__get_packed_size(&hello)));
    return buf_bytes(buf);
}

static void expect_hello(uint32_t version_min, uint32_t version_max, size_t nonce_size, const char *node, unsigned code)
{
    buf_auto buf = { 0 };
    struct pair p;
    pair_init(&p);
    const struct link_event *event = pair_feed(&p, &p.listener, FRAME_HELLO, hello_of(&buf, version_min, version_max, nonce_size, node));
    cr_assert_eq(event->type, code ? LINK_CLOSED : LINK_PEER_HELLO, "%u-%u: %s", version_min, version_max, event->reason);
    cr_assert_eq(event->code, code);
    cr_assert_eq(p.listener.out.size > 0, code != 0, "a refused peer is told why");
    pair_deinit(&p);
}

Test(hostile, versions_that_do_not_meet_are_refused)
{
    expect_hello(1, 1, 32, "street", QIAO_CODE_OK);
    expect_hello(1, 99, 32, "street", QIAO_CODE_OK);
    expect_hello(2, 99, 32, "street", QIAO_CODE_LINK_VERSION);
    expect_hello(0, 0, 32, "street", QIAO_CODE_LINK_VERSION);
    expect_hello(5, 1, 32, "street", QIAO_CODE_LINK_VERSION);
}

Test(hostile, a_hello_with_bad_fields_is_refused)
{
    char name[QIAO_NAME_SIZE_MAX + 2];
    memset(name, 'n', sizeof name);
    name[QIAO_NAME_SIZE_MAX + 1] = '\0';
    expect_hello(1, 1, 31, "street", QIAO_CODE_FRAME_BODY);
    expect_hello(1, 1, 0, "street", QIAO_CODE_FRAME_BODY);
    expect_hello(1, 1, 33, "street", QIAO_CODE_FRAME_BODY);
    expect_hello(1, 1, 32, "\xff", QIAO_CODE_FRAME_BODY);
    expect_hello(1, 1, 32, name, QIAO_CODE_FRAME_BODY);
    name[QIAO_NAME_SIZE_MAX] = '\0';
    expect_hello(1, 1, 32, name, QIAO_CODE_OK);
}

/* Somebody plays our own hello back to us. */
Test(hostile, a_mirror_is_refused)
{
    struct pair p;
    pair_init(&p);
    link_start(&p.dialer.link, 0, &p.dialer.out);
    struct frame frame;
    size_t size;
    unsigned code;
    cr_assert_eq(frame_parse(buf_bytes(&p.dialer.out), 65536, &frame, &size, &code), FRAME_READY);
    const struct link_event *event = pair_feed(&p, &p.dialer, FRAME_HELLO, frame.payload);
    cr_assert_eq(event->type, LINK_CLOSED);
    cr_assert_eq(event->code, QIAO_CODE_LINK_IDENTITY);
    pair_deinit(&p);
}

static int cannot_sign(void *context, struct qiao_bytes message, struct seal_key_id *ret_key_id, uint8_t ret_signature[SEAL_SIGNATURE_SIZE])
{
    (void)context, (void)message, (void)ret_key_id, (void)ret_signature;
    return -1;
}

Test(hostile, a_peer_without_a_signature_ends_the_link_where_signatures_are_required)
{
    struct seal strict = seal_null;
    struct pair p;
    strict.accepted = 1u << SEAL_SUITE_INT1;
    pair_init(&p);
    p.dialer.link.options.seal = &strict;
    pair_connect(&p);
    cr_assert_eq(p.dialer.link.state, LINK_STATE_CLOSED);
    cr_assert_eq(pair_last(&p.dialer)->code, QIAO_CODE_LINK_SIGNATURE);
    cr_assert_eq(p.listener.link.state, LINK_STATE_CLOSED);
    pair_deinit(&p);
}

Test(hostile, a_key_that_cannot_sign_ends_the_link)
{
    struct seal broken = seal_null;
    struct pair p;
    broken.suite = SEAL_SUITE_INT1;
    broken.sign = cannot_sign;
    pair_init(&p);
    p.listener.link.options.seal = &broken;
    pair_connect(&p);
    cr_assert_eq(p.listener.link.state, LINK_STATE_CLOSED);
    cr_assert_eq(p.dialer.link.state, LINK_STATE_CLOSED);
    pair_deinit(&p);
}

Test(hostile, clocks_that_are_hours_apart_are_refused_by_name)
{
    struct pair p;
    pair_init(&p);
    p.dialer.link.options.wall_ms = 1700000000000u;
    p.listener.link.options.wall_ms = 1700000000000u + 3 * 3600 * 1000;
    p.listener.link.options.clock_skew_ms_max = 600000;
    pair_connect(&p);
    cr_assert_eq(pair_last(&p.listener)->code, QIAO_CODE_LINK_CLOCK);
    cr_assert(strstr(pair_last(&p.listener)->reason, "10800 s behind") != NULL);
    cr_assert_eq(p.dialer.link.state, LINK_STATE_CLOSED);
    pair_deinit(&p);
}

Test(hostile, a_gap_ends_the_link)
{
    struct pair p;
    pair_init(&p);
    pair_connect(&p);
    p.dialer.link.tx[0].next = 2;
    pair_send(&p, &p.dialer, 0, 1);
    pair_exchange(&p);
    cr_assert_eq(pair_last(&p.listener)->type, LINK_CLOSED);
    cr_assert_eq(pair_last(&p.listener)->code, QIAO_CODE_LINK_SEQUENCE);
    cr_assert_eq(p.dialer.link.state, LINK_STATE_CLOSED);
    pair_deinit(&p);
}

Test(hostile, a_node_may_not_use_the_receipts_lane)
{
    buf_auto buf = { 0 };
    struct pair p;
    pair_init(&p);
    pair_connect(&p);
    batch_put_fields(&buf, LINK_LANE_RECEIPTS, 1, 1);
    pb_put_bytes(&buf, 1, qiao_bytes("x", 1));
    const struct link_event *event = pair_feed(&p, &p.listener, FRAME_BATCH, buf_bytes(&buf));
    cr_assert_eq(event->type, LINK_CLOSED);
    cr_assert_eq(event->code, QIAO_CODE_FRAME_BODY);
    pair_deinit(&p);
}

/* Brings an end into a state; the payload of the frame to be tried must then be refused by type, or taken. */
static void bring(struct pair *p, enum link_state state)
{
    pair_init(p);
    p->listener.accepts = state >= LINK_STATE_WAIT_AUTH;
    if (state == LINK_STATE_WAIT_HELLO) return;
    link_start(&p->dialer.link, 0, &p->dialer.out);
    if (state >= LINK_STATE_UP) {
        pair_exchange(p);
        if (state == LINK_STATE_CLOSED) link_close(&p->listener.link, QIAO_CODE_LINK_SHUTDOWN, "", &p->listener.out);
        return;
    }
    struct frame frame;
    size_t size;
    unsigned code;
    cr_assert_eq(frame_parse(buf_bytes(&p->dialer.out), 65536, &frame, &size, &code), FRAME_READY);
    const struct link_event *event = pair_feed(p, &p->listener, FRAME_HELLO, frame.payload);
    cr_assert_eq(event->type, LINK_PEER_HELLO);
    if (state == LINK_STATE_WAIT_AUTH) link_accept(&p->listener.link, p->listener.resume, 0, &p->listener.out);
}

Test(hostile, every_frame_in_every_wrong_state_ends_the_link)
{
    static const unsigned allowed[] = {
        [LINK_STATE_WAIT_HELLO] = 1u << FRAME_HELLO | 1u << FRAME_CLOSE,
        [LINK_STATE_WAIT_ACCEPT] = 1u << FRAME_CLOSE,
        [LINK_STATE_WAIT_AUTH] = 1u << FRAME_AUTH | 1u << FRAME_CLOSE,
        [LINK_STATE_UP] = 1u << FRAME_BATCH | 1u << FRAME_ACK | 1u << FRAME_VERDICTS | 1u << FRAME_PING | 1u << FRAME_PONG | 1u << FRAME_CLOSE |
                          1u << FRAME_ADMIN_REQUEST | 1u << FRAME_ADMIN_REPLY | 1u << FRAME_KEYS_WANTED | 1u << FRAME_KEYS | 1u << FRAME_ROUTES | 1u << FRAME_ATTACHMENT,
                          /* and parts, of a node that takes them: test_parts.c */
    };
    for (unsigned state = LINK_STATE_WAIT_HELLO; state <= LINK_STATE_UP; state++)
        for (unsigned type = 1; type < FRAME_TYPE_COUNT; type++) {
            struct pair p;
            bring(&p, (enum link_state)state);
            cr_assert_eq(p.listener.link.state, state);
            const struct link_event *event = pair_feed(&p, &p.listener, (enum frame_type)type, qiao_bytes("", 0));
            bool refused = event->type == LINK_CLOSED && event->code == QIAO_CODE_FRAME_TYPE;
            cr_assert_eq(refused, !(allowed[state] >> type & 1), "state %u, frame %u", state, type);
            pair_deinit(&p);
        }
}

Test(hostile, a_closed_link_says_nothing_more)
{
    for (unsigned type = 1; type < FRAME_TYPE_COUNT; type++) {
        struct pair p;
        struct link_event tick;
        bring(&p, LINK_STATE_CLOSED);
        p.listener.out.size = 0;
        cr_assert_eq(pair_feed(&p, &p.listener, (enum frame_type)type, qiao_bytes("", 0))->type, LINK_NOTHING);
        link_tick(&p.listener.link, 1000000, &p.listener.out, &tick);
        cr_assert_eq(tick.type, LINK_NOTHING);
        cr_assert_eq(p.listener.out.size, 0);
        pair_deinit(&p);
    }
}

/* Each frame type gets every byte value, repeated: nothing crashes, and the link is either up or closed with a code. */
Test(hostile, nonsense_in_every_frame_is_survived)
{
    for (unsigned type = 1; type < FRAME_TYPE_COUNT; type++)
        for (unsigned byte = 0; byte < 256; byte++)
            for (size_t size = 1; size < 40; size += 13) {
                uint8_t payload[40];
                struct pair p;
                bring(&p, LINK_STATE_UP);
                memset(payload, (int)byte, sizeof payload);
                const struct link_event *event = pair_feed(&p, &p.listener, (enum frame_type)type, qiao_bytes(payload, size));
                cr_assert(p.listener.link.state == LINK_STATE_UP || event->type == LINK_CLOSED);
                pair_deinit(&p);
            }
}

Test(hostile, acknowledgements_of_lanes_that_do_not_exist_end_the_link)
{
    static const char *const broken[] = { "\x0a\x04\x08\x04\x10\x01", "\x0a\x02\x08", "\x08\x01", "\x0a\x03\x0a\x01x" };
    static const size_t sizes[] = { 6, 3, 2, 5 };
    for (size_t i = 0; i < 4; i++) {
        struct pair p;
        pair_init(&p);
        pair_connect(&p);
        const struct link_event *event = pair_feed(&p, &p.dialer, FRAME_ACK, qiao_bytes(broken[i], sizes[i]));
        cr_assert_eq(event->type, LINK_CLOSED, "case %zu", i);
        cr_assert_eq(event->code, QIAO_CODE_FRAME_BODY);
        pair_deinit(&p);
    }
}

Test(hostile, resume_points_beyond_all_numbers_are_refused)
{
    for (int which = 0; which < 2; which++) {
        struct pair p;
        pair_init(&p);
        p.dialer.resume[0] = which ? (struct link_resume){ .received = UINT64_MAX, .next = 1 } : (struct link_resume){ .received = 0, .next = UINT64_MAX };
        pair_connect(&p);
        cr_assert_eq(p.listener.link.state, LINK_STATE_CLOSED);
        cr_assert_eq(p.dialer.link.state, LINK_STATE_CLOSED);
        pair_deinit(&p);
    }
}
