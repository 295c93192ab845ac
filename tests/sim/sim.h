/* The simulator's world: nodes running the real core, members running the real session, wires and disks made of arrays,
 * one clock that only this program moves. Everything random comes from one seed, so a seed is a whole story.
 *
 *   sim.c      the world, its events and its clock          node.c    the shell around a core, as broker/node.c is
 *   wire.c     streams: latency, cuts, partitions, slowness  member.c  a session with its outbox and its office workers
 *   disk.c     commits: latency, full, crash in between      traffic.c what members and misfortune do, by seed
 *   files.c    attachments
 *   keys.c     certificates and signatures, made of names
 *   adversary.c a hostile neighbour, member and thief (adversary.h)
 *   courier.c  bundles, carried by hand
 *   edges.c    lateral links that fail, for a while or for good
 *   services.c messages to services, and who should get them
 *   crossings.c how often notices to area sets cross each edge
 *   marks.c    which message a record of decisions means
 *   checks.c   the promises, checked all the time            audit.c   a node rebuilt from its store says what the live one says
 *   second_opinion.c  every decision decided again         ways.c     the same where ways change, set_ways.c and division.c about area sets */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/prng.h"
#include "base/siphash.h"
#include "codec/frame.h"
#include "core/core.h"
#include "sdk/session.h"
#include "store/array.h"

#include <qiao/client.h>

enum { SIM_EDGES_MAX = 40, SIM_NODES_MAX = 16, SIM_MEMBERS_MAX = 48, SIM_CASES = 4, SIM_TEXT_SIZE = 64, SIM_FILES_MAX = 4 };

#define SIM_WALL_MS 1700000000000u /* wall clock when the world begins */
#define SIM_SIGNED_AGE_MS_MAX (90ull * 24 * 3600 * 1000)
#define SIM_SIGNED_AHEAD_MS_MAX 60000u /* clocks are off by less */
#define SIM_NEVER UINT64_MAX
#define SIM_EXPLAIN_BYTES_MAX 20000u /* of decisions, in every fourth seed: old ones give way */

struct sim;

/* ---- events ---- */

enum sim_event_type { SIM_CHUNK, SIM_COMMIT, SIM_NODE_TICK, SIM_MEMBER_TICK, SIM_NODE_DIAL, SIM_MEMBER_DIAL, SIM_NODE_START, SIM_MEMBER_START,
                      SIM_VERDICT, SIM_DISK_ROOM, SIM_JOB, SIM_ADVERSARY, SIM_COURIER, SIM_EDGE_DIAL, SIM_EVENT_COUNT };

struct sim_event {
    uint64_t at_ms;
    uint64_t order;      /* events of one moment happen in the order they were made */
    enum sim_event_type type;
    uint32_t index;      /* node, member or pipe */
    uint64_t life;       /* whose life it was meant for: later lives ignore it */
    uint64_t token;      /* SIM_VERDICT; SIM_JOB: its number */
};

/* ---- wires ---- */

struct sim_segment {
    struct sim_segment *next;
    uint64_t arrive_ms;
    size_t size;
    uint8_t data[];
};

/* What a line is like. Streams are TCP's: nothing is missing in them and nothing overtakes. So loss is time: a lost packet takes its
 * place on the line again, a round trip later, and what came behind it waits. */
struct sim_line {
    uint32_t bytes_per_s;  /* each way, shared by all that is under way; 0: as many as there are */
    uint32_t loss_percent; /* of packets */
    uint32_t latency_ms;
};

/* Bytes on their way to one end. */
struct sim_flow {
    struct sim_segment *first, *last;
    uint64_t free_us;    /* when the line has taken all of them */
    uint64_t arrive_ms;  /* of the last segment: a stream does not overtake itself */
    size_t bytes;
    uint64_t eof_ms;     /* SIM_NEVER: open */
};

enum sim_end_kind { SIM_END_NODE, SIM_END_MEMBER, SIM_END_ADVERSARY, SIM_END_COURIER };

struct sim_end {
    enum sim_end_kind kind;
    uint32_t index;
    bool open;
    struct core_connection_id connection; /* of a node */
    struct frame_reader reader;
};

