#include "area/tell.h"
#include "tables.h"

static struct arena arena;
static void setup(void) { arena_init(&arena, SIZE_MAX); }
static void teardown(void) { arena_deinit(&arena); }

TestSuite(area_tell, .init = setup, .fini = teardown);

static const char csv[] = "code,name,valid_from,valid_to,successors,aliases\n9901,city\n990104,old,,2021-03-31,990113:SPLIT:0.4|990114,first|990177|second\n"
                          "990113,a,2021-04-01\n990114,b,2021-04-01\n";

Test(area_tell, a_row_in_words)
{
    struct area_table *table = table_of(csv);
    const Qiao__V1__AreaRecord *record = area_tell(table, area_find(table, code_of("990104")), &arena);
    cr_expect_str_eq(record->code, "990104");
    cr_expect_str_eq(record->level, "district");
    cr_expect_str_eq(record->parent, "9901");
    cr_expect(!record->parent_is_given && *record->valid_from == '\0');
    cr_expect_str_eq(record->valid_to, "2021-03-31");
    cr_assert_eq(record->n_successors, 2u);
    cr_expect(strcmp(record->successors[0]->code, "990113") == 0 && strcmp(record->successors[0]->relation, "SPLIT") == 0 && record->successors[0]->share == 4000);
    cr_assert_eq(record->n_aliases, 3u);
    cr_expect_str_eq(record->aliases[0], "990177");
    cr_expect_str_eq(record->aliases[2], "second");
    area_table_free(table);
}

Test(area_tell, what_becomes_of_a_code)
{
    struct area_table *table = table_of(csv);
    Qiao__V1__AreaReply reply = QIAO__V1__AREA_REPLY__INIT;
    area_tell_resolution(table, code_of("990104"), day_of("2021-05-01"), day_of("2021-05-01"), 548, &arena, &reply);
    cr_expect_str_eq(reply.answer, "AMBIGUOUS");
    cr_expect_str_eq(reply.decides, "9901");
    cr_expect(reply.n_candidates == 2 && *reply.deliver_to == '\0' && reply.area);
    reply = (Qiao__V1__AreaReply)QIAO__V1__AREA_REPLY__INIT;
    area_tell_resolution(table, code_of("880104"), day_of("2021-05-01"), day_of("2021-05-01"), 548, &arena, &reply);
    cr_expect_str_eq(reply.answer, "UNKNOWN");
    cr_expect_null(reply.area);
    area_table_free(table);
}
