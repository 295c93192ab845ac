/* Messages and outcomes where there is no line: carried by hand. */
#include "scenarios/story.h"

#include "courier.h"

#include <criterion/criterion.h>

static void carry(struct story *s, const struct sim_node *from, const struct sim_node *to)
{
    uint64_t taken = s->sim->counts.bundles;
    courier_send(s->sim, from->index, to->index);
    for (unsigned i = 0; i < 100 && !courier_is_resting(s->sim); i++) sim_run(s->sim, 100);
    cr_assert(courier_is_resting(s->sim));
    cr_assert_gt(s->sim->counts.bundles, taken, "no page from %s was taken by %s", from->name, to->name);
}

Test(bundles, a_case_and_its_outcome_travel_without_a_line)
{
    struct story s = story_begin_without_a_line();
    uint32_t m = story_send(&s, s.hotline, s.court, QIAO_LANE_NORMAL, 0, 0);
    sim_run(s.sim, 200);
    cr_assert_eq(story_outcome(&s, m)->deliveries, 0);
    carry(&s, s.street, s.district);
    cr_assert_eq(story_outcome(&s, m)->deliveries, 1);
    cr_assert_eq(story_outcome(&s, m)->seen, 0);
    carry(&s, s.district, s.street); /* the outcome, and the receipt for the message */
    sim_run(s.sim, 200);
    cr_assert_eq(story_outcome(&s, m)->seen, QIAO_OUTCOME_ACCEPTED);
    carry(&s, s.street, s.district); /* the receipt for the outcome */
    sim_run(s.sim, 200);
    cr_assert_eq(audit_queued(s.sim), 0);
    checks_final(s.sim);
    story_end(&s);
}

Test(bundles, what_is_carried_twice_takes_effect_once)
{
    struct story s = story_begin_without_a_line();
    uint32_t m = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 0, 0);
    sim_run(s.sim, 200);
    carry(&s, s.street, s.district);
    carry(&s, s.street, s.district);
    cr_assert_eq(story_outcome(&s, m)->deliveries, 1);
    carry(&s, s.district, s.street);
    cr_assert_eq(story_outcome(&s, m)->seen, QIAO_OUTCOME_ACCEPTED);
    story_end(&s);
}

/* The first is carried, then a line is there: what it brings again is known, and the rest follows. */
Test(bundles, a_line_goes_on_where_bundles_ended)
{
    struct story s = story_begin_without_a_line();
    uint32_t first = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 0, 0);
    sim_run(s.sim, 200);
    carry(&s, s.street, s.district);
    uint32_t second = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 0, 0);
    s.street->blocked_until_ms = 0;
    sim_run(s.sim, 3000);
    cr_assert_eq(story_outcome(&s, first)->deliveries, 1);
    cr_assert_eq(story_outcome(&s, second)->deliveries, 1);
    cr_assert_eq(story_outcome(&s, first)->seen, QIAO_OUTCOME_ACCEPTED);
    cr_assert_eq(story_outcome(&s, second)->seen, QIAO_OUTCOME_ACCEPTED);
    cr_assert_eq(audit_queued(s.sim), 0);
    story_end(&s);
}