struct sim_pipe {
    bool used;
    uint64_t life;
    struct sim_end ends[2];
    struct sim_flow flows[2];      /* flows[i] goes to ends[i] */
    const uint64_t *blocked_until; /* partition of the two places */
    uint32_t latency_ms, jitter_ms, bytes_per_ms;
    struct sim_line line;          /* as it was when the stream was opened; without a rate the three numbers above count */
};

/* ---- keys ---- */

enum { SIM_CERTIFICATE_SIZE_MAX = 160, SIM_KEYS_MAX = 128 };

struct sim_certificate {
    struct seal_key_id id;
    struct seal_identity identity;
    uint8_t bytes[SIM_CERTIFICATE_SIZE_MAX];
    uint32_t size;
};

struct sim_keys {
    struct seal seal;
    uint64_t secret;               /* of the authority and of everybody: keys.c keeps them apart by name */
    struct sim_certificate known[SIM_KEYS_MAX]; /* the first is the own one */
    uint32_t count;
};

/* ---- places ---- */

struct sim_job {
    struct core_job *job;
    uint64_t number;
};

struct sim_node {
    uint32_t index;
    char name[SIM_TEXT_SIZE], area[SIM_TEXT_SIZE];
    int parent;                    /* index or -1 */
    struct store *store;
    struct core *core;             /* NULL while down */
    struct sim_keys keys;
    const struct area_table *areas; /* of its configuration; NULL: none */
    struct sim_job *jobs;          /* under way */
    size_t jobs_count, jobs_capacity;
    uint64_t life;
    uint64_t incarnations;         /* seeds of its lives differ */
    const struct store_batch *committing;
    bool refused;                /* the last commit found the disk full: seal again at the next attempt */
    uint32_t disk_ms_min, disk_ms_max;
    uint64_t full_until_ms;
    int64_t clock_ms;              /* its wall clock is wrong by this */
    uint64_t blocked_until_ms;     /* partition between it and its parent */
    struct sim_line line;          /* to its parent */
    uint64_t tick_ms;
    uint64_t ticks_at_ms, ticks_count;
    int up_pipe;                   /* to the parent, or -1 */
    bool stalled;
    uint64_t linked_since_ms;      /* both ends see the link to the parent; SIM_NEVER: they do not */
    bool linked;                   /* its link to the parent was up once */
    bool hold_commits;             /* scenarios: commits wait for disk_release */
    enum { SIM_TORN_BY_CHANCE, SIM_TORN_LOST, SIM_TORN_DURABLE } torn; /* what a crash makes of the batch under way */
    uint32_t numbers[SIM_NODES_MAX + SIM_MEMBERS_MAX + 2]; /* peer number on disk -> 1 + member */
    uint32_t link_numbers[SIM_NODES_MAX + SIM_MEMBERS_MAX + 2]; /* the same -> 1 + node */
    struct core_connection_id audit;
    struct buf audit_out;
    bool audit_closed;
};

/* A durable outbox made of an array, and what a crash would leave of it. */
struct sim_entry {
    unsigned lane;
    uint64_t sequence;
    struct buf envelope;
};

struct sim_outbox {
    struct sim_entry *entries;     /* in order of appending */
    size_t count, capacity;
    size_t synced;                 /* entries that a crash leaves */
    uint64_t next[QIAO_LANES], synced_next[QIAO_LANES];
    uint64_t removed[QIAO_LANES], synced_removed[QIAO_LANES];
};

/* A delivery that the office has not answered yet. */
struct sim_late {
    uint64_t token;
    uint32_t message;
    enum qiao_verdict verdict;
};

/* A file as one member knows it. */
struct sim_member_file {
    bool offered, attached;        /* sent with a message; the node has it */
    bool wanted, fetched;          /* came with a delivery; lies here whole */
    uint64_t written;              /* chunks, a bit each */
};

