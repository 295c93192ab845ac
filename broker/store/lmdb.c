/* The LMDB engine: opening, and the reading thread's side. */
#include "lmdb_store.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int engine_open(const struct store_options *options, struct store **ret_store, char *reterr_text, size_t reterr_size);
static struct store *engine_close(struct store *base);

static struct lmdb_store *lmdb_of(struct store *base)
{
    assert(base->engine == &store_engine_lmdb);
    return (struct lmdb_store *)base;
}

_Noreturn void lmdb_die(const struct lmdb_store *store, const char *what, int error)
{
    fprintf(stderr, "store %s: %s: %s. The disk or the file is damaged; check the disk, then restore a backup.\n", store->path, what,
            mdb_strerror(error));
    abort();
}

static MDB_val value_of(struct qiao_bytes bytes)
{
    return (MDB_val){ .mv_size = bytes.size, .mv_data = (void *)(uintptr_t)bytes.data };
}

static bool engine_get(struct store *base, struct qiao_bytes key, struct qiao_bytes *ret_value)
{
    struct lmdb_store *store = lmdb_of(base);
    MDB_val name = value_of(key), value;
    int error;

    if (key.size == 0 || key.size > STORE_KEY_SIZE_MAX)
        return false;
    error = mdb_get(store->snapshot, LMDB_TABLE, &name, &value);
    if (error == MDB_NOTFOUND)
        return false;
    if (error)
        lmdb_die(store, "cannot read a record", error);
    *ret_value = qiao_bytes(value.mv_data, value.mv_size);
    return true;
}

static void engine_scan(struct store *base, struct qiao_bytes from, struct qiao_bytes to, store_visit visit, void *context)
{
    struct lmdb_store *store = lmdb_of(base);
    MDB_val key = value_of(from), end = value_of(to), value;
    MDB_cursor *cursor;
    int error = mdb_cursor_open(store->snapshot, LMDB_TABLE, &cursor);

    assert(from.size <= STORE_KEY_SIZE_MAX && to.size <= STORE_KEY_SIZE_MAX);
    if (error)
        lmdb_die(store, "cannot start reading records", error);
    error = mdb_cursor_get(cursor, &key, &value, from.size ? MDB_SET_RANGE : MDB_FIRST);
    while (error == 0 && !lmdb_key_is_private(&key)) {
        if (to.size && mdb_cmp(store->snapshot, LMDB_TABLE, &key, &end) >= 0)
            break;
        if (!visit(context, qiao_bytes(key.mv_data, key.mv_size), qiao_bytes(value.mv_data, value.mv_size)))
            break;
        error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (error && error != MDB_NOTFOUND)
        lmdb_die(store, "cannot read records in order", error);
}

/* Starts the spare snapshot at the last commit. LMDB copies the meta page without a lock; that page is overwritten by the
 * commit after the next one. If a commit began meanwhile the copy may be torn, so it is taken again. */
static int snapshot_renew(struct lmdb_store *store)
{
    for (;;) {
        uint64_t begun = atomic_load(&store->commits_begun);
        int error = mdb_txn_renew(store->spare);
        if (error)
            return error;
        /* An addition, not a load: the copying above may not slip past it. */
        if (begun == atomic_fetch_add(&store->commits_begun, 0))
            return 0;
        mdb_txn_reset(store->spare);
    }
}

/* Nothing borrowed is alive during refresh, so this is the one moment when the environment can be replaced. */
static void environment_replace(struct lmdb_store *store)
{
    char text[256] = "";
    int result;

    if (pthread_rwlock_trywrlock(&store->environment_lock))
        return; /* a backup is running: the old snapshot stays, the next refresh tries again */
    lmdb_environment_close(store);
    result = lmdb_environment_open(store, text, sizeof(text));
    if (result)
        lmdb_die(store, text, result < 0 ? -result : EIO);
    atomic_store(&store->reopen_wanted, false);
    pthread_rwlock_unlock(&store->environment_lock);
}

static void engine_refresh(struct store *base)
{
    struct lmdb_store *store = lmdb_of(base);
    MDB_txn *old = store->snapshot;
    int error;

    if (atomic_load(&store->reopen_wanted)) {
        environment_replace(store);
        return;
    }
    error = snapshot_renew(store);
    if (error == MDB_PANIC)
        return; /* a commit has just failed: reopen_wanted is about to be set, the old snapshot is still good */
    if (error)
        lmdb_die(store, "cannot see the last commit", error);
    store->snapshot = store->spare;
    store->spare = old;
    mdb_txn_reset(old);
}

static void engine_stat(struct store *base, struct store_stat *ret_stat)
{
    struct lmdb_store *store = lmdb_of(base);
    mdb_filehandle_t data_fd = -1;

    mdb_env_get_fd(store->env, &data_fd);
    *ret_stat = (struct store_stat){
        .bytes_used = atomic_load(&store->space.live_pages) * store->space.page_size,
        .bytes_max = lmdb_space_bytes_max(&store->space, data_fd),
        .commits = atomic_load(&store->commits),
        .syncs = atomic_load(&store->syncs),
        .bytes_written = atomic_load(&store->bytes_written),
    };
}

static struct store *engine_close(struct store *base)
{
    struct lmdb_store *store = lmdb_of(base);

    lmdb_environment_close(store);
    lmdb_unlock(store);
    pthread_rwlock_destroy(&store->environment_lock);
    free(store->path);
    free(store);
    return NULL;
}

static struct lmdb_store *lmdb_store_new(const struct store_options *options)
{
    struct lmdb_store *store = calloc(1, sizeof(*store));

    if (!store)
        return NULL;
    store->base.engine = &store_engine_lmdb;
    store->lock_fd = -1;
    store->version = options->version;
    store->space.bytes_max = options->bytes_max;
    store->path = strdup(options->path);
    if (!store->path) {
        free(store);
        return NULL;
    }
    pthread_rwlock_init(&store->environment_lock, NULL);
    return store;
}

static int engine_open(const struct store_options *options, struct store **ret_store, char *reterr_text, size_t reterr_size)
{
    struct lmdb_store *store;
    int result;

    if (!options->path || !options->path[0]) {
        snprintf(reterr_text, reterr_size, "the store has no path");
        return -EINVAL;
    }
    store = lmdb_store_new(options);
    if (!store) {
        snprintf(reterr_text, reterr_size, "no memory to open store %s", options->path);
        return -ENOMEM;
    }
    result = lmdb_lock(store, reterr_text, reterr_size);
    if (!result)
        result = lmdb_environment_open(store, reterr_text, reterr_size);
    if (result) {
        engine_close(&store->base);
        return result;
    }
    *ret_store = &store->base;
    return STORE_OK;
}

const struct store_engine store_engine_lmdb = {
    .name = "lmdb",
    .open = engine_open,
    .get = engine_get,
    .scan = engine_scan,
    .commit = lmdb_commit,
    .refresh = engine_refresh,
    .backup = lmdb_backup,
    .stat = engine_stat,
    .close = engine_close,
};
