/* The life of a link between two honest ends. */
#include "pair.h"

#include <criterion/criterion.h>

Test(link, both_ends_come_up_and_know_each_other)
{
    struct pair p;
    pair_init(&p);
    pair_connect(&p);
    cr_assert_eq(p.dialer.link.state, LINK_STATE_UP);
    cr_assert_eq(p.listener.link.state, LINK_STATE_UP);
    cr_assert_eq(pair_last(&p.dialer)->type, LINK_UP);
    cr_assert_eq(pair_last(&p.listener)->type, LINK_UP);
    cr_assert_str_eq(p.listener.link.peer.node, "street");
    cr_assert_str_eq(p.listener.link.peer.area, "990101001");
    cr_assert_eq(p.listener.link.peer.incarnation, 11);
    cr_assert_eq(p.listener.link.peer.role, LINK_ROLE_CHILD_NODE);
    cr_assert_str_eq(p.dialer.link.peer.node, "district");
    cr_assert_eq(p.dialer.link.frame_size_max, QIAO_FRAME_SIZE_MAX);
    pair_deinit(&p);
}

Test(link, a_batch_arrives_and_its_acknowledgement_frees_the_window)
{
    struct pair p;
    pair_init(&p);
    pair_connect(&p);
    pair_send(&p, &p.dialer, 1, 3);
    pair_exchange(&p);
    const struct link_event *event = pair_last(&p.listener);
    cr_assert_eq(event->type, LINK_BATCH);
    cr_assert(event->batch.lane == 1 && event->batch.first_sequence == 1 && event->batch.count == 3 && event->skip == 0);
    cr_assert_eq(p.dialer.link.tx[1].flights_count, 1);
    cr_assert_gt(p.dialer.link.tx[1].flying_bytes, 0);
    pair_ack(&p, &p.listener, 1, 3);
    pair_exchange(&p);
    cr_assert_eq(pair_last(&p.dialer)->type, LINK_ACKED);
    cr_assert_eq(p.dialer.link.tx[1].acked, 3);
    cr_assert_eq(p.dialer.link.tx[1].flying_bytes, 0);
    cr_assert_eq(p.dialer.link.tx[1].flights_count, 0);
    pair_deinit(&p);
}

Test(link, lanes_count_for_themselves)
{
    struct pair p;
    pair_init(&p);
    pair_connect(&p);
    pair_send(&p, &p.dialer, 0, 2);
    pair_send(&p, &p.dialer, 2, 1);
    pair_send(&p, &p.dialer, 0, 1);
    pair_exchange(&p);
    cr_assert_eq(p.listener.link.rx[0].next, 4);
    cr_assert_eq(p.listener.link.rx[1].next, 1);
    cr_assert_eq(p.listener.link.rx[2].next, 2);
    pair_deinit(&p);
}

Test(link, credit_in_messages_stops_the_sender_until_the_acknowledgement)
{
    struct pair p;
    pair_init(&p);
    p.listener.link.options.credit_messages = 5;
    pair_connect(&p);
    uint32_t sent = 0;
    while (link_can_send(&p.dialer.link, 0)) {
        pair_send(&p, &p.dialer, 0, 1);
        sent++;
    }
    cr_assert_eq(sent, 5);
    cr_assert(link_can_send(&p.dialer.link, 1));
    pair_exchange(&p);
    pair_ack(&p, &p.listener, 0, 2);
    pair_exchange(&p);
    cr_assert(link_can_send(&p.dialer.link, 0));
    pair_deinit(&p);
}

Test(link, credit_in_bytes_stops_the_sender_too)
{
    struct pair p;
    pair_init(&p);
    p.listener.link.options.credit_bytes = 20;
    pair_connect(&p);
    pair_send(&p, &p.dialer, 0, 3); /* 27 bytes: one batch may pass what is left */
    cr_assert_not(link_can_send(&p.dialer.link, 0));
    pair_exchange(&p);
    pair_ack(&p, &p.listener, 0, 3);
    pair_exchange(&p);
    cr_assert(link_can_send(&p.dialer.link, 0));
    pair_deinit(&p);
}