struct sim_member {
    struct sim *sim;
    uint32_t index, node;
    char name[SIM_TEXT_SIZE];
    bool alive;
    bool durable;                  /* its outbox survives */
    const char *service;           /* offered, or NULL */
    bool twin;                     /* a second session of the member before it: sends and hears of outcomes, takes no deliveries */
    bool late;                     /* answers some deliveries later */
    bool has_keys;                 /* and signs with them itself */
    struct sim_keys keys;
    uint32_t refuse_percent, retry_percent, poison_percent, deadly_percent;
    uint32_t refuse_message, retry_message, poison_message; /* scenarios: 1 + the message to refuse, to retry once, to retry for ever, */
    uint32_t deadly_message;       /* to die of */
    struct session session;
    struct sim_outbox outbox;
    uint64_t life;
    uint64_t up_since_ms;
    uint64_t sessions;             /* times the link came up */
    uint64_t incarnation;
    uint64_t blocked_until_ms;
    uint64_t tick_ms;
    int pipe;                      /* or -1 */
    enum sim_crash { SIM_NO_CRASH, SIM_CRASH_BEFORE_VERDICT, SIM_CRASH_AFTER_VERDICT } crash, crash_at_delivery;
    bool absent;                   /* does not dial */
    struct sim_member_file files[SIM_FILES_MAX];
    struct sim_late *late_ones;
    size_t late_count, late_capacity;
};

/* ---- what is known about each message ---- */

enum sim_destination { SIM_TO_MEMBER, SIM_TO_UNKNOWN_MEMBER, SIM_TO_NOWHERE, SIM_TO_SET, SIM_TO_SERVICE, SIM_TO_NODES };

struct sim_recipient {
    uint32_t deliveries;
    uint64_t first_ms;             /* of them */
    uint64_t delivered_session;    /* of the member, at the last delivery */
    bool retried;                  /* the last verdict asked for another delivery */
    uint32_t crashes;              /* the member died of it */
    uint32_t deaths;               /* durable, and told to the owner of dead letters: */
    uint32_t told;
    struct qiao_id told_by[8];     /* the notices */
    uint32_t revivals;             /* a dead letter was put into the queue again */
    unsigned revived;              /* what came of the last, durable; told to the sender: */
    unsigned news;
    bool kept;                     /* the destination's node has it for the member; else it was too late when it came */
    bool answered;                 /* the last delivery has its verdict */
    bool accepted, refused;        /* the member said so at least once: the effect is there */
    uint32_t retries;
    unsigned decided, decided_code;   /* durable at the destination node */
    uint64_t decided_ms;
    unsigned origin;               /* durable at the origin node */
    unsigned seen, seen_code;      /* receipt at the sender */
};

struct sim_message {
    struct qiao_id id;
    uint32_t sender;
    enum sim_destination to;
    uint32_t recipient;            /* member, SIM_TO_MEMBER; SIM_TO_SERVICE: who got it, sim->members_count: nobody yet */
    bool settled;                  /* sent when every node had heard of all services, and whether the federation is a graph */
    uint32_t first_recipient, recipients_count; /* in sim->recipients; one, or one a member (SIM_TO_NODES: node) for a set and one for the set */
    unsigned lane;
    uint32_t case_number;          /* SIM_CASES: none */
    bool case_shared;
    uint64_t case_sequence;
    uint64_t expires_at_ms;
    uint32_t body_size;
    struct qiao_bytes words;       /* SIM_TO_NODES: the body, borrowed, */
    unsigned kind;                 /* and its kind */
    uint32_t file;                 /* 1 + the file that goes with it; 0: none */
    bool submitted;                /* the node has it */
    bool conflicting;              /* a message with its id and other content was submitted */
    bool lost_with_sender;         /* a memory outbox died with it */
    uint64_t sent_ms;
    bool sent_healed;              /* when nothing was in trouble any more */
    uint16_t (*crossings)[SIM_NODES_MAX]; /* of a set, by edge: lower node, higher node; owned */
    char area[SIM_TEXT_SIZE], org[SIM_TEXT_SIZE], service[SIM_TEXT_SIZE];
};

struct sim_chain {
    uint32_t *messages;            /* of one sender, recipient, case and lane, in order of submission */
    uint32_t count, capacity;
    uint64_t delivered;            /* highest case sequence first delivered */
};

