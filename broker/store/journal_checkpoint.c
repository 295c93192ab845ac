/* The journal engine: writing into the base. Mostly on a thread of its own, while commits go on into the journal. */
#include "journal_store.h"
#include <errno.h>
#include <stdlib.h>

/* One commit of the base: small enough that the disk is soon free again for the journal. */
#define OPS_MAX 2048u
#define BYTES_MAX (2u * 1024u * 1024u)

struct writer {
    struct journal_store *store;
    struct store_op ops[OPS_MAX + 1]; /* and the note */
    size_t count, bytes;
};

static int commit_base(struct journal_store *store, struct store_op *ops, size_t count, const struct journal_note *note)
{
    uint8_t bytes[NOTE_SIZE];
    struct store_batch batch = { ops, count + 1 };
    int result;

    for (size_t i = 0; i < count; i++) {
        if (ops[i].type == STORE_PUT)
            bounds_raise(&store->bounds, ops[i].key);
    }
    journal_note_pack(bytes, note);
    ops[count] = (struct store_op){ STORE_PUT, journal_note_key, qiao_bytes(bytes, sizeof(bytes)) };
    result = store_commit(store->under, &batch);
    pthread_mutex_lock(&store->lock);
    store->base_commits++;
    pthread_mutex_unlock(&store->lock);
    return result;
}

/* Every commit writes the note, though all but the last leave it as it was: LMDB hands removed pages out again only after
 * further commits, and an empty one is none. */
static int flush(struct writer *writer, struct journal_position end, bool in_use)
{
    struct journal_note note = { writer->store->ring.id, end, in_use };
    int result = commit_base(writer->store, writer->ops, writer->count, &note);

    writer->count = writer->bytes = 0;
    return result;
}

static int add(struct writer *writer, const struct table_entry *entry)
{
    struct store_op *op = &writer->ops[writer->count++];

    *op = (struct store_op){ entry->is_removed ? STORE_REMOVE : STORE_PUT, table_entry_key(entry), qiao_bytes(NULL, 0) };
    if (!entry->is_removed)
        op->value = table_entry_value(entry);
    writer->bytes += entry->key_size + op->value.size;
    if (writer->count < OPS_MAX && writer->bytes < BYTES_MAX)
        return 0;
    return flush(writer, writer->store->base_end, true);
}

static int add_all(struct writer *writer, const struct table *table, bool is_removed)
{
    int result = 0;

    for (const struct table_entry *e = table_seek(table, qiao_bytes(NULL, 0)); e && !result; e = e->next[0]) {
        if (e->is_removed == is_removed)
            result = add(writer, e);
    }
    return result;
}

/* Removals first: they make room for the rest. The order is free, since a table has each key once; and a crash in between does
 * no harm, since the note still points at the first record of the table and every operation may be done twice. */
int journal_write_table(struct journal_store *store, const struct table *table, struct journal_position end, bool in_use)
{
    struct writer *writer = malloc(sizeof(*writer));
    bool split;
    int result;

    if (!writer)
        return -ENOMEM;
    writer->store = store;
    writer->count = writer->bytes = 0;
    result = add_all(writer, table, true);
    split = writer->count > OPS_MAX / 8 || store->refusals > 0; /* few removals go along with the puts */
    if (!result && split)
        result = flush(writer, store->base_end, true);
    if (!result)
        result = add_all(writer, table, false);
    if (!result)
        result = flush(writer, end, in_use);
    if (!result)
        store->base_end = end;
    free(writer);
    return result;
}

/* ---- the thread ---- */

/* With lock held. */
static void job_ended(struct journal_store *store, int result)
{
    store->job_runs = false;
    if (result == STORE_OK) {
        store->ring.tail = store->job_end.offset;
        store->job = NULL;
        store->refusals = 0;
    } else if (result == STORE_FULL) {
        store->refusals++;
    } else {
        store->broken = result < 0 ? result : -EIO;
    }
    pthread_cond_broadcast(&store->changed);
}

static void *run(void *context)
{
    struct journal_store *store = context;

    pthread_mutex_lock(&store->lock);
    while (!store->stopping) {
        struct journal_position end = store->job_end;
        struct table *table = store->job;
        int result;
        if (!table || !store->job_runs) {
            pthread_cond_wait(&store->changed, &store->lock);
            continue;
        }
        pthread_mutex_unlock(&store->lock);
        pthread_mutex_lock(&store->checkpointing);
        result = journal_write_table(store, table, end, true);
        pthread_mutex_unlock(&store->checkpointing);
        pthread_mutex_lock(&store->lock);
        job_ended(store, result);
    }
    pthread_mutex_unlock(&store->lock);
    return NULL;
}

int journal_checkpoint_start(struct journal_store *store)
{
    int error = pthread_create(&store->thread, NULL, run, store);

    store->has_thread = error == 0;
    return -error;
}

