/* Questions about dead letters (recv_admin.c asks). */
#ifndef CORE_ASK_DEAD_H
#define CORE_ASK_DEAD_H

#include "core/admin.h"

void ask_dead_list(struct core *core, struct connection *connection, const Qiao__V1__AdminRequest *request);
/* The answer leaves when the change is on disk. */
void ask_dead_change(struct core *core, struct connection *connection, const Qiao__V1__AdminRequest *request);

#endif
