/* Walks a whole store and says what is wrong with it. Works on every engine; what a record means is told by the caller. */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "store/store.h"
#include <stdio.h>

/* Records whose key begins with prefix. check may be NULL; it returns NULL for a good record or a sentence (static storage)
 * that says what is wrong. */
struct store_check_rule {
    uint8_t prefix;
    const char *name; /* plural, as in "queued runs" */
    const char *(*check)(struct qiao_bytes key, struct qiao_bytes value);
};

/* Reads every record as of the last refresh and writes to report: each problem (the first hundred in full), then one line
 * for each first byte of a key with the number of records and bytes. A key that no rule covers is a problem, unless
 * rule_count is 0. progress also reports every million records. Returns the number of problems, at most INT_MAX.
 * Call it on the reading thread. */
int store_check(struct store *store, const struct store_check_rule *rules, size_t rule_count, FILE *report, bool progress);

#endif
