#include "bench_tally.h"
#include "clock.h"
#include "command.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t state = 88172645463325252ull;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

#define SAMPLES 100000

/* Against the exact percentile of the sorted samples, over seven decades. */
Test(histogram, percentiles_are_within_two_hundredths_of_the_sorted_truth)
{
    static const double shares[] = { 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1 };
    uint64_t *samples = malloc(SAMPLES * sizeof(*samples));
    struct histogram *histogram = calloc(1, sizeof(*histogram));

    for (size_t i = 0; i < SAMPLES; i++) {
        samples[i] = next_random() >> (24 + next_random() % 40);
        histogram_add(histogram, samples[i]);
    }
    qsort(samples, SAMPLES, sizeof(*samples), compare);
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        uint64_t truth = samples[(size_t)(SAMPLES * shares[i] + 0.999999) - 1], found = histogram_percentile_ns(histogram, shares[i]);
        double error = (double)found - (double)truth;
        cr_assert(error <= (double)truth * 0.02 + 1 && -error <= (double)truth * 0.02 + 1, "share %f: %lu, not %lu", shares[i],
                  (unsigned long)found, (unsigned long)truth);
    }
    cr_assert_eq(histogram->max_ns, samples[SAMPLES - 1]);
    free(histogram);
    free(samples);
}

