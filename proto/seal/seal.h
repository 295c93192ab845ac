/* Keys, signatures and digests behind one interface, so that nothing above it knows OpenSSL.
 * seal/null.c has none of them, seal/keyring.c is the real one, tests/sim brings one of its own.
 *
 * All calls may come from any thread. Codes are QIAO_CODE_* of qiao/err.h. */
#ifndef SEAL_SEAL_H
#define SEAL_SEAL_H

#include "base/buf.h"

#include <qiao/err.h>
#include <qiao/limits.h>

#define SEAL_DIGEST_SIZE 32u         /* SHA-256 and SM3 */
#define SEAL_KEY_ID_SIZE 16u
#define SEAL_SIGNATURE_SIZE 64u      /* what an own key makes: Ed25519 (RFC 8032), or r and s of 32 bytes each (P-256, SM2) */
#define SEAL_SIGNATURE_SIZE_MAX 512u /* what is verified: RSA of existing government PKI too */

/* INT1: SHA-256 with Ed25519, ECDSA P-256, or (verified only) RSA PKCS #1 v1.5. GM1: SM3 with SM2 (GB/T 32905, GB/T 32918.2). */
enum seal_suite { SEAL_SUITE_NONE = 0, SEAL_SUITE_INT1 = 1, SEAL_SUITE_GM1 = 2, SEAL_SUITES };

/* The first 16 bytes of the SHA-256 of the certificate's DER. */
struct seal_key_id {
    uint8_t bytes[SEAL_KEY_ID_SIZE];
};

/* Who a certificate of the federation's CA speaks for. */
struct seal_identity {
    char name[QIAO_AREA_SIZE_MAX + QIAO_ORG_SIZE_MAX + 2]; /* node id, or area/org of a member: the common name */
    char area[QIAO_AREA_SIZE_MAX + 1];                     /* a node's from urn:qiao:area:… among its names, "" without; a member's own */
    bool member;
};

struct seal {
    void *context;
    enum seal_suite suite;           /* what this side signs with; NONE: it does not sign. Fixed for the life of the process */
    unsigned accepted;               /* suites taken from others, 1 << suite each; NONE among them: what is unsigned is taken too */
    /* Digest of the parts one after the other: SM3 in GM1, else SHA-256. */
    void (*digest)(enum seal_suite suite, const struct qiao_bytes *parts, size_t parts_count, uint8_t ret_digest[SEAL_DIGEST_SIZE]);
    /* Signs with the own key in force, and says which. 0, or negative when there is none or it cannot be used. */
    int (*sign)(void *context, struct qiao_bytes message, struct seal_key_id *ret_key_id, uint8_t ret_signature[SEAL_SIGNATURE_SIZE]);
    /* OK: signature is the key's over message, its suite is accepted here, and its certificate stood at at_ms (milliseconds since
     * 1970); *ret_signer says whose it is. Else UNKNOWN_KEY or SIGNATURE; SUITE, KEY_EXPIRED or KEY_REVOKED of
     * genuine signatures only. */
    unsigned (*verify)(void *context, enum seal_suite suite, const struct seal_key_id *key_id, uint64_t at_ms, struct qiao_bytes message,
                       struct qiao_bytes signature, struct seal_identity *ret_signer);
    /* Takes a certificate (DER) that a peer showed, if the federation's CA issued it, and remembers it. OK, UNKNOWN_KEY (not of this
     * CA, or not readable), KEY_EXPIRED, KEY_REVOKED. */
    unsigned (*learn)(void *context, struct qiao_bytes certificate, struct seal_key_id *ret_key_id);
    /* Appends the DER of a certificate that is known; id NULL: the own one. False if there is none. */
    bool (*certificate)(void *context, const struct seal_key_id *id, struct buf *out);
    /* Encrypts content of at most SEAL_WRAP_SIZE_MAX for the holder of a certificate that is known, and says who that is; appends to out.
     * OK, UNKNOWN_KEY, KEY_REVOKED, CANNOT_RECEIVE, or BUSY when memory or randomness is out. */
    unsigned (*wrap)(void *context, const struct seal_key_id *to, struct qiao_bytes content, struct buf *out, struct seal_identity *ret_holder);
    /* Decrypts what was wrapped for the own key in force; appends to out. OK, CANNOT_RECEIVE (for another key, or the own one cannot),
     * DIGEST (damaged), MALFORMED (nothing that was wrapped). */
    unsigned (*unwrap)(void *context, struct qiao_bytes wrapped, struct buf *out);
};

#define SEAL_WRAP_SIZE_MAX (1000u * 1024u)

static inline void seal_digest(const struct seal *seal, enum seal_suite suite, struct qiao_bytes data, uint8_t ret_digest[SEAL_DIGEST_SIZE])
{
    seal->digest(suite, &data, 1, ret_digest);
}

/* No keys, and a fast digest that is no defence against anybody. For core tests and fuzzers. */
extern const struct seal seal_null;

/* SHA-256 and SM3 by OpenSSL, no keys: a node without a certificate, and members. */
extern const struct seal seal_openssl_digest;

#endif
