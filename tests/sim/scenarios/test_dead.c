/* Messages that a member cannot take: it always says "later", or dies of them. They end, their owner is told, and nobody else suffers. */
#include "scenarios/story.h"

#include <criterion/criterion.h>

static void expect_dead(const struct story *s, uint32_t message, unsigned code)
{
    const struct sim_recipient *r = &s->sim->recipients[s->sim->messages[message].first_recipient];
    cr_assert_eq(r->seen, QIAO_OUTCOME_DEAD, "outcome %u", r->seen);
    cr_assert_eq(r->seen_code, code, "code %u", r->seen_code);
    cr_assert(r->told);
}

Test(dead, the_owner_on_another_node_is_told_once)
{
    struct story s = story_begin_owned();
    s.court->poison_message = s.sim->messages_count + 1;
    uint32_t m = story_send(&s, s.hotline, s.court, QIAO_LANE_NORMAL, 1, 0);
    sim_run(s.sim, 6000);
    expect_dead(&s, m, QIAO_CODE_RETRIES);
    cr_assert_eq(s.sim->recipients[m].deliveries, s.sim->attempts_max);
    story_end(&s);
}

Test(dead, what_expires_in_a_queue_is_told_too)
{
    struct story s = story_begin_owned();
    s.court->absent = true;
    member_disconnect(s.sim, s.court);
    uint32_t m = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 0, 1500);
    sim_run(s.sim, 4000);
    cr_assert_eq(story_outcome(&s, m)->seen, QIAO_OUTCOME_EXPIRED);
    cr_assert(story_outcome(&s, m)->told);
    story_end(&s);
}

Test(dead, a_message_that_kills_its_member_is_dead_and_its_case_goes_on)
{
    struct story s = story_begin_owned();
    s.court->deadly_message = s.sim->messages_count + 1;
    story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 1, 0);
    sim_run(s.sim, 5);
    story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 1, 0);
    story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 2, 0);
    sim_run(s.sim, 10000);
    story_expect(&s, "street < office: lane 0 messages 1-1\n"
                     "street > district: lane 0 messages 1-1\n"
                     "district < street: lane 0 messages 1-1\n"
                     "district > court: deliver lane 0 messages 1-1\n"
                     "court dies\n"
                     "district - court: link ends: OK stream ended\n"
                     "district < court: broke over lane 0 message 1\n"
                     "street < office: lane 0 messages 2-2\n"
                     "street < office: lane 0 messages 3-3\n"
                     "street > district: lane 0 messages 2-2\n"
                     "district < street: lane 0 messages 2-2\n"
                     "street > district: lane 0 messages 3-3\n"
                     "district < street: lane 0 messages 3-3\n"
                     "court: link is up\n"
                     "district = court: link is up\n"
                     "district > court: deliver again lane 0 message 1 (attempt 2)\n"
                     "court dies\n"
                     "district - court: link ends: OK stream ended\n"
                     "district < court: broke over lane 0 message 1\n"
                     "court: link is up\n"
                     "district = court: link is up\n"
                     "district > court: deliver what is left of lane 0 messages 1-1\n"
                     "district > court: deliver lane 0 messages 2-2\n"
                     "district > court: deliver lane 0 messages 3-3\n"
                     "district < court: accepts lane 0 message 3\n"
                     "district > street: lane 0 messages 1-1\n"
                     "street < district: lane 0 messages 1-1\n"
                     "street > office: lane 3 messages 1-1\n"
                     "district > court: deliver again lane 0 message 1 (attempt 3)\n"
                     "court dies\n"
                     "district - court: link ends: OK stream ended\n"
                     "district < court: broke over lane 0 message 1\n"
                     "court: link is up\n"
                     "district = court: link is up\n"
                     "district > court: deliver what is left of lane 0 messages 1-1\n"
                     "district > court: deliver what is left of lane 0 messages 2-2\n"
                     "district > court: deliver again lane 0 message 1 (attempt 4)\n"
                     "court dies\n"
                     "district - court: link ends: OK stream ended\n"
                     "district < court: broke over lane 0 message 1\n"
                     "district < court: gives up lane 0 message 1: CRASHES\n"
                     "district > street: lane 0 messages 2-3\n"
                     "street < district: lane 0 messages 2-3\n"
                     "street > office: lane 3 messages 2-2\n"
                     "street > office: deliver lane 0 messages 1-1\n"
                     "street < office: accepts lane 0 message 1\n"
                     "court: link is up\n"
                     "district = court: link is up\n"
                     "district > court: deliver what is left of lane 0 messages 2-2\n"
                     "district > court: deliver again lane 0 message 2 (attempt 1)\n"
                     "district < court: accepts lane 0 message 2\n"
                     "district > street: lane 0 messages 4-4\n"
                     "street < district: lane 0 messages 4-4\n"
                     "street > office: lane 3 messages 3-3\n");
    story_end(&s);
}

