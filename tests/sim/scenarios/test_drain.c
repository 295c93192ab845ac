/* After an outage: what has waited goes out at a bounded rate, the urgent lane first; what is new passes it; cases keep their order. */
#include "scenarios/story.h"

#include "core/state.h"

#include <criterion/criterion.h>

enum { SECOND = 1000, RATE = 20, FAST = 200, LIVE_MAX = 64 };

/* What the street has taken from the community, lane by lane, millisecond by millisecond. */
struct intake {
    struct story *s;
    uint64_t rate;
    uint64_t now[QIAO_LANES];
    uint64_t last[SECOND];         /* in all, as of each millisecond of the last second: ring */
    uint64_t backlog[QIAO_LANES];  /* waiting at the community when the line came back */
    uint64_t live_ms[LIVE_MAX];    /* when what passed the backlog arrived, at the earliest */
    uint32_t live;
    uint64_t most;                 /* of the backlog, in a second */
};

static const struct peer *neighbour(const struct sim_node *node, enum link_role role)
{
    for (size_t i = 0; node->core && i < node->core->links_count; i++)
        if (node->core->peers[i].role == role) return &node->core->peers[i];
    return NULL;
}

static void look(struct intake *in)
{
    const struct peer *community = neighbour(in->s->street, LINK_ROLE_CHILD_NODE);
    for (const struct stream *stream = community ? community->streams : NULL; stream; stream = stream->next)
        for (unsigned lane = 0; lane < QIAO_LANES; lane++)
            if (stream->received[lane] > in->now[lane]) in->now[lane] = stream->received[lane];
}

static uint64_t in_all(const struct intake *in)
{
    return in->now[0] + in->now[1] + in->now[2];
}

static struct intake begin_to_look(struct story *s, uint64_t rate)
{
    struct intake in = { .s = s, .rate = rate };
    const struct peer *up = neighbour(s->community, LINK_ROLE_PARENT_NODE);
    look(&in);
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) in.backlog[lane] = up->queues[lane].tail - up->queues[lane].head;
    for (int i = 0; i < SECOND; i++) in.last[i] = in_all(&in);
    return in;
}

static uint32_t live_in_the_last_second(const struct intake *in)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < in->live; i++) count += in->live_ms[i] + SECOND > in->s->sim->now_ms;
    return count;
}

/* No second, begin it when it may, has more of the backlog in it than the limit. */
static void run(struct intake *in, uint64_t for_ms)
{
    for (uint64_t i = 0; i < for_ms && !in->s->sim->failed; i++) {
        sim_run(in->s->sim, 1);
        look(in);
        uint64_t *before = &in->last[in->s->sim->now_ms % SECOND], gained = in_all(in) - *before, live = live_in_the_last_second(in);
        if (gained > in->most + live) in->most = gained - live;
        cr_assert_leq(gained, in->rate + live, "at %llu ms the last second brought %llu messages", (unsigned long long)in->s->sim->now_ms, (unsigned long long)gained);
        *before = in_all(in);
    }
}

static uint32_t send_live(struct intake *in, unsigned lane, uint32_t case_number)
{
    cr_assert_lt(in->live, LIVE_MAX);
    in->live_ms[in->live++] = in->s->sim->now_ms + 20; /* it is there by then, if it passes at all */
    return story_send(in->s, in->s->hotline, in->s->court, lane, case_number, 0);
}

static uint64_t waiting(const struct story *s)
{
    const struct peer *up = neighbour(s->community, LINK_ROLE_PARENT_NODE);
    uint64_t count = 0;
    for (unsigned lane = 0; up && lane < QIAO_LANES; lane++) count += up->queues[lane].tail - up->queues[lane].head;
    return count;
}

static bool all_accepted(const struct story *s)
{
    for (uint32_t i = 0; i < s->sim->messages_count; i++)
        if (s->sim->recipients[s->sim->messages[i].first_recipient].seen != QIAO_OUTCOME_ACCEPTED) return false;
    return true;
}

static bool is_seen(const struct story *s, uint32_t message)
{
    return s->sim->recipients[s->sim->messages[message].first_recipient].seen == QIAO_OUTCOME_ACCEPTED;
}

