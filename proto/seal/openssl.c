/* SHA-256's own functions are deprecated for new programs, not gone. EVP costs about twice the digest of a tree node: it is 64 bytes. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "seal/digest.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>

static EVP_MD *sm3;
static _Thread_local EVP_MD_CTX *digest_context;
static pthread_key_t context_key;

static void free_context(void *of_thread)
{
    EVP_MD_CTX_free(of_thread);
}

static void fetch(void)
{
    sm3 = EVP_MD_fetch(NULL, "SM3", NULL);
    if (!sm3 || pthread_key_create(&context_key, free_context) != 0) abort(); /* only without a provider: nothing can be trusted then */
}

static void prepare_thread(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fetch);
    digest_context = EVP_MD_CTX_new();
    if (!digest_context || pthread_setspecific(context_key, digest_context) != 0) abort();
}

static void digest_sm3(const struct qiao_bytes *parts, size_t parts_count, uint8_t ret_digest[SEAL_DIGEST_SIZE])
{
    if (!digest_context) prepare_thread();
    bool ok = EVP_DigestInit_ex2(digest_context, sm3, NULL) == 1;
    for (size_t i = 0; i < parts_count; i++) ok = ok && EVP_DigestUpdate(digest_context, parts[i].data, parts[i].size) == 1;
    if (!ok || EVP_DigestFinal_ex(digest_context, ret_digest, NULL) != 1) abort();
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

const struct seal seal_openssl_digest = { NULL, SEAL_SUITE_NONE, 1u << SEAL_SUITE_NONE, openssl_digest, no_sign, no_verify, no_learn, no_certificate };
