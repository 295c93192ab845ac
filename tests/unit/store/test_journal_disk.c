/* The journal engine on a disk that is full or fails. */
#include "disk_faults.h"
#include "store/journal.h"
#include "support.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1024u * 1024u)
static const struct qiao_bytes none;

static void fini(void)
{
    umount2(test_path("disk"), MNT_DETACH);
    test_directory_remove();
}

TestSuite(store_journal_disk, .fini = fini, .timeout = 250);

/* Nothing is written but what the test commits. */
static int open_calm(const struct store_options *options, struct store **ret_store, char *reterr_text, size_t reterr_size)
{
    static const struct journal_tuning tuning = { &store_engine_lmdb, 8 * MIB, 64 * MIB, 600000 };

    return journal_open(options, &tuning, ret_store, reterr_text, reterr_size);
}

static const struct store_engine calm = { .name = "calm journal", .open = open_calm };

static struct store *open_with_one(void)
{
    struct store *store = test_open(&calm, NULL, 0);

    cr_assert_eq(put(store, text("kept"), filled(5, 100000)), STORE_OK);
    store_refresh(store);
    return store;
}

Test(store_journal_disk, after_a_failed_flush_nothing_more_is_taken_and_nothing_acknowledged_is_lost)
{
    struct store *store = open_with_one();

    atomic_store(&disk_faults.sync_errno, EIO);
    cr_assert_eq(put(store, text("doubtful"), text("x")), -EIO);
    cr_assert_eq(atomic_load(&disk_faults.sync_errno), 0); /* it did happen */
    cr_assert_eq(put(store, text("refused"), text("x")), -EIO);
    store_refresh(store);
    cr_assert(!has_key(store, text("doubtful")));
    cr_assert(has(store, text("kept"), filled(5, 100000)));
    store_close(store);
    store = test_open(&calm, NULL, 0);
    cr_assert(has(store, text("kept"), filled(5, 100000)));
    cr_assert(!has_key(store, text("refused")));
    store_close(store);
}

Test(store_journal_disk, a_write_that_fails_is_fatal)
{
    struct store *store = open_with_one();

    atomic_store(&disk_faults.data_write_errno, EROFS);
    cr_assert_eq(put(store, text("refused"), text("x")), -EROFS);
    cr_assert_eq(put(store, text("refused"), text("x")), -EROFS);
    store_close(store);
}

Test(store_journal_disk, a_write_without_room_is_tried_again)
{
    struct store *store = open_with_one();

    atomic_store(&disk_faults.data_write_errno, ENOSPC);
    cr_assert_eq(put(store, text("later"), text("x")), STORE_FULL);
    store_refresh(store);
    cr_assert(!has_key(store, text("later")));
    cr_assert_eq(put(store, text("later"), text("x")), STORE_OK);
    store_close(store);
    store = test_open(&calm, NULL, 0);
    cr_assert_eq(count(store, none, none), 2);
    cr_assert(has_key(store, text("later")));
    store_close(store);
}

/* On a store that was never refused anything: a refusal starts a checkpoint, whose writes would meet the fault instead. */
Test(store_journal_disk, a_short_write_goes_on_where_it_stopped)
{
    struct store *store = open_with_one();

    atomic_store(&disk_faults.short_write, 1);
    cr_assert_eq(put(store, text("large"), filled(1, 200000)), STORE_OK);
    cr_assert_eq(atomic_load(&disk_faults.short_write), 0);
    store_close(store);
    store = test_open(&calm, NULL, 0);
    cr_assert_eq(count(store, none, none), 2);
    cr_assert(has(store, text("large"), filled(1, 200000)));
    store_close(store);
}

Test(store_journal_disk, one_flush_a_commit)
{
    struct store *store = open_with_one();
    struct store_stat before, after;
    unsigned syncs = atomic_load(&disk_faults.syncs);

    store_stat(store, &before);
    for (unsigned i = 0; i < 20; i++)
        cr_assert_eq(put(store, numbered("k", i), filled(i, 1000)), STORE_OK);
    store_stat(store, &after);
    cr_assert_eq(after.syncs - before.syncs, 20);
    cr_assert_eq(atomic_load(&disk_faults.syncs) - syncs, 20);
    cr_assert_eq(after.bytes_written - before.bytes_written, 20 * 4096);
    store_close(store);
}

/* A small disk of our own, in a mount namespace that ends with this test's process. */
static const char *mount_small(const char *type)
{
    const char *disk = test_path("disk");
    char command[2200];

    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        cr_skip_test("mounting is not permitted here: %s", strerror(errno));
    cr_assert_eq(mkdir(disk, 0700), 0);
    if (strcmp(type, "tmpfs") == 0)
        snprintf(command, sizeof(command), "mount -t tmpfs -o size=48m none %s >/dev/null 2>&1", disk);
    else
        snprintf(command, sizeof(command), "(truncate -s 56M %s.img && mkfs.ext4 -q %s.img && mount -o loop %s.img %s) >/dev/null 2>&1", disk, disk, disk, disk);
    if (system(command) != 0)
        cr_skip_test("cannot mount a small %s here", type);
    return disk;
}

/* Until refused several times in a row: a checkpoint under way may refuse what fits when it has ended. */
static unsigned fill(struct store *store, const char *name, size_t size)
{
    unsigned total = 0, refused = 0;

    while (refused < 50) {
        int result = put(store, numbered(name, total), filled(total, size));
        cr_assert(result == STORE_OK || result == STORE_FULL, "%d", result);
        total += result == STORE_OK;
        refused = result == STORE_OK ? 0 : refused + 1;
        store_refresh(store);
        cr_assert_lt(total, 1000000);
    }
    return total;
}

static void check_filled(struct store *store, const char *name, unsigned total, size_t size)
{
    struct qiao_bytes value;

    for (unsigned i = 0; i < total; i++) {
        cr_assert(store_get(store, numbered(name, i), &value), "%s %u of %u", name, i, total);
        cr_assert(is_filled(value, i, size));
    }
    cr_assert(!has_key(store, numbered(name, total)));
}

static void fill_empty_and_fill_again(const char *disk)
{
    struct store *store;
    unsigned large, small, again;
    char path[600];

    snprintf(path, sizeof(path), "%s/store", disk);
    store = test_open(&store_engine_journal, path, 0);
    large = fill(store, "l", 150000);
    small = fill(store, "s", 700);
    cr_assert_gt(large, 100);
    check_filled(store, "l", large, 150000);
    check_filled(store, "s", small, 700);
    store_close(store);
    store = test_open(&store_engine_journal, path, 0); /* a full store opens */
    check_filled(store, "l", large, 150000);
    check_filled(store, "s", small, 700);
    cr_assert_eq(remove_range(store, text("s"), text("t")), STORE_OK);
    store_refresh(store);
    for (unsigned i = 0; i < large; i++) {
        cr_assert_eq(remove_key(store, numbered("l", i)), STORE_OK, "%u", i);
        store_refresh(store);
    }
    again = fill(store, "again", 150000); /* the room is back without a restart */
    cr_assert_geq(again, large - large / 10, "%u of %u", again, large);
    store_close(store);
    store = test_open(&store_engine_journal, path, 0);
    cr_assert_eq(count(store, none, none), again);
    check_filled(store, "again", again, 150000);
    store_close(store);
}

Test(store_journal_disk, a_full_tmpfs_refuses_then_takes_again)
{
    fill_empty_and_fill_again(mount_small("tmpfs"));
}

Test(store_journal_disk, a_full_ext4_refuses_then_takes_again)
{
    fill_empty_and_fill_again(mount_small("ext4"));
}