/* Urgent case 3, normal case 0, bulk case 1; then, with the line back, a normal message of no case that waits, and one of case 0. */
Test(drain, a_backlog_goes_lane_by_lane_at_its_rate_and_what_is_new_passes_it)
{
    struct story s = story_begin_cut_off(4);
    for (int i = 0; i < 3; i++) story_send(&s, s.hotline, s.court, QIAO_LANE_BULK, 1, 0);
    for (int i = 0; i < 3; i++) story_send(&s, s.hotline, s.court, QIAO_LANE_NORMAL, 0, 0);
    for (int i = 0; i < 2; i++) story_send(&s, s.hotline, s.court, QIAO_LANE_URGENT, 3, 0);
    sim_run(s.sim, 1000);
    s.sim->trace.size = 0;
    story_line_is_back(&s);
    sim_run(s.sim, 600);
    uint32_t passes = story_send(&s, s.hotline, s.court, QIAO_LANE_NORMAL, 2, 0), waits = story_send(&s, s.hotline, s.court, QIAO_LANE_NORMAL, 0, 0);
    sim_run(s.sim, 100);
    cr_assert(is_seen(&s, passes));
    cr_assert(!is_seen(&s, waits));
    sim_run(s.sim, 2000);
    story_expect(&s, "community = street: link is up\n"
                     "community > street: 8 messages drain, at most 4 a second\n"
                     "community > street: lane 1 messages 1-1\n"
                     "street = community: link is up\n"
                     "street < community: lane 1 messages 1-1\n"
                     "street > district: lane 1 messages 1-1\n"
                     "district < street: lane 1 messages 1-1\n"
                     "district > court: deliver lane 1 messages 1-1\n"
                     "district < court: accepts lane 1 message 1\n"
                     "district > street: lane 1 messages 1-1\n"
                     "street < district: lane 1 messages 1-1\n"
                     "street > community: lane 1 messages 1-1\n"
                     "community < street: lane 1 messages 1-1\n"
                     "community > hotline: lane 3 messages 1-1\n"
                     "community > street: lane 1 messages 2-2\n"
                     "community > street: lane 1 has drained\n"
                     "street < community: lane 1 messages 2-2\n"
                     "street > district: lane 1 messages 2-2\n"
                     "district < street: lane 1 messages 2-2\n"
                     "district > court: deliver lane 1 messages 2-2\n"
                     "district < court: accepts lane 1 message 2\n"
                     "district > street: lane 1 messages 2-2\n"
                     "street < district: lane 1 messages 2-2\n"
                     "street > community: lane 1 messages 2-2\n"
                     "community < street: lane 1 messages 2-2\n"
                     "community > hotline: lane 3 messages 2-2\n"
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
                     "community > hotline: lane 3 messages 3-3\n"
                     "community < hotline: lane 0 messages 4-4\n"
                     "community < hotline: lane 0 messages 5-5\n"
                     "community > street: lane 1 messages 3-3\n"
                     "street < community: lane 1 messages 3-3\n"
                     "street > district: lane 0 messages 2-2\n"
                     "district < street: lane 0 messages 2-2\n"
                     "district > court: deliver lane 0 messages 2-2\n"
                     "district < court: accepts lane 0 message 2\n"
                     "district > street: lane 0 messages 2-2\n"
                     "street < district: lane 0 messages 2-2\n"
                     "street > community: lane 0 messages 2-2\n"
                     "community < street: lane 0 messages 2-2\n"
                     "community > hotline: lane 3 messages 4-4\n"
                     "community > street: lane 0 messages 2-2\n"
                     "street < community: lane 0 messages 2-2\n"
                     "street > district: lane 0 messages 3-3\n"
                     "district < street: lane 0 messages 3-3\n"
                     "district > court: deliver lane 0 messages 3-3\n"
                     "district < court: accepts lane 0 message 3\n"
                     "district > street: lane 0 messages 3-3\n"
                     "street < district: lane 0 messages 3-3\n"
                     "street > community: lane 0 messages 3-3\n"
                     "community < street: lane 0 messages 3-3\n"
                     "community > hotline: lane 3 messages 5-5\n"
                     "community > street: lane 0 messages 3-3\n"
                     "street < community: lane 0 messages 3-3\n"
                     "street > district: lane 0 messages 4-4\n"
                     "district < street: lane 0 messages 4-4\n"
                     "district > court: deliver lane 0 messages 4-4\n"
                     "district < court: accepts lane 0 message 4\n"
                     "district > street: lane 0 messages 4-4\n"
                     "street < district: lane 0 messages 4-4\n"
                     "street > community: lane 0 messages 4-4\n"
                     "community < street: lane 0 messages 4-4\n"
                     "community > hotline: lane 3 messages 6-6\n"
                     "community > street: lane 0 messages 4-4\n"
                     "community > street: lane 0 has drained\n"
                     "street < community: lane 0 messages 4-4\n"
                     "street > district: lane 0 messages 5-5\n"
                     "district < street: lane 0 messages 5-5\n"
                     "district > court: deliver lane 0 messages 5-5\n"
                     "district < court: accepts lane 0 message 5\n"
                     "district > street: lane 0 messages 5-5\n"
                     "street < district: lane 0 messages 5-5\n"
                     "street > community: lane 0 messages 5-5\n"
                     "community < street: lane 0 messages 5-5\n"
                     "community > hotline: lane 3 messages 7-7\n"
                     "community > street: lane 2 messages 1-1\n"
                     "street < community: lane 2 messages 1-1\n"
                     "street > district: lane 2 messages 1-1\n"
                     "district < street: lane 2 messages 1-1\n"
                     "district > court: deliver lane 2 messages 1-1\n"
                     "district < court: accepts lane 2 message 1\n"
                     "district > street: lane 2 messages 1-1\n"
                     "street < district: lane 2 messages 1-1\n"
                     "street > community: lane 2 messages 1-1\n"
                     "community < street: lane 2 messages 1-1\n"
                     "community > hotline: lane 3 messages 8-8\n"
                     "community > street: lane 2 messages 2-2\n"
                     "street < community: lane 2 messages 2-2\n"
                     "street > district: lane 2 messages 2-2\n"
                     "district < street: lane 2 messages 2-2\n"
                     "district > court: deliver lane 2 messages 2-2\n"
                     "district < court: accepts lane 2 message 2\n"
                     "district > street: lane 2 messages 2-2\n"
                     "street < district: lane 2 messages 2-2\n"
                     "street > community: lane 2 messages 2-2\n"
                     "community < street: lane 2 messages 2-2\n"
                     "community > hotline: lane 3 messages 9-9\n"
                     "community > street: lane 2 messages 3-3\n"
                     "community > street: lane 2 has drained\n"
                     "street < community: lane 2 messages 3-3\n"
                     "street > district: lane 2 messages 3-3\n"
                     "district < street: lane 2 messages 3-3\n"
                     "district > court: deliver lane 2 messages 3-3\n"
                     "district < court: accepts lane 2 message 3\n"
                     "district > street: lane 2 messages 3-3\n"
                     "street < district: lane 2 messages 3-3\n"
                     "street > community: lane 2 messages 3-3\n"
                     "community < street: lane 2 messages 3-3\n"
                     "community > hotline: lane 3 messages 10-10\n");
    cr_assert(all_accepted(&s));
    story_end(&s);
}

