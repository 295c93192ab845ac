#include "seats.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY_SECONDS (24L * 60 * 60)

static EVP_PKEY *make_key(enum seat_kind kind)
{
    switch (kind) {
    case SEAT_P256: return EVP_EC_gen("P-256");
    case SEAT_P384: return EVP_EC_gen("P-384");
    case SEAT_RSA: return EVP_RSA_gen(2048);
    case SEAT_RSA_SHORT: return EVP_RSA_gen(1024);
    case SEAT_SM2: return EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
    case SEAT_ED25519: return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    }
    return NULL;
}

static void add_name(X509_NAME *name, int nid, const char *text)
{
    if (text) cr_assert(X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0));
}

static void add_extension(X509 *x509, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    cr_assert_not_null(extension);
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
}

static X509 *make_certificate(const struct seat_draft *draft, EVP_PKEY *key)
{
    static long serial;
    static EVP_PKEY *authority;
    char uri[128];
    X509 *x509 = X509_new();
    if (!authority) authority = EVP_EC_gen("P-256");
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 4711 + ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x509), (draft->last_day ? draft->first_day : -1) * DAY_SECONDS);
    X509_gmtime_adj(X509_getm_notAfter(x509), (draft->last_day ? draft->last_day : 365) * DAY_SECONDS);
    add_name(X509_get_issuer_name(x509), NID_organizationName, "Test federation");
    add_name(X509_get_subject_name(x509), NID_organizationName, draft->organisation);
    add_name(X509_get_subject_name(x509), NID_organizationIdentifier, draft->identifier);
    add_name(X509_get_subject_name(x509), NID_commonName, "seat");
    X509_set_pubkey(x509, key);
    if (draft->usage) add_extension(x509, NID_key_usage, draft->usage);
    if (draft->with_key_id) add_extension(x509, NID_subject_key_identifier, "hash");
    snprintf(uri, sizeof uri, "URI:urn:qiao:member:%s", draft->member ? draft->member : "");
    if (draft->member) add_extension(x509, NID_subject_alt_name, uri);
    cr_assert(X509_sign(x509, authority, EVP_sha256()) > 0);
    return x509;
}

static void take(BIO *bio, struct buf *out)
{
    char *text = NULL;
    long size = BIO_get_mem_data(bio, &text);
    buf_append(out, text, (size_t)size);
    BIO_free(bio);
}

void seat_init(struct seat *seat, const struct seat_draft *draft)
{
    EVP_PKEY *key = make_key(draft->kind);
    cr_assert_not_null(key);
    X509 *x509 = make_certificate(draft, key);
    BIO *certificate = BIO_new(BIO_s_mem()), *private = BIO_new(BIO_s_mem());
    *seat = (struct seat){ 0 };
    cr_assert(PEM_write_bio_X509(certificate, x509));
    cr_assert(PEM_write_bio_PKCS8PrivateKey(private, key, draft->passphrase ? EVP_aes_256_cbc() : NULL, draft->passphrase,
                                            draft->passphrase ? (int)strlen(draft->passphrase) : 0, NULL, NULL));
    take(certificate, &seat->certificate);
    take(private, &seat->key);
    X509_free(x509);
    EVP_PKEY_free(key);
}

void seat_deinit(struct seat *seat)
{
    buf_deinit(&seat->certificate);
    buf_deinit(&seat->key);
}

struct qiao_sealed_key *seat_key(const struct seat *seat)
{
    struct qiao_sealed_key *key = NULL;
    cr_assert_eq(qiao_sealed_key_new(buf_bytes(&seat->certificate), buf_bytes(&seat->key), NULL, &key), QIAO_SEALED_DONE);
    return key;
}

struct qiao_bytes seats_seal(const struct seat *seats, size_t count, const struct qiao_id *id, struct qiao_bytes content)
{
    struct qiao_bytes certificates[QIAO_SEALED_RECIPIENTS_MAX], container = { 0 };
    for (size_t i = 0; i < count; i++) certificates[i] = buf_bytes(&seats[i].certificate);
    const struct qiao_sealed_request request = { .certificates = certificates, .certificates_count = count, .message_id = id };
    int result = qiao_seal(&request, content, &container, NULL);
    cr_assert_eq(result, QIAO_SEALED_DONE, "%s", qiao_sealed_text(result));
    return container;
}
