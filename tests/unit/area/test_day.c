#include "area/table.h"
#include "tables.h"

Test(area_day, days_are_those_of_the_calendar)
{
    static const struct { const char *text; int32_t day; } days[] = { { "1970-01-01", 0 }, { "19700102", 1 }, { "1949-10-01", -7397 }, { "2000-02-29", 11016 }, { "2021-04-01", 18718 } };
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        char text[AREA_DAY_SIZE], again[AREA_DAY_SIZE];
        cr_expect_eq(day_of(days[i].text), days[i].day, "%s", days[i].text);
        area_day_write(days[i].day, text);
        area_day_write(day_of(text), again);
        cr_expect_str_eq(text, again);
    }
    for (int32_t day = AREA_DAY_MIN; day <= AREA_DAY_MAX; day += 13) {
        char text[AREA_DAY_SIZE];
        area_day_write(day, text);
        cr_assert_eq(day_of(text), day, "%s", text);
    }
}

Test(area_day, what_is_no_day_is_refused)
{
    static const char *const bad[] = { "", "2021-02-29", "2021-13-01", "2021-00-10", "2021-4-1", "2021/04/01", "01.04.2021", "20210432", "1899-12-31", "2100-01-01", "2021-04-011" };
    int32_t day;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) cr_expect_not(area_day_read(qiao_bytes_from_string(bad[i]), &day), "%s", bad[i]);
}

Test(area_day, a_day_begins_at_midnight_in_china)
{
    cr_expect_eq(area_day_of(UINT64_C(1617206399999)), day_of("2021-03-31")); /* 2021-03-31T15:59:59.999Z */
    cr_expect_eq(area_day_of(UINT64_C(1617206400000)), day_of("2021-04-01"));
}