/* One day of a community that the rest of the world has forgotten. */
static void one_day(struct story *s)
{
    for (int hour = 0; hour < 24; hour++) {
        for (int i = 0; i < 4; i++) story_send_body(s, s->hotline, s->court, i == 0 ? QIAO_LANE_NORMAL : QIAO_LANE_BULK, (uint32_t)i, 400);
        if (hour == 12) story_send(s, s->hotline, s->court, QIAO_LANE_URGENT, 2, 0);
        sim_run(s->sim, 3600 * SECOND);
    }
}

static struct intake thirty_days_later(struct story *s)
{
    s->sim->options.keep_trace = false;
    for (int day = 1; day <= 30; day++) one_day(s);
    struct intake in = begin_to_look(s, RATE);
    cr_assert_eq(in.backlog[QIAO_LANE_URGENT], 30);
    cr_assert_eq(in.backlog[QIAO_LANE_NORMAL], 720);
    cr_assert_eq(in.backlog[QIAO_LANE_BULK], 2160);
    story_line_is_back(s);
    return in;
}

static void finish(struct intake *in)
{
    struct story *s = in->s;
    uint64_t begun_ms = s->sim->now_ms;
    while (waiting(s) > 0 && s->sim->now_ms < begun_ms + 600 * SECOND && !s->sim->failed) run(in, 100);
    run(in, 5 * SECOND);
    cr_assert(all_accepted(s));
    cr_log_info("%u messages; at most %llu of the backlog in a second", s->sim->messages_count, (unsigned long long)in->most);
    cr_assert_geq(in->most, in->rate * 9 / 10, "the limit is made use of");
    checks_final(s->sim);
    story_end(s);
}

