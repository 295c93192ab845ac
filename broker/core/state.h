/* The core's state, for the files of this folder only. */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include "base/arena.h"
#include "base/prng.h"
#include "area/version.h"
#include "codec/envelope.h"
#include "core/attach.h"
#include "core/core.h"
#include "core/chains.h"
#include "core/directory_table.h"
#include "core/ids.h"
#include "core/keys.h"
#include "core/registry.h"
#include "proof/audit.h"
#include "proof/custody.h"
#include "proof/group.h"

#include <qiao/kind.h>

/* Peers are numbered from 1 to this; id sets use higher numbers for other purposes. */
#define PEER_NUMBER_MAX 0xfff0u
/* Of core->waiting: no node may be called so. */
#define CORE_WAITING_NAME ".waiting"

struct peer;
struct connection;
struct explain;
struct way_question;

/* Messages in a row of a run that this node signs for their senders, with one signature. */
struct run_group {
    uint32_t first, count;         /* entries of the run */
    uint32_t unit;                 /* its place among the run's units */
    size_t head_at;                /* in buf: the proof field of its first message */
    bool expires;                  /* one of its messages may end on the way: each gets a proof of its own */
};

/* A run of messages for one queue, growing in the batch that is being filled. */
struct run {
    struct peer *peer;
    unsigned lane;
    uint64_t first;
    uint32_t count;
    uint32_t ended;                /* entries that are empty */
    uint64_t expires_at_ms;        /* earliest, 0: none */
    struct buf buf;
    struct buf units;              /* of links, UNIT_SIZE each: what the run adds to the custody chain (keys.h) */
    struct run_group *groups;      /* to sign; owned */
    size_t groups_count, groups_capacity;
    struct buf leaves;             /* of their messages, one Merkle leaf each */
    struct buf headers;            /* the same messages' headers: length (4), bytes */
    struct buf evidence;           /* what 'H' will hold */
    uint64_t number;               /* of the evidence */
    bool is_signed;
    uint32_t whole_left;           /* entries of a whole group that are still to come: the run may not be closed before */
};

/* How it is known who sent a message that is put into a queue. */
struct origin {
    enum { ORIGIN_PLAIN, ORIGIN_OWN, ORIGIN_WHOLE, ORIGIN_SINGLE } form; /* PLAIN: its bytes go on as they are; OWN: this node signs */
    const struct group_batch *batch; /* WHOLE: in a group that stays whole; SINGLE: alone, with a proof of its own */
    uint32_t message;
    const struct peer *from;       /* who brought it, if it was checked */
};

/* Runs delivered to a member and not all answered. Kept over reconnects: what was answered is not delivered again. */
struct flight {
    uint64_t first;
    uint32_t count;
    uint32_t resolved;
    uint32_t waiting;              /* held, while the window is looked at */
    uint64_t bytes;
    uint64_t *bits;                /* one a message, set when it has its outcome; owned */
};

/* A delivered message that must come again, or waits behind one of its case. */
struct held {
    unsigned lane;
    uint64_t sequence;
    uint64_t case_hash;
    uint64_t due_ms;               /* LINK_NEVER: waits for the one before it in its case */
    uint32_t attempts;             /* deliveries that failed */
    uint64_t first_ms;             /* wall time of the first of them */
    bool alone;                    /* the member's session ended over it: nothing else is in the member's hands when it is tried again */
    uint64_t sent_ms;              /* alone: when it was tried */
    unsigned leaves;               /* 1 + batch slot that makes its end durable: only then its case goes on; 0: not decided */
};

/* Messages on disk for one lane of a peer. Sequences: head <= sent <= committed <= tail. */
struct queue {
    uint64_t head;                 /* first that is not acknowledged, or not answered */
    uint64_t sent;                 /* next to send in this session */
    uint64_t sent_max;             /* next that was never sent: what lies below may be in the peer's custody */
    uint64_t committed;            /* end of what the store shows */
    uint64_t any_case_until;       /* links, for lanes.c: of what waits below nobody knows which case it is of */
    uint64_t tail;                 /* next sequence to give */
    uint64_t removed;              /* ordered lanes: first sequence not yet removed from the store */
    uint64_t verify_until;         /* free lanes: runs below come from before the start and may be answered in part */
    uint64_t expiry_ms;            /* wall time of the earliest expiry queued; 0: none, 1: unknown */
    struct run *run;               /* in the batch being filled */
    struct merkle_hash chain;      /* links: custody chain at head - 1 */
    bool chain_unknown;            /* the next custody receipt says where the chain stands */
    bool touched;                  /* tail moved in the batch being filled */
    bool acked;                    /* head moved in the batch being filled */
    uint64_t swept;                /* links that are given up: next to look at, whether there is another way now */
    unsigned rewriting;            /* 1 + batch slot in which runs are rewritten without expired messages; 0: none. Nothing is sent meanwhile */
    struct flight *flights;        /* free lanes: ring */
    uint32_t flights_first, flights_count, flights_capacity;
    uint32_t flights_finished;     /* of these, answered in full and waiting to be taken out */
    uint64_t flying_messages, flying_bytes;
    uint64_t handed;               /* links: next that this process has not handed out yet */
    uint64_t cut_first;            /* the batch that the last cut interrupted began with this, */
    size_t cut_sent;               /* and so many bytes of it had gone out; 0: none */
};