/* Forty in hand, one of them deadly: it is found in three breaks, and nobody else is blamed or waits for its end. */
Test(dead, one_of_many_in_hand_is_found_and_the_others_flow)
{
    struct story s = story_begin_owned();
    uint32_t first = s.sim->messages_count;
    s.court->absent = true;
    member_disconnect(s.sim, s.court);
    s.court->deadly_message = first + 20 + 1;
    for (int i = 0; i < 40; i++) story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, SIM_CASES, 0);
    sim_run(s.sim, 500);
    s.court->absent = false;
    member_dial(s.sim, s.court);
    while (s.sim->recipients[first + 20].crashes < 5) sim_run(s.sim, 10);
    for (uint32_t i = first; i < first + 40; i++)
        if (i != first + 20) cr_assert_eq(s.sim->recipients[i].seen, QIAO_OUTCOME_ACCEPTED, "message %u", i);
    sim_run(s.sim, 10000);
    expect_dead(&s, first + 20, QIAO_CODE_CRASHES);
    cr_assert_leq(s.sim->recipients[first + 20].crashes, 3 + s.sim->attempts_max);
    story_end(&s);
}

/* Two offices' cases beside a deadly one that comes again and again: each of its attempts takes the time of one crash from them, no more. */
Test(dead, others_wait_for_one_crash_at_a_time)
{
    struct story s = story_begin_owned();
    uint64_t longest_ms = 0;
    s.court->deadly_message = s.sim->messages_count + 1;
    uint32_t deadly = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 1, 0);
    while (!s.sim->recipients[deadly].seen) {
        uint32_t m = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 2, 0);
        uint64_t from_ms = s.sim->now_ms;
        while (!story_outcome(&s, m)->seen) sim_run(s.sim, 1);
        if (s.sim->now_ms - from_ms > longest_ms) longest_ms = s.sim->now_ms - from_ms;
    }
    expect_dead(&s, deadly, QIAO_CODE_CRASHES);
    cr_assert_lt(longest_ms, 600, "%llu ms", (unsigned long long)longest_ms); /* the member is back after some 50 ms; two crashes at most */
    story_end(&s);
}

Test(dead, attempts_are_counted_over_restarts_of_the_node)
{
    struct story s = story_begin_owned();
    s.court->deadly_message = s.sim->messages_count + 1;
    uint32_t m = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 1, 0);
    for (int i = 0; i < 3; i++) {
        uint32_t crashes = s.sim->recipients[m].crashes;
        while (s.sim->recipients[m].crashes == crashes) sim_run(s.sim, 1);
        sim_run(s.sim, 20); /* the attempt is on disk */
        node_crash(s.sim, s.district, 300);
    }
    sim_run(s.sim, 10000);
    expect_dead(&s, m, QIAO_CODE_CRASHES);
    cr_assert_eq(s.sim->recipients[m].crashes, s.sim->attempts_max);
    story_end(&s);
}

/* The line breaks with messages in hand, and the member is well: they are answered next time, and no harm is done. */
Test(dead, a_line_that_breaks_kills_nothing)
{
    struct story s = story_begin_owned();
    uint32_t first = s.sim->messages_count;
    for (int i = 0; i < 30; i++) {
        story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, (uint32_t)i % 3, 0);
        sim_run(s.sim, 3);
        if (s.court->pipe >= 0) pipe_cut(s.sim, s.court->pipe);
        sim_run(s.sim, 150);
    }
    sim_run(s.sim, 5000);
    for (uint32_t i = first; i < first + 30; i++) cr_assert_eq(s.sim->recipients[i].seen, QIAO_OUTCOME_ACCEPTED, "message %u", i);
    story_end(&s);
}

/* Of three recipients one was dead: after the repair exactly one more delivery, and the sender hears of it. */
Test(dead, tried_again_it_reaches_only_who_did_not_take_it)
{
    struct story s = story_begin_owned();
    s.court->poison_message = s.sim->messages_count + 1;
    uint32_t m = story_send_to(&s, s.court, "990101/**", ""), first = s.sim->messages[m].first_recipient;
    sim_run(s.sim, 6000);
    cr_assert_eq(s.sim->recipients[first + s.court->index].seen, QIAO_OUTCOME_DEAD);
    uint64_t before = s.sim->counts.deliveries;
    s.court->poison_message = 0;
    for (uint32_t i = 0; i < s.sim->nodes_count; i++) audit_retry(s.sim, &s.sim->nodes[i]);
    sim_run(s.sim, 3000);
    cr_assert_eq(s.sim->counts.deliveries, before + 1);
    cr_assert_eq(s.sim->recipients[first + s.court->index].revived, QIAO_OUTCOME_ACCEPTED);
    cr_assert_eq(s.sim->recipients[first + s.court->index].news, QIAO_OUTCOME_ACCEPTED);
    cr_assert_eq(s.sim->recipients[first + s.court->index].seen, QIAO_OUTCOME_DEAD); /* its one outcome stays */
    cr_assert_eq(s.sim->recipients[first + s.office->index].deliveries, 1);
    for (uint32_t i = 0; i < s.sim->nodes_count; i++) audit_retry(s.sim, &s.sim->nodes[i]);
    sim_run(s.sim, 3000);
    cr_assert_eq(s.sim->counts.deliveries, before + 1); /* nothing is dead any more */
    story_end(&s);
}

