/* The journal engine's own promises: table, records, recovery, damage, who may open what. */
#include "store/array.h"
#include "store/checksum.h"
#include "store/journal.h"
#include "store/journal_bounds.h"
#include "store/journal_pages.h"
#include "store/journal_ring.h"
#include "store/journal_table.h"
#include "support.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024u * 1024u)
static const struct qiao_bytes none;
static char reason[256];

TestSuite(store_journal, .fini = test_directory_remove, .timeout = 250);

Test(store_journal, checksum_is_crc32c_both_ways)
{
    struct qiao_bytes bytes = filled(7, 5000);

    cr_assert_eq(checksum(0, "123456789", 9), 0xe3069283u); /* the check value of the published definition */
    cr_assert_eq(checksum_portable(0, "123456789", 9), 0xe3069283u);
    for (size_t size = 0; size < 100; size++)
        cr_assert_eq(checksum(5, bytes.data + size, size * 3), checksum_portable(5, bytes.data + size, size * 3));
    cr_assert_eq(checksum(checksum(0, bytes.data, 1234), bytes.data + 1234, 5000 - 1234), checksum(0, bytes.data, 5000));
}

/* ---- table ---- */

#define KEYS 300u

Test(store_journal, a_table_says_what_a_plain_array_says)
{
    enum { absent, present, removed } state[KEYS] = { absent };
    unsigned seeds[KEYS] = { 0 };
    struct table *table = table_new();
    uint64_t random = 5;

    for (unsigned round = 0; round < 20000; round++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        unsigned i = (unsigned)(random >> 33) % KEYS, j = (unsigned)(random >> 43) % KEYS, choice = (unsigned)(random >> 53) % 20;
        if (choice == 0) {
            table_erase_range(table, numbered("k", i), numbered("k", j));
            for (unsigned k = i; k < j; k++)
                state[k] = state[k] == present ? absent : state[k];
        } else if (choice < 4) {
            table_remove(table, numbered("k", i), 10);
            state[i] = removed;
        } else if (choice < 7) {
            table_erase(table, numbered("k", i));
            state[i] = absent;
        } else {
            size_t size = choice == 19 ? 3000 : round % 90;
            struct record_buffer *buffer = record_buffer_new(RECORD_ALIGNMENT);
            memcpy(buffer->bytes, filled(round, size).data, size);
            table_put(table, numbered("k", i), qiao_bytes(buffer->bytes, size), buffer);
            record_buffer_unref(buffer); /* the table keeps what it needs */
            state[i] = present;
            seeds[i] = round;
        }
        const struct table_entry *entry = table_find(table, numbered("k", j));
        cr_assert_eq(entry != NULL, state[j] != absent);
        if (entry)
            cr_assert_eq(entry->is_removed, state[j] == removed);
        if (entry && !entry->is_removed)
            cr_assert(is_filled(table_entry_value(entry), seeds[j], entry->value_size));
    }
    unsigned at = 0;
    for (const struct table_entry *e = table_seek(table, none); e; e = e->next[0], at++) {
        while (state[at] == absent)
            at++;
        cr_assert(qiao_bytes_equal(table_entry_key(e), numbered("k", at)));
    }
    cr_assert_null(table_free(table));
}

Test(store_journal, a_table_counts_its_memory_and_what_it_adds)
{
    struct table *table = table_new();
    struct record_buffer *buffer = record_buffer_new(2 * RECORD_ALIGNMENT);

    memset(buffer->bytes, 1, buffer->size);
    table_put(table, text("a"), qiao_bytes(buffer->bytes, 1000), buffer);
    table_put(table, text("b"), qiao_bytes(buffer->bytes + 1000, 1000), buffer);
    size_t both = table_bytes(table);
    cr_assert_geq(both, buffer->size);
    cr_assert_lt(both, 2 * buffer->size); /* the buffer counts once */
    cr_assert_eq(table_growth(table), (int64_t)(2 * record_cost(1, 1000)));
    table_erase(table, text("a"));
    table_erase(table, text("b"));
    cr_assert_lt(table_bytes(table), buffer->size);
    cr_assert(table_is_empty(table));
    table_remove(table, text("c"), 500);
    cr_assert_eq(table_growth(table), -500);
    table_put(table, text("c"), text("x"), buffer);
    cr_assert_eq(table_growth(table), (int64_t)record_cost(1, 1) - 500);
    table_free(table);
    record_buffer_unref(buffer);
}

