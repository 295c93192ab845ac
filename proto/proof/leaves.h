/* The Merkle tree over a file's chunks: whoever has the leaves can check each chunk when it comes. */
#ifndef PROOF_LEAVES_H
#define PROOF_LEAVES_H

#include "codec/attachment.h"
#include "proof/merkle.h"

/* leaves: ATTACHMENT_LEAF_SIZE bytes for each chunk, in order. True if they are as many as a file of this size has, and give its digest. */
bool leaves_fit(const struct seal *seal, const struct attachment_ref *ref, struct qiao_bytes leaves);

/* True if data is that chunk of the file. leaves: of the file, checked; not looked at when it has only one chunk. */
bool leaves_has_chunk(const struct seal *seal, const struct attachment_ref *ref, const uint8_t *leaves, uint32_t index, struct qiao_bytes data);

#endif
