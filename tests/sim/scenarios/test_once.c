/* The same message again, and the same delivery again. */
#include "scenarios/story.h"

#include <criterion/criterion.h>

Test(once, a_duplicate_gets_the_original_receipt)
{
    struct story s = story_begin();
    uint32_t m = story_send(&s, s.hotline, s.office, QIAO_LANE_NORMAL, 0, 0);
    sim_run(s.sim, 200);
    story_told(&s);
    uint64_t receipts = s.sim->counts.receipts;
    story_send_again(&s, m, false);
    sim_run(s.sim, 200);
    story_expect(&s, "community < hotline: lane 0 messages 2-2\n"
                     "community > hotline: lane 3 messages 2-2\n");
    cr_assert_eq(s.sim->counts.receipts, receipts + 1);
    cr_assert_eq(story_outcome(&s, m)->deliveries, 1);
    story_end(&s);
}

Test(once, the_same_id_with_other_content_is_a_conflict)
{
    struct story s = story_begin();
    uint32_t m = story_send(&s, s.hotline, s.office, QIAO_LANE_NORMAL, 0, 0);
    sim_run(s.sim, 200);
    story_told(&s);
    story_send_again(&s, m, true);
    sim_run(s.sim, 200);
    story_expect(&s, "community x message refused: CONFLICT\n"
                     "community < hotline: lane 0 messages 2-2\n"
                     "community > hotline: lane 3 messages 2-2\n");
    cr_assert_eq(story_outcome(&s, m)->deliveries, 1);
    story_end(&s);
}

Test(once, a_member_that_dies_before_its_verdict_left_gets_the_message_again)
{
    struct story s = story_begin();
    s.court->crash_at_delivery = SIM_CRASH_BEFORE_VERDICT;
    uint32_t m = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 0, 0);
    sim_run(s.sim, 4000);
    story_expect(&s, "street < office: lane 0 messages 1-1\n"
                     "street > district: lane 0 messages 1-1\n"
                     "district < street: lane 0 messages 1-1\n"
                     "district > court: deliver lane 0 messages 1-1\n"
                     "court dies\n"
                     "district - court: link ends: OK stream ended\n"
                     "district < court: broke over lane 0 message 1\n"
                     "court: link is up\n"
                     "district = court: link is up\n"
                     "district > court: deliver again lane 0 message 1 (attempt 2)\n"
                     "district < court: accepts lane 0 message 1\n"
                     "district > street: lane 0 messages 1-1\n"
                     "street < district: lane 0 messages 1-1\n"
                     "street > office: lane 3 messages 1-1\n");
    cr_assert_eq(story_outcome(&s, m)->deliveries, 2);
    cr_assert_eq(story_outcome(&s, m)->seen, QIAO_OUTCOME_ACCEPTED);
    story_end(&s);
}

Test(once, a_member_that_dies_after_its_verdict_left_does_not)
{
    struct story s = story_begin();
    s.court->crash_at_delivery = SIM_CRASH_AFTER_VERDICT;
    uint32_t m = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 0, 0);
    sim_run(s.sim, 2000);
    story_expect(&s, "street < office: lane 0 messages 1-1\n"
                     "street > district: lane 0 messages 1-1\n"
                     "district < street: lane 0 messages 1-1\n"
                     "district > court: deliver lane 0 messages 1-1\n"
                     "court dies\n"
                     "district < court: accepts lane 0 message 1\n"
                     "district - court: link ends: OK stream ended\n"
                     "district > street: lane 0 messages 1-1\n"
                     "street < district: lane 0 messages 1-1\n"
                     "street > office: lane 3 messages 1-1\n"
                     "court: link is up\n"
                     "district = court: link is up\n");
    cr_assert_eq(story_outcome(&s, m)->deliveries, 1);
    cr_assert_eq(story_outcome(&s, m)->seen, QIAO_OUTCOME_ACCEPTED);
    story_end(&s);
}

