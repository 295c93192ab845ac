#include "sign.h"

#include "key.h"

#include "seal/cleanup.h"

#include <openssl/err.h>
#include <string.h>

#define SIGNER_ID "1234567812345678" /* GB/T 35276, 10 */
#define SIGNER_ID_SIZE ((int)sizeof SIGNER_ID - 1)

/* EVP_DigestSignInit or EVP_DigestVerifyInit. */
typedef int begin_function(EVP_MD_CTX *context, EVP_PKEY_CTX **of_key, const EVP_MD *digest, ENGINE *engine, EVP_PKEY *key);

/* The caller frees; NULL on failure. */
static EVP_MD_CTX *begin(begin_function *function, EVP_PKEY *key)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *of_key = NULL;
    if (context && function(context, &of_key, pki_key_digest(key), NULL, key) == 1 &&
        (!pki_key_is_sm2(key) || EVP_PKEY_CTX_set1_id(of_key, SIGNER_ID, SIGNER_ID_SIZE) == 1))
        return context;
    EVP_MD_CTX_free(context);
    return NULL;
}

bool pki_sign_certificate(X509 *certificate, EVP_PKEY *key)
{
    CLEANUP(evp_md_ctx_freep) EVP_MD_CTX *context = begin(EVP_DigestSignInit, key);
    return context && X509_sign_ctx(certificate, context) > 0;
}

bool pki_sign_request(X509_REQ *request, EVP_PKEY *key)
{
    CLEANUP(evp_md_ctx_freep) EVP_MD_CTX *context = begin(EVP_DigestSignInit, key);
    return context && X509_REQ_sign_ctx(request, context) > 0;
}

bool pki_sign_revoked(X509_CRL *revoked, EVP_PKEY *key)
{
    CLEANUP(evp_md_ctx_freep) EVP_MD_CTX *context = begin(EVP_DigestSignInit, key);
    return context && X509_CRL_sign_ctx(revoked, context) > 0;
}

/* For who takes ownership of it. NULL on failure. */
static ASN1_OCTET_STRING *signer_id(void)
{
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    if (id && ASN1_OCTET_STRING_set(id, (const unsigned char *)SIGNER_ID, SIGNER_ID_SIZE) == 1)
        return id;
    ASN1_OCTET_STRING_free(id);
    return NULL;
}

bool pki_verify_certificate(X509 *certificate, EVP_PKEY *key)
{
    if (pki_key_is_sm2(key))
        X509_set0_distinguishing_id(certificate, signer_id());
    bool ok = X509_verify(certificate, key) == 1;
    ERR_clear_error();
    return ok;
}

bool pki_verify_request(X509_REQ *request, EVP_PKEY *key)
{
    if (pki_key_is_sm2(key))
        X509_REQ_set0_distinguishing_id(request, signer_id());
    bool ok = X509_REQ_verify(request, key) == 1;
    ERR_clear_error();
    return ok;
}

/* X509_CRL_verify cannot be told a signer id. */
static bool verify_revoked_sm2(X509_CRL *revoked, EVP_PKEY *key)
{
    CLEANUP(evp_md_ctx_freep) EVP_MD_CTX *context = begin(EVP_DigestVerifyInit, key);
    const ASN1_BIT_STRING *signature = NULL;
    unsigned char *content = NULL;
    int size = i2d_re_X509_CRL_tbs(revoked, &content);
    X509_CRL_get0_signature(revoked, &signature, NULL);
    bool ok = context && size > 0 && X509_CRL_get_signature_nid(revoked) == NID_SM2_with_SM3 &&
              EVP_DigestVerify(context, ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature), content, (size_t)size) == 1;
    OPENSSL_free(content);
    return ok;
}

bool pki_verify_revoked(X509_CRL *revoked, EVP_PKEY *key)
{
    bool ok = pki_key_is_sm2(key) ? verify_revoked_sm2(revoked, key) : X509_CRL_verify(revoked, key) == 1;
    ERR_clear_error();
    return ok;
}
