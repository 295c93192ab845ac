/* Somebody hostile at one node of the world: a neighbour with a certificate of its own ("harbour"), a member ("mole"), and a thief who comes
 * with the names of others. They speak the real link protocol, hear everything that comes to the node, and try one thing after the other.
 * Each try is repeated until the node has told of it (core_config.notice) with the right event, name and code.
 *
 *   adversary.c       connections, what is overheard, the book of tries       adversary_acts.c  the tries
 *   adversary_words.c messages, groups and receipts, well and badly made */
#ifndef SIM_ADVERSARY_H
#define SIM_ADVERSARY_H

#include "sim.h"

#include "proof/custody.h"
#include "proof/group.h"

#define HARBOUR_AREA "770303"
#define QUARRY_AREA "770404"

enum { HARBOUR, MOLE, PLAIN, THIEF, VISITORS }; /* PLAIN: a second session of the mole, without a key */
enum { OVERHEARD_MAX = 32 };

/* What is wrong with the next acknowledgements. */
enum twist { TWIST_NONE, TWIST_CHAIN, TWIST_TWO_CHAINS, TWIST_BEYOND, TWIST_SIGNER, TWIST_AUDIT };

/* How a connection is made. */
struct disguise {
    const char *common_name;      /* what the transport says; NULL: no certificate */
    const char *node, *area, *org; /* what the hello says */
    enum link_role role;
    const struct seal *seal;
    bool keeps_auth;              /* sends `auth` in the place of its own */
};

struct visitor {
    int pipe;                     /* or -1 */
    struct link link;
    struct buf out;
    bool keeps_auth;
    bool silent;                  /* says nothing more */
    uint64_t incarnation;
    uint64_t sent;                /* last sequence on the normal lane that was used over any link of this incarnation */
    uint64_t received[LINK_LANES];
    struct merkle_hash chain[LINK_LANES];
};

struct overheard {
    unsigned lane;
    uint64_t first;
    uint32_t count;
    struct buf entries;
};

struct act;

struct adversary {
    struct sim *sim;
    uint32_t at;                  /* the node */
    struct prng prng;
    struct sim_keys keys, quarry, mole;
    struct seal broken;           /* harbour's, but its signatures are noise */
    char mole_name[SIM_TEXT_SIZE];
    struct visitor visitors[VISITORS];
    struct overheard overheard[OVERHEARD_MAX];
    uint32_t overheard_count;     /* ever */
    struct buf auth;              /* an Auth frame harbour sent once */
    struct buf node_hello;        /* the node's own Hello */
    struct buf neighbour_hello;   /* overheard, of an honest node: */
    uint32_t neighbour;
    uint64_t honest_life;         /* of the pipe to it, while a thief says that hello; 0: nobody does */
    bool recording;
    const struct act *act;        /* under way */
    const char *expected_peer;
    uint64_t tried_ms, tried_life; /* life of the pipe it was tried on */
    uint32_t tries;
    enum twist twist;
    uint64_t signs_at_ms;         /* the next signatures, 0: now */
    bool withholds_keys, shows_nothing;
    bool done;
    bool waits_for_ack;
    uint64_t numbers;
    uint64_t *counts;             /* per act: ended */
};

struct act {
    const char *name;
    int visitor;                  /* which has to be up before; VISITORS: none */
    const char *event;            /* NULL: nothing is to be told, see how */
    unsigned code;
    /* Does it, or does it again. False: there is nothing to do it with at the moment. */
    bool (*how)(struct adversary *adversary);
};

extern const struct act adversary_acts[];
extern const size_t adversary_acts_count;

/* adversary.c */
bool adversary_dial(struct adversary *adversary, int visitor, const struct disguise *disguise);
void adversary_hang_up(struct adversary *adversary, int visitor);
void adversary_flush(struct adversary *adversary, int visitor);
struct sim_node *adversary_node(const struct adversary *adversary);
uint64_t adversary_random(struct adversary *adversary, uint64_t below);
void adversary_try(struct adversary *adversary, const struct act *act);
/* The life of the one pipe between its node and the honest neighbour it overheard, or 0: none, or more than one. */
uint64_t adversary_neighbours_life(const struct adversary *adversary);

/* adversary_words.c */
struct words {
    const char *area, *org;       /* source */
    const char *to_area, *to_org;
    uint32_t kind;
    uint64_t expires_at_ms;
    struct qiao_bytes body;
    const struct qiao_id *id;     /* NULL: a fresh one that tells whose it is */
};
bool words_are_hostile(const struct qiao_id *id);
/* A whole envelope without a proof. */
void words_write(struct adversary *adversary, const struct words *words, struct buf *raw);
/* A group of count envelopes as entries, signed by seal as `suite`. */
void words_sign(struct adversary *adversary, const struct seal *seal, unsigned suite, const struct buf *raws, uint32_t count, struct buf *entries);
void words_put_entry(struct buf *entries, struct qiao_bytes raw);
void words_send(struct adversary *adversary, int visitor, uint32_t count, struct qiao_bytes entries);
/* Body of a receipt. */
void words_receipt(struct adversary *adversary, const char *area, const char *org, const struct qiao_id *id, unsigned status, struct qiao_bytes leaf, struct buf *body);
/* Answers what came with a custody receipt, as twisted as asked. */
void words_acknowledge(struct adversary *adversary, unsigned lane);

#endif
