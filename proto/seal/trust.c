#include "seal/trust.h"

#include "base/buf.h"
#include "seal/certificate.h"
#include "seal/cleanup.h"
#include "seal/refuse.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <stdatomic.h>

#define AUTH_LEVEL 2 /* 112 bits: no SHA-1, no RSA below 2048 (SSL_CTX_set_security_level(3)) */

struct trust {
    _Atomic unsigned references;
    uint64_t number;
    X509_STORE *store;
    STACK_OF(X509) *authorities;
    STACK_OF(X509_CRL) *revoked;
};

/* By hand for SM2: X509_CRL_verify cannot be told the signer id. */
static bool verify_list_sm2(X509_CRL *list, EVP_PKEY *key)
{
    const struct signature_scheme *scheme = signature_scheme_of(key);
    const ASN1_BIT_STRING *signature = NULL;
    unsigned char *content = NULL;
    int size = i2d_re_X509_CRL_tbs(list, &content);
    X509_CRL_get0_signature(list, &signature, NULL);
    bool ok = size > 0 && scheme && scheme->signer_id &&
              signature_check_der(scheme, key, SIGNATURE_SM2_ID, qiao_bytes(content, (size_t)size),
                                  qiao_bytes(ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature)));
    OPENSSL_free(content);
    return ok;
}

static bool is_signed_by(X509_CRL *list, X509 *authority)
{
    EVP_PKEY *key = X509_get0_pubkey(authority);
    if (!key || X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(authority)) != 0) return false;
    bool by_sm2 = X509_CRL_get_signature_nid(list) == NID_SM2_with_SM3;
    bool ok = by_sm2 ? verify_list_sm2(list, key) : X509_CRL_verify(list, key) == 1;
    ERR_clear_error();
    return ok;
}

static bool is_signed_by_one(const struct trust *trust, X509_CRL *list)
{
    for (int i = 0; i < sk_X509_num(trust->authorities); i++) {
        if (is_signed_by(list, sk_X509_value(trust->authorities, i))) return true;
    }
    return false;
}

/* The end of a PEM file is an error of its own to OpenSSL; any other one is a broken part that must not be passed over. */
static bool is_end_of_file(void)
{
    unsigned long code = ERR_peek_last_error();
    bool end = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
    if (end) ERR_clear_error();
    return end;
}

static bool add_authority(struct trust *trust, X509 *x509)
{
    certificate_set_signer_id(x509);
    if (!sk_X509_push(trust->authorities, x509)) return false;
    X509_up_ref(x509);
    return X509_STORE_add_cert(trust->store, x509) == 1;
}

static int load_authorities(struct trust *trust, const char *path, char *reterr_text, size_t reterr_size)
{
    CLEANUP(bio_freep) BIO *file = BIO_new_file(path, "rb");
    if (!file) return keyring_refuse(reterr_text, reterr_size, "CA %s", path);
    for (;;) {
        CLEANUP(x509_freep) X509 *x509 = PEM_read_bio_X509(file, NULL, NULL, (char[]){ "" });
        if (!x509) break;
        if (X509_check_ca(x509) == 0) return keyring_refuse(reterr_text, reterr_size, "CA %s holds a certificate that is no CA's", path);
        if (!add_authority(trust, x509)) return keyring_refuse(reterr_text, reterr_size, "CA %s", path);
    }
    if (!is_end_of_file()) return keyring_refuse(reterr_text, reterr_size, "CA %s", path);
    if (sk_X509_num(trust->authorities) == 0) return keyring_refuse(reterr_text, reterr_size, "CA %s holds no certificate in PEM", path);
    return 0;
}