Test(link, no_credit_is_told_with_its_reason_and_taken_back)
{
    static const uint64_t nothing[LINK_LANES] = { 0 };
    struct pair p;
    pair_init(&p);
    pair_connect(&p);
    p.listener.link.options.credit_messages = p.listener.link.options.credit_bytes = 0;
    link_send_ack(&p.listener.link, nothing, true, QIAO_CODE_BUSY, 0, &p.listener.out);
    pair_exchange(&p);
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) cr_assert_not(link_can_send(&p.dialer.link, lane));
    cr_assert_eq(p.dialer.link.busy_code, QIAO_CODE_BUSY);
    p.listener.link.options.credit_messages = p.listener.link.options.credit_bytes = 1000;
    link_send_ack(&p.listener.link, nothing, true, 0, 0, &p.listener.out);
    pair_exchange(&p);
    cr_assert(link_can_send(&p.dialer.link, 0));
    cr_assert_eq(p.dialer.link.busy_code, 0);
    pair_deinit(&p);
}

Test(link, resume_goes_on_where_the_peer_has_it)
{
    struct pair p;
    pair_init(&p);
    p.dialer.resume[0] = (struct link_resume){ .received = 0, .next = 5 };     /* 5 and up wait to be sent */
    p.listener.resume[0] = (struct link_resume){ .received = 7, .next = 1 };   /* up to 7 came in an earlier session */
    pair_connect(&p);
    cr_assert_eq(p.dialer.link.tx[0].acked, 7);
    cr_assert_eq(p.dialer.link.tx[0].next, 8);
    cr_assert_eq(p.listener.link.rx[0].next, 8);
    pair_deinit(&p);
}

Test(link, a_run_that_reaches_back_is_recognised)
{
    struct pair p;
    pair_init(&p);
    p.dialer.resume[0] = (struct link_resume){ .received = 0, .next = 5 };
    p.listener.resume[0] = (struct link_resume){ .received = 7, .next = 1 };
    pair_connect(&p);
    p.dialer.link.tx[0].next = 5; /* the sender's frames are whole runs: 5 to 9 lie in one */
    p.dialer.link.tx[0].acked = 4;
    pair_send(&p, &p.dialer, 0, 5);
    pair_exchange(&p);
    cr_assert_eq(pair_last(&p.listener)->type, LINK_BATCH);
    cr_assert_eq(pair_last(&p.listener)->skip, 3);
    cr_assert_eq(p.listener.link.rx[0].next, 10);
    pair_deinit(&p);
}

Test(link, a_batch_that_came_before_is_skipped_whole)
{
    struct pair p;
    pair_init(&p);
    p.listener.resume[0] = (struct link_resume){ .received = 9, .next = 1 };
    pair_connect(&p);
    p.dialer.link.tx[0].next = 3;
    pair_send(&p, &p.dialer, 0, 4);
    pair_exchange(&p);
    cr_assert_eq(pair_last(&p.listener)->skip, 4);
    cr_assert_eq(p.listener.link.rx[0].next, 10);
    pair_deinit(&p);
}

Test(link, a_sender_that_begins_later_leaves_no_gap_behind)
{
    struct pair p;
    pair_init(&p);
    p.dialer.resume[0] = (struct link_resume){ .received = 0, .next = 50 }; /* what lay before has ended at the sender */
    p.listener.resume[0] = (struct link_resume){ .received = 7, .next = 1 };
    pair_connect(&p);
    cr_assert_eq(p.dialer.link.tx[0].next, 50);
    cr_assert_eq(p.listener.link.rx[0].next, 50);
    pair_deinit(&p);
}

/* The node stored, meanwhile, what an earlier connection brought; this session has not sent it again yet. */
Test(link, an_acknowledgement_beyond_what_was_sent_is_not_an_error_and_not_believed)
{
    struct pair p;
    pair_init(&p);
    pair_connect(&p);
    pair_send(&p, &p.dialer, 0, 2);
    pair_exchange(&p);
    pair_ack(&p, &p.listener, 0, 10);
    pair_exchange(&p);
    cr_assert_eq(p.dialer.link.state, LINK_STATE_UP);
    cr_assert_eq(p.dialer.link.tx[0].acked, 2);
    pair_deinit(&p);
}

