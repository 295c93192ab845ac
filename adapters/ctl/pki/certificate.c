#include "certificate.h"

#include "files.h"
#include "key.h"
#include "report.h"
#include "sign.h"

#include "seal/cleanup.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#define CLOCK_SKEW_SECONDS 300 /* validity starts a little in the past: clocks differ */

/* Random, so that nobody can foresee it and no counter need be kept. */
static bool set_serial(X509 *certificate)
{
    CLEANUP(bignum_freep) BIGNUM *number = BN_new();
    return number && BN_rand(number, 128, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) && BN_set_bit(number, 0) &&
           BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
}

static bool set_validity(X509 *certificate, long days)
{
    return X509_gmtime_adj(X509_getm_notBefore(certificate), -CLOCK_SKEW_SECONDS) &&
           X509_time_adj_ex(X509_getm_notAfter(certificate), (int)days, 0, NULL);
}

static bool set_name(X509_NAME *name, const char *text)
{
    return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0);
}

struct extension {
    int nid;
    const char *value;             /* NULL: left out */
};

static X509_EXTENSION *make_extension(X509V3_CTX *context, const struct extension *extension)
{
    char value[PKI_REACH_SIZE + 256];
    (void)snprintf(value, sizeof value, "%s", extension->value);
    return X509V3_EXT_conf_nid(NULL, context, extension->nid, value);
}

static bool add_extensions(X509 *certificate, const X509 *issuer, const struct extension *extensions, size_t count)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, (X509 *)(uintptr_t)issuer, certificate, NULL, NULL, 0);
    for (size_t i = 0; i < count; i++) {
        if (!extensions[i].value)
            continue;
        X509_EXTENSION *made = make_extension(&context, &extensions[i]);
        int added = made ? X509_add_ext(certificate, made, -1) : 0;
        X509_EXTENSION_free(made);
        if (!added)
            return false;
    }
    return true;
}

