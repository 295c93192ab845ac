/* A Dossier taken apart, nothing checked but shape and sizes. Views into its bytes. */
#ifndef PROOF_DOSSIER_PARTS_H
#define PROOF_DOSSIER_PARTS_H

#include "codec/envelope.h"
#include "proof/proof.h"

#define DOSSIER_CERTIFICATES_MAX 128u

struct signed_header {
    bool present;
    struct qiao_bytes header, leaf, root, key_id, signature;
    uint8_t path[PROOF_PATH_MAX][SEAL_DIGEST_SIZE];
    unsigned path_count;
    uint64_t suite, signed_at_ms, group_size, leaf_index;
};

struct custody_part {
    struct qiao_bytes raw;         /* the units are read from it: dossier_next_unit */
    struct qiao_bytes receiver, sender, chain_before, chain, audit_root, key_id, signature;
    uint64_t lane, sequence, at_ms, audit_size, suite;
};

struct custody_part_unit {
    uint32_t count;
    struct merkle_hash hash;
};

struct dossier_parts {
    uint64_t version;
    struct qiao_bytes message_id;
    struct signed_header origin;
    struct custody_part custody[QIAO_HOPS_MAX];
    unsigned custody_count;
    bool has_outcome;
    struct signed_header receipt;
    struct qiao_bytes receipt_body;
    struct qiao_bytes certificates[DOSSIER_CERTIFICATES_MAX];
    unsigned certificates_count;
};

bool dossier_read(struct qiao_bytes bytes, struct dossier_parts *ret_parts);
/* The next CustodyUnit, or false at the end; *ret_sound becomes false for one that is none. */
bool dossier_next_unit(struct pb_reader *custody, struct custody_part_unit *ret_unit, bool *ret_sound);

/* A Receipt's outcome for one message. */
struct outcome_part {
    struct qiao_bytes node, recipient_area;
    bool names_message, names_leaf; /* there is an outcome with its id; with its id and leaf */
    uint64_t status, code, at_ms;   /* of the latter */
};

/* leaf_size 0: any leaf will do. */
bool dossier_read_outcome(struct qiao_bytes body, const struct qiao_id *id, struct qiao_bytes leaf, struct outcome_part *ret_outcome);

#endif
