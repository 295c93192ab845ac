#include "table.h"

#include "text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cell {
    char *text;
    size_t width;
    enum table_colour colour;
};

struct table {
    const struct table_column *columns;
    size_t column_count;
    struct cell *cells;
    size_t count, room;
    size_t widths[TABLE_COLUMNS_MAX];
    bool failed;
};

static void print_row(const struct table *table, const struct cell *cells, FILE *file);

struct table *table_new(const struct table_column *columns, size_t column_count)
{
    struct table *table = column_count <= TABLE_COLUMNS_MAX ? calloc(1, sizeof(*table)) : NULL;

    if (!table)
        return NULL;
    table->columns = columns;
    table->column_count = column_count;
    for (size_t i = 0; i < column_count; i++)
        table_cell(table, TABLE_BOLD, columns[i].title);
    return table;
}

struct table *table_free(struct table *table)
{
    for (size_t i = 0; table && i < table->count; i++)
        free(table->cells[i].text);
    if (table)
        free(table->cells);
    free(table);
    return NULL;
}

static bool make_room(struct table *table)
{
    size_t room = table->room ? table->room * 2 : 64;
    struct cell *cells;

    if (table->count < table->room)
        return true;
    cells = reallocarray(table->cells, room, sizeof(*cells));
    if (!cells)
        return false;
    table->cells = cells;
    table->room = room;
    return true;
}

void table_cell(struct table *table, enum table_colour colour, const char *text)
{
    size_t column = table->count % table->column_count;
    struct cell *cell;

    if (table->failed || !make_room(table)) {
        table->failed = true;
        return;
    }
    cell = &table->cells[table->count];
    cell->text = text_printable(text, strlen(text));
    if (!cell->text) {
        table->failed = true;
        return;
    }
    table->count++;
    cell->width = text_width(cell->text);
    cell->colour = colour;
    if (cell->width > table->widths[column])
        table->widths[column] = cell->width;
}

void table_cell_format(struct table *table, enum table_colour colour, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    table_cell(table, colour, text);
}

bool table_print(const struct table *table, FILE *file)
{
    if (table->failed)
        return false;
    for (size_t i = 0; i + table->column_count <= table->count; i += table->column_count)
        print_row(table, &table->cells[i], file);
    return true;
}

static void print_row(const struct table *table, const struct cell *cells, FILE *file)
{
    for (size_t i = 0; i < table->column_count; i++) {
        int padding = (int)(table->widths[i] - cells[i].width);
        bool last = i + 1 == table->column_count;
        if (table->columns[i].right)
            fprintf(file, "%*s", padding, "");
        fprintf(file, "%s%s%s", table_colour_on(cells[i].colour, file), cells[i].text,
                cells[i].colour == TABLE_PLAIN ? "" : table_colour_off(file));
        if (!last)
            fprintf(file, "%*s  ", table->columns[i].right ? 0 : padding, "");
    }
    fputc('\n', file);
}

static bool has_colours(FILE *file)
{
    const char *no_color = getenv("NO_COLOR");

    return !(no_color && *no_color) && isatty(fileno(file));
}

const char *table_colour_on(enum table_colour colour, FILE *file)
{
    static const char *const sequences[] = {
        [TABLE_PLAIN] = "", [TABLE_GOOD] = "\x1b[32m", [TABLE_BAD] = "\x1b[31m", [TABLE_FAINT] = "\x1b[2m", [TABLE_BOLD] = "\x1b[1m",
    };

    return has_colours(file) ? sequences[colour] : "";
}

const char *table_colour_off(FILE *file)
{
    return has_colours(file) ? "\x1b[0m" : "";
}
