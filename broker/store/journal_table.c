/* A skip list in an arena, with an index for whole keys. Entries are never freed one by one: a table lives for some megabytes of changes and goes as a
 * whole, which costs a few calls however many entries it had. */
#include "journal_table.h"
#include "journal_index.h"
#include "journal_pages.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define LEVELS_MAX 16u
#define CHUNK_SIZE (256u * 1024u)
#define ALIGNMENT 8u
#define FINGERS 8u

/* Pages, not heap: a table's memory goes as a whole. */
struct chunk {
    struct chunk *next;
    size_t used, capacity;
    uint8_t bytes[];
};

/* Where the last key with some first byte went in. Keys of a kind mostly come in order, so the next one goes just behind. */
struct finger {
    struct table_entry *last;
    struct table_entry **links[LEVELS_MAX];
};

struct table {
    struct table_entry *first[LEVELS_MAX];
    struct index index;
    struct finger fingers[FINGERS];
    struct chunk *chunks;
    size_t bytes;
    int64_t growth;
    uint64_t random;
};

static _Noreturn void die_without_memory(void)
{
    fprintf(stderr, "store: no memory for what was committed. It is safe in the journal: start again with more memory.\n");
    abort();
}

static void chunk_add(struct table *table)
{
    size_t capacity;
    struct chunk *chunk = pages_new(CHUNK_SIZE, &capacity);

    if (!chunk)
        die_without_memory();
    *chunk = (struct chunk){ .next = table->chunks, .capacity = capacity };
    table->chunks = chunk;
}

static void *take(struct table *table, size_t size)
{
    void *memory;

    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!table->chunks || table->chunks->capacity - sizeof(struct chunk) - table->chunks->used < size)
        chunk_add(table);
    memory = table->chunks->bytes + table->chunks->used;
    table->chunks->used += size;
    table->bytes += size;
    return memory;
}

struct table *table_new(void)
{
    struct table *table = calloc(1, sizeof(*table));

    if (!table)
        die_without_memory();
    table->random = 0x9e3779b97f4a7c15u;
    while (getrandom(&table->index.seed, sizeof(table->index.seed), 0) != (ssize_t)sizeof(table->index.seed))
        continue;
    return table;
}

struct table *table_free(struct table *table)
{
    struct chunk *next;

    if (!table)
        return NULL;
    for (struct table_entry *entry = table->first[0]; entry; entry = entry->next[0])
        record_buffer_unref(entry->buffer);
    for (struct chunk *chunk = table->chunks; chunk; chunk = next) {
        next = chunk->next;
        pages_free(chunk, chunk->capacity);
    }
    index_deinit(&table->index);
    free(table);
    return NULL;
}

int table_key_compare(struct qiao_bytes a, struct qiao_bytes b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp(a.data, b.data, common) : 0;

    return order ? order : (a.size > b.size) - (a.size < b.size);
}

struct qiao_bytes table_entry_key(const struct table_entry *entry)
{
    return qiao_bytes(&entry->next[entry->levels], entry->key_size);
}

struct qiao_bytes table_entry_value(const struct table_entry *entry)
{
    return qiao_bytes(entry->value, entry->value_size);
}

static bool is_before(const struct table_entry *entry, struct qiao_bytes key)
{
    return table_key_compare(table_entry_key(entry), key) < 0;
}

const struct table_entry *table_seek(const struct table *table, struct qiao_bytes key)
{
    struct table_entry *const *heads = table->first;

    for (unsigned level = LEVELS_MAX; level-- > 0;) {
        while (heads[level] && is_before(heads[level], key))
            heads = heads[level]->next;
    }
    return heads[0];
}

static struct finger *finger_of(struct table *table, struct qiao_bytes key)
{
    return &table->fingers[key.size ? key.data[0] % FINGERS : 0];
}

/* As table_seek, with the pointers to the entry on each level. Starts at the finger when key lies behind it; entries that came
 * in since then are met on the way like any other. */
