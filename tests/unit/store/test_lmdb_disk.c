/* The LMDB engine on a disk that is full or fails: real small file systems, and single failing system calls. */
#include "disk_faults.h"
#include "support.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
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

TestSuite(store_lmdb_disk, .fini = fini);

/* A small disk of our own, in a mount namespace that ends with this test's process. */
static const char *mount_small(const char *type)
{
    const char *disk = test_path("disk");
    char command[1200];

    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        cr_skip_test("mounting is not permitted here: %s", strerror(errno));
    cr_assert_eq(mkdir(disk, 0700), 0);
    if (strcmp(type, "tmpfs") == 0)
        snprintf(command, sizeof(command), "mount -t tmpfs -o size=24m none %s", disk);
    else
        snprintf(command, sizeof(command), "truncate -s 32M %s.img && mkfs.%s -q %s.img && mount -o loop %s.img %s", disk, type, disk, disk, disk);
    strncat(command, " >/dev/null 2>&1", sizeof(command) - strlen(command) - 1);
    if (system(command) != 0)
        cr_skip_test("cannot mount a small %s here", type);
    return disk;
}

static unsigned fill(struct store *store, const char *name, size_t size)
{
    unsigned total = 0;
    int result;

    while ((result = put(store, numbered(name, total), filled(total, size))) == STORE_OK) {
        store_refresh(store);
        cr_assert_lt(++total, 1000000);
    }
    cr_assert_eq(result, STORE_FULL, "%d", result);
    store_refresh(store);
    return total;
}

static void check_filled(struct store *store, const char *name, unsigned from, unsigned total, size_t size)
{
    struct qiao_bytes value;

    for (unsigned i = from; i < total; i++) {
        cr_assert(store_get(store, numbered(name, i), &value), "%s %u of %u", name, i, total);
        cr_assert(is_filled(value, i, size));
    }
    cr_assert(!has_key(store, numbered(name, total)));
}

static void fill_empty_and_fill_again(const char *disk)
{
    char path[600];
    struct store *store;
    unsigned large, small, again;

    snprintf(path, sizeof(path), "%s/store", disk);
    store = test_open(&store_engine_lmdb, path, 0);
    large = fill(store, "l", 150000);
    small = fill(store, "s", 700);
    cr_assert_gt(large, 50);
    check_filled(store, "l", 0, large, 150000);
    check_filled(store, "s", 0, small, 700);
    cr_assert_eq(remove_range(store, text("s"), text("t")), STORE_OK); /* removing works on a full disk */
    store_refresh(store);
    for (unsigned i = 0; i < large; i++) {
        cr_assert_eq(remove_key(store, numbered("l", i)), STORE_OK, "%u", i);
        store_refresh(store);
    }
    again = fill(store, "again", 150000); /* and gives the room back without a restart */
    cr_assert_geq(again + 3, large);
    store_close(store);
    store = test_open(&store_engine_lmdb, path, 0);
    cr_assert_eq(count(store, none, none), again);
    check_filled(store, "again", 0, again, 150000);
    store_close(store);
}

Test(store_lmdb_disk, a_full_tmpfs_refuses_then_takes_again)
{
    fill_empty_and_fill_again(mount_small("tmpfs"));
}

Test(store_lmdb_disk, a_full_ext4_refuses_then_takes_again)
{
    fill_empty_and_fill_again(mount_small("ext4"));
}

static void fill_rest_of_disk(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    struct qiao_bytes bytes = filled(0, 65536);

    cr_assert_geq(fd, 0);
    while (write(fd, bytes.data, bytes.size) > 0)
        continue;
    cr_assert_eq(errno, ENOSPC);
    close(fd);
}

