/* Bundles in the world: one courier, who walks between two linked nodes at a time. */
#ifndef SIM_COURIER_H
#define SIM_COURIER_H

#include "sim.h"

/* Sends the courier off with what waits at one node for the other, if nobody is under way and nodes have keys. */
void courier_send(struct sim *sim, uint32_t from, uint32_t to);
bool courier_is_resting(const struct sim *sim);
struct courier *courier_free(struct courier *courier); /* returns NULL */

void courier_look(struct sim *sim);
void courier_feed(struct sim *sim, struct sim_end *end, struct qiao_bytes bytes);
void courier_eof(struct sim *sim);

#endif
