/* The table of areas: built once from rows, then only read. Each area has a code for ever (GB/T 2260 codes are voided, never given again),
 * a name, a unit above it, days of validity, and areas that took over when it was voided.
 *
 * Memory, all in: 24 bytes an area and about 2 for the index, and its name once however many areas bear it (tests/bench says how much that is
 * for a country). A lookup reads one place of the index, which is small enough for caches; most codes are resolved from it alone. */
#ifndef AREA_TABLE_H
#define AREA_TABLE_H

#include "area/code.h"

/* Days since 1970-01-01 in China (UTC+8, no summer time): what the law means by a day. From 1900 to 2078. */
#define AREA_DAY_NONE INT32_MIN
#define AREA_DAY_MIN (-25567)
#define AREA_DAY_MAX 39900

static inline int32_t area_day_of(uint64_t wall_ms) { return (int32_t)((wall_ms + 8 * 3600000u) / 86400000u); }
/* "2021-04-01" or "20210401". False: neither, or no day of the calendar, or out of range. */
bool area_day_read(struct qiao_bytes text, int32_t *ret_day);
/* "2021-04-01", or "" for AREA_DAY_NONE. */
#define AREA_DAY_SIZE 12u
void area_day_write(int32_t day, char ret_text[AREA_DAY_SIZE]);

enum area_level { AREA_LEVEL_PROVINCE = 1, AREA_LEVEL_CITY, AREA_LEVEL_DISTRICT, AREA_LEVEL_STREET, AREA_LEVEL_COMMUNITY };
const char *area_level_name(enum area_level level);

/* X(name, text) */
#define AREA_RELATION_MAP(X)        \
    X(MERGE, "MERGE")               \
    X(SPLIT, "SPLIT")               \
    X(RENAME, "RENAME")             \
    X(RESUBORDINATE, "RESUBORDINATE")

enum area_relation {
#define X(name, text) AREA_RELATION_##name,
    AREA_RELATION_MAP(X)
#undef X
};
const char *area_relation_name(enum area_relation relation);

#define AREA_SHARE_WHOLE 10000u
#define AREA_SUCCESSORS_MAX 64u
#define AREA_NAME_SIZE_MAX 255u
#define AREAS_MAX 2000000u

struct area_successor {
    struct area_code code;
    enum area_relation relation;
    uint16_t share;                /* of what the old area was, in ten thousandths; 0: not known */
};

/* One area as it is read, and as it is asked for. Bytes and pointers are borrowed. */
struct area_row {
    struct area_code code;
    struct area_code parent;       /* in a row to build from: none is the nearest area above by its digits */
    bool parent_is_given;
    enum area_level level;         /* in a row to build from: 0 is what the digits say */
    int32_t valid_from, valid_to;  /* first and last day, AREA_DAY_NONE: open */
    struct qiao_bytes name;
    struct qiao_bytes aliases;     /* other names, each with a line end behind it */
    const struct area_successor *successors;
    size_t successors_count;
    const struct area_code *codes; /* other codes it is known by */
    size_t codes_count;
};

/* X(name, column, text): what makes rows no table. %s in the text is the other code. */
#define AREA_FAULT_MAP(X)                                                                                                        \
    X(NONE, "", "no fault")                                                                                                      \
    X(DUPLICATE, "code", "stands in the table already; codes are given once and never again, so one row must go")                \
    X(LEVEL, "level", "is not the level of a code with so many digits; leave the column empty, or mend the code")                \
    X(DAYS, "valid_to", "is before valid_from; valid_to is the last day on which the code is in force")                          \
    X(PARENT_UNKNOWN, "parent", "has the parent %s, which is not in the table; add its row, or leave parent empty")              \
    X(PARENT_LEVEL, "parent", "has the parent %s, which does not stand above it: parents would go round in a circle")            \
    X(SUCCESSOR_UNKNOWN, "successors", "has the successor %s, which is not in the table; add its row")                           \
    X(SUCCESSOR_TWICE, "successors", "has the successor %s twice")                                                               \
    X(SUCCESSOR_CYCLE, "successors", "comes back to itself by its successor %s; a voided code is never given again")             \
    X(SUCCESSOR_OPEN, "valid_to", "has a successor and no valid_to; say the last day on which the code was in force")            \
    X(SHARES, "successors", "has successors whose shares are more than the whole")                                               \
    X(ALIAS_TAKEN, "aliases", "has the other code %s, which is an area of its own or the other code of another one")              \
    X(TOO_MANY, "code", "is one area more than a table can hold")

enum area_fault {
#define X(name, column, text) AREA_FAULT_##name,
    AREA_FAULT_MAP(X)
#undef X
};
const char *area_fault_column(enum area_fault fault);
const char *area_fault_text(enum area_fault fault);

struct area_table;

/* Told of everything wrong: the index of the row, and the code that the text speaks of. */
typedef void (*area_fault_visit)(void *context, size_t row, enum area_fault fault, struct area_code other);

/* Builds a table from rows in any order, which stay the caller's. NULL if visit was told of anything. */
struct area_table *area_table_new(const struct area_row *rows, size_t rows_count, area_fault_visit visit, void *context);
struct area_table *area_table_free(struct area_table *table); /* returns NULL; NULL is fine */

size_t area_table_count(const struct area_table *table);
size_t area_table_bytes(const struct area_table *table);      /* of memory, all in */

#define AREA_NONE UINT32_MAX
/* The areas in the order of codes, rank from 0 to the count. Areas are numbered in that order. */
uint32_t area_at(const struct area_table *table, size_t rank);
/* The area's number in the table, a name as long as the table lives. AREA_NONE if there is none. */
uint32_t area_find(const struct area_table *table, struct area_code code);
/* True if there is an area of that code, and the index alone says that it always was and is. False: look at it. */
bool area_is_always_valid(const struct area_table *table, struct area_code code);
/* By code, or by another code the area is known by. */
uint32_t area_find_known(const struct area_table *table, struct area_code code);
/* The area of that code, or the nearest one above it by its digits. */
uint32_t area_find_nearest(const struct area_table *table, struct area_code code);
/* The unit above, as given or the nearest by digits. */
uint32_t area_parent(const struct area_table *table, uint32_t area);
struct area_code area_code_of(const struct area_table *table, uint32_t area);
bool area_is_valid(const struct area_table *table, uint32_t area, int32_t day);
bool area_is_over(const struct area_table *table, uint32_t area, int32_t day);   /* voided before that day */
int32_t area_last_day(const struct area_table *table, uint32_t area);            /* AREA_DAY_NONE: open */
/* The areas that have successors, aliases or other codes, in the order of codes. */
size_t area_changes_count(const struct area_table *table);
uint32_t area_change_at(const struct area_table *table, size_t which);
size_t area_successors_count(const struct area_table *table, uint32_t area);
uint32_t area_successor_at(const struct area_table *table, uint32_t area, size_t which);

/* Everything about one area. Successors and codes are written to room of the caller's (AREA_SUCCESSORS_MAX each). */
struct area_room {
    struct area_successor successors[AREA_SUCCESSORS_MAX];
    struct area_code codes[AREA_SUCCESSORS_MAX];
};
void area_row_of(const struct area_table *table, uint32_t area, struct area_room *room, struct area_row *ret_row);

/* True if the two rows say the same. */
bool area_rows_are_same(const struct area_row *a, const struct area_row *b);

#endif
