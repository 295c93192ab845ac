/* Evidence that is old goes, a little at a time; what could still be taken again stays known. */
#include "scenarios/story.h"

#include "adversary.h"

#include <criterion/criterion.h>

#define MINUTE_MS 60000u

static bool count_one(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    (void)key;
    (void)value;
    ++*(uint64_t *)context;
    return true;
}

static uint64_t records(const struct sim_node *node, char prefix)
{
    const char behind = (char)(prefix + 1);
    uint64_t count = 0;
    store_scan(node->store, qiao_bytes(&prefix, 1), qiao_bytes(&behind, 1), count_one, &count);
    return count;
}

static void talk(struct story *s, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        story_send(s, s->hotline, s->court, QIAO_LANE_NORMAL, SIM_CASES, 0);
        story_send(s, s->court, s->office, QIAO_LANE_NORMAL, SIM_CASES, 0);
        sim_run(s->sim, 100);
    }
    sim_run(s->sim, 1000);
}

/* Ten minutes are kept, and signatures are taken for five. */
static struct story begin(void)
{
    struct story s = story_begin_hostile();
    s.sim->keep_evidence_ms = 10 * MINUTE_MS;
    s.sim->signed_age_ms_max = 5 * MINUTE_MS;
    for (uint32_t i = 0; i < s.sim->nodes_count; i++) node_crash(s.sim, &s.sim->nodes[i], 50);
    sim_run(s.sim, 5000);
    return s;
}

/* What was overheard on its way to the office, once more from the hostile neighbour. */
static uint32_t play_back(struct story *s)
{
    struct adversary *a = s->sim->adversary;
    uint32_t sent = 0;
    for (unsigned i = 0; i < OVERHEARD_MAX; i++) {
        struct pb_reader r = pb_reader(buf_bytes(&a->overheard[i].entries));
        struct qiao_bytes raw;
        struct envelope e;
        if (a->overheard[i].count == 0 || !run_next(&r, &raw) || envelope_open(raw, &e) != QIAO_CODE_OK || e.header.kind == QIAO_KIND_RECEIPT) continue;
        if (!qiao_bytes_equal(e.header.destination.area, qiao_bytes_from_string(s->street->area))) continue;
        words_send(a, HARBOUR, a->overheard[i].count, buf_bytes(&a->overheard[i].entries));
        sent += a->overheard[i].count;
    }
    sim_run(s->sim, 2000);
    return sent;
}

Test(retention, evidence_goes_after_its_time_and_what_comes_again_then_is_too_old)
{
    static const char ended[] = "DHORS";
    struct story s = begin();
    talk(&s, 20);
    uint64_t deliveries = s.sim->counts.deliveries, units = records(s.street, 'L'), places = records(s.street, 'I'), custody = records(s.street, 'C');
    cr_assert(records(s.district, 'H') > 0 && records(s.district, 'O') > 0 && records(s.street, 'D') > 0 && records(s.district, 'S') > 0);
    cr_assert(units > 0 && places > 0 && custody > 2);
    cr_assert_gt(play_back(&s), 0);
    cr_assert_eq(s.sim->counts.deliveries, deliveries, "known while their records are there");
    sim_run(s.sim, 8 * MINUTE_MS);
    cr_assert_gt(records(s.street, 'D'), 0, "kept for its time");
    sim_run(s.sim, 90 * MINUTE_MS);
    for (uint32_t i = 0; i < s.sim->nodes_count; i++)
        for (size_t k = 0; ended[k]; k++) cr_assert_eq(records(&s.sim->nodes[i], ended[k]), 0, "%s keeps %c", s.sim->nodes[i].name, ended[k]);
    cr_assert_lt(records(s.street, 'L'), units);
    cr_assert_lt(records(s.street, 'I'), places);
    cr_assert_lt(records(s.street, 'C'), custody);
    cr_assert_gt(play_back(&s), 0);
    cr_assert_eq(s.sim->counts.deliveries, deliveries, "too old to be taken again");
    node_crash(s.sim, s.street, 50);
    sim_run(s.sim, 5000);
    uint32_t message = story_send(&s, s.hotline, s.court, QIAO_LANE_NORMAL, SIM_CASES, 0);
    sim_run(s.sim, 2000);
    cr_assert_eq(story_outcome(&s, message)->seen, QIAO_OUTCOME_ACCEPTED, "and life goes on");
    books_end(s.sim);
    checks_final(s.sim);
    story_end(&s);
}

Test(retention, what_is_open_stays)
{
    struct story s = begin();
    s.court->absent = true;
    member_disconnect(s.sim, s.court);
    uint32_t message = story_send(&s, s.hotline, s.court, QIAO_LANE_NORMAL, SIM_CASES, 0);
    sim_run(s.sim, 90 * MINUTE_MS);
    cr_assert_eq(records(s.district, 'D'), 1);
    cr_assert_eq(records(s.community, 'O'), 1);
    s.court->absent = false;
    member_dial(s.sim, s.court);
    sim_run(s.sim, 5000);
    cr_assert_eq(story_outcome(&s, message)->seen, QIAO_OUTCOME_ACCEPTED);
    checks_final(s.sim);
    story_end(&s);
}
