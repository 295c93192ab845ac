/* A member's side of its link, sans-I/O: outbox, deliveries and verdicts, receipts. client.c puts it on a wire; the simulator
 * puts it on one made of arrays. */
#ifndef SDK_SESSION_H
#define SDK_SESSION_H

#include "base/arena.h"
#include "codec/attachment.h"
#include "link/link.h"
#include "sdk/recent.h"

#include <qiao/client.h>

/* Messages with consecutive sequences that travel in one frame; kept until the node has them on disk. */
struct session_run {
    uint64_t first;
    uint32_t count, capacity;
    struct qiao_id *ids;         /* owned */
    struct buf entries;          /* Batch.envelopes fields */
};

struct session_lane {
    struct session_run *runs;    /* ring; the last one may be open */
    uint32_t runs_first, runs_count, runs_capacity;
    uint32_t runs_sent;          /* of these, sent in this session */
    bool open;                   /* the last run still takes messages */
    uint64_t next;               /* sequence of the next submitted message */
};

/* What the verdict of a delivery with QIAO_VERDICT_LATER will be about. */
struct session_later {
    uint64_t token;
    struct qiao_id name;          /* by which it is remembered */
    uint64_t case_hash;
    bool has_case;
};

/* Where a durable outbox keeps what it must not lose. All may be NULL: then the outbox is memory. */
struct session_outbox {
    void *context;
    int (*append)(void *context, unsigned lane, uint64_t sequence, struct qiao_bytes envelope);
    int (*sync)(void *context);                                  /* everything appended and removed is on disk when it returns 0 */
    void (*remove)(void *context, unsigned lane, uint64_t up_to); /* may become durable later */
};

/* The message of a case that was answered with RETRY, and the last one behind it that was sent back unread. */
struct session_hold {
    unsigned lane;
    uint64_t case_hash;
    uint64_t sequence, last;
};

/* Files this side has and offers until the node has them, and files that it asks the node for. */
struct session_file {
    struct attachment_ref ref;
    bool fetched;                /* asked for; else offered */
    uint32_t chunks;
    uint8_t *leaves;             /* of the chunks, checked; owned. Fetched: NULL until the node has sent them */
    uint32_t next;               /* fetched: first chunk that is not written. Offered: parts given */
    uint32_t asked;              /* fetched: chunks below were asked for */
    uint32_t there;              /* fetched: chunks that lie here from an earlier attempt, not verified yet */
    uint64_t again_ms, pause_ms; /* offered: when to offer again; LINK_NEVER: the node is asking */
};

/* Where their bytes are. Set before the first file. */
struct session_files_calls {
    void *context;
    bool (*read)(void *context, const struct attachment_ref *ref, bool fetched, uint32_t index, uint8_t *ret_data, size_t size);
    bool (*write)(void *context, const struct attachment_ref *ref, uint32_t index, struct qiao_bytes data);
    /* The file is not in the session any more. A QIAO_CODE. */
    void (*ended)(void *context, const struct attachment_ref *ref, bool fetched, unsigned code);
};

struct session_files {
    struct session_files_calls calls;
    struct session_file *files;
    size_t count, capacity;
    uint64_t taken;              /* parts read on this connection */
    uint8_t *chunk;              /* scratch of QIAO_ATTACHMENT_CHUNK_SIZE */
};

struct session_options {
    const char *area, *member;   /* own address; area may be learnt from the node; member NULL: a tool */
    const struct seal *seal;     /* with a key: messages are signed with it as they are sent */
    uint64_t incarnation;        /* of the outbox */
    uint32_t window_messages;
    uint64_t window_bytes;
    uint32_t delivery_messages;
    uint64_t heartbeat_ms, silence_ms, handshake_ms;
};

