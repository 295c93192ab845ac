/* Federations with more links than a tree has. */
#include "scenarios/story.h"

#include <criterion/criterion.h>

/* hub (990001) with leaf (990001005) behind it, three towns around it that know one another; office at north, court at leaf, which offers a
 * service. towns_know_leaf: they have links to it too. */
static struct story wheel_begin(bool towns_know_leaf)
{
    static const char *const towns[] = { "north", "south", "west" }, *const areas[] = { "990002", "990003", "990004" };
    struct sim_options options = { .seed = 7, .keep_trace = true, .calm = true, .graph = true };
    struct story s = { .sim = sim_new(&options) };
    s.sim->latency_ms_max = 1;
    uint32_t hub = sim_add_node(s.sim, "hub", "990001", -1), leaf = sim_add_node(s.sim, "leaf", "990001005", -1);
    edges_add(s.sim, leaf, hub);
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t town = sim_add_node(s.sim, towns[i], areas[i], -1);
        for (uint32_t other = hub; other < town; other++)
            if (other != leaf || towns_know_leaf) edges_add(s.sim, town, other);
    }
    uint32_t office = sim_add_member(s.sim, leaf + 1, "office", true), court = sim_add_member(s.sim, leaf, "court", true);
    s.community = &s.sim->nodes[leaf];
    s.office = &s.sim->members[office];
    s.court = &s.sim->members[court];
    s.court->service = "notary";
    sim_start(s.sim);
    sim_run(s.sim, 2000);
    s.sim->trace.size = 0;
    return s;
}

Test(graphs, what_waits_for_a_node_that_is_away_does_not_wander)
{
    struct story s = wheel_begin(false);
    node_crash(s.sim, s.community, 30000);
    sim_run(s.sim, 8000);
    (void)story_told(&s);
    uint32_t m = story_send(&s, s.office, s.court, QIAO_LANE_NORMAL, 0, 0);
    sim_run(s.sim, 20000);
    story_expect(&s, "north < office: lane 0 messages 1-1\n");
    cr_assert_eq(story_outcome(&s, m)->seen, 0);
    sim_run(s.sim, 6000);
    cr_assert_eq(story_outcome(&s, m)->seen, QIAO_OUTCOME_ACCEPTED);
    story_end(&s);
}

Test(graphs, of_a_node_that_is_away_nobody_talks_for_ever)
{
    struct story s = wheel_begin(true);
    node_crash(s.sim, s.community, 60000);
    sim_run(s.sim, 8000);
    cr_assert_not_null(strstr(story_told(&s), "north > south: routes\n"));
    sim_run(s.sim, 20000);
    story_expect(&s, "");
    story_end(&s);
}
