/* The journal engine: the committing thread's side. A batch is one record, one write and one flush. */
#include "journal_store.h"
#include <errno.h>

static int failure_so_far(struct journal_store *store);
static bool is_admitted(struct journal_store *store, const struct store_batch *batch, uint64_t growth);
static int wait_for_place(struct journal_store *store, uint64_t size, uint64_t *ret_offset);
static int write_record(struct journal_store *store, struct record_buffer *buffer, uint64_t offset);

int journal_commit(struct store *base, const struct store_batch *batch)
{
    struct journal_store *store = journal_of(base);
    struct record_buffer *buffer;
    uint64_t size, offset;
    int result;

    if (!record_batch_is_valid(batch))
        return -EINVAL;
    for (size_t i = 0; i < batch->count; i++) {
        if (qiao_bytes_equal(batch->ops[i].key, journal_note_key))
            return -EINVAL;
    }
    if (batch->count == 0)
        return STORE_OK;
    result = failure_so_far(store);
    if (result)
        return result;
    size = record_size(batch);
    if (size > ring_record_size_max(&store->ring))
        return journal_commit_large(store, batch);
    buffer = record_buffer_new((size_t)size);
    if (!buffer)
        return -ENOMEM;
    record_pack(buffer, batch);
    result = is_admitted(store, batch, buffer->growth) ? wait_for_place(store, size, &offset) : STORE_FULL;
    if (!result)
        result = write_record(store, buffer, offset);
    if (result)
        record_buffer_unref(buffer);
    return result;
}

/* The first failure of the disk is the last word: nothing is tried again after it. */
static int failure_so_far(struct journal_store *store)
{
    int broken;

    pthread_mutex_lock(&store->lock);
    broken = store->broken;
    pthread_mutex_unlock(&store->lock);
    return broken;
}

static int64_t exact_growth(struct journal_store *store, const struct store_batch *batch)
{
    int64_t growth = 0;

    for (size_t i = 0; i < batch->count; i++) {
        const struct store_op *op = &batch->ops[i];
        if (op->type == STORE_PUT)
            growth += (int64_t)record_cost(op->key.size, op->value.size);
        growth -= (int64_t)(op->type == STORE_REMOVE_RANGE ? journal_cost_of_range(store, op->key, op->value) : journal_cost_of(store, op->key));
    }
    return growth;
}

static bool fits(struct journal_store *store, int64_t growth)
{
    int64_t used;
    bool fit;

    pthread_mutex_lock(&store->lock);
    used = (int64_t)store->under_stat.bytes_used + store->layers_growth + (int64_t)store->pending_growth + growth;
    fit = store->refusals < REFUSALS_MAX && (used <= 0 || (uint64_t)used <= store->under_stat.bytes_max);
    pthread_mutex_unlock(&store->lock);
    return fit;
}

/* Has the refused layer tried again, and the estimate of what is in use replaced by the truth, before the batch comes again. */
static void settle(struct journal_store *store)
{
    bool has_job;

    pthread_mutex_lock(&store->lock);
    has_job = store->job != NULL;
    if (has_job && !store->broken)
        store->job_runs = true;
    else
        store->freeze_wanted = true;
    pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->lock);
}

/* A batch that adds nothing is always taken. Puts are first counted as if all keys were new and removals freed nothing; only
 * when that is too much is it looked up what is there (as of the last refresh). */
static bool is_admitted(struct journal_store *store, const struct store_batch *batch, uint64_t puts)
{
    int64_t growth;
    bool fit;

    if (fits(store, (int64_t)puts))
        return true;
    pthread_mutex_lock(&store->state); /* keeps refresh away: a frozen table may be changed there while it is refused */
    growth = exact_growth(store, batch);
    fit = growth <= 0 || fits(store, growth);
    if (!fit)
        settle(store);
    pthread_mutex_unlock(&store->state);
    return fit;
}

/* Starts a checkpoint of what readers have seen so far, if none is running. */
static bool freeze(struct journal_store *store)
{
    bool frozen;

    pthread_mutex_lock(&store->state);
    journal_take_written(store);
    frozen = journal_freeze(store);
    if (frozen)
        journal_publish(store);
    pthread_mutex_unlock(&store->state);
    return frozen;
}

/* 0, STORE_FULL when waiting would not help, or -errno. */
static int wait_for_place(struct journal_store *store, uint64_t size, uint64_t *ret_offset)
{
    int result = STORE_OK;
    bool running;

    pthread_mutex_lock(&store->lock);
    for (;;) {
        *ret_offset = ring_place(&store->ring, size);
        if (store->broken || *ret_offset)
            break;
        running = store->job && store->job_runs;
        if (running) {
            pthread_cond_wait(&store->changed, &store->lock);
            continue;
        }
        pthread_mutex_unlock(&store->lock);
        if (!freeze(store))
            return STORE_FULL; /* the base is full, or refresh has not been called for half a journal */
        pthread_mutex_lock(&store->lock);
    }
    if (store->broken)
        result = store->broken;
    pthread_mutex_unlock(&store->lock);
    return result;
}

static void take_over(struct journal_store *store, struct record_buffer *buffer, uint64_t offset)
{
    buffer->offset_end = store->ring.head = offset + buffer->size;
    store->next_sequence++;
    *store->pending_end = buffer;
    store->pending_end = &buffer->next;
    store->pending_growth += buffer->growth;
    store->commits++;
    store->syncs++;
    store->bytes_written += buffer->size;
}

/* After a failed flush the kernel may count the pages as clean though the disk does not have them; the next flush would then
 * succeed and mean nothing. So the first failure is the last word: nothing more is written, the process ends, and the next
 * start moves what can be read into the base before it goes on. Only a write refused for lack of room (a file system that
 * copies on write) has changed nothing that counts. */
static int write_record(struct journal_store *store, struct record_buffer *buffer, uint64_t offset)
{
    int result;

    record_seal(buffer, store->ring.id, store->next_sequence);
    result = ring_write(&store->ring, buffer, offset);
    pthread_mutex_lock(&store->lock);
    if (!result)
        take_over(store, buffer, offset);
    else if (result == STORE_FULL)
        store->freeze_wanted = true;
    else
        store->broken = result;
    pthread_mutex_unlock(&store->lock);
    return result;
}
