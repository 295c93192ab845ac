/* How a key of each kind signs and verifies, and what its signatures look like. */
#ifndef SEAL_SIGNATURE_H
#define SEAL_SIGNATURE_H

#include "seal/seal.h"

#include <openssl/evp.h>

#define SIGNATURE_SM2_ID "1234567812345678" /* GB/T 35276, 10: when nothing else is agreed; always in certificates */

struct signature_scheme {
    const char *name;
    enum seal_suite suite;
    bool signs;                    /* false: verified only */
    bool pair;                     /* r and s, which OpenSSL has as DER (RFC 3279, 2.2.3) and we as 32 bytes each */
    bool signer_id;                /* digested before the message (GB/T 32918.2, 5.5) */
    const EVP_MD *(*digest)(void); /* NULL: the algorithm brings its own */
    bool (*fits)(const EVP_PKEY *key);
};

/* NULL: a key of no kind that we know. */
const struct signature_scheme *signature_scheme_of(const EVP_PKEY *key);
/* 0, or -1 when the key (or the token that holds it) does not sign. */
int signature_make(const struct signature_scheme *scheme, EVP_PKEY *key, const char *signer_id, struct qiao_bytes message,
                   uint8_t ret_signature[SEAL_SIGNATURE_SIZE]);
bool signature_check(const struct signature_scheme *scheme, EVP_PKEY *key, const char *signer_id, struct qiao_bytes message,
                     struct qiao_bytes signature);
/* The same for a signature as X.509 has it: DER where signature_check wants r and s. */
bool signature_check_der(const struct signature_scheme *scheme, EVP_PKEY *key, const char *signer_id, struct qiao_bytes message,
                         struct qiao_bytes signature);

#endif
