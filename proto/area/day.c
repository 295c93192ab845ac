/* Days and the words of the table. */
#include "area/table.h"

#include <stdio.h>

/* Days from 1970-01-01 of a date of the Gregorian calendar (H. Hinnant, "chrono-compatible low-level date algorithms": days_from_civil). */
static int32_t days_from(int32_t year, int32_t month, int32_t day)
{
    year -= month <= 2;
    int32_t era = year / 400, of_era = year - era * 400;
    int32_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int32_t days, int32_t ret_date[3])
{
    days += 719468;
    int32_t era = days / 146097, of_era = days - era * 146097;
    int32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int32_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
    ret_date[2] = of_year - (153 * month + 2) / 5 + 1;
    ret_date[1] = month < 10 ? month + 3 : month - 9;
    ret_date[0] = year + era * 400 + (ret_date[1] <= 2);
}

bool area_day_read(struct qiao_bytes text, int32_t *ret_day)
{
    static const uint8_t parts[] = { 0, 0, 0, 0, 1, 1, 2, 2 };
    int32_t date[3] = { 0 }, back[3];
    size_t digits = 0;
    bool dashes = text.size == 10;
    if (text.size != 8 && !dashes) return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (dashes && (i == 4 || i == 7)) {
            if (c != '-') return false;
            continue;
        }
        if (c < '0' || c > '9') return false;
        date[parts[digits]] = date[parts[digits]] * 10 + (c - '0');
        digits++;
    }
    if (date[0] < 1900 || date[1] < 1 || date[1] > 12 || date[2] < 1) return false;
    *ret_day = days_from(date[0], date[1], date[2]);
    date_of(*ret_day, back);
    return back[2] == date[2] && back[1] == date[1] && *ret_day >= AREA_DAY_MIN && *ret_day <= AREA_DAY_MAX;
}

void area_day_write(int32_t day, char ret_text[AREA_DAY_SIZE])
{
    int32_t date[3];
    ret_text[0] = '\0';
    if (day < AREA_DAY_MIN || day > AREA_DAY_MAX) return;
    date_of(day, date);
    snprintf(ret_text, AREA_DAY_SIZE, "%04u-%02u-%02u", (unsigned)date[0] % 10000, (unsigned)date[1] % 100, (unsigned)date[2] % 100);
}

const char *area_level_name(enum area_level level)
{
    static const char *const names[] = { "", "province", "city", "district", "street", "community" };
    return names[(unsigned)level < sizeof names / sizeof *names ? level : 0];
}

const char *area_relation_name(enum area_relation relation)
{
    static const char *const names[] = {
#define X(name, text) text,
        AREA_RELATION_MAP(X)
#undef X
    };
    return names[(unsigned)relation < sizeof names / sizeof *names ? relation : 0];
}
