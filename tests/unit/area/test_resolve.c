#include "area/resolve.h"
#include "tables.h"

/* After the reform of Hangzhou in 2021, in codes nobody has: one district went whole, one was divided, one of its streets is known to have gone
 * to one side; a district that ended; one that comes next year; a chain of two changes. */
static const char reform[] =
    "code,name,valid_from,valid_to,successors,aliases\n9901,市\n"
    "990103,下城,,2021-03-31,990105,\n990105,拱墅\n"
    "990104,江干,,2021-03-31,990113:SPLIT:0.4|990114:SPLIT:60%,\n990113,临平,2021-04-01,\n990114,钱塘,2021-04-01,,,990166\n"
    "990104001,采荷,,2021-03-31,990113007,\n990113007,采荷,2021-04-01\n990104002,九堡,,2021-03-31,990114,\n"
    "990106,没了,,2020-12-31,,\n990107,新,2030-01-01\n"
    "990108,甲,,2015-12-31,990103,\n990109,两路,,2021-03-31,990103|990105\n";

static struct area_resolution ask(const char *code, const char *sent, const char *now)
{
    struct area_resolution resolution;
    struct area_table *table = table_of(reform);
    area_resolve(table, code_of(code), day_of(sent), day_of(now), AREA_ACCEPT_OLD_DAYS, &resolution);
    area_table_free(table);
    return resolution;
}

static const struct { const char *code, *sent, *now; enum area_answer answer; const char *to; } rows[] = {
    { "990105", "2021-05-01", "2021-05-01", AREA_ANSWER_CURRENT, "990105" },
    { "990103", "2021-03-31", "2021-03-31", AREA_ANSWER_CURRENT, "990103" },      /* its last day */
    { "990103", "2021-03-31", "2021-04-01", AREA_ANSWER_SUCCESSOR, "990105" },
    { "990103", "2022-09-30", "2022-09-30", AREA_ANSWER_SUCCESSOR, "990105" },    /* 548 days later */
    { "990103", "2022-10-01", "2022-10-01", AREA_ANSWER_TOO_OLD, "" },
    { "990103", "2021-03-01", "2025-01-01", AREA_ANSWER_SUCCESSOR, "990105" },    /* sent when it was in force, under way for years */
    { "990104", "2021-04-02", "2021-04-02", AREA_ANSWER_AMBIGUOUS, "" },
    { "990104001", "2021-04-02", "2021-04-02", AREA_ANSWER_SUCCESSOR, "990113007" }, /* the longer code tells */
    { "990104002", "2021-04-02", "2021-04-02", AREA_ANSWER_SUCCESSOR, "990114" },
    { "990104003", "2021-04-02", "2021-04-02", AREA_ANSWER_AMBIGUOUS, "" },       /* a street nobody wrote down, in a divided district */
    { "990103001", "2021-04-02", "2021-04-02", AREA_ANSWER_AMBIGUOUS, "" },       /* one successor, but which number the street has there is not known */
    { "990106", "2021-01-01", "2021-01-01", AREA_ANSWER_VOID, "" },
    { "990107", "2029-12-31", "2029-12-31", AREA_ANSWER_NOT_YET, "990107" },
    { "990108", "2016-01-01", "2021-05-01", AREA_ANSWER_SUCCESSOR, "990105" },    /* two changes */
    { "990108", "2016-01-01", "2017-05-01", AREA_ANSWER_SUCCESSOR, "990103" },    /* as it was then */
    { "990109", "2021-04-02", "2021-04-02", AREA_ANSWER_SUCCESSOR, "990105" },    /* two ways that end in the same area */
    { "990166", "2021-04-02", "2021-04-02", AREA_ANSWER_CURRENT, "990114" },      /* another code it has */
    { "990105009001", "2021-04-02", "2021-04-02", AREA_ANSWER_UNKNOWN, "990105009001" },
    { "770101", "2021-04-02", "2021-04-02", AREA_ANSWER_UNKNOWN, "770101" },
};

Test(area_resolve, as_of_sending_for_delivery_now)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct area_resolution resolution = ask(rows[i].code, rows[i].sent, rows[i].now);
        cr_expect_eq(resolution.answer, rows[i].answer, "%s of %s: %s", rows[i].code, rows[i].sent, area_answer_name(resolution.answer));
        cr_expect_eq(resolution.code.value, code_of(rows[i].to).value, "%s of %s", rows[i].code, rows[i].sent);
    }
}

Test(area_resolve, several_successors_are_named_with_who_decides)
{
    struct area_resolution resolution = ask("990104", "2021-04-02", "2021-04-02");
    cr_assert_eq(resolution.candidates_count, 2u);
    uint64_t sum = resolution.candidates[0].value + resolution.candidates[1].value;
    cr_expect_eq(sum, code_of("990113").value + code_of("990114").value);
    cr_expect_eq(resolution.parent.value, code_of("9901").value);
    cr_expect_eq(resolution.asked.value, code_of("990104").value);
}

Test(area_resolve, who_took_over_is_known)
{
    static const struct { const char *before, *now; bool took; } pairs[] = {
        { "990108", "990105", true }, { "990103", "990105", true }, { "990104", "990114", true }, { "990105", "990103", false }, { "990104", "990105", false }, { "770101", "990105", false },
    };
    struct area_table *table = table_of(reform);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        cr_expect_eq(area_took_over(table, code_of(pairs[i].before), code_of(pairs[i].now)), pairs[i].took, "%s %s", pairs[i].before, pairs[i].now);
    area_table_free(table);
}

Test(area_resolve, who_may_answer_is_known)
{
    static const struct { const char *before, *now; bool may; } pairs[] = {
        { "990104", "9901", true }, { "990104003", "9901", true }, { "990104001", "990113007", true }, { "990103", "990105", true },
        { "990105", "9901", false }, { "990105001", "990105", false }, { "990104", "990105", false }, { "770101", "9901", false },
    };
    struct area_table *table = table_of(reform);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        cr_expect_eq(area_may_answer(table, code_of(pairs[i].before), code_of(pairs[i].now)), pairs[i].may, "%s %s", pairs[i].before, pairs[i].now);
    area_table_free(table);
}

Test(area_resolve, a_wide_fan_of_successors_is_bounded)
{
    buf_auto csv = { 0 };
    char line[64];
    buf_append(&csv, "code,valid_to,successors\n990101,2020-01-01,", strlen("code,valid_to,successors\n990101,2020-01-01,"));
    for (unsigned i = 0; i < 60; i++) buf_append(&csv, line, (size_t)snprintf(line, sizeof line, "%s9902%02u", i ? "|" : "", i + 10));
    for (unsigned i = 0; i < 60; i++) buf_append(&csv, line, (size_t)snprintf(line, sizeof line, "\n9902%02u,,", i + 10));
    buf_append(&csv, "", 1);
    struct area_table *table = table_of((const char *)csv.data);
    struct area_resolution resolution;
    area_resolve(table, code_of("990101"), 18300, 18300, AREA_ACCEPT_OLD_DAYS, &resolution);
    cr_expect_eq(resolution.answer, AREA_ANSWER_AMBIGUOUS);
    cr_expect_eq(resolution.candidates_count, AREA_CANDIDATES_MAX);
    area_table_free(table);
}