/* A member's session ended with several messages in its hands: fewer at a time are delivered until it is known which one does it. */
struct suspicion {
    uint32_t window;               /* messages in hand at most; 0: nobody is suspected */
    uint64_t until[QIAO_LANES];    /* suspects lie below, */
    uint64_t cleared[QIAO_LANES];  /* and above: what lies below was in hand for crash_within_ms and nothing happened */
    uint64_t resent[QIAO_LANES];   /* delivered in this session: what lies below */
    uint64_t sent_ms;              /* last delivery, also without suspicion */
    bool behind;                   /* what is in flight has to be delivered again in this session: one that goes alone is first */
};

/* What came from one incarnation of a peer, over all its connections. */
struct stream {
    uint64_t incarnation;
    uint64_t received[LINK_LANES]; /* taken into a batch */
    uint64_t durable[LINK_LANES];  /* of these, stored */
    struct connection *connection; /* or NULL */
    bool dirty[LINK_LANES];        /* received moved in the batch being filled */
    uint64_t sealed[LINK_LANES];   /* what the batch under commit makes durable, 0: nothing */
    struct merkle_hash chain[LINK_LANES], chain_sealed[LINK_LANES], chain_durable[LINK_LANES]; /* custody, where received, sealed and durable stand */
    struct link_part parts[QIAO_LANES]; /* what the last connection brought of a batch; the next one takes them over */
    struct stream *next;
};

/* What waited for a link when it came up goes out at a bounded rate: drain.h. */
struct drain {
    uint32_t own_limit;            /* messages a second, of this link; 0: the node's */
    bool was_up;                   /* since the node's start */
    bool lanes[QIAO_LANES];        /* what is on the lane belongs to the backlog, until all of it has been sent */
    uint64_t free_us;              /* when the next frame may leave, on now_ms' scale */
};

struct peer {
    char *name;
    char *area;                    /* links: the node's; members: this node's */
    bool member;
    enum link_role role;           /* what the linked node is to us */
    char *file;                    /* of the configuration, or NULL */
    int line;
    unsigned org_type;             /* members: enum qiao_org_type */
    bool drills;                   /* members: take exercises and tests */
    uint16_t number;
    struct buf address;            /* members: serialised Address */
    char *org;                     /* members: unified social credit code, or NULL */
    const struct organisation *organisation; /* members: in the register, as of organisation_seen */
    uint64_t organisation_seen;
    struct queue queues[LINK_LANES];
    struct stream *streams;
    struct connection *out;        /* link: the connection; member: the one that takes deliveries */
    struct connection *receipts;   /* member: the one that takes receipts */
    struct suspicion suspicion;
    struct held *held;
    size_t held_count, held_capacity;
    uint64_t since_ms;             /* wall time of the last up or down */
    unsigned last_code;
    unsigned connections;          /* up */
    unsigned listeners;            /* of these, that want receipts */
    uint64_t pace_limit;           /* links: of the last connection, 0: none */
    uint64_t sent_bytes, resent_bytes; /* links: of frames with messages, over connections that ended; of these, what had gone out before */
    uint64_t audit_size;           /* links: the head of its audit log that it signed last, 0: none */
    struct merkle_hash audit_root;
    unsigned audit_suite;
    struct seal_key_id last_key;   /* links: what it last proved itself with, all zero: nothing */
    uint64_t last_incarnation;     /* of its stream then */
    char **services;               /* members: what they offer; owned */
    size_t services_count;
    char **seats;                  /* members: seats there are; none: any; owned */
    size_t seats_count;
    struct learned *learned;       /* links: what the peer says it can reach (directory.h); owned */
    size_t learned_count;
    bool areas_known;              /* links: it has told which table of areas it has, */
    uint8_t areas[AREA_VERSION_SIZE]; /* of this version */
    uint64_t areas_due_ms;         /* links: when it is sent what it lacks, on now_ms' scale; 0: it lacks nothing that is here */
    struct buf told;               /* links: the last FRAME_ROUTES of this session */
    uint64_t told_at_ms;           /* 0: none yet */
    uint64_t down_since_ms;        /* links, on now_ms' scale */
    bool dead;                     /* links: down for longer than reroute_after_ms; messages go another way if there is one */
    struct drain drain;            /* links */
    uint64_t attachment_bytes;     /* members: of files kept on their account */
};

