/* Which files have been taken and how far they have come; every change is on disk before the call returns. One line a change:
 *
 *   adapter,SALT                        once: makes this adapter's message ids its own
 *   seen,DIGEST,MILLISECONDS,NAME       a copy of the file is in the work folder; from here on its rows have their ids
 *   through,DIGEST,ROW                  all rows up to this one are with the node or in quarantine
 *   done,DIGEST,ROWS                    so are all rows of the file
 *   settled,DIGEST                      and every one of them has its outcome
 *   refused,DIGEST                      the file as a whole cannot be read; putting it in again tries it again
 *
 * A file is known by the SHA-256 of its content, so that another name or another day does not make it another file. */
#ifndef CSV_JOURNAL_H
#define CSV_JOURNAL_H

#include "base/durable.h"
#include "digest.h"

#include <stddef.h>
#include <stdint.h>

enum journal_state { JOURNAL_SEEN, JOURNAL_DONE, JOURNAL_SETTLED, JOURNAL_REFUSED };

struct journal_file {
    struct digest digest;
    enum journal_state state;
    uint64_t first_seen_ms;
    uint64_t through;        /* row; 0: none yet */
    char *name;              /* under which it was first seen */
};

struct journal {
    struct line_file lines;
    char *folder;
    uint8_t salt[16];
    bool salted;
    struct journal_file **files; /* in the order they were seen; pointers stay valid */
    size_t files_count;
    uint64_t lines_count;
    uint64_t line_damaged;       /* of a failed open: which line is not understood, else 0 */
};

/* Reads folder/journal or begins one. 0, -EBADMSG if a line is damaged, or another -errno. */
int journal_open(struct journal *journal, const char *folder);
void journal_close(struct journal *journal);

struct journal_file *journal_find(const struct journal *journal, const struct digest *digest); /* NULL: never seen */

/* 0 or -errno, after which the file's state is as it was. */
int journal_seen(struct journal *journal, const struct digest *digest, uint64_t now_ms, const char *name, struct journal_file **ret_file);
int journal_through(struct journal *journal, struct journal_file *file, uint64_t row);
int journal_done(struct journal *journal, struct journal_file *file, uint64_t rows);
int journal_settled(struct journal *journal, struct journal_file *file);
int journal_refused(struct journal *journal, struct journal_file *file);

#endif
