/* The LMDB engine: the store thread's side. One batch is one transaction. */
#include "lmdb_store.h"
#include <assert.h>
#include <errno.h>
#include <unistd.h>

static int commit_batch(struct lmdb_store *store, const struct store_batch *batch);
static bool batch_is_valid(const struct store_batch *batch);

int lmdb_commit(struct store *base, const struct store_batch *batch)
{
    struct lmdb_store *store = (struct lmdb_store *)base;
    int result;

    assert(base->engine == &store_engine_lmdb);
    if (!batch_is_valid(batch))
        return -EINVAL;
    if (batch->count == 0)
        return STORE_OK;
    pthread_rwlock_rdlock(&store->environment_lock);
    result = atomic_load(&store->reopen_wanted) ? STORE_FULL : commit_batch(store, batch);
    pthread_rwlock_unlock(&store->environment_lock);
    return result;
}

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

static MDB_val value_of(struct qiao_bytes bytes)
{
    return (MDB_val){ .mv_size = bytes.size, .mv_data = (void *)(uintptr_t)bytes.data };
}

static int apply_put(MDB_txn *txn, MDB_cursor *cursor, const struct store_op *op)
{
    MDB_val key = value_of(op->key), value = value_of(op->value);

    (void)txn;
    return mdb_cursor_put(cursor, &key, &value, 0);
}

static int apply_remove(MDB_txn *txn, MDB_cursor *cursor, const struct store_op *op)
{
    MDB_val key = value_of(op->key), value;
    int error = mdb_cursor_get(cursor, &key, &value, MDB_SET);

    (void)txn;
    if (error == MDB_NOTFOUND)
        return 0;
    return error ? error : mdb_cursor_del(cursor, 0);
}

static int apply_remove_range(MDB_txn *txn, MDB_cursor *cursor, const struct store_op *op)
{
    MDB_val key = value_of(op->key), end = value_of(op->value), value;
    int error = mdb_cursor_get(cursor, &key, &value, op->key.size ? MDB_SET_RANGE : MDB_FIRST);

    while (error == 0 && !lmdb_key_is_private(&key)) {
        if (end.mv_size && mdb_cmp(txn, LMDB_TABLE, &key, &end) >= 0)
            break;
        error = mdb_cursor_del(cursor, 0);
        if (!error)
            error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT); /* after a delete: the one that moved up */
    }
    return error == MDB_NOTFOUND ? 0 : error;
}

static int (*const apply[])(MDB_txn *txn, MDB_cursor *cursor, const struct store_op *op) = {
    [STORE_PUT] = apply_put,
    [STORE_REMOVE] = apply_remove,
    [STORE_REMOVE_RANGE] = apply_remove_range,
};

static int apply_batch(MDB_txn *txn, const struct store_batch *batch)
{
    MDB_cursor *cursor;
    int error = mdb_cursor_open(txn, LMDB_TABLE, &cursor);

    if (error)
        return error;
    for (size_t i = 0; i < batch->count && !error; i++)
        error = apply[batch->ops[i].type](txn, cursor, &batch->ops[i]);
    mdb_cursor_close(cursor);
    return error;
}

static uint64_t table_pages(MDB_txn *txn, MDB_stat *ret_stat)
{
    mdb_stat(txn, LMDB_TABLE, ret_stat);
    return (uint64_t)ret_stat->ms_branch_pages + ret_stat->ms_leaf_pages + ret_stat->ms_overflow_pages;
}

/* What a failure means to the caller.
 *
 * If data pages cannot be written LMDB forgets the transaction and goes on. If the meta page cannot be written (a file system
 * that copies on write needs room even to overwrite) LMDB puts the old meta page back unsynced and refuses everything from
 * then on with MDB_PANIC. The batch may be called "not applied" only when that old page is safely on disk again, hence the
 * fdatasync; and the environment is replaced at the next refresh, because the reading thread still borrows from this one. */
static int commit_failed(struct lmdb_store *store, int error, bool growing)
{
    mdb_filehandle_t data_fd = -1;
    MDB_txn *probe;
    int panic;

    mdb_env_get_fd(store->env, &data_fd);
    panic = mdb_txn_begin(store->env, NULL, 0, &probe);
    if (panic == 0) {
        mdb_txn_abort(probe);
    } else if (panic == MDB_PANIC) {
        if (fdatasync(data_fd))
            return -errno;
        atomic_store(&store->reopen_wanted, true);
    }
    if (error == MDB_MAP_FULL && !growing && store->space.bytes_max) {
        /* Enough free pages but not side by side. Removing must always work, so the next environment gets a larger map. */
        atomic_store(&store->map_bytes_wanted, store->space.map_bytes + 2 * store->space.reserve_pages * store->space.page_size);
        atomic_store(&store->reopen_wanted, true);
    }
    if (error == MDB_MAP_FULL || error == MDB_PANIC || lmdb_space_is_short(&store->space, error, data_fd))
        return STORE_FULL;
    if (error == MDB_TXN_FULL)
        return -E2BIG;
    return error > 0 ? -error : -EIO;
}

static void commit_succeeded(struct lmdb_store *store)
{
    atomic_fetch_add(&store->bytes_written, lmdb_space_measure(&store->space, store->env, store->gauge));
    atomic_fetch_add(&store->syncs, LMDB_SYNCS_PER_COMMIT);
    atomic_fetch_add(&store->commits, 1);
}

static int commit_batch(struct lmdb_store *store, const struct store_batch *batch)
{
    mdb_filehandle_t data_fd = -1;
    uint64_t pages_before, pages_after;
    MDB_stat before, after;
    MDB_txn *txn;
    int error = mdb_txn_begin(store->env, NULL, 0, &txn);

    if (error)
        return commit_failed(store, error, true);
    mdb_env_get_fd(store->env, &data_fd);
    pages_before = table_pages(txn, &before);
    lmdb_space_prepare(&store->space, data_fd, batch, before.ms_depth);
    error = apply_batch(txn, batch);
    pages_after = table_pages(txn, &after);
    if (!error && !lmdb_space_allows(&store->space, pages_before, pages_after)) {
        mdb_txn_abort(txn);
        return STORE_FULL;
    }
    if (error) {
        mdb_txn_abort(txn);
        return commit_failed(store, error, pages_after > pages_before);
    }
    atomic_fetch_add(&store->commits_begun, 1);
    error = mdb_txn_commit(txn);
    if (error)
        return commit_failed(store, error, pages_after > pages_before);
    commit_succeeded(store);
    return STORE_OK;
}
