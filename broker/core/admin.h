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
void ask_area(struct core *core, struct connection *connection, const Qiao__V1__AdminRequest *request);
void ask_custody(struct core *core, struct connection *connection, const Qiao__V1__AdminRequest *request);
/* A question costs this node some reading; a neighbour that puts too many gets no answer. */
bool asks_too_much(struct core *core, struct connection *connection);

/* ask_route.c */
void ask_route_of_header(struct core *core, struct connection *connection, uint32_t id, struct qiao_bytes header);

/* ask_way.c */
void ask_way(struct core *core, struct connection *connection, const Qiao__V1__AdminRequest *request);
bool ask_way_replied(struct core *core, const struct connection *connection, const Qiao__V1__AdminReply *reply); /* false: it was not asked there */

#endif
