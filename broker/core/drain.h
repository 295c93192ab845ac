/* After an outage: what has waited for a neighbour goes out no faster than it is allowed to, urgent lane first. What is new does not wait
 * behind it: it takes a lane on which nothing of the backlog is left, as long as none of its case waits (lanes.c).
 *
 * A token bucket whose depth is a frame, so that what it lets out is bounded in every second, and not only on average: with a limit of L
 * messages a second, frames of at most q = L / 32 messages and a rate of L - (q - 1), the frames that leave within less than a second, but
 * for the last, cost less than a second. So they hold less than L - (q - 1) messages, and with the last at most L. */
#ifndef CORE_DRAIN_H
#define CORE_DRAIN_H

#include "core/state.h"

/* Messages a second, 0: as fast as they go. */
uint32_t drain_limit(const struct core *core, const struct peer *link);
/* Is there a limit for any link? Then it is known of what waits which case it is of. */
bool drain_any_limit(const struct core *core);

/* The link is up, and reroute_up is still to come: if it was down for so long that it was given up, or since this node's start, what waits is
 * the backlog; after a short break only what was it before. */
void drain_up(struct core *core, struct peer *link);
/* Is any link's backlog going out? */
bool drain_goes_on(const struct core *core);
bool drain_is_on(const struct peer *link);

/* Messages that one run of the queue, or one frame of it, may hold. Runs queued while the link was up may be larger: such a frame goes as it
 * is, and costs as much time. */
uint32_t drain_frame_max(const struct core *core, const struct peer *link, unsigned lane);
/* Would messages that are signed together, and stay together, be too many for a frame of some link that is down or drains? */
bool drain_parts(const struct core *core, uint32_t count);

/* What is appended to the lane has waited elsewhere: it is backlog too. */
void drain_begin(struct core *core, struct peer *link, unsigned lane);
/* A limit that was there may be gone. */
void drain_limits_changed(struct core *core);

/* May a frame of the lane leave now? */
bool drain_allows(const struct core *core, const struct peer *link, unsigned lane);
void drain_sent(struct core *core, struct peer *link, unsigned lane, uint32_t count);

/* The lane on which a new message of this size passes the backlog, or `wanted` if there is none or nothing is to be passed. */
unsigned drain_lane(const struct core *core, const struct peer *link, size_t size, unsigned wanted);

uint64_t drain_deadline_ms(const struct peer *link);
void drain_tick(struct core *core, struct peer *link);

#endif
