#include "area/delta.h"
#include "tables.h"

#include <stdlib.h>

static struct arena arena;
static void setup(void) { arena_init(&arena, SIZE_MAX); }
static void teardown(void) { arena_deinit(&arena); }

TestSuite(area_delta, .init = setup, .fini = teardown);

static void digest(void *context, struct qiao_bytes data, uint8_t ret_digest[AREA_VERSION_SIZE])
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    (void)context;
    for (size_t i = 0; i < data.size; i++) h = (h ^ data.data[i]) * UINT64_C(0x100000001b3);
    for (size_t k = 0; k < 4; k++) memcpy(ret_digest + 8 * k, &h, 8);
}

static struct area_table *apply(const struct area_table *table, const struct area_delta *delta, char why[AREA_DELTA_WHY_SIZE])
{
    Qiao__V1__AreaDelta *parts[AREA_DELTA_PARTS_MAX];
    for (size_t i = 0; i < delta->parts_count; i++) parts[i] = &delta->parts[i];
    return area_delta_apply(table, parts, delta->parts_count, &arena, why);
}

#define HEAD "code,name,level,parent,valid_from,valid_to,successors,aliases\n"
static const char before[] = HEAD "9901,city\n990101,a\n990102,b\n990103,c,,,,,,x|990177\n990109,mistake\n";
static const char after[] = HEAD "9901,city\n990101,a,,,,2026-11-01,990102:MERGE\n990102,b\n990103,c,,,,,,x|990177\n990104,d,,9901,2026-11-02,,,y\n";

Test(area_delta, what_is_made_of_two_tables_leads_from_one_to_the_other)
{
    struct area_table *old = table_of(before), *new = table_of(after);
    struct area_delta delta;
    uint8_t versions[3][AREA_VERSION_SIZE];
    char why[AREA_DELTA_WHY_SIZE];
    cr_assert(area_delta_make(old, new, digest, NULL, &arena, &delta));
    cr_assert(delta.parts_count == 1 && delta.changed == 2 && delta.removed == 1);
    cr_expect_null(area_delta_check(&delta.parts[0]));
    cr_expect_str_eq(delta.parts[0].removed[0], "990109");
    struct area_table *made = apply(old, &delta, why);
    cr_assert(made, "%s", why);
    const struct area_table *tables[] = { old, new, made };
    for (size_t i = 0; i < 3; i++) area_version(tables[i], digest, NULL, versions[i]);
    cr_expect_arr_eq(delta.parts[0].from.data, versions[0], AREA_VERSION_SIZE);
    cr_expect_arr_eq(delta.parts[0].to.data, versions[1], AREA_VERSION_SIZE);
    cr_expect_arr_eq(versions[2], versions[1], AREA_VERSION_SIZE);
    for (size_t i = 0; i < 3; i++) area_table_free((struct area_table *)(uintptr_t)tables[i]);
}

Test(area_delta, of_the_same_tables_there_is_none)
{
    struct area_table *old = table_of(before), *new = table_of(before);
    struct area_delta delta;
    cr_expect(area_delta_make(old, new, digest, NULL, &arena, &delta) && delta.parts_count == 0);
    area_table_free(old);
    area_table_free(new);
}

static struct area_table *large(const char *name, unsigned count)
{
    size_t size = (size_t)count * 260 + 100;
    char *csv = malloc(size);
    size_t at = (size_t)snprintf(csv, size, "code,name\n");
    for (unsigned i = 0; i < count; i++) at += (size_t)snprintf(csv + at, size - at, "99%04u%03u%03u,%s-%0200u\n", i / 800000 + 1, i / 800 % 999 + 1, i % 800 + 1, name, i);
    struct area_table *table = table_of(csv);
    free(csv);
    return table;
}

Test(area_delta, a_large_change_travels_in_parts_of_bounded_size_and_a_larger_one_not_at_all)
{
    struct area_table *old = large("a", 5000), *new = large("b", 5000), *huge = large("c", 80000);
    struct area_delta delta;
    char why[AREA_DELTA_WHY_SIZE];
    cr_assert(area_delta_make(old, new, digest, NULL, &arena, &delta));
    cr_expect_gt(delta.parts_count, 3u);
    for (size_t i = 0; i < delta.parts_count; i++) {
        cr_expect_leq(qiao__v1__area_delta__get_packed_size(&delta.parts[i]), AREA_DELTA_PART_SIZE_MAX);
        cr_expect(delta.parts[i].part == i && delta.parts[i].parts == delta.parts_count);
    }
    struct area_table *made = apply(old, &delta, why);
    cr_assert(made, "%s", why);
    cr_expect(area_delta_make(made, new, digest, NULL, &arena, &delta) && delta.parts_count == 0);
    cr_expect_not(area_delta_make(old, huge, digest, NULL, &arena, &delta));
    area_table_free(old);
    area_table_free(new);
    area_table_free(made);
    area_table_free(huge);
}

static void expect_why(const char *table_csv, const char *from, const char *to, const char *expected)
{
    struct area_table *table = table_of(table_csv), *old = table_of(from), *new = table_of(to);
    struct area_delta delta;
    char why[AREA_DELTA_WHY_SIZE];
    cr_assert(area_delta_make(old, new, digest, NULL, &arena, &delta));
    cr_expect_null(apply(table, &delta, why));
    cr_expect_str_eq(why, expected);
    area_table_free(table);
    area_table_free(old);
    area_table_free(new);
}

Test(area_delta, what_does_not_fit_the_table_says_why)
{
    expect_why(HEAD "990101,a\n", HEAD "990101,a\n990102,b\n", HEAD "990101,a\n", "area 990102 is to be removed and is not in the table");
    expect_why(HEAD "990101,a\n990103,c\n", HEAD "990101,a\n990102,b\n", HEAD "990101,a,,,,2026-01-01,990102\n990102,b\n",
               "area 990101 has the successor 990102, which is not in the table; add its row");
}

Test(area_delta, what_can_be_no_part_is_told)
{
    uint8_t bytes[2][AREA_VERSION_SIZE] = { { 1 }, { 2 } };
    char *removed[] = { (char *)"990101" };
    Qiao__V1__AreaDelta good = QIAO__V1__AREA_DELTA__INIT, part;
    good.from = (ProtobufCBinaryData){ AREA_VERSION_SIZE, bytes[0] };
    good.to = (ProtobufCBinaryData){ AREA_VERSION_SIZE, bytes[1] };
    good.parts = 1;
    good.n_removed = 1;
    good.removed = removed;
    cr_expect_null(area_delta_check(&good));
    part = good, part.from.len = 31;
    cr_expect_not_null(area_delta_check(&part));
    part = good, part.to = part.from;
    cr_expect_not_null(area_delta_check(&part));
    part = good, part.part = 1;
    cr_expect_not_null(area_delta_check(&part));
    part = good, part.parts = AREA_DELTA_PARTS_MAX + 1;
    cr_expect_not_null(area_delta_check(&part));
    part = good, part.n_removed = 0;
    cr_expect_not_null(area_delta_check(&part));
}
