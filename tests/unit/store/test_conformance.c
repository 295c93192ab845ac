/* What every engine must do. Each test runs once per engine. */
#include "store/array.h"
#include "support.h"
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdatomic.h>
#include <stdlib.h>

static const struct store_engine *const engines[] = {
    &store_engine_lmdb, &store_engine_array, &store_engine_journal, &test_journal_over_array, &test_journal_hasty,
};
static const struct qiao_bytes none;

#define ENGINES(name)                                                       \
    ParameterizedTestParameters(store, name)                                \
    {                                                                       \
        static int rows[] = { 0, 1, 2, 3, 4 };                                       \
        return cr_make_param_array(int, rows, 5);                           \
    }                                                                       \
    ParameterizedTest(int *row, store, name, .fini = test_directory_remove)

#define MIB (1024u * 1024u)

ENGINES(what_is_put_is_found_after_refresh_and_not_before)
{
    struct store *store = test_open(engines[*row], NULL, 0);

    cr_assert(!has_key(store, text("a")));
    cr_assert_eq(put(store, text("a"), text("1")), STORE_OK);
    cr_assert(!has_key(store, text("a")));
    store_refresh(store);
    cr_assert(has(store, text("a"), text("1")));
    cr_assert(!has_key(store, text("b")));
    cr_assert(!has_key(store, text("aa")));
    cr_assert_null(store_close(store));
}

ENGINES(a_value_may_be_empty_or_over_a_mebibyte)
{
    static const size_t sizes[] = { 0, 1, 10, 2000, 2040, 4080, 4096, 65536, 262144, 1363149 };
    const unsigned total = sizeof(sizes) / sizeof(sizes[0]);
    struct store *store = test_open(engines[*row], NULL, 0);
    struct qiao_bytes value;

    for (unsigned i = 0; i < total; i++)
        cr_assert_eq(put(store, numbered("v", i), filled(i, sizes[i])), STORE_OK);
    store_refresh(store);
    for (unsigned i = 0; i < total; i++) {
        cr_assert(store_get(store, numbered("v", i), &value));
        cr_assert(is_filled(value, i, sizes[i]), "size %zu", sizes[i]);
    }
    store_close(store);
}

ENGINES(borrowed_bytes_stay_until_refresh_whatever_is_committed)
{
    struct store *store = test_open(engines[*row], NULL, 0);
    struct qiao_bytes small, large;

    put(store, text("small"), text("before"));
    put(store, text("large"), filled(1, 300000));
    store_refresh(store);
    cr_assert(store_get(store, text("small"), &small));
    cr_assert(store_get(store, text("large"), &large));
    for (unsigned i = 0; i < 50; i++) { /* enough to reuse every page that could wrongly be thought free */
        cr_assert_eq(put(store, text("small"), numbered("after", i)), STORE_OK);
        cr_assert_eq(put(store, text("large"), filled(i + 2, 300000)), STORE_OK);
    }
    cr_assert_eq(remove_range(store, none, none), STORE_OK);
    cr_assert(qiao_bytes_equal(small, text("before")));
    cr_assert(is_filled(large, 1, 300000));
    cr_assert(has(store, text("small"), text("before")));
    cr_assert_eq(count(store, none, none), 2);
    store_refresh(store);
    cr_assert_eq(count(store, none, none), 0);
    store_close(store);
}

ENGINES(operations_of_a_batch_apply_in_order)
{
    struct store *store = test_open(engines[*row], NULL, 0);
    struct store_op ops[] = {
        { STORE_PUT, text("k"), text("1") },       { STORE_PUT, text("k"), text("2") },
        { STORE_PUT, text("gone"), text("x") },    { STORE_REMOVE, text("gone"), none },
        { STORE_PUT, text("r1"), text("x") },      { STORE_PUT, text("r2"), text("x") },
        { STORE_REMOVE_RANGE, text("r"), text("s") }, { STORE_PUT, text("r2"), text("again") },
        { STORE_REMOVE, text("never"), none },
    };
    struct store_batch batch = { ops, sizeof(ops) / sizeof(ops[0]) };

    cr_assert_eq(store_commit(store, &batch), STORE_OK);
    store_refresh(store);
    cr_assert(has(store, text("k"), text("2")));
    cr_assert(!has_key(store, text("gone")));
    cr_assert(!has_key(store, text("r1")));
    cr_assert(has(store, text("r2"), text("again")));
    cr_assert_eq(count(store, none, none), 2);
    store_close(store);
}

