#include "wire/ring.h"

#include <assert.h>
#include <stdlib.h>

#define LARGE_SIZE ((size_t)64 * 1024)
#define SMALL_SIZE ((size_t)2048)
#define ROOM_WORTH_USING ((size_t)1024) /* less is not worth a read of its own while another chunk may be had */

struct ring_chunk {
    struct ring_chunk *next;
    size_t capacity, begin, end;
    uint8_t bytes[];
};

void ring_init(struct ring *ring, size_t held_size_max)
{
    *ring = (struct ring){ .held_size_max = held_size_max };
}

static void drop_first(struct ring *ring)
{
    struct ring_chunk *chunk = ring->first;
    ring->first = chunk->next;
    if (!ring->first)
        ring->last = NULL;
    ring->held_size -= chunk->capacity;
    free(chunk);
}

void ring_deinit(struct ring *ring)
{
    while (ring->first)
        drop_first(ring);
    ring->unread_size = 0;
}

static bool add_chunk(struct ring *ring, bool large)
{
    size_t room = ring->held_size_max - ring->held_size;
    size_t capacity = large ? LARGE_SIZE : SMALL_SIZE;
    if (capacity > room)
        capacity = room;
    struct ring_chunk *chunk = capacity > 0 ? malloc(sizeof *chunk + capacity) : NULL;
    if (!chunk)
        return false;
    *chunk = (struct ring_chunk){ .capacity = capacity };
    if (ring->last)
        ring->last->next = chunk;
    else
        ring->first = chunk;
    ring->last = chunk;
    ring->held_size += capacity;
    return true;
}

size_t ring_reserve(struct ring *ring, bool large, uint8_t **ret_space)
{
    assert(!ring->reserved);
    size_t room = ring->last ? ring->last->capacity - ring->last->end : 0;
    if (room < ROOM_WORTH_USING && add_chunk(ring, large))
        room = ring->last->capacity;
    if (room == 0)
        return 0;
    ring->reserved = true;
    *ret_space = ring->last->bytes + ring->last->end;
    return room;
}

void ring_commit(struct ring *ring, size_t size)
{
    assert(ring->reserved && size <= ring->last->capacity - ring->last->end);
    ring->reserved = false;
    ring->last->end += size;
    ring->unread_size += size;
    if (ring->unread_size == 0)
        ring_deinit(ring);
}

/* The first chunk may be read out and kept only because its free end is reserved. */
size_t ring_peek(const struct ring *ring, const uint8_t **ret_data)
{
    for (const struct ring_chunk *chunk = ring->first; chunk; chunk = chunk->next)
        if (chunk->end > chunk->begin) {
            *ret_data = chunk->bytes + chunk->begin;
            return chunk->end - chunk->begin;
        }
    return 0;
}

void ring_consume(struct ring *ring, size_t size)
{
    struct ring_chunk *chunk = ring->first;
    assert(chunk && size <= chunk->end - chunk->begin);
    chunk->begin += size;
    ring->unread_size -= size;
    bool in_use = chunk == ring->last && ring->reserved;
    if (chunk->begin == chunk->end && !in_use)
        drop_first(ring);
}
