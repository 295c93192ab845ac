/* Certificates of recipients: read, may they receive, what are they called in a container, whose are they. */
#include "seal/sealed.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <string.h>

#define CERTIFICATE_SIZE_MAX (64u * 1024u)

/* Which keys receive, and what a keyUsage must have one of (RFC 5280 4.2.1.3). */
static const struct {
    const char *type, *group;
    int bits_min, bits_max;
    uint32_t usage;
    enum qiao_sealed_suite suite;
} receivers[] = {
    { "EC", "prime256v1", 256, 256, KU_KEY_AGREEMENT, QIAO_SEALED_SUITE_INT1 },
    { "RSA", NULL, 2048, 8192, KU_KEY_ENCIPHERMENT, QIAO_SEALED_SUITE_INT1 },
    { "SM2", NULL, 256, 256, KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT | KU_KEY_AGREEMENT, QIAO_SEALED_SUITE_GM1 },
};

#define RECEIVERS (sizeof receivers / sizeof receivers[0])

static size_t receiver_of(const EVP_PKEY *key)
{
    size_t i = 0;
    for (; i < RECEIVERS; i++) {
        char group[64] = "";
        if (!EVP_PKEY_is_a(key, receivers[i].type)) continue;
        if (receivers[i].group && (!EVP_PKEY_get_group_name(key, group, sizeof group, NULL) || OBJ_txt2nid(group) != OBJ_txt2nid(receivers[i].group))) continue;
        if (EVP_PKEY_get_bits(key) >= receivers[i].bits_min && EVP_PKEY_get_bits(key) <= receivers[i].bits_max) break;
    }
    return i;
}

static X509 *read_pem_or_der(struct qiao_bytes encoded)
{
    const uint8_t *at = encoded.data;
    if (encoded.size == 0 || encoded.size > CERTIFICATE_SIZE_MAX) return NULL;
    if (encoded.data[0] == DER_SEQUENCE) {
        X509 *x509 = d2i_X509(NULL, &at, (long)encoded.size);
        if (!x509 || at == encoded.data + encoded.size) return x509;
        X509_free(x509);
        return NULL;
    }
    BIO *bio = BIO_new_mem_buf(encoded.data, (int)encoded.size);
    X509 *x509 = bio ? PEM_read_bio_X509(bio, NULL, NULL, (char[]){ "" }) : NULL;
    BIO_free(bio);
    return x509;
}

/* Issuer, serial and subject key id, one behind the other. */
static bool read_names(struct sealed_certificate *to)
{
    uint8_t *issuer = NULL, *serial = NULL, *der = NULL;
    int issuer_size = i2d_X509_NAME(X509_get_issuer_name(to->x509), &issuer), serial_size = i2d_ASN1_INTEGER(X509_get0_serialNumber(to->x509), &serial);
    int der_bytes = i2d_X509(to->x509, &der);
    const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(to->x509);
    bool ok = issuer_size > 0 && serial_size > 2 && der_bytes > 0;
    if (ok) {
        struct der_item number;
        struct der_reader r = der_reader(qiao_bytes(serial, (size_t)serial_size));
        uint8_t digest[SHA256_DIGEST_LENGTH];
        ok = der_expect(&r, DER_INTEGER, &number) && EVP_Digest(der, (size_t)der_bytes, digest, NULL, EVP_sha256(), NULL) == 1;
        size_t id_size = id ? (size_t)ASN1_STRING_length(id) : 0, serial_at = (size_t)issuer_size, id_at = serial_at + number.content.size;
        memcpy(to->key_id.bytes, digest, SEAL_KEY_ID_SIZE);
        buf_append(&to->names, issuer, (size_t)issuer_size);
        buf_append(&to->names, number.content.data, number.content.size);
        if (id) buf_append(&to->names, ASN1_STRING_get0_data(id), id_size);
        to->issuer = qiao_bytes(to->names.data, serial_at);
        to->serial = qiao_bytes(to->names.data + serial_at, number.content.size);
        to->subject_key_id = qiao_bytes(to->names.data + id_at, id_size);
    }
    OPENSSL_free(issuer);
    OPENSSL_free(serial);
    OPENSSL_free(der);
    return ok;
}

enum qiao_sealed_result sealed_certificate_init(struct sealed_certificate *certificate, struct qiao_bytes encoded)
{
    *certificate = (struct sealed_certificate){ .x509 = read_pem_or_der(encoded) };
    certificate->public_key = certificate->x509 ? X509_get0_pubkey(certificate->x509) : NULL;
    bool ok = certificate->public_key && read_names(certificate);
    ERR_clear_error();
    if (!ok) {
        sealed_certificate_deinit(certificate);
        return QIAO_SEALED_CERTIFICATE;
    }
    size_t receiver = receiver_of(certificate->public_key);
    certificate->suite = receiver < RECEIVERS ? receivers[receiver].suite : QIAO_SEALED_SUITE_ANY;
    return QIAO_SEALED_DONE;
}

