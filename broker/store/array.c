/* The array engine: a store whose disk is a field. For tests and the simulator.
 *
 * One skip list holds two states of each record: what the last commit left, and what readers see. They differ only for
 * records touched since the last refresh; those hang in a list, and refresh settles that list alone. So a commit costs
 * its own size and nothing is ever copied for a snapshot. Both states are plain pointers to the same kind of value, and a
 * value is freed when neither state points at it. */
#include "array.h"
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define LEVELS_MAX 20u

struct value {
    size_t size;
    uint8_t bytes[];
};

struct record {
    struct value *committed; /* NULL: not there */
    struct value *visible;   /* NULL: not there */
    struct record *touched_next;
    bool is_touched;
    uint8_t key_size;
    uint8_t levels;
    uint8_t *key;         /* behind next, in the same allocation */
    struct record *next[];
};

/* What a commit replaced, newest last, to take it back when it does not fit. */
struct undo {
    struct record *record;
    struct value *committed;
};

struct undo_log {
    struct undo *entries;
    size_t count, capacity;
};

struct array_store {
    struct store base;
    pthread_mutex_t lock; /* recursive: a visit may call get */
    struct record *first[LEVELS_MAX];
    struct record *touched;
    struct undo_log undo; /* kept between commits for its memory */
    uint64_t random;
    uint64_t bytes_max;
    struct store_array_faults faults;
    struct store_stat stat;
};

static struct array_store *array_new(uint64_t bytes_max)
{
    struct array_store *array = calloc(1, sizeof(*array));
    pthread_mutexattr_t attributes;

    if (!array)
        return NULL;
    array->base.engine = &store_engine_array;
    array->bytes_max = bytes_max;
    array->random = 0x9e3779b97f4a7c15u;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&array->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return array;
}

static int engine_open(const struct store_options *options, struct store **ret_store, char *reterr_text, size_t reterr_size)
{
    struct array_store *array = array_new(options->bytes_max);

    if (!array) {
        snprintf(reterr_text, reterr_size, "no memory to open a store");
        return -ENOMEM;
    }
    *ret_store = &array->base;
    return STORE_OK;
}

static struct array_store *array_of(struct store *base)
{
    assert(base->engine == &store_engine_array);
    return (struct array_store *)base;
}

static int key_compare(const struct record *record, struct qiao_bytes key)
{
    size_t common = record->key_size < key.size ? record->key_size : key.size;
    int order = common ? memcmp(record->key, key.data, common) : 0;

    return order ? order : (record->key_size > key.size) - (record->key_size < key.size);
}

/* The first record whose key is not less than key. ret_links, if given, gets the pointer to it on each level. */
static struct record *find(struct array_store *array, struct qiao_bytes key, struct record **ret_links[LEVELS_MAX])
{
    struct record **heads = array->first;

    for (unsigned level = LEVELS_MAX; level-- > 0;) {
        while (heads[level] && key_compare(heads[level], key) < 0)
            heads = heads[level]->next;
        if (ret_links)
            ret_links[level] = &heads[level];
    }
    return heads[0];
}

static bool is_at(const struct record *record, struct qiao_bytes key)
{
    return record && key_compare(record, key) == 0;
}

static bool engine_get(struct store *base, struct qiao_bytes key, struct qiao_bytes *ret_value)
{
    struct array_store *array = array_of(base);
    struct record *record;
    bool found;

    pthread_mutex_lock(&array->lock);
    record = find(array, key, NULL);
    found = is_at(record, key) && record->visible;
    if (found)
        *ret_value = qiao_bytes(record->visible->bytes, record->visible->size);
    pthread_mutex_unlock(&array->lock);
    return found;
}

static void engine_scan(struct store *base, struct qiao_bytes from, struct qiao_bytes to, store_visit visit, void *context)
{
    struct array_store *array = array_of(base);

    assert(from.size <= STORE_KEY_SIZE_MAX && to.size <= STORE_KEY_SIZE_MAX);
    pthread_mutex_lock(&array->lock);
    for (struct record *record = find(array, from, NULL); record; record = record->next[0]) {
        if (to.size && key_compare(record, to) >= 0)
            break;
        if (record->visible && !visit(context, qiao_bytes(record->key, record->key_size), qiao_bytes(record->visible->bytes, record->visible->size)))
            break;
    }
    pthread_mutex_unlock(&array->lock);
}

/* One level in four records, from a fixed seed: the same run builds the same list. */
static unsigned random_levels(struct array_store *array)
{
    unsigned levels = 1;

    array->random ^= array->random << 13;
    array->random ^= array->random >> 7;
    array->random ^= array->random << 17;
    for (uint64_t bits = array->random; (bits & 3) == 0 && levels < LEVELS_MAX; bits >>= 2)
        levels++;
    return levels;
}

static struct record *record_insert(struct array_store *array, struct qiao_bytes key, struct record **links[LEVELS_MAX])
{
    unsigned levels = random_levels(array);
    struct record *record = calloc(1, sizeof(*record) + levels * sizeof(record->next[0]) + key.size);

