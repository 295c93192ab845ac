/* From the columns of a row to the fields of a case, as the configuration says. Pure: no files, no clock.
 *
 * A rule is a template ("{column}" stands for a column, "{{" for a brace; {:file} {:digest} {:row} {:line} are always there; it is empty
 * if all of its columns are), then possibly a look-up in a table, then a default for what is empty or not in the table, then the check of the target's type. */
#ifndef CSV_MAP_H
#define CSV_MAP_H

#include "base/text.h"
#include "base/yaml.h"
#include "target.h"

#include <stdbool.h>
#include <stdint.h>

#define MAP_FIELDS_MAX 32 /* of CaseOpen.fields */

/* X(name, code in the quarantine file) */
#define MAP_FAULT_MAP(X)         \
    X(NONE, "OK")                \
    X(COLUMNS, "COLUMNS")        \
    X(MISSING, "MISSING")        \
    X(LOOKUP, "LOOKUP")          \
    X(SIZE, "SIZE")              \
    X(ROUNDED, "ROUNDED_NUMBER") \
    X(AREA, "AREA")              \
    X(ADDRESS, "ADDRESS")        \
    X(MATTER, "MATTER")          \
    X(TIME, "TIME")              \
    X(BOOLEAN, "BOOLEAN")        \
    X(DEGREES, "DEGREES")        \
    X(CHOICE, "CHOICE")

enum map_fault {
#define X(name, code) MAP_FAULT_##name,
    MAP_FAULT_MAP(X)
#undef X
};

const char *map_fault_code(enum map_fault fault);

struct map;

/* A row whose charset has been decoded. */
struct map_input {
    const char *file, *digest;  /* name of the file; hexadecimal digest of its content */
    uint64_t row, line;
    const char *const *columns;
    size_t columns_count;
};

struct map_value {
    struct text text;   /* normalised; empty if not given */
    int64_t number;     /* milliseconds, degrees times 10 000 000, 0 or 1, or the index of the choice */
};

struct map_record {
    struct map_value values[TARGET_COUNT];
    struct text fields[MAP_FIELDS_MAX]; /* values of the additional fields; empty ones are left out of the case */
    char fault_text[512];               /* which target, which column, what is wrong; content only as far as it is needed to mend it */
};

/* Compiles the sections tables, case and fields of a configuration; zone is used for times. NULL after printed problems. */
struct map *map_new(struct yaml *yaml, const char *zone);
struct map *map_free(struct map *map); /* returns NULL */

/* Finds the columns by the names of the header line. False, with a sentence, if one is missing or there twice. */
bool map_bind(struct map *map, const char *const *names, size_t count, char *reterr_text, size_t reterr_size);
/* True if a rule reads the column; for telling which columns are left out. After map_bind. */
bool map_uses_column(const struct map *map, size_t column);

/* record is reused from row to row. On a fault record->fault_text says more. */
enum map_fault map_row(const struct map *map, const struct map_input *input, struct map_record *record);
void map_record_deinit(struct map_record *record);

size_t map_fields_count(const struct map *map);
const char *map_field_name(const struct map *map, size_t index);

const char *map_target_key(enum target target);

#endif