struct connection {
    struct core_connection_id id;
    struct core_identity identity;
    struct link link;
    bool started;
    bool granted;                  /* the peer was told of credit since the store was last full */
    uint64_t busy_bytes;           /* taken from it while the store is full */
    bool up;                       /* counted in peer->connections */
    struct peer *peer;             /* after hello; NULL for a tool that only asks */
    struct stream *stream;         /* of the peer, once it is proved */
    struct buf out;
    uint64_t ack[LINK_LANES];      /* to acknowledge when durable[lane] reaches it */
    bool dirty;                    /* in core->dirty */
    bool closing;                  /* close after out */
    bool ended;                    /* the stream, by the peer and without a word */
    bool credit_changed;           /* during the handshake */
    bool watching;
    uint32_t watch_request;
    char *dialled;
    struct core_job *checks_first, *checks_last; /* batches being checked, in order of arrival */
    size_t checking_bytes;         /* of these */
    uint32_t checks_count;
    bool keys_asked;               /* the first of them waits for certificates from the peer */
    uint64_t keys_asked_ms;
    struct core_job *verifying;    /* the peer's custody receipts: under way, and those that came meanwhile */
    struct core_job *verify_next;
    bool custody_due[LINK_LANES];  /* durable sequences whose receipt is not signed yet */
    bool signing;                  /* a receipt is being signed */
    struct bundle *bundle;         /* a session without a line, of a page of a bundle; owned */
    uint64_t signed_at_ms;         /* when the last one was begun */
    uint64_t asked_since_ms;       /* a node's questions in the second that began then */
    unsigned asked;
    uint64_t parts_given;          /* of attachments, on this connection */
};

/* Everything that becomes durable together. Two of them: one is filled while the other is committed. */
struct batch {
    struct store_batch store;
    struct store_op *ops;
    size_t ops_count, ops_capacity;
    struct arena small;            /* keys and small values */
    struct run **runs;             /* closed and open runs, owned; reused */
    size_t runs_count, runs_capacity;
    size_t bytes;
    uint64_t sealed_wall_ms;
    size_t ops_closed;             /* ops made by the steps; core_prepare adds those of runs and of what it signs */
    struct id_set seen;            /* message ids first met in this batch */
    struct chain_set chains;       /* order.c */
    uint64_t (*commits)[LINK_LANES]; /* per peer: committed tail of each lane, 0: untouched */
    bool urgent;                   /* a message of it is on its way to a recipient */
    bool signs;                    /* a run of it has messages to sign */
    struct buf audit;              /* records to log: length (4), packed without their index */
    struct merkle_log audit_log;   /* with them: the node's when the batch is stored */
    struct merkle_hash audit_root;
    bool sealed;
    struct attachment_changes attachments;
    struct seal_key_id own_key;    /* all zero, or: the batch holds the certificate of this own key */
};

/* Outcomes on their way to one sender. */
struct receipt {
    struct buf destination;        /* serialised Address of the sender */
    struct buf recipient;          /* serialised Address */
    unsigned lane;
    bool settled;                  /* the origin record is written already */
    uint32_t count;
    struct buf outcomes;           /* Receipt.outcomes fields */
};

/* The line of a file that decided. */
struct rule_place {
    const char *name;              /* of the rule; NULL: there was none */
    const char *file;
    int line;                      /* 0: the file as a whole */
};

/* Of an area set, what one neighbour is given. */
struct set_part {
    struct peer *peer;
    size_t at, size;               /* its share, in core->set_shares */
};

