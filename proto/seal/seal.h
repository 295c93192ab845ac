/* Signing and digests behind one small interface. seal/openssl.c and seal/null.c implement it. */
#ifndef SEAL_SEAL_H
#define SEAL_SEAL_H

#include <qiao/bytes.h>
#include <stdbool.h>

#define SEAL_SIGNATURE_SIZE_MAX 128u

enum seal_suite { SEAL_SUITE_NONE = 0, SEAL_SUITE_INT1 = 1, SEAL_SUITE_GM1 = 2 };

struct seal {
    enum seal_suite suite;      /* what this side signs with */
    void *context;
    /* 32-byte digest of data: SHA-256, or SM3 in suite GM1. Pure; any thread. */
    void (*digest)(struct qiao_bytes data, uint8_t ret_digest[32]);
    /* Signs message; *ret_size <= SEAL_SIGNATURE_SIZE_MAX. 0, or negative when the key cannot be used. */
    int (*sign)(void *context, struct qiao_bytes message, uint8_t ret_signature[SEAL_SIGNATURE_SIZE_MAX], size_t *ret_size);
    /* True if signature is key_id's over message. */
    bool (*verify)(void *context, enum seal_suite suite, struct qiao_bytes key_id, struct qiao_bytes message, struct qiao_bytes signature);
    struct qiao_bytes key_id;
};

/* No keys: empty signatures that only suite NONE accepts, and a fast digest that is no defence against anybody. For core
 * tests, the simulator and fuzzers. */
extern const struct seal seal_null;

/* SHA-256 by OpenSSL, suite NONE: links are proved by their TLS certificates until nodes are given signing keys. */
extern const struct seal seal_openssl_digest;

#endif
