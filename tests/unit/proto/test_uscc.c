#include <qiao/uscc.h>

#include <criterion/criterion.h>
#include <string.h>

/* Of the scenarios of the domain (synthetic), of the standard's example and of real registers. */
static const char *const good[] = {
    "11990101QA0000014K", "11990101QA0000022E", "11990101QA0000065U", "12990101QA00000306", "91990101QA0000049X", "52990101QA0000057R",
    "91350100M000100Y43", "12100000400000624D",
};

enum { GOOD = sizeof good / sizeof good[0] };

Test(uscc, codes_of_the_scenarios_are_valid)
{
    for (size_t i = 0; i < GOOD; i++) {
        struct qiao_uscc_fault fault = { QIAO_USCC_CHECK, 1, 'x' };
        char why[QIAO_USCC_WHY_SIZE] = "x";
        cr_expect_eq(qiao_uscc_check(good[i], strlen(good[i]), &fault), QIAO_USCC_OK, "%s", good[i]);
        cr_expect_eq(fault.result, QIAO_USCC_OK);
        cr_expect_eq(qiao_uscc_check_character(good[i]), good[i][17]);
        qiao_uscc_explain(good[i], &fault, why);
        cr_expect_str_eq(why, "");
    }
}

Test(uscc, one_altered_character_is_always_seen_and_the_check_character_named)
{
    static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    for (size_t g = 0; g < GOOD; g++) {
        for (size_t i = 0; i < QIAO_USCC_SIZE; i++) {
            for (const char *c = alphabet; *c; c++) {
                char code[QIAO_USCC_SIZE + 1];
                struct qiao_uscc_fault fault;
                memcpy(code, good[g], sizeof code);
                if (code[i] == *c) continue;
                code[i] = *c;
                cr_expect_eq(qiao_uscc_check(code, QIAO_USCC_SIZE, &fault), QIAO_USCC_CHECK, "%s", code);
                code[17] = fault.expected;
                cr_expect_eq(qiao_uscc_check(code, QIAO_USCC_SIZE, NULL), QIAO_USCC_OK, "%s", code);
            }
        }
    }
}

/* Two neighbours that are not the same, the typing error that a plain sum would miss. */
Test(uscc, exchanged_neighbours_are_seen)
{
    for (size_t g = 0; g < GOOD; g++) {
        for (size_t i = 0; i + 1 < QIAO_USCC_SIZE; i++) {
            char code[QIAO_USCC_SIZE + 1];
            memcpy(code, good[g], sizeof code);
            if (code[i] == code[i + 1]) continue;
            code[i] = good[g][i + 1];
            code[i + 1] = good[g][i];
            cr_expect_eq(qiao_uscc_check(code, QIAO_USCC_SIZE, NULL), QIAO_USCC_CHECK, "%s", code);
        }
    }
}

static void expect_fault(const char *text, size_t size, enum qiao_uscc_result result, size_t position, const char *words)
{
    struct qiao_uscc_fault fault;
    char why[QIAO_USCC_WHY_SIZE];
    cr_expect_eq(qiao_uscc_check(text, size, &fault), result, "%s", text);
    cr_expect_eq(fault.position, position, "%s: %zu", text, fault.position);
    qiao_uscc_explain(text, &fault, why);
    cr_expect(strstr(why, words), "%s: %s", text, why);
}

Test(uscc, the_reason_is_named)
{
    expect_fault("", 0, QIAO_USCC_LENGTH, 0, "not 0");
    expect_fault("11990101QA0000014", 17, QIAO_USCC_LENGTH, 17, "not 17");
    expect_fault("11990101QA0000014K1", 19, QIAO_USCC_LENGTH, 19, "not 19");
    expect_fault("11990101QA0000014k", 18, QIAO_USCC_CHARACTER, 18, "character 18");
    expect_fault("I1990101QA0000014K", 18, QIAO_USCC_CHARACTER, 1, "character 1 ");
    expect_fault("11990101QA0000O14K", 18, QIAO_USCC_CHARACTER, 15, "other than I, O, S, V, Z");
    expect_fault("11990101QA\0000014KX", 18, QIAO_USCC_CHARACTER, 11, "character 11");
    expect_fault("11990101QA0000014L", 18, QIAO_USCC_CHECK, 18, "it is 'K', found 'L'");
    cr_expect_eq(qiao_uscc_check_character("1199010?QA0000014K"), 0);
}
