/* The log of decisions by itself: what is stored once, what a message costs, what is found again, what gives way. */
#include "../../fuzz/core_world.h"

#include "core/explain_search.h"

#include <criterion/criterion.h>

#define DAY_MS (24u * 3600u * 1000u)

struct story {
    struct world world;
    struct store *store;
};

static void start(struct story *s)
{
    static struct choices none;
    char error[128];
    memset(s, 0, sizeof *s);
    cr_assert_eq(store_engine_array.open(&(struct store_options){ .version = 1 }, &s->store, error, sizeof error), 0);
    cr_assert(world_init(&s->world, &none, s->store));
}

static struct qiao_id id_of(const struct story *s, uint32_t number)
{
    uint8_t random[10] = { 0 };
    put_u32(random + 6, number);
    return qiao_id_make(1700000000000u + s->world.now_ms, random);
}

/* As recv_batch.c does, without a message around the header. */
static struct qiao_id decide(struct story *s, uint32_t number, const char *from, const char *area, const char *org)
{
    struct core *core = s->world.core;
    buf_auto source = { 0 };
    buf_auto destination = { 0 };
    address_write(&source, qiao_bytes_from_string("990101"), qiao_bytes_from_string(from), qiao_bytes(NULL, 0));
    address_write(&destination, qiao_bytes_from_string(area), qiao_bytes_from_string(org), qiao_bytes(NULL, 0));
    struct envelope e = { .header = { .id = id_of(s, number), .kind = 100 } };
    e.header.source.raw = buf_bytes(&source);
    e.header.destination = (struct address){ .area = qiao_bytes_from_string(area), .org = qiao_bytes_from_string(org), .raw = buf_bytes(&destination) };
    const struct peer *member = route_member(core, qiao_bytes_from_string(from));
    unsigned code = route_find(core, &(struct route_query){ .to = &e.header.destination, .from = member });
    explain_decide(core, member, &e, code, true);
    for (size_t i = 0; code == QIAO_CODE_OK && i < core->targets_count; i++) explain_queued(core, i, number);
    explain_done(core);
    return e.header.id;
}

static void commit(struct story *s)
{
    world_commit_begin(&s->world);
    world_commit_end(&s->world, false);
    world_check_store(&s->world);
}

struct count {
    unsigned decisions, records;
    size_t bytes;
};

static bool count_one(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct count *count = context;
    count->decisions += key.data[0] == 'Y' && key.size == 1 + EXPLAIN_NAME_SIZE;
    count->records += key.data[0] == 'y';
    if (key.data[0] == 'y') count->bytes += key.size + value.size;
    return true;
}

static struct count count_all(struct story *s)
{
    struct count count = { 0 };
    store_scan(s->store, qiao_bytes("Y", 1), qiao_bytes("Z", 1), count_one, &count);
    store_scan(s->store, qiao_bytes("y", 1), qiao_bytes("z", 1), count_one, &count);
    return count;
}

/* Hits, after as many slices as it takes. */
static size_t find(struct story *s, const struct qiao_id *id, struct explain_search *search, unsigned *ret_slices)
{
    cr_assert(explain_search_begin(s->world.core, id, 0, search));
    for (*ret_slices = 1; !explain_search_go(s->world.core, search); ++*ret_slices) cr_assert(*ret_slices < 1000);
    return search->hits_count;
}

Test(explain, messages_with_one_answer_share_a_decision_and_cost_a_mark)
{
    static struct story s;
    start(&s);
    for (uint32_t i = 1; i <= 1000; i++) decide(&s, i, "desk", "990101", "office");
    commit(&s);
    struct count count = count_all(&s);
    cr_expect_eq(count.decisions, 1);
    cr_expect_eq(count.records, 1);
    cr_expect(count.bytes <= 1000 * (EXPLAIN_MARK_SIZE + 1), "%zu bytes for 1000 messages", count.bytes);
    for (uint32_t i = 1001; i <= 1100; i++) decide(&s, i, "desk", i % 2 ? "990101" : "990101001", i % 2 ? "nobody" : "clerk");
    commit(&s);
    count = count_all(&s);
    cr_expect_eq(count.decisions, 3, "one more for the street, one for who is refused");
    cr_expect(count.bytes <= 1000 * (EXPLAIN_MARK_SIZE + 1) + 100 * 22, "in turns they cost no more than 20 bytes each");
    world_deinit(&s.world);
}

