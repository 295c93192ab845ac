/* The core: everything a node decides, without a socket, a disk, a clock or a random source of its own.
 *
 *   core_step(core, event)      everything the core may know about the world comes in here, with the time
 *   core_next_output(core, …)   bytes for connections, connections to close: what the decisions so far allow to leave the node
 *   core_seal(core)             the changes of all steps since the last seal, to be committed as one transaction;
 *                               CORE_STORED brings the result back through the same door
 *
 * Nothing is acknowledged, forwarded, delivered or receipted before the batch that justifies it is stored: outputs of that sort
 * are made by the step that handles CORE_STORED. The core reads committed state through store_get and store_scan. */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include "area/resolve.h"
#include "core/policy.h"
#include "core/rules.h"
#include "link/link.h"
#include "store/store.h"

#include <qiao/id.h>

struct core;

struct core_peer_config {
    const char *name;          /* node id of a link, member name of a member */
    const char *area;          /* of a linked node */
    const char *org;           /* members: unified social credit code, or NULL */
    bool member;
    enum link_role role;       /* what the linked node is to this node */
    const char *file;          /* of the configuration, and where in it: for explanations */
    int line;
    unsigned org_type;         /* of a member: enum qiao_org_type */
    bool drills;               /* a member: takes exercises and tests */
    char *const *services;     /* of a member: what it offers under its area */
    size_t services_count;
    char *const *seats;        /* of a member: the seats there are; none: any */
    size_t seats_count;
    uint32_t drain_messages_per_s; /* of a link; 0: the node's */
};

/* What is kept of why messages were decided as they were. */
struct core_explain_config {
    bool off;                  /* nothing */
    uint64_t keep_ms;          /* 0: for ever */
    uint64_t bytes_max;        /* the oldest gives way; 0: no bound */
};

/* What the node knows of administrative areas. The table is borrowed until the next core_set_limits, triage is copied. */
struct core_areas {
    const struct area_table *table; /* NULL: codes are only compared */
    uint32_t accept_old_days;  /* how long a voided code is taken */
    const char *triage;        /* member who decides where mail for a divided area below this node's goes; NULL: nobody */
};

/* All strings are copied. */
struct core_config {
    const char *node, *area;
    const struct core_peer_config *peers;
    size_t peers_count;
    const char *dead_letter_owner;   /* who is told: a member of this node, area/org or area/org#seat; NULL: nobody */
    const char *dead_letter_contact; /* who looks after them, in words; NULL: the node's name */
    uint32_t dead_letters_max;       /* kept */
    uint64_t dead_letter_bytes_max;
    const struct seal *seal;
    const char *const *registrars; /* of the register of organisations: area/org or area/org#seat */
    size_t registrars_count;
    bool registry_required;    /* members that are not registered may not send */
    uint64_t confirm_within_ms;
    bool local_members_any;    /* local connections may be any configured member without a certificate */
    struct policy *policy;     /* who may send what; taken over by the core. NULL: everything is allowed */
    struct core_areas areas;
    struct rules *rules;       /* what goes elsewhere than it is routed; taken over by the core. NULL: nothing does */
    size_t kept_headers;       /* of messages decided about, in memory, for rehearsing another configuration */
    const char *configuration; /* the file it was read from, for people; NULL: none */
    uint64_t seed;             /* for nonces and ids; from the system's random source in a broker */
    uint8_t secret[16];        /* from the same; kept in the store at the first start, and not looked at later */
    uint32_t link_window_messages;
    uint64_t link_window_bytes;
    uint32_t member_window_messages;
    uint64_t member_window_bytes;
    uint32_t connections_max;
    uint32_t delivery_attempts_max; /* failed deliveries */
    uint64_t delivery_age_ms_max;   /* since the first of them; 0: no limit */
    uint32_t crash_within_ms;       /* from a delivery: a session that breaks then is blamed on it */
    uint32_t retry_ms_min, retry_ms_max;
    uint32_t heartbeat_ms, silence_ms, handshake_ms;
    uint32_t custody_interval_ms; /* between two custody receipts on one link at least */
    uint32_t drain_messages_per_s; /* after an outage, to each link (drain.h); 0: as fast as they go */
    uint64_t reroute_after_ms; /* a link that has been down for so long is given up: messages go another way, if there is one */
    uint64_t order_wait_ms;    /* how long a message waits for the one before it in its case, if that has not come; 0: for ever */
    uint64_t attachment_bytes_max; /* of all files kept here; 0: no limit of their own */
    uint64_t attachment_bytes_per_member; /* of files that one member sent and that are still kept; 0: no limit */
    uint64_t attachment_keep_ms; /* after a file was last referenced */
    uint64_t clock_skew_ms_max; /* 0: peers' clocks are not looked at */
    uint64_t signed_age_ms_max; /* messages signed longer ago are refused, 0: however old; what is kept to know duplicates by is older */
    uint64_t keep_evidence_ms; /* retain.c; 0: for ever */
    uint64_t signed_ahead_ms_max; /* by how much a signature may be of the future, 0: not looked at */
    const char *version;       /* of the configuration: start of its files' digest; NULL: none is told */
    struct core_explain_config explain;
    /* One human line a decision, for --trace and tests; NULL: none. */
    void (*trace)(void *context, const char *line);
    /* What operators should know of peers; NULL: nobody is told. */
    void (*notice)(void *context, const char *event, const char *peer, unsigned code, const char *reason);
    void *trace_context;       /* for both */
};

struct core_connection_id {
    uint64_t value;            /* 0: none */
};

