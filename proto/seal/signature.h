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

enum signature_use { SIGNATURE_MAKE, SIGNATURE_CHECK };

/* A context for one signature to be made or checked with this key; owned by the caller, NULL if it cannot be. */
EVP_MD_CTX *signature_begin(const struct signature_scheme *scheme, EVP_PKEY *key, const char *signer_id, enum signature_use use);
/* Another one for the same key. Beginning looks every algorithm up by its name in OpenSSL 3.0, copying does not. NULL if there is
 * nothing to copy, or the key is a token's, where each is begun anew. */
EVP_MD_CTX *signature_begin_again(const EVP_MD_CTX *begun);
/* Both use the context up. Like signature_make and signature_check, which begin themselves. */
int signature_make_begun(const struct signature_scheme *scheme, EVP_MD_CTX *context, struct qiao_bytes message, uint8_t ret_signature[SEAL_SIGNATURE_SIZE]);
bool signature_check_begun(const struct signature_scheme *scheme, EVP_MD_CTX *context, struct qiao_bytes message, struct qiao_bytes signature);
/* 0, or -1 when the key (or the token that holds it) does not sign. */
int signature_make(const struct signature_scheme *scheme, EVP_PKEY *key, const char *signer_id, struct qiao_bytes message,
                   uint8_t ret_signature[SEAL_SIGNATURE_SIZE]);
bool signature_check(const struct signature_scheme *scheme, EVP_PKEY *key, const char *signer_id, struct qiao_bytes message,
                     struct qiao_bytes signature);
/* The same for a signature as X.509 has it: DER where signature_check wants r and s. */
bool signature_check_der(const struct signature_scheme *scheme, EVP_PKEY *key, const char *signer_id, struct qiao_bytes message,
                         struct qiao_bytes signature);

#endif
