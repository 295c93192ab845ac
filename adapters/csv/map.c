#include "map.h"

#include "rules.h"
#include "validate.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FIELD_SIZE_MAX = 4096 };

const char *map_fault_code(enum map_fault fault)
{
    static const char *const codes[] = {
#define X(name, code) code,
        MAP_FAULT_MAP(X)
#undef X
    };
    return codes[fault];
}

const char *map_target_key(enum target target) { return target_specs[target].key; }
size_t map_fields_count(const struct map *map) { return map->fields_count; }
const char *map_field_name(const struct map *map, size_t index) { return map->field_names[index]; }

static enum map_fault fault(struct map_record *record, enum map_fault which, const char *format, ...) __attribute__((format(printf, 3, 4)));
static enum map_fault map_target(const struct map *map, const struct map_input *input, enum target target, struct map_record *record);
static enum map_fault evaluate(const struct rule *rule, const struct map_input *input, const char *key, struct text *text, struct map_record *record);

enum map_fault map_row(const struct map *map, const struct map_input *input, struct map_record *record)
{
    record->fault_text[0] = 0;
    if (input->columns_count != map->columns_count)
        return fault(record, MAP_FAULT_COLUMNS, "found %zu columns; the header has %zu", input->columns_count, map->columns_count);
    for (int target = 0; target < TARGET_COUNT; target++) {
        enum map_fault result = map_target(map, input, (enum target)target, record);
        if (result != MAP_FAULT_NONE)
            return result;
    }
    for (size_t i = 0; i < map->fields_count; i++) {
        enum map_fault result = evaluate(&map->field_rules[i], input, map->field_names[i], &record->fields[i], record);
        if (result == MAP_FAULT_NONE && record->fields[i].size > FIELD_SIZE_MAX)
            result = fault(record, MAP_FAULT_SIZE, "%s: %zu bytes; at most %d", map->field_names[i], record->fields[i].size, FIELD_SIZE_MAX);
        if (result != MAP_FAULT_NONE)
            return result;
    }
    return MAP_FAULT_NONE;
}

void map_record_deinit(struct map_record *record)
{
    for (size_t i = 0; i < TARGET_COUNT; i++)
        text_deinit(&record->values[i].text);
    for (size_t i = 0; i < MAP_FIELDS_MAX; i++)
        text_deinit(&record->fields[i]);
}

/* Also cuts a fault text that would end inside a character. */
static enum map_fault fault(struct map_record *record, enum map_fault which, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(record->fault_text, sizeof record->fault_text, format, arguments);
    va_end(arguments);
    size_t end = strlen(record->fault_text);
    if (size >= (int)sizeof record->fault_text)
        while (end > 0 && ((unsigned char)record->fault_text[end - 1] & 0x80))
            record->fault_text[--end] = 0;
    return which;
}

static bool bind_rule(struct rule *rule, const char *const *names, size_t count, char *reterr_text, size_t reterr_size)
{
    for (size_t i = 0; i < rule->parts_count; i++) {
        struct part *part = &rule->parts[i];
        size_t found = 0;
        for (size_t column = 0; part->type == PART_COLUMN && column < count; column++)
            if (strcmp(names[column], part->text) == 0) {
                part->column = column;
                found++;
            }
        if (part->type == PART_COLUMN && found != 1) {
            snprintf(reterr_text, reterr_size, "column \"%.200s\" is %s in the header line", part->text, found ? "more than once" : "not");
            return false;
        }
    }
    return true;
}

bool map_bind(struct map *map, const char *const *names, size_t count, char *reterr_text, size_t reterr_size)
{
    map->columns_count = count;
    for (size_t i = 0; i < TARGET_COUNT; i++)
        if (!bind_rule(&map->rules[i], names, count, reterr_text, reterr_size))
            return false;
    for (size_t i = 0; i < map->fields_count; i++)
        if (!bind_rule(&map->field_rules[i], names, count, reterr_text, reterr_size))
            return false;
    return true;
}

static bool rule_uses(const struct rule *rule, size_t column)
{
    for (size_t i = 0; i < rule->parts_count; i++)
        if (rule->parts[i].type == PART_COLUMN && rule->parts[i].column == column)
            return true;
    return false;
}

bool map_uses_column(const struct map *map, size_t column)
{
    for (size_t i = 0; i < TARGET_COUNT; i++)
        if (rule_uses(&map->rules[i], column))
            return true;
    for (size_t i = 0; i < map->fields_count; i++)
        if (rule_uses(&map->field_rules[i], column))
            return true;
    return false;
}