static int load_revoked(struct trust *trust, const char *path, char *reterr_text, size_t reterr_size)
{
    CLEANUP(bio_freep) BIO *file = BIO_new_file(path, "rb");
    if (!file) return keyring_refuse(reterr_text, reterr_size, "CRL %s", path);
    for (;;) {
        CLEANUP(x509_crl_freep) X509_CRL *list = PEM_read_bio_X509_CRL(file, NULL, NULL, (char[]){ "" });
        if (!list) break;
        if (!is_signed_by_one(trust, list)) return keyring_refuse(reterr_text, reterr_size, "CRL %s holds a list that no CA in the CA file signed", path);
        if (!sk_X509_CRL_push(trust->revoked, list)) return keyring_refuse(reterr_text, reterr_size, "CRL %s", path);
        list = NULL;
    }
    if (!is_end_of_file()) return keyring_refuse(reterr_text, reterr_size, "CRL %s", path);
    if (sk_X509_CRL_num(trust->revoked) == 0) return keyring_refuse(reterr_text, reterr_size, "CRL %s holds no list in PEM", path);
    return 0;
}

/* Time is not judged here: what was signed by a certificate that stood then is good when the certificate has ended since. */
static bool prepare(struct trust *trust)
{
    X509_VERIFY_PARAM *parameters = trust->store ? X509_STORE_get0_param(trust->store) : NULL;
    if (!parameters || !trust->authorities || !trust->revoked) return false;
    X509_VERIFY_PARAM_set_auth_level(parameters, AUTH_LEVEL);
    return X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_NO_CHECK_TIME) == 1;
}

int trust_new(const char *ca_file, const char *crl_file, struct trust **ret_trust, char *reterr_text, size_t reterr_size)
{
    static _Atomic uint64_t number_last;
    struct trust *trust = base_zalloc(sizeof *trust);
    ERR_clear_error();
    *trust = (struct trust){ 1, ++number_last, X509_STORE_new(), sk_X509_new_null(), sk_X509_CRL_new_null() };
    int rc = prepare(trust) ? 0 : keyring_refuse(reterr_text, reterr_size, "CA %s", ca_file);
    if (rc == 0) rc = load_authorities(trust, ca_file, reterr_text, reterr_size);
    if (rc == 0 && crl_file) rc = load_revoked(trust, crl_file, reterr_text, reterr_size);
    if (rc == 0) *ret_trust = trust;
    else trust_unref(trust);
    return rc;
}

uint64_t trust_number(const struct trust *trust) { return trust->number; }

struct trust *trust_ref(struct trust *trust)
{
    trust->references++;
    return trust;
}

struct trust *trust_unref(struct trust *trust)
{
    if (!trust || --trust->references > 0) return NULL;
    X509_STORE_free(trust->store);
    sk_X509_pop_free(trust->authorities, X509_free);
    sk_X509_CRL_pop_free(trust->revoked, X509_CRL_free);
    free(trust);
    return NULL;
}

static bool is_listed(const struct trust *trust, X509 *x509)
{
    for (int i = 0; i < sk_X509_CRL_num(trust->revoked); i++) {
        X509_CRL *list = sk_X509_CRL_value(trust->revoked, i);
        X509_REVOKED *entry = NULL;
        if (X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_issuer_name(x509)) == 0 && X509_CRL_get0_by_cert(list, &entry, x509) == 1) return true;
    }
    return false;
}

static bool is_chain_listed(const struct trust *trust, STACK_OF(X509) *chain)
{
    for (int i = 0; i < sk_X509_num(chain); i++) {
        if (is_listed(trust, sk_X509_value(chain, i))) return true;
    }
    return false;
}

enum trust_verdict trust_judge(const struct trust *trust, X509 *x509)
{
    CLEANUP(x509_store_ctx_freep) X509_STORE_CTX *context = X509_STORE_CTX_new();
    enum trust_verdict verdict = TRUST_FOREIGN;
    certificate_set_signer_id(x509);
    if (context && X509_STORE_CTX_init(context, trust->store, x509, NULL) == 1 && X509_verify_cert(context) == 1)
        verdict = is_chain_listed(trust, X509_STORE_CTX_get0_chain(context)) ? TRUST_REVOKED : TRUST_GOOD;
    ERR_clear_error();
    return verdict;
}
