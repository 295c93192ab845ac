/* One file on its way through the adapter: its rows, what is bad in them, and what became of them. No network here. */
#ifndef CSV_WORK_H
#define CSV_WORK_H

#include "base/charset.h"
#include "config.h"
#include "flight.h"
#include "journal.h"
#include "quarantine.h"
#include "reader.h"

#include <stdint.h>

/* What the run counted, for the summary. */
struct counters {
    uint64_t files, files_repeated, files_refused, files_waiting;
    uint64_t rows, submitted, quarantined;
    uint64_t accepted, refused, expired, dead;
};

/* From the first row until every row has its outcome. */
struct work_file {
    struct journal_file *journal;
    char *name;                     /* of the file as it lay in the drop folder */
    char digest_text[DIGEST_TEXT_SIZE];
    struct quarantine quarantine;
    struct line_file results;
    uint64_t open_outcomes;         /* rows submitted and without outcome */
};

/* Opens quarantine and results and takes from the latter what earlier processes submitted: rows without outcome, and rows the journal does
 * not yet count as acknowledged, are added to flights. 0 or -errno. */
int work_file_open(struct work_file *file, const struct config *config, struct journal_file *journal, struct flights *flights);
void work_file_close(struct work_file *file);

/* A line in the results file: what happened to a row and when. code and reason may be "". */
int work_file_note(struct work_file *file, const struct flight *flight, const char *event, const char *code, const char *reason);

/* Rows of the copy of a file. */
struct rows {
    int fd;
    struct reader *reader;
    struct charset_decoder *decoder;
    struct buf text;                /* the row's columns, decoded, each with a NUL behind it */
    const char **columns;
    size_t *offsets;                /* of the columns in text */
    size_t columns_max;
    char name[256];
    const char *digest_text;        /* borrowed */
};

enum rows_result {
    ROWS_END = 0,
    ROWS_GOOD = 1,      /* *ret_row and record hold a case */
    ROWS_BAD = 2,       /* *ret_fault says why */
    ROWS_REFUSED = 3    /* rows_open: the file cannot be read at all, *ret_fault says why */
};

struct rows_fault {
    struct quarantine_entry entry;
    char explanation[768];
};

/* Takes fd over, reads the header line and binds the map to it. ROWS_GOOD, ROWS_REFUSED, or -errno. */
int rows_open(struct rows *rows, int fd, const struct config *config, const char *name, const char *digest_text, struct rows_fault *ret_fault);
void rows_close(struct rows *rows);
/* ret_row->number counts data rows from 1. */
int rows_next(struct rows *rows, const struct config *config, struct map_record *record, struct reader_row *ret_row, struct rows_fault *ret_fault);

#endif
