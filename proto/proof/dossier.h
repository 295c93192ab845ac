/* Checks a proof (schema/dossier.proto): who sent a message, who had it in custody, how it ended. Needs a seal that knows the federation's
 * CA and nothing else; no node, no clock. What it is given may come from anybody.
 *
 * What follows from a good dossier, and from which statement:
 *   origin    its signer sent these header bytes; their body has the digest in the header
 *   custody   at at_ms at the latest the receiver had the message of the sender, behind all that the chain holds before it. A receipt that
 *             was lost is signed again later, so these times tell no order; the names do: each receiver is the next sender
 *   outcome   the last of them, and nobody else, decided; ACCEPTED only the node of the destination's area */
#ifndef PROOF_DOSSIER_H
#define PROOF_DOSSIER_H

#include "proof/custody.h"
#include "proof/proof.h"

#include <qiao/id.h>

/* What is wrong: stable words, and what people read. */
#define DOSSIER_REASON_MAP(X)                                                                       \
    X(GOOD, "everything in it holds")                                                               \
    X(UNREADABLE, "it is no proof that this version reads")                                         \
    X(OTHER_MESSAGE, "a part of it is about another message")                                       \
    X(WRONG_REFERENCE, "a part of it names something that is not there, or not what it is")         \
    X(MODIFIED_DIGEST, "a digest is not that of what it stands for")                                \
    X(MODIFIED_PATH, "the Merkle path does not lead from the leaf to the root")                     \
    X(MODIFIED_CHAIN, "the custody chain does not follow from its units")                           \
    X(MISSING_SIGNATURE, "a signature is missing")                                                  \
    X(UNSIGNED_CHAIN, "a custody chain is not signed by its receiver")                              \
    X(BAD_SIGNATURE, "a signature does not verify")                                                 \
    X(UNKNOWN_KEY, "a certificate is not of this authority")                                        \
    X(KEY_EXPIRED, "a certificate was not in force when it signed")                                 \
    X(KEY_REVOKED, "a certificate is revoked")                                                      \
    X(UNKNOWN_SUITE, "a signature is of a suite that is not known")                                 \
    X(NOT_ENTITLED, "who signed may not say this")                                                  \
    X(HOPS_REORDERED, "the hops are not in the order of the way")                                   \
    X(HOP_REMOVED, "the hops do not connect the sender with who decided: one is missing")           \
    X(TIME_REVERSED, "something was signed before the message was")

enum dossier_reason {
#define X(name, text) DOSSIER_##name,
    DOSSIER_REASON_MAP(X)
#undef X
};

/* "MODIFIED_DIGEST". Static storage. */
const char *dossier_reason_name(enum dossier_reason reason);
const char *dossier_reason_text(enum dossier_reason reason);

struct dossier_options {
    uint64_t clock_skew_ms;        /* by which clocks of two nodes may differ */
    const struct qiao_id *id;      /* it has to be about this message; NULL: about the one it names */
    const struct qiao_bytes *body; /* it has to be this one; NULL: not looked at */
    /* Did the area now take over from the area before, which was voided? NULL: only the node of the area in the header may say how it ended. */
    bool (*took_over)(void *context, struct qiao_bytes before, struct qiao_bytes now);
    void *took_over_context;
};

struct dossier_hop {
    char receiver[QIAO_NAME_SIZE_MAX + 1];
    uint64_t at_ms;
};

struct dossier_verdict {
    enum dossier_reason reason;    /* the first thing that is wrong. What follows is proved only if it is GOOD */
    char where[24];                /* "origin", "custody 2", "outcome" */
    struct qiao_id id;
    bool is_sent;                  /* false: refused before it was signed; all that is known is that its node says so */
    struct seal_identity signer;
    char source[QIAO_ADDRESS_SIZE_MAX + 1], destination[QIAO_ADDRESS_SIZE_MAX + 1]; /* area/org#seat */
    uint32_t kind;
    uint64_t sent_at_ms, signed_at_ms;
    uint8_t body_digest[SEAL_DIGEST_SIZE];
    struct dossier_hop hops[QIAO_HOPS_MAX];
    unsigned hops_count;
    unsigned outcome;              /* enum qiao_outcome; NONE: still open */
    unsigned code;                 /* QIAO_CODE of a refusal */
    uint64_t outcome_at_ms;
    struct seal_identity decider;
};

/* bytes: a Dossier. The seal has to learn certificates (seal/keyring.h, keyring_new_verifier). True if it is good. */
bool dossier_verify(const struct seal *seal, struct qiao_bytes bytes, const struct dossier_options *options, struct dossier_verdict *ret_verdict);

#endif
