/* Attachments: files referenced by messages, kept as chunks in the store and asked for by whoever needs them.
 *
 * At the origin a member's message names a file; the node asks the member for it (FRAME_ATTACHMENT). At the destination the message is
 * delivered at once, and the node asks the node of origin (messages of kind ATTACHMENT, addressed to the sender, taken by its node). The
 * recipient asks its own node. A chunk counts when the batch that holds it is stored: then it is one of the file's keys, and after a
 * restart only what has no key is asked for.
 *
 *   attach.c        which files are known, who may have them, quotas, how long they stay
 *   attach_fetch.c  asking for what is missing and taking it in
 *   attach_serve.c  giving it out
 *
 * States of a file (enum attachment_state): WANTED -> WHOLE, WANTED -> GONE, and WANTED again when it is referenced anew. */
#ifndef CORE_ATTACH_H
#define CORE_ATTACH_H

#include "codec/attachment.h"
#include "core/ids.h"
#include "core/keys.h"
#include "proof/leaves.h"

struct core;
struct peer;
struct connection;
struct batch;
struct envelope;
struct origin;

#define FETCHES_MAX 32u          /* files asked for at a time */
#define ATTACHMENT_SOURCE_MAX 112u /* a serialised address of area and organisation */

/* 'f' 'a': what is known of a file. */
struct attachment_record {
    enum attachment_state state; /* UNKNOWN: there is no record */
    bool reserved;               /* counted in attachments.bytes */
    uint16_t payer;              /* number of the member whose quota it is counted in, 0: it came from another node */
    uint64_t since_ms, until_ms; /* first referenced; kept until. Milliseconds since 1970 */
    struct attachment_ref ref;
    uint8_t source[ATTACHMENT_SOURCE_MAX]; /* serialised Address of the sender */
    uint8_t source_size;
};

/* What a batch changes of the records: the store does not show it yet. */
struct attachment_changes {
    struct attachment_record *records;
    size_t count, capacity;
    struct id_set places;        /* start of the digest -> place in records */
};

/* A file that is being asked for. */
struct fetch {
    struct attachment_ref ref;
    uint64_t connection;         /* id of the member's connection, or 0: the node of source */
    uint8_t source[ATTACHMENT_SOURCE_MAX];
    uint8_t source_size;
    uint32_t chunks, have_count;
    uint32_t next;               /* chunks below were asked for, or are there */
    uint32_t flying;             /* asked for and not here */
    uint32_t bad;                /* parts that were not what they should be */
    uint32_t turns;              /* how often a member offered what another node was asked for */
    uint64_t *have;              /* a bit a chunk; owned */
    uint8_t *leaves;             /* checked; owned. NULL: not here */
    bool leaves_asked;
    bool gets_on;                /* something good has come since it was asked of whom it is asked */
    uint64_t due_ms, patience_ms; /* when to ask again if nothing comes */
};

struct attachments {
    struct fetch fetches[FETCHES_MAX];
    size_t fetches_count;
    uint64_t bytes;              /* of all files with a reservation, in whole chunks */
    uint64_t begin_ms;           /* when what was wanted in an earlier life is asked for again, 0: nothing is, or it was */
    uint64_t collect_ms;         /* wall time of the earliest end of a file's keeping, 0: none */
    uint64_t parts_taken, parts_again, parts_bad, bytes_given;
};

/* ---- attach.c ---- */
bool attach_load(struct core *core);                         /* false: a record is not sound */
void attach_deinit(struct core *core);
/* Files of a message from an own member: a QIAO_CODE if it may not be sent. */
unsigned attach_check(struct core *core, const struct peer *from, const struct header *header);
void attach_sent(struct core *core, const struct peer *from, const struct header *header);      /* it was accepted */
void attach_delivered(struct core *core, const struct peer *member, const struct header *header); /* it is being put into the member's queue */
/* False if nothing is known. *ret_stored (may be NULL): the store shows it as it is. */
bool attach_find(struct core *core, const uint8_t digest[ATTACHMENT_DIGEST_SIZE], struct attachment_record *ret_record, bool *ret_stored);
void attach_put(struct core *core, const struct attachment_record *record);
bool attach_member_may(struct core *core, const struct peer *member, const uint8_t digest[ATTACHMENT_DIGEST_SIZE]);
bool attach_area_may(struct core *core, struct qiao_bytes area, const uint8_t digest[ATTACHMENT_DIGEST_SIZE]);
bool attach_reserve(struct core *core, struct attachment_record *record); /* false: no room */
void attach_tick(struct core *core);
uint64_t attach_deadline_ms(const struct core *core);
void attach_stored(struct core *core, struct batch *batch);
void attach_changes_absorb(struct attachment_changes *into, struct attachment_changes *from);
void attach_changes_clear(struct attachment_changes *changes);
void attach_changes_deinit(struct attachment_changes *changes);

/* ---- attach_fetch.c ---- */
void attach_pump(struct core *core);                          /* begins what may be asked of other nodes */
void attach_resume(struct core *core);                        /* the store has room again */
struct fetch *attach_fetch_find(struct core *core, const uint8_t digest[ATTACHMENT_DIGEST_SIZE]);
bool attach_fetch_begin(struct core *core, const struct attachment_record *record, struct connection *from); /* false: too many */
void attach_fetch_drop(struct core *core, struct fetch *fetch);
void attach_fetch_part(struct core *core, struct fetch *fetch, const struct attachment_word *word);
void attach_fetch_state(struct core *core, struct fetch *fetch, enum attachment_state state);
void attach_fetch_tick(struct core *core);
bool attach_fetch_may_turn(const struct fetch *fetch); /* it was asked of another node, and nothing has come */
void attach_fetch_turn(struct core *core, struct fetch *fetch, const struct connection *member); /* from another node to a member that offers it */
void attach_connection_gone(struct core *core, const struct connection *connection);

/* ---- attach_serve.c ---- */
/* To a member's connection, or to the node of an address. */
struct attachment_asker {
    struct connection *connection;
    struct qiao_bytes address;
};
void attach_say(struct core *core, const struct attachment_asker *asker, const struct attachment_word *word);
void attach_frame(struct core *core, struct connection *connection, struct qiao_bytes payload);
/* "area/org", cut if it does not fit. */
void attach_source_text(struct qiao_bytes source, char *text, size_t text_size);
void attach_message(struct core *core, const struct peer *from, const struct envelope *envelope, const struct origin *origin, unsigned code);
void attach_announce(struct core *core, const struct attachment_record *record); /* WHOLE or GONE, and on disk */

#endif
