/* What neighbours say they can reach, and what this node tells them (FRAME_ROUTES, schema/link.proto).
 *
 * Told: to every neighbour but children the services at and below this node; once the federation is a graph (somebody has a lateral link)
 *   also areas: its own, and all that it has a way to, with the path; to the parent its own, which stands for everything below it, and
 *   what lies elsewhere. An area that is told of stands for all that lies in it: what is known in it and out of reach, or within reach only
 *   through the neighbour, is told of as a hole, and what is reached on another path than the area around it with that path. So the path of
 *   what a message follows is always told, and no two nodes take each other for the way. A neighbour on the path is not told. A link that is
 *   down counts until it has been down for reroute_after_ms, so a flap moves nothing.
 *
 *   To every neighbour, children too, which version of the table of areas this node has (schema/area.proto).
 *
 * Believed (the peer is who its certificate and the configuration say; its word is not signed by who stands behind it):
 *   of a child      its own area and what lies below; other areas behind all that others say of them; never this node's area, one above it,
 *                   or "everything": a child does not attract its parent's traffic
 *   of a lateral    any area, but one below this node's only behind the child it belongs to; "everything" behind the parent
 *   of the parent   anything but this node's own area
 *   of anybody      services: of children only those at or below the child's area; no way that leads through this node; holes
 *
 * What is not told any more is kept as withdrawn: no message takes that way, but the area is known to exist, and messages to it wait.
 * Services stay told of while the link to their provider is down: the nearest provider is the one that is competent, not the one that answers. */
#ifndef CORE_DIRECTORY_H
#define CORE_DIRECTORY_H

#include "core/state.h"

#define ROUTES_MAX 4096u           /* of one neighbour */
#define ROUTES_SIZE_MAX (512u * 1024u)
/* Between two frames to one neighbour. */
#define ROUTES_INTERVAL_MS 200u

void directory_init(struct core *core);
bool directory_load(struct core *core); /* false: a record is not sound */
void directory_deinit(struct core *core);
void directory_take(struct core *core, struct connection *connection, struct qiao_bytes payload);
/* A link came up or was given up, or something else that ways depend on changed. */
void directory_changed(struct core *core);
void directory_tick(struct core *core);
/* Ways to exactly this area: the first, and how many. */
const struct route_way *directory_area(struct core *core, struct qiao_bytes area, size_t *ret_count);
/* All ways to areas, in order of areas. */
const struct route_way *directory_areas(struct core *core, size_t *ret_count);
const struct route_way *directory_service(struct core *core, struct qiao_bytes service, size_t *ret_count);
/* Does the peer say that its way does not reach this area? */
bool directory_hole(const struct peer *peer, const char *way, struct qiao_bytes area);
bool area_covers(const char *area, struct qiao_bytes code);
/* Does the peer offer the service here? */
bool member_offers(const struct peer *member, struct qiao_bytes service);

#endif