void journal_checkpoint_stop(struct journal_store *store)
{
    if (!store->has_thread)
        return;
    pthread_mutex_lock(&store->lock);
    store->stopping = true;
    pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->lock);
    pthread_join(store->thread, NULL);
    store->has_thread = false;
}

/* ---- a batch too large for the journal ---- */

/* Lets go of both locks until something changes, then takes them again. */
static void wait_for_change(struct journal_store *store)
{
    pthread_mutex_unlock(&store->state);
    pthread_cond_wait(&store->changed, &store->lock);
    pthread_mutex_unlock(&store->lock);
    pthread_mutex_lock(&store->state);
    pthread_mutex_lock(&store->lock);
}

/* Waits until the base has all that was committed. STORE_FULL: some of that waits for a refresh, or does not fit. */
static int wait_for_base(struct journal_store *store)
{
    bool frozen = true, all = false;
    int result = STORE_OK;

    pthread_mutex_lock(&store->state);
    while (!result && !all && frozen) {
        journal_take_written(store);
        pthread_mutex_lock(&store->lock);
        while (store->job && store->job_runs)
            wait_for_change(store);
        all = store->ring.head == store->ring.tail;
        result = store->broken;
        pthread_mutex_unlock(&store->lock);
        journal_take_written(store);
        frozen = all || journal_freeze(store);
    }
    pthread_mutex_unlock(&store->state);
    return result ? result : all ? STORE_OK : STORE_FULL;
}

int journal_commit_large(struct journal_store *store, const struct store_batch *batch)
{
    struct journal_note note = { .journal_id = store->ring.id, .in_use = true };
    struct store_op *ops = malloc((batch->count + 1) * sizeof(*ops));
    int result = ops ? wait_for_base(store) : -ENOMEM;

    if (!result) {
        memcpy(ops, batch->ops, batch->count * sizeof(*ops));
        pthread_mutex_lock(&store->checkpointing);
        note.position = store->base_end;
        result = commit_base(store, ops, batch->count, &note);
        pthread_mutex_unlock(&store->checkpointing);
    }
    pthread_mutex_lock(&store->lock);
    store->commits += result == STORE_OK;
    if (result < 0)
        store->broken = result;
    pthread_mutex_unlock(&store->lock);
    free(ops);
    return result;
}

/* ---- backup ---- */

struct copy {
    struct store *to;
    struct store_op ops[OPS_MAX];
    size_t count;
    int result;
};

static void copy_flush(struct copy *copy)
{
    struct store_batch batch = { copy->ops, copy->count };

    if (!copy->result)
        copy->result = store_commit(copy->to, &batch);
    copy->count = 0;
    store_refresh(copy->to);
}

static void copy_table(struct copy *copy, const struct table *table)
{
    for (const struct table_entry *e = table_seek(table, qiao_bytes(NULL, 0)); e && !copy->result; e = e->next[0]) {
        enum store_op_type type = e->is_removed ? STORE_REMOVE : STORE_PUT;
        copy->ops[copy->count++] = (struct store_op){ type, table_entry_key(e), e->is_removed ? qiao_bytes(NULL, 0) : table_entry_value(e) };
        if (copy->count == OPS_MAX)
            copy_flush(copy);
    }
    copy_flush(copy);
}

/* Adds what the base does not have yet. The copy is a store without a journal: it gets a new one when it is opened. */
static int complete(struct journal_store *store, const char *path)
{
    struct store_options options = { .path = path, .version = store->version };
    struct copy *copy = malloc(sizeof(*copy));
    struct store_op forget = { STORE_REMOVE, journal_note_key, { NULL, 0 } };
    struct store_batch last = { &forget, 1 };
    char text[256];
    int result;

    if (!copy)
        return -ENOMEM;
    copy->count = 0;
    copy->result = 0;
    result = store->tuning.base->open(&options, &copy->to, text, sizeof(text));
    if (!result) {
        for (unsigned i = store->layers_count; i-- > 0;)
            copy_table(copy, store->layers[i].table);
        result = copy->result ? copy->result : store_commit(copy->to, &last);
        store_close(copy->to);
    }
    free(copy);
    return result;
}

/* The base is complete only between two checkpoints, so none may run meanwhile; commits wait when the journal gets full. */
int journal_backup(struct store *base, const char *path)
{
    struct journal_store *store = journal_of(base);
    int result;

    pthread_mutex_lock(&store->checkpointing);
    result = store->under->engine->backup(store->under, path);
    if (!result) {
        pthread_mutex_lock(&store->state);
        result = complete(store, path);
        pthread_mutex_unlock(&store->state);
    }
    pthread_mutex_unlock(&store->checkpointing);
    return result;
}