Test(explain, what_is_known_is_not_written_again)
{
    static struct story s;
    start(&s);
    decide(&s, 1, "desk", "990101", "office");
    commit(&s);
    struct qiao_bytes before, after;
    struct explain_search search;
    unsigned slices;
    struct qiao_id first = id_of(&s, 1);
    cr_assert_eq(find(&s, &first, &search, &slices), 1);
    struct key key = explain_key(&search.hits[0].name);
    cr_assert(store_get(s.store, key_bytes(&key), &before));
    uint64_t written_ms = get_u64(before.data);
    world_pass_time(&s.world, 1000);
    explain_routes_changed(s.world.core); /* the memory of it is gone, the store's is not */
    decide(&s, 2, "desk", "990101", "office");
    commit(&s);
    cr_assert(store_get(s.store, key_bytes(&key), &after));
    cr_expect_eq(get_u64(after.data), written_ms);
    cr_expect_eq(count_all(&s).decisions, 1);
    world_deinit(&s.world);
}

Test(explain, a_message_is_found_after_a_restart_and_none_that_was_not)
{
    static struct story s;
    struct explain_search search;
    unsigned slices;
    start(&s);
    for (uint32_t i = 1; i <= 40; i++) {
        decide(&s, i, "desk", "990101", i == 17 ? "nobody" : "office");
        world_pass_time(&s.world, 60000);
        commit(&s);
    }
    struct qiao_id wanted = decide(&s, 41, "desk", "990101", "office"), other = id_of(&s, 999), odd = { { 0 } };
    commit(&s);
    cr_assert(world_restart(&s.world));
    s.store = s.world.store;
    cr_assert_eq(find(&s, &wanted, &search, &slices), 1);
    cr_expect_eq(search.hits[0].sequence, 41);
    cr_expect_eq(find(&s, &other, &search, &slices), 0);
    cr_expect_eq(find(&s, &odd, &search, &slices), 0, "an id that tells no time is looked for everywhere");
    decide(&s, 42, "desk", "990101", "office");
    commit(&s);
    cr_expect_eq(count_all(&s).records, 42, "numbers go on where they were");
    world_deinit(&s.world);
}

/* The only stretch of the only record, written as layout 2 of the store had it. */
static void write_with_whole_ids(struct story *s, const struct qiao_id *ids, uint16_t count)
{
    struct key key = key_number('y', 1);
    struct qiao_bytes value;
    struct explain_record record;
    cr_assert(store_get(s->store, key_bytes(&key), &value) && explain_open(value, &record));
    buf_auto old = { 0 };
    buf_append(&old, value.data, (size_t)(record.stretches.data - value.data) + EXPLAIN_STRETCH_SIZE);
    put_u16(old.data + 16, (uint16_t)record.rows_count);
    for (uint16_t i = 0; i < count; i++) buf_append(&old, ids[i].bytes, QIAO_ID_SIZE);
    struct store_op op = { .type = STORE_PUT, .key = key_bytes(&key), .value = buf_bytes(&old) };
    cr_assert_eq(store_commit(s->store, &(struct store_batch){ &op, 1 }), STORE_OK);
}

Test(explain, a_record_with_whole_ids_is_still_read)
{
    static struct story s;
    struct explain_search search;
    unsigned slices;
    struct qiao_id ids[3], other;
    start(&s);
    for (uint32_t i = 0; i < 3; i++) ids[i] = decide(&s, 7 + i, "desk", "990101", "office");
    other = id_of(&s, 999);
    commit(&s);
    write_with_whole_ids(&s, ids, 3);
    world_check_store(&s.world);
    cr_assert_eq(find(&s, &ids[2], &search, &slices), 1);
    cr_expect_eq(search.hits[0].sequence, 9);
    cr_expect_eq(find(&s, &other, &search, &slices), 0);
    world_deinit(&s.world);
}

