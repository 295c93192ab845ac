/* The journal engine: opening, and the reading thread's side. */
#include "journal.h"
#include "journal_pages.h"
#include "journal_store.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MIB (1024u * 1024u)

static const struct journal_tuning production = {
    .base = &store_engine_lmdb,
    .table_bytes_max = 6 * MIB,
    .table_age_ms_max = 30000,
};

struct journal_store *journal_of(struct store *base)
{
    assert(base->engine == &store_engine_journal);
    return (struct journal_store *)base;
}

uint64_t journal_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool key_is_private(struct qiao_bytes key)
{
    return qiao_bytes_equal(key, journal_note_key);
}

/* ---- reading ---- */

/* What layers from `first` down to the base say. */
static bool get_below(struct journal_store *store, unsigned first, struct qiao_bytes key, struct qiao_bytes *ret_value)
{
    for (unsigned i = first; i < store->layers_count; i++) {
        const struct table_entry *entry = table_find(store->layers[i].table, key);
        if (!entry)
            continue;
        *ret_value = table_entry_value(entry);
        return !entry->is_removed;
    }
    return !bounds_exclude(&store->bounds, key) && !key_is_private(key) && store_get(store->under, key, ret_value);
}

static bool engine_get(struct store *base, struct qiao_bytes key, struct qiao_bytes *ret_value)
{
    struct journal_store *store = journal_of(base);
    struct qiao_bytes value;
    bool found;

    if (key.size == 0 || key.size > STORE_KEY_SIZE_MAX)
        return false;
    pthread_mutex_lock(&store->state);
    found = get_below(store, 0, key, &value);
    pthread_mutex_unlock(&store->state);
    if (found)
        *ret_value = value;
    return found;
}

/* A scan walks the base and puts in, before each of its keys, what the layers have up to there. */
struct merge {
    const struct table_entry *at[LAYERS_MAX];
    unsigned first, count;
    struct qiao_bytes to;
    store_visit visit;
    void *context;
    bool stopped;
};

static bool is_beyond(struct qiao_bytes key, struct qiao_bytes to)
{
    return to.size && table_key_compare(key, to) >= 0;
}

/* The layer with the smallest key, the upper one of equals; -1: none. */
static int merge_smallest(const struct merge *merge)
{
    int smallest = -1;

    for (unsigned i = merge->first; i < merge->count; i++) {
        if (!merge->at[i] || is_beyond(table_entry_key(merge->at[i]), merge->to))
            continue;
        if (smallest < 0 || table_key_compare(table_entry_key(merge->at[i]), table_entry_key(merge->at[smallest])) < 0)
            smallest = (int)i;
    }
    return smallest;
}

static void merge_step_over(struct merge *merge, struct qiao_bytes key)
{
    for (unsigned i = merge->first; i < merge->count; i++) {
        if (merge->at[i] && table_key_compare(table_entry_key(merge->at[i]), key) == 0)
            merge->at[i] = merge->at[i]->next[0];
    }
}

/* Visits what the layers have before `limit` (NULL: all). True if they also say something about limit itself. */
static bool merge_until(struct merge *merge, const struct qiao_bytes *limit)
{
    int smallest, order;

    while (!merge->stopped && (smallest = merge_smallest(merge)) >= 0) {
        const struct table_entry *entry = merge->at[smallest];
        order = limit ? table_key_compare(table_entry_key(entry), *limit) : -1;
        if (order > 0)
            break;
        merge_step_over(merge, table_entry_key(entry));
        if (!entry->is_removed && !merge->visit(merge->context, table_entry_key(entry), table_entry_value(entry)))
            merge->stopped = true;
        if (order == 0)
            return true;
    }
    return false;
}

static bool merge_visit(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct merge *merge = context;
    bool is_hidden = merge_until(merge, &key) || key_is_private(key);

    if (!merge->stopped && !is_hidden && !merge->visit(merge->context, key, value))
        merge->stopped = true;
    return !merge->stopped;
}

static void scan_below(struct journal_store *store, unsigned first, struct qiao_bytes from, struct qiao_bytes to, store_visit visit, void *context)
{
    struct merge merge = { .first = first, .count = store->layers_count, .to = to, .visit = visit, .context = context };

    for (unsigned i = first; i < store->layers_count; i++)
        merge.at[i] = table_seek(store->layers[i].table, from);
    store_scan(store->under, from, to, merge_visit, &merge);
    merge_until(&merge, NULL);
}

