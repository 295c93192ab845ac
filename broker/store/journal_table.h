/* What the journal holds and the base does not yet: an ordered table in memory, put or removed for each key.
 *
 * Changed by one thread; once frozen, any number may read. Runs out of memory by ending the process: what is in here has
 * been acknowledged. */
#ifndef STORE_JOURNAL_TABLE_H
#define STORE_JOURNAL_TABLE_H

#include "journal_record.h"

/* Smaller values are copied; larger ones stay in their record's buffer, which then lives as long as they do. */
#define TABLE_VALUE_SIZE_COPIED 512u

struct table_entry {
    const uint8_t *value;
    struct record_buffer *buffer; /* NULL: value was copied */
    uint32_t value_size;
    uint32_t below_cost;          /* what a removal frees further down, see table_remove */
    uint16_t copy_capacity;
    uint8_t key_size;
    uint8_t levels;
    bool is_removed;
    struct table_entry *next[];   /* levels of them, then the key */
};

struct table;

struct table *table_new(void);
struct table *table_free(struct table *table); /* returns NULL */

/* The value is borrowed from buffer if it is large, and copied if not. */
void table_put(struct table *table, struct qiao_bytes key, struct qiao_bytes value, struct record_buffer *buffer);
/* Marks the key as removed from what lies below, where it takes below_cost (see record_cost). */
void table_remove(struct table *table, struct qiao_bytes key, uint64_t below_cost);
/* Forgets the key: nothing below has it. Absent is fine. */
void table_erase(struct table *table, struct qiao_bytes key);
/* Forgets every put in [from, to), removed keys stay. An empty `to` means to the end. */
void table_erase_range(struct table *table, struct qiao_bytes from, struct qiao_bytes to);

/* NULL if the table says nothing about key. */
const struct table_entry *table_find(const struct table *table, struct qiao_bytes key);
/* The first entry at or after key, NULL at the end; entry->next[0] is the one after it. */
const struct table_entry *table_seek(const struct table *table, struct qiao_bytes key);
struct qiao_bytes table_entry_key(const struct table_entry *entry);
struct qiao_bytes table_entry_value(const struct table_entry *entry);

bool table_is_empty(const struct table *table);
/* Memory: entries, and the buffers they keep alive. */
size_t table_bytes(const struct table *table);
/* What writing the table to the base adds to it, negative if it removes more. */
int64_t table_growth(const struct table *table);

/* As memcmp, a shorter key before a longer one that begins with it. */
int table_key_compare(struct qiao_bytes a, struct qiao_bytes b);

#endif