/* The node dies before the retry is on disk, and after it: the letter is dead or in the queue, never both and never gone. */
Test(dead, a_crash_loses_no_letter_that_is_tried_again)
{
    for (int durable = 0; durable < 2; durable++) {
        struct story s = story_begin_owned();
        s.court->poison_message = s.sim->messages_count + 1;
        uint32_t m = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 1, 0);
        sim_run(s.sim, 6000);
        expect_dead(&s, m, QIAO_CODE_RETRIES);
        s.court->poison_message = 0;
        s.district->hold_commits = true;
        s.district->torn = durable ? SIM_TORN_DURABLE : SIM_TORN_LOST;
        audit_retry(s.sim, s.district);
        sim_run(s.sim, 20);
        node_crash(s.sim, s.district, 300);
        s.district->hold_commits = false;
        sim_run(s.sim, 3000);
        cr_assert_eq(story_outcome(&s, m)->revived, durable ? QIAO_OUTCOME_ACCEPTED : QIAO_OUTCOME_NONE);
        audit_retry(s.sim, s.district);
        sim_run(s.sim, 3000);
        cr_assert_eq(story_outcome(&s, m)->revived, QIAO_OUTCOME_ACCEPTED);
        cr_assert_eq(story_outcome(&s, m)->deliveries, s.sim->attempts_max + 1);
        story_end(&s);
    }
}

/* Room for one letter: the second message goes on being tried, and is dead when the first has gone. Nothing is lost and nothing grows. */
Test(dead, without_room_a_message_goes_on_being_tried)
{
    struct story s = story_begin_owned();
    s.sim->dead_letters_max = 1;
    node_crash(s.sim, s.district, 100);
    sim_run(s.sim, 1000);
    s.court->poison_percent = 100;
    uint32_t first = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 1, 0), second = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 2, 0);
    sim_run(s.sim, 20000);
    uint32_t dead = story_outcome(&s, first)->seen ? first : second, tried = dead == first ? second : first;
    expect_dead(&s, dead, QIAO_CODE_RETRIES);
    cr_assert_eq(story_outcome(&s, tried)->seen, QIAO_OUTCOME_NONE);
    cr_assert_gt(story_outcome(&s, tried)->deliveries, 10);
    s.court->poison_percent = 0;
    audit_retry(s.sim, s.district);
    sim_run(s.sim, 5000);
    cr_assert_eq(story_outcome(&s, dead)->revived, QIAO_OUTCOME_ACCEPTED);
    cr_assert_eq(story_outcome(&s, tried)->seen, QIAO_OUTCOME_ACCEPTED);
    story_end(&s);
}

Test(dead, an_old_message_is_dead_however_few_its_attempts)
{
    struct story s = story_begin_owned();
    s.sim->attempts_max = 1000;
    s.sim->age_ms_max = 3000;
    node_crash(s.sim, s.district, 100);
    sim_run(s.sim, 1000);
    s.court->poison_message = s.sim->messages_count + 1;
    uint32_t m = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 1, 0);
    sim_run(s.sim, 2500);
    cr_assert_eq(story_outcome(&s, m)->seen, QIAO_OUTCOME_NONE);
    sim_run(s.sim, 2500);
    expect_dead(&s, m, QIAO_CODE_RETRIES);
    cr_assert_lt(story_outcome(&s, m)->deliveries, 20);
    story_end(&s);
}

/* The run in which it was dead still lies in the queue, for another message of it is not answered. Only the new place counts. */
Test(dead, tried_again_it_does_not_come_from_its_old_place_too)
{
    struct story s = story_begin_owned();
    s.court->poison_message = s.sim->messages_count + 2;
    story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 1, 0);
    uint32_t m = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 2, 0), behind = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 2, 0);
    while (!story_outcome(&s, m)->decided) sim_run(s.sim, 1);
    s.court->absent = true;
    member_disconnect(s.sim, s.court);
    s.court->poison_message = 0;
    sim_run(s.sim, 100);
    cr_assert_eq(story_outcome(&s, behind)->decided, QIAO_OUTCOME_NONE);
    uint32_t before = story_outcome(&s, m)->deliveries;
    audit_retry(s.sim, s.district);
    sim_run(s.sim, 50);
    node_crash(s.sim, s.district, 100);
    sim_run(s.sim, 500);
    s.court->absent = false;
    member_dial(s.sim, s.court);
    sim_run(s.sim, 3000);
    cr_assert_eq(story_outcome(&s, m)->deliveries, before + 1);
    cr_assert_eq(story_outcome(&s, m)->revived, QIAO_OUTCOME_ACCEPTED);
    story_end(&s);
}
