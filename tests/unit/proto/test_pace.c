/* The pace of a link, against lines that are made of two numbers: a trip without a queue, and a rate. */
#include "link/pace.h"

#include <criterion/criterion.h>

struct line {
    struct pace pace;
    uint64_t rate;                /* bytes a millisecond */
    uint64_t trip_ms;
    uint64_t now_ms, free_ms;     /* the line has taken everything at free_ms */
    struct { uint64_t number, at_ms; } answers[PACE_MARKS];
    uint32_t answers_first, answers_count;
};

static struct line line_of(uint64_t rate, uint64_t trip_ms)
{
    struct line l = { .rate = rate, .trip_ms = trip_ms };
    pace_init(&l.pace, 0, 0);
    return l;
}

static void hand_out(struct line *l, uint64_t most)
{
    while (pace_room(&l->pace) > 0 && most > 0) {
        uint64_t part = pace_quantum(&l->pace) < most ? pace_quantum(&l->pace) : most;
        pace_sent(&l->pace, part);
        most -= part;
        l->free_ms = (l->free_ms > l->now_ms ? l->free_ms : l->now_ms) + part / l->rate;
        if (!pace_wants_mark(&l->pace)) continue;
        uint32_t at = (l->answers_first + l->answers_count++) % PACE_MARKS;
        l->answers[at].number = pace_mark(&l->pace, l->now_ms);
        l->answers[at].at_ms = l->free_ms + l->trip_ms;
    }
}

static void answers(struct line *l)
{
    while (l->answers_count > 0 && l->answers[l->answers_first].at_ms <= l->now_ms) {
        cr_assert(pace_answered(&l->pace, l->answers[l->answers_first].number, l->now_ms));
        l->answers_first = (l->answers_first + 1) % PACE_MARKS;
        l->answers_count--;
    }
}

/* A sender with more than the line takes. */
static void run(struct line *l, uint64_t for_ms)
{
    for (uint64_t end = l->now_ms + for_ms; l->now_ms < end; l->now_ms++) {
        answers(l);
        hand_out(l, UINT64_MAX);
    }
}

Test(pace, a_slow_line_has_little_under_way)
{
    struct line l = line_of(6, 160); /* 48 kbit/s */
    run(&l, 20000);
    uint64_t sent = l.pace.sent;
    cr_assert_leq(l.pace.sent - l.pace.arrived, 16 * 1024);
    run(&l, 20000);
    cr_assert_geq(l.pace.sent - sent, 6 * 19000, "the line is kept busy");
}

Test(pace, two_megabits_are_filled_and_not_flooded)
{
    struct line l = line_of(250, 40);
    run(&l, 10000);
    uint64_t sent = l.pace.sent;
    cr_assert_leq(l.pace.limit, 250 * 2 * (40 + PACE_DELAY_MS));
    run(&l, 10000);
    cr_assert_geq(l.pace.sent - sent, 250 * 9900);
}

Test(pace, a_fast_line_is_not_held_back)
{
    struct line l = line_of(100 * 1000, 1);
    run(&l, 100);
    uint64_t sent = l.pace.sent;
    run(&l, 1000);
    cr_assert_geq(l.pace.sent - sent, 95ull * 1000 * 1000);
}

Test(pace, a_long_way_is_no_queue)
{
    struct line l = line_of(1250, 600); /* a satellite */
    run(&l, 20000);
    uint64_t sent = l.pace.sent;
    run(&l, 20000);
    cr_assert_geq(l.pace.sent - sent, 1250ull * 20000 * 9 / 10);
}

Test(pace, a_line_that_becomes_slow_is_noticed_within_what_was_under_way)
{
    struct line l = line_of(1250, 20);
    run(&l, 5000);
    l.rate = 6;
    run(&l, 120000);
    cr_assert_leq(l.pace.sent - l.pace.arrived, 16 * 1024);
}

Test(pace, a_trickle_says_nothing_about_the_line)
{
    struct line l = line_of(6, 160);
    for (int i = 0; i < 1000; i++) {
        hand_out(&l, 500);
        l.now_ms += 500;
        answers(&l);
        pace_all_arrived(&l.pace);
    }
    cr_assert_eq(l.pace.limit, PACE_LIMIT_START);
}

Test(pace, a_line_known_to_be_slow_begins_slowly)
{
    struct pace pace;
    pace_init(&pace, 9000, 0);
    cr_assert_eq(pace.limit, 9000);
    pace_init(&pace, 1 << 30, 0);
    cr_assert_eq(pace.limit, PACE_LIMIT_START);
}

Test(pace, answers_to_marks_that_were_not_sent_are_nothing)
{
    struct line l = line_of(1000, 10);
    cr_assert_not(pace_answered(&l.pace, 0, 5));
    hand_out(&l, 1000);
    cr_assert_not(pace_answered(&l.pace, 7, 5));
    cr_assert(pace_answered(&l.pace, 0, 5));
    cr_assert_not(pace_answered(&l.pace, 0, 6), "answered already");
    cr_assert_eq(l.pace.arrived, 1000);
}
