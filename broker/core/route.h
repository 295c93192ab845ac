/* Where to. Read route.c for how ways are preferred, directory.h for what neighbours tell. */
#ifndef CORE_ROUTE_H
#define CORE_ROUTE_H

#include "core/state.h"

/* What a way is, in order of preference: the first that can be used wins; among equals the smaller area around the destination, then a child,
 * then the shorter path, then the name. */
enum route_rank {
    ROUTE_NAMED,             /* an area that the neighbour may speak for: its own and what lies below, or, of others than children, elsewhere */
    ROUTE_BEYOND,            /* one that it may not: another place of ours, or, of a child, anything that is not its own */
    ROUTE_PARENT,            /* the parent, for everything */
    ROUTE_LATERAL_PARENT,    /* a lateral neighbour that says it has a way up */
};

/* Why a candidate won or lost. */
enum route_reason {
    ROUTE_IS_CHOSEN,
    ROUTE_IS_DOWN,           /* the link has been down for longer than reroute_after_ms */
    ROUTE_IS_WITHDRAWN,      /* the neighbour told of this way once and does not any more */
    ROUTE_IS_HOLE,           /* the neighbour says it cannot reach this area */
    ROUTE_CAME_FROM,         /* back to where the message came from */
    ROUTE_IS_LATER,          /* another kind of way goes first */
    ROUTE_IS_WIDER,          /* another names a smaller area around the destination */
    ROUTE_IS_LONGER,         /* another path is shorter, or first by name */
    ROUTE_REASONS
};

struct route_candidate {
    struct peer *peer;
    const struct learned *learned; /* NULL: from the configuration */
    enum route_rank rank;
    enum route_reason reason;
    size_t prefix;           /* of the destination's code that its area covers */
    unsigned length;         /* nodes on its path, with the neighbour */
};

/* Nearest first. At most one a neighbour. */
#define ROUTE_CANDIDATES_MAX 64u
struct route_candidates {
    struct route_candidate items[ROUTE_CANDIDATES_MAX];
    size_t count;
    bool known;              /* somebody named an area around the destination once, also if all of these go to a neighbour for everything now */
};

/* What the neighbour's way to this area is. */
enum route_rank route_rank(const struct core *core, const struct peer *peer, const char *area);
/* All ways to an area, best first; except (or NULL) is no way. Usable ones stand before those that are not. */
void route_candidates(struct core *core, struct qiao_bytes area, const struct peer *except, struct route_candidates *ret_candidates);
static inline bool route_is_usable(enum route_reason reason) { return reason == ROUTE_IS_CHOSEN || reason >= ROUTE_IS_LATER; }

/* The message's next hops into core->targets, as route_find does, with what is to be written beside it in core->note. A message that was
 * here before, or that others know a way for and this node does not, waits: its target is core->waiting. What lies below this node's own
 * area and was never heard of does not exist: of that this node may say so. */
unsigned route_envelope(struct core *core, const struct envelope *envelope, const struct peer *from);

/* A way the message could have taken: enum RouteGround and enum LostReason of schema/explain.proto. */
struct route_choice {
    const struct peer *peer;
    unsigned ground;
    unsigned lost;                 /* 0: it was chosen */
    const char *path;              /* nodes, as the neighbour tells it; "": from the configuration */
    const char *areas;             /* of an area set that was divided: what the neighbour is given; else "" */
};

/* Of route_choice.areas; more are left out. */
#define EXPLAIN_AREAS_SIZE 512u

typedef void (*route_visit)(void *context, const struct route_choice *choice);

/* Every candidate for the destination, right after the table was asked for it, from there, and has said `code`. Of members only those that
 * were chosen; of neighbours all. */
void route_explain(struct core *core, const struct address *destination, const struct peer *from, unsigned code, route_visit visit, void *context);

#endif
