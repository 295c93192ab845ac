#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit duration_units[] = {
    { "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 60 * 60 * 1000 }, { "d", 24 * 60 * 60 * 1000 },
};

static const struct unit size_units[] = {
    { "k", 1024 }, { "K", 1024 }, { "M", 1024 * 1024 }, { "G", 1024 * 1024 * 1024 },
};

/* Digits at *text; moves *text behind them. */
static bool take_digits(const char **text, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *at = *text;

    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number))
            return false;
    if (at == *text)
        return false;
    *text = at;
    *ret_number = number;
    return true;
}

bool text_number_parse(const char *text, uint64_t *ret_number)
{
    uint64_t number;

    if (!take_digits(&text, &number) || *text)
        return false;
    *ret_number = number;
    return true;
}

/* The unit that is written at *text up to the next digit or the end; moves *text behind it. */
static const struct unit *take_unit(const char **text, const struct unit *units, size_t count)
{
    size_t size = strcspn(*text, "0123456789");

    for (size_t i = 0; i < count; i++)
        if (strlen(units[i].name) == size && memcmp(units[i].name, *text, size) == 0) {
            *text += size;
            return &units[i];
        }
    return NULL;
}

bool text_duration_parse(const char *text, uint64_t *ret_ms)
{
    uint64_t total = 0, number;

    if (text_number_parse(text, &number))
        return !__builtin_mul_overflow(number, 1000, ret_ms);
    do {
        const struct unit *unit;
        if (!take_digits(&text, &number))
            return false;
        unit = take_unit(&text, duration_units, sizeof(duration_units) / sizeof(duration_units[0]));
        if (!unit || __builtin_mul_overflow(number, unit->factor, &number) || __builtin_add_overflow(total, number, &total))
            return false;
    } while (*text);
    *ret_ms = total;
    return true;
}

bool text_size_parse(const char *text, uint64_t *ret_bytes)
{
    uint64_t number;

    if (!take_digits(&text, &number))
        return false;
    if (*text) {
        const struct unit *unit = take_unit(&text, size_units, sizeof(size_units) / sizeof(size_units[0]));
        if (!unit || *text || __builtin_mul_overflow(number, unit->factor, &number))
            return false;
    }
    *ret_bytes = number;
    return true;
}

void text_duration_format(uint64_t duration_ms, char text[TEXT_DURATION_SIZE])
{
    size_t i = sizeof(duration_units) / sizeof(duration_units[0]) - 1;
    uint64_t whole, rest;

    while (i > 0 && duration_ms < duration_units[i].factor)
        i--;
    whole = duration_ms / duration_units[i].factor;
    rest = i > 1 ? duration_ms % duration_units[i].factor / duration_units[i - 1].factor : 0;
    if (rest)
        snprintf(text, TEXT_DURATION_SIZE, "%" PRIu64 " %s %" PRIu64 " %s", whole, duration_units[i].name, rest, duration_units[i - 1].name);
    else
        snprintf(text, TEXT_DURATION_SIZE, "%" PRIu64 " %s", whole, duration_units[i].name);
}

void text_size_format(uint64_t size_bytes, char text[TEXT_SIZE_SIZE])
{
    static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double size = (double)size_bytes;
    size_t i = 0;

    for (; size >= 1024 && i + 1 < sizeof(names) / sizeof(names[0]); i++)
        size /= 1024;
    snprintf(text, TEXT_SIZE_SIZE, i ? "%.1f %s" : "%.0f %s", size, names[i]);
}

void text_time_format(uint64_t unix_ms, char text[TEXT_TIME_SIZE])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm local;
    char day[24];

    if (!unix_ms || !localtime_r(&seconds, &local) || !strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &local))
        snprintf(text, TEXT_TIME_SIZE, "-");
    else
        snprintf(text, TEXT_TIME_SIZE, "%s.%03u", day, (unsigned)(unix_ms % 1000));
}

