#include "tables.h"

struct area_code code_of(const char *text)
{
    struct area_code code = { 0 };
    if (*text) cr_assert_eq(area_code_read_unit(qiao_bytes_from_string(text), &code), AREA_CODE_FAULT_NONE, "%s", text);
    return code;
}

int32_t day_of(const char *text)
{
    int32_t day;
    cr_assert(area_day_read(qiao_bytes_from_string(text), &day), "%s", text);
    return day;
}

struct area_table *table_of(const char *csv)
{
    struct area_errors errors = { 0 };
    struct area_table *table = area_load(qiao_bytes_from_string(csv), CHARSET_UTF_8, &errors);
    cr_assert_not_null(table, "%u:%u: %s", errors.items[0].line, errors.items[0].column, errors.items[0].text);
    area_errors_deinit(&errors);
    return table;
}

const char *errors_of(const char *csv)
{
    static char text[8192];
    struct area_errors errors = { 0 };
    size_t at = 0;
    struct area_table *table = area_load(qiao_bytes_from_string(csv), CHARSET_UTF_8, &errors);
    text[0] = '\0';
    for (size_t i = 0; i < errors.count && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%u:%u: %s\n", errors.items[i].line, errors.items[i].column, errors.items[i].text);
    cr_assert_eq(table == NULL, errors.total > 0);
    area_table_free(table);
    area_errors_deinit(&errors);
    return text;
}
