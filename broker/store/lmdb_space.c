/* The LMDB engine: how much may be written.
 *
 * LMDB never overwrites a page in use, so even removing needs free pages. Three rules keep some:
 *   - a batch that leaves more pages in use than before is refused when fewer than reserve_pages would stay free under the
 *     limit; one that does not grow is always tried;
 *   - the limit is bytes_max, or what the file already has once the disk gives no more blocks;
 *   - blocks are taken from the file system ahead of use, reserve_pages past the end of what was ever used, so that a full
 *     disk is met here, where nothing is at stake, and not in the middle of a commit.
 * Taking blocks ahead with fallocate costs nothing that could be measured; filling them with zeros would make a commit that
 * extends the file about 15 % quicker but writes everything twice, so it is not done. */
#include "lmdb_store.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define KIB 1024u
#define MIB (1024u * KIB)
#define RESERVE_BYTES_MIN (256u * KIB)
#define RESERVE_BYTES_MAX (16u * MIB)
#define STEP_BYTES_MIN (1u * MIB)
#define STEP_BYTES_MAX (64u * MIB)
/* Pages a single operation may touch besides those of its value and of the way down to it: a split on each level. */
#define PAGES_PER_OPERATION 2u
/* For LMDB's own list of free pages. */
#define PAGES_PER_COMMIT 64u

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
    return value < low ? low : value > high ? high : value;
}

void lmdb_space_init(struct lmdb_space *space, size_t page_size, int data_fd)
{
    uint64_t reserve, limit = space->bytes_max ? space->bytes_max : UINT64_MAX;
    struct statvfs disk;

    if (fstatvfs(data_fd, &disk) == 0 && (uint64_t)disk.f_blocks * disk.f_frsize < limit)
        limit = (uint64_t)disk.f_blocks * disk.f_frsize;
    reserve = clamp(limit / 8, RESERVE_BYTES_MIN, RESERVE_BYTES_MAX);

    space->page_size = page_size;
    space->reserve_pages = reserve / page_size;
    atomic_store(&space->disk_full, false);
}

/* Pages the batch may need if nothing can be reused. Many small operations share pages: together they cannot touch more than
 * there are, and add no more than twice their bytes. */
static uint64_t pages_wanted(const struct lmdb_space *space, const struct store_batch *batch, unsigned depth)
{
    uint64_t touched = 0, values = 0, bytes = 0, shared;

    for (size_t i = 0; i < batch->count; i++) {
        touched += depth + PAGES_PER_OPERATION;
        bytes += batch->ops[i].key.size + batch->ops[i].value.size;
        if (batch->ops[i].type == STORE_PUT)
            values += batch->ops[i].value.size / space->page_size + 1;
    }
    shared = atomic_load(&space->live_pages) + 2 * bytes / space->page_size;
    return PAGES_PER_COMMIT + values + (touched < shared ? touched : shared);
}

