/* A table in columns for people. */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 12

enum table_colour { TABLE_PLAIN, TABLE_GOOD, TABLE_BAD, TABLE_FAINT, TABLE_BOLD };

struct table_column {
    const char *title;
    bool right; /* numbers */
};

struct table;

/* columns is borrowed for the life of the table. NULL without memory. */
struct table *table_new(const struct table_column *columns, size_t column_count);
struct table *table_free(struct table *table);

/* Puts a cell; full rows follow each other. The text is copied and made printable. Memory running out shows at table_print. */
void table_cell(struct table *table, enum table_colour colour, const char *text);
void __attribute__((format(printf, 3, 4))) table_cell_format(struct table *table, enum table_colour colour, const char *format, ...);

/* False without memory. Colours only if file is a terminal and NO_COLOR is not set. */
bool table_print(const struct table *table, FILE *file);

/* The escape sequences for one colour, or "" when file gets none. */
const char *table_colour_on(enum table_colour colour, FILE *file);
const char *table_colour_off(FILE *file);

#endif
