/* The journal's file: a ring of records, written over and over in the same blocks.
 *
 * The file gets its whole size and is written once when it is made. After that a flush has data blocks to write and nothing
 * of the file system's own, which makes it two to three times quicker than one after growing a file.
 *
 * Block 0 tells what the file is. Records follow one another; one that does not fit before the end goes to the start. Their
 * sequence numbers rise by one and are never used again, so an old record in a recycled place is not taken for the next. */
#ifndef STORE_JOURNAL_RING_H
#define STORE_JOURNAL_RING_H

#include "journal_record.h"

#define RING_START RECORD_ALIGNMENT

struct ring {
    int fd;
    uint64_t id;        /* random, in every record: bytes of messages or of another journal are not taken for records */
    uint64_t size;
    uint64_t head;      /* the next record goes here, if it fits */
    uint64_t tail;      /* head == tail: empty */
};

enum ring_found { RING_FOUND, RING_END, RING_DAMAGED };

/* Makes path with its final name only when it is whole on disk. Outcomes as store_engine.open, text on failure. */
int ring_create(struct ring *ring, const char *path, uint64_t size, char *reterr_text, size_t reterr_size);
/* STORE_OK, STORE_CORRUPT, STORE_NEWER or -errno; -ENOENT if there is none. */
int ring_open(struct ring *ring, const char *path, char *reterr_text, size_t reterr_size);
void ring_close(struct ring *ring);

/* Larger records are never taken: an empty ring must have room for one wherever it stands. */
uint64_t ring_record_size_max(const struct ring *ring);
/* Where a record of this size goes; 0: there is no room for it now. */
uint64_t ring_place(const struct ring *ring, uint64_t size);
/* Bytes between tail and head. */
uint64_t ring_used(const struct ring *ring);
/* Writes and flushes. 0, STORE_FULL if the write had no room (then nothing was flushed), or -errno. Does not move the head. */
int ring_write(const struct ring *ring, const struct record_buffer *buffer, uint64_t offset);
/* 0 or -errno. */
int ring_flush(const struct ring *ring);
/* Reads the record with this sequence number at or after offset. RING_END if there is none; RING_DAMAGED if there is none but
 * a later one, which was only ever written after it was safe. */
int ring_read(const struct ring *ring, uint64_t offset, uint64_t sequence, enum ring_found *ret_found, struct record_buffer **ret_buffer);
/* Does any whole record of this journal have this sequence number or a later one? */
int ring_has_later(const struct ring *ring, uint64_t sequence, bool *ret_has);

#endif
