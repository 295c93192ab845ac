#include "core/ids.h"

#include "base/buf.h"

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    return x ^ x >> 32;
}

static size_t slot_of(const struct id_set *set, const struct qiao_id *id, uint16_t number)
{
    uint64_t hash = mix(get_u64(id->bytes) ^ set->seed);
    hash = mix(hash ^ get_u64(id->bytes + 8) ^ number);
    return (size_t)hash & (set->capacity - 1);
}

static struct id_entry *probe(const struct id_set *set, const struct qiao_id *id, uint16_t number)
{
    size_t slot = slot_of(set, id, number);
    while (set->entries[slot].used && !(set->entries[slot].number == number && qiao_id_equal(&set->entries[slot].id, id)))
        slot = (slot + 1) & (set->capacity - 1);
    return &set->entries[slot];
}

const struct id_entry *id_set_find(const struct id_set *set, const struct qiao_id *id, uint16_t number)
{
    if (set->count == 0) return NULL;
    const struct id_entry *entry = probe(set, id, number);
    return entry->used ? entry : NULL;
}

static void grow(struct id_set *set)
{
    struct id_set bigger = { .capacity = set->capacity ? set->capacity * 2 : 64, .seed = set->seed };
    bigger.entries = base_zalloc(bigger.capacity * sizeof *bigger.entries);
    for (size_t i = 0; i < set->capacity; i++)
        if (set->entries[i].used) *probe(&bigger, &set->entries[i].id, set->entries[i].number) = set->entries[i];
    free(set->entries);
    set->entries = bigger.entries;
    set->capacity = bigger.capacity;
}

void id_set_add(struct id_set *set, const struct qiao_id *id, uint16_t number, const uint8_t digest[4])
{
    if ((set->count + 1) * 2 > set->capacity) grow(set);
    struct id_entry *entry = probe(set, id, number);
    if (entry->used) return;
    *entry = (struct id_entry){ .id = *id, .number = number, .used = true };
    memcpy(entry->digest, digest, sizeof entry->digest);
    set->count++;
}

void id_set_merge(struct id_set *set, const struct id_set *other)
{
    for (size_t i = 0; i < other->capacity; i++)
        if (other->entries[i].used) id_set_add(set, &other->entries[i].id, other->entries[i].number, other->entries[i].digest);
}

void id_set_clear(struct id_set *set)
{
    if (set->capacity > 8192) id_set_deinit(set); /* a burst's memory is given back */
    else if (set->count > 0) memset(set->entries, 0, set->capacity * sizeof *set->entries);
    set->count = 0;
}

void id_set_deinit(struct id_set *set)
{
    free(set->entries);
    set->entries = NULL;
    set->capacity = set->count = 0;
}
