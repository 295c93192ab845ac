/* Batches in parts: whole at the other end, between others, and on behind a cut. */
#include "pair.h"

#include <criterion/criterion.h>
#include <qiao/client.h>

static void pair_up(struct pair *p)
{
    pair_init(p);
    p->dialer.link.options.features = p->listener.link.options.features = LINK_FEATURE_PARTS;
    pair_connect(p);
    p->dialer.events_count = p->listener.events_count = 0;
}

/* One message of size bytes, the same for the same size. */
static void send_large(struct pair *p, unsigned lane, size_t size)
{
    buf_auto entries = { 0 };
    struct link *link = &p->dialer.link;
    pb_put_bytes_head(&entries, 1, size);
    uint8_t *at = buf_reserve(&entries, size);
    for (size_t i = 0; i < size; i++) at[i] = (uint8_t)(i * 7 + i / 251);
    entries.size += size;
    link_send_batch(link, lane, link->tx[lane].next, 1, buf_bytes(&entries), p->now_ms, &p->dialer.out);
}

static void go_on(struct pair *p)
{
    const struct link_rest *rest = &p->dialer.link.tx[QIAO_LANE_BULK].rest;
    pair_exchange(p);
    while (rest->payload.size > 0) {
        size_t before = rest->sent;
        link_continue(&p->dialer.link, QIAO_LANE_BULK, p->now_ms, &p->dialer.out);
        cr_assert(rest->payload.size == 0 || rest->sent > before, "marks were answered: there is room");
        pair_exchange(p);
    }
}

Test(parts, a_large_batch_goes_in_parts_and_arrives_whole)
{
    struct pair p;
    pair_up(&p);
    send_large(&p, QIAO_LANE_BULK, 100000);
    cr_assert_leq(p.dialer.out.size, 2 * PACE_LIMIT_START, "no more than the pace allows");
    cr_assert_not(link_can_send(&p.dialer.link, QIAO_LANE_BULK));
    go_on(&p);
    const struct link_event *event = pair_last(&p.listener);
    cr_assert(event->type == LINK_BATCH && event->batch.lane == QIAO_LANE_BULK && event->batch.count == 1);
    cr_assert_gt(event->batch.payload.size, 100000);
    cr_assert_eq(p.listener.link.rx[QIAO_LANE_BULK].next, 2);
    cr_assert_eq(p.listener.link.rx[QIAO_LANE_BULK].part.size, 0);
    pair_deinit(&p);
}

Test(parts, what_is_urgent_comes_between)
{
    struct pair p;
    pair_up(&p);
    send_large(&p, QIAO_LANE_BULK, 100000);
    pair_exchange(&p);
    cr_assert_eq(p.listener.events_count, 0);
    cr_assert(link_can_send(&p.dialer.link, QIAO_LANE_URGENT));
    send_large(&p, QIAO_LANE_URGENT, 100);
    pair_exchange(&p);
    cr_assert(pair_last(&p.listener)->type == LINK_BATCH && pair_last(&p.listener)->batch.lane == QIAO_LANE_URGENT);
    go_on(&p);
    cr_assert_eq(pair_last(&p.listener)->batch.lane, QIAO_LANE_BULK);
    pair_deinit(&p);
}

Test(parts, a_peer_without_the_feature_gets_whole_frames)
{
    struct pair p;
    pair_init(&p);
    p.dialer.link.options.features = LINK_FEATURE_PARTS;
    pair_connect(&p);
    send_large(&p, QIAO_LANE_BULK, 100000);
    cr_assert_gt(p.dialer.out.size, 100000);
    pair_exchange(&p);
    cr_assert_eq(pair_last(&p.listener)->type, LINK_BATCH);
    pair_deinit(&p);
}

/* Cuts after the first parts, and connects anew with what the listener kept. */
static void cut(struct pair *p, struct link_part *kept)
{
    pair_exchange(p);
    *kept = link_part_take(&p->listener.link.rx[QIAO_LANE_BULK].part);
    pair_deinit(p);
    pair_init(p);
    p->dialer.link.options.features = p->listener.link.options.features = LINK_FEATURE_PARTS;
    p->listener.resume[QIAO_LANE_BULK].part = kept;
    pair_connect(p);
    link_part_deinit(kept);
}

