#include "codec/sealed_form.h"

#include <qiao/limits.h>

#define BYTES(...) { (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) }
#define OID_SHA1 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a
#define OID_SHA256 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01
#define OID_MGF1 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08
#define OID_OAEP 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07
#define AES256_WRAP 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2d

const struct qiao_bytes sealed_oid_auth_enveloped_data = BYTES(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17); /* RFC 5083 2 */
const struct qiao_bytes sealed_oid_data = BYTES(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01);                       /* RFC 5652 4 */
/* 2.25.103976542319305918643235761036890350325: an identifier from a UUID (ITU-T X.667), which needs no registration. */
const struct qiao_bytes sealed_oid_gm1 = BYTES(0x69, 0x81, 0x9c, 0xb9, 0x93, 0xd5, 0x97, 0xb6, 0xea, 0x99, 0x9d, 0xb6, 0x9f, 0xd7, 0xd7, 0x92, 0x95, 0x98, 0xc5, 0x75);
/* AlgorithmIdentifier { 1.2.156.10197.1.301.3 }: SM2 encryption (GM/T 0006). */
const struct qiao_bytes sealed_sm2_algorithm = BYTES(0x30, 0x0b, 0x06, 0x09, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d, 0x03);
static const struct qiao_bytes oid_aes256_gcm = BYTES(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2e);               /* RFC 5084 3.2 */
static const struct qiao_bytes ec_public_key = BYTES(0x30, 0x09, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01);   /* RFC 5753 3.1.1 */

/* Whole AlgorithmIdentifiers: parameters that no library looks at cannot be altered then. */
static const struct {
    struct qiao_bytes encoded;
    enum sealed_transport transport;
} transports[] = {
    /* rsaEncryption, RFC 3370 4.2.1: what others send. RSAES-OAEP, RFC 3560: by default, with SHA-256, and that with explicit NULLs. */
    { BYTES(0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00), SEALED_TRANSPORT_RSA },
    { BYTES(0x30, 0x0d, OID_OAEP, 0x30, 0x00), SEALED_TRANSPORT_RSA },
    { BYTES(0x30, 0x38, OID_OAEP, 0x30, 0x2b, 0xa0, 0x0d, 0x30, 0x0b, OID_SHA256, 0xa1, 0x1a, 0x30, 0x18, OID_MGF1, 0x30, 0x0b, OID_SHA256), SEALED_TRANSPORT_RSA },
    { BYTES(0x30, 0x3c, OID_OAEP, 0x30, 0x2f, 0xa0, 0x0f, 0x30, 0x0d, OID_SHA256, 0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a, OID_MGF1, 0x30, 0x0d, OID_SHA256, 0x05, 0x00),
      SEALED_TRANSPORT_RSA },
    /* dhSinglePass-stdDH with KDFs of SHA-1 (what openssl takes unless told), SHA-256, SHA-384, SHA-512: RFC 5753 7.1.4. */
    { BYTES(0x30, 0x18, 0x06, 0x09, 0x2b, 0x81, 0x05, 0x10, 0x86, 0x48, 0x3f, 0x00, 0x02, AES256_WRAP), SEALED_TRANSPORT_ECDH },
    { BYTES(0x30, 0x15, 0x06, 0x06, 0x2b, 0x81, 0x04, 0x01, 0x0b, 0x01, AES256_WRAP), SEALED_TRANSPORT_ECDH },
    { BYTES(0x30, 0x15, 0x06, 0x06, 0x2b, 0x81, 0x04, 0x01, 0x0b, 0x02, AES256_WRAP), SEALED_TRANSPORT_ECDH },
    { BYTES(0x30, 0x15, 0x06, 0x06, 0x2b, 0x81, 0x04, 0x01, 0x0b, 0x03, AES256_WRAP), SEALED_TRANSPORT_ECDH },
    { BYTES(0x30, 0x0b, 0x06, 0x09, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d, 0x03), SEALED_TRANSPORT_SM2 },
};

static bool read_transport(struct der_reader *r, enum sealed_transport *ret_transport)
{
    struct der_item algorithm;
    if (!der_expect(r, DER_SEQUENCE, &algorithm)) return false;
    for (size_t i = 0; i < sizeof transports / sizeof transports[0]; i++) {
        if (!qiao_bytes_equal(algorithm.whole, transports[i].encoded)) continue;
        *ret_transport = transports[i].transport;
        return true;
    }
    return false;
}

static bool read_integer(struct der_reader *r, uint8_t value)
{
    struct der_item number;
    return der_expect(r, DER_INTEGER, &number) && number.content.size == 1 && number.content.data[0] == value;
}

static bool is_oid(struct der_reader *r, struct qiao_bytes oid)
{
    struct der_item item;
    return der_expect(r, DER_OID, &item) && qiao_bytes_equal(item.content, oid);
}

