#ifndef CORE_ROUTE_H
#define CORE_ROUTE_H

#include "core/state.h"

typedef void (*route_visit)(void *context, const struct peer *peer, const char *rule, bool chosen, const char *why_not);

/* Every candidate for the destination with the reason for or against it, as `qiao route` shows it. */
void route_explain(struct core *core, const struct address *destination, route_visit visit, void *context);

#endif
