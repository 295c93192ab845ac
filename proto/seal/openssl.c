#include "seal/seal.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

/* SHA256() looks its algorithm up in the providers at every call, which costs more than digesting a short message. */
static EVP_MD *sha256;
static _Thread_local EVP_MD_CTX *digest_context;
static pthread_key_t context_key;

static void free_context(void *of_thread)
{
    EVP_MD_CTX_free(of_thread);
}

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!sha256 || pthread_key_create(&context_key, free_context) != 0) abort(); /* only without a provider: nothing can be trusted then */
}

static void prepare_thread(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fetch);
    digest_context = EVP_MD_CTX_new();
    if (!digest_context || pthread_setspecific(context_key, digest_context) != 0) abort();
}

static void openssl_digest(struct qiao_bytes data, uint8_t ret_digest[32])
{
    if (!digest_context) prepare_thread();
    if (EVP_DigestInit_ex2(digest_context, sha256, NULL) != 1 || EVP_DigestUpdate(digest_context, data.data, data.size) != 1 ||
        EVP_DigestFinal_ex(digest_context, ret_digest, NULL) != 1)
        abort();
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
