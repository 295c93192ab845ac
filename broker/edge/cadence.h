/* When the next commit begins, and on which thread. Pure: time is an argument.
 *
 * A commit costs a flush of the disk, and a flush takes about as long for one message as for hundreds. A message waits for nothing; what
 * has nobody waiting for it, outcomes and acknowledgements, goes along with the next message when messages come often enough that one
 * is due in a moment. A signing commit with a slow key waits for company too. What comes after a pause goes at once. */
#ifndef EDGE_CADENCE_H
#define EDGE_CADENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CADENCE_URGENT 4u

struct cadence {
    uint32_t signature_interval_ms;     /* commits that sign come this far apart; 0: the key is quick */
    uint64_t began_us, signed_us;       /* the last commit, and the last that signed */
    uint64_t took_us;
    uint64_t urgent_us[CADENCE_URGENT]; /* when the last urgent ones began, in turns */
    unsigned urgent_next;
};

/* What is ready to be committed. */
struct cadence_batch {
    size_t bytes;
    bool urgent; /* holds a message on its way */
    bool signs;
    bool closed; /* nothing more joins it: it is full, or the node stops */
};

/* signature_us: what one takes with the own key. */
void cadence_init(struct cadence *cadence, uint64_t signature_us);
/* How long the batch is to wait, 0: not at all. It may well go earlier, when something urgent joins it. */
uint32_t cadence_wait_ms(const struct cadence *cadence, const struct cadence_batch *batch, uint64_t now_us);
/* The commit is likely over sooner than another thread would have begun it. A disk that hangs all at once holds the loop up once: then the
 * node can take nothing, and says nothing until the commit is over; its peers take it for away. */
bool cadence_is_brief(const struct cadence *cadence, const struct cadence_batch *batch);
void cadence_begins(struct cadence *cadence, const struct cadence_batch *batch, uint64_t now_us);
/* quick: the next one may well take as long; it was not refused, and the store has no work of its own that a commit could wait for. */
void cadence_ended(struct cadence *cadence, bool quick, uint64_t now_us);

#endif