Test(link, deliveries_to_a_member_are_free_and_receipts_are_not)
{
    struct pair p;
    pair_init_member(&p);
    pair_connect(&p);
    link_send_batch(&p.listener.link, 0, 40, 1, qiao_bytes("\x0a\x01x", 3), 0, &p.listener.out);
    link_send_batch(&p.listener.link, 0, 12, 1, qiao_bytes("\x0a\x01x", 3), 0, &p.listener.out);
    pair_exchange(&p);
    cr_assert_eq(p.dialer.link.state, LINK_STATE_UP);
    cr_assert_eq(pair_last(&p.dialer)->batch.first_sequence, 12);
    pair_send(&p, &p.listener, LINK_LANE_RECEIPTS, 1);
    pair_exchange(&p);
    cr_assert_eq(pair_last(&p.dialer)->batch.lane, LINK_LANE_RECEIPTS);
    cr_assert_eq(p.dialer.link.rx[LINK_LANE_RECEIPTS].next, 2);
    pair_deinit(&p);
}

Test(link, a_quiet_link_is_kept_alive_by_pings)
{
    struct pair p;
    struct link_event event;
    pair_init(&p);
    pair_connect(&p);
    for (int i = 0; i < 20; i++) {
        uint64_t dialer = link_deadline_ms(&p.dialer.link), listener = link_deadline_ms(&p.listener.link);
        p.now_ms = dialer < listener ? dialer : listener;
        link_tick(&p.dialer.link, p.now_ms, &p.dialer.out, &event);
        cr_assert_eq(event.type, LINK_NOTHING);
        link_tick(&p.listener.link, p.now_ms, &p.listener.out, &event);
        cr_assert_eq(event.type, LINK_NOTHING);
        p.dialer.events_count = p.listener.events_count = 0;
        pair_exchange(&p);
    }
    cr_assert_geq(p.now_ms, 10000);
    cr_assert_eq(p.dialer.link.state, LINK_STATE_UP);
    pair_deinit(&p);
}

Test(link, silence_ends_the_link_but_a_slow_frame_is_not_silence)
{
    struct pair p;
    struct link_event event;
    pair_init(&p);
    pair_connect(&p);
    link_progress(&p.dialer.link, 2500);
    link_tick(&p.dialer.link, 3500, &p.dialer.out, &event);
    cr_assert_eq(event.type, LINK_NOTHING);
    link_tick(&p.dialer.link, 5500, &p.dialer.out, &event);
    cr_assert_eq(event.type, LINK_CLOSED);
    cr_assert_eq(event.code, QIAO_CODE_LINK_TIMEOUT);
    cr_assert_eq(link_deadline_ms(&p.dialer.link), LINK_NEVER);
    pair_deinit(&p);
}

Test(link, a_handshake_that_takes_too_long_is_given_up)
{
    struct pair p;
    struct link_event event;
    pair_init(&p);
    cr_assert_eq(link_deadline_ms(&p.listener.link), 2000);
    link_tick(&p.listener.link, 1999, &p.listener.out, &event);
    cr_assert_eq(event.type, LINK_NOTHING);
    link_tick(&p.listener.link, 2000, &p.listener.out, &event);
    cr_assert_eq(event.type, LINK_CLOSED);
    cr_assert_eq(event.code, QIAO_CODE_LINK_TIMEOUT);
    pair_deinit(&p);
}

Test(link, goodbye_tells_code_and_reason)
{
    struct pair p;
    pair_init(&p);
    pair_connect(&p);
    link_close(&p.listener.link, QIAO_CODE_LINK_SHUTDOWN, "closing time", &p.listener.out);
    pair_exchange(&p);
    cr_assert_eq(pair_last(&p.dialer)->type, LINK_CLOSED);
    cr_assert_eq(pair_last(&p.dialer)->code, QIAO_CODE_LINK_SHUTDOWN);
    cr_assert_str_eq(pair_last(&p.dialer)->reason, "closing time");
    cr_assert_eq(p.dialer.link.state, LINK_STATE_CLOSED);
    pair_deinit(&p);
}
