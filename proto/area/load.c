#include "area/load.h"

#include "area/sheet.h"
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#define LIST_MAX AREA_SUCCESSORS_MAX /* items of one field */
#define ALIASES_SIZE_MAX 2000u

enum column { COLUMN_CODE, COLUMN_NAME, COLUMN_LEVEL, COLUMN_PARENT, COLUMN_FROM, COLUMN_TO, COLUMN_SUCCESSORS, COLUMN_ALIASES, COLUMNS };

static const char *const column_names[COLUMNS][3] = {
    { "code", "代码", "区划代码" }, { "name", "名称", "区划名称" }, { "level", "级别", "层级" }, { "parent", "上级", "上级代码" },
    { "valid_from", "生效日期", "启用日期" }, { "valid_to", "失效日期", "停用日期" }, { "successors", "后继", "后继代码" }, { "aliases", "别名", "曾用名" },
};

/* Where a row stands, to say so when the table finds fault with it. */
struct place {
    const uint8_t *at;             /* in the file */
    uint32_t line;
};

struct load {
    struct sheet sheet;
    struct sheet_line line;
    size_t columns[COLUMNS];       /* which field; SIZE_MAX: none */
    size_t fields_count;           /* of the first line */
    struct area_row *rows;         /* owned */
    struct place *places;          /* owned, one a row */
    size_t rows_count, rows_capacity;
    struct arena arena;            /* lists of rows */
    struct qiao_bytes file;
    enum charset charset;
    struct area_errors *errors;
};

/* ---- errors ---- */

static struct area_error *add_error(struct area_errors *errors)
{
    errors->total++;
    if (errors->count == AREA_ERRORS_MAX) return NULL;
    if (!errors->items) errors->items = base_zalloc(AREA_ERRORS_MAX * sizeof *errors->items);
    return &errors->items[errors->count++];
}

/* Characters before that byte, and one. */
static uint32_t column_of(struct qiao_bytes text, size_t at)
{
    uint32_t column = 1;
    for (size_t i = 0; i < at && i < text.size; i++) column += (text.data[i] & 0xc0) != 0x80;
    return column;
}

static void __attribute__((format(printf, 3, 4))) fail_at(struct load *load, size_t at, const char *format, ...)
{
    va_list arguments;
    struct area_error *error = add_error(load->errors);
    if (!error) return;
    error->line = load->line.number;
    error->column = column_of(load->line.text, at);
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
}

static int printed(struct qiao_bytes value)
{
    size_t size = value.size < 60 ? value.size : 60;
    while (size > 0 && size < value.size && (value.data[size] & 0xc0) == 0x80) size--; /* no half characters */
    return (int)size;
}

#define VALUE(bytes) printed(bytes), (const char *)(bytes).data

static struct qiao_bytes field(const struct load *load, enum column column)
{
    size_t index = load->columns[column];
    return index < load->line.fields_count ? load->line.fields[index] : qiao_bytes("", 0);
}

static size_t field_at(const struct load *load, enum column column)
{
    size_t index = load->columns[column];
    return index < load->line.fields_count ? load->line.fields_at[index] : 0;
}

void area_errors_deinit(struct area_errors *errors)
{
    free(errors->items);
    *errors = (struct area_errors){ 0 };
}

/* ---- the first line ---- */

static enum column column_named(struct qiao_bytes name)
{
    for (enum column c = 0; c < COLUMNS; c++)
        for (size_t i = 0; i < 3; i++)
            if (qiao_bytes_equal(name, qiao_bytes_from_string(column_names[c][i]))) return c;
    return COLUMNS;
}

static bool read_header(struct load *load)
{
    size_t before = load->errors->total;
    for (enum column c = 0; c < COLUMNS; c++) load->columns[c] = SIZE_MAX;
    for (size_t i = 0; i < load->line.fields_count; i++) {
        struct qiao_bytes name = load->line.fields[i];
        enum column column = column_named(name);
        if (column == COLUMNS && (name.size == 0 || name.data[0] == '#')) continue;
        if (column == COLUMNS)
            fail_at(load, load->line.fields_at[i], "\"%.*s\" is no column: there are code, name, level, parent, valid_from, valid_to, successors and aliases; "
                    "put a # before the name to leave it out", VALUE(name));
        else if (load->columns[column] != SIZE_MAX) fail_at(load, load->line.fields_at[i], "column \"%.*s\" is there twice; take one out", VALUE(name));
        else load->columns[column] = i;
    }
    if (load->columns[COLUMN_CODE] == SIZE_MAX) fail_at(load, 0, "no column is called code; the first line names the columns, code must be one of them");
    load->fields_count = load->line.fields_count;
    return load->errors->total == before;
}

