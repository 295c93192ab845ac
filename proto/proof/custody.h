/* Custody of a lane: a hash chain over its units, and what its receiver signs when they are on disk.
 *
 *   chain(0)  32 zero bytes
 *   chain(k)  hash(0x02 || chain(k - 1) || entries of the unit (4) || hash of the unit (32))
 *
 * A receiver signs where the chain stands at a sequence: with that it has taken every message up to it, in that order, with that
 * content. The statement also tells the head of the receiver's audit log, so that neighbours hold each other's history.
 *
 * Signed: "qiao custody 1" 0x00 | suite (1) | receiver, sender (each: length (2), text) | lane (1) | sequence (8) | chain (32) |
 *         at_ms (8) | audit size (8) | audit root (32), integers big endian. */
#ifndef PROOF_CUSTODY_H
#define PROOF_CUSTODY_H

#include "proof/merkle.h"

struct custody {
    const char *receiver, *sender;  /* node ids */
    unsigned lane;
    uint64_t sequence;
    struct merkle_hash chain;
    uint64_t at_ms;                 /* milliseconds since 1970 */
    uint64_t audit_size;
    struct merkle_hash audit_root;
};

/* One unit further. hash of an ended message: 32 zero bytes. */
void custody_chain_add(const struct seal *seal, enum seal_suite suite, struct merkle_hash *chain, uint32_t count, const struct merkle_hash *hash);
/* Appends the bytes that are signed. */
void custody_statement(struct buf *buf, enum seal_suite suite, const struct custody *custody);

#endif
