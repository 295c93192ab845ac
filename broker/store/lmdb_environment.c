/* The LMDB engine: making, opening and replacing the environment.
 *
 * LMDB works in a memory map of fixed size, and the size may change only while no transaction is open anywhere in the process.
 * Ours always has one open: the reading thread's snapshot. So the map is made large at once and never changed: it reserves
 * address space, neither memory nor disk, and the file grows inside it as needed. With bytes_max the map is that large;
 * without it, larger than the disk. Where address space is short (RLIMIT_AS, sanitizers, 32 bits) it is halved until it fits.
 * Only two things replace the environment while the process runs, both inside refresh when nothing is borrowed from it: a
 * failed meta page, and removing that needs a larger map (see commit_failed).
 *
 * Flags. MDB_NOTLS: transactions are opened on one thread and used on another. Not MDB_NORDAHEAD: values are up to 1.3 MiB,
 * and without read-ahead a cold one is read page by page. Not MDB_NOMEMINIT: it would put old heap bytes, which may be message
 * bodies or keys, into the file; of a value of many pages LMDB clears only the last. Never MDB_NOSYNC or MDB_MAPASYNC:
 * what commit calls durable must be. Not MDB_WRITEMAP: a stray pointer could write into the store. */
#include "lmdb_store.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DIRECTORY_MODE 0700
#define FILE_MODE 0600
#define MAP_BYTES_MIN ((uint64_t)64 << 20)
#define MAP_BYTES_UNLIMITED (sizeof(void *) > 4 ? (uint64_t)256 << 30 : (uint64_t)512 << 20)
/* Without bytes_max the map is at least this many times the size of the disk, which may be enlarged while we run. */
#define MAP_DISKS 4u
#define READERS 8u /* snapshot, spare, gauge, and backups */
#define READER_TABLE_BYTES 8192

/* The record with the version of the layout. Longer than STORE_KEY_SIZE_MAX and all 0xff: no key of a caller equals or follows it. */
#define PRIVATE_KEY_SIZE (STORE_KEY_SIZE_MAX + 1u)
static const char version_magic[] = "qiao store";
#define VERSION_RECORD_SIZE (sizeof(version_magic) + 4)

static int reader_table_prepare(struct lmdb_store *store, char *reterr_text, size_t reterr_size);
static int environment_try(struct lmdb_store *store, uint64_t map_bytes, char *reterr_text, size_t reterr_size);
static int environment_check(struct lmdb_store *store, char *reterr_text, size_t reterr_size);
static int snapshots_open(struct lmdb_store *store, char *reterr_text, size_t reterr_size);
static uint64_t data_bytes(const struct lmdb_store *store);
static uint64_t map_bytes_unlimited(const char *path);
static bool removing_has_room(const struct lmdb_store *store);

int lmdb_environment_open(struct lmdb_store *store, char *reterr_text, size_t reterr_size)
{
    uint64_t reserve, bytes_max = store->space.bytes_max;
    uint64_t map_bytes = bytes_max ? bytes_max : map_bytes_unlimited(store->path);
    int result = reader_table_prepare(store, reterr_text, reterr_size);

    if (result)
        return result;
    if (atomic_load(&store->map_bytes_wanted) > map_bytes)
        map_bytes = atomic_load(&store->map_bytes_wanted);
    for (;;) {
        result = environment_try(store, map_bytes, reterr_text, reterr_size);
        if (!result && (removing_has_room(store) || !bytes_max))
            return STORE_OK;
        if (result && result != -ENOMEM && result != -EOVERFLOW && result != -EINVAL)
            return result;
        reserve = store->space.reserve_pages * store->space.page_size;
        if (result) {
            map_bytes /= 2;
            if (map_bytes < MAP_BYTES_MIN || map_bytes < data_bytes(store) + MAP_BYTES_MIN)
                return result;
        } else { /* fuller than a bytes_max that was lowered, or removing had no room before */
            lmdb_environment_close(store);
            map_bytes = (map_bytes > data_bytes(store) ? map_bytes : data_bytes(store)) + 2 * reserve;
        }
    }
}

bool lmdb_key_is_private(const MDB_val *key)
{
    return key->mv_size > STORE_KEY_SIZE_MAX;
}

static int outcome_of(int error)
{
    static const struct { int error, result; } outcomes[] = {
        { MDB_INVALID, STORE_CORRUPT },    { MDB_CORRUPTED, STORE_CORRUPT }, { MDB_PAGE_NOTFOUND, STORE_CORRUPT },
        { MDB_VERSION_MISMATCH, STORE_NEWER }, { ENOSPC, STORE_FULL },       { EDQUOT, STORE_FULL },
        { MDB_MAP_FULL, STORE_FULL },
    };

    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        if (outcomes[i].error == error)
            return outcomes[i].result;
    }
    return error > 0 ? -error : -EIO;
}

static int explain(int result, const char *what, int error, const struct lmdb_store *store, char *reterr_text, size_t reterr_size)
{
    snprintf(reterr_text, reterr_size, "store %s: %s: %s", store->path, what, mdb_strerror(error));
    return result;
}