Test(parts, a_cut_batch_goes_on_behind_what_has_come)
{
    struct pair p;
    struct link_part kept;
    pair_up(&p);
    send_large(&p, QIAO_LANE_BULK, 100000);
    cut(&p, &kept);
    size_t held = p.dialer.link.tx[QIAO_LANE_BULK].held.bytes;
    cr_assert_geq(held, PACE_LIMIT_START);
    cr_assert_eq(link_held_count(&p.dialer.link, QIAO_LANE_BULK, 1), 1);
    send_large(&p, QIAO_LANE_BULK, 100000);
    go_on(&p);
    cr_assert_eq(pair_last(&p.listener)->type, LINK_BATCH);
    cr_assert_lt(p.dialer.link.sent_bytes, 101000 - held);
    pair_deinit(&p);
}

Test(parts, another_batch_than_the_one_that_was_cut_begins_anew)
{
    struct pair p;
    struct link_part kept;
    pair_up(&p);
    send_large(&p, QIAO_LANE_BULK, 100000);
    cut(&p, &kept);
    send_large(&p, QIAO_LANE_BULK, 90000);
    go_on(&p);
    cr_assert_eq(pair_last(&p.listener)->type, LINK_BATCH);
    cr_assert_gt(p.dialer.link.sent_bytes, 90000);
    pair_deinit(&p);
}

Test(parts, a_batch_that_is_acknowledged_is_not_sent_to_its_end)
{
    struct pair p;
    pair_up(&p);
    send_large(&p, QIAO_LANE_BULK, 100000);
    pair_exchange(&p);
    pair_ack(&p, &p.listener, QIAO_LANE_BULK, 1);
    pair_exchange(&p);
    cr_assert_eq(p.dialer.link.tx[QIAO_LANE_BULK].rest.payload.size, 0);
    cr_assert(link_can_send(&p.dialer.link, QIAO_LANE_BULK));
    pair_deinit(&p);
}

struct words { uint64_t lane, first, count, size, offset, bytes; };

static unsigned refused(const struct words *w)
{
    struct pair p;
    buf_auto payload = { 0 };
    uint8_t bytes[64] = { 0 };
    pair_up(&p);
    pb_put_varint(&payload, 1, w->lane);
    pb_put_varint(&payload, 2, w->first);
    pb_put_varint(&payload, 3, w->count);
    pb_put_varint(&payload, 4, w->size);
    pb_put_varint(&payload, 5, w->offset);
    pb_put_bytes(&payload, 6, qiao_bytes(bytes, w->bytes));
    const struct link_event *event = pair_feed(&p, &p.listener, FRAME_PART, buf_bytes(&payload));
    unsigned code = event->type == LINK_CLOSED ? event->code : QIAO_CODE_OK;
    pair_deinit(&p);
    return code;
}

Test(parts, parts_that_cannot_be_end_the_link)
{
    static const struct { struct words words; unsigned code; } cases[] = {
        { { 2, 1, 1, 100, 0, 10 }, QIAO_CODE_OK },
        { { 3, 1, 1, 100, 0, 10 }, QIAO_CODE_FRAME_BODY },              /* receipts do not come in parts */
        { { 2, 0, 1, 100, 0, 10 }, QIAO_CODE_FRAME_BODY },
        { { 2, UINT64_MAX, 1, 100, 0, 10 }, QIAO_CODE_FRAME_BODY },
        { { 2, 1, 0, 100, 0, 10 }, QIAO_CODE_FRAME_BODY },
        { { 2, 1, QIAO_BATCH_MESSAGES_MAX + 1, 100, 0, 10 }, QIAO_CODE_FRAME_BODY },
        { { 2, 1, 1, QIAO_FRAME_SIZE_MAX, 0, 10 }, QIAO_CODE_FRAME_BODY },
        { { 2, 1, 1, UINT64_MAX, 0, 10 }, QIAO_CODE_FRAME_BODY },
        { { 2, 1, 1, 9, 0, 10 }, QIAO_CODE_FRAME_BODY },                /* more than the whole */
        { { 2, 1, 1, 100, 100, 10 }, QIAO_CODE_FRAME_BODY },
        { { 2, 1, 1, 100, UINT64_MAX, 10 }, QIAO_CODE_FRAME_BODY },
        { { 2, 1, 1, 100, 0, 0 }, QIAO_CODE_FRAME_BODY },
        { { 2, 1, 1, 100, 20, 10 }, QIAO_CODE_LINK_SEQUENCE },          /* its beginning did not come */
        { { 2, 1, 1, 10, 0, 10 }, QIAO_CODE_FRAME_BODY },               /* whole, and no batch */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) cr_assert_eq(refused(&cases[i].words), cases[i].code, "case %zu", i);
}
