#include "area/load.h"
#include "tables.h"

Test(area_load, forms_of_the_field_are_taken)
{
    static const char *const files[] = {
        "code,name\n990101000000,安和区\n990101001000,安澜街道\n990101001001,安澜社区\n",
        "\xef\xbb\xbf" "code,name\r\n990101,安和区\r\n９９０１０１００１,安澜街道\r\n990101001001,安澜社区",
        "code;name\n 990101 ;安和区\n990101001;\"安澜街道\"\n\n990101001001;　安澜社区　\n",
        "名称\t代码\t#备注\n安和区\t990101\t\n安澜街道\t990101001\tx,y\n安澜社区\t990101001001\tz\n",
    };
    struct area_room room;
    struct area_row row;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct area_table *table = table_of(files[i]);
        cr_expect_eq(area_table_count(table), 3u, "file %zu", i);
        area_row_of(table, area_find(table, code_of("990101001001")), &room, &row);
        cr_expect(qiao_bytes_equal(row.name, qiao_bytes_from_string("安澜社区")), "file %zu", i);
        area_table_free(table);
    }
}

Test(area_load, gb18030_is_taken_when_declared)
{
    static const char file[] = "code,name\n990101,\xb0\xb2\xba\xcd\xc7\xf8\n";
    struct area_errors errors = { 0 };
    struct area_table *table = area_load(qiao_bytes(file, sizeof file - 1), CHARSET_GB18030, &errors);
    struct area_room room;
    struct area_row row;
    cr_assert_not_null(table);
    area_row_of(table, area_find(table, code_of("990101")), &room, &row);
    cr_expect(qiao_bytes_equal(row.name, qiao_bytes_from_string("安和区")));
    area_table_free(table);
    cr_expect_null(area_load(qiao_bytes(file, sizeof file - 1), CHARSET_UTF_8, &errors));
    cr_assert_eq(errors.count, 1u);
    cr_expect_eq(errors.items[0].line, 2u);
    cr_expect_not_null(strstr(errors.items[0].text, "declared charset"));
    area_errors_deinit(&errors);
}

#define HEAD "code,name,level,parent,valid_from,valid_to,successors,aliases\n"

/* Every fault is told with the line, the character and a cure. */
static const struct { const char *csv, *begins, *holds; } bad[] = {
    { "", "1:1: ", "empty" },
    { "code\n", "1:1: ", "no area" },
    { "name,kode\na,990101\n", "1:1: no column is called code", "1:6: \"kode\" is no column" },
    { "code,code\n990101,990101\n", "1:6: ", "twice" },
    { "code,name\n安和,9901x1\n", "2:1: ", "something else than digits" },
    { "name,code\n安和区,9901x1\n", "2:5: ", "\"9901x1\"" },
    { "code\n9.90101E+11\n", "2:1: ", "spreadsheet" },
    { "code\n990101\n990101000000\n", "3:1: area 990101 stands in the table already", "one row must go" },
    { "code,name\n990101,a,b\n", "2:10: ", "3 fields" },
    { "code,name\n990101,\"a\n", "2:8: ", "quote" },
    { "code,name\n990101,\"a\"b\n", "2:11: ", "doubled" },
    { "code,name\n990101,a\x1b[31m\n", "2:", "control character" },
    { HEAD "990101,a,borough,,,,,\n", "2:10: ", "\"borough\"" },
    { HEAD "990101,a,street,,,,,\n", "2:10: area 990101 is not the level", "leave the column empty" },
    { HEAD "990101,a,,990102,,,,\n", "2:11: area 990101 has the parent 990102, which is not in the table", "add its row" },
    { HEAD "990101,a,,990102,,,,\n990102,b,,990101,,,,\n", "2:11: ", "circle" },
    { HEAD "990101,a,,990101,,,,\n", "2:11: ", "circle" },
    { HEAD "990101,a,,,2021-02-30,,,\n", "2:12: valid_from \"2021-02-30\"", "write 2021-04-01" },
    { HEAD "990101,a,,,2021-02-03,2021-02-02,,\n", "2:23: area 990101 is before valid_from", "last day" },
    { HEAD "990101,a,,,,2021-02-02,990102,\n", "2:24: area 990101 has the successor 990102, which is not in the table", "add its row" },
    { HEAD "990101,a,,,,,990102,\n990102,b,,,,,,\n", "2:13: ", "no valid_to" },
    { HEAD "990101,a,,,,2020-01-01,990102|990102,\n990102,b,,,,,,\n", "2:24: ", "twice" },
    { HEAD "990101,a,,,,2020-01-01,990102:SWAP,\n", "2:24: relation \"SWAP\"", "RESUBORDINATE" },
    { HEAD "990101,a,,,,2020-01-01,990102:SPLIT:1.5,\n", "2:24: share", "40%" },
    { HEAD "990101,a,,,,2020-01-01,990102:SPLIT:60%|990103:SPLIT:0.5,\n990102\n990103\n", "2:24: ", "more than the whole" },
    { HEAD "990101,a,,,,2020-01-01,990102,\n990102,b,,,,2021-01-01,990101,\n", "", "never given again" },
    { HEAD "990101,a,,,,,,990102\n990102,b,,,,,,\n", "2:15: ", "area of its own" },
    { HEAD "990101,a,,,,,,990103\n990102,b,,,,,,990103\n", "3:15: ", "other code of another" },
    { "\xff\xfe" "c\0o\0", "1:1: ", "UTF-16" },
};

