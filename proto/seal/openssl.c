/* Digests, and the seal of those who have no keys. SHA-256's own functions are deprecated for new programs, not gone; EVP costs about twice
 * the digest of a tree node, which is 64 bytes. SM3 is libgcrypt's, which has it in the processor's wide instructions; OpenSSL's is plain C. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "seal/digest.h"

#include <gcrypt.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>

#define PARTS_MAX 8u

/* Only without a library that fits: nothing can be trusted then. */
static void start_gcrypt(void)
{
    if (!gcry_check_version("1.10.0")) abort();
    gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
}

static void digest_sm3(const struct qiao_bytes *parts, size_t parts_count, uint8_t ret_digest[SEAL_DIGEST_SIZE])
{
    gcry_buffer_t buffers[PARTS_MAX];
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_gcrypt);
    assert(parts_count <= PARTS_MAX);
    for (size_t i = 0; i < parts_count; i++) buffers[i] = (gcry_buffer_t){ .len = parts[i].size, .data = (void *)parts[i].data };
    if (gcry_md_hash_buffers(GCRY_MD_SM3, 0, ret_digest, buffers, (int)parts_count) != 0) abort();
}

void openssl_digest(enum seal_suite suite, const struct qiao_bytes *parts, size_t parts_count, uint8_t ret_digest[SEAL_DIGEST_SIZE])
{
    SHA256_CTX context;
    if (suite == SEAL_SUITE_GM1) {
        digest_sm3(parts, parts_count, ret_digest);
        return;
    }
    bool ok = SHA256_Init(&context) == 1;
    for (size_t i = 0; i < parts_count; i++) ok = ok && SHA256_Update(&context, parts[i].data, parts[i].size) == 1;
    if (!ok || SHA256_Final(ret_digest, &context) != 1) abort();
}

static int no_sign(void *context, struct qiao_bytes message, struct seal_key_id *ret_key_id, uint8_t ret_signature[SEAL_SIGNATURE_SIZE])
{
    (void)context;
    (void)message;
    (void)ret_key_id;
    (void)ret_signature;
    return -1;
}

static unsigned no_verify(void *context, enum seal_suite suite, const struct seal_key_id *key_id, uint64_t at_ms, struct qiao_bytes message,
                          struct qiao_bytes signature, struct seal_identity *ret_signer)
{
    (void)context;
    (void)suite;
    (void)key_id;
    (void)at_ms;
    (void)message;
    (void)signature;
    (void)ret_signer;
    return QIAO_CODE_SUITE;
}

static unsigned no_learn(void *context, struct qiao_bytes certificate, struct seal_key_id *ret_key_id)
{
    (void)context;
    (void)certificate;
    (void)ret_key_id;
    return QIAO_CODE_UNKNOWN_KEY;
}

static bool no_certificate(void *context, const struct seal_key_id *id, struct buf *out)
{
    (void)context;
    (void)id;
    (void)out;
    return false;
}

static unsigned no_wrap(void *context, const struct seal_key_id *to, struct qiao_bytes content, struct buf *out, struct seal_identity *ret_holder)
{
    (void)context;
    (void)to;
    (void)content;
    (void)out;
    (void)ret_holder;
    return QIAO_CODE_UNKNOWN_KEY;
}

static unsigned no_unwrap(void *context, struct qiao_bytes wrapped, struct buf *out)
{
    (void)context;
    (void)wrapped;
    (void)out;
    return QIAO_CODE_CANNOT_RECEIVE;
}

const struct seal seal_openssl_digest = { NULL, SEAL_SUITE_NONE, 1u << SEAL_SUITE_NONE, openssl_digest, no_sign, no_verify, no_learn, no_certificate, no_wrap, no_unwrap };
