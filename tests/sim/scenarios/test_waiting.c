/* Messages that have to wait: for a node, a member, a case, room on a disk; and how waiting ends. */
#include "scenarios/story.h"

#include <criterion/criterion.h>

Test(waiting, a_street_goes_down_and_comes_back)
{
    struct story s = story_begin();
    node_crash(s.sim, s.street, 1000);
    uint32_t m = story_send(&s, s.hotline, s.court, QIAO_LANE_NORMAL, 0, 0);
    sim_run(s.sim, 3000);
    story_expect(&s, "street dies\n"
                     "district - street: link ends: OK stream ended\n"
                     "community - street: link ends: OK stream ended\n"
                     "office: link is down\n"
                     "community < hotline: lane 0 messages 1-1\n"
                     "street starts\n"
                     "street = district: link is up\n"
                     "district = street: link is up\n"
                     "community = street: link is up\n"
                     "community > street: lane 0 messages 1-1\n"
                     "office: link is up\n"
                     "street = community: link is up\n"
                     "street < community: lane 0 messages 1-1\n"
                     "street = office: link is up\n"
                     "street > district: lane 0 messages 1-1\n"
                     "district < street: lane 0 messages 1-1\n"
                     "district > court: deliver lane 0 messages 1-1\n"
                     "district < court: accepts lane 0 message 1\n"
                     "district > street: lane 0 messages 1-1\n"
                     "street < district: lane 0 messages 1-1\n"
                     "street > community: lane 0 messages 1-1\n"
                     "community < street: lane 0 messages 1-1\n"
                     "community > hotline: lane 3 messages 1-1\n");
    cr_assert_eq(story_outcome(&s, m)->seen, QIAO_OUTCOME_ACCEPTED);
    story_end(&s);
}

Test(waiting, a_retry_holds_up_only_its_case)
{
    struct story s = story_begin();
    s.court->retry_message = s.sim->messages_count + 1;
    story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 1, 0);
    story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 1, 0);
    story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 2, 0);
    sim_run(s.sim, 2000);
    story_expect(&s, "street < office: lane 0 messages 1-1\n"
                     "street < office: lane 0 messages 2-2\n"
                     "street < office: lane 0 messages 3-3\n"
                     "street > district: lane 0 messages 1-1\n"
                     "district < street: lane 0 messages 1-1\n"
                     "street > district: lane 0 messages 2-3\n"
                     "district > court: deliver lane 0 messages 1-1\n"
                     "district < street: lane 0 messages 2-3\n"
                     "district > court: deliver lane 0 messages 2-3\n"
                     "district < court: wants again lane 0 message 1\n"
                     "district < court: waits for its case with lane 0 message 2\n"
                     "district < court: accepts lane 0 message 3\n"
                     "district > street: lane 0 messages 1-1\n"
                     "street < district: lane 0 messages 1-1\n"
                     "street > office: lane 3 messages 1-1\n"
                     "district > court: deliver again lane 0 message 1 (attempt 2)\n"
                     "district < court: accepts lane 0 message 1\n"
                     "district > court: deliver again lane 0 message 2 (attempt 1)\n"
                     "district > street: lane 0 messages 2-2\n"
                     "district < court: accepts lane 0 message 2\n"
                     "street < district: lane 0 messages 2-2\n"
                     "district > street: lane 0 messages 3-3\n"
                     "street > office: lane 3 messages 2-2\n"
                     "street < district: lane 0 messages 3-3\n"
                     "street > office: lane 3 messages 3-3\n");
    for (uint32_t i = 0; i < 3; i++) cr_assert_eq(story_outcome(&s, i)->seen, QIAO_OUTCOME_ACCEPTED);
    cr_assert_eq(story_outcome(&s, 0)->deliveries, 2);
    cr_assert_eq(story_outcome(&s, 1)->deliveries, 1);
    story_end(&s);
}

