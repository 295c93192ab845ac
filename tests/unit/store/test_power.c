/* Nothing reported durable is lost when the power goes: a file system of our own is shut down under a committing child, with
 * nothing flushed that was not asked for, and mounted again. */
#include "numbered_batches.h"
#include "support.h"
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 12u
#define SHUTDOWN _IOR('X', 125, uint32_t) /* EXT4_IOC_SHUTDOWN */
#define NO_LOG_FLUSH 2u                   /* EXT4_GOING_FLAGS_NOLOGFLUSH: not even its own journal */

static const struct store_engine *const engines[] = { &store_engine_lmdb, &store_engine_journal, &test_journal_hasty };

static void fini(void)
{
    umount2(test_path("disk"), MNT_DETACH);
    test_directory_remove();
}

/* A shell command in which $DISK is the mount point. */
static bool run(const char *command, const char *disk)
{
    return setenv("DISK", disk, 1) == 0 && system(command) == 0;
}

static void mount_disk(void)
{
    cr_assert(run("mount -o loop $DISK.img $DISK >/dev/null 2>&1", test_path("disk")));
}

/* In a mount namespace that ends with this test's process. */
static void make_disk(void)
{
    cr_assert_eq(mkdir(test_path("disk"), 0700), 0);
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        cr_skip_test("mounting is not permitted here: %s", strerror(errno));
    if (!run("truncate -s 256M $DISK.img && mkfs.ext4 -q $DISK.img && mount -o loop $DISK.img $DISK >/dev/null 2>&1", test_path("disk")))
        cr_skip_test("cannot mount a loop device here");
}

static void child_commits(const struct store_engine *engine, unsigned first, int report)
{
    struct store *store = test_open(engine, test_path("disk/store"), 0);

    for (unsigned batch = first;; batch++) {
        if (numbered_commit(store, batch) != STORE_OK || write(report, &batch, sizeof(batch)) != sizeof(batch))
            _exit(1);
        store_refresh(store);
    }
}

static void cut_power(void)
{
    uint32_t flags = NO_LOG_FLUSH;
    int fd = open(test_path("disk"), O_RDONLY | O_DIRECTORY);

    cr_assert_geq(fd, 0);
    if (ioctl(fd, SHUTDOWN, &flags))
        cr_skip_test("this file system cannot be shut down: %s", strerror(errno));
    close(fd);
}

static unsigned run_and_cut(const struct store_engine *engine, unsigned first, unsigned reports)
{
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
    cut_power();
    kill(child, SIGKILL);
    cr_assert_eq(waitpid(child, &status, 0), child);
    while (read(ends[0], &batch, sizeof(batch)) == sizeof(batch)) /* reported before the power went */
        last = batch;
    close(ends[0]);
    return last;
}

ParameterizedTestParameters(store_power, every_reported_batch_is_whole_after_each_power_cut)
{
    static int rows[] = { 0, 1, 2 };
    return cr_make_param_array(int, rows, 3);
}

ParameterizedTest(int *row, store_power, every_reported_batch_is_whole_after_each_power_cut, .fini = fini, .timeout = 250)
{
    unsigned last = 0;
    uint64_t random = 77;

    make_disk();
    for (unsigned round = 0; round < ROUNDS; round++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        last = run_and_cut(engines[*row], last + 1, 1 + (unsigned)(random >> 57));
        cr_assert_eq(umount(test_path("disk")), 0, "%s", strerror(errno));
        mount_disk();
        struct store *store = test_open(engines[*row], test_path("disk/store"), 0);
        last = numbered_check(store, last);
        store_close(store);
    }
    cr_assert_gt(last, ROUNDS);
}