#define WORD_SIZE_MAX 40

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters must be added, removed, changed or swapped with their neighbour. Both words are shorter than WORD_SIZE_MAX. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t rows[3][WORD_SIZE_MAX + 1];
    size_t a_size = strlen(a), b_size = strlen(b);
    size_t *before = rows[0], *previous = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_size; j++)
        before[j] = previous[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t *oldest = before;
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            row[j] = least(least(previous[j], row[j - 1]) + 1, previous[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        before = previous;
        previous = row;
        row = oldest;
    }
    return previous[b_size];
}

const char *text_nearest(const char *word, const char *const *words, size_t word_count)
{
    const char *nearest = NULL;
    size_t size = strlen(word), best = size < 4 ? 2 : 3;

    if (size == 0 || size >= WORD_SIZE_MAX)
        return NULL;
    for (size_t i = 0; i < word_count; i++) {
        size_t distance;
        if (strlen(words[i]) >= WORD_SIZE_MAX)
            continue;
        distance = edit_distance(word, words[i]);
        if (distance < best) {
            best = distance;
            nearest = words[i];
        }
    }
    return nearest;
}

size_t text_utf8_next(const char *text, size_t size, uint32_t *ret_code_point)
{
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *bytes = (const unsigned char *)text;
    size_t length;
    uint32_t point;

    if (size == 0)
        return 0;
    length = bytes[0] < 0x80 ? 1 : bytes[0] >> 5 == 0x06 ? 2 : bytes[0] >> 4 == 0x0e ? 3 : bytes[0] >> 3 == 0x1e ? 4 : 0;
    if (length == 0 || length > size)
        return 0;
    point = length == 1 ? bytes[0] : bytes[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if (bytes[i] >> 6 != 0x02)
            return 0;
        point = point << 6 | (bytes[i] & 0x3fu);
    }
    if (point < smallest[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *ret_code_point = point;
    return length;
}

bool text_is_utf8(const char *text, size_t size)
{
    uint32_t point;

    for (size_t length; size; text += length, size -= length)
        if (!(length = text_utf8_next(text, size, &point)))
            return false;
    return true;
}

/* Unicode's East Asian Width "W" and "F" in whole blocks, and the combining marks that take no column. */
static size_t point_width(uint32_t point)
{
    static const struct {
        uint32_t first, last;
        size_t width;
    } blocks[] = {
        { 0x0300, 0x036f, 0 },   { 0x1100, 0x115f, 2 },   { 0x200b, 0x200f, 0 },   { 0x20d0, 0x20ff, 0 },
        { 0x2e80, 0x303e, 2 },   { 0x3041, 0xa4cf, 2 },   { 0xac00, 0xd7a3, 2 },   { 0xf900, 0xfaff, 2 },
        { 0xfe00, 0xfe0f, 0 },   { 0xfe30, 0xfe6f, 2 },   { 0xff00, 0xff60, 2 },   { 0xffe0, 0xffe6, 2 },
        { 0x1f300, 0x1faff, 2 }, { 0x20000, 0x3fffd, 2 },
    };

    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
        if (point >= blocks[i].first && point <= blocks[i].last)
            return blocks[i].width;
    return 1;
}

size_t text_width(const char *text)
{
    size_t size = strlen(text), width = 0;

    while (size) {
        uint32_t point = 0;
        size_t length = text_utf8_next(text, size, &point);
        width += length ? point_width(point) : 1;
        length = length ? length : 1;
        text += length;
        size -= length;
    }
    return width;
}

/* C0, DEL and C1: what could steer a terminal. */
static bool is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

char *text_printable(const char *text, size_t size)
{
    char *copy, *out;

    if (size > (SIZE_MAX - 1) / 4 || !(copy = malloc(size * 4 + 1)))
        return NULL;
    out = copy;
    while (size) {
        uint32_t point = 0;
        size_t length = text_utf8_next(text, size, &point);
        if (length && !is_control(point)) {
            memcpy(out, text, length);
            out += length;
        } else {
            out += snprintf(out, 5, "\\x%02x", (unsigned)(unsigned char)*text);
            /* A C1 control is two bytes; both are shown. */
            length = 1;
        }
        text += length;
        size -= length;
    }
    *out = '\0';
    return copy;
}