struct session {
    struct session_options options;
    const struct qiao_client_handler *handler;
    void *context;
    struct session_outbox outbox;
    struct link link;
    bool connected;              /* link is initialised */
    bool goodbye;                /* link ended: the stream is to be closed after out */
    bool coming_up;              /* lanes are being resumed: nothing is sent yet */
    bool refused;                /* the node will not have us */
    unsigned code;
    char reason[128];
    char area[QIAO_AREA_SIZE_MAX + 1]; /* of the node */
    struct buf out;
    struct session_lane lanes[QIAO_LANES];
    size_t unacknowledged, unacknowledged_bytes;
    uint32_t generation;
    struct arena arena;
    struct buf verdicts;         /* packed Verdict fields not sent yet */
    struct { unsigned lane, status; uint64_t first; uint32_t count; } row; /* verdicts alike in a row, not yet in `verdicts` */
    struct { unsigned code; char reason[256]; uint64_t retry_after_ms; } explain;
    struct session_hold *holds;  /* cases with a message to be retried: what follows it is not shown to the handler before it */
    size_t holds_count, holds_capacity;
    struct session_later *laters; /* delivered, and the handler answers later */
    size_t laters_count, laters_capacity;
    struct recent accepted;      /* deliveries: after a crash of its own the node may not know of the verdict, and delivers again */
    struct recent receipts;      /* the same for receipts */
    void (*admin_reply)(void *context, struct qiao_bytes packed);
    void *admin_context;
    uint64_t receipts_taken;     /* last sequence told to the handler since the last flush, 0: none */
    uint64_t receipts_ready;     /* last sequence to acknowledge with the next flush, 0: none */
    struct session_files files;
    struct buf scratch, scratch2;
    uint64_t wall_ms;            /* milliseconds since 1970, for signatures: set by the owner before session_connected and session_flush */
    char error[256];
};

void session_init(struct session *session, const struct session_options *options, const struct qiao_client_handler *handler, void *context,
                  const struct session_outbox *outbox);
void session_deinit(struct session *session);

/* A stream to the node is up; nonce is fresh randomness. */
void session_connected(struct session *session, const uint8_t nonce[32], uint64_t now_ms);
void session_disconnected(struct session *session);
bool session_is_up(const struct session *session);
void session_receive(struct session *session, uint64_t now_ms, const struct frame *frame);
void session_tick(struct session *session, uint64_t now_ms);
uint64_t session_deadline_ms(const struct session *session);

/* Puts an envelope into the outbox. QIAO_CLIENT_BUSY, QIAO_CLIENT_INVALID (session->error says why), negative: the outbox failed. */
int session_submit(struct session *session, const struct qiao_message *message, uint64_t wall_ms, struct qiao_id *ret_id);
/* Puts back a message found in a durable outbox, with the sequence it had. */
void session_restore(struct session *session, unsigned lane, uint64_t sequence, struct qiao_bytes envelope);
/* Makes the outbox durable and sends what credit allows, and open verdicts. */
int session_flush(struct session *session, uint64_t now_ms);

/* session_files.c. leaves: malloc'd, taken over; of a file with one chunk not needed. */
void session_offer(struct session *session, const struct attachment_ref *ref, uint8_t *leaves, uint64_t now_ms);
/* there: chunks that lie here from an earlier attempt; they are read and verified. */
void session_fetch(struct session *session, const struct attachment_ref *ref, uint32_t there, uint64_t now_ms);
void session_files_up(struct session *session, uint64_t now_ms);
void session_files_acked(struct session *session, uint64_t now_ms); /* the node has taken messages: it may know of files it did not know of */
void session_files_word(struct session *session, struct qiao_bytes payload, uint64_t now_ms);
void session_files_tick(struct session *session, uint64_t now_ms);
uint64_t session_files_deadline_ms(const struct session *session);
void session_files_deinit(struct session *session);

void session_verdict(struct session *session, uint64_t token, enum qiao_verdict verdict, unsigned code, const char *reason, uint64_t retry_after_ms);

#endif