/* Who the transport says the peer is. */
struct core_identity {
    char common_name[128];     /* of a verified certificate, "" without one */
    bool verified;             /* certificate checked against the federation's CA */
    bool local;                /* ipc, or tcp on loopback: the host vouches for it */
};

enum core_event_type {
    CORE_CONNECTED,            /* a stream is up; dialled: this side says hello first */
    CORE_FRAME,                /* one frame of a connection */
    CORE_REJECTED,             /* bytes that are no frame; code says why */
    CORE_PROGRESS,             /* bytes came in that do not complete a frame yet */
    CORE_CLOSED,               /* the stream ended */
    CORE_JOB_DONE,             /* core_job_run has ended: job, which is the core's again */
    CORE_STORED,               /* the sealed batch is durable, or the store is full */
    CORE_TICK,                 /* core_deadline_ms has come */
    CORE_SHUTDOWN,             /* say goodbye to all peers */
};

struct core_event {
    enum core_event_type type;
    uint64_t now_ms;           /* never goes back; for timeouts */
    uint64_t wall_ms;          /* milliseconds since 1970; for stamps and expiry */
    struct core_connection_id connection; /* CONNECTED: chosen by core_connection_new */
    const struct frame *frame;
    const struct core_identity *identity;
    const char *dialled;       /* CONNECTED: node id this side dialled, or NULL: the peer dialled */
    unsigned code;
    struct core_job *job;
    int stored;                /* enum store_result */
    const struct store_stat *stat;
};

struct core_output {
    struct core_connection_id connection;
    uint8_t *data;             /* malloc'd, the caller's; NULL if only close */
    size_t size;
    bool close;                /* after the data */
};

/* Builds the node's state from the store. reterr_text gets a sentence on failure (positive: STORE_CORRUPT). */
int core_new(const struct core_config *config, struct store *store, uint64_t now_ms, uint64_t wall_ms, struct core **ret_core, char *reterr_text, size_t reterr_size);
struct core *core_free(struct core *core); /* returns NULL */

/* A number for a stream that is about to be reported with CORE_CONNECTED; value 0 when connections_max are open. */
struct core_connection_id core_connection_new(struct core *core);
/* The largest frame the connection may send at the moment; for frame_reader_feed. NULL if the connection is gone. */
const size_t *core_frame_size_max(struct core *core, struct core_connection_id id);

void core_step(struct core *core, const struct core_event *event);
/* False when there is nothing more. */
bool core_next_output(struct core *core, struct core_output *ret_output);
/* Work on signatures that needs no state: hand each job to core_job_run on any thread, in any order, and report it with CORE_JOB_DONE.
 * NULL when there is none. A job that will not be reported any more is freed by core_job_free,
 * behind core_free. */
struct core_job *core_next_job(struct core *core);
void core_job_run(struct core_job *job);
struct core_job *core_job_free(struct core_job *job); /* returns NULL */

/* The next batch to commit, or NULL: nothing changed, or a batch is being committed. Borrowed until CORE_STORED. After STORE_FULL the
 * refused batch comes again, with what has changed since: call it after a pause. */
const struct store_batch *core_seal(struct core *core);
/* Signs what the sealed batch holds and completes it; call it before the batch is committed, on any one thread. Negative: the own key
 * cannot be used. */
int core_prepare(struct core *core);
/* True if there is something to seal (and no commit under way). */
bool core_wants_seal(const struct core *core);
/* True if the batch being filled holds a message on its way to a recipient. Nobody waits for the rest, outcomes and acknowledgements: the
 * shell may let them come together. */
bool core_is_urgent(const struct core *core);
/* True if the batch being filled holds something to sign. With a slow key, the shell lets more come together. */
bool core_wants_signature(const struct core *core);
/* Bytes in the batch being filled: the shell stops reading when this grows past what it allows. */
size_t core_filling_bytes(const struct core *core);
/* When CORE_TICK is due next, on now_ms' scale; LINK_NEVER for never. */
uint64_t core_deadline_ms(struct core *core);

/* Takes over windows, attempts, pauses, heartbeats, the policy and the rules from config; links made from now on use them. */
void core_set_limits(struct core *core, const struct core_config *config);

/* Somebody at this machine asks for the configuration to be read again. Answered by core_reloaded: said is why it is not in force. */
bool core_wants_reload(const struct core *core);
void core_reloaded(struct core *core, bool in_force, const char *said);

/* After certificates were revoked: ends the links whose peers proved themselves with one of them. A peer that proved itself by TLS alone
 * has to dial again, and is judged anew. */
void core_cut_revoked(struct core *core, bool (*is_revoked)(void *context, const struct seal_key_id *id), void *context);

/* Is the named peer up? For the edge's decision to dial. */
bool core_peer_is_up(const struct core *core, const char *name);

struct core_counters {
    uint64_t accepted, forwarded, delivered, duplicates, rejected_frames;
    uint64_t outcomes[5];      /* by enum qiao_outcome */
    uint64_t commits;
    uint64_t attachment_parts, attachment_parts_again, attachment_parts_bad; /* taken; there already; not what they should be */
    uint64_t attachment_bytes_given;
    uint64_t attachment_bytes;  /* kept, or with room kept for them */
    uint64_t lost_receipts;    /* receipts whose sender could not be reached: reported, never silent */
};
void core_counters(const struct core *core, struct core_counters *ret_counters);

/* What lies under each prefix, for `qiaod --check-store`: NULL if a record is sound, else what is wrong with it. */
const char *core_check_record(struct qiao_bytes key, struct qiao_bytes value);

#endif