/* ---- bounds and pages ---- */

static struct store *array_with(const struct qiao_bytes *keys, size_t count)
{
    struct store_options options = { 0 };
    struct store_op ops[64];
    struct store *store;

    cr_assert_eq(store_engine_array.open(&options, &store, reason, sizeof(reason)), STORE_OK);
    for (size_t i = 0; i < count; i++)
        ops[i] = (struct store_op){ STORE_PUT, keys[i], none };
    cr_assert_eq(store_commit(store, &(struct store_batch){ ops, count }), STORE_OK);
    store_refresh(store);
    return store;
}

Test(store_journal, bounds_exclude_nothing_that_is_there_and_all_that_lies_behind)
{
    const struct qiao_bytes keys[] = {
        qiao_bytes("\0", 1), text("D"), text("O\1"), text("O\1\2\3\4\5\6\7\x08\x09"), text("O\1\2"), text("Z99999999z"),
        qiao_bytes("\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9),
    };
    const size_t count = sizeof(keys) / sizeof(keys[0]);
    struct store *store = array_with(keys, count);
    static struct bounds bounds;

    bounds_init(&bounds, store);
    for (size_t i = 0; i < count; i++)
        cr_assert_not(bounds_exclude(&bounds, keys[i]), "key %zu", i);
    cr_assert(bounds_exclude(&bounds, text("D\1")));
    cr_assert(bounds_exclude(&bounds, text("A")));
    cr_assert(bounds_exclude(&bounds, text("O\1\2\3\4\5\6\x08")));
    cr_assert_not(bounds_exclude(&bounds, text("O\1\2\3\4\5\6\7\x09"))); /* the same head: it may be there */
    bounds_raise(&bounds, text("A"));
    cr_assert_not(bounds_exclude(&bounds, text("A")));
    cr_assert(bounds_exclude(&bounds, text("A\1")));
    store_close(store);
}

Test(store_journal, pages_come_again_and_go_when_told)
{
    size_t capacity, other;
    uint8_t *pages = pages_new(100000, &capacity);

    cr_assert_geq(capacity, 100000u);
    memset(pages, 7, capacity);
    cr_assert_null(pages_free(pages, capacity));
    cr_assert_eq(pages_new(capacity - 5, &other), pages);
    cr_assert_eq(other, capacity);
    pages_free(pages, capacity);
    uint8_t *large = pages_new(4 * capacity, &other); /* not a piece too small, nor half of one too large */
    cr_assert_neq(large, pages);
    pages_free(large, other);
    pages_trim();
    cr_assert_null(pages_new(SIZE_MAX - 1, &other));
}

/* ---- records ---- */

Test(store_journal, a_record_gives_back_its_operations_and_any_changed_bit_is_seen)
{
    struct store_op ops[] = { { STORE_PUT, text("key"), text("value") }, { STORE_REMOVE, text("gone"), none },
                              { STORE_REMOVE_RANGE, text("a"), text("b") }, { STORE_PUT, text("e"), none } }, op;
    struct store_batch batch = { ops, 4 };
    struct record_buffer *buffer = record_buffer_new(record_size(&batch));
    uint64_t sequence;

    record_pack(buffer, &batch);
    record_seal(buffer, 77, 5);
    cr_assert_eq(record_header_size(buffer->bytes, 77, &sequence), buffer->size);
    cr_assert_eq(sequence, 5);
    cr_assert_eq(record_header_size(buffer->bytes, 78, &sequence), 0);
    cr_assert(record_is_whole(buffer->bytes, buffer->size));
    struct record_cursor cursor = record_begin(buffer);
    for (size_t i = 0; i < 4; i++) {
        cr_assert(record_next(&cursor, &op));
        cr_assert(op.type == ops[i].type && qiao_bytes_equal(op.key, ops[i].key) && qiao_bytes_equal(op.value, ops[i].value));
    }
    cr_assert(!record_next(&cursor, &op));
    for (size_t bit = 32; bit < (size_t)(cursor.at - buffer->bytes) * 8; bit++) {
        buffer->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert(!record_is_whole(buffer->bytes, buffer->size), "bit %zu", bit);
        buffer->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    record_buffer_unref(buffer);
}

/* ---- recovery: what a crash leaves is made by copying the files of a store in use ---- */

static int open_calm(const struct store_options *options, struct store **ret_store, char *reterr_text, size_t reterr_size)
{
    static const struct journal_tuning tuning = { &store_engine_lmdb, 1 * MIB, 64 * MIB, 600000 };

    return journal_open(options, &tuning, ret_store, reterr_text, reterr_size);
}

static const struct store_engine calm = { .name = "calm journal", .open = open_calm };

static void copy_file(const char *from, const char *to)
{
    char command[1200];

    snprintf(command, sizeof(command), "cp %s %s", from, to);
    cr_assert_eq(system(command), 0);
}

/* The directory as a killed process leaves it. */
static void crash_copy(void)
{
    mkdir(test_path("crashed"), 0700);
    copy_file(test_path("store/data.mdb"), test_path("crashed/data.mdb"));
    copy_file(test_path("store/journal"), test_path("crashed/journal"));
}

static int try_open(const struct store_engine *engine, const char *path, uint32_t version, struct store **ret_store)
{
    struct store_options options = { path, 0, version };

    *ret_store = NULL;
    reason[0] = '\0';
    return engine->open(&options, ret_store, reason, sizeof(reason));
}

static void patch(const char *path, off_t offset, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    cr_assert_geq(fd, 0);
    cr_assert_eq(pwrite(fd, bytes, size, offset), (ssize_t)size);
    close(fd);
}

#define BATCHES 6u

/* Six batches; even ones take one block, odd ones two. Returns nothing: record i starts at start_of(i). */
static void commit_six(struct store *store)
{
    for (unsigned i = 0; i < BATCHES; i++)
        cr_assert_eq(put(store, numbered("k", i), filled(i, i % 2 ? 6000 : 600)), STORE_OK);
}

static off_t start_of(unsigned record)
{
    return (off_t)RECORD_ALIGNMENT * (1 + record / 2 * 3 + record % 2);
}

/* Opens what the crash left: exactly the first `whole` batches must be there, and the store must go on. */
static void expect_batches(unsigned whole)
{
    struct store *store;
    int result = try_open(&calm, test_path("crashed"), 1, &store);

    cr_assert_eq(result, STORE_OK, "%s", reason);
    cr_assert_eq(count(store, none, none), whole);
    for (unsigned i = 0; i < whole; i++)
        cr_assert(has(store, numbered("k", i), filled(i, i % 2 ? 6000 : 600)));
    cr_assert_eq(put(store, text("next"), text("x")), STORE_OK);
    store_refresh(store);
    cr_assert(has(store, text("next"), text("x")));
    store_close(store);
}

Test(store_journal, a_crash_loses_nothing_acknowledged)
{
    struct store *store = test_open(&calm, NULL, 0);

    commit_six(store);
    crash_copy();
    expect_batches(BATCHES);
    store_close(store);
}

/* A torn write: the last two records lost from any byte on, which then holds what was there before, zeros. */
Test(store_journal, a_record_torn_at_any_byte_was_never_acknowledged_and_is_not_there)
{
    struct store *store = test_open(&calm, NULL, 0);
    static const uint8_t zeros[4 * RECORD_ALIGNMENT];
    const off_t from = start_of(BATCHES - 2), last = start_of(BATCHES - 1), end = start_of(BATCHES);

    commit_six(store);
    crash_copy();
    copy_file(test_path("crashed/data.mdb"), test_path("data.kept"));
    copy_file(test_path("crashed/journal"), test_path("journal.kept"));
    for (off_t cut = from; cut < end; cut += cut % 512 < 80 || cut > last + 6080 - 40 ? 1 : 43) {
        unsigned whole = cut < last ? BATCHES - 2 : BATCHES - 1;
        if (cut >= from + 700 && cut < last)
            cut = last; /* padding: the record before is whole */
        if (cut >= last + 6100)
            break;
        copy_file(test_path("data.kept"), test_path("crashed/data.mdb"));
        copy_file(test_path("journal.kept"), test_path("crashed/journal"));
        patch(test_path("crashed/journal"), cut, zeros, (size_t)(end - cut));
        struct store *crashed;
        int result = try_open(&calm, test_path("crashed"), 1, &crashed);
        cr_assert_eq(result, STORE_OK, "%s", reason);
        whole = cut < last ? BATCHES - 2 : BATCHES - 1;
        size_t found = count(crashed, none, none);
        /* The very last bytes of a record may be zeros by themselves: then nothing was lost. */
        cr_assert(found == whole || (found == whole + 1 && has(crashed, numbered("k", whole), filled(whole, whole % 2 ? 6000 : 600))),
                  "cut at %lld: %zu of %u", (long long)cut, found, whole);
        for (unsigned i = 0; i < whole; i++)
            cr_assert(has(crashed, numbered("k", i), filled(i, i % 2 ? 6000 : 600)));
        store_close(crashed);
    }
    store_close(store);
}

Test(store_journal, a_damaged_record_before_a_good_one_is_reported)
{
    struct store *store = test_open(&calm, NULL, 0), *crashed;
    uint64_t random = 9;

    commit_six(store);
    for (unsigned round = 0; round < 40; round++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        unsigned record = (unsigned)(random >> 60) % (BATCHES - 1);
        size_t used = RECORD_HEADER_SIZE + 6 + 11 + (record % 2 ? 6000 : 600);
        off_t at = start_of(record) + (off_t)((random >> 20) % used);
        uint8_t byte;
        crash_copy();
        FILE *file = fopen(test_path("crashed/journal"), "r+");
        fseek(file, at, SEEK_SET);
        byte = (uint8_t)((unsigned)fgetc(file) ^ 1u << (random >> 50) % 8);
        fclose(file);
        patch(test_path("crashed/journal"), at, &byte, 1);
        cr_assert_eq(try_open(&calm, test_path("crashed"), 1, &crashed), STORE_CORRUPT, "record %u", record);
        cr_assert(strstr(reason, "damaged"), "%s", reason);
    }
    store_close(store);
}

Test(store_journal, a_recycled_journal_gives_only_the_last_lap)
{
    struct store *store = test_open(&test_journal_hasty, NULL, 0), *crashed;
    unsigned last = 0;

    for (unsigned i = 0; i < 3000; i++) { /* some 100 MB through 32 MiB, queue-like */
        struct store_op ops[2] = { { STORE_PUT, numbered("q", i), filled(i, 1000 + i * 7919u % 60000) },
                                   { STORE_REMOVE_RANGE, numbered("q", 0), numbered("q", i > 20 ? i - 20 : 0) } };
        struct store_batch batch = { ops, 2 };
        cr_assert_eq(store_commit(store, &batch), STORE_OK);
        store_refresh(store);
        last = i;
    }
    cr_assert_eq(count(store, none, none), 21);
    store_close(store);
    cr_assert_eq(try_open(&test_journal_hasty, test_path("store"), 1, &crashed), STORE_OK, "%s", reason);
    cr_assert_eq(count(crashed, none, none), 21);
    for (unsigned i = last - 20; i <= last; i++)
        cr_assert(has(crashed, numbered("q", i), filled(i, 1000 + i * 7919u % 60000)));
    store_close(crashed);
}

Test(store_journal, a_store_of_plain_lmdb_opens_and_a_closed_journal_store_is_one)
{
    struct store *store = test_open(&store_engine_lmdb, NULL, 0);

    put(store, text("old"), text("1"));
    store_close(store);
    store = test_open(&store_engine_journal, NULL, 0);
    cr_assert(has(store, text("old"), text("1")));
    put(store, text("new"), filled(2, 100000));
    remove_key(store, text("old"));
    store_close(store);
    store = test_open(&store_engine_lmdb, NULL, 0);
    cr_assert(has(store, text("new"), filled(2, 100000)));
    cr_assert(!has_key(store, text("old")));
    store_close(store);
}

Test(store_journal, newer_in_use_missing_and_foreign_journals_are_told_apart)
{
    struct store *store = test_open(&calm, NULL, 0), *other;

    cr_assert_eq(try_open(&store_engine_journal, test_path("store"), 1, &other), STORE_IN_USE);
    put(store, text("k"), text("v"));
    crash_copy();
    store_close(store);
    cr_assert_eq(try_open(&calm, test_path("crashed"), 0, &other), STORE_NEWER, "%s", reason);
    copy_file(test_path("crashed/journal"), test_path("kept"));
    unlink(test_path("crashed/journal"));
    cr_assert_eq(try_open(&calm, test_path("crashed"), 1, &other), STORE_CORRUPT);
    cr_assert(strstr(reason, "missing"), "%s", reason);
    copy_file(test_path("kept"), test_path("crashed/journal"));
    patch(test_path("crashed/journal"), 3, "x", 1);
    cr_assert_eq(try_open(&calm, test_path("crashed"), 1, &other), STORE_CORRUPT);
    copy_file(test_path("kept"), test_path("crashed/journal"));
    cr_assert_eq(truncate(test_path("crashed/journal"), 100000), 0);
    cr_assert_eq(try_open(&calm, test_path("crashed"), 1, &other), STORE_CORRUPT);
    cr_assert(strstr(reason, "cut short"), "%s", reason);
    copy_file(test_path("kept"), test_path("crashed/journal"));
    unlink(test_path("crashed/data.mdb"));
    cr_assert_eq(try_open(&calm, test_path("crashed"), 1, &other), STORE_CORRUPT);
    cr_assert(strstr(reason, "other data"), "%s", reason);
    cr_assert_eq(try_open(&calm, "", 1, &other), -EINVAL);
}

Test(store_journal, a_backup_has_what_only_the_journal_had)
{
    struct store *store = test_open(&calm, NULL, 0), *copy;

    commit_six(store);
    remove_key(store, numbered("k", 0));
    store_refresh(store);
    cr_assert_eq(store->engine->backup(store, test_path("copy")), 0);
    cr_assert_eq(store->engine->backup(store, test_path("copy")), -EEXIST);
    put(store, text("later"), text("x"));
    copy = test_open(&store_engine_journal, test_path("copy"), 0);
    cr_assert_eq(count(copy, none, none), BATCHES - 1);
    cr_assert(has(copy, numbered("k", 5), filled(5, 6000)));
    store_close(copy);
    store_close(store);
}

Test(store_journal, a_batch_larger_than_the_journal_goes_to_the_base_in_order)
{
    struct store *store = test_open(&calm, NULL, 0); /* takes records up to half a MiB */
    struct qiao_bytes before;

    put(store, text("a"), text("first"));
    put(store, text("z"), text("stays"));
    cr_assert_eq(put(store, text("a"), filled(1, MIB)), STORE_FULL); /* a refresh is due first */
    store_refresh(store);
    cr_assert(store_get(store, text("a"), &before));
    cr_assert_eq(put(store, text("a"), filled(1, MIB)), STORE_OK);
    cr_assert(qiao_bytes_equal(before, text("first")));
    cr_assert(has(store, text("a"), text("first")));
    store_refresh(store);
    cr_assert(has(store, text("a"), filled(1, MIB)));
    put(store, text("a"), text("last"));
    crash_copy();
    store_close(store);
    store = test_open(&calm, test_path("crashed"), 0);
    cr_assert(has(store, text("a"), text("last")));
    cr_assert(has(store, text("z"), text("stays")));
    store_close(store);
}