static void engine_scan(struct store *base, struct qiao_bytes from, struct qiao_bytes to, store_visit visit, void *context)
{
    struct journal_store *store = journal_of(base);

    assert(from.size <= STORE_KEY_SIZE_MAX && to.size <= STORE_KEY_SIZE_MAX);
    pthread_mutex_lock(&store->state);
    scan_below(store, 0, from, to, visit, context);
    pthread_mutex_unlock(&store->state);
}

uint64_t journal_cost_of(struct journal_store *store, struct qiao_bytes key)
{
    struct qiao_bytes value;

    return get_below(store, 0, key, &value) ? record_cost(key.size, value.size) : 0;
}

static bool add_cost(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    *(uint64_t *)context += record_cost(key.size, value.size);
    return true;
}

uint64_t journal_cost_of_range(struct journal_store *store, struct qiao_bytes from, struct qiao_bytes to)
{
    uint64_t cost = 0;

    scan_below(store, 0, from, to, add_cost, &cost);
    return cost;
}

/* ---- applying what was committed ---- */

static void apply_put(struct journal_store *store, const struct store_op *op, struct record_buffer *buffer)
{
    table_put(store->layers[0].table, op->key, op->value, buffer);
}

static void apply_remove(struct journal_store *store, const struct store_op *op, struct record_buffer *buffer)
{
    struct qiao_bytes value;

    (void)buffer;
    if (get_below(store, 1, op->key, &value))
        table_remove(store->layers[0].table, op->key, record_cost(op->key.size, value.size));
    else
        table_erase(store->layers[0].table, op->key);
}

static bool remove_visited(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    table_remove(context, key, record_cost(key.size, value.size));
    return true;
}

static void apply_remove_range(struct journal_store *store, const struct store_op *op, struct record_buffer *buffer)
{
    (void)buffer;
    table_erase_range(store->layers[0].table, op->key, op->value);
    scan_below(store, 1, op->key, op->value, remove_visited, store->layers[0].table);
}

void journal_apply(struct journal_store *store, struct record_buffer *buffer)
{
    static void (*const apply[])(struct journal_store *, const struct store_op *, struct record_buffer *) = {
        [STORE_PUT] = apply_put,
        [STORE_REMOVE] = apply_remove,
        [STORE_REMOVE_RANGE] = apply_remove_range,
    };
    struct record_cursor cursor = record_begin(buffer);
    struct store_op op;

    if (table_is_empty(store->layers[0].table))
        store->layer_born_ms = journal_now_ms();
    while (record_next(&cursor, &op))
        apply[op.type](store, &op, buffer);
    store->applied = (struct journal_position){ buffer->sequence + 1, buffer->offset_end };
}

/* ---- refresh ---- */

bool journal_take_written(struct journal_store *store)
{
    bool refused;

    pthread_mutex_lock(&store->lock);
    for (unsigned i = 1; i < store->layers_count; i++) {
        bool is_written = store->layers[i].table != store->job;
        store->under_is_stale = store->under_is_stale || is_written != store->layers[i].is_written;
        store->layers[i].is_written = is_written;
    }
    refused = store->job && !store->job_runs && !store->broken;
    pthread_mutex_unlock(&store->lock);
    return refused;
}

/* Room taken is what the base had when its last checkpoint ended, and what the layers it does not have yet will add. */
void journal_publish(struct journal_store *store)
{
    struct store_stat stat = store->under_stat; /* written by this function only */
    int64_t growth = 0;
    bool settled = true;

    for (unsigned i = 0; i < store->layers_count; i++) {
        growth += store->layers[i].is_written ? 0 : table_growth(store->layers[i].table);
        settled = settled && (i == 0 || store->layers[i].is_written);
    }
    if (store->under_is_stale && settled) {
        store_stat(store->under, &stat);
        store->under_is_stale = false;
    }
    pthread_mutex_lock(&store->lock);
    store->layers_growth = growth;
    store->under_stat = stat;
    pthread_mutex_unlock(&store->lock);
}

bool journal_freeze(struct journal_store *store)
{
    bool can = store->layers_count == 1 || (store->layers_count < LAYERS_MAX && store->layers[1].is_written);

    if (!can || store->applied.sequence == store->layers[0].end.sequence)
        return false;
    journal_publish(store); /* now, while the base is at rest: its size is not read again until this layer is in it */
    for (unsigned i = store->layers_count++; i > 0; i--)
        store->layers[i] = store->layers[i - 1];
    store->layers[1].end = store->applied;
    store->layers[0] = (struct journal_layer){ .table = table_new(), .end = store->applied };
    pthread_mutex_lock(&store->lock);
    store->job = store->layers[1].table;
    store->job_end = store->applied;
    store->job_runs = true;
    store->freeze_wanted = false;
    pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->lock);
    return true;
}

