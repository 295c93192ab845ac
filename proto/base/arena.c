#include "base/arena.h"

#include "base/buf.h"

#include <stdalign.h>

struct arena_block {
    struct arena_block *next;
    size_t size;
    size_t used;
    max_align_t memory[];
};

static void *protobuf_alloc(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void protobuf_free(void *arena, void *pointer)
{
    (void)arena;
    (void)pointer; /* reset frees it */
}

void arena_init(struct arena *arena, size_t size_max)
{
    *arena = (struct arena){ .size_max = size_max };
    arena->protobuf = (ProtobufCAllocator){ protobuf_alloc, protobuf_free, arena };
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_deinit(struct arena *arena)
{
    free_blocks(arena->blocks);
    arena->blocks = NULL;
}

static struct arena_block *block_new(struct arena *arena, size_t size)
{
    size_t capacity = size > 4000 ? size : 4000;
    struct arena_block *block = base_alloc(sizeof *block + capacity);
    *block = (struct arena_block){ .next = arena->blocks, .size = capacity };
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > arena->size_max - arena->used) return NULL;
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct arena_block *block = arena->blocks;
    if (!block || block->size - block->used < size) block = block_new(arena, size);
    void *memory = (uint8_t *)block->memory + block->used;
    block->used += size;
    arena->used = arena->used + size > arena->size_max ? arena->size_max : arena->used + size;
    return memory;
}

void arena_reset(struct arena *arena)
{
    if (arena->blocks) {
        free_blocks(arena->blocks->next);
        arena->blocks->next = NULL;
        arena->blocks->used = 0;
    }
    arena->used = 0;
}

void arena_absorb(struct arena *into, struct arena *from)
{
    struct arena_block **end = &into->blocks; /* behind the newest, so that its free room stays in use */
    while (*end) end = &(*end)->next;
    *end = from->blocks;
    into->used += from->used;
    from->blocks = NULL;
    from->used = 0;
}