void sealed_certificate_deinit(struct sealed_certificate *certificate)
{
    X509_free(certificate->x509);
    buf_deinit(&certificate->names);
    *certificate = (struct sealed_certificate){ 0 };
}

enum qiao_sealed_result sealed_certificate_check(const struct sealed_certificate *certificate, uint64_t at_ms)
{
    size_t receiver = receiver_of(certificate->public_key);
    if (receiver == RECEIVERS) return QIAO_SEALED_CANNOT_RECEIVE;
    if (!(X509_get_key_usage(certificate->x509) & receivers[receiver].usage)) return QIAO_SEALED_USAGE; /* without the extension all bits are set */
    time_t at = (time_t)(at_ms / 1000);
    if (at_ms > 0 && (X509_cmp_time(X509_get0_notBefore(certificate->x509), &at) >= 0 || X509_cmp_time(X509_get0_notAfter(certificate->x509), &at) <= 0)) return QIAO_SEALED_PERIOD;
    return QIAO_SEALED_DONE;
}

struct qiao_sealed_recipient sealed_certificate_name(const struct sealed_certificate *certificate)
{
    if (certificate->suite == QIAO_SEALED_SUITE_GM1) return (struct qiao_sealed_recipient){ .key_id = qiao_bytes(certificate->key_id.bytes, SEAL_KEY_ID_SIZE) };
    return (struct qiao_sealed_recipient){ .issuer = certificate->issuer, .serial = certificate->serial };
}

/* To the byte: OpenSSL compares names without regard to case, and what may be altered without effect is a way to mark a message. */
bool sealed_certificate_is(const struct sealed_certificate *certificate, enum qiao_sealed_suite suite, const struct qiao_sealed_recipient *name)
{
    if (certificate->suite != suite) return false;
    if (name->key_id.size == 0) return qiao_bytes_equal(name->issuer, certificate->issuer) && qiao_bytes_equal(name->serial, certificate->serial);
    return qiao_bytes_equal(name->key_id, suite == QIAO_SEALED_SUITE_GM1 ? qiao_bytes(certificate->key_id.bytes, SEAL_KEY_ID_SIZE) : certificate->subject_key_id);
}

/* ---- whose is it? ---- */

#define MEMBER_URI "urn:qiao:member:"

/* The values that name an organisation in one way. Several of one kind say nothing certain. */
struct naming {
    struct buf value;
    unsigned count;
};

static void name_deinit(struct naming *naming) { buf_deinit(&naming->value); }
#define naming_auto __attribute__((cleanup(name_deinit))) struct naming

static void take_name(struct naming *naming, struct qiao_bytes value)
{
    naming->count++;
    naming->value.size = 0;
    buf_append(&naming->value, value.data, value.size);
}

static void find_subject(const X509 *x509, int nid, struct naming *ret_naming)
{
    const X509_NAME *subject = X509_get_subject_name(x509);
    for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, nid, at)) >= 0;) {
        uint8_t *text = NULL;
        int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
        if (size > 0) take_name(ret_naming, qiao_bytes(text, (size_t)size));
        OPENSSL_free(text);
    }
}

static void find_member(const X509 *x509, struct naming *ret_naming)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    size_t prefix = strlen(MEMBER_URI);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_URI) continue;
        struct qiao_bytes uri = qiao_bytes(ASN1_STRING_get0_data(name->d.uniformResourceIdentifier), (size_t)ASN1_STRING_length(name->d.uniformResourceIdentifier));
        if (uri.size > prefix && memcmp(uri.data, MEMBER_URI, prefix) == 0) take_name(ret_naming, uri);
    }
    GENERAL_NAMES_free(names);
}

static bool same_name(const struct naming *a, const struct naming *b)
{
    return a->count == b->count && a->count <= 1 && qiao_bytes_equal(buf_bytes(&a->value), buf_bytes(&b->value));
}

bool sealed_same_organisation(const X509 *a, const X509 *b)
{
    naming_auto identifier_a = { 0 };
    naming_auto identifier_b = { 0 };
    naming_auto name_a = { 0 };
    naming_auto name_b = { 0 };
    naming_auto member_a = { 0 };
    naming_auto member_b = { 0 };
    find_subject(a, NID_organizationIdentifier, &identifier_a);
    find_subject(b, NID_organizationIdentifier, &identifier_b);
    if (identifier_a.count > 0 && identifier_b.count > 0) return same_name(&identifier_a, &identifier_b);
    find_subject(a, NID_organizationName, &name_a);
    find_subject(b, NID_organizationName, &name_b);
    find_member(a, &member_a);
    find_member(b, &member_b);
    return name_a.count + member_a.count > 0 && same_name(&name_a, &name_b) && same_name(&member_a, &member_b);
}
