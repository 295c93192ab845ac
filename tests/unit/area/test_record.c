#include "area/record.h"
#include "area/tell.h"
#include "tables.h"

static struct arena arena;
static void setup(void) { arena_init(&arena, SIZE_MAX); }
static void teardown(void) { arena_deinit(&arena); }

TestSuite(area_record, .init = setup, .fini = teardown);

static const char csv[] = "code,name,level,parent,valid_from,valid_to,successors,aliases\n99,p\n9901,city\n990200,x,city,99\n"
                          "990104,old,,9901,,2021-03-31,990113:SPLIT:0.4|990114:SPLIT,first|990177|second\n990113,a,,,2021-04-01\n990114,b,,,2021-04-01\n";

Test(area_record, what_is_told_reads_back_the_same)
{
    struct area_table *table = table_of(csv);
    for (size_t i = 0; i < area_table_count(table); i++) {
        struct area_room room;
        struct area_row row, back;
        area_row_of(table, area_at(table, i), &room, &row);
        cr_assert_null(area_record_read(area_tell(table, area_at(table, i), &arena), &arena, &back));
        cr_expect(area_rows_are_same(&row, &back));
    }
    area_table_free(table);
}

Test(area_record, what_no_row_can_say_is_refused)
{
    static char long_name[257], *one[] = { (char *)"a\nb" }, *empty[] = { (char *)"" };
    static Qiao__V1__AreaSuccessor good = QIAO__V1__AREA_SUCCESSOR__INIT, odd = QIAO__V1__AREA_SUCCESSOR__INIT, large = QIAO__V1__AREA_SUCCESSOR__INIT, *list[65];
    good.code = odd.code = large.code = (char *)"990102";
    good.relation = large.relation = (char *)"MERGE";
    odd.relation = (char *)"merge";
    large.share = AREA_SHARE_WHOLE + 1;
    memset(long_name, 'x', 256);
    for (size_t i = 0; i < 65; i++) list[i] = &good;
    Qiao__V1__AreaSuccessor *odds[] = { &odd }, *larges[] = { &large };
    Qiao__V1__AreaRecord rows[12];
    for (size_t i = 0; i < 12; i++) {
        rows[i] = (Qiao__V1__AreaRecord)QIAO__V1__AREA_RECORD__INIT;
        rows[i].code = (char *)"990101";
        rows[i].level = (char *)"district";
    }
    rows[1].code = (char *)"99010";
    rows[2].name = long_name;
    rows[3].name = (char *)"a\nb";
    rows[4].level = (char *)"hamlet";
    rows[5].parent_is_given = 1;
    rows[6].valid_to = (char *)"2021-02-30";
    rows[7].n_successors = 1, rows[7].successors = odds;
    rows[8].n_successors = 1, rows[8].successors = larges;
    rows[9].n_successors = 65, rows[9].successors = list;
    rows[10].n_aliases = 1, rows[10].aliases = one;
    rows[11].n_aliases = 1, rows[11].aliases = empty;
    struct area_row row;
    cr_expect_null(area_record_read(&rows[0], &arena, &row));
    for (size_t i = 1; i < 12; i++) cr_expect_not_null(area_record_read(&rows[i], &arena, &row), "%zu", i);
}
