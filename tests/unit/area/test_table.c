#include "area/table.h"
#include "base/prng.h"
#include "tables.h"

#include <stdlib.h>

/* A development zone that another district governs, a city without districts, an area with two codes. */
static const char country[] =
    "code,name,level,parent,aliases\n"
    "990103001,镇,,,\n99,省,,,\n9901,市,,,\n990101,一区,,,\n990102,二区,,,\n990101403,开发区,,990102,990188001|经开区|新区\n990101403001,村,,,\n9902,无区市,,,\n990200,无区市,city,9902,\n990200001,一街,,9902,\n";

Test(area_table, the_unit_above_is_the_nearest_by_digits_unless_given)
{
    static const struct { const char *code, *parent; } rows[] = {
        { "99", "" }, { "9901", "99" }, { "990101", "9901" }, { "990101403", "990102" }, { "990101403001", "990101403" }, { "990200001", "9902" }, { "990103001", "9901" },
    };
    struct area_table *table = table_of(country);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t area = area_find(table, code_of(rows[i].code)), parent = area_parent(table, area);
        cr_assert_neq(area, AREA_NONE);
        cr_expect_eq(parent == AREA_NONE ? 0 : area_code_of(table, parent).value, code_of(rows[i].parent).value, "%s", rows[i].code);
    }
    area_table_free(table);
}

Test(area_table, codes_are_found_exactly_by_another_code_or_by_the_nearest_above)
{
    struct area_table *table = table_of(country);
    uint32_t zone = area_find(table, code_of("990101403"));
    cr_expect_eq(area_find(table, code_of("990188001")), AREA_NONE);
    cr_expect_eq(area_find_known(table, code_of("990188001")), zone);
    cr_expect_eq(area_find_known(table, code_of("990188002")), AREA_NONE);
    cr_expect_eq(area_find_nearest(table, code_of("990101403777")), zone);
    cr_expect_eq(area_find_nearest(table, code_of("990199001002")), area_find(table, code_of("9901")));
    cr_expect_eq(area_find_nearest(table, code_of("880101")), AREA_NONE);
    area_table_free(table);
}

Test(area_table, a_row_comes_back_as_it_was)
{
    struct area_table *table = table_of(country);
    struct area_room room;
    struct area_row row;
    area_row_of(table, area_find(table, code_of("990101403")), &room, &row);
    cr_expect(row.parent_is_given && row.parent.value == code_of("990102").value && row.level == AREA_LEVEL_STREET);
    cr_expect(qiao_bytes_equal(row.name, qiao_bytes_from_string("开发区")));
    cr_expect(qiao_bytes_equal(row.aliases, qiao_bytes_from_string("经开区\n新区\n")));
    cr_expect(row.codes_count == 1 && row.codes[0].value == code_of("990188001").value);
    cr_expect(row.valid_from == AREA_DAY_NONE && row.valid_to == AREA_DAY_NONE);
    area_row_of(table, area_find(table, code_of("990200")), &room, &row);
    cr_expect_eq(row.level, AREA_LEVEL_CITY);
    area_table_free(table);
}

Test(area_table, order_is_that_of_codes)
{
    struct area_table *table = table_of(country);
    cr_assert_eq(area_table_count(table), 10u);
    for (size_t i = 1; i < area_table_count(table); i++) cr_expect_lt(area_code_of(table, area_at(table, i - 1)).value, area_code_of(table, area_at(table, i)).value);
    area_table_free(table);
}

static void no_fault(void *context, size_t row, enum area_fault fault, struct area_code other)
{
    (void)context;
    (void)other;
    cr_assert_fail("row %zu: %s", row, area_fault_text(fault));
}

/* Against a plain list, in many sizes: full rows of places, runs across the last one. */
Test(area_table, every_code_is_found_and_no_other)
{
    struct prng prng;
    prng_init(&prng, 7);
    for (size_t count = 0; count < 3000; count = count * 3 / 2 + 1) {
        struct area_row *rows = calloc(count + 1, sizeof *rows);
        for (size_t i = 0; i < count; i++) {
            char text[16];
            snprintf(text, sizeof text, "%06u%03u%03u", 990101u, (unsigned)(i / 500 + 1), (unsigned)(i % 500 + 1));
            rows[i] = (struct area_row){ .code = code_of(text), .valid_from = AREA_DAY_NONE, .valid_to = AREA_DAY_NONE };
        }
        struct area_table *table = area_table_new(rows, count, no_fault, NULL);
        cr_assert_not_null(table);
        for (size_t i = 0; i < count; i++) cr_assert_eq(area_code_of(table, area_find(table, rows[i].code)).value, rows[i].code.value);
        for (size_t i = 0; i < 2000; i++) {
            char text[16];
            snprintf(text, sizeof text, "990102%03u%03u", (unsigned)(prng_next(&prng) % 999 + 1), (unsigned)(prng_next(&prng) % 999 + 1));
            cr_assert_eq(area_find(table, code_of(text)), AREA_NONE);
        }
        area_table_free(table);
        free(rows);
    }
}

