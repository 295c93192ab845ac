/* The LMDB engine's own promises: who may open what, versions, backup, bounded file. */
#include "support.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024u * 1024u)
static const struct qiao_bytes none;
static char reason[256];

TestSuite(store_lmdb, .fini = test_directory_remove);

static int try_open(const char *path, uint32_t version)
{
    struct store_options options = { path, 0, version };
    struct store *store = NULL;
    int result = store_engine_lmdb.open(&options, &store, reason, sizeof(reason));

    if (result == STORE_OK)
        store_close(store);
    return result;
}

static uint64_t file_size(const char *path)
{
    struct stat status;

    cr_assert_eq(stat(path, &status), 0, "%s", path);
    return (uint64_t)status.st_size;
}

Test(store_lmdb, content_is_there_after_close_and_open)
{
    struct store *store = test_open(&store_engine_lmdb, NULL, 0);

    put(store, text("a"), text("1"));
    put(store, text("large"), filled(3, 500000));
    store_close(store);
    store = test_open(&store_engine_lmdb, NULL, 0);
    cr_assert(has(store, text("a"), text("1")));
    cr_assert(has(store, text("large"), filled(3, 500000)));
    cr_assert_eq(count(store, none, none), 2); /* the version record is not to be seen */
    cr_assert_eq(remove_range(store, none, none), STORE_OK);
    store_close(store);
    cr_assert_eq(try_open(test_path("store"), TEST_STORE_VERSION), STORE_OK); /* nor to be removed */
}

Test(store_lmdb, a_second_owner_is_kept_out_until_the_first_lets_go)
{
    struct store *store = test_open(&store_engine_lmdb, NULL, 0);
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(try_open(test_path("store"), TEST_STORE_VERSION));
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(WEXITSTATUS(status), STORE_IN_USE);
    cr_assert_eq(try_open(test_path("store"), TEST_STORE_VERSION), STORE_IN_USE);
    cr_assert(strstr(reason, "in use"), "%s", reason);
    cr_assert_eq(put(store, text("still"), text("mine")), STORE_OK);
    store_close(store);
    cr_assert_eq(try_open(test_path("store"), TEST_STORE_VERSION), STORE_OK);
}

Test(store_lmdb, a_newer_store_is_refused_naming_both_versions)
{
    cr_assert_eq(try_open(test_path("store"), 7), STORE_OK);
    cr_assert_eq(try_open(test_path("store"), 5), STORE_NEWER);
    cr_assert(strstr(reason, "version 7") && strstr(reason, "up to 5"), "%s", reason);
    cr_assert_eq(try_open(test_path("store"), 7), STORE_OK);
    cr_assert_eq(try_open(test_path("store"), 9), STORE_OK); /* reads the older layout, and marks it as its own */
    cr_assert_eq(try_open(test_path("store"), 7), STORE_NEWER);
}

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file);
    cr_assert_eq(fwrite(data, 1, size, file), size);
    fclose(file);
}

Test(store_lmdb, what_is_not_a_store_is_refused)
{
    cr_assert_eq(mkdir(test_path("store"), 0700), 0);
    write_file(test_path("store/data.mdb"), filled(1, 20000).data, 20000);
    cr_assert_eq(try_open(test_path("store"), 1), STORE_CORRUPT);
    cr_assert(reason[0]);
    write_file(test_path("plain"), "x", 1);
    cr_assert_eq(try_open(test_path("plain"), 1), -ENOTDIR);
    cr_assert_lt(try_open(test_path("no/such/parent"), 1), 0);
    cr_assert_eq(try_open("", 1), -EINVAL);
    cr_assert_eq(try_open(NULL, 1), -EINVAL);
}

Test(store_lmdb, another_programs_lmdb_file_is_refused)
{
    char letter[] = "k";
    MDB_val key = { 1, letter }, value = { 1, letter };
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi table;

    cr_assert_eq(mkdir(test_path("store"), 0700), 0);
    mdb_env_create(&env);
    cr_assert_eq(mdb_env_open(env, test_path("store"), 0, 0600), 0);
    mdb_txn_begin(env, NULL, 0, &txn);
    mdb_dbi_open(txn, NULL, 0, &table);
    mdb_put(txn, table, &key, &value, 0);
    cr_assert_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    cr_assert_eq(try_open(test_path("store"), 1), STORE_CORRUPT);
    cr_assert(strstr(reason, "not written by this program"), "%s", reason);
}

Test(store_lmdb, a_file_cut_short_is_found_when_opening)
{
    struct store *store = test_open(&store_engine_lmdb, NULL, 0);

    for (unsigned i = 0; i < 20; i++)
        put(store, numbered("k", i), filled(i, 200000));
    store_close(store);
    cr_assert_eq(truncate(test_path("store/data.mdb"), 1000000), 0);
    cr_assert_eq(try_open(test_path("store"), 1), STORE_CORRUPT);
    cr_assert(strstr(reason, "cut short"), "%s", reason);
}

