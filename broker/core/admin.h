/* Answers to questions (recv_admin.c), and questions that this node puts to its neighbours to answer them (ask.c). */
#ifndef CORE_ADMIN_H
#define CORE_ADMIN_H

#include "core/state.h"

#include "schema/admin.pb-c.h"

/* recv_admin.c */
void admin_reply(struct core *core, struct connection *connection, const Qiao__V1__AdminReply *reply);
void admin_refuse(struct core *core, struct connection *connection, uint32_t id, unsigned code, const char *reason);

/* ask.c */
void ask_proof(struct core *core, struct connection *connection, const Qiao__V1__AdminRequest *request);
void ask_custody(struct core *core, struct connection *connection, const Qiao__V1__AdminRequest *request);

#endif
