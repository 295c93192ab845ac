#include "sdk/outbox.h"

#include <errno.h>
#include <lmdb.h>
#include <qiao/id.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Address space, not memory or disk: 4096 messages of a MiB with room to spare. */
#define MAP_SIZE ((size_t)16 << 30)

/* Keys: 'm' lane(1) sequence(8) -> envelope;  'n' lane(1) -> next sequence(8);  'i' -> incarnation(8);  'a' -> area */
struct outbox {
    MDB_env *env;
    MDB_dbi dbi;
    MDB_txn *txn;                 /* open while there are changes that are not on disk */
    int lock;
    uint64_t incarnation;
    char area[QIAO_AREA_SIZE_MAX + 1];
};

static int from_mdb(int result)
{
    if (result == MDB_MAP_FULL || result == ENOSPC) return -ENOSPC;
    return result > 0 ? -result : result < 0 ? -EIO : 0;
}

static int begin(struct outbox *o)
{
    return o->txn ? 0 : from_mdb(mdb_txn_begin(o->env, NULL, 0, &o->txn));
}

static int put(struct outbox *o, struct qiao_bytes key, struct qiao_bytes value)
{
    MDB_val k = { key.size, (void *)key.data }, v = { value.size, (void *)value.data };
    int result = begin(o);
    return result ? result : from_mdb(mdb_put(o->txn, o->dbi, &k, &v, 0));
}

static int sync_outbox(void *context)
{
    struct outbox *o = context;
    MDB_txn *txn = o->txn;
    o->txn = NULL;
    return txn ? from_mdb(mdb_txn_commit(txn)) : 0;
}

static void lane_key(uint8_t key[10], char prefix, unsigned lane, uint64_t sequence)
{
    key[0] = (uint8_t)prefix;
    key[1] = (uint8_t)lane;
    put_u64(key + 2, sequence);
}

static int append(void *context, unsigned lane, uint64_t sequence, struct qiao_bytes envelope)
{
    uint8_t key[10], next_key[10], next[8];
    lane_key(key, 'm', lane, sequence);
    lane_key(next_key, 'n', lane, 0);
    put_u64(next, sequence + 1);
    int result = put(context, qiao_bytes(key, sizeof key), envelope);
    return result ? result : put(context, qiao_bytes(next_key, 2), qiao_bytes(next, sizeof next));
}

