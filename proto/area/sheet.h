/* CSV in memory: lines cut before their charset is decoded, since no byte of a delimiter, quote or line end is part of another character in
 * UTF-8 or GB18030. Unlike the reader of `adapters/csv`, which streams and quarantines row by row, a fault here refuses the file. */
#ifndef AREA_SHEET_H
#define AREA_SHEET_H

#include "base/charset.h"

#define SHEET_COLUMNS_MAX 64u
#define SHEET_LINE_SIZE_MAX 65536u

struct sheet {
    struct qiao_bytes left;        /* of the file */
    uint32_t line;                 /* where left begins */
    char delimiter;                /* chosen by the first line */
    struct charset_decoder *decoder; /* owned */
    struct buf text;               /* decoded lines, one behind the other; owned. Room for the whole file: what was handed out stays */
};

struct sheet_line {
    uint32_t number;               /* from 1 */
    struct qiao_bytes text;        /* decoded, borrowed from the sheet while it lives */
    const char *fault;             /* NULL: good. Else there are no fields */
    size_t fault_at;               /* byte of text or file line it is about */
    struct qiao_bytes fields[SHEET_COLUMNS_MAX]; /* without quotes and blanks around; borrowed */
    size_t fields_at[SHEET_COLUMNS_MAX]; /* where each begins in text */
    size_t fields_count;
};

/* False: this machine cannot convert the charset. */
bool sheet_open(struct sheet *sheet, struct qiao_bytes file, enum charset charset);
void sheet_close(struct sheet *sheet);
/* The next line that is not empty. False at the end. */
bool sheet_next(struct sheet *sheet, struct sheet_line *ret_line);

#endif
