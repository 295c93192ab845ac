/* The office's book: every case once, by message id. Columns: received_ms, message_id, case_id, idempotency_key, matter, source, sent_ms,
 * latency_ms (received minus sent; the sender's clock), attempt, verdict, code, title. */
#ifndef DESK_REGISTER_H
#define DESK_REGISTER_H

#include "base/durable.h"

#include <qiao/id.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct entry {
    struct qiao_id id;
    bool used;
    bool accepted;
    unsigned code;             /* of a refusal */
};

struct book {
    struct line_file lines;
    struct entry *entries;     /* open addressing; at most half full */
    size_t capacity, count;
};

/* Reads the file at path in folder, or makes it. 0, -EBADMSG if a line is damaged, or another -errno. */
int book_open(struct book *book, const char *folder, const char *path);
void book_close(struct book *book);

const struct entry *book_find(const struct book *book, const struct qiao_id *id); /* NULL: not in the book */

struct line {
    struct entry entry;
    uint64_t received_ms, sent_ms;
    unsigned attempt;
    const char *case_id, *key, *matter, *area, *org, *title;
};

/* On disk after book_sync. 0 or -errno. */
int book_add(struct book *book, const struct line *line);
int book_sync(struct book *book);

#endif
