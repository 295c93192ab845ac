#include "csv/validate.h"

#include <criterion/criterion.h>

Test(csv_validate, areas_are_folded_and_shortened)
{
    static const struct { const char *in, *out; } table[] = {
        { "990101", "990101" }, { "990101001", "990101001" }, { "990101001003", "990101001003" }, { "990101000000", "990101" },
        { "990101001000", "990101001" }, { "９９０１０１", "990101" }, { "99010", NULL }, { "9901010", NULL }, { "9901010010031", NULL },
        { "99O101", NULL }, { "", NULL }, { "990101/**", NULL }, { "-90101", NULL } };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char area[VALIDATE_AREA_SIZE] = "?";
        cr_expect_eq(validate_area(table[i].in, area), table[i].out != NULL, "%s", table[i].in);
        cr_expect_str_eq(area, table[i].out ? table[i].out : "?", "%s", table[i].in);
    }
}

Test(csv_validate, matters_are_words_joined_by_dots)
{
    cr_expect(validate_matter("NOISE"));
    cr_expect(validate_matter("NOISE.CONSTRUCTION_2"));
    cr_expect_not(validate_matter(""));
    cr_expect_not(validate_matter(".NOISE"));
    cr_expect_not(validate_matter("NOISE."));
    cr_expect_not(validate_matter("NOISE..A"));
    cr_expect_not(validate_matter("noise"));
    cr_expect_not(validate_matter("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
}

Test(csv_validate, numbers_rounded_by_a_spreadsheet_are_recognised)
{
    cr_expect(validate_is_rounded_number("5.10E+17"));
    cr_expect(validate_is_rounded_number("1E+10"));
    cr_expect_not(validate_is_rounded_number("1-1523590121"));
    cr_expect_not(validate_is_rounded_number("E+17"));
    cr_expect_not(validate_is_rounded_number("5.10E+17x"));
    cr_expect_not(validate_is_rounded_number("510000000000000000"));
}

Test(csv_validate, degrees_are_exact_or_refused)
{
    int64_t e7 = 7;
    cr_expect(validate_degrees("116.4073963", 180, &e7));
    cr_expect_eq(e7, 1164073963);
    cr_expect(validate_degrees("-0.5", 90, &e7));
    cr_expect_eq(e7, -5000000);
    cr_expect(validate_degrees("180", 180, &e7));
    cr_expect_eq(e7, 1800000000);
    cr_expect_not(validate_degrees("180.0000001", 180, &e7));
    cr_expect_not(validate_degrees("116.40739631", 180, &e7));
    cr_expect_not(validate_degrees("1e2", 180, &e7));
    cr_expect_not(validate_degrees("", 180, &e7));
    cr_expect_not(validate_degrees("1.", 180, &e7) && e7 != 10000000);
}

Test(csv_validate, times_with_an_offset)
{
    uint64_t ms = 0;
    cr_expect(validate_time("2026-11-16 21:40:00", "%Y-%m-%d %H:%M:%S", "+08:00", &ms));
    cr_expect_eq(ms, 1794836400000u);
    cr_expect(validate_time("1/1/20 0:05", "%m/%d/%y %H:%M", "-08:00", &ms));
    cr_expect_eq(ms, 1577865900000u);
    cr_expect(validate_time("2026-11-16T21:40:00+0530", "%Y-%m-%dT%H:%M:%S%z", "+08:00", &ms));
    cr_expect_eq(ms, 1794845400000u);
    cr_expect_not(validate_time("2/30/20 0:05", "%m/%d/%y %H:%M", "+08:00", &ms));
    cr_expect_not(validate_time("2026-11-16 21:40", "%Y-%m-%d %H:%M:%S", "+08:00", &ms));
    cr_expect_not(validate_time("2026-11-16 21:40:00 ", "%Y-%m-%d %H:%M:%S", "+08:00", &ms));
    cr_expect_not(validate_time("1969-12-31 00:00:00", "%Y-%m-%d %H:%M:%S", "+08:00", &ms));
}

/* Clocks in Los Angeles skipped 02:30 on 2020-03-08 and showed 01:30 twice on 2020-11-01. */
Test(csv_validate, times_in_a_zone_that_changes_its_clocks)
{
    uint64_t ms = 0;
    if (!validate_zone("America/Los_Angeles"))
        cr_skip_test("this machine has no zone files");
    validate_use_zone("America/Los_Angeles");
    cr_expect(validate_time("2020-01-01 00:05", "%Y-%m-%d %H:%M", "America/Los_Angeles", &ms));
    cr_expect_eq(ms, 1577865900000u);
    cr_expect_not(validate_time("2020-03-08 02:30", "%Y-%m-%d %H:%M", "America/Los_Angeles", &ms));
    cr_expect(validate_time("2020-11-01 01:30", "%Y-%m-%d %H:%M", "America/Los_Angeles", &ms));
    cr_expect_eq(ms, 1604219400000u);
}

Test(csv_validate, zones)
{
    cr_expect(validate_zone("+08:00"));
    cr_expect(validate_zone("Z"));
    cr_expect_not(validate_zone("+8"));
    cr_expect_not(validate_zone("Nowhere/Land"));
    cr_expect_not(validate_zone("A/../../../../etc/passwd"));
    cr_expect_not(validate_zone(""));
}