/* ---- values ---- */

static bool read_code(struct load *load, enum column column, struct qiao_bytes value, bool required, struct area_code *ret_code)
{
    *ret_code = (struct area_code){ 0 };
    if (value.size == 0 && !required) return true;
    enum area_code_fault fault = area_code_read_unit(value, ret_code);
    if (fault != AREA_CODE_FAULT_NONE) fail_at(load, field_at(load, column), "%s \"%.*s\" %s", column_names[column][0], VALUE(value), area_code_fault_text(fault));
    return fault == AREA_CODE_FAULT_NONE;
}

static bool read_day(struct load *load, enum column column, int32_t *ret_day)
{
    struct qiao_bytes value = field(load, column);
    *ret_day = AREA_DAY_NONE;
    if (value.size == 0 || area_day_read(value, ret_day)) return true;
    fail_at(load, field_at(load, column), "%s \"%.*s\" is no day from 1900 to 2078; write 2021-04-01 or 20210401", column_names[column][0], VALUE(value));
    return false;
}

static bool read_level(struct load *load, enum area_level *ret_level)
{
    struct qiao_bytes value = field(load, COLUMN_LEVEL);
    *ret_level = (enum area_level)0;
    if (value.size == 0) return true;
    for (enum area_level level = AREA_LEVEL_PROVINCE; level <= AREA_LEVEL_COMMUNITY; level++)
        if (qiao_bytes_equal(value, qiao_bytes_from_string(area_level_name(level))) || (value.size == 1 && value.data[0] == '0' + (int)level)) *ret_level = level;
    if (*ret_level) return true;
    fail_at(load, field_at(load, COLUMN_LEVEL), "level \"%.*s\" is none of province, city, district, street, community, nor 1 to 5; leave it empty to go by the digits", VALUE(value));
    return false;
}

/* The part of a field up to the next separator; false at the end. */
static bool next_item(struct qiao_bytes *left, const char *separators, struct qiao_bytes *ret_item)
{
    size_t size = 0;
    while (left->size > 0 && strchr(separators, left->data[0]) && left->data[0]) *left = qiao_bytes(left->data + 1, left->size - 1);
    while (size < left->size && !(left->data[size] && strchr(separators, left->data[size]))) size++;
    *ret_item = qiao_bytes(left->data, size);
    *left = qiao_bytes(left->data + size, left->size - size);
    return size > 0;
}

static bool read_relation(struct qiao_bytes word, enum area_relation *ret_relation)
{
    for (enum area_relation r = AREA_RELATION_MERGE; r <= AREA_RELATION_RESUBORDINATE; r++) {
        const char *name = area_relation_name(r);
        size_t i = 0;
        while (i < word.size && name[i] && (word.data[i] & ~0x20) == name[i]) i++;
        *ret_relation = r;
        if (i == word.size && !name[i]) return true;
    }
    return false;
}

/* "0.4", "1" or "40%" in ten thousandths. */
static bool read_share(struct qiao_bytes word, uint16_t *ret_share)
{
    bool percent = word.size > 0 && word.data[word.size - 1] == '%', point = false;
    uint32_t value = 0, unit = percent ? 100 : 10000;
    size_t size = word.size - percent;
    if (size == 0 || size > 6) return false;
    for (size_t i = 0; i < size; i++) {
        uint8_t c = word.data[i];
        if (c == '.' && !point && i + 1 < size) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9' || (point && unit == 1)) return false;
        value = value * 10 + (uint32_t)(c - '0');
        if (point) unit /= 10;
    }
    if (value > AREA_SHARE_WHOLE || value * unit > AREA_SHARE_WHOLE || value == 0) return false;
    *ret_share = (uint16_t)(value * unit);
    return true;
}

static bool read_successor(struct load *load, struct qiao_bytes item, struct area_successor *successor, bool *ret_told)
{
    struct qiao_bytes left = item, word;
    *ret_told = false;
    next_item(&left, ":", &word);
    if (!read_code(load, COLUMN_SUCCESSORS, word, true, &successor->code)) return false;
    if (!next_item(&left, ":", &word)) return true;
    *ret_told = true;
    if (!read_relation(word, &successor->relation)) {
        fail_at(load, field_at(load, COLUMN_SUCCESSORS), "relation \"%.*s\" of a successor is none of MERGE, SPLIT, RENAME, RESUBORDINATE", VALUE(word));
        return false;
    }
    if (!next_item(&left, ":", &word) || (read_share(word, &successor->share) && left.size == 0)) return true;
    fail_at(load, field_at(load, COLUMN_SUCCESSORS), "share in \"%.*s\" is none; write 0.4 or 40%%, at most the whole", VALUE(item));
    return false;
}

