/* Which message a node's record of decisions means: those hold marks of ids. */
#ifndef SIM_MARKS_H
#define SIM_MARKS_H

#include "sim.h"

#include "core/explain.h"

/* Message number is in sim->messages by now. */
void marks_add(struct sim *sim, uint32_t number);
/* Message i of the stretch; sim->messages_count: nobody sent that. */
uint32_t marks_find(const struct sim *sim, const struct explain_stretch *stretch, uint32_t i);

#endif
