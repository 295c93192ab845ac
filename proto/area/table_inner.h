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

/* Codes in a run: those of whose positions only the last six bits differ. A street's communities stand in one or two. */
#define AREA_RUN_BITS 6u
#define AREA_NUMBER_BITS 24u
#define AREA_DAYS_BIT (UINT64_C(1) << AREA_NUMBER_BITS)
#define AREA_RUN_SHIFT (AREA_NUMBER_BITS + 1)
_Static_assert(AREAS_MAX < 1u << AREA_NUMBER_BITS, "numbers of areas stand beside the run");

/* 16 bytes, so that none lies across a cache line. */
struct area_run {
    uint64_t run_and_first;    /* which run, whether any of its areas begins or ends on a day, the number of its first area */
    uint64_t present;          /* bit: the code at that place has an area; 0: a free place of the index */
};

struct area_table {
    struct area *areas;        /* in the order of codes */
    uint32_t count;
    uint32_t runs_size;        /* places of the index */
    struct area_run *runs;     /* open addressing, none further from home than one it passed. A country's takes 1 MiB where its areas take 16: in caches */
    struct buf names;
    struct area_more *mores;
    struct area_relation_row *successors;
    struct area_code *codes;   /* of each area in a row */
    struct area_other_code *other_codes; /* the same in the order of codes */
    uint32_t mores_count, successors_count, codes_count;
};

static inline uint64_t area_value(const struct area *area) { return area->code & ((UINT64_C(1) << AREA_CODE_BITS) - 1); }

/* One number for each code, in their order. Cities and provinces as six digits are told from those of four and two by numbers that no
 * community has: it would be of street 000. */
static inline uint64_t area_position(uint64_t code)
{
    static const uint8_t behind[16] = { [4] = 1, [6] = 2 };
    return (code >> 4) + behind[code & 15];
}

/* Where its run wants to be in the index. */
static inline uint32_t area_run_home(const struct area_table *table, uint64_t run)
{
    uint64_t h = run * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)((h >> 32) * table->runs_size >> 32);
}

static inline uint32_t area_run_next(const struct area_table *table, uint32_t place)
{
    return place + 1 == table->runs_size ? 0 : place + 1;
}

/* How far behind its home a run lies at that place. */
static inline uint32_t area_run_distance(const struct area_table *table, const struct area_run *run, uint32_t place)
{
    uint32_t home = area_run_home(table, run->run_and_first >> AREA_RUN_SHIFT);
    return place >= home ? place - home : place + table->runs_size - home;
}

#endif
