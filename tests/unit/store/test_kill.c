/* Nothing reported durable is lost when the process is killed at any moment, and no batch is there by half.
 * (A kill stands for a power cut as far as a process can: what the kernel had been given but not told to sync survives it.) */
#include "numbered_batches.h"
#include "support.h"
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 25u
static const struct store_engine *const engines[] = { &store_engine_lmdb, &store_engine_journal, &test_journal_hasty };

static void child_commits(const struct store_engine *engine, unsigned first, int report)
{
    struct store *store = test_open(engine, NULL, 0);

    for (unsigned batch = first;; batch++) {
        if (numbered_commit(store, batch) != STORE_OK || write(report, &batch, sizeof(batch)) != sizeof(batch))
            _exit(1);
        store_refresh(store);
    }
}

/* Runs a child that commits from first on and kills it after it has reported some batches and some microseconds more;
 * returns the last batch reported. */
static unsigned run_and_kill(const struct store_engine *engine, unsigned first, unsigned reports, long extra_ns)
{
    struct timespec extra = { 0, extra_ns };
    unsigned batch, last = first - 1;
    int ends[2], status;
    pid_t child;

    cr_assert_eq(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        close(ends[0]);
        child_commits(engine, first, ends[1]);
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

ParameterizedTestParameters(store_kill, every_reported_batch_is_whole_after_each_kill)
{
    static int rows[] = { 0, 1, 2 };
    return cr_make_param_array(int, rows, 3);
}

ParameterizedTest(int *row, store_kill, every_reported_batch_is_whole_after_each_kill, .fini = test_directory_remove, .timeout = 250)
{
    unsigned last = 0;
    uint64_t random = 42;

    test_directory(); /* before the first fork: one for all rounds */
    for (unsigned round = 0; round < ROUNDS; round++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        last = run_and_kill(engines[*row], last + 1, 1 + (unsigned)(random >> 58), (long)(random >> 20) % 1500000);
        struct store *store = test_open(engines[*row], NULL, 0);
        last = numbered_check(store, last);
        store_close(store);
    }
    cr_assert_gt(last, ROUNDS);
}