    if (!record)
        return NULL;
    record->levels = (uint8_t)levels;
    record->key = (uint8_t *)&record->next[levels];
    record->key_size = (uint8_t)key.size;
    memcpy(record->key, key.data, key.size);
    for (unsigned level = 0; level < levels; level++) {
        record->next[level] = *links[level];
        *links[level] = record;
    }
    return record;
}

static void record_remove(struct array_store *array, struct record *record)
{
    struct record **links[LEVELS_MAX];

    find(array, qiao_bytes(record->key, record->key_size), links);
    for (unsigned level = 0; level < record->levels; level++)
        *links[level] = record->next[level];
    free(record);
}

static void touch(struct array_store *array, struct record *record)
{
    if (record->is_touched)
        return;
    record->is_touched = true;
    record->touched_next = array->touched;
    array->touched = record;
}

static uint64_t bytes_of(const struct record *record)
{
    return record->committed ? record->key_size + record->committed->size : 0;
}

static int undo_push(struct undo_log *undo, struct record *record)
{
    if (undo->count == undo->capacity) {
        size_t capacity = undo->capacity ? undo->capacity * 2 : 64;
        struct undo *entries = realloc(undo->entries, capacity * sizeof(*entries));
        if (!entries)
            return -ENOMEM;
        undo->entries = entries;
        undo->capacity = capacity;
    }
    undo->entries[undo->count++] = (struct undo){ record, record->committed };
    return 0;
}

/* The record gets a new committed state; the old one stays in the undo log. */
static int record_set(struct array_store *array, struct record *record, struct value *value)
{
    int result = undo_push(&array->undo, record);

    if (result)
        return result;
    array->stat.bytes_used -= bytes_of(record);
    record->committed = value;
    array->stat.bytes_used += bytes_of(record);
    touch(array, record);
    return 0;
}

static struct value *value_new(struct qiao_bytes bytes)
{
    struct value *value = malloc(sizeof(*value) + bytes.size);

    if (!value)
        return NULL;
    value->size = bytes.size;
    if (bytes.size)
        memcpy(value->bytes, bytes.data, bytes.size);
    return value;
}

static int apply_put(struct array_store *array, const struct store_op *op)
{
    struct record **links[LEVELS_MAX];
    struct record *record = find(array, op->key, links);
    struct value *value = value_new(op->value);
    int result;

    if (!value)
        return -ENOMEM;
    if (!is_at(record, op->key)) {
        record = record_insert(array, op->key, links);
        if (record)
            touch(array, record); /* refresh takes it out again if it stays empty */
    }
    result = record ? record_set(array, record, value) : -ENOMEM;
    if (result)
        free(value);
    return result;
}

static int apply_remove(struct array_store *array, const struct store_op *op)
{
    struct record *record = find(array, op->key, NULL);

    if (!is_at(record, op->key) || !record->committed)
        return 0;
    return record_set(array, record, NULL);
}

static int apply_remove_range(struct array_store *array, const struct store_op *op)
{
    int result = 0;

    for (struct record *record = find(array, op->key, NULL); record && !result; record = record->next[0]) {
        if (op->value.size && key_compare(record, op->value) >= 0)
            break;
        if (record->committed)
            result = record_set(array, record, NULL);
    }
    return result;
}

static int (*const apply[])(struct array_store *array, const struct store_op *op) = {
    [STORE_PUT] = apply_put,
    [STORE_REMOVE] = apply_remove,
    [STORE_REMOVE_RANGE] = apply_remove_range,
};

static bool batch_is_valid(const struct store_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct store_op *op = &batch->ops[i];
        bool is_range = op->type == STORE_REMOVE_RANGE;
        if (op->type > STORE_REMOVE_RANGE || op->key.size > STORE_KEY_SIZE_MAX || (op->key.size == 0 && !is_range))
            return false;
        if (op->value.size > (is_range ? STORE_KEY_SIZE_MAX : UINT32_MAX))
            return false;
    }
    return true;
}

static void value_drop(const struct record *record, struct value *value)
{
    if (value != record->visible && value != record->committed)
        free(value);
}

static void undo_take_back(struct array_store *array)
{
    while (array->undo.count > 0) {
        struct undo *undo = &array->undo.entries[--array->undo.count];
        struct value *refused = undo->record->committed;
        array->stat.bytes_used -= bytes_of(undo->record);
        undo->record->committed = undo->committed;
        array->stat.bytes_used += bytes_of(undo->record);
        value_drop(undo->record, refused);
    }
}

static void undo_forget(struct array_store *array)
{
    for (size_t i = 0; i < array->undo.count; i++)
        value_drop(array->undo.entries[i].record, array->undo.entries[i].committed);
    array->undo.count = 0;
}

static uint64_t bytes_max_of(const struct array_store *array)
{
    uint64_t a = array->bytes_max ? array->bytes_max : UINT64_MAX, b = array->faults.bytes_max ? array->faults.bytes_max : UINT64_MAX;

    return a < b ? a : b;
}

