/* A member's own signature on what it sends: one a group of messages, as the session sends them. Sans-I/O. */
#ifndef SDK_SIGN_H
#define SDK_SIGN_H

#include "base/buf.h"
#include "seal/seal.h"

/* Appends the entries of a run (codec/run.h) to out with a proof in the first of each group (proof/group.h). Negative: the key
 * cannot sign. */
int sign_entries(const struct seal *seal, struct qiao_bytes entries, uint64_t wall_ms, struct buf *out);

#endif
