/* The array engine's own calls: faults, clone, digest; and that it is fast enough for the simulator. */
#include "store/array.h"
#include "support.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <time.h>

static const struct qiao_bytes none;

TestSuite(store_array, .fini = test_directory_remove);

Test(store_array, a_full_disk_is_a_field)
{
    struct store *store = test_open(&store_engine_array, NULL, 0);

    cr_assert_eq(put(store, text("a"), text("1")), STORE_OK);
    store_array_faults(store)->full = true;
    cr_assert_eq(put(store, text("b"), text("1")), STORE_FULL);
    cr_assert_eq(remove_key(store, text("a")), STORE_FULL);
    store_array_faults(store)->full = false;
    store_refresh(store);
    cr_assert(has(store, text("a"), text("1")));
    cr_assert_eq(count(store, none, none), 1);
    store_array_faults(store)->bytes_max = 10;
    cr_assert_eq(put(store, text("c"), filled(1, 20)), STORE_FULL);
    cr_assert_eq(remove_key(store, text("a")), STORE_OK);
    cr_assert_eq(put(store, text("c"), filled(1, 9)), STORE_OK);
    store_close(store);
}

Test(store_array, a_refused_batch_leaves_the_digest_alone)
{
    struct store *store = test_open(&store_engine_array, NULL, 0);
    struct store_op ops[] = {
        { STORE_PUT, text("a"), text("changed") },  { STORE_PUT, text("a"), text("twice") },
        { STORE_REMOVE_RANGE, text("b"), text("d") }, { STORE_PUT, text("c"), text("back") },
        { STORE_PUT, text("new"), filled(2, 1000) },
    };
    struct store_batch batch = { ops, 5 };
    uint64_t digest;

    put(store, text("a"), text("1"));
    put(store, text("b"), text("2"));
    store_refresh(store);
    put(store, text("c"), text("3"));
    digest = store_array_digest(store);
    store_array_faults(store)->bytes_max = 50;
    cr_assert_eq(store_commit(store, &batch), STORE_FULL);
    cr_assert_eq(store_array_digest(store), digest);
    cr_assert(has(store, text("a"), text("1")));
    store_refresh(store);
    cr_assert_eq(store_array_digest(store), digest);
    cr_assert_eq(count(store, none, none), 3);
    store_array_faults(store)->bytes_max = 0;
    cr_assert_eq(store_commit(store, &batch), STORE_OK);
    cr_assert_neq(store_array_digest(store), digest);
    store_close(store);
}

Test(store_array, a_clone_is_what_a_restarted_process_finds)
{
    struct store *store = test_open(&store_engine_array, NULL, 0), *clone;

    put(store, text("seen"), text("1"));
    put(store, text("removed"), text("1"));
    store_refresh(store);
    put(store, text("committed"), text("2")); /* durable though no reader saw it */
    remove_key(store, text("removed"));
    store_array_faults(store)->full = true;
    clone = store_array_clone(store);
    cr_assert_eq(store_array_digest(clone), store_array_digest(store));
    store_close(store);
    cr_assert(has(clone, text("seen"), text("1")));
    cr_assert(has(clone, text("committed"), text("2")));
    cr_assert(!has_key(clone, text("removed")));
    cr_assert_eq(put(clone, text("more"), text("3")), STORE_OK); /* the new process has a healthy disk */
    store_close(clone);
}

Test(store_array, digest_depends_on_content_and_not_on_history)
{
    struct store *a = test_open(&store_engine_array, NULL, 0), *b = test_open(&store_engine_array, NULL, 0);

    for (unsigned i = 0; i < 100; i++) {
        put(a, numbered("k", i), filled(i, 20));
        put(b, numbered("k", 99 - i), filled(99 - i, 20));
    }
    put(b, text("extra"), text("x"));
    store_refresh(b);
    cr_assert_neq(store_array_digest(a), store_array_digest(b));
    remove_key(b, text("extra"));
    cr_assert_eq(store_array_digest(a), store_array_digest(b));
    put(b, numbered("k", 5), filled(6, 20));
    cr_assert_neq(store_array_digest(a), store_array_digest(b));
    store_close(a);
    store_close(b);
}

Test(store_array, backup_says_that_there_is_no_disk)
{
    struct store *store = test_open(&store_engine_array, NULL, 0);

    cr_assert_eq(store->engine->backup(store, "anywhere"), -ENOTSUP);
    store_close(store);
}

/* The cost of a commit does not grow with the store: 100 000 commits over 50 000 records are done in far less than the
 * hour that copying the store for each of them would take. */
Test(store_array, commits_cost_their_own_size, .timeout = 30)
{
    struct store *store = test_open(&store_engine_array, NULL, 0);
    struct timespec begun, ended;

    for (unsigned i = 0; i < 50000; i++)
        put(store, numbered("base", i), filled(i, 16));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begun);
    for (unsigned i = 0; i < 100000; i++) {
        cr_assert_eq(put(store, numbered("queue", i), filled(i, 16)), STORE_OK);
        if (i >= 100)
            cr_assert_eq(remove_range(store, numbered("queue", 0), numbered("queue", i - 100)), STORE_OK);
        store_refresh(store);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
    cr_assert_eq(count(store, text("queue"), text("r")), 101);
    cr_assert_lt(ended.tv_sec - begun.tv_sec, 20);
    store_close(store);
}
