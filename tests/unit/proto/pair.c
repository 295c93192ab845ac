#include "pair.h"

#include <criterion/criterion.h>

static const struct link_options base_options = {
    .seal = &seal_null, .credit_messages = 100, .credit_bytes = 10000, .heartbeat_ms = 1000, .silence_ms = 3000, .handshake_ms = 2000,
};

static void init_end(struct pair_end *end, const struct link_options *options)
{
    *end = (struct pair_end){ .accepts = true };
    for (unsigned lane = 0; lane < LINK_LANES; lane++) end->resume[lane] = (struct link_resume){ .received = 0, .next = 1 };
    link_init(&end->link, options, 0);
}

void pair_init(struct pair *pair)
{
    struct link_options child = base_options, parent = base_options;
    *pair = (struct pair){ 0 };
    child.dialer = true;
    child.role = LINK_ROLE_CHILD_NODE;
    child.node = "street";
    child.area = "990101001";
    child.incarnation = 11;
    memset(child.nonce, 1, 32);
    parent.role = LINK_ROLE_PARENT_NODE;
    parent.node = "district";
    parent.area = "990101";
    parent.incarnation = 22;
    memset(parent.nonce, 2, 32);
    init_end(&pair->dialer, &child);
    init_end(&pair->listener, &parent);
}

void pair_init_member(struct pair *pair)
{
    pair_init(pair);
    struct link_options *o = &pair->dialer.link.options;
    o->role = LINK_ROLE_MEMBER_ONLY;
    o->node = o->area = NULL;
    o->org = "office";
    o->wants_deliveries = o->wants_events = true;
}

void pair_connect(struct pair *pair)
{
    link_start(&pair->dialer.link, pair->now_ms, &pair->dialer.out);
    pair_exchange(pair);
}

void pair_deinit(struct pair *pair)
{
    struct pair_end *ends[] = { &pair->dialer, &pair->listener };
    for (int i = 0; i < 2; i++) {
        link_deinit(&ends[i]->link);
        buf_deinit(&ends[i]->out);
        frame_reader_deinit(&ends[i]->reader);
    }
}

struct taking {
    struct pair *pair;
    struct pair_end *end;
};

static bool take(void *context, const struct frame *frame)
{
    struct taking *t = context;
    struct pair_end *end = t->end;
    cr_assert_lt(end->events_count, sizeof end->events / sizeof end->events[0]);
    struct link_event *event = &end->events[end->events_count];
    link_receive(&end->link, t->pair->now_ms, frame, &end->out, event);
    if (event->type == LINK_NOTHING) return true;
    end->events_count++;
    if (event->type == LINK_PEER_HELLO && end->accepts) link_accept(&end->link, end->resume, t->pair->now_ms, &end->out);
    return true;
}

static bool move_bytes(struct pair *pair, struct pair_end *from, struct pair_end *to)
{
    struct taking taking = { pair, to };
    size_t size;
    uint8_t *data = buf_take(&from->out, &size);
    unsigned code = frame_reader_feed(&to->reader, qiao_bytes(data, size), &to->link.frame_size_max, take, &taking);
    cr_assert_eq(code, 0);
    free(data);
    return size > 0;
}

void pair_exchange(struct pair *pair)
{
    bool moved;
    do {
        moved = move_bytes(pair, &pair->dialer, &pair->listener);
        moved |= move_bytes(pair, &pair->listener, &pair->dialer);
    } while (moved);
}

struct link_event *pair_feed(struct pair *pair, struct pair_end *to, enum frame_type type, struct qiao_bytes payload)
{
    static struct link_event event;
    struct frame frame = { type, payload };
    link_receive(&to->link, pair->now_ms, &frame, &to->out, &event);
    return &event;
}

const struct link_event *pair_last(const struct pair_end *end)
{
    static const struct link_event nothing = { .type = LINK_NOTHING };
    return end->events_count ? &end->events[end->events_count - 1] : &nothing;
}

void pair_send(struct pair *pair, struct pair_end *from, unsigned lane, uint32_t count)
{
    buf_auto entries = { 0 };
    for (uint32_t i = 0; i < count; i++) pb_put_bytes(&entries, 1, qiao_bytes("message", 7));
    link_send_batch(&from->link, lane, from->link.tx[lane].next, count, buf_bytes(&entries), pair->now_ms, &from->out);
}

void pair_ack(struct pair *pair, struct pair_end *from, unsigned lane, uint64_t sequence)
{
    uint64_t sequences[LINK_LANES] = { 0 };
    sequences[lane] = sequence;
    link_send_ack(&from->link, sequences, false, 0, pair->now_ms, &from->out);
}