/* Copies of a list that lives as long as the load. */
static void *keep(struct load *load, const void *items, size_t size)
{
    return size > 0 ? memcpy(arena_alloc(&load->arena, size), items, size) : NULL;
}

static bool too_many(struct load *load, enum column column, size_t count)
{
    if (count < LIST_MAX) return false;
    fail_at(load, field_at(load, column), "%s are more than %u", column_names[column][0], LIST_MAX);
    return true;
}

static bool read_successors(struct load *load, struct area_row *row)
{
    struct area_successor successors[LIST_MAX] = { 0 };
    struct qiao_bytes left = field(load, COLUMN_SUCCESSORS), item;
    bool told[LIST_MAX];
    size_t count = 0;
    for (; next_item(&left, "|;", &item); count++)
        if (too_many(load, COLUMN_SUCCESSORS, count) || !read_successor(load, item, &successors[count], &told[count])) return false;
    for (size_t i = 0; i < count; i++)
        if (!told[i]) successors[i].relation = count == 1 ? AREA_RELATION_MERGE : AREA_RELATION_SPLIT;
    row->successors = keep(load, successors, count * sizeof *successors);
    row->successors_count = count;
    return true;
}

/* What reads as a code is one; everything else is a name. */
static bool read_aliases(struct load *load, struct area_row *row)
{
    struct qiao_bytes left = field(load, COLUMN_ALIASES), item;
    struct area_code codes[LIST_MAX];
    uint8_t names[ALIASES_SIZE_MAX];
    size_t codes_count = 0, names_size = 0;
    while (next_item(&left, "|;", &item)) {
        struct area_code code;
        if (area_code_read(item, &code) == AREA_CODE_FAULT_NONE) {
            if (too_many(load, COLUMN_ALIASES, codes_count)) return false;
            codes[codes_count++] = code;
            continue;
        }
        if (names_size + item.size + 1 > sizeof names || memchr(item.data, '\n', item.size)) {
            fail_at(load, field_at(load, COLUMN_ALIASES), "aliases are larger than %u bytes, or hold a line end", ALIASES_SIZE_MAX);
            return false;
        }
        memcpy(names + names_size, item.data, item.size);
        names_size += item.size;
        names[names_size++] = '\n';
    }
    row->codes = keep(load, codes, codes_count * sizeof *codes);
    row->codes_count = codes_count;
    row->aliases = qiao_bytes(keep(load, names, names_size), names_size);
    return true;
}

static bool read_name(struct load *load, struct area_row *row)
{
    row->name = field(load, COLUMN_NAME);
    if (row->name.size <= AREA_NAME_SIZE_MAX && !(row->name.size > 0 && memchr(row->name.data, '\n', row->name.size))) return true;
    fail_at(load, field_at(load, COLUMN_NAME), "name \"%.*s…\" is longer than %u bytes, or holds a line end", VALUE(row->name), AREA_NAME_SIZE_MAX);
    return false;
}

/* ---- rows ---- */

static void add_row(struct load *load, const struct area_row *row, const uint8_t *at)
{
    if (load->rows_count == load->rows_capacity) {
        load->rows_capacity = load->rows_capacity ? load->rows_capacity * 2 : 1024;
        load->rows = base_realloc(load->rows, load->rows_capacity * sizeof *load->rows);
        load->places = base_realloc(load->places, load->rows_capacity * sizeof *load->places);
    }
    load->places[load->rows_count] = (struct place){ at, load->line.number };
    load->rows[load->rows_count++] = *row;
}

static void read_row(struct load *load, const uint8_t *at)
{
    struct area_row row = { 0 };
    if (load->line.fields_count > load->fields_count) {
        fail_at(load, load->line.fields_at[load->fields_count], "the line has %zu fields, the first one %zu", load->line.fields_count, load->fields_count);
        return;
    }
    bool good = read_code(load, COLUMN_CODE, field(load, COLUMN_CODE), true, &row.code);
    good &= read_name(load, &row);
    good &= read_level(load, &row.level);
    good &= read_code(load, COLUMN_PARENT, field(load, COLUMN_PARENT), false, &row.parent);
    good &= read_day(load, COLUMN_FROM, &row.valid_from);
    good &= read_day(load, COLUMN_TO, &row.valid_to);
    good &= read_successors(load, &row);
    good &= read_aliases(load, &row);
    row.parent_is_given = row.parent.value != 0;
    if (good) add_row(load, &row, at);
}

