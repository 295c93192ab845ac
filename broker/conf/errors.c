#include "errors.h"

#include <stdlib.h>
#include <string.h>

static struct conf_error *append(struct conf_errors *errors)
{
    if (errors->count == CONF_ERRORS_MAX)
        return NULL;
    if ((errors->count & (errors->count - 1)) == 0) { /* 0 or a power of two: full */
        size_t capacity = errors->count == 0 ? 1 : errors->count * 2;
        struct conf_error *items = realloc(errors->items, capacity * sizeof *items);
        if (!items) {
            errors->out_of_memory = true;
            return NULL;
        }
        errors->items = items;
    }
    return memset(&errors->items[errors->count++], 0, sizeof *errors->items);
}

void conf_errors_add(struct conf_errors *errors, struct conf_place place, const char *key, const char *format, ...)
{
    struct conf_error *error = append(errors);
    if (!error)
        return;
    error->line = place.line;
    error->column = place.column;
    (void)snprintf(error->file, sizeof error->file, "%s", place.file);
    (void)snprintf(error->key, sizeof error->key, "%s", key);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
}

void conf_errors_deinit(struct conf_errors *errors)
{
    free(errors->items);
    *errors = (struct conf_errors){ 0 };
}

static bool belongs_before(const struct conf_error *a, const struct conf_error *b)
{
    if (strcmp(a->file, b->file) != 0)
        return false;
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

/* Insertion within the run of one file: stable, and there are few. */
void conf_errors_sort(struct conf_errors *errors)
{
    for (size_t i = 1; i < errors->count; i++) {
        struct conf_error moved = errors->items[i];
        size_t to = i;
        while (to > 0 && strcmp(moved.file, errors->items[to - 1].file) != 0)
            to--;
        if (to == 0)
            continue; /* the first error of its file */
        memmove(&errors->items[to + 1], &errors->items[to], (i - to) * sizeof moved);
        while (to > 0 && belongs_before(&moved, &errors->items[to - 1])) {
            errors->items[to] = errors->items[to - 1];
            to--;
        }
        errors->items[to] = moved;
    }
}

const char *conf_quote(const char *text, char out[CONF_QUOTE_SIZE])
{
    size_t used = 0;
    out[used++] = '"';
    size_t i = 0;
    for (; text[i] && used < CONF_QUOTE_SIZE - 8; i++) {
        unsigned char c = (unsigned char)text[i];
        out[used++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    if (text[i]) { /* cut: not in the middle of a character */
        while (used > 1 && ((unsigned char)text[i] & 0xc0) == 0x80) {
            used--;
            i--;
        }
        memcpy(out + used, "...", 3);
        used += 3;
    }
    out[used++] = '"';
    out[used] = '\0';
    return out;
}

void conf_error_print(const struct conf_error *error, FILE *out)
{
    fprintf(out, "%s:", error->file);
    if (error->line > 0)
        fprintf(out, "%d:%d:", error->line, error->column);
    if (error->key[0])
        fprintf(out, " %s:", error->key);
    fprintf(out, " %s\n", error->text);
}
