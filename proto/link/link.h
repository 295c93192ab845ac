/* A link session, sans-I/O, the same code at both ends: handshake, lanes with gap-free sequences, cumulative durable
 * acknowledgements, credit, heartbeats. Frames in, frames and events out; time is an argument.
 *
 *   dialer                      listener
 *   link_start -> HELLO   ---->            LINK_PEER_HELLO, owner calls link_accept
 *                         <---- HELLO, AUTH
 *   LINK_PEER_HELLO, owner calls link_accept -> AUTH (then the listener's AUTH is read: LINK_UP)
 *                         ---->            LINK_UP
 *
 * States:  IDLE -> WAIT_HELLO -> WAIT_ACCEPT -> WAIT_AUTH -> UP;  any -> CLOSED
 *
 * Between nodes, how much is under way follows what the line takes (pace.h), and large batches go in parts (parts.h): the owner calls
 * link_continue, lane by lane in the order they matter, whenever LINK_ACKED or LINK_PONG came.
 *
 * Lanes 0 to 2 carry messages. On member links the node also uses lane 3 for receipts, and its lanes 0 to 2 are "free":
 * the member answers each delivery with a verdict, so sequences there are names, not an order. */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include "codec/frame.h"
#include "codec/run.h"
#include "link/pace.h"
#include "link/parts.h"
#include "seal/seal.h"

#include <qiao/err.h>
#include <qiao/limits.h>

#define LINK_LANES 4u
#define LINK_LANE_RECEIPTS 3u
#define LINK_NEVER UINT64_MAX
/* Feature bits of a hello. */
#define LINK_FEATURE_PARTS 1u /* of link_options.features: this side takes batches in parts, and paces what it sends to a node */
#define LINK_FEATURE_ROUTES 2u /* takes FRAME_ROUTES */
#define LINK_FEATURE_ATTACHMENTS 4u /* a member that understands FRAME_ATTACHMENT */

enum link_role { LINK_ROLE_PEER_NODE = 0, LINK_ROLE_PARENT_NODE = 1, LINK_ROLE_CHILD_NODE = 2, LINK_ROLE_MEMBER_ONLY = 3 };

enum link_state { LINK_STATE_IDLE, LINK_STATE_WAIT_HELLO, LINK_STATE_WAIT_ACCEPT, LINK_STATE_WAIT_AUTH, LINK_STATE_UP, LINK_STATE_CLOSED };

/* Who a side is and what it wants. Strings are borrowed for the life of the link. */
struct link_options {
    bool dialer;
    enum link_role role;          /* what this side is to the other */
    const char *node, *area, *org;
    uint64_t incarnation;
    uint64_t features;
    bool wants_deliveries, wants_events;
    uint8_t nonce[32];            /* fresh random bytes */
    const struct seal *seal;
    uint64_t credit_messages, credit_bytes; /* what this side takes unacknowledged per lane */
    uint64_t heartbeat_ms, silence_ms, handshake_ms;
    uint64_t wall_ms;             /* milliseconds since 1970 when the link began; 0: not told to the peer */
    uint64_t clock_skew_ms_max;   /* how far the peer's clock may be off; 0: not looked at */
    bool mute;                    /* nothing it puts out reaches anybody: it sends no messages */
    uint64_t pace_limit;          /* of an earlier link with the same peer; 0: none */
};

/* What the peer says of itself; nothing here is proved before LINK_UP. */
struct link_hello {
    enum link_role role;          /* what the peer is to this side */
    char node[QIAO_NAME_SIZE_MAX + 1];
    char area[QIAO_AREA_SIZE_MAX + 1];
    char org[QIAO_ORG_SIZE_MAX + 1];
    uint8_t nonce[32];
    uint64_t incarnation;
    uint64_t features;
    bool wants_deliveries, wants_events;
    uint64_t wall_ms;
};

struct link_resume {
    uint64_t received;            /* last durable sequence of the peer's stream here */
    uint64_t next;                /* first sequence this side has for the peer */
    uint8_t chain[SEAL_DIGEST_SIZE]; /* custody chain of this side's stream before next */
    const struct link_part *part; /* what has come of the batch behind received; copied. May be NULL */
};

struct link_flight {
    uint64_t last_sequence;
    uint64_t bytes;
};

struct link_tx {
    uint64_t next;                /* next sequence to send in this session */
    uint64_t acked;
    uint64_t credit_messages, credit_bytes;
    uint64_t flying_bytes;
    struct link_flight *flights;  /* ring of batches sent and not acknowledged; allocated on use */
    uint32_t flights_first, flights_count, flights_capacity;
    struct link_rest rest;
    size_t before;                /* of the next batch: link_sent_before */
    struct link_held held;
};

struct link_rx {
    uint64_t next;                /* next sequence expected */
    uint64_t peer_next;           /* first sequence the peer has, as it said in the handshake */
    uint8_t peer_chain[SEAL_DIGEST_SIZE]; /* custody chain before it */
    struct link_part part;
};

/* A custody receipt as it came, or as it goes out. Bytes are borrowed. */
struct link_custody {
    bool present;
    unsigned suite;
    uint64_t sequence;
    struct qiao_bytes chain, signature, key_id, audit_root;
    uint64_t at_ms, audit_size;
};

