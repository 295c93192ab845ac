/* Received bytes between the thread that reads and the owner: one fills, one drains, first in, first out, bounded.
 *
 * Made of chunks instead of one circle, so that it grows without moving what the owner is looking at, every span is
 * contiguous, and an idle connection holds one small chunk or none. The functions are called with the wire's mutex held; the
 * bytes between reserve and commit, and between peek and consume, are touched without it. */
#ifndef WIRE_RING_H
#define WIRE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring_chunk;

struct ring {
    struct ring_chunk *first, *last;
    size_t held_size;    /* capacity of all chunks */
    size_t held_size_max;
    size_t unread_size;
    bool reserved;       /* a reader has the free end of `last` */
};

void ring_init(struct ring *ring, size_t held_size_max);
void ring_deinit(struct ring *ring);

/* Contiguous room to read into, in a large or a small chunk. 0: full, or no memory. At most one reservation at a time. */
size_t ring_reserve(struct ring *ring, bool large, uint8_t **ret_space);
/* Makes the first size bytes of the reservation readable and ends it. With nothing unread no chunk stays. */
void ring_commit(struct ring *ring, size_t size);

/* The oldest unread bytes; 0: none. */
size_t ring_peek(const struct ring *ring, const uint8_t **ret_data);
void ring_consume(struct ring *ring, size_t size);

#endif