static int commit_locked(struct array_store *array, const struct store_batch *batch)
{
    uint64_t bytes_before = array->stat.bytes_used, bytes_written = 0;
    int result = 0;

    if (array->faults.full)
        return STORE_FULL;
    for (size_t i = 0; i < batch->count && !result; i++) {
        result = apply[batch->ops[i].type](array, &batch->ops[i]);
        bytes_written += batch->ops[i].key.size + batch->ops[i].value.size;
    }
    if (!result && array->stat.bytes_used > bytes_before && array->stat.bytes_used > bytes_max_of(array))
        result = STORE_FULL;
    if (result) {
        undo_take_back(array);
        return result;
    }
    undo_forget(array);
    array->stat.commits++;
    array->stat.syncs++;
    array->stat.bytes_written += bytes_written;
    return STORE_OK;
}

static int engine_commit(struct store *base, const struct store_batch *batch)
{
    struct array_store *array = array_of(base);
    int result;

    if (!batch_is_valid(batch))
        return -EINVAL;
    if (batch->count == 0)
        return STORE_OK;
    pthread_mutex_lock(&array->lock);
    result = commit_locked(array, batch);
    pthread_mutex_unlock(&array->lock);
    return result;
}

static void engine_refresh(struct store *base)
{
    struct array_store *array = array_of(base);
    struct record *record, *next;

    pthread_mutex_lock(&array->lock);
    for (record = array->touched; record; record = next) {
        next = record->touched_next;
        record->is_touched = false;
        if (record->visible != record->committed)
            free(record->visible);
        record->visible = record->committed;
        if (!record->committed)
            record_remove(array, record);
    }
    array->touched = NULL;
    pthread_mutex_unlock(&array->lock);
}

static int engine_backup(struct store *base, const char *path)
{
    (void)base;
    (void)path;
    return -ENOTSUP; /* there is no disk: store_array_clone is what a test wants */
}

static void engine_stat(struct store *base, struct store_stat *ret_stat)
{
    struct array_store *array = array_of(base);

    pthread_mutex_lock(&array->lock);
    *ret_stat = array->stat;
    ret_stat->bytes_max = bytes_max_of(array);
    pthread_mutex_unlock(&array->lock);
}

static struct store *engine_close(struct store *base)
{
    struct array_store *array = array_of(base);
    struct record *record, *next;

    for (record = array->first[0]; record; record = next) {
        next = record->next[0];
        if (record->visible != record->committed)
            free(record->visible);
        free(record->committed);
        free(record);
    }
    free(array->undo.entries);
    pthread_mutex_destroy(&array->lock);
    free(array);
    return NULL;
}

struct store_array_faults *store_array_faults(struct store *store)
{
    return &array_of(store)->faults;
}

static bool copy_committed(struct array_store *to, struct array_store *from)
{
    for (struct record *record = from->first[0]; record; record = record->next[0]) {
        struct store_op op = { STORE_PUT, qiao_bytes(record->key, record->key_size), { NULL, 0 } };
        if (!record->committed)
            continue;
        op.value = qiao_bytes(record->committed->bytes, record->committed->size);
        if (apply_put(to, &op))
            return false;
    }
    undo_forget(to);
    engine_refresh(&to->base);
    return true;
}

struct store *store_array_clone(struct store *store)
{
    struct array_store *from = array_of(store), *to = array_new(from->bytes_max);
    bool copied;

    if (!to)
        return NULL;
    pthread_mutex_lock(&from->lock);
    copied = copy_committed(to, from);
    pthread_mutex_unlock(&from->lock);
    return copied ? &to->base : engine_close(&to->base);
}

static uint64_t digest_bytes(uint64_t digest, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < size; i++)
        digest = (digest ^ bytes[i]) * 0x100000001b3u;
    return digest;
}

/* Sizes go in as well, so that moving a byte from a key to its value changes the digest. */
uint64_t store_array_digest(struct store *store)
{
    struct array_store *array = array_of(store);
    uint64_t digest = 0xcbf29ce484222325u;

    pthread_mutex_lock(&array->lock);
    for (struct record *record = array->first[0]; record; record = record->next[0]) {
        uint64_t size = record->committed ? record->committed->size : 0;
        if (!record->committed)
            continue;
        digest = digest_bytes(digest, &record->key_size, sizeof(record->key_size));
        digest = digest_bytes(digest, record->key, record->key_size);
        digest = digest_bytes(digest, &size, sizeof(size));
        digest = digest_bytes(digest, record->committed->bytes, (size_t)size);
    }
    pthread_mutex_unlock(&array->lock);
    return digest;
}

const struct store_engine store_engine_array = {
    .name = "array",
    .open = engine_open,
    .get = engine_get,
    .scan = engine_scan,
    .commit = engine_commit,
    .refresh = engine_refresh,
    .backup = engine_backup,
    .stat = engine_stat,
    .close = engine_close,
};
