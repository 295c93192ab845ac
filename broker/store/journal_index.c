/* Open addressing with linear probing, at most three quarters full. */
#include "journal_index.h"
#include "journal_table.h"
#include <stdlib.h>

#define CAPACITY_FIRST 256u

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    return x ^ x >> 32;
}

uint32_t index_hash(const struct index *index, struct qiao_bytes key)
{
    uint64_t hash = index->seed ^ key.size, word;
    size_t at = 0;

    for (; key.size - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, key.data + at, sizeof(word));
        hash = mix(hash ^ word);
    }
    word = 0;
    if (at < key.size)
        memcpy(&word, key.data + at, key.size - at);
    return (uint32_t)mix(hash ^ word);
}

static size_t next_to(const struct index *index, size_t slot)
{
    return (slot + 1) & (index->capacity - 1);
}

static size_t home_of(const struct index *index, uint32_t hash)
{
    return hash & (index->capacity - 1);
}

struct table_entry *index_find(const struct index *index, struct qiao_bytes key, uint32_t hash)
{
    if (index->count == 0)
        return NULL;
    for (size_t i = home_of(index, hash); index->slots[i].entry; i = next_to(index, i)) {
        if (index->slots[i].hash == hash && qiao_bytes_equal(table_entry_key(index->slots[i].entry), key))
            return index->slots[i].entry;
    }
    return NULL;
}

static void place(struct index *index, struct index_slot slot)
{
    size_t i = home_of(index, slot.hash);

    while (index->slots[i].entry)
        i = next_to(index, i);
    index->slots[i] = slot;
}

static bool grow(struct index *index)
{
    struct index bigger = { .capacity = index->capacity ? 2 * index->capacity : CAPACITY_FIRST, .count = index->count, .seed = index->seed };

    bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < index->capacity; i++) {
        if (index->slots[i].entry)
            place(&bigger, index->slots[i]);
    }
    free(index->slots);
    *index = bigger;
    return true;
}

bool index_add(struct index *index, struct table_entry *entry, uint32_t hash)
{
    if (index->count >= index->capacity / 4 * 3 && !grow(index))
        return false;
    place(index, (struct index_slot){ entry, hash });
    index->count++;
    return true;
}

/* Closes the gap: whoever was pushed past it moves up, or searches would end in it. */
static void close_gap(struct index *index, size_t gap)
{
    size_t mask = index->capacity - 1;

    for (size_t i = next_to(index, gap); index->slots[i].entry; i = next_to(index, i)) {
        size_t home = home_of(index, index->slots[i].hash);
        if (((i - home) & mask) < ((i - gap) & mask))
            continue;
        index->slots[gap] = index->slots[i];
        gap = i;
    }
    index->slots[gap].entry = NULL;
}

void index_remove(struct index *index, const struct table_entry *entry)
{
    size_t i = home_of(index, index_hash(index, table_entry_key(entry)));

    while (index->slots[i].entry != entry)
        i = next_to(index, i);
    close_gap(index, i);
    index->count--;
}

void index_deinit(struct index *index)
{
    free(index->slots);
    *index = (struct index){ .seed = index->seed };
}
