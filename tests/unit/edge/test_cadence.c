/* When commits begin: messages at once, what nobody waits for along with them, signatures of a slow key apart. */
#include "edge/cadence.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define BEGIN_US 1000000u
#define QUICK_KEY_US 40u
#define SLOW_KEY_US 1000u /* a signature; so 15 ms between two commits that sign */

static const struct cadence_batch message = { .bytes = 700, .urgent = true }, outcome = { .bytes = 200 };

/* count urgent commits, each interval_us behind the one before and as long as took_us; the last begins at BEGIN_US. */
static struct cadence after(unsigned count, uint64_t interval_us, uint64_t took_us, uint64_t signature_us)
{
    struct cadence cadence;
    cadence_init(&cadence, signature_us);
    for (unsigned i = count; i-- > 0;) {
        cadence_begins(&cadence, &message, BEGIN_US - i * interval_us);
        cadence_ended(&cadence, true, BEGIN_US - i * interval_us + took_us);
    }
    return cadence;
}

Test(cadence, a_message_waits_for_nothing)
{
    struct cadence busy = after(20, 1000, 400, QUICK_KEY_US), calm = after(0, 0, 0, QUICK_KEY_US);
    cr_expect_eq(cadence_wait_ms(&busy, &message, BEGIN_US + 400), 0);
    cr_expect_eq(cadence_wait_ms(&calm, &message, BEGIN_US), 0);
}

Test(cadence, outcomes_go_along_when_messages_come_often)
{
    struct cadence busy = after(20, 1000, 400, QUICK_KEY_US);
    cr_expect_eq(cadence_wait_ms(&busy, &outcome, BEGIN_US + 400), 3, "three milliseconds behind the last commit");
    cr_expect_eq(cadence_wait_ms(&busy, &outcome, BEGIN_US + 2900), 1);
    cr_expect_eq(cadence_wait_ms(&busy, &outcome, BEGIN_US + 3000), 0, "and not longer");
}

Test(cadence, outcomes_of_a_light_load_do_not_wait)
{
    struct cadence one_by_one = after(20, 3000, 400, QUICK_KEY_US), first = after(3, 500, 400, QUICK_KEY_US);
    cr_expect_eq(cadence_wait_ms(&one_by_one, &outcome, BEGIN_US + 400), 0);
    cr_expect_eq(cadence_wait_ms(&first, &outcome, BEGIN_US + 400), 0, "three messages are no stream");
}

Test(cadence, a_stream_that_ended_is_forgotten)
{
    struct cadence busy = after(20, 1000, 400, QUICK_KEY_US);
    cr_expect_eq(cadence_wait_ms(&busy, &outcome, BEGIN_US + 1000000), 0);
}

Test(cadence, many_outcomes_do_not_wait)
{
    struct cadence busy = after(20, 1000, 400, QUICK_KEY_US);
    cr_expect_eq(cadence_wait_ms(&busy, &(struct cadence_batch){ .bytes = 100000 }, BEGIN_US + 400), 0);
}

Test(cadence, commits_that_sign_with_a_slow_key_come_apart)
{
    struct cadence slow = after(0, 0, 0, SLOW_KEY_US);
    const struct cadence_batch signs = { .bytes = 700, .urgent = true, .signs = true };
    cr_expect_eq(cadence_wait_ms(&slow, &signs, BEGIN_US), 0, "the first goes at once");
    cadence_begins(&slow, &signs, BEGIN_US);
    cadence_ended(&slow, true, BEGIN_US + 1400);
    cr_expect_eq(cadence_wait_ms(&slow, &signs, BEGIN_US + 5000), 10);
    cr_expect_eq(cadence_wait_ms(&slow, &message, BEGIN_US + 5000), 0, "what needs no signature does not wait for one");
    cr_expect_eq(cadence_wait_ms(&slow, &signs, BEGIN_US + 15000), 0);
    cr_expect_eq(cadence_wait_ms(&slow, &(struct cadence_batch){ .bytes = 1 << 22, .urgent = true, .signs = true, .closed = true }, BEGIN_US + 5000), 0);
}

Test(cadence, a_node_that_stops_waits_for_nothing)
{
    struct cadence busy = after(20, 1000, 400, SLOW_KEY_US);
    cr_expect_eq(cadence_wait_ms(&busy, &(struct cadence_batch){ .bytes = 200, .signs = true, .closed = true }, BEGIN_US + 400), 0);
}

Test(cadence, small_commits_to_a_quick_disk_are_made_on_the_spot)
{
    struct cadence quick = after(1, 0, 400, QUICK_KEY_US), slow_disk = after(1, 0, 20000, QUICK_KEY_US), slow_key = after(1, 0, 400, SLOW_KEY_US);
    struct cadence unknown = after(0, 0, 0, QUICK_KEY_US);
    cr_expect(cadence_is_brief(&quick, &message));
    cr_expect_not(cadence_is_brief(&quick, &(struct cadence_batch){ .bytes = 100000, .urgent = true }));
    cr_expect_not(cadence_is_brief(&slow_disk, &message));
    cr_expect_not(cadence_is_brief(&slow_key, &message));
    cr_expect_not(cadence_is_brief(&unknown, &message), "the first commit shows how quick the disk is");
    cadence_begins(&slow_disk, &message, BEGIN_US + 30000);
    cadence_ended(&slow_disk, true, BEGIN_US + 30400);
    cr_expect(cadence_is_brief(&slow_disk, &message), "it has recovered");
    cadence_begins(&quick, &message, BEGIN_US + 1000);
    cadence_ended(&quick, false, BEGIN_US + 1100);
    cr_expect_not(cadence_is_brief(&quick, &message), "a full disk refuses quickly, and takes its time later");
}
