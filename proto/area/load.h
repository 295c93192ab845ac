/* An area table from CSV (RFC 4180) as authorities and their systems export it: comma, semicolon or tab, LF or CRLF, quotes where needed.
 *
 *   code         6, 9 or 12 digits, padded or full-width ones too (area/code.h); 2 and 4 above the districts. The only column that must be there
 *   name         at most 255 bytes
 *   level        province, city, district, street or community, or 1 to 5; empty: what the digits say
 *   parent       code of the unit above; empty: the nearest by digits
 *   valid_from   first day, 2021-04-01 or 20210401; empty: always was
 *   valid_to     last day; empty: in force
 *   successors   CODE[:RELATION[:SHARE]], several with | between them: 990113:SPLIT:0.4|990114:SPLIT:60%. Relation: MERGE (of one alone),
 *                SPLIT (of several), RENAME, RESUBORDINATE
 *   aliases      other names and other codes, several with | between them
 *
 * Columns in any order, named in the first line, in English or Chinese; a column whose name begins with # is not read. */
#ifndef AREA_LOAD_H
#define AREA_LOAD_H

#include "area/table.h"
#include "base/charset.h"

#define AREA_ERRORS_MAX 100u

struct area_error {
    uint32_t line, column;         /* from 1; characters of the line, 0: the line as a whole */
    char text[400];                /* the value, what is wrong with it and the cure */
};

struct area_errors {
    struct area_error *items;      /* the first of them, in the order of lines; owned */
    size_t count;
    size_t total;                  /* how many there are in all */
};

void area_errors_deinit(struct area_errors *errors);

/* The whole file is looked at. NULL, with at least one error, if anything is wrong with it. */
struct area_table *area_load(struct qiao_bytes file, enum charset charset, struct area_errors *ret_errors);

#endif