Test(waiting, a_poisoned_message_is_dead_in_the_end_and_its_case_goes_on)
{
    struct story s = story_begin();
    s.court->poison_message = s.sim->messages_count + 1;
    story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 1, 0);
    story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 1, 0);
    sim_run(s.sim, 6000);
    story_expect(&s, "street < office: lane 0 messages 1-1\n"
                     "street < office: lane 0 messages 2-2\n"
                     "street > district: lane 0 messages 1-1\n"
                     "district < street: lane 0 messages 1-1\n"
                     "street > district: lane 0 messages 2-2\n"
                     "district > court: deliver lane 0 messages 1-1\n"
                     "district < street: lane 0 messages 2-2\n"
                     "district > court: deliver lane 0 messages 2-2\n"
                     "district < court: wants again lane 0 message 1\n"
                     "district < court: waits for its case with lane 0 message 2\n"
                     "district > court: deliver again lane 0 message 1 (attempt 2)\n"
                     "district < court: wants again lane 0 message 1\n"
                     "district > court: deliver again lane 0 message 1 (attempt 3)\n"
                     "district < court: wants again lane 0 message 1\n"
                     "district > court: deliver again lane 0 message 1 (attempt 4)\n"
                     "district < court: wants again lane 0 message 1\n"
                     "district < court: gives up lane 0 message 1: RETRIES\n"
                     "district > street: lane 0 messages 1-1\n"
                     "district > court: deliver again lane 0 message 2 (attempt 1)\n"
                     "street < district: lane 0 messages 1-1\n"
                     "district < court: accepts lane 0 message 2\n"
                     "street > office: lane 3 messages 1-1\n"
                     "district > street: lane 0 messages 2-2\n"
                     "street < district: lane 0 messages 2-2\n"
                     "street > office: lane 3 messages 2-2\n");
    cr_assert_eq(story_outcome(&s, 0)->seen, QIAO_OUTCOME_DEAD);
    cr_assert_eq(story_outcome(&s, 1)->seen, QIAO_OUTCOME_ACCEPTED);
    story_end(&s);
}

Test(waiting, a_message_expires_where_it_waits)
{
    struct story s = story_begin();
    s.street->blocked_until_ms = s.sim->now_ms + 20000;
    sim_run(s.sim, 5000);
    uint32_t m = story_send(&s, s.hotline, s.court, QIAO_LANE_NORMAL, 0, 1500);
    sim_run(s.sim, 4000);
    story_expect(&s, "street - district: link ends: LINK_TIMEOUT nothing heard for 4000 ms\n"
                     "district - street: link ends: LINK_TIMEOUT nothing heard for 4000 ms\n"
                     "community < hotline: lane 0 messages 1-1\n"
                     "community > street: lane 0 messages 1-1\n"
                     "street < community: lane 0 messages 1-1\n"
                     "street x district: expired\n"
                     "street > community: lane 0 messages 1-1\n"
                     "community < street: lane 0 messages 1-1\n"
                     "community > hotline: lane 3 messages 1-1\n");
    cr_assert_eq(story_outcome(&s, m)->seen, QIAO_OUTCOME_EXPIRED);
    cr_assert_eq(story_outcome(&s, m)->deliveries, 0);
    story_end(&s);
}

/* The street cannot know whether the district has it: only the district may end it, when the line is back. */
Test(waiting, what_was_sent_into_a_dead_line_expires_behind_it)
{
    struct story s = story_begin();
    s.street->blocked_until_ms = s.sim->now_ms + 6000;
    uint32_t m = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 0, 1500);
    sim_run(s.sim, 5900);
    cr_assert_eq(story_outcome(&s, m)->seen, QIAO_OUTCOME_NONE);
    sim_run(s.sim, 3000);
    story_expect(&s, "street < office: lane 0 messages 1-1\n"
                     "street > district: lane 0 messages 1-1\n"
                     "street - district: link ends: LINK_TIMEOUT nothing heard for 4000 ms\n"
                     "district - street: link ends: LINK_TIMEOUT nothing heard for 4000 ms\n"
                     "street = district: link is up\n"
                     "street > district: lane 0 messages 1-1\n"
                     "district = street: link is up\n"
                     "district x message refused: EXPIRED\n"
                     "district < street: lane 0 messages 1-1\n"
                     "district > street: lane 0 messages 1-1\n"
                     "street < district: lane 0 messages 1-1\n"
                     "street > office: lane 3 messages 1-1\n");
    cr_assert_eq(story_outcome(&s, m)->seen, QIAO_OUTCOME_EXPIRED);
    cr_assert_eq(story_outcome(&s, m)->deliveries, 0);
    story_end(&s);
}

