/* What the second opinion goes by where ways change: ways.c notes it and asks the questions, set_ways.c answers those about area sets. */
#ifndef SIM_WAYS_H
#define SIM_WAYS_H

#include "sim.h"

#include "schema/explain.pb-c.h"

enum { WAYS_TOLD_MAX = 192, WAYS_PATH_SIZE = 192 };

/* Instead of a node's index: the place where messages wait for any way. */
#define WAYS_WAITING UINT32_MAX

struct told {
    char area[QIAO_AREA_SIZE_MAX + 1], service[QIAO_SERVICE_SIZE_MAX + 1];
    char path[WAYS_PATH_SIZE];     /* names of nodes, a space between */
    bool hole, withdrawn;
    unsigned length;
};

struct neighbour {
    char name[SIM_TEXT_SIZE], area[SIM_TEXT_SIZE];
    enum link_role role;
    bool dead;
    uint32_t told_first, told_count;
};

/* What a node knew from since_ms on. */
struct knowledge {
    uint64_t since_ms, version;
    bool graph;
    struct neighbour neighbours[SIM_NODES_MAX];
    uint32_t neighbours_count;
    struct told told[WAYS_TOLD_MAX];
    uint32_t told_count;
    char members[SIM_MEMBERS_MAX + 1][SIM_TEXT_SIZE]; /* its own */
    uint32_t members_count;
};

/* What came with a copy of a message. */
struct arrival {
    uint32_t message, from, to;
    uint64_t sequence;             /* its place in the sender's queue */
    bool shared, passed;
    char pin[SIM_TEXT_SIZE];
    struct buf share;              /* of an area set, that this copy is for; empty: all of it */
};

struct question {
    const struct sim *sim;
    const struct sim_node *node;
    const struct knowledge *known;
    const struct sim_message *message;
    const char *from;              /* a neighbour, or "" */
    const struct arrival *arrival; /* NULL: it was sent here */
    const struct arrival *copy;    /* of a set: what the decision made of it for one neighbour; NULL: it is about a member, or somebody who is no node */
};

/* One way of a neighbour's to somewhere around the destination. */
struct way {
    const struct neighbour *neighbour;
    const char *area;
    const char *path;              /* as it is told; NULL: it is configured */
    unsigned length;
    bool usable, down;
};

static inline bool around(const char *area, const char *code)
{
    return strncmp(code, area, strlen(area)) == 0;
}

/* What a way is: the lower, the better. */
int ways_kind(const struct question *question, const struct way *way);
bool ways_is_better(const struct question *question, const struct way *a, const struct way *b);
/* Does the neighbour say that its way to the area does not reach there? */
bool ways_has_hole(const struct question *question, const struct neighbour *neighbour, const char *area, const char *to);

/* set_ways.c: would the node have divided the set like this? */
bool set_ways_agree(const struct question *question, const Qiao__V1__Decision *decision);

#endif