static void another_program_fills_the_disk(const char *disk)
{
    char path[600], other[600];
    struct store *store;
    unsigned before, after;

    snprintf(path, sizeof(path), "%s/store", disk);
    snprintf(other, sizeof(other), "%s/other", disk);
    store = test_open(&store_engine_lmdb, path, 0);
    for (before = 0; before < 40; before++)
        cr_assert_eq(put(store, numbered("b", before), filled(before, 100000)), STORE_OK);
    store_refresh(store);
    fill_rest_of_disk(other);
    after = fill(store, "a", 100000); /* what is left of the blocks taken ahead */
    check_filled(store, "b", 0, before, 100000);
    check_filled(store, "a", 0, after, 100000);
    cr_assert_eq(remove_range(store, text("b"), text("c")), STORE_OK);
    store_refresh(store);
    cr_assert_eq(put(store, text("n1"), filled(1, 1000000)), STORE_OK); /* in the room of what was removed */
    cr_assert_eq(unlink(other), 0);
    store_refresh(store);
    for (unsigned i = 0; i < 80; i++)
        cr_assert_eq(put(store, numbered("b", i), filled(i, 100000)), STORE_OK, "%u", i);
    store_refresh(store);
    check_filled(store, "b", 0, 80, 100000);
    store_close(store);
}

Test(store_lmdb_disk, another_program_fills_and_frees_a_tmpfs)
{
    another_program_fills_the_disk(mount_small("tmpfs"));
}

Test(store_lmdb_disk, another_program_fills_and_frees_an_ext4)
{
    another_program_fills_the_disk(mount_small("ext4"));
}

Test(store_lmdb_disk, a_write_cut_short_by_a_full_disk_is_no_failing_disk)
{
    const char *disk = mount_small("tmpfs");
    char path[600], other[600];
    struct store *store;

    snprintf(path, sizeof(path), "%s/store", disk);
    snprintf(other, sizeof(other), "%s/other", disk);
    store = test_open(&store_engine_lmdb, path, 0);
    cr_assert_eq(put(store, text("kept"), filled(5, 100000)), STORE_OK);
    fill_rest_of_disk(other);
    atomic_store(&disk_faults.short_write, 1);
    cr_assert_eq(put(store, text("refused"), filled(9, 200000)), STORE_FULL);
    cr_assert_eq(atomic_load(&disk_faults.short_write), 0);
    store_refresh(store);
    cr_assert(has(store, text("kept"), filled(5, 100000)));
    cr_assert_eq(count(store, none, none), 1);
    store_close(store);
}

Test(store_lmdb_disk, a_disk_too_small_for_a_store_says_so)
{
    const char *disk = mount_small("tmpfs");
    struct store_options options = { .version = TEST_STORE_VERSION };
    char path[600], other[600], reason[256] = "";
    struct store *store;
    int result;

    snprintf(path, sizeof(path), "%s/store", disk);
    snprintf(other, sizeof(other), "%s/other", disk);
    options.path = path;
    fill_rest_of_disk(other);
    result = store_engine_lmdb.open(&options, &store, reason, sizeof(reason));
    cr_assert(result == STORE_FULL || result == -ENOSPC, "%d", result);
    cr_assert(strstr(reason, "space"), "%s", reason);
}

/* After each failure: the batch is not there, what was borrowed is untouched, and the store goes on without a restart. */
static void survives(struct store *store, struct qiao_bytes borrowed, int expected)
{
    int result = put(store, text("refused"), filled(9, 200000));

    cr_assert_eq(result, expected, "%d", result);
    cr_assert(is_filled(borrowed, 5, 100000));
    store_refresh(store);
    cr_assert(!has_key(store, text("refused")));
    cr_assert(has(store, text("kept"), filled(5, 100000)));
    cr_assert_eq(put(store, text("after"), filled(6, 200000)), STORE_OK);
    store_refresh(store);
    cr_assert(has(store, text("after"), filled(6, 200000)));
    store_close(store);
    store = test_open(&store_engine_lmdb, NULL, 0);
    cr_assert_eq(count(store, none, none), 2);
    cr_assert(has(store, text("kept"), filled(5, 100000)));
    cr_assert(has(store, text("after"), filled(6, 200000)));
    store_close(store);
}

