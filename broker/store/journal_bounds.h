/* How far the keys of the base go, for each first byte of a key. Records are mostly named by ids that begin with the time
 * (RFC 9562, version 7), and what is asked about is mostly new: a key behind every key of its kind need not be looked for.
 *
 * Bounds only rise. One thread at a time raises them, before the base has the key; any thread may ask. */
#ifndef STORE_JOURNAL_BOUNDS_H
#define STORE_JOURNAL_BOUNDS_H

#include "store/store.h"
#include <stdatomic.h>

struct bounds {
    _Atomic uint64_t heads[256]; /* the first 8 bytes of the last key, 0: none */
};

/* Finds the bounds of what is in base. */
void bounds_init(struct bounds *bounds, struct store *base);
void bounds_raise(struct bounds *bounds, struct qiao_bytes key);
/* True: the base has no such key. False: it may have. */
bool bounds_exclude(const struct bounds *bounds, struct qiao_bytes key);

#endif
