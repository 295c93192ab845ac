/* The durable outbox: a small LMDB directory that keeps what was submitted until the node has it. */
#ifndef SDK_OUTBOX_H
#define SDK_OUTBOX_H

#include "sdk/session.h"

struct outbox;

/* Opens or makes it; another process must not have it open. reterr_text gets a sentence on failure (result is negative). */
int outbox_new(const char *path, struct outbox **ret_outbox, char *reterr_text, size_t reterr_size);
struct outbox *outbox_free(struct outbox *outbox); /* returns NULL */

/* Tells apart this outbox from another that begins to count at 1. */
uint64_t outbox_incarnation(const struct outbox *outbox);
/* The node's area as last seen, "" at first. */
const char *outbox_area(const struct outbox *outbox);
int outbox_set_area(struct outbox *outbox, const char *area);
/* Puts everything it holds into the session. */
int outbox_restore(struct outbox *outbox, struct session *session);
/* The calls a session makes. */
struct session_outbox outbox_calls(struct outbox *outbox);

#endif