static struct table_entry *seek_links(struct table *table, struct qiao_bytes key, struct table_entry **ret_links[LEVELS_MAX])
{
    const struct finger *finger = finger_of(table, key);
    struct table_entry **heads = table->first;
    bool follow = finger->last && is_before(finger->last, key);

    for (unsigned level = LEVELS_MAX; level-- > 0;) {
        if (follow)
            heads = finger->links[level] - level;
        while (heads[level] && is_before(heads[level], key)) {
            heads = heads[level]->next;
            follow = false; /* already past the finger */
        }
        ret_links[level] = &heads[level];
    }
    return heads[0];
}

const struct table_entry *table_find(const struct table *table, struct qiao_bytes key)
{
    return index_find(&table->index, key, index_hash(&table->index, key));
}

/* One level in four entries. */
static unsigned random_levels(struct table *table)
{
    unsigned levels = 1;

    table->random ^= table->random << 13;
    table->random ^= table->random >> 7;
    table->random ^= table->random << 17;
    for (uint64_t bits = table->random; (bits & 3) == 0 && levels < LEVELS_MAX; bits >>= 2)
        levels++;
    return levels;
}

static void finger_set(struct table *table, struct table_entry *entry, struct table_entry **links[LEVELS_MAX])
{
    struct finger *finger = finger_of(table, table_entry_key(entry));

    finger->last = entry;
    for (unsigned level = 0; level < LEVELS_MAX; level++)
        finger->links[level] = level < entry->levels ? &entry->next[level] : links[level];
}

static void index_entry(struct table *table, struct table_entry *entry, uint32_t hash)
{
    size_t before = table->index.capacity;

    if (!index_add(&table->index, entry, hash))
        die_without_memory();
    table->bytes += (table->index.capacity - before) * sizeof(struct index_slot);
}

/* A removed key that frees nothing. Its value is to be copied to copy_size bytes behind the key. */
static struct table_entry *entry_new(struct table *table, struct qiao_bytes key, size_t copy_size)
{
    struct table_entry **links[LEVELS_MAX], *entry;
    unsigned levels = random_levels(table);
    size_t fixed;

    seek_links(table, key, links);
    fixed = sizeof(*entry) + levels * sizeof(entry->next[0]) + key.size;
    entry = take(table, fixed + copy_size);
    *entry = (struct table_entry){ .levels = (uint8_t)levels, .key_size = (uint8_t)key.size, .is_removed = true };
    memcpy(&entry->next[levels], key.data, key.size);
    entry->value = (uint8_t *)entry + fixed;
    entry->copy_capacity = (uint16_t)copy_size;
    for (unsigned level = 0; level < levels; level++) {
        entry->next[level] = *links[level];
        *links[level] = entry;
    }
    finger_set(table, entry, links);
    return entry;
}

static struct table_entry *entry_get(struct table *table, struct qiao_bytes key, size_t copy_size)
{
    uint32_t hash = index_hash(&table->index, key);
    struct table_entry *entry = index_find(&table->index, key, hash);

    if (!entry) {
        entry = entry_new(table, key, copy_size);
        index_entry(table, entry, hash);
    }
    return entry;
}

static int64_t entry_growth(const struct table_entry *entry)
{
    int64_t cost = entry->is_removed ? 0 : (int64_t)record_cost(entry->key_size, entry->value_size);

    return cost - entry->below_cost;
}

/* A buffer counts whole, once, for the table that used it last. */
static void buffer_hold(struct table *table, struct record_buffer *buffer)
{
    if (buffer->holder != table) {
        buffer->holder = table;
        buffer->held = 0;
    }
    if (buffer->held++ == 0)
        table->bytes += buffer->size;
    atomic_fetch_add(&buffer->references, 1);
}

