/* The audit log of a node: a Merkle log in the shape of RFC 9162, 2.1, whose leaves are packed AuditRecords (schema/audit.proto), and the
 * statement by which the node answers for it. Neighbours hold heads of it too: every custody receipt tells one (custody.h).
 *
 * Signed: "qiao audit 1" 0x00 | suite of the signature (1) | suite of the log (1) | node: length (2), text | size (8) | root (32) |
 *         at_ms (8), integers big endian. */
#ifndef PROOF_AUDIT_H
#define PROOF_AUDIT_H

#include "proof/merkle.h"

/* AuditKind of schema/audit.proto, where the fields of each are told. */
enum audit_kind {
    AUDIT_NOTHING = 0,
    AUDIT_START = 1,
    AUDIT_KEYS = 2,
    AUDIT_LINK_UP = 3,
    AUDIT_LINK_DOWN = 4,
    AUDIT_ATTEMPT = 5,
    AUDIT_ATTEMPTS_LEFT_OUT = 6,
    AUDIT_TAKEN = 7,
    AUDIT_RESUMED = 8,
    AUDIT_SIGNED = 9,
    AUDIT_QUEUED = 10,
    AUDIT_RECEIPT_GIVEN = 11,
    AUDIT_RECEIPT_TAKEN = 12,
    AUDIT_ENDED = 13,
    AUDIT_OUTCOMES = 14,
    AUDIT_OUTCOMES_TAKEN = 15,
    AUDIT_QUARANTINED = 16,
    AUDIT_NOT_BELIEVED = 17,
    AUDIT_DEAD_RETRIED = 18,
    AUDIT_DEAD_DISCARDED = 19,
};

struct audit_head {
    const char *node;
    enum seal_suite log_suite;
    uint64_t size;
    struct merkle_hash root;
    uint64_t at_ms;                 /* milliseconds since 1970 */
};

/* Appends the bytes that are signed with suite. */
void audit_statement(struct buf *buf, enum seal_suite suite, const struct audit_head *head);

#endif