Test(store_lmdb, a_backup_made_while_in_use_opens_as_a_store)
{
    struct store *store = test_open(&store_engine_lmdb, NULL, 0), *copy;

    for (unsigned i = 0; i < 100; i++)
        put(store, numbered("k", i), filled(i, 100000));
    remove_range(store, numbered("k", 10), numbered("k", 100));
    store_refresh(store);
    cr_assert_eq(store->engine->backup(store, test_path("copy")), 0);
    cr_assert_eq(store->engine->backup(store, test_path("copy")), -EEXIST); /* never over an older one */
    cr_assert_eq(put(store, text("later"), text("x")), STORE_OK);
    copy = test_open(&store_engine_lmdb, test_path("copy"), 0);
    cr_assert_eq(count(copy, none, none), 10);
    for (unsigned i = 0; i < 10; i++)
        cr_assert(has(copy, numbered("k", i), filled(i, 100000)));
    cr_assert_eq(put(copy, text("own"), text("life")), STORE_OK);
    store_close(copy);
    cr_assert_lt(file_size(test_path("copy/data.mdb")), file_size(test_path("store/data.mdb")));
    store_close(store);
}

/* A queue: large runs go in, old ones go out. The file must stay near what is in use, at most sizes. */
Test(store_lmdb, the_file_stays_bounded_while_a_queue_flows)
{
    struct store *store = test_open(&store_engine_lmdb, NULL, 0);
    struct store_stat stat;
    uint64_t halfway = 0;
    uint64_t state = 1;

    for (unsigned i = 0; i < 3000; i++) {
        size_t size = 1024u << (i % 9);
        struct store_op ops[2] = { { STORE_PUT, numbered("q", i), filled(i, size - size / 3 + (state >> 40) % (size / 3)) },
                                   { STORE_REMOVE_RANGE, numbered("q", 0), numbered("q", i > 100 ? i - 100 : 0) } };
        struct store_batch batch = { ops, 2 };
        state = state * 6364136223846793005u + 1;
        cr_assert_eq(store_commit(store, &batch), STORE_OK);
        store_refresh(store);
        if (i == 1500)
            halfway = file_size(test_path("store/data.mdb"));
    }
    store_stat(store, &stat);
    cr_assert_eq(count(store, none, none), 101);
    cr_assert_lt(file_size(test_path("store/data.mdb")), halfway + 4 * MIB);
    cr_assert_lt(file_size(test_path("store/data.mdb")), stat.bytes_used * 2 + 40 * MIB);
    store_close(store);
}

Test(store_lmdb, the_file_never_passes_bytes_max)
{
    struct store *store = test_open(&store_engine_lmdb, NULL, 16 * MIB);
    unsigned refused = 0;

    for (unsigned i = 0; i < 1500; i++) {
        int result = put(store, numbered("q", i), filled(i, 5000 + i * 7919 % 200000));
        store_refresh(store);
        cr_assert(result == STORE_OK || result == STORE_FULL);
        if (result == STORE_FULL) {
            refused++;
            cr_assert_eq(remove_range(store, none, numbered("q", i - i % 97)), STORE_OK);
            store_refresh(store);
        }
        cr_assert_leq(file_size(test_path("store/data.mdb")), 16 * MIB);
    }
    cr_assert_gt(refused, 5);
    store_close(store);
}

/* Single free pages everywhere and the end of the map reached: removing much at once needs a run of pages for LMDB's own
 * list, finds none, and gets a larger map at the next refresh. */
Test(store_lmdb, removing_from_a_fragmented_full_store_works_after_a_refresh)
{
    struct store *store = test_open(&store_engine_lmdb, NULL, 8 * MIB);
    unsigned total = 0, tries = 1;

    for (; put(store, numbered("a", total), filled(total, 3000)) == STORE_OK; total++)
        store_refresh(store);
    for (unsigned i = 0; i < total; i += 2) {
        cr_assert_eq(remove_key(store, numbered("a", i)), STORE_OK);
        store_refresh(store);
    }
    for (unsigned i = 0; put(store, numbered("b", i), filled(i, 7000)) == STORE_OK; i++)
        store_refresh(store);
    store_refresh(store);
    while (remove_range(store, none, none) == STORE_FULL) {
        cr_assert_lt(++tries, 4);
        cr_assert(has(store, numbered("a", 1), filled(1, 3000)));
        store_refresh(store);
    }
    cr_log_info("removed at try %u", tries);
    store_refresh(store);
    cr_assert_eq(count(store, none, none), 0);
    cr_assert_eq(put(store, text("new"), filled(1, 1000000)), STORE_OK);
    store_close(store);
}

Test(store_lmdb, a_store_above_a_lowered_limit_can_still_be_emptied)
{
    struct store *store = test_open(&store_engine_lmdb, NULL, 0);

    for (unsigned i = 0; i < 100; i++)
        put(store, numbered("k", i), filled(i, 100000));
    store_close(store);
    store = test_open(&store_engine_lmdb, NULL, 2 * MIB);
    cr_assert_eq(put(store, text("new"), filled(1, 10000)), STORE_FULL);
    cr_assert_eq(count(store, none, none), 100);
    for (unsigned i = 0; i < 100; i++) {
        cr_assert_eq(remove_key(store, numbered("k", i)), STORE_OK, "%u", i);
        store_refresh(store);
    }
    cr_assert_eq(put(store, text("new"), filled(1, 10000)), STORE_OK);
    store_close(store);
}

Test(store_lmdb, scarce_address_space_makes_the_map_smaller_not_the_store_fail)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    cr_skip_test("sanitizers need the address space this test takes away");
#else
    struct rlimit limit = { (rlim_t)2 << 30, (rlim_t)2 << 30 };
    struct store *store;

    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    store = test_open(&store_engine_lmdb, NULL, 0);
    cr_assert_eq(put(store, text("a"), filled(1, 1000000)), STORE_OK);
    store_refresh(store);
    cr_assert(has(store, text("a"), filled(1, 1000000)));
    store_close(store);
#endif
}
