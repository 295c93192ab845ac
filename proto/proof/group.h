/* A run of messages (a frame's, or a stored one) taken apart into units, and checked.
 *
 * unit             entries   hash
 * whole group      n         Merkle root over the headers; the first entry carries the proof
 * single message   1         Merkle leaf of its header; it carries its proof, or none
 * ended message    1         32 zero bytes: the entry is empty
 *
 * The hash of a message alone and the root of its group stand for the same content in proofs: the path leads from one to the other. */
#ifndef PROOF_GROUP_H
#define PROOF_GROUP_H

#include "codec/envelope.h"
#include "proof/proof.h"

struct group_unit {
    uint32_t first, count;          /* entries */
    bool whole;                     /* a group of more than one, all here and in order */
    bool one_way;                   /* whole, and nothing in its headers can part it: one destination and lane, no expiry (only with check) */
    size_t bytes;                   /* of its entries */
    unsigned code;                  /* QIAO_CODE of the proof: OK, UNSIGNED, SIGNATURE, UNKNOWN_KEY, … */
    struct merkle_hash hash;
    struct proof proof;             /* suite 0: none; the signature borrows from the entries */
    uint32_t signer;                /* of a proof that is OK: place in group_batch.signers */
    size_t nodes;                   /* whole: where its tree begins in group_batch.nodes */
    bool ended;
};

struct group_message {
    struct qiao_bytes raw;          /* borrows from the entries; empty: ended */
    unsigned code;                  /* of the unit, or its own: MALFORMED, DIGEST, FORGED */
    uint32_t unit;
    struct merkle_hash leaf;
    uint32_t kind;                  /* with check: what the signer has to be entitled to */
    struct qiao_bytes area, org;
};

struct group_batch {
    struct group_message *messages;
    uint32_t messages_count;
    struct group_unit *units;
    uint32_t units_count, units_capacity;
    struct merkle_hash *nodes;
    size_t nodes_count;
    struct seal_identity *signers;
    uint32_t signers_count, signers_capacity;
};

void group_batch_deinit(struct group_batch *batch);

/* Takes apart `count` entries (protobuf field 1 each, codec/run.h) and computes the units' hashes; with check also signatures, bodies'
 * digests, and whether the signer may speak for the source. False if there are not `count` entries, or a group is not whole. */
bool group_open(const struct seal *seal, struct qiao_bytes entries, uint32_t count, bool check, struct group_batch *ret_batch);

/* Appends the proof with which a message of a whole group stands alone. */
void group_put_single(struct buf *buf, const struct group_batch *batch, uint32_t message);

/* May the signer speak for this source? Its own certificate's name, or the node of the source's area for members without keys.
 * Receipts are made by whichever node decided. */
bool group_may_speak(const struct seal_identity *signer, uint32_t kind, struct qiao_bytes area, struct qiao_bytes org);

#endif
