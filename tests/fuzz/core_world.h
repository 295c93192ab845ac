/* A node of the fuzzers: the real core over the array store, a disk that commits when told to, and peers that keep to the
 * protocol (they send again what was not acknowledged) until they are told to rave. The promises are checked on the way. */
#ifndef FUZZ_CORE_WORLD_H
#define FUZZ_CORE_WORLD_H

#include "mail.h"

#include "core/core.h"
#include "store/array.h"

enum { WHO_DESK, WHO_OFFICE, WHO_TOOL, WHO_CHILD, WHO_PARENT, WHO_STRANGER, WHO_COUNT };
enum { LETTERS_MAX = 64, NUMBERS = 32, DELIVERIES_MAX = 16 };

/* A message on its way to the node, kept until the node has acknowledged it. */
struct letter {
    struct buf raw;
    uint64_t sequence;
    uint8_t number;
    bool promised;           /* a sound message of a member: once acknowledged it may not be lost */
};

struct outbox {
    struct letter letters[LETTERS_MAX];
    size_t count, sent;      /* sent in this session */
    uint64_t next;
};

struct delivery {
    unsigned lane;
    uint64_t first;
    uint32_t count;
};

struct caller {
    bool open;
    struct core_connection_id id;
    struct link link;
    struct buf in, out;
    struct outbox outboxes[QIAO_LANES];
    uint64_t received[LINK_LANES];
    uint64_t incarnation;
    bool raving;             /* has broken the protocol: nothing is promised to it any more */
    struct delivery deliveries[DELIVERIES_MAX];
    unsigned deliveries_count;
};

/* What the world knows of a message by its number. */
struct fate {
    bool submitted, acknowledged, conflicting, set;
    uint64_t digest;
    unsigned outcome, code;  /* on disk */
};

struct world {
    struct choices *choices;
    struct store *store;
    struct core *core;
    const struct store_batch *committing;
    uint64_t now_ms;
    uint64_t starts;
    struct caller callers[WHO_COUNT];
    struct fate fates[NUMBERS];
};

/* The store is taken over. False if the core will not start on it. */
bool world_init(struct world *world, struct choices *choices, struct store *store);
void world_deinit(struct world *world);

void world_connect(struct world *world, unsigned who);
void world_hang_up(struct world *world, unsigned who);
/* What callers have said reaches the node and the other way round. */
void world_exchange(struct world *world);
void world_write(struct world *world, unsigned who, unsigned count);     /* letters into the outbox */
void world_receipt(struct world *world, unsigned who);                   /* the same, of receipts */
void world_verdict(struct world *world, unsigned who);
void world_rave(struct world *world, unsigned who);                      /* any frame */
void world_ask(struct world *world, unsigned who);                       /* an administration request */
void world_pass_time(struct world *world, uint64_t for_ms);
void world_commit_begin(struct world *world);
void world_commit_end(struct world *world, bool full);
/* The process dies; what was committed is there again. */
bool world_restart(struct world *world);
/* Connects everybody, lets everything happen that can. */
void world_calm(struct world *world);
/* Every record the core has written is one that --check-store calls sound. */
void world_check_store(struct world *world);

#endif
