/* The store: ordered keys, one transaction a batch. Engines behind eight calls.
 *
 * Threads: open and close on any one thread. get, scan, refresh and stat are called by one reading thread (the loop);
 * commit is called by one writing thread, concurrently with reads. What a read returns stays valid until the reading
 * thread's next refresh. A read sees the state of the last refresh, never a half of a batch. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <qiao/bytes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_KEY_SIZE_MAX 128u

/* Outcomes of open and commit (positive, two-sign rule). Negative values are -errno of a failure that cannot be mended here. */
enum store_result {
    STORE_OK = 0,
    STORE_FULL = 1,        /* no room on the disk or under bytes_max: nothing of the batch was applied; refresh, and try again later */
    STORE_NEWER = 2,       /* written by a newer version */
    STORE_CORRUPT = 3,     /* not a store, or damaged */
    STORE_IN_USE = 4,      /* another process has it open */
};

struct store_options {
    const char *path;      /* directory, made if absent; ignored by the array engine */
    uint64_t bytes_max;    /* the store refuses to grow beyond this; 0: the disk decides */
    uint32_t version;      /* QIAO_STORE_VERSION; written into a new store, compared with an old one */
};

/* One change. put: key and value. remove: key, value empty; absent is fine. remove_range: every key in [key, value). */
enum store_op_type { STORE_PUT, STORE_REMOVE, STORE_REMOVE_RANGE };

struct store_op {
    enum store_op_type type;
    struct qiao_bytes key;
    struct qiao_bytes value;
};

/* A batch borrows everything it points at until commit returns. Operations apply in order. */
struct store_batch {
    const struct store_op *ops;
    size_t count;
};

struct store_stat {
    uint64_t bytes_used;      /* live pages or records */
    uint64_t bytes_max;       /* what it may grow to: the smaller of bytes_max and what the disk still holds */
    uint64_t commits;
    uint64_t syncs;           /* flushes waited for */
    uint64_t bytes_written;   /* handed to the disk by commits, page rounding included */
    bool working;             /* a commit may have to wait for work of the store's own that is under way */
};

/* Called for each key in order; returns false to stop. The bytes are borrowed as with get. */
typedef bool (*store_visit)(void *context, struct qiao_bytes key, struct qiao_bytes value);

struct store;

struct store_engine {
    const char *name;
    int (*open)(const struct store_options *options, struct store **ret_store, char *reterr_text, size_t reterr_size);
    /* True and *ret_value if the key is there. */
    bool (*get)(struct store *store, struct qiao_bytes key, struct qiao_bytes *ret_value);
    /* Visits [from, to) in order; an empty `to` means to the end. */
    void (*scan)(struct store *store, struct qiao_bytes from, struct qiao_bytes to, store_visit visit, void *context);
    /* All or nothing, durable when it returns 0. */
    int (*commit)(struct store *store, const struct store_batch *batch);
    void (*refresh)(struct store *store);
    /* A consistent copy into a new directory while the store is in use. */
    int (*backup)(struct store *store, const char *path);
    void (*stat)(struct store *store, struct store_stat *ret_stat);
    struct store *(*close)(struct store *store); /* returns NULL */
};

/* First member of every engine's state. */
struct store {
    const struct store_engine *engine;
};

extern const struct store_engine store_engine_lmdb;
extern const struct store_engine store_engine_journal; /* a journal in front of LMDB: the engine of a node */

static inline bool store_get(struct store *s, struct qiao_bytes key, struct qiao_bytes *ret_value)
{
    return s->engine->get(s, key, ret_value);
}
static inline void store_scan(struct store *s, struct qiao_bytes from, struct qiao_bytes to, store_visit visit, void *context)
{
    s->engine->scan(s, from, to, visit, context);
}
static inline int store_commit(struct store *s, const struct store_batch *batch) { return s->engine->commit(s, batch); }
static inline void store_refresh(struct store *s) { s->engine->refresh(s); }
static inline void store_stat(struct store *s, struct store_stat *ret_stat) { s->engine->stat(s, ret_stat); }
static inline struct store *store_close(struct store *s) { return s ? s->engine->close(s) : NULL; }

#endif