/* A lateral link: from dials to. */
struct sim_edge {
    uint32_t from, to;
    int pipe;                      /* or -1 */
    uint64_t blocked_until_ms, down_until_ms;
    bool gone;                     /* failed for good */
};

struct sim_options {
    uint64_t seed;
    bool graph;                    /* nodes form a random graph whose edges fail */
    uint32_t steps;
    uint32_t nodes_max;            /* 0: up to 10 */
    bool print_trace;
    bool keep_trace;               /* scenarios read it */
    enum { SIM_ADVERSARY_SOMETIMES, SIM_ADVERSARY_ALWAYS, SIM_ADVERSARY_NEVER } adversary;
    uint32_t drain_per_s;          /* after an outage a backlog leaves no faster; 0: no limit */
    bool calm;                     /* no dice: every choice is the first one, so that a story is told the same way every day */
};

struct sim_counts {
    uint64_t messages, submitted, deliveries, redeliveries, receipts, commits, crashes, cuts, partitions, full_disks, duplicates, conflicts, audits, audit_records, heads, opinions;
    uint64_t files_fetched, file_bytes;
    uint64_t hostile, bundles, events, virtual_ms, edges_down;
    uint64_t set_opinions;         /* of opinions, those about messages to area sets where ways change */
    uint64_t crossings, crossings_again; /* of edges by notices to area sets; again: after ways had changed */
    uint64_t outcomes[5];
};

struct sim {
    struct sim_options options;
    struct prng prng;
    uint64_t now_ms;
    struct sim_event *heap;
    size_t heap_count, heap_capacity;
    uint64_t order;
    struct sim_node nodes[SIM_NODES_MAX];
    uint32_t nodes_count;
    const char *const *registrars; /* scenarios: who may change what nodes keep together */
    size_t registrars_count;
    struct sim_member members[SIM_MEMBERS_MAX];
    uint32_t members_count;
    struct sim_pipe **pipes;
    uint32_t pipes_count, pipes_capacity;
    uint64_t lives;
    struct sim_message *messages;
    uint32_t messages_count, messages_capacity;
    uint32_t *marks;               /* of messages: their numbers + 1, scattered by the marks of their ids (marks.c) */
    uint32_t marks_size;
    struct sim_recipient *recipients;
    uint32_t recipients_count, recipients_capacity;
    struct sim_chain *chains;
    uint64_t case_sequences[SIM_MEMBERS_MAX][SIM_MEMBERS_MAX][SIM_CASES];
    struct { struct attachment_ref ref; } files[SIM_FILES_MAX];
    uint32_t files_count;
    bool healing;                  /* no new misfortune, no new traffic */
    bool failed;
    char failure[512];
    struct buf trace;
    struct sim_counts counts;
    /* what this seed's world is like */
    uint32_t window_messages, member_window_messages, attempts_max, dead_letters_max, age_ms_max;
    uint32_t heartbeat_ms;         /* four of them are silence */
    uint32_t latency_ms_max, fault_percent;
    uint32_t faults;               /* kinds of misfortune, a bit each: traffic.c */
    bool trust;                    /* nodes sign and check */
    char owner[2 * SIM_TEXT_SIZE]; /* of dead letters: area/name of a member, or empty */
    bool holds;                    /* some nodes have rules: every fifth seed, so that the others go on telling what they told */
    struct adversary *adversary;   /* NULL: nobody is hostile */
    struct ways *ways;             /* what nodes knew when they decided */
    struct courier *courier;       /* NULL: nobody carries bundles yet (courier.h) */
    struct sim_edge edges[SIM_EDGES_MAX];
    uint32_t edges_count;
    uint64_t changed_ms;           /* when an edge failed, or a node or a link died last */
    uint64_t *unrests;             /* when that happened, a link came up or a node heard of other ways; in order */
    size_t unrests_count, unrests_capacity;
    uint64_t crossed[SIM_NODES_MAX][SIM_NODES_MAX][QIAO_LANES]; /* crossings.c: last sequence that was counted, from, to */
    uint64_t linked_ms;            /* when every node had linked with its neighbours once; SIM_NEVER: not yet */
    uint64_t keep_evidence_ms, signed_age_ms_max; /* scenarios: 0 for ever, and 0 for SIM_SIGNED_AGE_MS_MAX */
    bool all_have_heard;           /* every node above a provider of a service knows of it, on its disk */
    bool chatty;                   /* members submit from inside callbacks */
    uint64_t bytes_on_wire_max;
};

