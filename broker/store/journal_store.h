/* What the files of the journal engine share. Private: callers see store.h and journal.h.
 *
 * The state readers see is a pile of layers over the base: layer 0 takes changes, those under it are frozen and on their way
 * into the base. What a layer says about a key hides what lies below.
 *
 * Three threads. The reading thread looks at the layers and, in refresh alone, changes them. The committing thread writes
 * records and queues their buffers for refresh. The checkpoint thread writes one frozen layer at a time into the base.
 * Two locks, taken in this order:
 *   state   layers, and the reading side of the base. Nearly always taken by the reading thread only; recursive, since a
 *           visit may call get.
 *   lock    everything the threads tell one another. Held for a few instructions. */
#ifndef STORE_JOURNAL_STORE_H
#define STORE_JOURNAL_STORE_H

#include "journal.h"
#include "journal_bounds.h"
#include "journal_ring.h"
#include "journal_table.h"
#include <pthread.h>

#define LAYERS_MAX 3u
/* The base refuses that often, with a refresh between, before it is taken to be full: LMDB reuses removed pages only some
 * commits later. */
#define REFUSALS_MAX 4u

/* A place in the journal: the record with this number is at or after this offset. */
struct journal_position {
    uint64_t sequence;
    uint64_t offset;
};

struct journal_layer {
    struct table *table;
    struct journal_position end; /* behind the last record in it; set when frozen */
    bool is_written;             /* the base has it; kept only because readers may have borrowed from it */
};

struct journal_store {
    struct store base;
    struct journal_tuning tuning;
    struct store *under;         /* the base's store */
    struct bounds bounds;        /* of its keys, also of those a commit is about to bring */
    char *path;
    uint64_t bytes_max;
    uint32_t version;

    pthread_mutex_t state;
    struct journal_layer layers[LAYERS_MAX];
    unsigned layers_count;
    struct journal_position applied; /* behind the last record in layer 0 */
    uint64_t layer_born_ms;
    uint64_t base_commits_seen;  /* base_commits at the last refresh of the base */
    bool under_is_stale;         /* under_stat is to be read again */

    pthread_mutex_t lock;
    pthread_cond_t changed;      /* job, job_runs or stopping changed */
    struct ring ring;
    uint64_t next_sequence;
    struct record_buffer *pending, **pending_end;
    uint64_t pending_growth;
    int64_t layers_growth;       /* of layers that the base does not have yet */
    struct store_stat under_stat; /* written with both locks held */
    uint64_t commits, syncs, bytes_written;
    int broken;                  /* -errno of what makes every further commit fail */

    /* The checkpoint: layers[1] while it is not written. */
    struct table *job;           /* NULL: nothing to write */
    struct journal_position job_end;
    bool job_runs;               /* the checkpoint thread has it; else the base refused it */
    unsigned refusals;           /* in a row */
    uint64_t base_commits;
    bool freeze_wanted;
    bool stopping;
    struct journal_position base_end; /* the base has everything before; checkpoint thread only */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t checkpointing; /* held while the base is between two checkpoints; a backup takes it. Before state. */
};

struct journal_store *journal_of(struct store *base);

/* journal.c. With state held. */
uint64_t journal_cost_of(struct journal_store *store, struct qiao_bytes key);          /* 0: not there */
uint64_t journal_cost_of_range(struct journal_store *store, struct qiao_bytes from, struct qiao_bytes to);
void journal_apply(struct journal_store *store, struct record_buffer *buffer);
/* Layer 0 becomes a frozen one for the checkpoint thread. False: nothing in it, or the one before is not written yet. */
bool journal_freeze(struct journal_store *store);
void journal_publish(struct journal_store *store);
/* Marks the layers that the checkpoint thread has written; true if the base has refused the one it was at. */
bool journal_take_written(struct journal_store *store);
uint64_t journal_now_ms(void);

/* journal_commit.c */
int journal_commit(struct store *base, const struct store_batch *batch);

/* journal_checkpoint.c */
int journal_checkpoint_start(struct journal_store *store); /* the thread; 0 or -errno */
void journal_checkpoint_stop(struct journal_store *store); /* returns when the running one has ended */
/* Writes table into the base: 0, STORE_FULL or -errno. */
int journal_write_table(struct journal_store *store, const struct table *table, struct journal_position end, bool in_use);
int journal_backup(struct store *base, const char *path);
/* A batch too large for a record: goes into the base at once, behind everything committed before. */
int journal_commit_large(struct journal_store *store, const struct store_batch *batch);

/* journal_recover.c */

/* The base's note about the journal: which one, from where on its records are not in the base, and whether there must be one. */
#define NOTE_SIZE 32u
struct journal_note {
    uint64_t journal_id;
    struct journal_position position;
    bool in_use;
};
extern const struct qiao_bytes journal_note_key;
void journal_note_pack(uint8_t bytes[NOTE_SIZE], const struct journal_note *note);
int journal_note_read(struct store *under, struct journal_note *ret_note, bool *ret_found); /* 0, STORE_NEWER or STORE_CORRUPT */
/* Opens or makes the journal and brings base and layer 0 to the last acknowledged batch. */
int journal_recover(struct journal_store *store, char *reterr_text, size_t reterr_size);

#endif
