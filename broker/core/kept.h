#ifndef CORE_KEPT_H
#define CORE_KEPT_H

#include "core/state.h"

#include "schema/admin.pb-c.h"

/* The newest so many headers, from now on; those there are are forgotten if it is another number. */
void kept_set_most(struct core *core, size_t most);
void kept_deinit(struct core *core);
/* Of a message that can be read and answered; copied if it is time for one. */
void kept_add(struct core *core, const struct peer *from, const struct envelope *envelope);
void kept_answer(struct core *core, struct connection *connection, const Qiao__V1__AdminRequest *request);

#endif
