/* Messages to area sets where there may be several ways: sets.c. */
#ifndef CORE_SETS_H
#define CORE_SETS_H

#include "core/state.h"

struct set_query {
    struct qiao_bytes root;        /* of the set */
    struct qiao_bytes share;       /* of it, that this node was given; empty: all of it */
    const struct peer *from;       /* who gave it; NULL: nobody, or it has waited here */
    bool again;                    /* it was here before: what is not for this node waits a while */
    bool elsewhere;                /* root stands for an area whose code this node need not know */
};

/* Divides the share among neighbours, core->waiting and this node's members: core->targets, and for each neighbour in core->set_parts what
 * it is given. A QIAO_CODE. */
unsigned sets_split(struct core *core, const struct set_query *query);
/* What the i-th part is for, to be written beside the message. */
static inline struct qiao_bytes set_part_share(const struct core *core, size_t i)
{
    return qiao_bytes(core->set_shares.data + core->set_parts[i].at, core->set_parts[i].size);
}
/* Is the message for the members of this node only? */
bool sets_is_here(const struct envelope *envelope);
/* The same message for the members of this node only. */
void sets_write_here(const struct core *core, const struct envelope *envelope, struct buf *ret_raw);
/* For people: the areas that the neighbour is given. */
void sets_describe(const struct core *core, const struct peer *peer, char *out, size_t size);
void sets_deinit(struct core *core);

#endif