/* sim.c */
struct sim *sim_new(const struct sim_options *options);
struct sim *sim_free(struct sim *sim); /* returns NULL */
uint32_t sim_add_node(struct sim *sim, const char *name, const char *area, int parent);
/* A second session of the member that was added last. */
uint32_t sim_add_twin(struct sim *sim);
uint32_t sim_add_member(struct sim *sim, uint32_t node, const char *name, bool durable);
/* After all nodes and members are there. */
void sim_start(struct sim *sim);
void sim_at(struct sim *sim, uint64_t in_ms, enum sim_event_type type, uint32_t index, uint64_t life, uint64_t token);
/* Lets events happen until virtual time has passed. */
void sim_run(struct sim *sim, uint64_t for_ms);
uint64_t sim_random(struct sim *sim, uint64_t below);
bool sim_chance(struct sim *sim, uint32_t percent);
void sim_trace(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Records the first broken promise; the run ends. */
void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A core's own line of trace. */
void sim_core_trace(void *context, const char *line);
static inline uint64_t sim_wall_ms(const struct sim *sim) { return SIM_WALL_MS + sim->now_ms; }
static inline uint64_t node_wall_ms(const struct sim *sim, const struct sim_node *node) { return sim_wall_ms(sim) + (uint64_t)node->clock_ms; }

/* wire.c */
int pipe_open(struct sim *sim, struct sim_end a, struct sim_end b, const uint64_t *blocked_until);
void pipe_send(struct sim *sim, int pipe, unsigned from, const uint8_t *data, size_t size);
/* This end is gone; the other hears of it behind the bytes already sent. */
void pipe_close(struct sim *sim, int pipe, unsigned from);
/* Loses what is under way from a random byte on; both ends hear of it, sooner or later. */
void pipe_cut(struct sim *sim, int pipe);
void pipe_arrive(struct sim *sim, int pipe);
void pipe_free(struct sim *sim, int pipe);
unsigned pipe_end_of(const struct sim *sim, int pipe, enum sim_end_kind kind, uint32_t index);

/* node.c */
void node_start(struct sim *sim, struct sim_node *node);
/* The core says goodbye to everybody; then the process ends. */
void node_shut_down(struct sim *sim, struct sim_node *node, uint64_t down_ms);
void node_crash(struct sim *sim, struct sim_node *node, uint64_t down_ms);
void node_connect(struct sim *sim, struct sim_node *node, struct core_connection_id id, const char *common_name, const char *dialled);
/* False when the node reads nothing more at the moment. */
bool node_feed(struct sim *sim, struct sim_node *node, struct sim_end *end, struct qiao_bytes bytes);
void node_eof(struct sim *sim, struct sim_node *node, struct sim_end *end);
void node_tick(struct sim *sim, struct sim_node *node);
void node_dial(struct sim *sim, struct sim_node *node);
void node_step(struct sim *sim, struct sim_node *node, struct core_event *event);
/* Sends what the core has to say, commits what it wants committed, sets its alarm. */
void node_settle(struct sim *sim, struct sim_node *node);
void node_config(const struct sim *sim, const struct sim_node *node, struct core_peer_config *peers, struct core_config *ret_config);

/* What fingerprints and tags in its store are made with. */
void node_secret(const struct sim *sim, const struct sim_node *node, uint8_t ret_secret[SIPHASH_KEY_SIZE]);
void node_job(struct sim *sim, struct sim_node *node, uint64_t number);

/* keys.c */
void sim_keys_start(struct sim_keys *keys, const struct sim *sim, const char *name, const char *area, bool member);
void sim_keys_certificate(const struct sim_keys *keys, const char *name, const char *area, bool member, struct buf *out);
void sim_keys_sign(const struct sim_keys *keys, const char *name, struct qiao_bytes message, uint8_t ret_signature[SEAL_SIGNATURE_SIZE]);

/* disk.c */
void disk_begin(struct sim *sim, struct sim_node *node);
void disk_commit(struct sim *sim, struct sim_node *node);
/* The machine dies with a batch under way: it became durable, or not. Then the store is what a new process finds. */
void disk_crash(struct sim *sim, struct sim_node *node);
void disk_release(struct sim *sim, struct sim_node *node);

/* member.c */
void member_start(struct sim *sim, struct sim_member *member);
void member_crash(struct sim *sim, struct sim_member *member, uint64_t down_ms);
void member_dial(struct sim *sim, struct sim_member *member);
void member_feed(struct sim *sim, struct sim_member *member, struct sim_end *end, struct qiao_bytes bytes);
void member_eof(struct sim *sim, struct sim_member *member);
void member_tick(struct sim *sim, struct sim_member *member);
void member_settle(struct sim *sim, struct sim_member *member);
void member_late_verdict(struct sim *sim, struct sim_member *member, uint64_t token);
void member_disconnect(struct sim *sim, struct sim_member *member);
void member_deinit(struct sim_member *member);

/* traffic.c */
void traffic_build(struct sim *sim);
void traffic_step(struct sim *sim);
void traffic_heal(struct sim *sim);
/* A few public notices, when the world has come to rest. */
void traffic_notices(struct sim *sim);
/* What rules look at; NULL: nothing. */
const char *traffic_matter(const struct sim *sim, const struct sim_message *message);
/* Puts one message into the member's outbox; false when the outbox is full. */
bool traffic_submit(struct sim *sim, struct sim_member *member, uint32_t message);
uint32_t traffic_message(struct sim *sim, struct sim_member *sender);
/* The id of a message that a node took, submitted again: with the same content, or in conflict. */
bool traffic_submit_again(struct sim *sim, uint32_t message, bool conflict);

/* checks.c */
uint32_t checks_message(struct sim *sim, const struct sim_message *message);
void checks_submitted(struct sim *sim, const struct sim_member *member, const struct qiao_id *id);
enum qiao_verdict checks_delivered(struct sim *sim, struct sim_member *member, const struct qiao_delivery *delivery);
/* A notice of dead letters, at its owner. */
void checks_told(struct sim *sim, const struct sim_member *member, const struct qiao_delivery *delivery);
/* Does the member die of this delivery, every time? */
bool checks_is_deadly(const struct sim *sim, const struct sim_member *member, uint32_t message);
void checks_verdict(struct sim *sim, struct sim_member *member, uint32_t message, enum qiao_verdict verdict);
void checks_receipt(struct sim *sim, const struct sim_member *member, const struct qiao_receipt *receipt);
void checks_committed(struct sim *sim, const struct sim_node *node, const struct store_batch *batch);
void checks_bounds(struct sim *sim, const struct sim_node *node);
/* True when every message that a node took has come to its end and every outbox is empty. */
bool checks_are_quiet(struct sim *sim);
void checks_final(struct sim *sim);
/* edges.c */
void edges_build(struct sim *sim, bool tree); /* with a tree of nodes built before, or the nodes too */
void edges_add(struct sim *sim, uint32_t from, uint32_t to);
void edge_dial(struct sim *sim, uint32_t edge);
void edges_started(struct sim *sim, const struct sim_node *node);
void edges_died(struct sim *sim, const struct sim_node *node);
void edges_forget(struct sim *sim, const struct sim_node *node, int pipe);
size_t edges_add_peers(const struct sim *sim, const struct sim_node *node, struct core_peer_config *peers, size_t count);
void edge_fail(struct sim *sim);
void edges_heal(struct sim *sim);
bool edges_are_up(const struct sim *sim);
bool edge_is_gone(const struct sim *sim, const struct sim_node *node, const char *peer);
/* crossings.c */
void crossings_unrest(struct sim *sim);
void crossings_received(struct sim *sim, const struct sim_node *to, const struct store_op *op);
void crossings_numbered(struct sim *sim, struct sim_node *node, const struct store_op *op);
/* services.c: who the nearest provider is, by the book; sim->members_count: there is none */
uint32_t service_provider(const struct sim *sim, uint32_t sender_node, const char *service);
void service_offer(struct sim *sim, struct sim_member *member);
/* Turns some messages to members into messages to services. */
void service_address(struct sim *sim, struct sim_message *message);
void service_delivered(struct sim *sim, struct sim_message *message, const struct sim_member *member);
void service_linked(struct sim *sim);
void services_final(struct sim *sim);
/* NO_PROVIDER is right: there is none, or some node had not heard of it. */
bool service_may_be_refused(const struct sim *sim, const struct sim_message *message);
const char *checks_describe(const struct sim *sim, uint32_t message, char text[256]);

/* files.c */
uint32_t sim_add_file(struct sim *sim, uint64_t size); /* returns its number */
void files_build(struct sim *sim);
struct qiao_attachment files_attachment(const struct sim *sim, uint32_t file);
void files_start(struct sim_member *member);
void files_crash(struct sim_member *member);
void files_submitted(struct sim_member *member, uint32_t file);
/* expected: 1 + the file that was sent with it, 0: none. */
void files_delivered(struct sim_member *member, const struct qiao_message *message, uint32_t expected);
bool files_are_quiet(const struct sim *sim);
void files_final(struct sim *sim);

/* adversary.c */
struct message_record;
/* Before sim_start, with the node it lives at. */
void adversary_new(struct sim *sim, uint32_t at);
struct adversary *adversary_free(struct adversary *adversary); /* returns NULL */
size_t adversary_add_peers(const struct sim *sim, const struct sim_node *node, struct core_peer_config *peers, size_t count);
void adversary_notice(void *context, const char *event, const char *peer, unsigned code, const char *reason); /* context: the world */
void adversary_overhear(struct sim *sim, const struct sim_node *node, const struct sim_end *end, const struct frame *frame);
void adversary_feed(struct sim *sim, struct sim_end *end, struct qiao_bytes bytes);
void adversary_eof(struct sim *sim, struct sim_end *end);
void adversary_look(struct sim *sim);
/* Does it live at this node? What other nodes tell of is not about it. */
bool adversary_is_at(const struct sim *sim, const struct sim_node *node);
/* Is its node in the area? */
bool adversary_is_in(const struct sim *sim, const char *area);
/* Begins something, if nothing is under way. */
void adversary_step(struct sim *sim);
bool adversary_is_quiet(const struct sim *sim);
/* Everything that was tried has been told of. */
void adversary_final(struct sim *sim);
/* True for a record of a message it made. Nobody may take those, but for one with an honest id: that one is its own message. */
bool adversary_record(struct sim *sim, const struct sim_node *node, struct qiao_bytes key, const struct message_record *record);
/* Is it from the hostile neighbour? */
bool adversary_sent(const struct sim *sim, const struct qiao_delivery *delivery);

/* audit.c */
/* A core built from a copy of the node's store reports the same queue positions as the node. */
void audit_node(struct sim *sim, struct sim_node *node);
/* For the trace: what is still in queues. */
void audit_tell(struct sim *sim);
/* Messages in all queues of all nodes. */
uint64_t audit_queued(struct sim *sim);
/* Somebody at the node tries all its dead letters again. */
void audit_retry(struct sim *sim, struct sim_node *node);
/* Every queue of every node is empty, and a restart of all changes nothing on disk. */
void audit_end(struct sim *sim);
/* books.c: audit logs against their records, and against what neighbours hold of them. */
void books_end(struct sim *sim);

/* second_opinion.c: every decision that is written down, decided again */
void second_opinion(struct sim *sim);
/* ways.c: the same in graphs and about services, from what the node knew at that time */
void ways_look(struct sim *sim, const struct sim_node *node); /* after each step */
void ways_started(struct sim *sim, const struct sim_node *node);
void ways_sealed(struct sim *sim, const struct sim_node *node);
void ways_committed(struct sim *sim, const struct sim_node *node, const struct store_batch *batch);
struct ways *ways_free(struct ways *ways); /* returns NULL */

/* A whole seeded run; true if every promise held. */
bool sim_seed(const struct sim_options *options, struct sim_counts *counts, char failure[512]);

#endif