Test(waiting, a_message_waits_for_a_member_that_is_away)
{
    struct story s = story_begin();
    s.court->absent = true;
    member_disconnect(s.sim, s.court);
    uint32_t m = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 0, 0);
    sim_run(s.sim, 1000);
    cr_assert_eq(story_outcome(&s, m)->deliveries, 0);
    s.court->absent = false;
    member_dial(s.sim, s.court);
    sim_run(s.sim, 500);
    story_expect(&s, "court: link is down\n"
                     "district - court: link ends: OK stream ended\n"
                     "street < office: lane 0 messages 1-1\n"
                     "street > district: lane 0 messages 1-1\n"
                     "district < street: lane 0 messages 1-1\n"
                     "court: link is up\n"
                     "district = court: link is up\n"
                     "district > court: deliver lane 0 messages 1-1\n"
                     "district < court: accepts lane 0 message 1\n"
                     "district > street: lane 0 messages 1-1\n"
                     "street < district: lane 0 messages 1-1\n"
                     "street > office: lane 3 messages 1-1\n");
    cr_assert_eq(story_outcome(&s, m)->seen, QIAO_OUTCOME_ACCEPTED);
    story_end(&s);
}

Test(waiting, a_full_disk_makes_the_node_busy_and_nothing_is_lost)
{
    struct story s = story_begin();
    store_array_faults(s.street->store)->full = true;
    uint32_t m = story_send(&s, s.hotline, s.office, QIAO_LANE_NORMAL, 0, 0);
    sim_run(s.sim, 1000);
    cr_assert_eq(story_outcome(&s, m)->deliveries, 0);
    store_array_faults(s.street->store)->full = false;
    sim_run(s.sim, 1000);
    story_expect(&s, "community < hotline: lane 0 messages 1-1\n"
                     "community > street: lane 0 messages 1-1\n"
                     "street < community: lane 0 messages 1-1\n"
                     "street store is nearly full: busy\n"
                     "street store has room again\n"
                     "street > office: deliver lane 0 messages 1-1\n"
                     "street < office: accepts lane 0 message 1\n"
                     "street > community: lane 0 messages 1-1\n"
                     "community < street: lane 0 messages 1-1\n"
                     "community > hotline: lane 3 messages 1-1\n");
    cr_assert_eq(story_outcome(&s, m)->seen, QIAO_OUTCOME_ACCEPTED);
    story_end(&s);
}

Test(waiting, a_node_that_restarts_delivers_only_what_was_not_answered)
{
    struct story s = story_begin();
    s.court->absent = true;
    member_disconnect(s.sim, s.court);
    for (int i = 0; i < 3; i++) story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, SIM_CASES, 0);
    sim_run(s.sim, 500);
    s.court->retry_message = 2;
    s.court->absent = false;
    member_dial(s.sim, s.court);
    while (s.sim->recipients[2].decided == 0) sim_run(s.sim, 1);
    node_crash(s.sim, s.district, 500);
    sim_run(s.sim, 3000);
    story_expect(&s, "court: link is down\n"
                     "district - court: link ends: OK stream ended\n"
                     "street < office: lane 0 messages 1-1\n"
                     "street < office: lane 0 messages 2-2\n"
                     "street < office: lane 0 messages 3-3\n"
                     "street > district: lane 0 messages 1-1\n"
                     "district < street: lane 0 messages 1-1\n"
                     "street > district: lane 0 messages 2-3\n"
                     "district < street: lane 0 messages 2-3\n"
                     "court: link is up\n"
                     "district = court: link is up\n"
                     "district > court: deliver lane 0 messages 1-1\n"
                     "district > court: deliver lane 0 messages 2-3\n"
                     "district < court: accepts lane 0 message 1\n"
                     "district < court: wants again lane 0 message 2\n"
                     "district < court: accepts lane 0 message 3\n"
                     "district > street: lane 0 messages 1-1\n"
                     "street < district: lane 0 messages 1-1\n"
                     "district > street: lane 0 messages 2-2\n"
                     "district dies\n"
                     "street > office: lane 3 messages 1-1\n"
                     "street < district: lane 0 messages 2-2\n"
                     "street - district: link ends: OK stream ended\n"
                     "court: link is down\n"
                     "street > office: lane 3 messages 2-2\n"
                     "district starts\n"
                     "street = district: link is up\n"
                     "court: link is up\n"
                     "district = street: link is up\n"
                     "district = court: link is up\n"
                     "district > court: deliver lane 0 messages 2-3\n"
                     "district < court: accepts lane 0 message 2\n"
                     "district > street: lane 0 messages 3-3\n"
                     "street < district: lane 0 messages 3-3\n"
                     "street > office: lane 3 messages 3-3\n");
    cr_assert_eq(story_outcome(&s, 0)->deliveries, 1);
    cr_assert_eq(story_outcome(&s, 1)->deliveries, 2);
    cr_assert_eq(story_outcome(&s, 2)->deliveries, 1);
    story_end(&s);
}