/* IssuerAndSerialNumber, RFC 5652 10.2.4. */
static bool read_issuer(struct der_reader *r, struct sealed_recipient *to)
{
    struct der_item issuer, serial;
    struct der_reader inside = der_enter(r, DER_SEQUENCE);
    if (!der_expect(&inside, DER_SEQUENCE, &issuer) || !der_expect(&inside, DER_INTEGER, &serial) || !der_at_end(&inside) || serial.content.size == 0) return false;
    to->name.issuer = issuer.whole;
    to->name.serial = serial.content;
    return true;
}

static bool read_key_id(struct der_item id, struct sealed_recipient *to)
{
    to->name.key_id = id.content;
    return id.content.size > 0 && id.content.size <= 64;
}

/* KeyTransRecipientInfo, RFC 5652 6.2.1: version 0 by issuer, 2 by key id. */
static bool read_key_transport(struct der_reader r, struct sealed_recipient *to)
{
    struct der_item version, id, wrapped;
    if (!der_expect(&r, DER_INTEGER, &version) || version.content.size != 1) return false;
    bool by_key_id = der_peek(&r) == DER_CONTEXT;
    bool named = by_key_id ? der_next(&r, &id) && read_key_id(id, to) : read_issuer(&r, to);
    if (!named || version.content.data[0] != (by_key_id ? 2 : 0)) return false;
    if (!read_transport(&r, &to->transport) || to->transport == SEALED_TRANSPORT_ECDH) return false;
    if (!der_expect(&r, DER_OCTET_STRING, &wrapped) || !der_at_end(&r)) return false;
    to->wrapped_key = wrapped.content;
    return true;
}

/* OriginatorPublicKey of P-256 without compression, RFC 5753 3.1.1 and 2.2 of RFC 5480. */
static bool read_originator(struct der_reader *r)
{
    struct der_item algorithm, point;
    struct der_reader outer = der_enter(r, DER_CONTEXT_CONSTRUCTED), key = der_enter(&outer, DER_CONTEXT_CONSTRUCTED | 1);
    return der_expect(&key, DER_SEQUENCE, &algorithm) && qiao_bytes_equal(algorithm.whole, ec_public_key) && der_expect(&key, DER_BIT_STRING, &point) &&
           point.content.size == 66 && point.content.data[0] == 0 && point.content.data[1] == 4 && der_at_end(&key) && der_at_end(&outer);
}

static bool read_user_keying_material(struct der_reader *r)
{
    struct der_item bytes;
    if (der_peek(r) != (DER_CONTEXT_CONSTRUCTED | 1)) return true;
    struct der_reader outer = der_enter(r, DER_CONTEXT_CONSTRUCTED | 1);
    return der_expect(&outer, DER_OCTET_STRING, &bytes) && der_at_end(&outer);
}

/* KeyAgreeRecipientInfo, RFC 5652 6.2.2, with one RecipientEncryptedKey. */
static bool read_key_agreement(struct der_reader r, struct sealed_recipient *to)
{
    struct der_item id, wrapped;
    if (!read_integer(&r, 3) || !read_originator(&r) || !read_user_keying_material(&r)) return false;
    if (!read_transport(&r, &to->transport) || to->transport != SEALED_TRANSPORT_ECDH) return false;
    struct der_reader keys = der_enter(&r, DER_SEQUENCE), key = der_enter(&keys, DER_SEQUENCE);
    if (der_peek(&key) == DER_CONTEXT_CONSTRUCTED) {
        struct der_reader by_key_id = der_enter(&key, DER_CONTEXT_CONSTRUCTED);
        if (!der_expect(&by_key_id, DER_OCTET_STRING, &id) || !read_key_id(id, to) || !der_at_end(&by_key_id)) return false;
    } else if (!read_issuer(&key, to)) {
        return false;
    }
    if (!der_expect(&key, DER_OCTET_STRING, &wrapped) || !der_at_end(&key) || !der_at_end(&keys) || !der_at_end(&r)) return false;
    to->wrapped_key = wrapped.content;
    return true;
}

static bool read_recipients(struct qiao_bytes set, struct sealed_form *form)
{
    struct der_reader r = der_reader(set);
    struct der_item info;
    while (der_next(&r, &info)) {
        if (form->recipients_count == QIAO_SEALED_RECIPIENTS_MAX) return false;
        struct sealed_recipient *to = &form->recipients[form->recipients_count++];
        struct der_reader inside = der_reader(info.content);
        bool ok = info.tag == DER_SEQUENCE ? read_key_transport(inside, to) : info.tag == (DER_CONTEXT_CONSTRUCTED | 1) && read_key_agreement(inside, to);
        if (!ok) return false;
    }
    return der_at_end(&r) && form->recipients_count > 0;
}