static struct store *open_with_one(struct qiao_bytes *ret_borrowed)
{
    struct store *store = test_open(&store_engine_lmdb, NULL, 0);

    cr_assert_eq(put(store, text("kept"), filled(5, 100000)), STORE_OK);
    store_refresh(store);
    cr_assert(store_get(store, text("kept"), ret_borrowed));
    return store;
}

Test(store_lmdb_disk, no_room_for_a_data_page)
{
    struct qiao_bytes borrowed;
    struct store *store = open_with_one(&borrowed);

    atomic_store(&disk_faults.data_write_errno, ENOSPC);
    survives(store, borrowed, STORE_FULL);
    cr_assert_eq(atomic_load(&disk_faults.data_write_errno), 0); /* it did happen */
}

Test(store_lmdb_disk, no_room_for_the_meta_page)
{
    struct qiao_bytes borrowed;
    struct store *store = open_with_one(&borrowed);

    atomic_store(&disk_faults.meta_write_errno, ENOSPC);
    survives(store, borrowed, STORE_FULL);
    cr_assert_eq(atomic_load(&disk_faults.meta_write_errno), 0);
}

Test(store_lmdb_disk, until_refresh_after_a_failed_meta_page_commits_are_refused_and_reads_go_on)
{
    struct qiao_bytes borrowed;
    struct store *store = open_with_one(&borrowed);

    atomic_store(&disk_faults.meta_write_errno, EDQUOT);
    cr_assert_eq(put(store, text("refused"), text("x")), STORE_FULL);
    cr_assert_eq(put(store, text("refused"), text("x")), STORE_FULL);
    cr_assert(has(store, text("kept"), filled(5, 100000)));
    cr_assert(is_filled(borrowed, 5, 100000));
    store_refresh(store);
    cr_assert_eq(put(store, text("taken"), text("x")), STORE_OK);
    store_close(store);
}

Test(store_lmdb_disk, a_write_or_sync_that_fails_for_another_reason_is_fatal)
{
    struct qiao_bytes borrowed;
    struct store *store = open_with_one(&borrowed);

    atomic_store(&disk_faults.data_write_errno, EROFS);
    cr_assert_eq(put(store, text("refused"), filled(1, 100000)), -EROFS);
    atomic_store(&disk_faults.sync_errno, EIO);
    cr_assert_eq(put(store, text("refused"), filled(1, 100000)), -EIO);
    atomic_store(&disk_faults.short_write, 1); /* with room on the disk a short write is a failing disk */
    cr_assert_eq(put(store, text("refused"), filled(1, 100000)), -EIO);
    cr_assert_eq(atomic_load(&disk_faults.short_write), 0);
    store_refresh(store);
    cr_assert(!has_key(store, text("refused")));
    store_close(store);
}

Test(store_lmdb_disk, a_meta_page_that_cannot_be_put_back_is_fatal)
{
    struct qiao_bytes borrowed;
    struct store *store = open_with_one(&borrowed);
    struct store_op ops[2] = { { STORE_REMOVE, text("absent"), none }, { STORE_PUT, text("refused"), text("x") } };
    struct store_batch batch = { ops, 2 };

    atomic_store(&disk_faults.meta_write_errno, EIO);
    cr_assert_eq(store_commit(store, &batch), -EIO);
    store_close(store);
}

Test(store_lmdb_disk, stat_counts_the_syncs_that_happen)
{
    struct qiao_bytes borrowed;
    struct store *store = open_with_one(&borrowed);
    struct store_stat before, after;
    unsigned syncs = atomic_load(&disk_faults.syncs);

    store_stat(store, &before);
    for (unsigned i = 0; i < 20; i++)
        put(store, numbered("k", i), filled(i, 1000));
    store_stat(store, &after);
    cr_assert_eq(after.syncs - before.syncs, atomic_load(&disk_faults.syncs) - syncs);
    cr_assert_eq(after.syncs - before.syncs, 40);
    store_close(store);
}
