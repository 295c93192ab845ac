#include "area/code.h"
#include "tables.h"

static const struct { const char *text, *same; } good[] = {
    { "990101", "990101" }, { "990101001", "990101001" }, { "990101001002", "990101001002" }, { "990101000000", "990101" },
    { "990101001000", "990101001" }, { "９９０１０１", "990101" }, { "9９01０1０01００２", "990101001002" }, { "990000", "990000" },
};

Test(area_code, forms_of_the_field_become_one)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct area_code code;
        char text[AREA_CODE_DIGITS_MAX + 1];
        cr_expect_eq(area_code_read(qiao_bytes_from_string(good[i].text), &code), AREA_CODE_FAULT_NONE, "%s", good[i].text);
        cr_expect_eq(area_code_write(code, text), strlen(good[i].same));
        cr_expect_str_eq(text, good[i].same);
    }
}

static const struct { const char *text; enum area_code_fault fault; } bad[] = {
    { "", AREA_CODE_FAULT_EMPTY }, { "99", AREA_CODE_FAULT_LENGTH }, { "9901", AREA_CODE_FAULT_LENGTH }, { "99010", AREA_CODE_FAULT_LENGTH },
    { "9901010010021", AREA_CODE_FAULT_LENGTH }, { "990101 ", AREA_CODE_FAULT_DIGITS }, { "99O101", AREA_CODE_FAULT_DIGITS }, { "-90101", AREA_CODE_FAULT_DIGITS },
    { "9.90101E+11", AREA_CODE_FAULT_EXPONENT }, { "990101.0", AREA_CODE_FAULT_EXPONENT }, { "090101", AREA_CODE_FAULT_ZERO }, { "990101000", AREA_CODE_FAULT_STREET },
    { "990101000001", AREA_CODE_FAULT_GAP }, { "99010\xef\xbc", AREA_CODE_FAULT_DIGITS }, { "99010\xef\xbc\x9a", AREA_CODE_FAULT_DIGITS },
};

Test(area_code, everything_else_is_refused_with_its_reason)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct area_code code;
        cr_expect_eq(area_code_read(qiao_bytes_from_string(bad[i].text), &code), bad[i].fault, "%s", bad[i].text);
        cr_expect_eq(code.value, 0u);
        cr_expect_neq(area_code_fault_text(bad[i].fault)[0], '\0');
    }
}

Test(area_code, digits_are_a_tree)
{
    static const char *const way[] = { "990101001002", "990101001", "990101", "9901", "99", "" };
    struct area_code code = code_of(way[0]);
    for (size_t i = 0; i < sizeof way / sizeof *way; i++, code = area_code_above(code)) {
        cr_expect_eq(code.value, code_of(way[i]).value, "%s", way[i]);
        cr_expect_eq(area_code_covers(code, code_of(way[0])), i < 5);
        cr_expect_eq(area_code_covers(code, code_of("990102")), i == 3 || i == 4);
    }
    cr_expect_lt(code_of("990101").value, code_of("990101001").value, "parents come first");
    cr_expect_lt(code_of("9901").value, code_of("990100").value);
}