/* GCMParameters, RFC 5084 3.2: a nonce of 12 bytes and a tag of 16, which must be written since it is not the default. */
static bool read_int1_parameters(struct der_reader *r, struct sealed_form *form)
{
    struct der_item nonce;
    struct der_reader parameters = der_enter(r, DER_SEQUENCE);
    if (!der_expect(&parameters, DER_OCTET_STRING, &nonce) || !read_integer(&parameters, 16) || !der_at_end(&parameters)) return false;
    form->nonce = nonce.content;
    return nonce.content.size == 12 && form->mac.size == 16;
}

static bool read_gm1_parameters(struct der_reader *r, struct sealed_form *form)
{
    struct der_item nonce;
    if (!der_expect(r, DER_OCTET_STRING, &nonce)) return false;
    form->nonce = nonce.content;
    return nonce.content.size == 16 && form->mac.size == 32;
}

static const struct {
    const struct qiao_bytes *oid;
    bool (*read_parameters)(struct der_reader *r, struct sealed_form *form);
    unsigned transports; /* 1 << transport each */
} suites[] = {
    [QIAO_SEALED_SUITE_INT1] = { &oid_aes256_gcm, read_int1_parameters, 1u << SEALED_TRANSPORT_RSA | 1u << SEALED_TRANSPORT_ECDH },
    [QIAO_SEALED_SUITE_GM1] = { &sealed_oid_gm1, read_gm1_parameters, 1u << SEALED_TRANSPORT_SM2 },
};

#define SUITES (sizeof suites / sizeof suites[0])

static enum qiao_sealed_result read_suite(struct der_reader algorithm, struct sealed_form *form)
{
    struct der_item oid;
    size_t suite = QIAO_SEALED_SUITE_INT1;
    if (!der_expect(&algorithm, DER_OID, &oid)) return QIAO_SEALED_NOT_SEALED;
    while (suite < SUITES && !qiao_bytes_equal(oid.content, *suites[suite].oid)) suite++;
    if (suite == SUITES) return QIAO_SEALED_SUITE_UNKNOWN;
    form->suite = (enum qiao_sealed_suite)suite;
    return suites[suite].read_parameters(&algorithm, form) && der_at_end(&algorithm) ? QIAO_SEALED_DONE : QIAO_SEALED_NOT_SEALED;
}

static bool transports_fit(const struct sealed_form *form)
{
    for (size_t i = 0; i < form->recipients_count; i++)
        if (!(suites[form->suite].transports & 1u << form->recipients[i].transport)) return false;
    return true;
}

/* AuthEncryptedContentInfo, RFC 5083 2.1. The mac behind it has been read. */
static enum qiao_sealed_result read_content(struct qiao_bytes info, struct sealed_form *form)
{
    struct der_reader r = der_reader(info);
    struct der_item ciphertext;
    if (!is_oid(&r, sealed_oid_data)) return QIAO_SEALED_NOT_SEALED;
    enum qiao_sealed_result result = read_suite(der_enter(&r, DER_SEQUENCE), form);
    if (!der_expect(&r, DER_CONTEXT, &ciphertext) || !der_at_end(&r)) return QIAO_SEALED_NOT_SEALED;
    form->ciphertext = ciphertext.content;
    return result;
}

enum qiao_sealed_result sealed_form_read(struct qiao_bytes container, struct sealed_form *ret_form)
{
    struct der_item recipients, content, mac;
    *ret_form = (struct sealed_form){ 0 };
    if (container.size > QIAO_BODY_SIZE_MAX) return QIAO_SEALED_TOO_LARGE;
    struct der_reader outer = der_reader(container), info = der_enter(&outer, DER_SEQUENCE);
    if (!is_oid(&info, sealed_oid_auth_enveloped_data)) return QIAO_SEALED_NOT_SEALED;
    struct der_reader explicit = der_enter(&info, DER_CONTEXT_CONSTRUCTED), r = der_enter(&explicit, DER_SEQUENCE);
    if (!read_integer(&r, 0) || !der_expect(&r, DER_SET, &recipients) || !der_expect(&r, DER_SEQUENCE, &content) || !der_expect(&r, DER_OCTET_STRING, &mac)) return QIAO_SEALED_NOT_SEALED;
    if (!der_at_end(&r) || !der_at_end(&explicit) || !der_at_end(&info) || !der_at_end(&outer)) return QIAO_SEALED_NOT_SEALED;
    ret_form->mac = mac.content;
    ret_form->authenticated = qiao_bytes(recipients.whole.data, recipients.whole.size + content.whole.size);
    enum qiao_sealed_result result = read_content(content.content, ret_form);
    if (result == QIAO_SEALED_DONE && (!read_recipients(recipients.content, ret_form) || !transports_fit(ret_form))) result = QIAO_SEALED_NOT_SEALED;
    return result;
}

bool sealed_looks_sealed(struct qiao_bytes body)
{
    struct sealed_form form;
    return sealed_form_read(body, &form) == QIAO_SEALED_DONE;
}
