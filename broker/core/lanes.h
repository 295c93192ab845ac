/* A rule may let messages travel to the next node on another lane than their own, and new ones may pass a backlog there (drain.h). Order within a case stays: while one of its messages waits
 * in a queue of a neighbour, those behind it take the same queue, whatever rules say by then. */
#ifndef CORE_LANES_H
#define CORE_LANES_H

#include "core/state.h"

/* After the queues: what waits on another lane than its own is found again. */
void lanes_load(struct core *core);
void lanes_deinit(struct core *core);
/* From now on it is known which cases wait where; of what waits already nobody knows. */
void lanes_track(struct core *core);
/* Was a message ever put on another lane than its own since the process began, or did one wait so when it began, or may that happen now? */
bool lanes_differ(const struct core *core);

/* The lane for this message to a neighbour; wanted: the rule's, its own, or one past a backlog. Call it just before it is appended there. */
unsigned lanes_choose(struct core *core, struct peer *peer, const struct header *header, unsigned wanted);

#endif
