#include "area/sheet.h"

#include <criterion/criterion.h>

static struct qiao_bytes text(const char *string)
{
    return qiao_bytes_from_string(string);
}

Test(area_sheet, rows_fields_and_lines_are_told_apart)
{
    struct sheet sheet;
    struct sheet_line line;
    cr_assert(sheet_open(&sheet, text("a,b,c\r\n\n\"x,\"\"y\"\"\nz\", 2 ,\nend"), CHARSET_UTF_8));
    cr_assert(sheet_next(&sheet, &line));
    cr_expect(line.number == 1 && line.fields_count == 3 && qiao_bytes_equal(line.fields[2], text("c")));
    cr_assert(sheet_next(&sheet, &line));
    cr_expect(line.number == 3 && line.fields_count == 3 && qiao_bytes_equal(line.fields[0], text("x,\"y\"\nz")));
    cr_expect(qiao_bytes_equal(line.fields[1], text("2")) && line.fields[2].size == 0);
    cr_assert(sheet_next(&sheet, &line));
    cr_expect(line.number == 5 && line.fields_count == 1 && qiao_bytes_equal(line.fields[0], text("end")));
    cr_expect_not(sheet_next(&sheet, &line));
    sheet_close(&sheet);
}

/* An open quote costs what stands within the size of a line, and the reading goes on behind. */
Test(area_sheet, a_quote_that_stays_open_ends)
{
    buf_auto file = { 0 };
    struct sheet sheet;
    struct sheet_line line;
    size_t faults = 0, good = 0;
    buf_append(&file, "\"open\n", 6);
    for (unsigned i = 0; i < 20000; i++) buf_append(&file, "990101\n", 7);
    cr_assert(sheet_open(&sheet, buf_bytes(&file), CHARSET_UTF_8));
    while (sheet_next(&sheet, &line)) {
        faults += line.fault != NULL;
        good += line.fault == NULL;
    }
    cr_expect_eq(faults, 1u);
    cr_expect_gt(good, 10000u);
    sheet_close(&sheet);
}
