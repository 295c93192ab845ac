#include "work.h"

#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int set_fault(struct rows *rows, const struct reader_row *row, const char *reason, struct rows_fault *ret_fault, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
static int decode_columns(struct rows *rows, const struct reader_row *row, struct rows_fault *ret_fault);
static int read_header(struct rows *rows, const struct config *config, struct rows_fault *ret_fault);

int rows_open(struct rows *rows, int fd, const struct config *config, const char *name, const char *digest_text, struct rows_fault *ret_fault)
{
    struct reader_limits limits = { config_delimiter(config), (size_t)config->row_bytes_max, (size_t)config->field_bytes_max, (size_t)config->columns_max };
    *rows = (struct rows){ .fd = fd, .reader = reader_new(fd, &limits), .decoder = charset_decoder_new((enum charset)config->charset),
                           .columns_max = limits.columns_max, .digest_text = digest_text };
    snprintf(rows->name, sizeof rows->name, "%s", name);
    rows->columns = calloc(limits.columns_max, sizeof *rows->columns);
    rows->offsets = calloc(limits.columns_max, sizeof *rows->offsets);
    int r = rows->reader && rows->columns && rows->offsets ? 0 : -ENOMEM;
    if (r == 0 && !rows->decoder)
        r = -EOPNOTSUPP;
    if (r == 0)
        r = read_header(rows, config, ret_fault);
    if (r < 0)
        rows_close(rows);
    return r;
}

void rows_close(struct rows *rows)
{
    rows->reader = reader_free(rows->reader);
    rows->decoder = charset_decoder_free(rows->decoder);
    buf_deinit(&rows->text);
    free(rows->columns);
    free(rows->offsets);
    if (rows->fd >= 0)
        close(rows->fd);
    *rows = (struct rows){ .fd = -1 };
}

static int set_fault(struct rows *rows, const struct reader_row *row, const char *reason, struct rows_fault *ret_fault, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(ret_fault->explanation, sizeof ret_fault->explanation, format, arguments);
    va_end(arguments);
    ret_fault->entry = (struct quarantine_entry){ rows->name, row->line, row->number, reason, ret_fault->explanation, row->raw };
    return ROWS_BAD;
}

/* Every column in its own NUL-terminated string. Offsets first: the text moves while it grows. */
static int decode_columns(struct rows *rows, const struct reader_row *row, struct rows_fault *ret_fault)
{
    rows->text.size = 0;
    for (size_t i = 0; i < row->fields_count; i++) {
        size_t good = 0;
        rows->offsets[i] = rows->text.size;
        enum charset_fault fault = charset_decode(rows->decoder, row->fields[i], &rows->text, &good);
        if (fault == CHARSET_FAULT_INVALID)
            return set_fault(rows, row, charset_fault_code(fault), ret_fault, "column %zu, after %zu bytes: %s", i + 1, good, charset_fault_text(fault));
        if (fault != CHARSET_FAULT_NONE)
            return set_fault(rows, row, charset_fault_code(fault), ret_fault, "column %zu: %s", i + 1, charset_fault_text(fault));
        buf_append(&rows->text, "", 1);
    }
    for (size_t i = 0; i < row->fields_count; i++)
        rows->columns[i] = (char *)rows->text.data + rows->offsets[i];
    return ROWS_GOOD;
}

/* Names are compared without spaces around them. */
static void trim_names(struct rows *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *name = (char *)rows->text.data + rows->offsets[i];
        name += strspn(name, " \t\r\n");
        size_t size = strlen(name);
        while (size > 0 && strchr(" \t\r\n", name[size - 1]))
            name[--size] = 0;
        rows->columns[i] = name;
    }
}

/* Columns that no rule reads never leave the file; that they were there is told, so that nobody wonders. */
static void tell_unused(const struct rows *rows, const struct config *config, size_t count)
{
    struct text names = { 0 };
    for (size_t i = 0; i < count; i++)
        if (!map_uses_column(config->map, i))
            text_add_field(&names, rows->columns[i]);
    if (names.size > 0)
        log_line(LOG_LEVEL_INFO, "file.columns_left_out", "file", rows->name, "columns", text_string(&names), NULL);
    text_deinit(&names);
}

static int refuse(struct rows *rows, const struct reader_row *row, const char *reason, const char *text, struct rows_fault *ret_fault)
{
    set_fault(rows, row, reason, ret_fault, "%s", text);
    return ROWS_REFUSED;
}

static bool is_utf_16(struct rows *rows)
{
    return reader_skip_mark(rows->reader, qiao_bytes("\xff\xfe", 2)) || reader_skip_mark(rows->reader, qiao_bytes("\xfe\xff", 2));
}

static int read_header(struct rows *rows, const struct config *config, struct rows_fault *ret_fault)
{
    char text[512];
    struct reader_row row = { .line = 1 };
    if (!reader_skip_mark(rows->reader, charset_mark((enum charset)config->charset)) && is_utf_16(rows))
        return refuse(rows, &row, "FILE_UTF_16", "the file is UTF-16; file.charset must be UTF-8 or GB18030", ret_fault);
    int r = reader_next(rows->reader, &row);
    if (r < 0)
        return r;
    if (r == 0)
        return refuse(rows, &row, "FILE_EMPTY", "the file has no header line", ret_fault);
    if (row.fault != READER_FAULT_NONE)
        return refuse(rows, &row, "FILE_HEADER", reader_fault_text(row.fault), ret_fault);
    if (decode_columns(rows, &row, ret_fault) != ROWS_GOOD)
        return refuse(rows, &row, "FILE_HEADER", "the header line is not valid in file.charset", ret_fault);
    trim_names(rows, row.fields_count);
    if (!map_bind(config->map, rows->columns, row.fields_count, text, sizeof text))
        return refuse(rows, &row, "FILE_COLUMNS", text, ret_fault);
    tell_unused(rows, config, row.fields_count);
    return ROWS_GOOD;
}

int rows_next(struct rows *rows, const struct config *config, struct map_record *record, struct reader_row *ret_row, struct rows_fault *ret_fault)
{
    int r = reader_next(rows->reader, ret_row);
    if (r <= 0)
        return r;
    if (ret_row->fault != READER_FAULT_NONE)
        return set_fault(rows, ret_row, reader_fault_code(ret_row->fault), ret_fault, "%s", reader_fault_text(ret_row->fault));
    r = decode_columns(rows, ret_row, ret_fault);
    if (r != ROWS_GOOD)
        return r;
    struct map_input input = { rows->name, rows->digest_text, ret_row->number, ret_row->line, rows->columns, ret_row->fields_count };
    enum map_fault fault = map_row(config->map, &input, record);
    if (fault != MAP_FAULT_NONE)
        return set_fault(rows, ret_row, map_fault_code(fault), ret_fault, "%s", record->fault_text);
    return ROWS_GOOD;
}