/* Lost at a crash, the removal is made again: the node says what it has when the link comes up. */
static void remove_up_to(void *context, unsigned lane, uint64_t up_to)
{
    struct outbox *o = context;
    uint8_t from[10];
    MDB_cursor *cursor;
    if (begin(o) != 0 || mdb_cursor_open(o->txn, o->dbi, &cursor) != 0) return;
    lane_key(from, 'm', lane, 0);
    MDB_val key = { sizeof from, from }, value;
    int result = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (result == 0 && key.mv_size == 10 && ((uint8_t *)key.mv_data)[0] == 'm' && ((uint8_t *)key.mv_data)[1] == lane && get_u64((uint8_t *)key.mv_data + 2) <= up_to) {
        if (mdb_cursor_del(cursor, 0) != 0) break;
        result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
}

struct session_outbox outbox_calls(struct outbox *o)
{
    return (struct session_outbox){ o, append, sync_outbox, remove_up_to };
}

static int read_value(struct outbox *o, char name, void *out, size_t out_size, size_t *ret_size)
{
    MDB_txn *txn;
    MDB_val key = { 1, &name }, value = { 0 };
    int result = mdb_txn_begin(o->env, NULL, MDB_RDONLY, &txn);
    if (result != 0) return from_mdb(result);
    result = mdb_get(txn, o->dbi, &key, &value);
    *ret_size = result == 0 && value.mv_size <= out_size ? value.mv_size : 0;
    if (*ret_size) memcpy(out, value.mv_data, *ret_size);
    mdb_txn_abort(txn);
    return result == MDB_NOTFOUND ? 0 : from_mdb(result);
}

static int load(struct outbox *o)
{
    uint8_t incarnation[8];
    size_t size;
    int result = read_value(o, 'a', o->area, sizeof o->area - 1, &size);
    if (result == 0) result = read_value(o, 'i', incarnation, sizeof incarnation, &size);
    if (result != 0) return result;
    if (size == sizeof incarnation) {
        o->incarnation = get_u64(incarnation);
        return 0;
    }
    struct qiao_id id = qiao_id_new();
    o->incarnation = get_u64(id.bytes + 8) | 1;
    put_u64(incarnation, o->incarnation);
    result = put(o, qiao_bytes("i", 1), qiao_bytes(incarnation, sizeof incarnation));
    return result ? result : sync_outbox(o);
}

static int open_environment(struct outbox *o, const char *path)
{
    char lock_path[4096];
    if ((mkdir(path, 0700) != 0 && errno != EEXIST) || (size_t)snprintf(lock_path, sizeof lock_path, "%s/owner", path) >= sizeof lock_path) return errno ? -errno : -ENAMETOOLONG;
    o->lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (o->lock < 0 || flock(o->lock, LOCK_EX | LOCK_NB) != 0) return -errno;
    int result = mdb_env_create(&o->env);
    if (result == 0) result = mdb_env_set_mapsize(o->env, MAP_SIZE);
    if (result == 0) result = mdb_env_open(o->env, path, MDB_NOTLS | MDB_NOMEMINIT | MDB_NORDAHEAD, 0600);
    MDB_txn *txn;
    if (result == 0) result = mdb_txn_begin(o->env, NULL, 0, &txn);
    if (result != 0) return from_mdb(result);
    result = mdb_dbi_open(txn, NULL, 0, &o->dbi);
    if (result != 0) mdb_txn_abort(txn);
    else result = mdb_txn_commit(txn);
    return result ? from_mdb(result) : load(o);
}

int outbox_new(const char *path, struct outbox **ret_outbox, char *reterr_text, size_t reterr_size)
{
    struct outbox *o = base_zalloc(sizeof *o);
    o->lock = -1;
    int result = open_environment(o, path);
    if (result != 0) {
        snprintf(reterr_text, reterr_size, "outbox %s: %s", path, result == -EWOULDBLOCK ? "another process has it open" : strerror(-result));
        outbox_free(o);
        return result;
    }
    *ret_outbox = o;
    return 0;
}

struct outbox *outbox_free(struct outbox *o)
{
    if (!o) return NULL;
    if (o->txn) mdb_txn_abort(o->txn); /* never promised: submit becomes durable at flush */
    if (o->env) mdb_env_close(o->env);
    if (o->lock >= 0) close(o->lock);
    free(o);
    return NULL;
}

uint64_t outbox_incarnation(const struct outbox *o)
{
    return o->incarnation;
}

const char *outbox_area(const struct outbox *o)
{
    return o->area;
}

int outbox_set_area(struct outbox *o, const char *area)
{
    if (strcmp(o->area, area) == 0) return 0;
    snprintf(o->area, sizeof o->area, "%s", area);
    return put(o, qiao_bytes("a", 1), qiao_bytes_from_string(o->area));
}

static void restore_lane(struct outbox *o, MDB_txn *txn, struct session *session, unsigned lane)
{
    uint8_t from[10];
    MDB_cursor *cursor;
    if (mdb_cursor_open(txn, o->dbi, &cursor) != 0) return;
    lane_key(from, 'm', lane, 0);
    MDB_val key = { sizeof from, from }, value;
    int result = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (; result == 0 && key.mv_size == 10; result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        const uint8_t *k = key.mv_data;
        if (k[0] != 'm' || k[1] != lane) break;
        session_restore(session, lane, get_u64(k + 2), qiao_bytes(value.mv_data, value.mv_size));
    }
    mdb_cursor_close(cursor);
    lane_key(from, 'n', lane, 0);
    MDB_val next_key = { 2, from };
    if (mdb_get(txn, o->dbi, &next_key, &value) == 0 && value.mv_size == 8 && get_u64(value.mv_data) > session->lanes[lane].next)
        session_restore(session, lane, get_u64(value.mv_data), qiao_bytes(NULL, 0));
}

int outbox_restore(struct outbox *o, struct session *session)
{
    MDB_txn *txn;
    int result = mdb_txn_begin(o->env, NULL, MDB_RDONLY, &txn);
    if (result != 0) return from_mdb(result);
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) restore_lane(o, txn, session, lane);
    mdb_txn_abort(txn);
    return 0;
}