/* A province, a city and what ministries list for both with six digits are the same number; beside them in the index stands what begins there. */
Test(area_table, codes_of_few_digits_are_told_from_each_other)
{
    static const char *const all[] = { "99", "9900", "990000", "990001", "990001001", "990001001001" };
    for (unsigned present = 1; present < 1u << 6; present++) {
        char csv[256] = "code\n";
        for (size_t i = 0, at = 5; i < 6; i++)
            if (present >> i & 1) at += (size_t)snprintf(csv + at, sizeof csv - at, "%s\n", all[i]);
        struct area_table *table = table_of(csv);
        for (size_t i = 0; i < 6; i++) {
            uint32_t area = area_find(table, code_of(all[i]));
            cr_assert_eq(area != AREA_NONE, present >> i & 1, "%s of %s", all[i], csv);
            if (area != AREA_NONE) cr_assert_eq(area_code_of(table, area).value, code_of(all[i]).value);
        }
        area_table_free(table);
    }
}

Test(area_table, only_areas_of_no_day_among_others_of_none_are_always_valid)
{
    struct area_table *table = table_of("code,valid_from,valid_to\n990101001001\n990101001002\n990101002001,2020-01-01\n990101003001,,2020-01-01\n990101003002\n");
    static const char *const no[] = { "990101001003", "990101002001", "990101003001", "990101003002", "990101" };
    cr_expect(area_is_always_valid(table, code_of("990101001001")));
    cr_expect(area_is_always_valid(table, code_of("990101001002")));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) cr_expect_not(area_is_always_valid(table, code_of(no[i])), "%s", no[i]);
    area_table_free(table);
}

Test(area_table, names_stand_once)
{
    char csv[8192] = "code,name\n";
    size_t at = strlen(csv);
    for (unsigned i = 1; i < 200; i++) at += (size_t)snprintf(csv + at, sizeof csv - at, "990101%03u,a name that many bear\n", i);
    struct area_table *many = table_of(csv), *one = table_of("code,name\n990101001,a name that many bear\n");
    cr_expect_lt(area_table_bytes(many) - area_table_bytes(one), 199u * 45u);
    area_table_free(many);
    area_table_free(one);
}

Test(area_table, rows_that_say_the_same_are_the_same)
{
    static const char *const others[] = { "990101,a,,,,2020-01-01,990102,x|990103", "990101,b,,,,2020-01-01,990102,x", "990101,a,,,,2020-01-02,990102,x", "990101,a,,,,2020-01-01,990102:RENAME,x",
                                          "990101,a,,9901,,2020-01-01,990102,x", "990101,a,,,,2020-01-01,990102,y", "990101,a,,,,2020-01-01,,x" };
    static const char head[] = "code,name,level,parent,valid_from,valid_to,successors,aliases\n9901\n990102\n";
    struct area_room rooms[2];
    struct area_row rows[2];
    char csv[256];
    snprintf(csv, sizeof csv, "%s990101,a,,,,2020-01-01,990102,x\n", head);
    struct area_table *table = table_of(csv), *again = table_of(csv);
    area_row_of(table, area_find(table, code_of("990101")), &rooms[0], &rows[0]);
    area_row_of(again, area_find(again, code_of("990101")), &rooms[1], &rows[1]);
    cr_expect(area_rows_are_same(&rows[0], &rows[1]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        area_table_free(again);
        snprintf(csv, sizeof csv, "%s%s\n", head, others[i]);
        again = table_of(csv);
        area_row_of(again, area_find(again, code_of("990101")), &rooms[1], &rows[1]);
        cr_expect_not(area_rows_are_same(&rows[0], &rows[1]), "%s", others[i]);
    }
    area_table_free(again);
    area_table_free(table);
}
