/* Nothing reported durable is lost when the process is killed at any moment, and no batch is there by half.
 * (A kill stands for a power cut as far as a process can: what the kernel had been given but not told to sync survives it.) */
#include "support.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 25u
#define RECORDS_PER_BATCH 6u
#define KEPT_BATCHES 40u

static const struct qiao_bytes none;

TestSuite(store_lmdb_kill, .fini = test_directory_remove, .timeout = 60);

static size_t size_of(unsigned batch, unsigned record)
{
    return 20 + batch * 7919u % 200u + (record == 0 ? batch * 104729u % 120000u : 0);
}

/* Batch n puts its records and removes those of batch n - KEPT_BATCHES: a queue. */
static int commit_numbered(struct store *store, unsigned batch)
{
    static uint8_t values[RECORDS_PER_BATCH][130000];
    char keys[RECORDS_PER_BATCH][32], from[32], to[32];
    struct store_op ops[RECORDS_PER_BATCH + 1];
    struct store_batch whole = { ops, RECORDS_PER_BATCH + 1 };

    for (unsigned i = 0; i < RECORDS_PER_BATCH; i++) {
        size_t size = size_of(batch, i);
        snprintf(keys[i], sizeof(keys[i]), "b%010u.%u", batch, i);
        memcpy(values[i], filled(batch + i, size).data, size);
        ops[i] = (struct store_op){ STORE_PUT, text(keys[i]), qiao_bytes(values[i], size) };
    }
    snprintf(from, sizeof(from), "b");
    snprintf(to, sizeof(to), "b%010u", batch > KEPT_BATCHES ? batch - KEPT_BATCHES + 1 : 0);
    ops[RECORDS_PER_BATCH] = (struct store_op){ STORE_REMOVE_RANGE, text(from), text(to) };
    return store_commit(store, &whole);
}

static void child_commits(unsigned first, int report)
{
    struct store *store = test_open(&store_engine_lmdb, NULL, 0);

    for (unsigned batch = first;; batch++) {
        if (commit_numbered(store, batch) != STORE_OK || write(report, &batch, sizeof(batch)) != sizeof(batch))
            _exit(1);
        store_refresh(store);
    }
}

/* Runs a child that commits from first on and kills it after it has reported some batches and some microseconds more;
 * returns the last batch reported. */
static unsigned run_and_kill(unsigned first, unsigned reports, long extra_ns)
{
    struct timespec extra = { 0, extra_ns };
    unsigned batch, last = first - 1;
    int ends[2], status;
    pid_t child;

    cr_assert_eq(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        close(ends[0]);
        child_commits(first, ends[1]);
    }
    close(ends[1]);
    while (reports-- > 0 && read(ends[0], &batch, sizeof(batch)) == sizeof(batch))
        last = batch;
    clock_nanosleep(CLOCK_MONOTONIC, 0, &extra, NULL); /* moves the kill to another place inside a commit */
    kill(child, SIGKILL);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status), "the child ended by itself: %d", status);
    while (read(ends[0], &batch, sizeof(batch)) == sizeof(batch))
        last = batch;
    close(ends[0]);
    return last;
}

static unsigned records_of(struct store *store, unsigned batch)
{
    struct qiao_bytes value;
    unsigned found = 0;
    char key[32];

    for (unsigned i = 0; i < RECORDS_PER_BATCH; i++) {
        snprintf(key, sizeof(key), "b%010u.%u", batch, i);
        if (!store_get(store, text(key), &value))
            continue;
        cr_assert(is_filled(value, batch + i, size_of(batch, i)), "%s", key);
        found++;
    }
    return found;
}

/* Everything up to last is whole; the batch after it is whole or not there. Returns the last batch found. */
static unsigned check_store(unsigned last)
{
    struct store *store = test_open(&store_engine_lmdb, NULL, 0);
    unsigned found = records_of(store, last + 1), newest = found ? last + 1 : last;
    unsigned oldest = newest > KEPT_BATCHES ? newest - KEPT_BATCHES + 1 : 1;

    cr_assert(found == 0 || found == RECORDS_PER_BATCH, "batch %u by half: %u", last + 1, found);
    for (unsigned batch = oldest; batch <= newest; batch++)
        cr_assert_eq(records_of(store, batch), RECORDS_PER_BATCH, "batch %u of %u", batch, newest);
    cr_assert_eq(count(store, none, none), (newest - oldest + 1) * RECORDS_PER_BATCH);
    store_close(store);
    return newest;
}

Test(store_lmdb_kill, every_reported_batch_is_whole_after_each_kill)
{
    unsigned last = 0;
    uint64_t random = 42;

    test_directory(); /* before the first fork: one for all rounds */
    for (unsigned round = 0; round < ROUNDS; round++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        last = run_and_kill(last + 1, 1 + (unsigned)(random >> 58), (long)(random >> 20) % 1500000);
        last = check_store(last);
    }
    cr_assert_gt(last, ROUNDS);
}