/* UUIDv1 (RFC 9562, 5.1): clock sequence and station stay the same, what counts stands in front. */
Test(explain, ids_that_differ_in_front_only_are_told_apart)
{
    struct qiao_id ids[2] = { { { 0 } }, { { 0 } } };
    memset(ids[0].bytes + 8, 0xa5, 8);
    memset(ids[1].bytes + 8, 0xa5, 8);
    for (uint32_t i = 1; i < 100000; i++) {
        put_u32(ids[1].bytes, i);
        cr_assert(explain_mark(&ids[0]) != explain_mark(&ids[1]));
    }
}

Test(explain, the_same_id_of_two_senders_is_two_messages)
{
    static struct story s;
    struct explain_search search;
    unsigned slices;
    start(&s);
    struct qiao_id id = decide(&s, 1, "desk", "990101001", "clerk");
    decide(&s, 1, "office", "990101001", "clerk");
    commit(&s);
    cr_assert_eq(find(&s, &id, &search, &slices), 2);
    cr_expect(search.hits[0].source != search.hits[1].source && search.hits[0].tag != search.hits[1].tag);
    cr_assert(explain_search_begin(s.world.core, &id, search.hits[1].source, &search));
    cr_expect(explain_search_go(s.world.core, &search) && search.hits_count == 1);
    world_deinit(&s.world);
}

Test(explain, a_long_log_is_read_in_slices)
{
    static struct story s;
    struct explain_search search;
    unsigned slices;
    start(&s);
    struct qiao_id last = { { 0 } };
    for (uint32_t i = 1; i <= 300000; i++) {
        last = decide(&s, i, "desk", "990101", "office");
        if (i % 50000 == 0) commit(&s);
    }
    cr_assert_eq(find(&s, &last, &search, &slices), 1);
    cr_expect(slices >= 2, "4.8 MB are more than one slice");
    cr_expect_eq(search.hits[0].sequence, 300000);
    world_deinit(&s.world);
}

Test(explain, the_oldest_gives_way_to_the_bound)
{
    static struct story s;
    struct explain_search search;
    unsigned slices;
    start(&s);
    s.world.core->config.explain.bytes_max = 4000;
    struct qiao_id first = decide(&s, 1, "desk", "990101", "office"), last = first;
    commit(&s);
    for (uint32_t i = 2; i <= 300; i++) {
        last = decide(&s, i, "desk", "990101", "office");
        commit(&s);
    }
    cr_expect(count_all(&s).bytes <= 4200, "%zu bytes", count_all(&s).bytes);
    cr_expect_eq(find(&s, &first, &search, &slices), 0);
    cr_expect_eq(find(&s, &last, &search, &slices), 1);
    world_deinit(&s.world);
}

Test(explain, what_is_too_old_goes_and_decisions_that_nobody_needs_with_it)
{
    static struct story s;
    start(&s);
    s.world.core->config.explain.keep_ms = 10ull * DAY_MS;
    for (uint32_t i = 1; i <= 50; i++) {
        char org[16];
        snprintf(org, sizeof org, "clerk-%u", i);
        decide(&s, i, "desk", "990101001", org);
        decide(&s, 1000 + i, "desk", "990101", "office");
        commit(&s);
    }
    cr_expect_eq(count_all(&s).decisions, 51);
    for (uint32_t day = 1; day <= 30; day++) {
        world_pass_time(&s.world, DAY_MS + 1);
        for (uint32_t k = 0; k < 4; k++) {
            decide(&s, 2000 + day * 10 + k, "desk", "990101", "office");
            commit(&s);
            world_pass_time(&s.world, 1);
        }
    }
    struct count count = count_all(&s);
    cr_expect_eq(count.decisions, 1, "the one in use is renewed");
    cr_expect(count.records >= 36 && count.records <= 44, "%u records of the last ten days", count.records);
    world_deinit(&s.world);
}
