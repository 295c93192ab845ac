/* That a log only grew: a proof from the root at one size to the root at a later one (RFC 9162, 2.1.4). */
#ifndef PROOF_CONSISTENCY_H
#define PROOF_CONSISTENCY_H

#include "proof/merkle.h"

/* More than a log of 2^64 leaves needs. */
#define CONSISTENCY_MAX 130u

/* RFC 9162, 2.1.4.1, from all leaves: the hashes for 0 < old_size <= new_size; returns their number. */
unsigned merkle_consistency(const struct seal *seal, enum seal_suite suite, const struct merkle_hash *leaves, uint64_t old_size, uint64_t new_size,
                            struct merkle_hash ret_proof[CONSISTENCY_MAX]);
/* RFC 9162, 2.1.4.2. */
bool merkle_is_consistent(const struct seal *seal, enum seal_suite suite, uint64_t old_size, const struct merkle_hash *old_root, uint64_t new_size,
                          const struct merkle_hash *new_root, const struct merkle_hash *proof, unsigned proof_count);
/* The siblings from leaf to root of a log's leaf (RFC 9162, 2.1.3.1), without room for the whole tree; returns their number. */
unsigned merkle_inclusion(const struct seal *seal, enum seal_suite suite, const struct merkle_hash *leaves, uint64_t size, uint64_t index,
                          struct merkle_hash ret_path[64]);

#endif