static char *path_join(const char *directory, const char *name)
{
    char *path;

    return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

static uint64_t data_bytes(const struct lmdb_store *store)
{
    char *path = path_join(store->path, "data.mdb");
    struct stat file;
    uint64_t bytes = path && stat(path, &file) == 0 ? (uint64_t)file.st_size : 0;

    free(path);
    return bytes;
}

/* LMDB writes to lock.mdb through a map. On a full disk a page of it without a block would kill the process, so it gets its
 * blocks here. */
static int reader_table_prepare(struct lmdb_store *store, char *reterr_text, size_t reterr_size)
{
    char *path = path_join(store->path, "lock.mdb");
    int error, fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE) : -1;

    error = !path ? ENOMEM : fd < 0 ? errno : posix_fallocate(fd, 0, READER_TABLE_BYTES);
    if (fd >= 0)
        close(fd);
    free(path);
    return error ? explain(outcome_of(error), "cannot make lock.mdb", error, store, reterr_text, reterr_size) : STORE_OK;
}

static uint64_t map_bytes_unlimited(const char *path)
{
    uint64_t bytes = MAP_BYTES_UNLIMITED;
    struct statvfs disk;

    if (sizeof(void *) > 4 && statvfs(path, &disk) == 0) {
        while (bytes < (uint64_t)disk.f_blocks * disk.f_frsize * MAP_DISKS && bytes < (uint64_t)1 << 45)
            bytes *= 2;
    }
    return bytes;
}

static bool removing_has_room(const struct lmdb_store *store)
{
    const struct lmdb_space *space = &store->space;

    return atomic_load(&space->live_pages) + space->reserve_pages / 2 <= space->map_bytes / space->page_size;
}

static int environment_try(struct lmdb_store *store, uint64_t map_bytes, char *reterr_text, size_t reterr_size)
{
    mdb_filehandle_t data_fd = -1;
    MDB_stat stat;
    int result, error = mdb_env_create(&store->env);

    if (error)
        return explain(-error, "no memory", error, store, reterr_text, reterr_size);
    error = mdb_env_set_mapsize(store->env, (size_t)map_bytes);
    if (!error)
        error = mdb_env_set_maxreaders(store->env, READERS);
    if (!error)
        error = mdb_env_open(store->env, store->path, MDB_NOTLS, FILE_MODE);
    if (error) {
        lmdb_environment_close(store);
        return explain(outcome_of(error), "cannot open data.mdb", error, store, reterr_text, reterr_size);
    }
    mdb_env_stat(store->env, &stat);
    store->space.map_bytes = map_bytes;
    mdb_env_get_fd(store->env, &data_fd);
    lmdb_space_init(&store->space, stat.ms_psize, data_fd);
    result = environment_check(store, reterr_text, reterr_size);
    if (!result)
        result = snapshots_open(store, reterr_text, reterr_size);
    if (result)
        lmdb_environment_close(store);
    return result;
}

void lmdb_environment_close(struct lmdb_store *store)
{
    MDB_txn **snapshots[] = { &store->snapshot, &store->spare, &store->gauge };

    for (size_t i = 0; i < sizeof(snapshots) / sizeof(snapshots[0]); i++) {
        if (*snapshots[i])
            mdb_txn_abort(*snapshots[i]);
        *snapshots[i] = NULL;
    }
    if (store->env)
        mdb_env_close(store->env);
    store->env = NULL;
}

/* Reading a page beyond the end of a mapped file kills the process, so a file cut short is found out here. */
static int length_check(struct lmdb_store *store, char *reterr_text, size_t reterr_size)
{
    uint64_t need, have = data_bytes(store);
    MDB_envinfo info;

    mdb_env_info(store->env, &info);
    need = ((uint64_t)info.me_last_pgno + 1) * store->space.page_size;
    atomic_store(&store->space.file_pages, have / store->space.page_size);
    if (have >= need)
        return STORE_OK;
    snprintf(reterr_text, reterr_size,
             "store %s: data.mdb has %llu bytes of the %llu it should have: it was cut short or copied in part. Restore a backup.",
             store->path, (unsigned long long)have, (unsigned long long)need);
    return STORE_CORRUPT;
}

static void version_pack(uint8_t record[VERSION_RECORD_SIZE], uint32_t version)
{
    memcpy(record, version_magic, sizeof(version_magic));
    for (unsigned i = 0; i < 4; i++)
        record[sizeof(version_magic) + i] = (uint8_t)(version >> (8 * (3 - i)));
}

static bool version_unpack(const MDB_val *value, uint32_t *ret_version)
{
    const uint8_t *record = value->mv_data;
    uint32_t version = 0;

    if (value->mv_size != VERSION_RECORD_SIZE || memcmp(record, version_magic, sizeof(version_magic)) != 0)
        return false;
    for (unsigned i = 0; i < 4; i++)
        version = version << 8 | record[sizeof(version_magic) + i];
    *ret_version = version;
    return true;
}

