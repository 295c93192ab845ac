/* Batches that tell whether one of them is missing or there by half: for the tests that kill the process or the power. */
#ifndef TEST_STORE_NUMBERED_BATCHES_H
#define TEST_STORE_NUMBERED_BATCHES_H

#include "store/store.h"

/* Batch n puts some small records and a large one, and removes those of a batch long ago: a queue. What commit returned. */
int numbered_commit(struct store *store, unsigned batch);
/* Fails the test unless everything up to last is whole and the batch after it is whole or not there, with nothing else in the
 * store. Returns the last batch found. */
unsigned numbered_check(struct store *store, unsigned last);

#endif
