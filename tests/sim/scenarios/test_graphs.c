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

/* north (990101), east (990201), south (990202), west (990203), each joined with the next, an office in each; the senders are `office`'s. */
static struct story ring_begin(void)
{
    static const char *const names[] = { "north", "east", "south", "west" }, *const areas[] = { "990101", "990201", "990202", "990203" };
    struct sim_options options = { .seed = 7, .keep_trace = true, .calm = true, .graph = true };
    struct story s = { .sim = sim_new(&options) };
    s.sim->latency_ms_max = 1;
    for (uint32_t i = 0; i < 4; i++) sim_add_node(s.sim, names[i], areas[i], -1);
    for (uint32_t i = 0; i < 4; i++) edges_add(s.sim, i, (i + 1) % 4);
    for (uint32_t i = 0; i < 4; i++) sim_add_member(s.sim, i, "office", true);
    s.office = &s.sim->members[0];
    sim_start(s.sim);
    sim_run(s.sim, 12000);
    s.sim->trace.size = 0;
    return s;
}

/* The edge between two neighbours of the ring. */
static struct sim_edge *edge_of(struct story *s, uint32_t from)
{
    cr_assert(s->sim->edges[from].from == from && s->sim->edges[from].pipe >= 0);
    return &s->sim->edges[from];
}

static void expect_once(struct story *s, uint32_t m)
{
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(story_outcome(s, m)[i].deliveries, 1, "office %u has it %u times", i, story_outcome(s, m)[i].deliveries);
        cr_assert_eq(story_outcome(s, m)[i].seen, QIAO_OUTCOME_ACCEPTED, "office %u", i);
    }
}

Test(graphs, a_notice_crosses_three_edges_of_a_ring_and_reaches_everybody_once)
{
    struct story s = ring_begin();
    uint32_t m = story_send_to(&s, s.office, "99/**", "");
    sim_run(s.sim, 500);
    story_expect(&s, "north = east is given 990201/**, 990202/**\n"
                     "north = west is given 990203/**\n"
                     "north < office: lane 0 messages 1-1\n"
                     "north > east: lane 0 messages 1-1\n"
                     "north > west: lane 0 messages 1-1\n"
                     "north > office: deliver lane 0 messages 1-1\n"
                     "west < north: lane 0 messages 1-1\n"
                     "east = south is given 990202/**\n"
                     "east < north: lane 0 messages 1-1\n"
                     "west > office: deliver lane 0 messages 1-1\n"
                     "east > south: lane 0 messages 1-1\n"
                     "east > office: deliver lane 0 messages 1-1\n"
                     "north < office: accepts lane 0 message 1\n"
                     "south < east: lane 0 messages 1-1\n"
                     "north > office: lane 3 messages 1-1\n"
                     "west < office: accepts lane 0 message 1\n"
                     "east < office: accepts lane 0 message 1\n"
                     "south > office: deliver lane 0 messages 1-1\n"
                     "west > north: lane 0 messages 1-1\n"
                     "east > north: lane 0 messages 1-1\n"
                     "north < west: lane 0 messages 1-1\n"
                     "north < east: lane 0 messages 1-1\n"
                     "south < office: accepts lane 0 message 1\n"
                     "south > east: lane 0 messages 1-1\n"
                     "north > office: lane 3 messages 2-3\n"
                     "east < south: lane 0 messages 1-1\n"
                     "east > north: lane 0 messages 2-2\n"
                     "north < east: lane 0 messages 2-2\n"
                     "north > office: lane 3 messages 4-4\n");
    expect_once(&s, m);
    cr_assert_eq(s.sim->counts.crossings, 3);
    story_end(&s);
}

Test(graphs, what_a_broken_edge_holds_of_a_notice_goes_round_the_other_way)
{
    struct story s = ring_begin();
    struct sim_edge *edge = edge_of(&s, 1);
    edge->gone = true;
    pipe_cut(s.sim, edge->pipe);
    uint32_t m = story_send_to(&s, s.office, "99/**", "");
    sim_run(s.sim, 500);
    cr_assert_eq(story_outcome(&s, m)[2].deliveries, 0, "east waits for the line to south");
    sim_run(s.sim, 10000);
    expect_once(&s, m);
    cr_assert_eq(s.sim->counts.crossings, 5, "to east and west, back to north, to west again, and to south");
    cr_assert_eq(s.sim->counts.crossings_again, 2, "of these by the part for south");
    story_end(&s);
}

/* East has the part for south on its disk, and dies. Of the next notice south's part goes over west, and waits there for the one before. */
Test(graphs, notices_of_one_case_keep_their_order_when_ways_change)
{
    struct story s = ring_begin();
    struct sim_edge *edge = edge_of(&s, 1);
    edge->blocked_until_ms = SIM_NEVER / 2;
    uint32_t first = story_send_notice(&s, s.office, "99/**", 1);
    sim_run(s.sim, 50);
    pipe_cut(s.sim, edge->pipe);
    node_crash(s.sim, &s.sim->nodes[1], 20000);
    edge->blocked_until_ms = 0;
    sim_run(s.sim, 10000);
    uint32_t second = story_send_notice(&s, s.office, "99/**", 1);
    sim_run(s.sim, 5000);
    cr_assert_eq(story_outcome(&s, first)[2].deliveries, 0);
    cr_assert_eq(story_outcome(&s, second)[2].deliveries, 0, "it came before its time");
    cr_assert_eq(story_outcome(&s, second)[3].deliveries, 1, "at west both are there");
    sim_run(s.sim, 20000);
    expect_once(&s, first);
    expect_once(&s, second);
    story_end(&s);
}