Test(once, a_crash_between_commit_and_acknowledgement_makes_no_second_message)
{
    struct story s = story_begin();
    s.street->hold_commits = true;
    s.street->torn = SIM_TORN_DURABLE;
    uint32_t m = story_send(&s, s.hotline, s.office, QIAO_LANE_NORMAL, 0, 0);
    sim_run(s.sim, 50);
    node_crash(s.sim, s.street, 300);
    s.street->hold_commits = false;
    sim_run(s.sim, 2000);
    story_expect(&s, "community < hotline: lane 0 messages 1-1\n"
                     "community > street: lane 0 messages 1-1\n"
                     "street < community: lane 0 messages 1-1\n"
                     "street dies in the middle of a commit\n"
                     "district - street: link ends: OK stream ended\n"
                     "community - street: link ends: OK stream ended\n"
                     "office: link is down\n"
                     "street starts\n"
                     "street = district: link is up\n"
                     "district = street: link is up\n"
                     "community = street: link is up\n"
                     "office: link is up\n"
                     "street = community: link is up\n"
                     "street = office: link is up\n"
                     "street > office: deliver lane 0 messages 1-1\n"
                     "street < office: accepts lane 0 message 1\n"
                     "street > community: lane 0 messages 1-1\n"
                     "community < street: lane 0 messages 1-1\n"
                     "community > hotline: lane 3 messages 1-1\n");
    cr_assert_eq(story_outcome(&s, m)->deliveries, 1);
    cr_assert_eq(story_outcome(&s, m)->seen, QIAO_OUTCOME_ACCEPTED);
    story_end(&s);
}

Test(once, a_crash_before_the_commit_makes_the_sender_send_again)
{
    struct story s = story_begin();
    s.street->hold_commits = true;
    s.street->torn = SIM_TORN_LOST;
    uint32_t m = story_send(&s, s.hotline, s.office, QIAO_LANE_NORMAL, 0, 0);
    sim_run(s.sim, 50);
    node_crash(s.sim, s.street, 300);
    s.street->hold_commits = false;
    sim_run(s.sim, 2000);
    story_expect(&s, "community < hotline: lane 0 messages 1-1\n"
                     "community > street: lane 0 messages 1-1\n"
                     "street < community: lane 0 messages 1-1\n"
                     "street dies in the middle of a commit\n"
                     "district - street: link ends: OK stream ended\n"
                     "community - street: link ends: OK stream ended\n"
                     "office: link is down\n"
                     "street starts\n"
                     "street = district: link is up\n"
                     "district = street: link is up\n"
                     "community = street: link is up\n"
                     "community > street: lane 0 messages 1-1\n"
                     "office: link is up\n"
                     "street = community: link is up\n"
                     "street < community: lane 0 messages 1-1\n"
                     "street = office: link is up\n"
                     "street > office: deliver lane 0 messages 1-1\n"
                     "street < office: accepts lane 0 message 1\n"
                     "street > community: lane 0 messages 1-1\n"
                     "community < street: lane 0 messages 1-1\n"
                     "community > hotline: lane 3 messages 1-1\n");
    cr_assert_eq(story_outcome(&s, m)->deliveries, 1);
    cr_assert_eq(story_outcome(&s, m)->seen, QIAO_OUTCOME_ACCEPTED);
    story_end(&s);
}

/* The member's machine is gone without a word; the next session takes over while the node still believes in the first. */
Test(once, a_newer_session_replaces_the_one_that_went_without_a_word)
{
    struct story s = story_begin();
    struct sim_pipe *pipe = s.sim->pipes[s.court->pipe];
    pipe->ends[pipe_end_of(s.sim, s.court->pipe, SIM_END_MEMBER, s.court->index)].open = false;
    s.court->pipe = -1;
    session_disconnected(&s.court->session);
    uint32_t m = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 0, 0);
    sim_run(s.sim, 100);
    member_dial(s.sim, s.court);
    sim_run(s.sim, 500);
    story_expect(&s, "court: link is down\n"
                     "street < office: lane 0 messages 1-1\n"
                     "street > district: lane 0 messages 1-1\n"
                     "district < street: lane 0 messages 1-1\n"
                     "district > court: deliver lane 0 messages 1-1\n"
                     "court: link is up\n"
                     "district - court: link ends: LINK_REPLACED a newer link of the same peer took over\n"
                     "district = court: link is up\n"
                     "district > court: deliver what is left of lane 0 messages 1-1\n"
                     "district < court: accepts lane 0 message 1\n"
                     "district > street: lane 0 messages 1-1\n"
                     "street < district: lane 0 messages 1-1\n"
                     "street > office: lane 3 messages 1-1\n");
    cr_assert_eq(story_outcome(&s, m)->seen, QIAO_OUTCOME_ACCEPTED);
    story_end(&s);
}
