/* Decisions and the messages they hold for, written down as messages are decided: schema/explain.proto, and 'Y' and 'y' of keys.h.
 * Messages come in rows with the same answer: a decision is stored once, named by its digest; a message costs a mark of its id. */
#ifndef CORE_EXPLAIN_H
#define CORE_EXPLAIN_H

#include "core/state.h"

/* 'y': at (8) | bytes of all records before (8) | rows (2) | row: name (16) peer (2) source (8) tag (4), one each |
 * stretches to the end. Source: start of the digest of the sender's address, as all nodes see it; tag: the same as keys.h has it.
 * Stretch: row (2) | messages (2) | first sequence in the peer's queue, counting up with the messages; 0: none (8) | mark (8) each.
 * Before layout 3 of the store each had its whole id (16); which it is, EXPLAIN_MARKED says. */
#define EXPLAIN_NAME_SIZE 16u
#define EXPLAIN_HEAD_SIZE 18u
#define EXPLAIN_MARKED 0x8000u         /* in rows */
#define EXPLAIN_MARK_SIZE 8u
#define EXPLAIN_SOURCE_SIZE 8u
#define EXPLAIN_ROW_SIZE (EXPLAIN_NAME_SIZE + 2u + EXPLAIN_SOURCE_SIZE + TAG_SIZE)
#define EXPLAIN_STRETCH_SIZE 12u
#define EXPLAIN_ENDED_SIZE 11u         /* 'Y' id(16) peer(2) tag(4): ended in the peer's queue: when (8), outcome (1), code (2) */
#define EXPLAIN_DECISION_HEAD_SIZE 8u  /* 'Y': last written (8), then the packed Decision */

struct explain_record {
    uint64_t at_ms, bytes_before;
    uint32_t rows_count;
    bool marked;
    const uint8_t *rows;
    struct qiao_bytes stretches;
};

struct explain_stretch {
    struct qiao_id name;           /* of the decision */
    uint16_t peer;                 /* number; 0: it went to nobody */
    uint64_t source;
    uint32_t tag;
    uint64_t first;                /* sequence of the first message */
    const uint8_t *marks;          /* or ids */
    uint32_t count;
    bool marked;
};

/* Half of an id, with the other half folded in: what tells ids of one sender apart may stand in either (RFC 9562: version 1 ends with
 * clock sequence and station, version 7 in a counter and randomness). Two of a sender that are not meant to do not meet. */
static inline uint64_t explain_mark(const struct qiao_id *id) { return get_u64(id->bytes + 8) ^ get_u64(id->bytes) * 0x9e3779b97f4a7c15u; }

/* Is message i of the stretch the one with this id? */
bool explain_is(const struct explain_stretch *stretch, uint32_t i, const struct qiao_id *id);
/* False: not a record. */
bool explain_open(struct qiao_bytes value, struct explain_record *ret_record);
/* Moves over one stretch. False at the end, or if what is left is none: then *rest is not empty. */
bool explain_next(const struct explain_record *record, struct qiao_bytes *rest, struct explain_stretch *ret_stretch);

struct key explain_key(const struct qiao_id *name); /* 'Y' */
struct key explain_ended_key(const struct qiao_id *id, uint16_t peer, uint32_t tag);
/* Numbers of the records there are: first to one behind the last. False: nothing is written down. */
bool explain_range(const struct core *core, uint64_t *ret_first, uint64_t *ret_next);

/* Before any message is taken. False: the log cannot be read. */
bool explain_load(struct core *core);
void explain_deinit(struct core *core);
/* The configuration was read: explain says which one from now on. version: start of its files' digest, NULL for none. */
void explain_configuration(struct core *core, const char *version);
/* Routes changed without the configuration: candidates are looked at anew. */
void explain_routes_changed(struct core *core);

/* What is decided about the message: QIAO_CODE_OK with core->targets, or why it is refused. `routed`: the table was asked. */
void explain_decide(struct core *core, const struct peer *from, const struct envelope *envelope, unsigned code, bool routed);
/* The same as a packed Decision, and nothing is written down. */
void explain_describe(struct core *core, const struct peer *from, const struct header *header, unsigned code, bool routed, struct buf *out);
/* It went into the queue of core->targets[target] as this sequence; 0: that member is not given it, it ended here. */
void explain_queued(struct core *core, size_t target, uint64_t sequence);
/* Nothing more is queued by what was decided last; if nothing was, the node knew the message already, or it was for the node itself. */
void explain_done(struct core *core);
/* It has ended in the peer's queue, where no record of its own tells of that. */
void explain_ended(struct core *core, const struct header *header, const struct peer *peer, unsigned outcome, unsigned code);
/* Puts what was written down into the batch being filled, and lets go of what is too old. */
void explain_close(struct core *core);

#endif
