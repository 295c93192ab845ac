/* Memory that dies together: everything decoded for one frame. Bounded by what the caller allows. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* bytes handed out since the last reset */
    size_t size_max;            /* alloc answers NULL beyond this */
    ProtobufCAllocator protobuf; /* hand &arena.protobuf to protobuf-c's unpack; its free does nothing */
};

void arena_init(struct arena *arena, size_t size_max);
void arena_deinit(struct arena *arena);
/* Aligned for any type; NULL when size_max would be passed. */
void *arena_alloc(struct arena *arena, size_t size);
/* Moves everything that was handed out by `from` into `into`, where it stays valid; `from` is empty afterwards. */
void arena_absorb(struct arena *into, struct arena *from);
/* Keeps one block for reuse. */
void arena_reset(struct arena *arena);

#endif