Test(drain, thirty_days_cut_off_and_back_at_a_bounded_rate)
{
    struct story s = story_begin_cut_off(RATE);
    struct intake in = thirty_days_later(&s);
    while (in.now[QIAO_LANE_URGENT] < in.backlog[QIAO_LANE_URGENT]) {
        cr_assert_eq(in.now[QIAO_LANE_NORMAL] + in.now[QIAO_LANE_BULK], 0, "urgent first");
        run(&in, 1);
    }
    while (in.now[QIAO_LANE_NORMAL] < in.backlog[QIAO_LANE_NORMAL]) {
        cr_assert_eq(in.now[QIAO_LANE_BULK], 0, "bulk last");
        run(&in, 1);
    }
    cr_assert_geq(waiting(&s), 2000);
    finish(&in);
}

/* What comes in a heap is queued in runs no larger than a frame may be while it drains. */
Test(drain, a_heap_of_messages_keeps_to_a_higher_rate)
{
    struct story s = story_begin_cut_off(FAST);
    s.sim->options.keep_trace = false;
    for (uint32_t i = 0; i < 3000; i++) {
        story_send(&s, s.hotline, s.court, i % 3 ? QIAO_LANE_NORMAL : QIAO_LANE_BULK, i % SIM_CASES, 0);
        if (i % 100 == 0) sim_run(s.sim, 50);
    }
    sim_run(s.sim, 5 * SECOND);
    struct intake in = begin_to_look(&s, FAST);
    cr_assert_eq(in.backlog[QIAO_LANE_NORMAL] + in.backlog[QIAO_LANE_BULK], 3000);
    story_line_is_back(&s);
    finish(&in);
}

/* A break that is over soon is no outage: all that waits goes at once. In the middle of a backlog it changes nothing. */
Test(drain, a_short_break_is_no_outage)
{
    struct story s = story_begin_cut_off(RATE);
    story_line_is_back(&s);
    sim_run(s.sim, SECOND);
    s.sim->trace.size = 0;
    s.community->blocked_until_ms = s.sim->now_ms + SECOND;
    pipe_cut(s.sim, s.community->up_pipe);
    for (int i = 0; i < 100; i++) story_send(&s, s.hotline, s.court, QIAO_LANE_NORMAL, 0, 0);
    sim_run(s.sim, 2 * SECOND);
    cr_assert(all_accepted(&s));
    cr_assert_null(strstr(story_told(&s), "drain"));
    story_end(&s);
}

Test(drain, a_cut_in_the_middle_does_not_let_the_rest_go)
{
    struct story s = story_begin_cut_off(RATE);
    struct intake in = thirty_days_later(&s);
    for (int i = 0; i < 10; i++) {
        run(&in, 10 * SECOND);
        pipe_cut(s.sim, s.community->up_pipe);
    }
    cr_assert_geq(waiting(&s), 500);
    finish(&in);
}

/* Every two seconds a new message, urgent or not, of a case that has nothing waiting: its outcome is back at once. */
Test(drain, what_is_new_does_not_wait_behind_thirty_days)
{
    struct story s = story_begin_cut_off(RATE);
    struct intake in = thirty_days_later(&s);
    run(&in, 3 * SECOND);
    uint32_t behind = story_send(&s, s.hotline, s.court, QIAO_LANE_NORMAL, 0, 0);
    for (int i = 0; i < 30; i++) {
        uint32_t live = send_live(&in, i % 3 == 0 ? QIAO_LANE_URGENT : QIAO_LANE_NORMAL, i % 2 ? SIM_CASES : 1);
        run(&in, 2 * SECOND);
        cr_assert(is_seen(&s, live), "message %d", i);
        if (i < 10) cr_assert(!is_seen(&s, behind), "its case waits");
        in.live = 0;
    }
    cr_assert_geq(waiting(&s), 1500);
    finish(&in);
}

/* The community dies while its backlog goes out, and comes back: the same rules hold for what is left. */
Test(drain, a_backlog_survives_its_node)
{
    struct story s = story_begin_cut_off(RATE);
    struct intake in = thirty_days_later(&s);
    for (int i = 0; i < 3; i++) {
        run(&in, 20 * SECOND);
        node_crash(s.sim, s.community, 3000);
        run(&in, 6 * SECOND);
        uint32_t live = send_live(&in, QIAO_LANE_NORMAL, 1);
        run(&in, 2 * SECOND);
        cr_assert(is_seen(&s, live), "message %d", i);
        in.live = 0;
    }
    cr_assert_geq(waiting(&s), 1000);
    finish(&in);
}