static bool next_line(struct load *load, const uint8_t **ret_at)
{
    for (;;) {
        const uint8_t *at = load->sheet.left.data;
        if (!sheet_next(&load->sheet, &load->line)) return false;
        *ret_at = at;
        if (!load->line.fault) return true;
        fail_at(load, load->line.fault_at, "the line %s", load->line.fault);
    }
}

static void read_rows(struct load *load)
{
    const uint8_t *at;
    if (!next_line(load, &at)) {
        if (load->errors->total == 0) fail_at(load, 0, "the file is empty; the first line names the columns");
        return;
    }
    if (!read_header(load)) return;
    while (next_line(load, &at)) read_row(load, at);
    if (load->rows_count == 0 && load->errors->total == 0) fail_at(load, 0, "the file has no area, only names of columns");
}

/* ---- the table's own faults ---- */

/* Reads the row's line once more to say where the column stands. */
static void fail_row(void *context, size_t row, enum area_fault fault, struct area_code other)
{
    struct load *load = context;
    const struct place *place = &load->places[row];
    struct sheet again;
    char code[AREA_CODE_DIGITS_MAX + 1], other_code[AREA_CODE_DIGITS_MAX + 1], text[300];
    size_t left = load->file.size - (size_t)(place->at - load->file.data);
    area_code_write(load->rows[row].code, code);
    area_code_write(other, other_code);
    const char *form = area_fault_text(fault), *hole = strstr(form, "%s");
    if (hole) snprintf(text, sizeof text, "%.*s%s%s", (int)(hole - form), form, other_code, hole + 2);
    else snprintf(text, sizeof text, "%s", form);
    load->line.number = place->line;
    if (load->errors->count < AREA_ERRORS_MAX && sheet_open(&again, qiao_bytes(place->at, left < SHEET_LINE_SIZE_MAX ? left : SHEET_LINE_SIZE_MAX), load->charset)) {
        again.delimiter = load->sheet.delimiter;
        if (!sheet_next(&again, &load->line)) load->line.text = qiao_bytes("", 0);
        load->line.number = place->line;
        fail_at(load, field_at(load, column_named(qiao_bytes_from_string(area_fault_column(fault)))), "area %s %s", code, text);
        sheet_close(&again);
    } else {
        load->errors->total++;
    }
}

static int by_line(const void *a, const void *b)
{
    const struct area_error *one = a, *other = b;
    if (one->line != other->line) return one->line < other->line ? -1 : 1;
    return one->column < other->column ? -1 : one->column > other->column;
}

/* As some spreadsheets export "Unicode text". */
static bool is_utf_16(struct qiao_bytes file)
{
    return file.size >= 2 && (memcmp(file.data, "\xff\xfe", 2) == 0 || memcmp(file.data, "\xfe\xff", 2) == 0);
}

static struct area_table *build(struct load *load)
{
    /* Rows that could not be read are missing to others: what those lack would be told wrongly. */
    if (load->errors->total > 0) return NULL;
    return area_table_new(load->rows, load->rows_count, fail_row, load);
}

struct area_table *area_load(struct qiao_bytes file, enum charset charset, struct area_errors *ret_errors)
{
    struct load load = { .file = file, .charset = charset, .errors = ret_errors };
    struct area_table *table = NULL;
    load.line.number = 1;
    if (is_utf_16(file)) {
        fail_at(&load, 0, "the file is UTF-16; export it as UTF-8 or GB18030");
    } else if (!sheet_open(&load.sheet, file, charset)) {
        fail_at(&load, 0, "this machine cannot convert %s; install the C library's converters", charset_names[charset]);
    } else {
        arena_init(&load.arena, SIZE_MAX);
        read_rows(&load);
        table = build(&load);
        arena_deinit(&load.arena);
        sheet_close(&load.sheet);
    }
    if (ret_errors->count > 1) qsort(ret_errors->items, ret_errors->count, sizeof *ret_errors->items, by_line);
    free(load.rows);
    free(load.places);
    return table;
}
