/* The store thread: one commit at a time, so that a batch fills while the one before it is synced. */
#ifndef EDGE_COMMITTER_H
#define EDGE_COMMITTER_H

#include "store/store.h"

struct committer;

/* done is called on the store thread when a commit has ended; it must only wake the owner. */
int committer_new(struct store *store, void (*done)(void *context), void *context, struct committer **ret_committer);
/* Waits for a commit under way. Returns NULL. */
struct committer *committer_free(struct committer *committer);
/* Starts a commit; none may be under way. The batch stays the caller's and unchanged until taken. */
void committer_start(struct committer *committer, const struct store_batch *batch);
/* True, once, when the started commit has ended: *ret_result is what store_commit returned. */
bool committer_take(struct committer *committer, int *ret_result);

#endif
