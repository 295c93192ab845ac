/* Answers about the audit log (recv_admin.c). */
#ifndef CORE_ASK_AUDIT_H
#define CORE_ASK_AUDIT_H

#include "core/state.h"

#include "schema/admin.pb-c.h"

void ask_audit_export(struct core *core, struct connection *connection, const Qiao__V1__AdminRequest *request);
void ask_audit_heads(struct core *core, struct connection *connection, const Qiao__V1__AdminRequest *request);

#endif