X509 *pki_certificate_authority(const char *name, EVP_PKEY *key, long days)
{
    static const struct extension extensions[] = {
        { NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
        { NID_key_usage, "critical,keyCertSign,cRLSign" },
        { NID_subject_key_identifier, "hash" },
    };
    CLEANUP(x509_freep) X509 *made = X509_new();
    if (!made || !X509_set_version(made, X509_VERSION_3) || !set_serial(made) || !set_validity(made, days) || !set_name(X509_get_subject_name(made), name) ||
        !X509_set_issuer_name(made, X509_get_subject_name(made)) || !X509_set_pubkey(made, key) || !add_extensions(made, made, extensions, 3) ||
        !pki_sign_certificate(made, key)) {
        pki_complain_crypto("the authority's certificate cannot be made");
        return NULL;
    }
    X509 *ret = made;
    made = NULL;
    return ret;
}

/* SM2 keys are sent keys too (GB/T 32918.4). */
static const char *usage_of(const EVP_PKEY *key)
{
    if (pki_key_is_sm2(key))
        return "critical,digitalSignature,keyEncipherment,keyAgreement";
    return pki_key_can_agree(key) ? "critical,digitalSignature,keyAgreement" : "critical,digitalSignature";
}

static const char *extended_usage_of(const struct pki_identity *identity)
{
    return identity->type == PKI_NODE ? "serverAuth,clientAuth" : "clientAuth";
}

static bool fill_issued(X509 *made, const struct pki_signer *signer, const struct pki_identity *identity, const struct pki_reach *reach, EVP_PKEY *key, long days)
{
    char alternative[PKI_REACH_SIZE + 256], own[256];
    pki_identity_names(identity, own, sizeof own);
    (void)snprintf(alternative, sizeof alternative, "%s%s%s", own, reach->names[0] ? "," : "", reach->names);
    const struct extension extensions[] = {
        { NID_basic_constraints, "critical,CA:FALSE" },
        { NID_key_usage, usage_of(key) },
        { NID_ext_key_usage, extended_usage_of(identity) },
        { NID_subject_alt_name, alternative },
        { NID_subject_key_identifier, "hash" },
        { NID_authority_key_identifier, "keyid:always" },
        { NID_crl_distribution_points, reach->crl[0] ? reach->crl : NULL },
    };
    const ASN1_TIME *end = X509_get0_notAfter(signer->certificate);
    return X509_set_version(made, X509_VERSION_3) && set_serial(made) && set_validity(made, days) && set_name(X509_get_subject_name(made), identity->name) &&
           (ASN1_TIME_compare(X509_get0_notAfter(made), end) <= 0 || X509_set1_notAfter(made, end)) &&
           X509_set_issuer_name(made, X509_get_subject_name(signer->certificate)) && X509_set_pubkey(made, key) &&
           add_extensions(made, signer->certificate, extensions, sizeof extensions / sizeof extensions[0]) &&
           pki_sign_certificate(made, signer->key);
}

X509 *pki_certificate_issue(const struct pki_signer *signer, const struct pki_identity *identity, const struct pki_reach *reach, EVP_PKEY *key, long days)
{
    CLEANUP(x509_freep) X509 *made = X509_new();
    if (!made || !fill_issued(made, signer, identity, reach, key, days)) {
        pki_complain_crypto("the certificate cannot be made");
        return NULL;
    }
    X509 *ret = made;
    made = NULL;
    return ret;
}

static bool add_requested(X509_REQ *request, const struct pki_identity *identity, const EVP_PKEY *key)
{
    char alternative[256];
    pki_identity_names(identity, alternative, sizeof alternative);
    const struct extension extensions[] = {
        { NID_key_usage, usage_of(key) }, { NID_ext_key_usage, extended_usage_of(identity) }, { NID_subject_alt_name, alternative }
    };
    STACK_OF(X509_EXTENSION) *wanted = sk_X509_EXTENSION_new_null();
    X509V3_CTX context;
    X509V3_set_ctx(&context, NULL, NULL, request, NULL, 0);
    bool ok = wanted != NULL;
    for (size_t i = 0; ok && i < sizeof extensions / sizeof extensions[0]; i++) {
        X509_EXTENSION *made = make_extension(&context, &extensions[i]);
        ok = made && sk_X509_EXTENSION_push(wanted, made) > 0;
        if (!ok)
            X509_EXTENSION_free(made);
    }
    ok = ok && X509_REQ_add_extensions(request, wanted);
    sk_X509_EXTENSION_pop_free(wanted, X509_EXTENSION_free);
    return ok;
}

X509_REQ *pki_request_new(const struct pki_identity *identity, EVP_PKEY *key)
{
    CLEANUP(x509_req_freep) X509_REQ *made = X509_REQ_new();
    if (!made || !X509_REQ_set_version(made, X509_REQ_VERSION_1) || !set_name(X509_REQ_get_subject_name(made), identity->name) ||
        !X509_REQ_set_pubkey(made, key) || !add_requested(made, identity, key) || !pki_sign_request(made, key)) {
        pki_complain_crypto("the request cannot be made");
        return NULL;
    }
    X509_REQ *ret = made;
    made = NULL;
    return ret;
}

X509 *pki_certificate_read(const char *path)
{
    CLEANUP(bio_freep) BIO *content = pki_file_read(path);
    X509 *read = content ? PEM_read_bio_X509(content, NULL, NULL, (char[]){ "" }) : NULL;
    if (content && !read)
        pki_complain("%s: expected a certificate in PEM", path);
    ERR_clear_error();
    return read;
}

X509_REQ *pki_request_read(const char *path)
{
    CLEANUP(bio_freep) BIO *content = pki_file_read(path);
    X509_REQ *read = content ? PEM_read_bio_X509_REQ(content, NULL, NULL, (char[]){ "" }) : NULL;
    if (content && !read)
        pki_complain("%s: expected a certificate request in PEM", path);
    ERR_clear_error();
    return read;
}

int pki_certificate_write(const char *path, X509 *certificate, bool replace)
{
    CLEANUP(bio_freep) BIO *content = BIO_new(BIO_s_mem());
    if (!content || !PEM_write_bio_X509(content, certificate))
        return pki_complain_crypto("the certificate cannot be written");
    return pki_file_write(path, content, 0644, replace);
}

int pki_request_write(const char *path, X509_REQ *request, bool replace)
{
    CLEANUP(bio_freep) BIO *content = BIO_new(BIO_s_mem());
    if (!content || !PEM_write_bio_X509_REQ(content, request))
        return pki_complain_crypto("the request cannot be written");
    return pki_file_write(path, content, 0644, replace);
}

bool pki_certificate_is_from(X509 *certificate, const X509 *signer)
{
    EVP_PKEY *key = X509_get0_pubkey(signer);
    bool from = key && X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(signer)) == 0 && pki_verify_certificate(certificate, key);
    ERR_clear_error();
    return from;
}
