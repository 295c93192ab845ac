/* The Proof field of an envelope (envelope.proto).
 *
 * What the origin signs: "qiao origin 1" 0x00 | suite (1) | signed_at_ms (8) | group size (4) | Merkle root (32), integers big endian.
 * Leaves of the tree are the exact header bytes of the messages; a header holds the digest of its body. */
#ifndef PROOF_PROOF_H
#define PROOF_PROOF_H

#include "proof/merkle.h"

#define PROOF_GROUP_MAX 1024u     /* a stored run of half-kilobyte messages, so that one signature covers it */
#define PROOF_PATH_MAX 10u      /* of a group of that size */
#define PROOF_PATH_STRIDE (2u + SEAL_DIGEST_SIZE) /* siblings stand one behind the other, each a field of its own */
#define PROOF_STATEMENT_SIZE (14u + 1u + 8u + 4u + SEAL_DIGEST_SIZE)
/* The whole field that proof_put_head appends: tag, length, suite, key id, signature, group size, time. */
#define PROOF_HEAD_SIZE 102u

struct proof {
    unsigned suite;                 /* 0: none */
    struct seal_key_id key_id;
    struct qiao_bytes signature;
    uint32_t group_size;            /* messages under the signature */
    uint64_t leaf_index;
    uint64_t signed_at_ms;
    const uint8_t *path;            /* first sibling; the next ones lie PROOF_PATH_STRIDE further each */
    unsigned path_count;            /* 0 and group_size > 1: the head of a whole group, which follows it */
};

/* Reads the content of a Proof; false if it is none that this version takes. */
bool proof_read(struct qiao_bytes bytes, struct proof *ret_proof);

/* Appends a Proof field of PROOF_HEAD_SIZE bytes behind an envelope. What is not known yet is filled in by proof_fill_head. */
void proof_put_head(struct buf *buf);
void proof_fill_head(uint8_t field[PROOF_HEAD_SIZE], enum seal_suite suite, const struct seal_key_id *key_id, const uint8_t signature[SEAL_SIGNATURE_SIZE],
                     uint32_t group_size, uint64_t signed_at_ms);
/* Appends the proof of one message of a group, with its path: it needs its neighbours no longer. head is the group's. */
void proof_put_single(struct buf *buf, const struct proof *head, uint64_t leaf_index, const struct merkle_hash *const *path, unsigned path_count);

void proof_statement(uint8_t ret_statement[PROOF_STATEMENT_SIZE], unsigned suite, uint64_t signed_at_ms, uint32_t group_size, const struct merkle_hash *root);

#endif
