#include "fields.h"

#include "suggest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void fields_error(const struct fields_reader *reader, const struct tree_node *node, const char *shown, const char *format, ...)
{
    char text[512];
    va_list arguments;
    if (node->kind == TREE_REFUSED)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    conf_errors_add(reader->errors, tree_place(reader->tree, node), shown, "%s", text);
}

static const char *found_kind(const struct tree_node *node)
{
    static const char *const names[] = { "nothing", "a single value", "a mapping", "a list", "something refused" };
    return names[node->kind];
}

static const struct tree_node *find_child(const struct tree_node *node, const char *name)
{
    for (size_t i = 0; i < node->children_count; i++) {
        if (strcmp(node->children[i].key, name) == 0)
            return &node->children[i];
    }
    return NULL;
}

static void refuse_unknown(const struct fields_reader *reader, const struct tree_node *child, const char *shown, const struct fields_key *keys, size_t count)
{
    char found[CONF_QUOTE_SIZE], expected[256] = "";
    struct conf_suggestion near = { .word = child->key };
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        conf_suggest(&near, keys[i].name);
        if (used < sizeof expected)
            used += (size_t)snprintf(expected + used, sizeof expected - used, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", keys[i].name);
    }
    conf_quote(child->key, found);
    struct conf_place place = tree_key_place(reader->tree, child);
    if (near.best)
        conf_errors_add(reader->errors, place, shown, "found the unknown key %s; did you mean \"%s\"?", found, near.best);
    else
        conf_errors_add(reader->errors, place, shown, "found the unknown key %s; expected %s", found, expected);
}

static void show_child(char out[FIELDS_KEY_SIZE], const char *shown, const char *name)
{
    (void)snprintf(out, FIELDS_KEY_SIZE, "%.90s%s%.36s", shown, shown[0] ? "." : "", name);
}

void fields_read(const struct fields_reader *reader, const struct tree_node *node, const char *shown, const struct fields_key *keys, size_t count, void *into)
{
    char key[FIELDS_KEY_SIZE];
    if (node->kind != TREE_MAPPING) {
        fields_error(reader, node, shown, "found %s; expected a mapping with %s and so on", found_kind(node), keys[0].name);
        return;
    }
    for (size_t i = 0; i < node->children_count; i++) {
        const struct tree_node *child = &node->children[i];
        size_t k = 0;
        while (k < count && strcmp(keys[k].name, child->key) != 0)
            k++;
        show_child(key, shown, child->key);
        if (k == count && child->kind != TREE_REFUSED)
            refuse_unknown(reader, child, key, keys, count);
    }
    /* In the order of the table: later keys may need what earlier ones gave. */
    for (size_t k = 0; k < count; k++) {
        const struct tree_node *child = find_child(node, keys[k].name);
        show_child(key, shown, keys[k].name);
        if (child && child->kind != TREE_REFUSED)
            keys[k].read(reader, child, key, into);
        else if (!child && keys[k].required)
            fields_error(reader, node, key, "is missing; expected %s", keys[k].expected);
    }
}

void fields_each(const struct fields_reader *reader, const struct tree_node *node, const char *shown,
                 void (*each)(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into), void *into)
{
    char key[FIELDS_KEY_SIZE];
    if (node->kind == TREE_EMPTY)
        return;
    if (node->kind != TREE_LIST) {
        fields_error(reader, node, shown, "found %s; expected a list, as in [a, b] or a line with - for each", found_kind(node));
        return;
    }
    for (size_t i = 0; i < node->children_count; i++) {
        (void)snprintf(key, sizeof key, "%.100s[%zu]", shown, i);
        if (node->children[i].kind != TREE_REFUSED)
            each(reader, &node->children[i], key, into);
    }
}

