/* What the files of the LMDB engine share. Private: callers see store.h. */
#ifndef STORE_LMDB_STORE_H
#define STORE_LMDB_STORE_H

#include "store/store.h"
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

/* LMDB's fixed handles: its list of free pages, and its one unnamed table, which holds all our records. */
#define LMDB_FREE_TABLE 0u
#define LMDB_TABLE 1u

/* Data and meta page of each commit. */
#define LMDB_SYNCS_PER_COMMIT 2u

/* Room on the disk and under bytes_max. Written by the store thread, read by stat: hence atomic. */
struct lmdb_space {
    size_t page_size;
    uint64_t bytes_max;             /* as configured; 0: none */
    uint64_t map_bytes;             /* address space of the map: the file never grows past it */
    uint64_t reserve_pages;         /* kept for batches that remove */
    _Atomic uint64_t live_pages;    /* in use by the last commit */
    _Atomic uint64_t end_pages;     /* first page number never used */
    _Atomic uint64_t file_pages;    /* the file has blocks up to here */
    _Atomic bool disk_full;         /* the last attempt to get blocks failed */
};

struct lmdb_store {
    struct store base;
    char *path;
    int lock_fd;
    uint32_t version;
    MDB_env *env;
    struct lmdb_space space;

    /* Reading thread. Two handles, so that a snapshot is given up only when the next one is held. */
    MDB_txn *snapshot;
    MDB_txn *spare;

    /* Store thread: looks at what a commit left behind. */
    MDB_txn *gauge;

    /* Commit and backup hold it shared; refresh takes it alone to replace the environment. */
    pthread_rwlock_t environment_lock;
    _Atomic bool reopen_wanted;
    _Atomic uint64_t map_bytes_wanted; /* the next environment's map is at least this large */

    _Atomic uint64_t commits_begun; /* see lmdb_refresh */
    _Atomic uint64_t commits;
    _Atomic uint64_t syncs;
    _Atomic uint64_t bytes_written;
};

/* lmdb_environment.c: making, opening and replacing the environment. */

/* Opens or creates path with everything but the lock: map, version record, transactions. 0, enum store_result or -errno; text on failure. */
int lmdb_environment_open(struct lmdb_store *store, char *reterr_text, size_t reterr_size);
void lmdb_environment_close(struct lmdb_store *store);
/* 0, STORE_IN_USE or -errno. */
int lmdb_lock(struct lmdb_store *store, char *reterr_text, size_t reterr_size);
void lmdb_unlock(struct lmdb_store *store);
/* True for the one key that callers can neither see nor reach: longer than any of theirs, and after all of them. */
bool lmdb_key_is_private(const MDB_val *key);

/* lmdb_space.c: how much may be written. */

/* Once the file is open and bytes_max and map_bytes are set. */
void lmdb_space_init(struct lmdb_space *space, size_t page_size, int data_fd);
/* Gets blocks from the file system ahead of a batch, so that the batch itself does not run out of them. */
void lmdb_space_prepare(struct lmdb_space *space, int data_fd, const struct store_batch *batch, unsigned depth);
/* May a batch end with this many pages in use? */
bool lmdb_space_allows(const struct lmdb_space *space, uint64_t pages_before, uint64_t pages_after);
/* Was the failure of a commit a lack of room? */
bool lmdb_space_is_short(const struct lmdb_space *space, int error, int data_fd);
/* What stat tells as bytes_max. */
uint64_t lmdb_space_bytes_max(const struct lmdb_space *space, int data_fd);
/* Reads page counts of the last commit; returns how many bytes that commit wrote. */
uint64_t lmdb_space_measure(struct lmdb_space *space, MDB_env *env, MDB_txn *gauge);

/* lmdb_commit.c */
int lmdb_commit(struct store *base, const struct store_batch *batch);

/* lmdb_backup.c */
int lmdb_backup(struct store *base, const char *path);

/* Makes a new name in a directory survive a power cut. 0 or -errno. */
int lmdb_sync_directory(const char *path);

/* The store cannot be read or reopened: says so on stderr and aborts, since going on would lose messages silently. */
_Noreturn void lmdb_die(const struct lmdb_store *store, const char *what, int error);

#endif
