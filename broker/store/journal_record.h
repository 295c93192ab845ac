/* Records of the journal: one batch each, as bytes. Knows neither files nor tables.
 *
 * A record is a header of RECORD_HEADER_SIZE bytes, its operations, and zeros up to the next multiple of RECORD_ALIGNMENT.
 * Integers are little endian:
 *   magic(4) checksum(4) journal id(8) sequence(8) size of operations(4) number of operations(4)
 *   operation: type(1) key size(1) value size(4) key value
 * The checksum covers everything behind it but the padding. */
#ifndef STORE_JOURNAL_RECORD_H
#define STORE_JOURNAL_RECORD_H

#include "store/store.h"
#include <stdatomic.h>

/* A block of the disk: what a write cut short by a power failure may damage. No two records share one. */
#define RECORD_ALIGNMENT 4096u
#define RECORD_HEADER_SIZE 32u

/* The bytes of one committed batch, shared by every table entry whose value lies in it. */
struct record_buffer {
    struct record_buffer *next;  /* in the queue from commit to refresh */
    _Atomic unsigned references;
    uint64_t sequence;
    uint64_t offset_end;         /* journal position behind the record */
    uint64_t growth;             /* what its puts may add to the store */
    size_t size;                 /* whole record with padding */
    uint8_t *bytes;              /* aligned to RECORD_ALIGNMENT */
    size_t capacity;             /* of bytes, when they are pages; else 0 */
    const void *holder;          /* the table that counts its memory, and for how many entries */
    unsigned held;
};

struct record_cursor {
    const uint8_t *at, *end;
    uint32_t left;
};

/* False if key or value of an operation has a size that no engine takes. */
bool record_batch_is_valid(const struct store_batch *batch);
/* Size of the record with padding. */
uint64_t record_size(const struct store_batch *batch);
/* What a put of such a record adds to the store, pages of the base included, roughly. */
uint64_t record_cost(size_t key_size, size_t value_size);

/* NULL when there is no memory. One reference, the caller's. size is a multiple of RECORD_ALIGNMENT. */
struct record_buffer *record_buffer_new(size_t size);
struct record_buffer *record_buffer_unref(struct record_buffer *buffer); /* returns NULL */

/* Writes everything but what record_seal adds. The buffer has record_size bytes. */
void record_pack(struct record_buffer *buffer, const struct store_batch *batch);
void record_seal(struct record_buffer *buffer, uint64_t journal_id, uint64_t sequence);

/* Whole size with padding as told by a header, 0 if this is no header of this journal. */
uint64_t record_header_size(const uint8_t header[RECORD_HEADER_SIZE], uint64_t journal_id, uint64_t *ret_sequence);
/* True if the checksum holds for the size bytes of a whole record. */
bool record_is_whole(const uint8_t *bytes, size_t size);

/* Walks the operations of a whole record. The operations point into the buffer. False at the end. */
struct record_cursor record_begin(const struct record_buffer *buffer);
bool record_next(struct record_cursor *cursor, struct store_op *ret_op);

#endif
