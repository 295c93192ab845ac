/* An exported log (AuditExport of schema/audit.proto) read in place and checked: against itself, against the head its node signed, and
 * against the heads that neighbours were given with custody receipts. */
#ifndef PROOF_AUDIT_BOOK_H
#define PROOF_AUDIT_BOOK_H

#include "proof/audit.h"
#include "proof/custody.h"

struct audit_signature {
    enum seal_suite suite;
    struct seal_key_id key_id;
    struct qiao_bytes bytes;
};

struct audit_row {
    uint64_t index;
    struct qiao_bytes leaf, record;
};

/* A custody receipt; its receiver's log is what audit_size and audit_root are about. */
struct audit_receipt {
    struct custody custody;
    char receiver[QIAO_NAME_SIZE_MAX + 1], sender[QIAO_NAME_SIZE_MAX + 1];
    struct audit_signature signature;
};

struct audit_book {
    bool has_head;
    struct audit_head head;
    char node[QIAO_NAME_SIZE_MAX + 1];
    struct audit_signature signature;
    struct audit_row *rows;
    size_t rows_count, rows_capacity;
    struct audit_receipt *receipts;
    size_t receipts_count, receipts_capacity;
    struct qiao_bytes *certificates;
    size_t certificates_count, certificates_capacity;
    struct merkle_hash *leaves;    /* of the records as they are, as far as audit_book_check came */
    size_t leaves_count;
};

struct audit_record {
    uint64_t at_ms, first, last, index;
    unsigned kind, lane, code;
    struct qiao_bytes peer, hash, id, text;
};

enum audit_fault { AUDIT_SOUND, AUDIT_UNREADABLE, AUDIT_MISSING, AUDIT_ALTERED, AUDIT_MOVED, AUDIT_REWRITTEN, AUDIT_CUT_OFF, AUDIT_HEAD_FORGED };

struct audit_finding {
    enum audit_fault fault;
    uint64_t first, last;          /* the record, or between which ones it is */
    bool own_head;                 /* the node's own signed head contradicts it */
    const struct audit_receipt *witness; /* a neighbour's receipt contradicts it; NULL: none */
    uint64_t agreeing;             /* receipts whose head the log has */
    uint64_t unproved;             /* receipts that contradict, but are not signed by who they say */
};

const char *audit_fault_text(enum audit_fault fault);
/* Borrows data. False: it is no export. */
bool audit_book_open(struct qiao_bytes data, struct audit_book *ret_book);
void audit_book_deinit(struct audit_book *book);
/* Makes the certificates in it known; those of another CA stay unknown. */
void audit_book_learn(const struct audit_book *book, const struct seal *seal);
bool audit_record_read(struct qiao_bytes packed, struct audit_record *ret_record);
/* Was the receipt signed by its receiver? */
bool audit_receipt_is_signed(const struct seal *seal, const struct audit_receipt *receipt);
/* Recomputes the tree. witnesses: books with receipts of this node, of neighbours. */
void audit_book_check(struct audit_book *book, const struct seal *seal, const struct audit_book *const *witnesses, size_t witnesses_count, struct audit_finding *ret_finding);
/* Receipts in `holder` that the node of `book` signed, and whose messages its log does not have as taken: what `visit` gets. */
uint64_t audit_book_gaps(const struct audit_book *book, const struct audit_book *holder, const struct seal *seal,
                         void (*visit)(void *context, const struct audit_receipt *receipt), void *context);

#endif
