#ifndef CORE_ORDER_H
#define CORE_ORDER_H

#include "core/state.h"

/* At the origin, when the message's way is known: writes into core->note what must come before it. */
void order_begin(struct core *core, const struct peer *member, const struct envelope *envelope);
/* At the destination: keeps a message back until the record of `after` (an id with its source, id_of_source) is there. One that has ended
 * meanwhile leaves its place in the order, so that the next of its case waits for the one before it. */
void order_hold(struct core *core, const struct peer *member, const struct envelope *envelope, const struct qiao_id *after, uint32_t tag, bool ended);
/* Does this message itself wait? */
bool order_waits(const struct core *core, const struct qiao_id *id, uint16_t member);
bool order_is_full(const struct core *core);
/* A message has its record now, or has ended: whoever waits for it is let go by the next order_release. */
void order_came(struct core *core, const struct qiao_id *whose, uint16_t member);
void order_release(struct core *core);
void order_load(struct core *core);
void order_deinit(struct core *core);

#endif
