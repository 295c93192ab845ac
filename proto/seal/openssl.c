#include "seal/seal.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>

static void openssl_digest(struct qiao_bytes data, uint8_t ret_digest[32])
{
    if (!SHA256(data.data, data.size, ret_digest)) abort(); /* only without a provider: nothing can be trusted then */
}

static int no_sign(void *context, struct qiao_bytes message, uint8_t ret_signature[SEAL_SIGNATURE_SIZE_MAX], size_t *ret_size)
{
    (void)context;
    (void)message;
    (void)ret_signature;
    *ret_size = 0;
    return 0;
}

static bool no_verify(void *context, enum seal_suite suite, struct qiao_bytes key_id, struct qiao_bytes message, struct qiao_bytes signature)
{
    (void)context;
    (void)key_id;
    (void)message;
    return suite == SEAL_SUITE_NONE && signature.size == 0;
}

const struct seal seal_openssl_digest = { SEAL_SUITE_NONE, NULL, openssl_digest, no_sign, no_verify, { NULL, 0 } };