struct seen {
    char keys[256];
    size_t stop_after, visited;
};

static bool see(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct seen *seen = context;

    size_t used = strlen(seen->keys);
    (void)value;
    snprintf(seen->keys + used, sizeof seen->keys - used, "%.*s ", (int)key.size, (const char *)key.data);
    return ++seen->visited != seen->stop_after;
}

static const char *scan_keys(struct store *store, const char *from, const char *to, size_t stop_after)
{
    static struct seen seen;

    seen = (struct seen){ .stop_after = stop_after };
    store_scan(store, text(from), text(to), see, &seen);
    return seen.keys;
}

ENGINES(scan_goes_in_byte_order_from_inclusive_to_exclusive)
{
    static const char *const keys[] = { "b", "a", "ba", "c", "aa", "\xff", "B" };
    struct store *store = test_open(engines[*row], NULL, 0);

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        put(store, text(keys[i]), text("v"));
    store_refresh(store);
    cr_assert_str_eq(scan_keys(store, "", "", 0), "B a aa b ba c \xff ");
    cr_assert_str_eq(scan_keys(store, "a", "b", 0), "a aa ");
    cr_assert_str_eq(scan_keys(store, "aa", "c", 0), "aa b ba ");
    cr_assert_str_eq(scan_keys(store, "ab", "", 0), "b ba c \xff ");
    cr_assert_str_eq(scan_keys(store, "c", "a", 0), "");
    cr_assert_str_eq(scan_keys(store, "", "", 2), "B a ");
    store_close(store);
}

ENGINES(remove_range_takes_exactly_its_range)
{
    struct store *store = test_open(engines[*row], NULL, 0);

    for (unsigned i = 0; i < 3000; i++)
        put(store, numbered("n", i), filled(i, i % 10 == 0 ? 9000 : 12));
    cr_assert_eq(remove_range(store, numbered("n", 500), numbered("n", 2500)), STORE_OK);
    cr_assert_eq(remove_range(store, numbered("n", 2800), numbered("n", 2700)), STORE_OK);
    store_refresh(store);
    cr_assert_eq(count(store, none, none), 1000);
    cr_assert(has_key(store, numbered("n", 499)));
    cr_assert(!has_key(store, numbered("n", 500)));
    cr_assert(!has_key(store, numbered("n", 2499)));
    cr_assert(has_key(store, numbered("n", 2500)));
    cr_assert_eq(remove_range(store, none, numbered("n", 2600)), STORE_OK);
    store_refresh(store);
    cr_assert_eq(count(store, none, none), 400);
    store_close(store);
}

ENGINES(a_batch_that_is_not_valid_is_refused_whole)
{
    static const uint8_t long_key[STORE_KEY_SIZE_MAX + 1] = { 1 };
    struct store *store = test_open(engines[*row], NULL, 0);
    struct store_op bad[] = {
        { STORE_PUT, none, text("v") },
        { STORE_PUT, qiao_bytes(long_key, sizeof(long_key)), text("v") },
        { STORE_REMOVE, none, none },
        { STORE_REMOVE_RANGE, text("a"), qiao_bytes(long_key, sizeof(long_key)) },
        { (enum store_op_type)7, text("a"), text("v") },
    };
    struct store_batch empty = { NULL, 0 };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct store_op ops[] = { { STORE_PUT, text("good"), text("v") }, bad[i] };
        struct store_batch batch = { ops, 2 };
        cr_assert_eq(store_commit(store, &batch), -EINVAL, "case %zu", i);
    }
    cr_assert_eq(store_commit(store, &empty), STORE_OK);
    store_refresh(store);
    cr_assert_eq(count(store, none, none), 0);
    cr_assert_eq(put(store, qiao_bytes(long_key, STORE_KEY_SIZE_MAX), text("longest")), STORE_OK);
    store_refresh(store);
    cr_assert(has(store, qiao_bytes(long_key, STORE_KEY_SIZE_MAX), text("longest")));
    store_close(store);
}

