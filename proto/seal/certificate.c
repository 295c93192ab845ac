#include "seal/certificate.h"

#include "seal/cleanup.h"
#include "seal/digest.h"
#include "seal/identity.h"

#include <openssl/err.h>
#include <time.h>

struct seal_key_id certificate_id(struct qiao_bytes der)
{
    uint8_t digest[SEAL_DIGEST_SIZE];
    struct seal_key_id id;
    openssl_digest(SEAL_SUITE_INT1, &der, 1, digest);
    memcpy(id.bytes, digest, sizeof id.bytes);
    return id;
}

/* Written again it must be what came: else one certificate could be shown under any number of key ids. */
static bool is_exactly(X509 *x509, struct qiao_bytes der)
{
    unsigned char *again = NULL;
    int size = i2d_X509(x509, &again);
    bool same = size >= 0 && qiao_bytes_equal(qiao_bytes(again, (size_t)size), der);
    OPENSSL_free(again);
    return same;
}

X509 *certificate_parse(struct qiao_bytes der)
{
    const unsigned char *at = der.data;
    if (der.size == 0 || der.size > CERTIFICATE_SIZE_MAX) return NULL;
    X509 *x509 = d2i_X509(NULL, &at, (long)der.size);
    ERR_clear_error();
    if (x509 && is_exactly(x509, der)) return x509;
    X509_free(x509);
    return NULL;
}

void certificate_set_signer_id(X509 *x509)
{
    if (X509_get_signature_nid(x509) != NID_SM2_with_SM3) return;
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    if (id && ASN1_OCTET_STRING_set(id, (const unsigned char *)SIGNATURE_SM2_ID, (int)strlen(SIGNATURE_SM2_ID)) == 1)
        X509_set0_distinguishing_id(x509, id);
    else
        ASN1_OCTET_STRING_free(id);
}

/* Before 1970 counts as 1970. */
static bool time_ms(const ASN1_TIME *from, uint64_t *ret_ms)
{
    struct tm parts;
    if (!from || ASN1_TIME_to_tm(from, &parts) != 1) return false;
    time_t seconds = timegm(&parts);
    *ret_ms = seconds > 0 ? (uint64_t)seconds * 1000 : 0;
    return true;
}

static bool read_validity(const X509 *x509, struct certificate *ret)
{
    if (!time_ms(X509_get0_notBefore(x509), &ret->begins_ms) || !time_ms(X509_get0_notAfter(x509), &ret->ends_ms)) return false;
    ret->ends_ms += 999; /* the last second counts whole (RFC 5280, 4.1.2.5) */
    return true;
}

/* Without the extension every use is allowed (RFC 5280, 4.2.1.3). */
static bool may_sign(X509 *x509)
{
    return X509_check_ca(x509) == 0 && (X509_get_key_usage(x509) & KU_DIGITAL_SIGNATURE) != 0;
}

bool certificate_read(X509 *x509, struct qiao_bytes der, struct certificate *ret)
{
    EVP_PKEY *key = X509_get0_pubkey(x509);
    *ret = (struct certificate){ .id = certificate_id(der), .scheme = key ? signature_scheme_of(key) : NULL };
    bool ok = ret->scheme && may_sign(x509) && read_validity(x509, ret) && identity_read(x509, &ret->identity);
    ERR_clear_error();
    if (!ok) return false;
    EVP_PKEY_up_ref(key);
    ret->key = key;
    return true;
}

void certificate_deinit(struct certificate *certificate)
{
    EVP_PKEY_free(certificate->key);
    certificate->key = NULL;
}
