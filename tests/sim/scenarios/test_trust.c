/* Everything the adversary tries, one by one: refused, told of by name and code, and no harm to anybody else. */
#include "scenarios/story.h"

#include "adversary.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

/* Messages both ways that come to their end, so that there is something to play back. */
static void talk(struct story *s)
{
    for (unsigned i = 0; i < 4; i++) {
        story_send(s, s->court, s->office, QIAO_LANE_NORMAL, i % 2, 0);
        story_send(s, s->office, s->court, QIAO_LANE_NORMAL, i % 2, 0);
        story_send(s, s->hotline, s->office, QIAO_LANE_NORMAL, SIM_CASES, 0);
        sim_run(s->sim, 100);
    }
    sim_run(s->sim, 1000);
}

/* Two messages more, one from the hostile node and one through it, which the district does not get on disk before it is told to. */
struct on_hold { uint32_t messages[2]; };

static struct on_hold send_and_hold(struct story *s)
{
    struct on_hold held;
    s->district->hold_commits = true;
    held.messages[0] = story_send(s, s->office, s->court, QIAO_LANE_NORMAL, SIM_CASES, 0);
    held.messages[1] = story_send(s, s->hotline, s->court, QIAO_LANE_NORMAL, SIM_CASES, 0);
    sim_run(s->sim, 100);
    return held;
}

static void release(struct story *s, const struct on_hold *held, const char *act)
{
    disk_release(s->sim, s->district);
    sim_run(s->sim, 4000);
    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(story_outcome(s, held->messages[i])->seen, QIAO_OUTCOME_ACCEPTED, "%s: honest message %u did not come to its end", act, i);
}

static void try(struct story *s, const struct act *act)
{
    struct adversary *a = s->sim->adversary;
    size_t index = (size_t)(act - adversary_acts);
    uint64_t before = a->counts[index];
    adversary_try(a, act);
    for (unsigned i = 0; i < 100 && a->counts[index] == before && !s->sim->failed; i++) sim_run(s->sim, 100);
    cr_assert(!s->sim->failed, "%s: %s", act->name, s->sim->failure);
    cr_assert_eq(a->counts[index], before + 1, "nobody was told: %s", act->name);
}

ParameterizedTestParameters(trust, each_act_is_refused_and_told_of)
{
    static size_t indices[64];
    for (size_t i = 0; i < adversary_acts_count; i++) indices[i] = i;
    return cr_make_param_array(size_t, indices, adversary_acts_count);
}

ParameterizedTest(const size_t *index, trust, each_act_is_refused_and_told_of)
{
    struct story s = story_begin_hostile();
    const struct act *act = &adversary_acts[*index];
    talk(&s);
    uint64_t deliveries = s.sim->counts.deliveries;
    struct on_hold held = send_and_hold(&s);
    try(&s, act);
    cr_assert_eq(s.sim->counts.deliveries, deliveries, "%s: something was delivered", act->name);
    release(&s, &held, act->name);
    adversary_final(s.sim);
    checks_final(s.sim);
    story_end(&s);
}

/* While the sender is cut off from everybody else: the recipient gets both messages, each from who sent it. */
Test(trust, an_id_that_somebody_else_used_first_is_still_the_senders)
{
    struct story s = story_begin_hostile();
    talk(&s);
    s.community->blocked_until_ms = s.sim->now_ms + 4000;
    uint32_t message = story_send(&s, s.hotline, s.court, QIAO_LANE_NORMAL, SIM_CASES, 0);
    for (size_t i = 0; i < adversary_acts_count; i++)
        if (strcmp(adversary_acts[i].name, "another's id, before it came") == 0) try(&s, &adversary_acts[i]);
    cr_assert_eq(story_outcome(&s, message)->deliveries, 0);
    sim_run(s.sim, 12000);
    cr_assert_eq(story_outcome(&s, message)->seen, QIAO_OUTCOME_ACCEPTED);
    checks_final(s.sim);
    story_end(&s);
}

/* Accepted in time, it stays accepted: its second copy is recognised although it comes too late. */
Test(trust, a_message_played_back_after_it_expired_is_told_of_as_known)
{
    struct story s = story_begin_hostile();
    for (unsigned i = 0; i < 4; i++) story_send(&s, s.court, s.office, QIAO_LANE_NORMAL, SIM_CASES, 1500);
    sim_run(s.sim, 3000);
    for (size_t i = 0; i < adversary_acts_count; i++)
        if (strcmp(adversary_acts[i].name, "old messages under new sequences") == 0) try(&s, &adversary_acts[i]);
    checks_final(s.sim);
    story_end(&s);
}

/* One after the other at one node: what an act leaves behind does not hide the next. */
Test(trust, all_acts_in_a_row)
{
    struct story s = story_begin_hostile();
    talk(&s);
    struct on_hold held = send_and_hold(&s);
    for (size_t i = 0; i < adversary_acts_count; i++) try(&s, &adversary_acts[i]);
    release(&s, &held, "all");
    cr_assert_eq(s.sim->counts.hostile, adversary_acts_count);
    checks_final(s.sim);
    story_end(&s);
}