static void buffer_drop(struct table *table, struct table_entry *entry)
{
    if (!entry->buffer)
        return;
    if (entry->buffer->holder == table && --entry->buffer->held == 0)
        table->bytes -= entry->buffer->size;
    entry->buffer = record_buffer_unref(entry->buffer);
    entry->value = NULL;
    entry->copy_capacity = 0;
}

static void value_copy(struct table *table, struct table_entry *entry, struct qiao_bytes value)
{
    if (entry->copy_capacity < value.size || !entry->value) {
        entry->value = take(table, value.size);
        entry->copy_capacity = (uint16_t)(value.size > UINT16_MAX ? UINT16_MAX : value.size);
    }
    if (value.size)
        memcpy((uint8_t *)(uintptr_t)entry->value, value.data, value.size);
}

void table_put(struct table *table, struct qiao_bytes key, struct qiao_bytes value, struct record_buffer *buffer)
{
    bool is_copied = value.size < TABLE_VALUE_SIZE_COPIED;
    struct table_entry *entry = entry_get(table, key, is_copied ? value.size : 0);

    assert(buffer || is_copied);
    table->growth -= entry_growth(entry);
    if (!is_copied)
        buffer_hold(table, buffer); /* before the old value goes: it may be in the same buffer */
    buffer_drop(table, entry);
    if (is_copied) {
        value_copy(table, entry, value);
    } else {
        entry->buffer = buffer;
        entry->value = value.data;
    }
    entry->value_size = (uint32_t)value.size;
    entry->is_removed = false;
    table->growth += entry_growth(entry);
}

void table_remove(struct table *table, struct qiao_bytes key, uint64_t below_cost)
{
    struct table_entry *entry = entry_get(table, key, 0);

    table->growth -= entry_growth(entry);
    buffer_drop(table, entry);
    entry->value_size = 0;
    entry->is_removed = true;
    entry->below_cost = below_cost > UINT32_MAX ? UINT32_MAX : (uint32_t)below_cost;
    table->growth += entry_growth(entry);
}

/* A finger that leads through an entry which goes leads past it; one that ends there is gone. */
static void finger_repair(struct finger *finger, const struct table_entry *entry, struct table_entry **links[LEVELS_MAX])
{
    if (finger->last == entry)
        finger->last = NULL;
    for (unsigned level = 0; level < entry->levels; level++) {
        if (finger->links[level] == &entry->next[level])
            finger->links[level] = links[level];
    }
}

static struct table_entry *unlink_entry(struct table *table, struct table_entry *entry, struct table_entry **links[LEVELS_MAX])
{
    struct table_entry *next = entry->next[0];

    table->growth -= entry_growth(entry);
    buffer_drop(table, entry);
    for (unsigned level = 0; level < entry->levels; level++)
        *links[level] = entry->next[level];
    for (unsigned i = 0; i < FINGERS; i++)
        finger_repair(&table->fingers[i], entry, links);
    index_remove(&table->index, entry);
    return next;
}

void table_erase(struct table *table, struct qiao_bytes key)
{
    struct table_entry **links[LEVELS_MAX];

    if (table_find(table, key))
        unlink_entry(table, seek_links(table, key, links), links);
}

void table_erase_range(struct table *table, struct qiao_bytes from, struct qiao_bytes to)
{
    struct table_entry **links[LEVELS_MAX], *entry = seek_links(table, from, links);

    while (entry && (to.size == 0 || is_before(entry, to))) {
        if (!entry->is_removed) {
            entry = unlink_entry(table, entry, links);
            continue;
        }
        for (unsigned level = 0; level < entry->levels; level++) /* step over one that stays */
            links[level] = &entry->next[level];
        entry = entry->next[0];
    }
}

bool table_is_empty(const struct table *table)
{
    return table->index.count == 0;
}

size_t table_bytes(const struct table *table)
{
    return table->bytes;
}

int64_t table_growth(const struct table *table)
{
    return table->growth;
}
