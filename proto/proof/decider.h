/* Who may say how a message ended. Outcomes are signed, so whoever says something is known by name; this is about what is believed.
 *
 * nobody        A check of the copy at hand failed: altered, incomplete, unsigned, or of a signer nobody knows. The sender signed something
 *               else, and the message may be well elsewhere. Somebody hostile needs only to alter a copy to have honest nodes say this.
 * destination   ACCEPTED, DEAD, and every verdict of the recipient: the node of the recipient's area.
 * anybody       What depends on the genuine message and on the place it came to: no route, expired, not allowed by policy or by the register
 *               of organisations, its area voided, its key not in force or of a suite that is not taken, signed too long ago (seal.h says so
 *               of genuine signatures only). Said by a node on the way, which thereby takes the blame. */
#ifndef PROOF_DECIDER_H
#define PROOF_DECIDER_H

#include <stdbool.h>

enum decider { DECIDER_NOBODY, DECIDER_DESTINATION, DECIDER_ANYBODY };

/* status: enum qiao_outcome; code: QIAO_CODE_…, also numbers of newer versions: those are the destination's. */
enum decider decider_of(unsigned status, unsigned code);

/* May a node say so: the destination's, or any other? */
static inline bool decider_is_entitled(unsigned status, unsigned code, bool is_destination)
{
    return decider_of(status, code) >= (is_destination ? DECIDER_DESTINATION : DECIDER_ANYBODY);
}

#endif
