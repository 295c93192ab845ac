#ifndef CORE_ROUTE_H
#define CORE_ROUTE_H

#include "core/state.h"

/* A way the message could have taken: enum RouteGround and enum LostReason of schema/explain.proto. */
struct route_choice {
    const struct peer *peer;
    unsigned ground;
    unsigned lost;                 /* 0: it was chosen */
};

typedef void (*route_visit)(void *context, const struct route_choice *choice);

/* Every candidate for the destination, right after route_find(core, destination, from) has said `code`. Of members only those that were
 * chosen or have the name; of neighbours all. */
void route_explain(struct core *core, const struct address *destination, const struct peer *from, unsigned code, route_visit visit, void *context);

#endif
