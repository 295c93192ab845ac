/* Any file is taken as a table of areas, or refused with places and reasons; a table's promises hold whatever it was made of. */
#include "fuzz.h"

#include "area/load.h"
#include "area/resolve.h"

static void check_errors(const struct area_errors *errors)
{
    FUZZ_CHECK(errors->total > 0 && errors->count > 0 && errors->count <= errors->total && errors->count <= AREA_ERRORS_MAX);
    for (size_t i = 0; i < errors->count; i++) {
        FUZZ_CHECK(errors->items[i].line > 0 && errors->items[i].text[0] != '\0');
        FUZZ_CHECK(i == 0 || errors->items[i - 1].line <= errors->items[i].line);
    }
}

static void check_area(const struct area_table *table, uint32_t area)
{
    struct area_room room;
    struct area_row row;
    struct area_resolution resolution;
    unsigned depth = 0;
    area_row_of(table, area, &room, &row);
    FUZZ_CHECK(area_find(table, row.code) == area && area_rows_are_same(&row, &row));
    for (uint32_t up = area; up != AREA_NONE; up = area_parent(table, up)) FUZZ_CHECK(depth++ < 6);
    for (size_t i = 0; i < row.codes_count; i++) FUZZ_CHECK(area_find_known(table, row.codes[i]) == area);
    for (size_t i = 0; i < row.successors_count; i++) FUZZ_CHECK(area_took_over(table, row.code, row.successors[i].code));
    area_resolve(table, row.code, 18000, 18000, AREA_ACCEPT_OLD_DAYS, &resolution);
    bool delivers = resolution.answer == AREA_ANSWER_CURRENT || resolution.answer == AREA_ANSWER_SUCCESSOR;
    FUZZ_CHECK(resolution.answer != AREA_ANSWER_UNKNOWN);
    FUZZ_CHECK(!delivers || !area_is_over(table, area_find(table, resolution.code), 18000));
    FUZZ_CHECK((resolution.answer == AREA_ANSWER_AMBIGUOUS) == (resolution.candidates_count > 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices c = choices(data, size);
    enum charset charset = choose(&c) == 'G' ? CHARSET_GB18030 : CHARSET_UTF_8;
    struct area_errors errors = { 0 };
    struct area_table *table = area_load(choose_bytes(&c, c.left), charset, &errors);
    if (!table) check_errors(&errors);
    else FUZZ_CHECK(errors.total == 0);
    for (size_t i = 0; table && i < area_table_count(table); i++) check_area(table, area_at(table, i));
    area_errors_deinit(&errors);
    area_table_free(table);
    return 0;
}