struct core {
    struct store *store;
    char *node, *area, *dead_letter_contact;
    struct core_config config;
    uint64_t incarnation;
    uint8_t secret[SIPHASH_KEY_SIZE]; /* for fingerprints and tags: keys.h */
    struct prng prng;
    uint64_t now_ms, wall_ms;
    struct peer *peers;            /* members sorted by name after links */
    size_t peers_count, links_count;
    struct connection **connections; /* by slot */
    size_t connections_capacity, connections_count;
    uint32_t generation;
    struct connection **dirty;
    size_t dirty_count, dirty_capacity;
    struct batch batches[2];
    unsigned filling;              /* index of the batch being filled */
    bool committing;
    bool refused;                  /* the sealed batch found the store full: the next seal adds to it */
    bool busy;
    struct receipt *receipts;
    size_t receipts_count, receipts_capacity;
    struct peer **targets;         /* scratch of route_find, peers_count long */
    size_t targets_count;
    bool split;                    /* they are of an area set that was divided (sets.c): neighbours get the */
    struct set_part *set_parts;    /* at least one each */
    size_t set_parts_count, set_parts_capacity;
    struct buf set_shares;
    bool set_here;                 /* and this node is in the set */
    char *areas_triage;            /* member, or NULL */
    struct area_table *areas_own;  /* the one in config.areas, if changes were applied to the configuration's; owned */
    uint8_t area_version[AREA_VERSION_SIZE]; /* of the table in force */
    struct area_changes *area_changes; /* owned */
    struct arena area_arena;       /* decoding of one change */
    size_t doubts_count;           /* receipts that are kept until the table is another one (area_doubts.c) */
    bool doubts_due, doubting;     /* to be judged again; one of them is */
    struct qiao_id doubts_at;      /* the next one, or where it would be */
    struct qiao_bytes rerouted_from, rerouted_to; /* areas of the message being routed, if another one took over; else empty */
    char rerouted_area[QIAO_AREA_SIZE_MAX + 4], rerouted_from_area[3 * 12 + 4]; /* what they and the address below are made of */
    struct buf rerouted_address;
    struct buf route_key;          /* last destination looked up, and from where */
    const struct peer *route_from;
    unsigned route_code;
    struct transit_note note;      /* what this node writes beside the message at hand */
    struct transit_note route_note; /* the same, of the last destination looked up */
    char route_pin[QIAO_AREA_SIZE_MAX];
    char route_area[QIAO_AREA_SIZE_MAX]; /* what ways were looked for, */
    size_t route_area_size;        /* 0: for none */
    struct peer *waiting;          /* a link to nobody: its queue holds messages for which there is no way at the moment */
    struct directory directory;
    struct qiao_id after;          /* what core->note.after names */
    struct held_back *held_back;   /* messages that came before the one before them: order.c */
    size_t held_back_count, held_back_capacity;
    struct id_set copied;          /* messages, by link, that are in doubt there and went another way as well: reroute.c */
    struct id_set awaited;         /* what they wait for */
    bool out_of_order;             /* the message at hand need not wait for the one before it */
    bool graph;                    /* the federation has more links than a tree has */
    bool moving;                   /* the message at hand comes from another queue of this node: no new hop */
    uint64_t moves_version;        /* of the directory, when queues were last begun to be swept */
    bool sweeping;                 /* queues are looked through for messages that have another way */
    struct buf scratch;
    struct arena arena;            /* decoding of one frame */
    struct core_counters counters;
    uint64_t started_ms;
    struct store_stat stat;
    bool shutting_down;
    size_t watchers;
    size_t bundles;                /* connections with a bundle */
    struct core_job *jobs_first, *jobs_last; /* ready for the shell */
    size_t checking_bytes;         /* of batches being checked, without those that wait for the peer's certificates: it must be heard */
    struct id_set known_keys;      /* certificates in the store */
    struct seal_key_id own_key;    /* the last own one whose certificate is in the store */
    struct question *questions;    /* put to neighbours and open: ask.c */
    uint32_t questions_last;       /* number of the last one */
    struct way_question **ways;    /* questions about a message's way: ask_way.c */
    size_t ways_count;
    struct buf proof;              /* scratch of queue_append */
    struct own_place { uint64_t number; uint32_t index; } own_place; /* evidence of the own message that was put into a queue last */
    struct merkle_hash own_leaf;   /* the same message's */
    struct merkle_log audit;       /* as stored */
    struct merkle_hash audit_root;
    enum seal_suite audit_suite;   /* whose digest the log was begun with */
    bool audit_begun;              /* this process stands in it */
    uint64_t audit_due_ms;         /* when what waits in the batch being filled is committed for its own sake; 0: nothing waits */
    uint64_t attempts_until_ms;    /* end of the minute in which attempts are counted */
    uint64_t attempts;             /* in it */
    struct qiao_id policy_id;      /* the message policy or a rule refused last, */
    unsigned policy_code;          /* with this code */
    char policy_text[768];         /* and for this reason */
    struct kept *kept;             /* kept.c */
    struct held_messages *held;    /* held.c */
    struct lane_table *lanes;      /* lanes.c; NULL: every message waits on its own lane */
    bool held_sound;               /* while they are loaded */
    char *configuration;           /* the file's name */
    struct { bool wanted; struct core_connection_id connection; uint32_t request; } reload; /* who asked for it */
    struct rule_decision decision; /* about the message at hand */
    struct buf redirected;         /* the same message as a rule has changed it */
    struct buf dead_owner;         /* serialised Address of who is told of dead letters; empty: nobody */
    struct buf dead_told;          /* DeadLetter.entries of the batch being filled */
    struct dead_reply *dead_replies; /* of administration, waiting for the disk */
    size_t dead_count;             /* records under 'Z' */
    uint64_t dead_bytes;
    struct rule_place policy_place; /* which rule of it allowed or refused the message that is being decided */
    struct explain *explain;       /* NULL: nothing is written down */
    size_t quarantined;            /* records under 'X' */
    struct key quarantine_after;   /* the last of them that was removed */
    struct registry *registry;
    bool registry_sound;           /* while it is loaded */
    char org_reason[REGISTRY_REASON_SIZE]; /* of the last refusal by the register, */
    struct qiao_id org_reasoned;   /* which was of this message */
    unsigned org_code;             /* with this code */
    struct key retained;           /* where the next look at what is old begins, */
    unsigned retain_row;           /* in this row of retain.c, */
    uint64_t retain_ms;            /* and when */
    struct attachments attachments;
    uint64_t tick_ms;              /* next regular look at links and expiry */
};