/* The base shows the last checkpoint's note once its view has moved past that checkpoint. */
static bool base_shows(struct journal_store *store, struct journal_position end)
{
    struct journal_note note;
    bool found;

    return journal_note_read(store->under, &note, &found) == 0 && found && note.position.sequence >= end.sequence;
}

/* A table that was frozen because of its age, not its size, says that the store has little to do: then memory is given back. */
static void drop_table(struct journal_store *store, struct journal_layer *layer)
{
    bool is_quiet = table_bytes(layer->table) < store->tuning.table_bytes_max / 2;

    layer->table = table_free(layer->table);
    if (is_quiet)
        pages_trim();
}

/* Moves the view of the base on and lets go of layers it shows. */
static void refresh_base(struct journal_store *store, bool refused)
{
    struct journal_layer *last = &store->layers[store->layers_count - 1];
    uint64_t base_commits;

    pthread_mutex_lock(&store->lock);
    base_commits = store->base_commits;
    pthread_mutex_unlock(&store->lock);
    if (base_commits == store->base_commits_seen && !refused && !last->is_written)
        return;
    store_refresh(store->under);
    store->base_commits_seen = base_commits;
    store->under_is_stale = true;
    for (; store->layers_count > 1 && last->is_written && base_shows(store, last->end); last--) {
        drop_table(store, last);
        store->layers_count--;
    }
}

/* The base had no room for the frozen layer: what has been removed meanwhile is taken out of it, and it is tried again. */
static void retry_refused(struct journal_store *store)
{
    struct journal_layer *frozen = &store->layers[1], *active = &store->layers[0];
    struct qiao_bytes value;

    for (const struct table_entry *e = table_seek(active->table, qiao_bytes(NULL, 0)); e; e = e->next[0]) {
        struct qiao_bytes key = table_entry_key(e);
        if (!e->is_removed)
            table_put(frozen->table, key, table_entry_value(e), e->buffer);
        else if (get_below(store, 2, key, &value)) /* in the base, or put there by the refused checkpoint */
            table_remove(frozen->table, key, record_cost(key.size, value.size));
        else
            table_erase(frozen->table, key);
    }
    table_free(active->table);
    *active = (struct journal_layer){ .table = table_new(), .end = store->applied };
    frozen->end = store->applied;
    pthread_mutex_lock(&store->lock);
    store->job_end = frozen->end;
    store->job_runs = true;
    pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->lock);
}

static struct record_buffer *take_pending(struct journal_store *store)
{
    struct record_buffer *buffer;

    pthread_mutex_lock(&store->lock);
    buffer = store->pending;
    store->pending = NULL;
    store->pending_end = &store->pending;
    store->pending_growth = 0;
    pthread_mutex_unlock(&store->lock);
    return buffer;
}

static void apply_pending(struct journal_store *store)
{
    struct record_buffer *next;

    for (struct record_buffer *buffer = take_pending(store); buffer; buffer = next) {
        next = buffer->next;
        journal_apply(store, buffer);
        record_buffer_unref(buffer);
    }
}

/* Half of the journal leaves the other half for what comes while the first is written. */
static bool is_due(struct journal_store *store)
{
    bool due;

    if (store->applied.sequence == store->layers[0].end.sequence)
        return false;
    pthread_mutex_lock(&store->lock);
    due = store->freeze_wanted || ring_used(&store->ring) > store->ring.size / 2;
    pthread_mutex_unlock(&store->lock);
    return due || table_bytes(store->layers[0].table) > store->tuning.table_bytes_max ||
           journal_now_ms() - store->layer_born_ms > store->tuning.table_age_ms_max;
}

static void engine_refresh(struct store *base)
{
    struct journal_store *store = journal_of(base);
    bool refused;

    pthread_mutex_lock(&store->state);
    refused = journal_take_written(store);
    refresh_base(store, refused);
    apply_pending(store);
    if (refused)
        retry_refused(store);
    else if (is_due(store))
        journal_freeze(store);
    journal_publish(store);
    pthread_mutex_unlock(&store->state);
}