/* Fills with records of size bytes until refused; returns how many went in. */
static unsigned fill(struct store *store, const char *name, size_t size, unsigned at_most)
{
    unsigned total = 0;
    int result = STORE_OK;

    while (result == STORE_OK && total < at_most) {
        result = put(store, numbered(name, total), filled(total, size));
        total += result == STORE_OK;
        store_refresh(store);
    }
    cr_assert_eq(result, STORE_FULL, "after %u records of %zu: %d", total, size, result);
    return total;
}

ENGINES(a_full_store_takes_nothing_of_a_batch_but_lets_go)
{
    struct store *store = test_open(engines[*row], NULL, 8 * MIB);
    unsigned large = fill(store, "l", 100000, 200), small = fill(store, "s", 500, 200000), again;
    struct store_op ops[] = {
        { STORE_PUT, text("a"), text("1") },
        { STORE_REMOVE, numbered("l", 0), none },
        { STORE_PUT, text("b"), filled(0, 300000) },
    };
    struct store_batch growing = { ops, 3 }, shrinking = { ops, 2 };
    struct store_stat stat;

    cr_assert_gt(large, 40);
    cr_assert_eq(store_commit(store, &growing), STORE_FULL);
    store_refresh(store);
    cr_assert(!has_key(store, text("a")));
    cr_assert(has_key(store, numbered("l", 0)));
    cr_assert_eq(count(store, none, none), large + small);
    store_stat(store, &stat);
    cr_assert_leq(stat.bytes_used, 8 * MIB);
    cr_assert_leq(stat.bytes_max, 8 * MIB);
    cr_assert_eq(store_commit(store, &shrinking), STORE_OK); /* mostly removes */
    store_refresh(store);
    for (unsigned i = 1; i < large; i++) {
        cr_assert_eq(remove_key(store, numbered("l", i)), STORE_OK);
        store_refresh(store);
    }
    cr_assert_eq(remove_range(store, text("s"), text("t")), STORE_OK);
    store_refresh(store);
    cr_assert_eq(count(store, none, none), 1);
    again = fill(store, "again", 100000, 200);
    cr_assert_geq(again, large - 2, "%u of %u", again, large); /* all of the room is back */
    store_close(store);
}

ENGINES(stat_counts_what_commits_cost)
{
    struct store *store = test_open(engines[*row], NULL, 64 * MIB);
    struct store_stat before, after;

    store_stat(store, &before);
    for (unsigned i = 0; i < 10; i++)
        cr_assert_eq(put(store, numbered("k", i), filled(i, 100000)), STORE_OK);
    store_refresh(store); /* an engine may count removals only from then on */
    store_stat(store, &after);
    cr_assert_eq(after.commits - before.commits, 10);
    cr_assert_geq(after.syncs - before.syncs, 10);
    cr_assert_geq(after.bytes_written - before.bytes_written, 1000000);
    cr_assert_leq(after.bytes_written - before.bytes_written, 1500000);
    cr_assert_geq(after.bytes_used - before.bytes_used, 1000000);
    cr_assert_leq(after.bytes_used - before.bytes_used, 1200000);
    cr_assert_leq(after.bytes_max, 64 * MIB);
    before = after;
    cr_assert_eq(remove_range(store, none, none), STORE_OK);
    store_refresh(store);
    store_stat(store, &after);
    cr_assert_leq(after.bytes_used + 1000000, before.bytes_used);
    store_close(store);
}

/* A plain table of at most MODEL_KEYS keys, changed by the same batches. */
#define MODEL_KEYS 400u

struct model {
    size_t sizes[MODEL_KEYS]; /* 0: absent */
    unsigned seeds[MODEL_KEYS];
};

static unsigned next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*state >> 33);
}

static struct store_op random_op(struct model *model, uint64_t *state, uint8_t *value_memory, char key_memory[2][32])
{
    unsigned choice = next_random(state) % 10, i = next_random(state) % MODEL_KEYS, j = next_random(state) % MODEL_KEYS;
    struct store_op op = { STORE_PUT, none, none };

    snprintf(key_memory[0], 32, "key%06u", i);
    snprintf(key_memory[1], 32, "key%06u", j);
    op.key = text(key_memory[0]);
    if (choice == 0) {
        op = (struct store_op){ STORE_REMOVE_RANGE, text(key_memory[0]), text(key_memory[1]) };
        for (unsigned k = i; k < j; k++)
            model->sizes[k] = 0;
    } else if (choice <= 3) {
        op.type = STORE_REMOVE;
        model->sizes[i] = 0;
    } else {
        model->sizes[i] = 1 + next_random(state) % (choice == 9 ? 30000 : 300);
        model->seeds[i] = next_random(state) % 1000;
        memcpy(value_memory, filled(model->seeds[i], model->sizes[i]).data, model->sizes[i]);
        op.value = qiao_bytes(value_memory, model->sizes[i]);
    }
    return op;
}

