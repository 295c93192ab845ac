#include "validate.h"

#include <qiao/limits.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The ASCII digit that text begins with, full-width digits (U+FF10 … U+FF19) included; 0 if none. *ret_size is its size. */
static char leading_digit(const char *text, size_t *ret_size)
{
    const unsigned char *c = (const unsigned char *)text;
    *ret_size = 1;
    if (c[0] >= '0' && c[0] <= '9')
        return (char)c[0];
    *ret_size = 3;
    if (c[0] == 0xef && c[1] == 0xbc && c[2] >= 0x90 && c[2] <= 0x99)
        return (char)('0' + (c[2] - 0x90));
    return 0;
}

bool validate_area(const char *text, char ret_area[VALIDATE_AREA_SIZE])
{
    char digits[VALIDATE_AREA_SIZE] = "";
    size_t count = 0;
    for (size_t size; *text; text += size) {
        char digit = leading_digit(text, &size);
        if (digit == 0 || count == 12)
            return false;
        digits[count++] = digit;
    }
    if (count == 12 && strcmp(digits + 6, "000000") == 0)
        count = 6;
    else if (count == 12 && strcmp(digits + 9, "000") == 0)
        count = 9;
    if (count != 6 && count != 9 && count != 12)
        return false;
    digits[count] = 0;
    memcpy(ret_area, digits, VALIDATE_AREA_SIZE);
    return true;
}

bool validate_matter(const char *text)
{
    size_t size = strlen(text);
    bool word = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        bool in_word = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (!in_word && (c != '.' || !word))
            return false;
        word = in_word;
    }
    return word && size <= QIAO_MATTER_SIZE_MAX;
}

bool validate_is_rounded_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0)
        return false;
    text += digits;
    if (*text == '.')
        text += 1 + strspn(text + 1, "0123456789");
    if ((*text != 'E' && *text != 'e') || text[1] != '+')
        return false;
    size_t exponent = strspn(text + 2, "0123456789");
    return exponent > 0 && text[2 + exponent] == 0;
}

bool validate_degrees(const char *text, unsigned limit_degrees, int64_t *ret_e7)
{
    bool negative = *text == '-';
    text += negative || *text == '+';
    size_t whole = strspn(text, "0123456789");
    size_t decimals = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
    if (whole == 0 || whole > 3 || decimals > 7 || text[whole + (text[whole] == '.') + decimals] != 0)
        return false;
    int64_t value = 0;
    for (size_t i = 0; i < whole; i++)
        value = value * 10 + (text[i] - '0');
    for (size_t i = 0; i < 7; i++)
        value = value * 10 + (i < decimals ? text[whole + 1 + i] - '0' : 0);
    if (value > (int64_t)limit_degrees * 10000000)
        return false;
    *ret_e7 = negative ? -value : value;
    return true;
}

/* "+08:00" or "Z" in seconds east of Greenwich. */
static bool parse_offset(const char *zone, long *ret_seconds)
{
    if (strcmp(zone, "Z") == 0) {
        *ret_seconds = 0;
        return true;
    }
    const char *z = zone;
    if (strlen(z) != 6 || (z[0] != '+' && z[0] != '-') || z[3] != ':' || !isdigit((unsigned char)z[1]) || !isdigit((unsigned char)z[2]) ||
        !isdigit((unsigned char)z[4]) || !isdigit((unsigned char)z[5]))
        return false;
    long hours = (z[1] - '0') * 10 + (z[2] - '0'), minutes = (z[4] - '0') * 10 + (z[5] - '0');
    if (hours > 14 || minutes > 59)
        return false;
    *ret_seconds = (z[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

/* The C library takes an unknown zone for Greenwich without a word, hence the look at the file. */
bool validate_zone(const char *zone)
{
    long seconds;
    if (parse_offset(zone, &seconds))
        return true;
    if (!isupper((unsigned char)zone[0]) || strstr(zone, "..") || strlen(zone) > 64)
        return false;
    char path[128];
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", zone);
    return access(path, R_OK) == 0;
}

void validate_use_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

static bool same_moment(const struct tm *a, const struct tm *b)
{
    return a->tm_year == b->tm_year && a->tm_mon == b->tm_mon && a->tm_mday == b->tm_mday && a->tm_hour == b->tm_hour && a->tm_min == b->tm_min &&
           a->tm_sec == b->tm_sec;
}

/* The first of the one or two moments at which the process's zone shows this time. */
static bool local_moment(const struct tm *wanted, time_t *ret_moment)
{
    bool found = false;
    for (int summer = 1; summer >= 0; summer--) {
        struct tm tried = *wanted;
        tried.tm_isdst = summer;
        time_t moment = mktime(&tried);
        struct tm shown;
        if (moment == (time_t)-1 || !localtime_r(&moment, &shown) || !same_moment(&shown, wanted))
            continue;
        if (!found || moment < *ret_moment)
            *ret_moment = moment;
        found = true;
    }
    return found;
}

static bool offset_moment(const struct tm *wanted, long seconds, time_t *ret_moment)
{
    struct tm tried = *wanted;
    time_t moment = timegm(&tried);
    *ret_moment = moment - seconds;
    return same_moment(&tried, wanted); /* not so for the 30th of February, which strptime takes */
}

bool validate_time(const char *text, const char *format, const char *zone, uint64_t *ret_ms)
{
    struct tm parts = { .tm_mday = 1 };
    const char *rest = strptime(text, format, &parts);
    if (!rest || *rest)
        return false;
    time_t moment = 0;
    long seconds = parts.tm_gmtoff;
    bool fixed = strstr(format, "%z") || parse_offset(zone, &seconds); /* an offset in the text is more exact than the zone */
    bool good = fixed ? offset_moment(&parts, seconds, &moment) : local_moment(&parts, &moment);
    if (!good || moment < 0)
        return false;
    *ret_ms = (uint64_t)moment * 1000;
    return true;
}
