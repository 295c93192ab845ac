/* The LMDB engine: a consistent, compact copy while the store is in use. The copy is itself a store and can be opened as one.
 * It holds a snapshot of its own while it runs, so what is removed meanwhile is not reused until it ends. */
#include "lmdb_store.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKUP_MODE 0700

static int copy_to(struct lmdb_store *store, const char *path, const char *file);

int lmdb_backup(struct store *base, const char *path)
{
    struct lmdb_store *store = (struct lmdb_store *)base;
    char *file;
    int result;

    assert(base->engine == &store_engine_lmdb);
    if (mkdir(path, BACKUP_MODE))
        return -errno; /* only ever into a new directory: an older backup is never overwritten */
    if (asprintf(&file, "%s/data.mdb", path) < 0) {
        rmdir(path);
        return -ENOMEM;
    }
    pthread_rwlock_rdlock(&store->environment_lock);
    result = copy_to(store, path, file);
    pthread_rwlock_unlock(&store->environment_lock);
    if (result) {
        unlink(file);
        rmdir(path);
    }
    free(file);
    return result;
}

static int file_sync(const char *path)
{
    int result = 0, fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    if (fsync(fd))
        result = -errno;
    close(fd);
    return result;
}

static int directories_sync(const char *path)
{
    char *parent;
    int result = lmdb_sync_directory(path);

    if (result)
        return result;
    if (asprintf(&parent, "%s/..", path) < 0)
        return -ENOMEM;
    result = lmdb_sync_directory(parent);
    free(parent);
    return result;
}

static int copy_to(struct lmdb_store *store, const char *path, const char *file)
{
    int result, error = mdb_env_copy2(store->env, path, MDB_CP_COMPACT);

    if (error == MDB_INCOMPATIBLE) { /* LMDB will not compact a file with pages it lost count of; a plain copy is still right */
        unlink(file);
        error = mdb_env_copy2(store->env, path, 0);
    }
    if (error == ENOSPC || error == EDQUOT)
        return STORE_FULL;
    if (error)
        return error > 0 ? -error : -EIO;
    result = file_sync(file);
    return result ? result : directories_sync(path);
}
