/* Answers about attachments (recv_admin.c). */
#ifndef CORE_ASK_ATTACHMENT_H
#define CORE_ASK_ATTACHMENT_H

#include "core/state.h"

#include "schema/admin.pb-c.h"

void ask_attachment_list(struct core *core, struct connection *connection, const Qiao__V1__AdminRequest *request);

#endif