static bool is_no_room(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* False if the disk has no room. A file system that cannot do this at all says something else, and is taken to have room. */
static bool file_extend(struct lmdb_space *space, int data_fd, uint64_t pages)
{
    uint64_t have = atomic_load(&space->file_pages);
    int error;

    do {
        error = posix_fallocate(data_fd, (off_t)(have * space->page_size), (off_t)((pages - have) * space->page_size));
    } while (error == EINTR);
    if (error == 0)
        atomic_store(&space->file_pages, pages);
    return !is_no_room(error);
}

void lmdb_space_prepare(struct lmdb_space *space, int data_fd, const struct store_batch *batch, unsigned depth)
{
    uint64_t have = atomic_load(&space->file_pages), map_pages = space->map_bytes / space->page_size;
    uint64_t step = clamp(have * space->page_size / 8, STEP_BYTES_MIN, STEP_BYTES_MAX) / space->page_size;
    uint64_t need = atomic_load(&space->end_pages) + pages_wanted(space, batch, depth) + space->reserve_pages;

    if (need > map_pages)
        need = map_pages;
    if (need <= have) {
        atomic_store(&space->disk_full, false);
        return;
    }
    if (need + step <= map_pages && file_extend(space, data_fd, need + step)) {
        atomic_store(&space->disk_full, false);
        return;
    }
    atomic_store(&space->disk_full, !file_extend(space, data_fd, need));
}

/* Pages that may be in use after a batch that grows. */
static uint64_t pages_max(const struct lmdb_space *space)
{
    uint64_t limit = space->map_bytes / space->page_size;

    if (space->bytes_max && space->bytes_max / space->page_size < limit)
        limit = space->bytes_max / space->page_size;
    if (atomic_load(&space->disk_full) && atomic_load(&space->file_pages) < limit)
        limit = atomic_load(&space->file_pages);
    return limit > space->reserve_pages ? limit - space->reserve_pages : 0;
}

bool lmdb_space_allows(const struct lmdb_space *space, uint64_t pages_before, uint64_t pages_after)
{
    if (pages_after <= pages_before)
        return true;
    return atomic_load(&space->live_pages) + (pages_after - pages_before) <= pages_max(space);
}

static uint64_t disk_free_bytes(int data_fd)
{
    struct statvfs disk;

    if (fstatvfs(data_fd, &disk))
        return UINT64_MAX;
    return (uint64_t)disk.f_bavail * disk.f_frsize;
}

/* LMDB calls a short write EIO, and a short write is how a full disk shows when the first half still fits. */
bool lmdb_space_is_short(const struct lmdb_space *space, int error, int data_fd)
{
    if (is_no_room(error))
        return true;
    return error == EIO && (atomic_load(&space->disk_full) || disk_free_bytes(data_fd) < RESERVE_BYTES_MIN);
}

uint64_t lmdb_space_bytes_max(const struct lmdb_space *space, int data_fd)
{
    uint64_t limit = pages_max(space) * space->page_size, disk = disk_free_bytes(data_fd);
    uint64_t file = atomic_load(&space->file_pages) * space->page_size, reserve = space->reserve_pages * space->page_size;

    if (disk > UINT64_MAX - file)
        return limit;
    disk = disk + file > reserve ? disk + file - reserve : 0;
    return disk < limit ? disk : limit;
}

static uint64_t pages_of(MDB_txn *txn, MDB_dbi table)
{
    MDB_stat stat = { 0 };

    mdb_stat(txn, table, &stat);
    return (uint64_t)stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
}

/* Each commit leaves the list of the pages it gave up under its own number in the table of free pages; it begins with a count. */
static uint64_t pages_given_up(MDB_txn *gauge)
{
    size_t number = mdb_txn_id(gauge);
    MDB_val key = { sizeof(number), &number }, list;
    MDB_cursor *cursor;
    size_t count = 0;

    if (mdb_cursor_open(gauge, LMDB_FREE_TABLE, &cursor))
        return 0;
    if (mdb_cursor_get(cursor, &key, &list, MDB_SET) == 0 && list.mv_size >= sizeof(count))
        count = *(const size_t *)list.mv_data;
    mdb_cursor_close(cursor);
    return count;
}

/* The file may end before end_pages when the last pages were taken and given back within one transaction; the length is
 * checked when the store is opened, so it is set right here. */
static void file_length_follows(struct lmdb_space *space, MDB_env *env)
{
    uint64_t length = atomic_load(&space->end_pages) * space->page_size;
    mdb_filehandle_t data_fd = -1;
    struct stat file;

    if (atomic_load(&space->file_pages) >= atomic_load(&space->end_pages))
        return;
    mdb_env_get_fd(env, &data_fd);
    if (fstat(data_fd, &file) == 0 && ((uint64_t)file.st_size >= length || ftruncate(data_fd, (off_t)length) == 0))
        atomic_store(&space->file_pages, atomic_load(&space->end_pages));
}

uint64_t lmdb_space_measure(struct lmdb_space *space, MDB_env *env, MDB_txn *gauge)
{
    uint64_t before = atomic_load(&space->live_pages), after, written;
    MDB_envinfo info;

    if (mdb_txn_renew(gauge))
        return 0;
    mdb_env_info(env, &info);
    after = pages_of(gauge, LMDB_TABLE) + pages_of(gauge, LMDB_FREE_TABLE) + 2; /* two meta pages */
    /* Taken = given up + growth; every page taken is written once, and one meta page with it. */
    written = after + pages_given_up(gauge) - before + 1;
    mdb_txn_reset(gauge);
    atomic_store(&space->live_pages, after);
    atomic_store(&space->end_pages, (uint64_t)info.me_last_pgno + 1);
    file_length_follows(space, env);
    return written * space->page_size;
}