/* Spaces, tabs, line ends, and the ideographic space U+3000 at either end. */
static struct qiao_bytes trim(const char *string)
{
    size_t size = strlen(string), before;
    do {
        before = size;
        if (size > 0 && strchr(" \t\r\n", *string)) {
            string++;
            size--;
        } else if (size >= 3 && memcmp(string, "\xe3\x80\x80", 3) == 0) {
            string += 3;
            size -= 3;
        }
        if (size > 0 && strchr(" \t\r\n", string[size - 1]))
            size--;
        else if (size >= 3 && memcmp(string + size - 3, "\xe3\x80\x80", 3) == 0)
            size -= 3;
    } while (size != before);
    return qiao_bytes(string, size);
}

static void add_part_value(const struct part *part, const struct map_input *input, struct text *text)
{
    struct qiao_bytes column;
    switch (part->type) {
    case PART_LITERAL:
        text_add_string(text, part->text);
        break;
    case PART_COLUMN:
        assert(part->column < input->columns_count);
        column = trim(input->columns[part->column]);
        text_add(text, column.data, column.size);
        break;
    case PART_FILE:
        text_add_string(text, input->file);
        break;
    case PART_DIGEST:
        text_add_string(text, input->digest);
        break;
    case PART_ROW:
        text_add_format(text, "%llu", (unsigned long long)input->row);
        break;
    case PART_LINE:
        text_add_format(text, "%llu", (unsigned long long)input->line);
        break;
    }
}

/* "A-{id}" says nothing when there is no id: a template is empty if all of its columns are. */
static bool has_content(const struct rule *rule, const struct map_input *input)
{
    size_t columns = 0;
    for (size_t i = 0; i < rule->parts_count; i++) {
        if (rule->parts[i].type == PART_COLUMN && trim(input->columns[rule->parts[i].column]).size > 0)
            return true;
        columns += rule->parts[i].type == PART_COLUMN;
    }
    return columns == 0;
}

/* Template, table, default. */
static enum map_fault evaluate(const struct rule *rule, const struct map_input *input, const char *key, struct text *text, struct map_record *record)
{
    text_clear(text);
    bool given = has_content(rule, input);
    for (size_t i = 0; given && i < rule->parts_count; i++)
        add_part_value(&rule->parts[i], input, text);
    const char *found = NULL;
    if (rule->table && text->size > 0) {
        found = table_find(rule->table, text_string(text));
        if (!found && !rule->otherwise)
            return fault(record, MAP_FAULT_LOOKUP, "%s: \"%.200s\" is not in table %s", key, text_string(text), rule->table->name);
    }
    if (!found && rule->otherwise && (rule->table || text->size == 0))
        found = rule->otherwise;
    if (found) {
        text_clear(text);
        text_add_string(text, found);
    }
    return MAP_FAULT_NONE;
}

/* Looks at the columns too: "A-5.10E+17" has lost its digits as much as "5.10E+17". */
static bool is_rounded(const struct rule *rule, const struct map_input *input, const char *value)
{
    for (size_t i = 0; i < rule->parts_count; i++)
        if (rule->parts[i].type == PART_COLUMN && validate_is_rounded_number(input->columns[rule->parts[i].column]))
            return true;
    return validate_is_rounded_number(value);
}

static bool is_address(const char *text)
{
    const char *slash = strchr(text, '/');
    const char *seat = slash ? strchr(slash, '#') : NULL;
    char area[VALIDATE_AREA_SIZE + 1];
    if (!slash || slash - text > 12 || slash[1] == 0 || slash[1] == '#' || (seat && seat[1] == 0) || strpbrk(slash + 1, "/* \t"))
        return false;
    snprintf(area, sizeof area, "%.*s", (int)(slash - text), text);
    char normal[VALIDATE_AREA_SIZE];
    return validate_area(area, normal) && strcmp(area, normal) == 0;
}

static bool choose(const char *const *choices, const char *text, int64_t *ret_index)
{
    for (int64_t i = 0; choices[i]; i++)
        if (strcmp(choices[i], text) == 0) {
            *ret_index = i;
            return true;
        }
    return false;
}