Test(histogram, every_value_falls_into_a_bucket_that_holds_it)
{
    cr_assert_eq(histogram_bucket(0), 0);
    cr_assert_eq(histogram_bucket(63), 63);
    cr_assert_eq(histogram_bucket(64), 64);
    cr_assert_eq(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
    cr_assert_eq(histogram_bucket((UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1), HISTOGRAM_BUCKETS - 1);
    for (uint64_t value = 1; value < UINT64_C(1) << 41; value = value * 3 / 2 + 1)
        cr_assert(histogram_bucket(value) >= histogram_bucket(value - 1) && histogram_bucket(value) <= histogram_bucket(value - 1) + 1);
}

Test(histogram, an_empty_one_says_zero)
{
    struct histogram *histogram = calloc(1, sizeof(*histogram));

    cr_assert_eq(histogram_percentile_ns(histogram, 0.99), 0);
    free(histogram);
}

Test(mark, body_and_id_come_back_as_they_were)
{
    struct bench_mark mark = { 0x2abcde, 123456789, 4321, 77, 1700000000123456789ull }, read;
    uint8_t bytes[BENCH_MARK_SIZE + 8] = { 0 };
    struct qiao_id id = bench_id_make(mark.run, mark.sequence, mark.intended_ns), parsed;
    uint64_t sequence, intended_ns;
    char text[QIAO_ID_TEXT_SIZE];
    uint32_t run;

    bench_mark_write(&mark, bytes);
    cr_assert(bench_mark_read(qiao_bytes(bytes, sizeof(bytes)), &read));
    cr_assert(read.run == mark.run && read.sequence == mark.sequence && read.case_number == 4321 && read.case_sequence == 77 &&
              read.intended_ns == mark.intended_ns);
    bench_id_read(&id, &run, &sequence, &intended_ns);
    cr_assert(run == mark.run && sequence == mark.sequence);
    cr_assert(mark.intended_ns - intended_ns <= 245, "%lu", (unsigned long)(mark.intended_ns - intended_ns));
    cr_assert(id.bytes[6] >> 4 == 7 && id.bytes[8] >> 6 == 2, "not a UUIDv7");
    qiao_id_format(&id, text);
    cr_assert(qiao_id_parse(text, &parsed) && qiao_id_equal(&id, &parsed));
}

Test(mark, foreign_bodies_are_told_apart)
{
    struct bench_mark mark = { .sequence = BENCH_SEQUENCES_MAX }, read;
    uint8_t bytes[BENCH_MARK_SIZE];

    bench_mark_write(&mark, bytes);
    cr_assert_not(bench_mark_read(qiao_bytes(bytes, sizeof(bytes)), &read), "a sequence outside the bitmap");
    mark.sequence = 0;
    bench_mark_write(&mark, bytes);
    cr_assert(bench_mark_read(qiao_bytes(bytes, sizeof(bytes)), &read));
    cr_assert_not(bench_mark_read(qiao_bytes(bytes, BENCH_MARK_SIZE - 1), &read));
    bytes[0] ^= 1;
    cr_assert_not(bench_mark_read(qiao_bytes(bytes, sizeof(bytes)), &read));
}

static enum bench_arrival add(struct bench_tally *tally, uint32_t run, uint64_t sequence, uint32_t case_number, uint32_t case_sequence)
{
    struct bench_mark mark = { run, sequence, case_number, case_sequence, 1000 };
    uint8_t bytes[BENCH_MARK_SIZE];

    bench_mark_write(&mark, bytes);
    return bench_tally_add(tally, qiao_bytes(bytes, sizeof(bytes)), 3000 + sequence);
}

Test(tally, loss_duplicates_and_wrong_order_are_counted)
{
    struct bench_tally *tally;

    cr_assert_eq(bench_tally_open(NULL, &tally), 0);
    cr_assert_eq(add(tally, 5, 0, 0, 1), BENCH_NEW);
    cr_assert_eq(add(tally, 5, 1, 1, 1), BENCH_NEW);
    cr_assert_eq(add(tally, 5, 4, 0, 3), BENCH_NEW);
    cr_assert_eq(tally->order_violations, 0, "a gap is not yet wrong order");
    cr_assert_eq(add(tally, 5, 2, 0, 2), BENCH_NEW);
    cr_assert_eq(tally->order_violations, 1);
    cr_assert_eq(add(tally, 5, 4, 0, 3), BENCH_DUPLICATE);
    cr_assert_eq(tally->order_violations, 1, "a duplicate is not wrong order too");
    cr_assert_eq(add(tally, 6, 3, 0, 3), BENCH_FOREIGN);
    cr_assert(tally->received == 4 && tally->duplicates == 1 && tally->foreign == 1);
    cr_assert_eq(bench_tally_lost(tally, 5), 1);
    cr_assert_eq(bench_tally_lost(tally, 10), 6);
    tally = bench_tally_close(tally);
    cr_assert_null(tally);
}

/* The count of a process that is killed is there for the next. */
Test(tally, outlives_a_kill)
{
    char path[] = "/tmp/qiao-tally-XXXXXX";
    struct bench_tally *tally;
    pid_t child;
    int status;

    close(mkstemp(path));
    child = fork();
    if (child == 0) {
        if (bench_tally_open(path, &tally) || add(tally, 9, 0, 0, 1) != BENCH_NEW || add(tally, 9, 7, 0, 2) != BENCH_NEW)
            _exit(1);
        raise(SIGKILL);
    }
    cr_assert(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    cr_assert_eq(bench_tally_open(path, &tally), 0);
    cr_assert(tally->received == 2 && tally->run == 9);
    cr_assert_eq(add(tally, 9, 7, 0, 2), BENCH_DUPLICATE);
    cr_assert_eq(add(tally, 9, 1, 0, 1), BENCH_NEW);
    cr_assert_eq(tally->order_violations, 1);
    bench_tally_close(tally);
    unlink(path);
}

Test(tally, another_file_is_refused)
{
    char path[] = "/tmp/qiao-tally-XXXXXX";
    struct bench_tally *tally;
    int fd = mkstemp(path);

    cr_assert_eq(write(fd, "hello", 5), 5);
    cr_assert_eq(bench_tally_open(path, &tally), -EINVAL);
    cr_assert_eq(ftruncate(fd, sizeof(struct bench_tally)), 0);
    cr_assert_eq(bench_tally_open(path, &tally), -EINVAL, "the right size with other content");
    cr_assert_eq(bench_tally_open("/nonexistent/file", &tally), -ENOENT);
    close(fd);
    unlink(path);
}
