/* What this node knows of a message's way: its own hops, as parts of a WayReply (schema/explain.proto). */
#ifndef CORE_WAY_H
#define CORE_WAY_H

#include "core/explain_search.h"

#define WAY_NEIGHBOURS_MAX 64u

/* A neighbour that had the message before or behind this node. */
struct way_neighbour {
    const struct peer *peer;       /* NULL: no neighbour has that name any more */
    char name[QIAO_NAME_SIZE_MAX + 1];
    bool back;                     /* it came from there */
    bool taken;                    /* it said that it has it */
};

struct way {
    struct buf hops;               /* WayReply.hops; owned */
    struct way_neighbour neighbours[WAY_NEIGHBOURS_MAX];
    size_t neighbours_count;
    size_t members_count;          /* member numbers that sent it, or that it was for; those beyond the array are recipients of a large set */
    uint16_t members[WAY_NEIGHBOURS_MAX];
};

/* What the search has found of this sender's message: an id is its sender's, and another's message may have the same. */
void way_of(struct core *core, const struct explain_search *search, uint64_t source, struct way *ret_way);
void way_deinit(struct way *way);
/* Did the member send it, or was it for the member? */
bool way_is_of_member(const struct way *way, uint16_t number);
/* Did the message go between this node and the neighbour? */
bool way_is_of_neighbour(const struct way *way, const struct peer *peer);

#endif