static void compare_with_model(struct store *store, const struct model *model)
{
    struct qiao_bytes value;
    size_t present = 0;
    char key[32];

    for (unsigned i = 0; i < MODEL_KEYS; i++) {
        snprintf(key, sizeof(key), "key%06u", i);
        cr_assert_eq(store_get(store, text(key), &value), model->sizes[i] > 0, "%s", key);
        if (model->sizes[i])
            cr_assert(is_filled(value, model->seeds[i], model->sizes[i]), "%s", key);
        present += model->sizes[i] > 0;
    }
    cr_assert_eq(count(store, none, none), present);
}

ENGINES(random_batches_leave_what_a_plain_table_says)
{
    enum { rounds = 300, ops_max = 20 };
    static struct model now, seen;
    static uint8_t memory[ops_max][30000];
    static char keys[ops_max][2][32];
    struct store *store = test_open(engines[*row], NULL, 0);
    uint64_t state = 20260131;

    now = seen = (struct model){ 0 };
    for (unsigned round = 0; round < rounds; round++) {
        struct store_op ops[ops_max];
        struct store_batch batch = { ops, 1 + next_random(&state) % ops_max };
        for (size_t i = 0; i < batch.count; i++)
            ops[i] = random_op(&now, &state, memory[i], keys[i]);
        cr_assert_eq(store_commit(store, &batch), STORE_OK);
        if (round % 7 == 0) {
            store_refresh(store);
            seen = now;
        }
        if (round % 10 == 0)
            compare_with_model(store, &seen);
    }
    store_close(store);
}

/* One thread commits batches that give ten keys the same number; the other must never see two numbers. */
#define PAIRED_KEYS 10u

struct duel {
    struct store *store;
    _Atomic bool stop;
    _Atomic unsigned committed;
};

static void *write_batches(void *context)
{
    struct duel *duel = context;

    for (unsigned round = 1; !atomic_load(&duel->stop); round++) {
        static char keys[PAIRED_KEYS][8];
        struct store_op ops[PAIRED_KEYS];
        struct store_batch batch = { ops, PAIRED_KEYS };
        uint8_t value[5000];
        memset(value, (int)(round & 0xff), sizeof(value));
        for (unsigned i = 0; i < PAIRED_KEYS; i++) {
            snprintf(keys[i], sizeof(keys[i]), "p%u", i);
            ops[i] = (struct store_op){ STORE_PUT, text(keys[i]), qiao_bytes(value, i % 2 ? 5 : sizeof(value)) };
        }
        cr_assert_eq(store_commit(duel->store, &batch), STORE_OK);
        atomic_store(&duel->committed, round);
    }
    return NULL;
}

static void look(struct duel *duel)
{
    unsigned known = atomic_load(&duel->committed);
    struct qiao_bytes value;
    int first = -1;

    store_refresh(duel->store);
    for (unsigned i = 0; i < PAIRED_KEYS; i++) {
        char key[8];
        snprintf(key, sizeof(key), "p%u", i);
        if (!store_get(duel->store, text(key), &value)) {
            cr_assert(known == 0 && first == -1);
            continue;
        }
        if (i == 0)
            first = value.data[0];
        for (size_t j = 0; j < value.size; j++)
            cr_assert_eq(value.data[j], first);
    }
    /* What was reported before the refresh is there: the number seen is not behind the number known. */
    if (first >= 0)
        cr_assert_lt((uint8_t)(first - (int)(known & 0xff)), 128);
}

ENGINES(a_reader_never_sees_half_a_batch_of_the_writer)
{
    struct duel duel = { .store = test_open(engines[*row], NULL, 0) };
    struct store_stat stat;
    pthread_t writer;

    cr_assert_eq(pthread_create(&writer, NULL, write_batches, &duel), 0);
    while (atomic_load(&duel.committed) < 1500) {
        look(&duel);
        store_stat(duel.store, &stat);
    }
    atomic_store(&duel.stop, true);
    pthread_join(writer, NULL);
    look(&duel);
    store_close(duel.store);
}