static void engine_stat(struct store *base, struct store_stat *ret_stat)
{
    struct journal_store *store = journal_of(base);
    int64_t used;

    pthread_mutex_lock(&store->state);
    journal_take_written(store);
    store->under_is_stale = true;
    journal_publish(store);
    *ret_stat = store->under_stat;
    if (store->under_is_stale)
        store_stat(store->under, ret_stat); /* a checkpoint is under way */
    pthread_mutex_lock(&store->lock);
    used = (int64_t)store->under_stat.bytes_used + store->layers_growth + (int64_t)store->pending_growth;
    ret_stat->bytes_used = used > 0 ? (uint64_t)used : 0;
    ret_stat->commits = store->commits;
    ret_stat->syncs += store->syncs;
    ret_stat->bytes_written += store->bytes_written;
    ret_stat->working = store->job && ring_used(&store->ring) > store->ring.size / 2;
    pthread_mutex_unlock(&store->lock);
    pthread_mutex_unlock(&store->state);
}

/* ---- open and close ---- */

/* All that is committed goes into the base, oldest first, so that the next start has nothing to do. What does not fit stays
 * in the journal. */
static void write_rest(struct journal_store *store)
{
    engine_refresh(&store->base);
    journal_take_written(store);
    for (unsigned i = store->layers_count; i-- > 0;) {
        struct journal_position end = i > 0 ? store->layers[i].end : store->applied;
        if (!store->layers[i].is_written && journal_write_table(store, store->layers[i].table, end, i > 0))
            return;
    }
}

static struct store *engine_close(struct store *base)
{
    struct journal_store *store = journal_of(base);
    struct record_buffer *next;

    journal_checkpoint_stop(store);
    if (store->under && store->ring.fd >= 0 && !store->broken)
        write_rest(store);
    for (struct record_buffer *buffer = store->pending; buffer; buffer = next) {
        next = buffer->next;
        record_buffer_unref(buffer);
    }
    for (unsigned i = 0; i < store->layers_count; i++)
        table_free(store->layers[i].table);
    pages_trim();
    ring_close(&store->ring);
    store->under = store_close(store->under);
    pthread_cond_destroy(&store->changed);
    pthread_mutex_destroy(&store->lock);
    pthread_mutex_destroy(&store->state);
    pthread_mutex_destroy(&store->checkpointing);
    free(store->path);
    free(store);
    return NULL;
}

static struct journal_store *store_new(const struct store_options *options, const struct journal_tuning *tuning)
{
    struct journal_store *store = calloc(1, sizeof(*store));
    pthread_mutexattr_t attributes;

    if (!store || !(store->path = strdup(options->path))) {
        free(store);
        return NULL;
    }
    store->base.engine = &store_engine_journal;
    store->tuning = *tuning;
    store->bytes_max = options->bytes_max;
    store->version = options->version;
    store->ring.fd = -1;
    store->pending_end = &store->pending;
    store->layers[0].table = table_new();
    store->layers_count = 1;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&store->state, &attributes);
    pthread_mutexattr_destroy(&attributes);
    pthread_mutex_init(&store->lock, NULL);
    pthread_mutex_init(&store->checkpointing, NULL);
    pthread_cond_init(&store->changed, NULL);
    return store;
}

int journal_open(const struct store_options *options, const struct journal_tuning *tuning, struct store **ret_store, char *reterr_text,
                 size_t reterr_size)
{
    struct journal_store *store;
    int result;

    if (!options->path || !options->path[0]) {
        snprintf(reterr_text, reterr_size, "the store has no path");
        return -EINVAL;
    }
    store = store_new(options, tuning);
    if (!store) {
        snprintf(reterr_text, reterr_size, "no memory to open store %s", options->path);
        return -ENOMEM;
    }
    result = tuning->base->open(options, &store->under, reterr_text, reterr_size);
    if (!result) {
        bounds_init(&store->bounds, store->under);
        result = journal_recover(store, reterr_text, reterr_size);
    }
    if (!result)
        result = journal_checkpoint_start(store);
    if (result) {
        store->broken = result; /* nothing is written on the way out */
        engine_close(&store->base);
        return result;
    }
    *ret_store = &store->base;
    return STORE_OK;
}

static int engine_open(const struct store_options *options, struct store **ret_store, char *reterr_text, size_t reterr_size)
{
    return journal_open(options, &production, ret_store, reterr_text, reterr_size);
}

const struct store_engine store_engine_journal = {
    .name = "journal",
    .open = engine_open,
    .get = engine_get,
    .scan = engine_scan,
    .commit = journal_commit,
    .refresh = engine_refresh,
    .backup = journal_backup,
    .stat = engine_stat,
    .close = engine_close,
};
