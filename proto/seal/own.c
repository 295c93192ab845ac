#include "seal/own.h"

#include "seal/cleanup.h"
#include "seal/private_key.h"
#include "seal/refuse.h"

#include <openssl/err.h>
#include <openssl/pem.h>

static int refuse_validity(const char *path, const char *what, const ASN1_TIME *time, char *reterr_text, size_t reterr_size)
{
    char text[64] = "?";
    CLEANUP(bio_freep) BIO *printed = BIO_new(BIO_s_mem());
    if (printed && ASN1_TIME_print_ex(printed, time, ASN1_DTFLGS_ISO8601) == 1) {
        int size = BIO_read(printed, text, sizeof text - 1);
        text[size > 0 ? size : 0] = '\0';
    }
    ERR_clear_error();
    return keyring_refuse(reterr_text, reterr_size, "certificate %s %s %s, by this machine's clock", path, what, text);
}

static int judge(const char *path, X509 *x509, const struct trust *trust, char *reterr_text, size_t reterr_size)
{
    const ASN1_TIME *begins = X509_get0_notBefore(x509), *ends = X509_get0_notAfter(x509);
    enum trust_verdict verdict = trust_judge(trust, x509);
    if (verdict == TRUST_FOREIGN) return keyring_refuse(reterr_text, reterr_size, "certificate %s was not issued by the CA", path);
    if (verdict == TRUST_REVOKED) return keyring_refuse(reterr_text, reterr_size, "certificate %s is revoked", path);
    if (X509_cmp_current_time(begins) > 0) return refuse_validity(path, "is not in force before", begins, reterr_text, reterr_size);
    if (X509_cmp_current_time(ends) < 0) return refuse_validity(path, "has ended on", ends, reterr_text, reterr_size);
    return 0;
}

static int load_certificate(struct own *own, const char *path, const struct trust *trust, char *reterr_text, size_t reterr_size)
{
    CLEANUP(bio_freep) BIO *file = BIO_new_file(path, "rb");
    CLEANUP(x509_freep) X509 *x509 = file ? PEM_read_bio_X509(file, NULL, NULL, (char[]){ "" }) : NULL;
    if (!x509) return keyring_refuse(reterr_text, reterr_size, "certificate %s", path);
    int size = i2d_X509(x509, &own->der);
    if (size <= 0 || (size_t)size > CERTIFICATE_SIZE_MAX) return keyring_refuse(reterr_text, reterr_size, "certificate %s is larger than 16 KiB", path);
    own->der_size = (size_t)size;
    if (!certificate_read(x509, qiao_bytes(own->der, own->der_size), &own->certificate))
        return keyring_refuse(reterr_text, reterr_size, "certificate %s is not for signing messages, or does not name one node or member", path);
    if (!own->certificate.scheme->signs)
        return keyring_refuse(reterr_text, reterr_size, "certificate %s: %s keys only verify here; take P-256, Ed25519 or SM2", path, own->certificate.scheme->name);
    return judge(path, x509, trust, reterr_text, reterr_size);
}

/* A signature that the certificate verifies is the one proof that holds for keys in tokens too, and shows that the token signs. */
static int try_key(const struct own *own, const struct keyring_options *options, char *reterr_text, size_t reterr_size)
{
    uint8_t signature[SEAL_SIGNATURE_SIZE];
    struct qiao_bytes message = qiao_bytes_from_string("qiao: does this key belong to this certificate?");
    const struct signature_scheme *scheme = signature_scheme_of(own->key), *expected = own->certificate.scheme;
    if (scheme != expected)
        return keyring_refuse(reterr_text, reterr_size, "key %.*s does not belong to the certificate, which is %s", (int)strcspn(options->key_file, "?"),
                              options->key_file, expected->name);
    if (signature_make(scheme, own->key, SIGNATURE_SM2_ID, message, signature) != 0)
        return keyring_refuse(reterr_text, reterr_size, "key %.*s does not sign", (int)strcspn(options->key_file, "?"), options->key_file);
    if (!signature_check(scheme, own->certificate.key, SIGNATURE_SM2_ID, message, qiao_bytes(signature, sizeof signature)))
        return keyring_refuse(reterr_text, reterr_size, "key %.*s does not belong to the certificate", (int)strcspn(options->key_file, "?"), options->key_file);
    return 0;
}

int own_init(struct own *own, const struct keyring_options *options, const struct trust *trust, char *reterr_text, size_t reterr_size)
{
    *own = (struct own){ 0 };
    ERR_clear_error();
    int rc = load_certificate(own, options->certificate_file, trust, reterr_text, reterr_size);
    if (rc == 0) rc = private_key_load(options, &own->key, reterr_text, reterr_size);
    if (rc == 0) rc = try_key(own, options, reterr_text, reterr_size);
    if (rc == 0) own->signing = signature_begin(own->certificate.scheme, own->key, options->sm2_signer_id ? options->sm2_signer_id : SIGNATURE_SM2_ID, SIGNATURE_MAKE);
    if (rc != 0) own_deinit(own);
    return rc;
}

void own_deinit(struct own *own)
{
    EVP_PKEY_free(own->key);
    EVP_MD_CTX_free(own->signing);
    certificate_deinit(&own->certificate);
    OPENSSL_free(own->der);
    *own = (struct own){ 0 };
}
