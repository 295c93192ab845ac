/* The adapter's engine: files in, cases to the node, outcomes back. It does what is due when told to and never waits.
 *
 * Order on disk, which is what makes every row take effect once:
 *   1. the copy of the file       2. journal "seen": the ids of its rows are fixed from here
 *   3. the node acknowledges a row 4. results "submitted"    5. journal "through"    6. journal "done", the file leaves the drop folder
 * After a crash everything behind the last "through" is read again and gets the same ids with the same content; the node answers what it
 * has already with the receipt it gave the first time. */
#ifndef CSV_ADAPTER_H
#define CSV_ADAPTER_H

#include "config.h"
#include "work.h"

#include <qiao/client.h>

struct adapter;

/* Opens the state and the link. 0 or -errno, with a sentence. */
int adapter_new(const struct config *config, struct adapter **ret_adapter, char *reterr_text, size_t reterr_size);
struct adapter *adapter_free(struct adapter *adapter); /* returns NULL */

/* Looks through the drop folder. With at_once also files that have just changed, as long as nobody has them open for writing. Returns the
 * number of files that were too young. Negative: -errno. */
int adapter_scan(struct adapter *adapter, bool at_once);
/* A file of that name has been closed or moved into place. */
void adapter_candidate(struct adapter *adapter, const char *name);

/* Handles what the link has and moves files on. 0, QIAO_CLIENT_REFUSED, or -errno: the process should end, nothing is lost. */
int adapter_step(struct adapter *adapter);
/* Something can be done without news from the link. */
bool adapter_is_busy(const struct adapter *adapter);
/* Every file has been read and every row has its outcome. */
bool adapter_is_idle(const struct adapter *adapter);

/* Lets the node acknowledge what was submitted and notes it. */
int adapter_stop(struct adapter *adapter, int timeout_ms);

struct qiao_client *adapter_client(struct adapter *adapter);
const struct counters *adapter_counters(const struct adapter *adapter);
uint64_t adapter_in_flight(const struct adapter *adapter);

#endif