const char *fields_text(const struct fields_reader *reader, const struct tree_node *node, const char *shown, size_t size_max, const char *expected)
{
    if (node->kind != TREE_SCALAR) {
        fields_error(reader, node, shown, "found %s; expected %s", found_kind(node), expected);
        return NULL;
    }
    size_t size = strlen(node->text);
    if (size > 0 && size <= size_max)
        return node->text;
    fields_error(reader, node, shown, "found %zu bytes; expected %s of 1 to %zu bytes", size, expected, size_max);
    return NULL;
}

static bool read_digits(const char *text, size_t size, uint32_t *ret_number)
{
    uint32_t number = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || number > 99999999)
            return false;
        number = number * 10 + (uint32_t)(text[i] - '0');
    }
    *ret_number = number;
    return size > 0;
}

bool fields_number(const struct fields_reader *reader, const struct tree_node *node, const char *shown, uint32_t min, uint32_t max, uint32_t *ret_number)
{
    char found[CONF_QUOTE_SIZE];
    const char *text = fields_text(reader, node, shown, 64, "a whole number");
    uint32_t number = 0;
    if (!text)
        return false;
    if (!node->quoted && read_digits(text, strlen(text), &number) && number >= min && number <= max) {
        *ret_number = number;
        return true;
    }
    fields_error(reader, node, shown, "found %s; expected a whole number from %" PRIu32 " to %" PRIu32, conf_quote(text, found), min, max);
    return false;
}

bool fields_bool(const struct fields_reader *reader, const struct tree_node *node, const char *shown, bool *ret_truth)
{
    char found[CONF_QUOTE_SIZE];
    const char *text = fields_text(reader, node, shown, 64, "true or false");
    if (!text)
        return false;
    *ret_truth = strcmp(text, "true") == 0;
    if (!node->quoted && (*ret_truth || strcmp(text, "false") == 0))
        return true;
    fields_error(reader, node, shown, "found %s; expected true or false", conf_quote(text, found));
    return false;
}

/* Days since 1970-01-01 of a day of the Gregorian calendar; years count from March, so that the leap day is the last (the usual method). */
static int32_t days_of(int32_t year, int32_t month, int32_t day)
{
    int32_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static bool is_day(uint32_t year, uint32_t month, uint32_t day)
{
    static const uint32_t lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    if (year < 1900 || year > 9999 || month < 1 || month > 12)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day >= 1 && day <= lengths[month - 1] + (month == 2 && leap ? 1 : 0);
}

bool fields_day(const struct fields_reader *reader, const struct tree_node *node, const char *shown, int32_t *ret_day)
{
    char found[CONF_QUOTE_SIZE];
    const char *text = fields_text(reader, node, shown, 64, "a day such as 2026-08-15");
    uint32_t year = 0, month = 0, day = 0;
    if (!text)
        return false;
    bool shaped = strlen(text) == 10 && text[4] == '-' && text[7] == '-' && read_digits(text, 4, &year) && read_digits(text + 5, 2, &month) && read_digits(text + 8, 2, &day);
    if (shaped && is_day(year, month, day)) {
        *ret_day = days_of((int32_t)year, (int32_t)month, (int32_t)day);
        return true;
    }
    fields_error(reader, node, shown, "found %s; expected a day of the calendar such as 2026-08-15", conf_quote(text, found));
    return false;
}

int fields_word(const struct fields_reader *reader, const struct tree_node *node, const char *shown, const char *what,
                const char *(*word_at)(const void *words, size_t i), const void *words, size_t count)
{
    char found[CONF_QUOTE_SIZE];
    const char *text = fields_text(reader, node, shown, 256, what);
    if (!text)
        return -1;
    struct conf_suggestion near = { .word = text };
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word_at(words, i), text) == 0)
            return (int)i;
        conf_suggest(&near, word_at(words, i));
    }
    conf_quote(text, found);
    if (near.best)
        fields_error(reader, node, shown, "found %s, which is not %s; did you mean \"%s\"?", found, what, near.best);
    else
        fields_error(reader, node, shown, "found %s, which is not %s", found, what);
    return -1;
}
