/* What a message may be sent for, as typed on a command line. */
#include "grounds.h"

#include "command.h"

#include <criterion/criterion.h>
#include <qiao/personal_data.h>

Test(ctl_grounds, bases_are_read_with_article_and_version)
{
    struct grounds grounds;
    struct qiao_message message = { 0 };
    cr_assert_eq(grounds_read_bases("ECO-CODE#1190(3),PIPL#13@2026-11", &grounds, &message), CTL_OK);
    cr_assert_eq(message.legal_basis_count, 2);
    cr_expect_str_eq(message.legal_basis[0].catalogue, "ECO-CODE");
    cr_expect_str_eq(message.legal_basis[0].article, "1190(3)");
    cr_expect_str_eq(message.legal_basis[0].version, "");
    cr_expect_str_eq(message.legal_basis[1].article, "13");
    cr_expect_str_eq(message.legal_basis[1].version, "2026-11");
}

Test(ctl_grounds, what_is_no_basis_is_refused)
{
    static const char *const wrong[] = { "", "ECO-CODE", "ECO-CODE#", "#599", "ECO-CODE#@1", "A#1,", "A#1@", "A@1#2", "A#1,,B#2" };
    static char many[17 * 4 + 1], large[100];
    struct grounds grounds;
    struct qiao_message message = { 0 };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) cr_expect_eq(grounds_read_bases(wrong[i], &grounds, &message), CTL_WRONG_USE, "%s", wrong[i]);
    for (size_t i = 0; i < 17; i++) memcpy(many + i * 4, "A#1,", 5);
    many[17 * 4 - 1] = '\0';
    cr_expect_eq(grounds_read_bases(many, &grounds, &message), CTL_WRONG_USE);
    memset(large, 'A', 80);
    large[70] = '#';
    cr_expect_eq(grounds_read_bases(large, &grounds, &message), CTL_WRONG_USE);
    cr_expect_eq(message.legal_basis_count, 0);
}

Test(ctl_grounds, personal_data_is_named_by_the_words_of_the_table)
{
    uint64_t mask = 0;
    cr_assert_eq(grounds_read_personal_data("name,health", &mask), CTL_OK);
    cr_expect_eq(mask, QIAO_PI_NAME | QIAO_PI_HEALTH);
    cr_expect_eq(grounds_read_personal_data("name,nmae", &mask), CTL_WRONG_USE);
    cr_expect_eq(grounds_read_personal_data("", &mask), CTL_WRONG_USE);
}

Test(ctl_grounds, a_day_is_a_day_of_the_calendar)
{
    uint64_t ms = 0;
    cr_assert_eq(grounds_read_day("2026-08-15", &ms), CTL_OK);
    cr_expect_eq(ms, 1786766400000u); /* date -d '2026-08-15T12:00:00+08:00' +%s000 */
    cr_expect_eq(grounds_read_day("2026-02-30", &ms), CTL_WRONG_USE);
    cr_expect_eq(grounds_read_day("2026-8", &ms), CTL_WRONG_USE);
    cr_expect_eq(grounds_read_day("2026-08-15x", &ms), CTL_WRONG_USE);
}