static bool use_area(struct map_value *value)
{
    char area[VALIDATE_AREA_SIZE];
    if (!validate_area(text_string(&value->text), area))
        return false;
    text_clear(&value->text);
    text_add_string(&value->text, area);
    return true;
}

/* The value as its type wants it. */
static enum map_fault check_value(const struct map *map, const struct map_input *input, const struct target_spec *spec, const struct rule *rule,
                                  struct map_value *value)
{
    static const char *const booleans[] = { "false", "true", NULL };
    const char *text = text_string(&value->text);
    uint64_t ms = 0;
    switch (spec->type) {
    case TARGET_TYPE_TEXT:
        return MAP_FAULT_NONE;
    case TARGET_TYPE_ID:
        return is_rounded(rule, input, text) ? MAP_FAULT_ROUNDED : MAP_FAULT_NONE;
    case TARGET_TYPE_ADDRESS:
        return is_address(text) ? MAP_FAULT_NONE : MAP_FAULT_ADDRESS;
    case TARGET_TYPE_AREA:
        return use_area(value) ? MAP_FAULT_NONE : MAP_FAULT_AREA;
    case TARGET_TYPE_MATTER:
        return validate_matter(text) ? MAP_FAULT_NONE : MAP_FAULT_MATTER;
    case TARGET_TYPE_TIME:
        if (!validate_time(text, rule->time_format, map->zone, &ms))
            return MAP_FAULT_TIME;
        value->number = (int64_t)ms;
        return MAP_FAULT_NONE;
    case TARGET_TYPE_BOOLEAN:
        return choose(booleans, text, &value->number) ? MAP_FAULT_NONE : MAP_FAULT_BOOLEAN;
    case TARGET_TYPE_LONGITUDE:
        return validate_degrees(text, 180, &value->number) ? MAP_FAULT_NONE : MAP_FAULT_DEGREES;
    case TARGET_TYPE_LATITUDE:
        return validate_degrees(text, 90, &value->number) ? MAP_FAULT_NONE : MAP_FAULT_DEGREES;
    case TARGET_TYPE_CHOICE:
        return choose(spec->choices, text, &value->number) ? MAP_FAULT_NONE : MAP_FAULT_CHOICE;
    }
    return MAP_FAULT_NONE;
}

static const char *expectation(const struct target_spec *spec, const struct rule *rule)
{
    static const char *const texts[] = {
        [TARGET_TYPE_TEXT] = "text",
        [TARGET_TYPE_ID] = "an id with all its digits; a spreadsheet has rounded this one",
        [TARGET_TYPE_ADDRESS] = "area/org or area/org#seat",
        [TARGET_TYPE_AREA] = "an area code of 6, 9 or 12 digits",
        [TARGET_TYPE_MATTER] = "a matter code such as NOISE.CONSTRUCTION",
        [TARGET_TYPE_BOOLEAN] = "true or false",
        [TARGET_TYPE_LONGITUDE] = "decimal degrees up to 180 with at most 7 decimals",
        [TARGET_TYPE_LATITUDE] = "decimal degrees up to 90 with at most 7 decimals",
        [TARGET_TYPE_CHOICE] = "one of the words the field knows",
    };
    return spec->type == TARGET_TYPE_TIME ? rule->time_format : texts[spec->type];
}

static enum map_fault map_target(const struct map *map, const struct map_input *input, enum target target, struct map_record *record)
{
    const struct target_spec *spec = &target_specs[target];
    const struct rule *rule = &map->rules[target];
    struct map_value *value = &record->values[target];
    value->number = 0;
    enum map_fault result = evaluate(rule, input, spec->key, &value->text, record);
    if (result != MAP_FAULT_NONE)
        return result;
    if (value->text.size == 0 && spec->initial)
        text_add_string(&value->text, spec->initial);
    if (value->text.size == 0)
        return spec->required ? fault(record, MAP_FAULT_MISSING, "%s: is empty; every case needs it", spec->key) : MAP_FAULT_NONE;
    if (value->text.size > spec->size_max && spec->type != TARGET_TYPE_AREA)
        return fault(record, MAP_FAULT_SIZE, "%s: %zu bytes; at most %zu", spec->key, value->text.size, spec->size_max);
    result = check_value(map, input, spec, rule, value);
    if (result == MAP_FAULT_NONE)
        return MAP_FAULT_NONE;
    return fault(record, result, "%s: found \"%.100s\"; expected %s", spec->key, text_string(&value->text), expectation(spec, rule));
}