struct link {
    struct link_options options;
    struct link_hello peer;
    struct link_resume resume[LINK_LANES];
    enum link_state state;
    uint32_t version;
    struct link_tx tx[LINK_LANES];
    struct link_rx rx[LINK_LANES];
    uint64_t state_since_ms;
    uint64_t received_at_ms;      /* last bytes from the peer */
    uint64_t sent_at_ms;          /* last frame to the peer */
    size_t frame_size_max;
    uint32_t busy_code;           /* the peer says why its credit is small */
    struct seal_key_id peer_key_id; /* of its certificate, if it signed */
    unsigned peer_suite;          /* what the peer signed the handshake with; 0: nothing */
    bool paced;                   /* both ends are nodes, and this one paces */
    bool parts;                   /* and the other one takes parts */
    struct pace pace;
    uint64_t sent_bytes, resent_bytes; /* of frames with messages; of these, what link_sent_before told of */
};

enum link_event_type {
    LINK_NOTHING,
    LINK_PEER_HELLO,              /* link->peer is filled: call link_accept or link_close */
    LINK_UP,                      /* tx[].acked says what the peer has */
    LINK_BATCH,                   /* batch; the first `skip` messages were received before */
    LINK_ACKED,                   /* tx[].acked moved, or credit changed */
    LINK_VERDICTS,                /* payload: packed Verdicts, not yet unpacked */
    LINK_ADMIN_REQUEST,
    LINK_ADMIN_REPLY,
    LINK_KEYS_WANTED,             /* payload: packed KeysWanted */
    LINK_KEYS,                    /* payload: packed Keys */
    LINK_ROUTES,                  /* payload: packed Routes */
    LINK_ATTACHMENT,              /* payload: packed AttachmentWord */
    LINK_PONG,                    /* more may be sent */
    LINK_CLOSED,                  /* by the peer, or because of it: code and reason */
};

struct link_event {
    enum link_event_type type;
    unsigned code;
    char reason[128];
    struct batch_view batch;
    uint32_t skip;
    struct qiao_bytes payload;
    struct link_custody custody[LINK_LANES]; /* of LINK_ACKED */
};

/* Takes over what the peer says it takes, as far as it is believed. */
void link_take_credit(struct link_tx *tx, uint64_t messages, uint64_t bytes);

void link_init(struct link *link, const struct link_options *options, uint64_t now_ms);
void link_deinit(struct link *link);

/* The dialer's first frame. */
void link_start(struct link *link, uint64_t now_ms, struct buf *out);
/* After LINK_PEER_HELLO: go on. resume has one entry a lane. */
void link_accept(struct link *link, const struct link_resume resume[LINK_LANES], uint64_t now_ms, struct buf *out);
/* Instead of a handshake: the peer has said in a page of a bundle who it is, what it has (theirs[].received) and where it goes on
 * (theirs[].next), and suite and key_id have signed that. The link is up. Both arrays have one entry a lane. */
void link_adopt(struct link *link, const struct link_hello *peer, unsigned suite, const struct seal_key_id *key_id, const struct link_resume theirs[LINK_LANES],
                const struct link_resume own[LINK_LANES], uint64_t now_ms);
/* Says why and ends the session; the owner closes the stream after sending out. */
void link_close(struct link *link, unsigned code, const char *reason, struct buf *out);

/* One frame from the peer. Whatever is wrong with it ends the session with LINK_CLOSED. */
void link_receive(struct link *link, uint64_t now_ms, const struct frame *frame, struct buf *out, struct link_event *ret_event);
/* Bytes came in that are not yet a frame: a slow transfer is not silence. */
void link_progress(struct link *link, uint64_t now_ms);

/* True if another batch may go out on the lane (at least one message and one byte of credit). */
bool link_can_send(const struct link *link, unsigned lane);
/* Appends a batch frame of `count` messages starting at tx[lane].next (ordered lanes) or first_sequence (free lanes). */
void link_send_batch(struct link *link, unsigned lane, uint64_t first_sequence, uint32_t count, struct qiao_bytes entries, uint64_t now_ms, struct buf *out);
/* Before link_send_batch: earlier links handed out so many bytes of this batch; for the books only. */
void link_sent_before(struct link *link, unsigned lane, size_t bytes);
/* The same in one frame whatever the line is like, for what is small. */
void link_send_whole(struct link *link, unsigned lane, uint64_t first_sequence, uint32_t count, struct qiao_bytes entries, uint64_t now_ms, struct buf *out);
/* Goes on with a batch that is going out in parts. */
void link_continue(struct link *link, unsigned lane, uint64_t now_ms, struct buf *out);
/* The peer has the beginning of a batch that starts at this sequence: how many messages are in it; 0: it has not. */
uint32_t link_held_count(const struct link *link, unsigned lane, uint64_t first_sequence);
/* Acknowledges and tells the credit (options) of lanes whose sequence is not 0, or of all lanes; busy_code tells why credit is small. */
void link_send_ack(struct link *link, const uint64_t sequence[LINK_LANES], bool all_lanes, unsigned busy_code, uint64_t now_ms, struct buf *out);
/* An acknowledgement of some lanes that is a custody receipt; the sequence stands in it. */
void link_send_custody(struct link *link, const struct link_custody custody[LINK_LANES], unsigned busy_code, uint64_t now_ms, struct buf *out);
/* Any other frame with a packed payload. */
void link_send_frame(struct link *link, enum frame_type type, struct qiao_bytes payload, uint64_t now_ms, struct buf *out);

/* Heartbeats and deadlines. May give LINK_CLOSED (silence, handshake too slow). */
void link_tick(struct link *link, uint64_t now_ms, struct buf *out, struct link_event *ret_event);
/* When link_tick has something to do. */
uint64_t link_deadline_ms(const struct link *link);

#endif
