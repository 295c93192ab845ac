/* Bad rows of one file, in a CSV file of their own: NAME.DIGEST12.csv with file, line, row, reason, explanation and the raw row in
 * base64, each row once although the file may be read twice after a crash. */
#ifndef CSV_QUARANTINE_H
#define CSV_QUARANTINE_H

#include "base/durable.h"
#include "digest.h"

#include <stdint.h>

struct quarantine {
    struct line_file lines;
    char *path;
    int64_t last_row;        /* of the rows in the file; -1: none */
    uint64_t *rows;          /* all of them, ascending */
    size_t rows_count;
};

/* Opens or makes the file. 0 or -errno. */
int quarantine_open(struct quarantine *quarantine, const char *folder, const char *file_name, const struct digest *digest);
/* A file without any row is removed. */
void quarantine_close(struct quarantine *quarantine);

struct quarantine_entry {
    const char *file;
    uint64_t line, row;       /* row 0 is the header */
    const char *reason;       /* a code that stays */
    const char *explanation;  /* a sentence */
    struct qiao_bytes raw;
};

/* Rows come in ascending order; one that is there already is left out. Durable after quarantine_sync. 1: added, 0: was there, or -errno. */
int quarantine_add(struct quarantine *quarantine, const struct quarantine_entry *entry);
int quarantine_sync(struct quarantine *quarantine);
bool quarantine_has(const struct quarantine *quarantine, uint64_t row);

#endif
