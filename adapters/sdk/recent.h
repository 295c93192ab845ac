/* The last messages a session has settled, by names of 16 bytes, so that what a node delivers again after a crash of its own takes effect once.
 * A ring of fixed size with chains by hash; takes memory with the first id. */
#ifndef SDK_RECENT_H
#define SDK_RECENT_H

#include <qiao/id.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Four default windows of deliveries: more than a node can have under way without a durable verdict. */
#define RECENT_IDS 16384u

struct recent_entry {
    struct qiao_id id;
    uint16_t next;               /* in the chain, index + 1 */
};

/* All zero: empty. */
struct recent {
    struct recent_entry *entries; /* owned, RECENT_IDS of them, or NULL */
    uint16_t *heads;             /* owned, index + 1 */
    uint32_t count, oldest;
};

bool recent_has(const struct recent *recent, const struct qiao_id *id);
/* Forgets the oldest when full. */
void recent_add(struct recent *recent, const struct qiao_id *id);
void recent_deinit(struct recent *recent);

#endif
