/* Finds the entries of a table by whole keys: a hash table beside the order, since most of what a broker asks for is not there
 * and a skip list takes its longest way to say so. Private to journal_table.c. */
#ifndef STORE_JOURNAL_INDEX_H
#define STORE_JOURNAL_INDEX_H

#include "qiao/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_entry;

struct index_slot {
    struct table_entry *entry; /* NULL: free */
    uint32_t hash;
};

struct index {
    struct index_slot *slots;
    size_t capacity;           /* a power of two, or 0 */
    size_t count;
    uint64_t seed;             /* keys hold ids that others choose */
};

/* Of a key, for the calls below. */
uint32_t index_hash(const struct index *index, struct qiao_bytes key);
struct table_entry *index_find(const struct index *index, struct qiao_bytes key, uint32_t hash);
/* The key must not be there yet. False without memory. */
bool index_add(struct index *index, struct table_entry *entry, uint32_t hash);
void index_remove(struct index *index, const struct table_entry *entry);
void index_deinit(struct index *index);

#endif
