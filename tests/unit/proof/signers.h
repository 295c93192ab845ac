/* A seal with real digests whose signatures are digests over a name: nobody here tries to break those. */
#ifndef PROOF_SIGNERS_H
#define PROOF_SIGNERS_H

#include "proof/group.h"

enum { SIGNER_NODE, SIGNER_MEMBER, SIGNER_UNKNOWN }; /* node "street" of 990101; member 990101/court; a key that verify does not know */

/* Takes suite INT1 only. */
extern const struct seal signers_seal;
/* The same, and unsigned messages too. */
extern const struct seal signers_lenient;

/* An envelope from 990101/org to 990102/office, with its body's digest. */
void signers_envelope(const char *org, const char *body, uint64_t expires_at_ms, struct buf *raw);
/* count envelopes as one signed group, appended as entries. */
void signers_group(int signer, unsigned suite, const struct buf *raws, uint32_t count, struct buf *entries);
void signers_entry(struct buf *entries, struct qiao_bytes raw);

#endif
