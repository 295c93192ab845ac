/* The store thread: one signed commit at a time, so that a batch fills while the one before it is synced. */
#ifndef EDGE_COMMITTER_H
#define EDGE_COMMITTER_H

#include "store/store.h"

struct committer;

/* prepare is called on the committing thread before each commit; a negative result is the commit's. done is called on the store thread when
 * a commit has ended there; it must only wake the owner. */
struct committer_calls {
    int (*prepare)(void *context);
    void (*done)(void *context);
    void *context;
};
int committer_new(struct store *store, const struct committer_calls *calls, struct committer **ret_committer);
/* Waits for a commit under way. Returns NULL. */
struct committer *committer_free(struct committer *committer);
/* Starts a commit; none may be under way. The batch stays the caller's and unchanged until taken. */
void committer_start(struct committer *committer, const struct store_batch *batch);
/* Commits on the caller's thread; none may be under way. Then committer_take has the result; done is not called. */
void committer_run(struct committer *committer, const struct store_batch *batch);
/* True, once, when the started commit has ended: *ret_result is what store_commit returned, or prepare. */
bool committer_take(struct committer *committer, int *ret_result);

#endif
