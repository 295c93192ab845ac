/* Digests by OpenSSL, for seal/openssl.c and seal/keyring.c. */
#ifndef SEAL_DIGEST_H
#define SEAL_DIGEST_H

#include "seal/seal.h"

/* seal->digest of both real implementations. */
void openssl_digest(enum seal_suite suite, const struct qiao_bytes *parts, size_t parts_count, uint8_t ret_digest[SEAL_DIGEST_SIZE]);

#endif