/* Roles mirror: to its parent a node is a child. */
static inline enum link_role role_of_node_to(const struct peer *peer)
{
    static const enum link_role mirror[] = {
        [LINK_ROLE_PEER_NODE] = LINK_ROLE_PEER_NODE, [LINK_ROLE_PARENT_NODE] = LINK_ROLE_CHILD_NODE,
        [LINK_ROLE_CHILD_NODE] = LINK_ROLE_PARENT_NODE, [LINK_ROLE_MEMBER_ONLY] = LINK_ROLE_PEER_NODE,
    };
    return mirror[peer->role];
}

static inline struct batch *core_batch(struct core *core) { return &core->batches[core->filling]; }
static inline struct buf *connection_out(struct core *core, struct connection *c);

/* core.c */
void core_handle(struct core *core, struct connection *connection, const struct link_event *event);
void core_mark_dirty(struct core *core, struct connection *connection);
struct connection *core_connection(struct core *core, struct core_connection_id id);
void connection_drop(struct core *core, struct connection *connection, unsigned code, const char *reason);
void connection_tell_credit(struct core *core, struct connection *connection);
struct connection *core_connection(struct core *core, struct core_connection_id id);
void core_notice(struct core *core, const char *event, const char *peer, unsigned code, const char *reason);
struct qiao_id core_new_id(struct core *core);
void core_trace(struct core *core, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline struct buf *connection_out(struct core *core, struct connection *c)
{
    core_mark_dirty(core, c);
    return &c->out;
}

/* batch.c */
void batch_init(struct batch *batch, size_t peers_count);
void batch_deinit(struct batch *batch);
void batch_reset(struct batch *batch, size_t peers_count);
void batch_put(struct core *core, const struct key *key, struct qiao_bytes value);  /* key and value are copied */
void batch_remove(struct core *core, const struct key *key);
void batch_remove_range(struct core *core, const struct key *from, const struct key *to);
void batch_put_number(struct core *core, const struct key *key, uint64_t value);
struct run *batch_new_run(struct batch *batch);
struct run *batch_run(struct core *core, struct peer *peer, unsigned lane);          /* an open run for the queue */
void batch_add_put(struct batch *batch, const struct key *key, struct qiao_bytes value); /* core_prepare */
void batch_add_run(struct batch *batch, struct run *run);                             /* core_prepare: the run and what belongs to it */
void batch_add_certificate(struct batch *batch, const struct seal_key_id *id, struct qiao_bytes certificate); /* the same */
void run_reset(struct run *run);                                                      /* empty, with the memory it had */
void batch_flush_receipts(struct core *core);
void batch_close(struct core *core);                                                  /* writes heads, tails, watermarks */
void batch_absorb(struct core *core);                                                 /* the closed batch being filled joins the refused one */
void batch_stored(struct core *core);                                                 /* releases what waited for it */

/* queue.c */
/* False if the store's numbers of the queue cannot be: the store is damaged. */
bool queue_load(struct core *core, struct peer *peer, unsigned lane);
void queue_append(struct core *core, struct peer *peer, unsigned lane, const struct envelope *envelope, const struct origin *origin);
void queue_acked(struct core *core, struct peer *peer, unsigned lane, uint64_t sequence);
void queue_pump(struct core *core, struct peer *peer);
bool queue_begins(struct core *core, struct peer *peer, unsigned lane, uint64_t sequence); /* a run, or the end of what is committed */
void queue_interrupted(struct peer *peer, unsigned lane, const struct link_rest *rest); /* its connection goes */
void queue_expire(struct core *core, struct peer *peer, unsigned lane);

/* deliver.c, blame.c */
void deliver_session(struct core *core, struct peer *peer);      /* a member connected: what is unanswered comes again */
void deliver_pump(struct core *core, struct peer *peer, unsigned lane);
void deliver_due(struct core *core, struct peer *peer);
void deliver_stored(struct core *core, struct peer *peer, unsigned slot); /* decisions that waited for the disk */
uint64_t deliver_deadline_ms(struct core *core, struct peer *peer);
void deliver_tick(struct core *core, struct peer *peer);
void deliver_lost(struct core *core, struct peer *peer);         /* its session broke: was it over a message? */

/* recv_*.c */
void stream_free(struct stream *stream);
void recv_hello(struct core *core, struct connection *connection);
void recv_up(struct core *core, struct connection *connection);
void recv_resume(struct core *core, struct peer *peer, uint64_t incarnation, struct link_resume ret_resume[LINK_LANES]); /* where a session with it goes on */
void recv_batch(struct core *core, struct connection *connection, const struct link_event *event);
/* True: it says something of whom the table of areas does not know. */
bool recv_receipt(struct core *core, struct peer *member, const struct envelope *envelope, const struct origin *origin, bool settled);
/* Stores it as it came, with a proof that stands alone: whoever doubts the outcome can check it without this node. */
void receipt_put(struct core *core, const struct key *key, const struct envelope *envelope, const struct origin *origin);
void recv_verdicts(struct core *core, struct connection *connection, struct qiao_bytes payload);
void recv_admin(struct core *core, struct connection *connection, struct qiao_bytes payload);
void recv_checked(struct core *core, struct connection *connection, const struct core_job *job);
void accept_held_back(struct core *core, const struct envelope *envelope, struct peer *member); /* what order_hold kept for it */
bool accept_has_record(struct core *core, uint16_t member, const struct qiao_id *id, uint32_t tag); /* has the message come, or ended? */
struct qiao_id id_of_source(const struct qiao_id *id, uint32_t tag);                  /* for id sets: the same id of two sources is two */
void accept_local(struct core *core, const struct envelope *envelope);               /* a message made by this node */
/* What a message with this header would get now; nothing changes but *envelope, if a rule redirects it. `from`: who would bring it. */
unsigned accept_dry(struct core *core, struct peer *from, struct envelope *envelope, bool *ret_routed);

/* sign.c */
static inline bool core_signs(const struct core *core) { return core->config.seal->suite != SEAL_SUITE_NONE; }
static inline bool core_checks(const struct core *core) { return core->config.seal->accepted != 1u << SEAL_SUITE_NONE; }
extern const struct origin origin_plain, origin_own;
/* Before and behind an entry that is put into a run: what its proof needs, and what it adds to the run's units. */
void sign_begin(const struct core *core, const struct run *run, const struct origin *origin, struct buf *proof);
void sign_entry(struct core *core, struct run *run, const struct envelope *envelope, const struct origin *origin, size_t proof_at);
void sign_stored(struct core *core, const struct batch *batch);
void sign_units_of(const struct core *core, struct run *run); /* of a run that was written anew */

/* jobs.c */
const struct link_event *job_event(const struct core_job *job);
const struct group_batch *job_batch(const struct core_job *job); /* NULL: a signed group was not whole */
void jobs_check(struct core *core, struct connection *connection, const struct link_event *event);
void jobs_forget(struct core *core, struct connection *connection);
void jobs_done(struct core *core, struct core_job *job);
uint64_t jobs_deadline_ms(const struct core *core, const struct connection *connection); /* until when the peer may take to show certificates */
void jobs_tick(struct core *core, struct connection *connection);
void jobs_keys(struct core *core, struct connection *connection, struct qiao_bytes payload);
void jobs_keys_wanted(struct core *core, struct connection *connection, struct qiao_bytes payload);
void jobs_add(struct core *core, struct core_job *job);
void jobs_load_keys(struct core *core);
void jobs_keep_key(struct core *core, const struct seal_key_id *id); /* stores the certificate if it is not there yet */

/* custody.c */
bool custody_is_on(const struct core *core, const struct connection *connection);
void custody_received(struct core *core, struct connection *connection, unsigned lane, const struct group_batch *batch, uint32_t skip);
void custody_stored(struct core *core, struct connection *connection);
uint64_t custody_deadline_ms(const struct core *core, const struct connection *connection); /* when a receipt that waits is due */
void custody_signed(struct core *core, struct connection *connection, const struct core_job *job);
void custody_verified(struct core *core, struct connection *connection, const struct core_job *job);
void custody_acked(struct core *core, struct connection *connection, const struct link_event *event);
void custody_up(struct core *core, struct connection *connection);

/* ask_policy.c: a QIAO_CODE. What it says when it refuses is kept for the receipt of that message. */
unsigned ask_policy(struct core *core, const struct peer *member, const struct header *header, bool dry); /* dry: no rate is used up */
unsigned ask_policy_on_arrival(struct core *core, const struct header *header);
struct qiao_bytes policy_reason(const struct core *core, const struct header *header, unsigned code);
void policy_tell(struct core *core, const struct header *header, unsigned code, const char *rule, const char *file, int line, const char *reason);
/* ask_rules.c: core->decision gets the rule that decides about the message; QIAO_CODE_OK, or the code with which it refuses. */
unsigned ask_rules(struct core *core, const struct peer *from, const struct header *header);
bool rules_may_part(struct core *core, const struct peer *from, const struct group_batch *batch, const struct group_unit *unit); /* could its messages go different ways? */
/* At the origin, before anything is signed: *envelope becomes the message to where the decision sends it. A QIAO_CODE. */
unsigned rules_redirect(struct core *core, struct envelope *envelope, const struct origin *origin);
unsigned rules_count_rate(struct core *core, const struct header *header);            /* QIAO_CODE_OK or RATE */
bool rules_copy(struct core *core, const struct envelope *envelope, size_t i, struct buf *raw, struct envelope *ret_copy); /* the decision's i-th copy; false: no more */
/* recv_org.c: the register of organisations */
bool org_load(struct core *core);                                                     /* false: a record is not sound */
void org_tick(struct core *core);
bool org_waits(const struct core *core);                                              /* for time to pass */
unsigned org_check(struct core *core, struct peer *from, const struct envelope *envelope); /* at the origin: may this be sent? */
unsigned org_route(const struct header *header, unsigned code);                       /* of route_find: messages of the register need no member */
void org_take(struct core *core, const struct envelope *envelope, const struct origin *origin); /* messages of registrars, with core->targets found */
void org_decided(struct core *core, const struct envelope *envelope, unsigned code, const char *reason); /* a message of a registrar has ended at this node */
static inline bool org_is_kind(uint32_t kind) { return registry_is_kind(kind) || kind == QIAO_KIND_AREA_DELTA || kind == QIAO_KIND_AREA_CONFIRM; } /* sent by registrars to nodes */
bool org_refuses(struct core *core, struct peer *member, const struct envelope *envelope, struct message_record *record); /* then the message has ended */
struct qiao_bytes org_reason(const struct core *core, const struct header *header, unsigned code); /* of what org_check refused, else policy's */

/* recv_area.c, area_apply.c: changes of the table of areas (area_changes.h) */
unsigned areas_judge(struct core *core, const struct envelope *envelope, char reason[REGISTRY_REASON_SIZE]); /* at the origin: may this be sent? */
void areas_take(struct core *core, const struct envelope *envelope, const struct origin *origin, bool at_origin);
bool areas_load(struct core *core);                                                   /* false: a record is not sound */
void areas_deinit(struct core *core);
bool areas_use(struct core *core, const struct area_table *table);                    /* the configuration's, with the changes that fit; false: one is damaged */
void areas_apply(struct core *core);                                                  /* what waits and is on disk */
void areas_heard(struct core *core, struct peer *peer, struct qiao_bytes version);    /* a neighbour says which table it has */
void areas_tick(struct core *core);
uint64_t areas_deadline_ms(const struct core *core);

/* area_doubts.c: outcomes that may be believed once the table of areas is another one */
void doubts_keep(struct core *core, const struct envelope *receipt, const struct origin *origin);
void doubts_begin(struct core *core);                                                 /* the table is another one */
void doubts_look(struct core *core);
void doubts_load(struct core *core);

/* audit.c */
struct audit_entry {
    unsigned kind;                 /* enum AuditKind of schema/audit.proto, which says what the fields mean */
    const char *peer;
    unsigned lane;
    uint64_t first, last;
    const struct merkle_hash *hash;
    const struct qiao_id *id;
    unsigned code;
    const char *text;
};
/* False if the log and its records do not fit each other. */
bool audit_load(struct core *core);
void audit_add(struct core *core, const struct audit_entry *entry);
void audit_notice(struct core *core, const char *event, const char *peer, unsigned code, const char *reason); /* what core_notice was told */
void audit_taken(struct core *core, const struct connection *connection, unsigned lane, uint64_t last);
void audit_receipt(struct core *core, bool given, const char *peer, const struct custody *custody);
void audit_header(struct core *core, bool taken, uint32_t count, const struct envelope *receipt);
void audit_put_aside(struct core *core, struct qiao_bytes raw);
void audit_keys(struct core *core);
uint64_t audit_deadline_ms(const struct core *core);
void audit_tick(struct core *core);
void audit_prepare(struct core *core, struct batch *batch);  /* on the thread that commits */
void audit_stored(struct core *core, const struct batch *batch);

/* retain.c */
void retain_tick(struct core *core);
uint64_t retain_deadline_ms(const struct core *core);

/* ask.c */
void ask_replied(struct core *core, struct connection *connection, struct qiao_bytes payload);
void ask_tick(struct core *core);
uint64_t ask_deadline_ms(const struct core *core);
void ask_deinit(struct core *core);

/* ask_way.c */
void ask_way_tick(struct core *core);
uint64_t ask_way_deadline_ms(const struct core *core);
void ask_way_deinit(struct core *core);

/* dead.c: what could not be delivered, who is told of it, and the letters themselves */
struct dead_letter {
    const struct envelope *message;
    struct qiao_bytes recipient;   /* serialised Address */
    unsigned status, code;         /* DEAD or EXPIRED */
    uint32_t attempts;
    uint64_t first_ms, last_ms;    /* wall time of failed deliveries */
    struct qiao_bytes reason;      /* of the member, may be empty */
    bool retried;                  /* told to its sender */
};
/* Bus messages that nobody answers. */
static inline bool is_notice(const struct header *header) { return header->kind == QIAO_KIND_DEAD_LETTER; }
void dead_load(struct core *core);
bool dead_has_room(const struct core *core, size_t size);
void dead_keep(struct core *core, const struct peer *member, const struct dead_letter *letter);
void dead_tell(struct core *core, const struct dead_letter *letter); /* to the owner, with the batch */
void dead_flush(struct core *core);
void dead_let_go(struct core *core, size_t size);                     /* a record of that size */
/* Puts the message into the member's queue again. False: it has expired, or cannot travel any more. */
bool dead_retry(struct core *core, struct peer *member, struct qiao_bytes raw);
/* The member's message was dead and is tried again: its one outcome is told already. */
bool dead_is_retried(struct core *core, const struct peer *member, const struct envelope *message);
void dead_answer(struct core *core, const struct connection *connection, struct qiao_bytes reply); /* when the batch being filled is stored */
#define DEAD_ALL 2u
void dead_stored(struct core *core, unsigned slot);                   /* answers leave; DEAD_ALL: nobody waits any more */
void dead_absorbed(struct core *core, unsigned slot);                 /* the refused batch takes over what waited for this one */

/* quarantine.c */
void quarantine_load(struct core *core);
void quarantine_add(struct core *core, struct qiao_bytes raw);

/* areas.c: where a message goes, after what became of its area; a QIAO_CODE. Sets core->rerouted_from and core->rerouted_to. */
unsigned areas_route(struct core *core, const struct header *header, struct address *ret_to);
bool areas_may_part(const struct core *core, const struct group_batch *batch, const struct group_unit *unit); /* could its messages go different ways? */
bool areas_answers_for(const struct core *core, struct qiao_bytes area, uint64_t hash); /* is it the one with that hash_of_area, if one of the two was voided? */
/* route.c: fills core->targets; a QIAO_CODE */
struct route_query {
    const struct address *to;
    struct qiao_bytes sender_area; /* services are looked for from here */
    struct qiao_bytes pin;         /* area a service was resolved to, or empty */
    const struct peer *from;       /* NULL: from this node itself */
    const struct envelope *envelope; /* NULL: there is none */
};
unsigned route_find(struct core *core, const struct route_query *query);
static inline struct route_query route_query_of(const struct header *h, const struct peer *from)
{
    return (struct route_query){ .to = &h->destination, .sender_area = h->source.area, .from = from };
}
unsigned route_envelope(struct core *core, const struct envelope *envelope, const struct peer *from); /* route.h */
bool route_is_here(struct core *core, const struct envelope *envelope); /* only this node can be the destination */
struct peer *route_member(struct core *core, struct qiao_bytes org);

/* reroute.c: links that are given up, and what waits for them */
void reroute_up(struct core *core, struct peer *link);
void reroute_down(struct core *core, struct peer *link);
void reroute_tick(struct core *core);
void reroute_stored(struct core *core);                /* goes on where the last batch had enough */
uint64_t reroute_deadline_ms(const struct core *core);

/* outcome.c */
struct outcome {
    struct qiao_bytes source;      /* serialised Address of the sender */
    struct qiao_bytes recipient;   /* serialised Address */
    struct qiao_id id;
    unsigned lane;
    unsigned status;               /* enum qiao_outcome */
    unsigned code;
    struct qiao_bytes reason;
    struct qiao_bytes header;      /* of the message: the outcome is about these very bytes */
    uint64_t at_ms;
    bool settled;
};
/* What outcomes name a message by, besides its id. */
void outcome_leaf(const struct core *core, struct qiao_bytes header, uint8_t ret_leaf[LEAF_SIZE]);
void outcome_add(struct core *core, const struct outcome *outcome);

/* bundle.c */
void bundle_load(struct core *core);
void bundle_note(struct core *core, const struct connection *connection);  /* a neighbour has proved itself */
void bundle_look(struct core *core);                                       /* sessions that are done */
void bundle_ended(struct core *core, struct connection *session, unsigned code, const char *reason);
void bundle_free(struct core *core, struct connection *session);
void bundle_wrapped(struct core *core, const struct core_job *job);
void bundle_unwrapped(struct core *core, const struct core_job *job);

/* watch.c */
void watch_message(struct core *core, int event, const struct header *header, const struct peer *peer, unsigned outcome, unsigned code);
void watch_link(struct core *core, const struct peer *peer, bool up, unsigned code);

#endif