Test(area_load, what_is_wrong_is_told_with_its_place_and_cure)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *errors = errors_of(bad[i].csv);
        cr_expect(strncmp(errors, bad[i].begins, strlen(bad[i].begins)) == 0, "row %zu: %s", i, errors);
        cr_expect_not_null(strstr(errors, bad[i].holds), "row %zu: %s", i, errors);
    }
}

Test(area_load, the_whole_file_is_looked_at)
{
    const char *errors = errors_of("code,valid_from\n9901,\n12345,x\n990101,2021-01-01\nabc,y\n");
    static const char *const lines[] = { "3:1: ", "3:7: ", "5:1: ", "5:5: " };
    size_t count = 0;
    for (const char *c = errors; *c; c++) count += *c == '\n';
    cr_expect_eq(count, 4u, "%s", errors);
    for (size_t i = 0; i < 4; i++) cr_expect_not_null(strstr(errors, lines[i]), "%s in %s", lines[i], errors);
}

Test(area_load, errors_are_counted_beyond_those_that_are_kept)
{
    buf_auto csv = { 0 };
    struct area_errors errors = { 0 };
    buf_append(&csv, "code\n", 5);
    for (unsigned i = 0; i < 250; i++) buf_append(&csv, "x\n", 2);
    cr_expect_null(area_load(buf_bytes(&csv), CHARSET_UTF_8, &errors));
    cr_expect_eq(errors.count, AREA_ERRORS_MAX);
    cr_expect_eq(errors.total, 250u);
    area_errors_deinit(&errors);
}

Test(area_load, relations_and_shares_are_read)
{
    struct area_table *table = table_of(HEAD "990101,a,,,,2020-01-01,990102:split:0.25|990103,\n990102\n990103\n990104,,,,,20200101,990103\n");
    struct area_room room;
    struct area_row row;
    area_row_of(table, area_find(table, code_of("990101")), &room, &row);
    cr_expect(row.successors_count == 2 && row.successors[0].share == 2500 && row.successors[0].relation == AREA_RELATION_SPLIT);
    cr_expect(row.successors[1].share == 0 && row.successors[1].relation == AREA_RELATION_SPLIT);
    area_row_of(table, area_find(table, code_of("990104")), &room, &row);
    cr_expect(row.successors_count == 1 && row.successors[0].relation == AREA_RELATION_MERGE);
    area_table_free(table);
}