static int version_write(MDB_txn *txn, uint32_t version)
{
    uint8_t name[PRIVATE_KEY_SIZE], record[VERSION_RECORD_SIZE];
    MDB_val key = { sizeof(name), name }, value = { sizeof(record), record };

    memset(name, 0xff, sizeof(name));
    version_pack(record, version);
    return mdb_put(txn, LMDB_TABLE, &key, &value, 0);
}

/* Compares, and writes when the store is new or older: a program reads every older layout, and from now on older programs
 * must keep away. */
static int version_settle(struct lmdb_store *store, MDB_txn *txn, char *reterr_text, size_t reterr_size)
{
    uint8_t name[PRIVATE_KEY_SIZE];
    MDB_val key = { sizeof(name), name }, value;
    uint32_t version = 0;
    MDB_stat stat;
    int error;

    memset(name, 0xff, sizeof(name));
    mdb_stat(txn, LMDB_TABLE, &stat);
    error = mdb_get(txn, LMDB_TABLE, &key, &value);
    if (error && error != MDB_NOTFOUND)
        return explain(outcome_of(error), "cannot read the version", error, store, reterr_text, reterr_size);
    if (error ? stat.ms_entries > 0 : !version_unpack(&value, &version)) {
        snprintf(reterr_text, reterr_size, "store %s: data.mdb was not written by this program", store->path);
        return STORE_CORRUPT;
    }
    if (version > store->version) {
        snprintf(reterr_text, reterr_size,
                 "store %s has version %u of the layout; this program knows versions up to %u. Start the newer program, or restore a backup.",
                 store->path, version, store->version);
        return STORE_NEWER;
    }
    if (!error && version == store->version)
        return STORE_OK;
    error = version_write(txn, store->version);
    return error ? explain(outcome_of(error), "cannot write the version", error, store, reterr_text, reterr_size) : STORE_OK;
}

static int environment_check(struct lmdb_store *store, char *reterr_text, size_t reterr_size)
{
    int error, result = length_check(store, reterr_text, reterr_size);
    MDB_dbi table;
    MDB_txn *txn;

    if (result)
        return result;
    error = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (error)
        return explain(outcome_of(error), "cannot start", error, store, reterr_text, reterr_size);
    error = mdb_dbi_open(txn, NULL, 0, &table);
    result = error ? explain(outcome_of(error), "cannot read", error, store, reterr_text, reterr_size)
                   : version_settle(store, txn, reterr_text, reterr_size);
    if (result) {
        mdb_txn_abort(txn);
        return result;
    }
    error = mdb_txn_commit(txn); /* writes only if the version was written */
    if (error)
        return explain(outcome_of(error), "cannot write", error, store, reterr_text, reterr_size);
    result = lmdb_sync_directory(store->path);
    return result ? explain(result, "cannot sync the directory", -result, store, reterr_text, reterr_size) : STORE_OK;
}

static int snapshots_open(struct lmdb_store *store, char *reterr_text, size_t reterr_size)
{
    int error = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->snapshot);

    if (!error)
        error = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->spare);
    if (!error)
        error = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->gauge);
    if (error)
        return explain(outcome_of(error), "cannot start reading", error, store, reterr_text, reterr_size);
    mdb_txn_reset(store->spare);
    mdb_txn_reset(store->gauge);
    lmdb_space_measure(&store->space, store->env, store->gauge);
    return STORE_OK;
}

int lmdb_sync_directory(const char *path)
{
    int result = 0, fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    if (fsync(fd))
        result = -errno;
    close(fd);
    return result;
}

static int directory_make(const char *path)
{
    char *parent = path_join(path, "..");
    int result = parent ? 0 : -ENOMEM;

    if (!result && mkdir(path, DIRECTORY_MODE))
        result = errno == EEXIST ? 0 : -errno;
    /* Also when it is there: who made it may have died before its name was on disk. */
    if (!result)
        result = lmdb_sync_directory(parent);
    free(parent);
    return result;
}

/* LMDB lets processes share a store; ours must have one owner. flock also keeps out a second open in this process, and the
 * kernel lets go of it however the owner ends. */
int lmdb_lock(struct lmdb_store *store, char *reterr_text, size_t reterr_size)
{
    int result = directory_make(store->path);
    char *path = path_join(store->path, "lock");

    if (!result && !path)
        result = -ENOMEM;
    if (!result) {
        store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
        result = store->lock_fd < 0 ? -errno : 0;
    }
    free(path);
    if (!result && flock(store->lock_fd, LOCK_EX | LOCK_NB))
        result = errno == EWOULDBLOCK ? STORE_IN_USE : -errno;
    if (result == STORE_IN_USE)
        snprintf(reterr_text, reterr_size, "store %s is in use by another process", store->path);
    else if (result)
        explain(result, "cannot make or lock the directory", -result, store, reterr_text, reterr_size);
    return result;
}

void lmdb_unlock(struct lmdb_store *store)
{
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    store->lock_fd = -1;
}
