/* How the table lies in memory, for the files of this folder only. */
#ifndef AREA_TABLE_INNER_H
#define AREA_TABLE_INNER_H

#include "area/table.h"

#include "base/buf.h"

#define AREA_CODE_BITS 44u /* of area.code; above them the level (3 bits), then whether the parent was given */
#define AREA_GIVEN_BIT (UINT64_C(1) << 47)

struct area {
    uint64_t code;
    uint32_t parent;           /* number, AREA_NONE */
    uint32_t name;             /* where in names: size (1), bytes */
    uint16_t valid_from, valid_to; /* days from AREA_DAY_MIN - 1; 0: open */
    uint32_t more;             /* 1 + number in mores, 0: no successors, aliases or other codes */
};

/* What few areas have. */
struct area_more {
    uint32_t area;
    uint32_t successors, codes, aliases; /* first in those arrays; where in names: size (2), bytes */
    uint16_t successors_count, codes_count;
};

struct area_relation_row {
    uint32_t area;
    uint16_t share, relation;
};

struct area_other_code {
    uint64_t code;
    uint32_t area;
};

struct area_table {
    struct area *areas;        /* the rows are their own hash table: sorted by where they want to be, and as near to it as they can; code 0: free */
    uint32_t homes;            /* where rows want to be: 0 to this */
    uint32_t slots;            /* of areas: room behind the last home, and one that is always free */
    uint32_t *order;           /* numbers in the order of codes */
    uint32_t count;
    struct buf names;
    struct area_more *mores;
    struct area_relation_row *successors;
    struct area_code *codes;   /* of each area in a row */
    struct area_other_code *other_codes; /* the same in the order of codes */
    uint32_t mores_count, successors_count, codes_count;
};

static inline uint64_t area_value(const struct area *area) { return area->code & ((UINT64_C(1) << AREA_CODE_BITS) - 1); }

/* Where an area with that code wants to be. */
static inline uint32_t area_home(const struct area_table *table, uint64_t code)
{
    uint64_t h = code * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)((h >> 32) * table->homes >> 32);
}

#endif
