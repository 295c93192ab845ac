/* Where messages go and what comes back. */
#include "scenarios/story.h"

#include <criterion/criterion.h>

Test(paths, a_case_travels_three_tiers_and_its_outcome_returns)
{
    struct story s = story_begin();
    uint32_t m = story_send(&s, s.hotline, s.court, QIAO_LANE_NORMAL, 0, 0);
    sim_run(s.sim, 200);
    story_expect(&s, "community < hotline: lane 0 messages 1-1\n"
                     "community > street: lane 0 messages 1-1\n"
                     "street < community: lane 0 messages 1-1\n"
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

Test(paths, a_refusal_carries_its_code_back)
{
    struct story s = story_begin();
    s.court->refuse_message = s.sim->messages_count + 1;
    uint32_t m = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 0, 0);
    sim_run(s.sim, 200);
    story_expect(&s, "street < office: lane 0 messages 1-1\n"
                     "street > district: lane 0 messages 1-1\n"
                     "district < street: lane 0 messages 1-1\n"
                     "district > court: deliver lane 0 messages 1-1\n"
                     "district < court: refuses lane 0 message 1: NOT_COMPETENT\n"
                     "district > street: lane 0 messages 1-1\n"
                     "street < district: lane 0 messages 1-1\n"
                     "street > office: lane 3 messages 1-1\n");
    cr_assert_eq(story_outcome(&s, m)->seen, QIAO_OUTCOME_REFUSED);
    cr_assert_eq(story_outcome(&s, m)->seen_code, QIAO_CODE_NOT_COMPETENT);
    story_end(&s);
}

Test(paths, no_route_is_an_outcome_of_the_node_that_finds_none)
{
    struct story s = story_begin();
    uint32_t m = story_send_to(&s, s.hotline, "880202", "court");
    sim_run(s.sim, 200);
    story_expect(&s, "community < hotline: lane 0 messages 1-1\n"
                     "community > street: lane 0 messages 1-1\n"
                     "street < community: lane 0 messages 1-1\n"
                     "street > district: lane 0 messages 1-1\n"
                     "district x message refused: NO_ROUTE\n"
                     "district < street: lane 0 messages 1-1\n"
                     "district > street: lane 0 messages 1-1\n"
                     "street < district: lane 0 messages 1-1\n"
                     "street > community: lane 0 messages 1-1\n"
                     "community < street: lane 0 messages 1-1\n"
                     "community > hotline: lane 3 messages 1-1\n");
    cr_assert_eq(story_outcome(&s, m)->seen, QIAO_OUTCOME_REFUSED);
    cr_assert_eq(story_outcome(&s, m)->seen_code, QIAO_CODE_NO_ROUTE);
    story_end(&s);
}

Test(paths, an_unknown_member_is_refused_by_the_last_node)
{
    struct story s = story_begin();
    uint32_t m = story_send_to(&s, s.hotline, "990101001", "library");
    sim_run(s.sim, 200);
    story_expect(&s, "community < hotline: lane 0 messages 1-1\n"
                     "community > street: lane 0 messages 1-1\n"
                     "street x message refused: UNKNOWN_MEMBER\n"
                     "street < community: lane 0 messages 1-1\n"
                     "street > community: lane 0 messages 1-1\n"
                     "community < street: lane 0 messages 1-1\n"
                     "community > hotline: lane 3 messages 1-1\n");
    cr_assert_eq(story_outcome(&s, m)->seen_code, QIAO_CODE_UNKNOWN_MEMBER);
    story_end(&s);
}

Test(paths, a_bulletin_reaches_every_member_of_the_area_once)
{
    struct story s = story_begin();
    uint32_t m = story_send_to(&s, s.court, "990101/**", "");
    sim_run(s.sim, 200);
    story_expect(&s, "district < court: lane 0 messages 1-1\n"
                     "district > street: lane 0 messages 1-1\n"
                     "district > court: deliver lane 0 messages 1-1\n"
                     "street < district: lane 0 messages 1-1\n"
                     "street > community: lane 0 messages 1-1\n"
                     "street > office: deliver lane 0 messages 1-1\n"
                     "district < court: accepts lane 0 message 1\n"
                     "community < street: lane 0 messages 1-1\n"
                     "district > court: lane 3 messages 1-1\n"
                     "street < office: accepts lane 0 message 1\n"
                     "community > hotline: deliver lane 0 messages 1-1\n"
                     "street > district: lane 0 messages 1-1\n"
                     "district < street: lane 0 messages 1-1\n"
                     "community < hotline: accepts lane 0 message 1\n"
                     "district > court: lane 3 messages 2-2\n"
                     "community > street: lane 0 messages 1-1\n"
                     "street < community: lane 0 messages 1-1\n"
                     "street > district: lane 0 messages 2-2\n"
                     "district < street: lane 0 messages 2-2\n"
                     "district > court: lane 3 messages 3-3\n");
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(story_outcome(&s, m)[i].deliveries, 1);
        cr_assert_eq(story_outcome(&s, m)[i].seen, QIAO_OUTCOME_ACCEPTED);
    }
    story_end(&s);
}

Test(paths, urgent_overtakes_bulk_that_waits)
{
    struct story s = story_begin();
    s.community->blocked_until_ms = s.sim->now_ms + 500;
    story_send(&s, s.hotline, s.office, QIAO_LANE_BULK, SIM_CASES, 0);
    story_send(&s, s.hotline, s.office, QIAO_LANE_NORMAL, SIM_CASES, 0);
    pipe_cut(s.sim, s.community->up_pipe);
    sim_run(s.sim, 100);
    story_told(&s);
    story_send(&s, s.hotline, s.office, QIAO_LANE_URGENT, SIM_CASES, 0);
    sim_run(s.sim, 2000);
    story_expect(&s, "community < hotline: lane 1 messages 1-1\n"
                     "community > street: lane 1 messages 1-1\n"
                     "community - street: link ends: OK stream ended\n"
                     "street - community: link ends: OK stream ended\n"
                     "community = street: link is up\n"
                     "community > street: lane 1 messages 1-1\n"
                     "community > street: lane 0 messages 1-1\n"
                     "community > street: lane 2 messages 1-1\n"
                     "street = community: link is up\n"
                     "street < community: lane 1 messages 1-1\n"
                     "street < community: lane 0 messages 1-1\n"
                     "street < community: lane 2 messages 1-1\n"
                     "street > office: deliver lane 1 messages 1-1\n"
                     "street > office: deliver lane 0 messages 1-1\n"
                     "street > office: deliver lane 2 messages 1-1\n"
                     "street < office: accepts lane 1 message 1\n"
                     "street < office: accepts lane 0 message 1\n"
                     "street < office: accepts lane 2 message 1\n"
                     "street > community: lane 1 messages 1-1\n"
                     "community < street: lane 1 messages 1-1\n"
                     "street > community: lane 0 messages 1-1\n"
                     "street > community: lane 2 messages 1-1\n"
                     "community > hotline: lane 3 messages 1-1\n"
                     "community < street: lane 0 messages 1-1\n"
                     "community < street: lane 2 messages 1-1\n"
                     "community > hotline: lane 3 messages 2-2\n"
                     "community > hotline: lane 3 messages 3-3\n");
    story_end(&s);
}
