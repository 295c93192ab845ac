/* Between the public structs of client.h and envelopes. */
#ifndef SDK_DRAFT_H
#define SDK_DRAFT_H

#include "base/arena.h"
#include "codec/envelope.h"
#include "seal/seal.h"

#include <qiao/client.h>

/* Appends the envelope of message to out; scratch is clobbered. NULL, or what is wrong with the message. */
const char *draft_write(const struct qiao_message *message, const char *own_area, const char *own_org, const struct seal *seal, unsigned digest_suite, uint64_t wall_ms,
                        struct buf *scratch, struct buf *out, struct qiao_id *ret_id);

/* A text with a NUL behind it, in the arena. */
const char *draft_copy(struct arena *arena, struct qiao_bytes bytes);
/* Fills message from an opened envelope; strings are copied into the arena. */
void draft_read(const struct envelope *envelope, struct arena *arena, struct qiao_message *ret_message);

/* Calls visit for each outcome of a receipt. */
void draft_read_receipt(const struct envelope *envelope, struct arena *arena, void (*visit)(void *context, const struct qiao_receipt *receipt), void *context);

#endif
