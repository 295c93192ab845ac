/* The compiled mapping: shared by map.c (rows) and rules.c (configuration), nobody else. */
#ifndef CSV_RULES_H
#define CSV_RULES_H

#include "map.h"

struct table_entry {
    const char *key, *value; /* borrowed from the table */
};

struct table {
    char *name;
    char **texts;                /* keys and values, owned */
    struct table_entry *entries; /* sorted by key */
    size_t count;
};

enum part_type { PART_LITERAL, PART_COLUMN, PART_FILE, PART_DIGEST, PART_ROW, PART_LINE };

struct part {
    enum part_type type;
    char *text;      /* the literal, or the column's name */
    size_t column;   /* after map_bind */
};

struct rule {
    bool given;
    struct part *parts;
    size_t parts_count;
    const struct table *table;   /* or NULL */
    char *otherwise;             /* the default, or NULL */
    char *time_format;           /* of times */
};

struct map {
    struct rule rules[TARGET_COUNT];
    struct rule field_rules[MAP_FIELDS_MAX];
    char *field_names[MAP_FIELDS_MAX];
    size_t fields_count;
    struct table *tables;
    size_t tables_count;
    size_t columns_count;        /* of the header, after map_bind */
    char *zone;
};

struct target_spec {
    const char *key;
    enum target_type type;
    bool required;
    size_t size_max;
    const char *initial;
    const char *const *choices;
};

extern const struct target_spec target_specs[TARGET_COUNT];

const char *table_find(const struct table *table, const char *key); /* NULL: not there */

#endif
