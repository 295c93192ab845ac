/* Sealed bodies: encrypted from one seat to another (privacy class SEALED), so that no node on the way can read them.
 *
 * A container is a CMS AuthEnvelopedData (RFC 5083) of one of two suites:
 *   INT1  AES-256-GCM (RFC 5084), its key sent by P-256 key agreement (RFC 5753) or RSA-OAEP (RFC 3560). `openssl cms -decrypt` opens it.
 *   GM1   SM4-CTR and HMAC-SM3, encrypt-then-MAC, the key sent by SM2 encryption (GB/T 32918.4). proto/seal/README.md opens it by hand.
 * The content is padded to a bucket before, so that its size tells only which bucket, and names the message it belongs to.
 * Sealing does not say who sealed: that is what the signature of the message is for.
 *
 * Functions return QIAO_SEALED_DONE, an outcome of the map, or a negative number when memory or randomness is out. Certificates and keys
 * are PEM or DER. All calls may come from any thread. Keys and contents are wiped from memory when they are freed. */
#ifndef QIAO_SEALED_H
#define QIAO_SEALED_H

#include "bytes.h"
#include "id.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QIAO_SEALED_RECIPIENTS_MAX 16
#define QIAO_SEALED_KEYS_MAX 16
/* The most that can be sealed: the largest bucket without what stands before the content in it. */
#define QIAO_SEALED_CONTENT_SIZE_MAX (1008u * 1024u - 64u)
#define QIAO_SEALED_TEXT_SIZE 256

enum qiao_sealed_suite { QIAO_SEALED_SUITE_ANY = 0, QIAO_SEALED_SUITE_INT1 = 1, QIAO_SEALED_SUITE_GM1 = 2 };

/* X(name, number, text) */
#define QIAO_SEALED_MAP(X)                                                                                      \
    X(DONE, 0, "done")                                                                                          \
    /* opening */                                                                                               \
    X(NOT_SEALED, 1, "this is no sealed container")                                                             \
    X(SUITE_UNKNOWN, 2, "sealed with a suite that is not known here")                                           \
    X(TOO_LARGE, 3, "larger than a sealed body may be")                                                         \
    X(NOT_FOR_US, 4, "sealed for other keys than those given")                                                  \
    X(DAMAGED, 5, "sealed for a key that was given, but it does not open: damaged or altered on the way")       \
    X(OTHER_MESSAGE, 6, "sealed for another message than the one it came with")                                 \
    X(UNBOUND, 7, "sealed by a tool that does not name the message it belongs to")                              \
    /* keys and certificates */                                                                                 \
    X(CERTIFICATE, 8, "the certificate cannot be read; PEM or DER is expected")                                 \
    X(KEY, 9, "the private key cannot be read: not PEM or DER, or the passphrase does not open it")             \
    X(KEY_OTHER, 10, "the private key does not belong to the certificate")                                      \
    X(CANNOT_RECEIVE, 11, "the key of this certificate cannot receive: P-256, SM2 or RSA of 2048 bits and more can") \
    X(USAGE, 12, "the certificate does not allow its key to be used for receiving")                             \
    X(PERIOD, 13, "the certificate is not in force")                                                            \
    X(SUITE_OTHER, 14, "the key of this certificate is not one of the suite: GM1 takes SM2, INT1 takes P-256 and RSA") \
    X(RECIPIENTS, 15, "a body is sealed for 1 to 16 recipients, each once")                                     \
    X(RECIPIENT_CHANGED, 16, "the organisation of the recipient is not the one that was consented to")

enum qiao_sealed_result {
#define X(name, number, text) QIAO_SEALED_##name = number,
    QIAO_SEALED_MAP(X)
#undef X
};

/* One English sentence for people. Static storage. */
const char *qiao_sealed_text(int result);

/* ---- sealing ---- */

struct qiao_sealed_request {
    enum qiao_sealed_suite suite;            /* ANY: by the key of the first certificate */
    const struct qiao_bytes *certificates;   /* of the recipients */
    size_t certificates_count;
    const struct qiao_id *message_id;        /* the message it will be the body of, or NULL: it then opens only unbound */
    unsigned kind;                           /* of the content (qiao/kind.h), which travels inside; 0: none */
    uint64_t at_ms;                          /* milliseconds since 1970: certificates must be in force then; 0 is not checked */
    struct qiao_bytes consented;             /* the certificate that consent was given for: every recipient must be of its organisation.
                                              * Empty: not checked */
};

/* Seals content of at most QIAO_SEALED_CONTENT_SIZE_MAX. Of an outcome about a certificate *ret_certificate (may be NULL) is its index.
 * The caller frees *ret_container with qiao_sealed_free. */
int qiao_seal(const struct qiao_sealed_request *request, struct qiao_bytes content, struct qiao_bytes *ret_container, size_t *ret_certificate);

/* Wipes, frees and empties what qiao_seal and qiao_sealed_open return. */
void qiao_sealed_free(struct qiao_bytes *bytes);

/* QIAO_CODE_OK if both certificates can be read and name the same organisation, else QIAO_CODE_RECIPIENT_CHANGED: what was sealed for the one
 * bounces and is not sealed again for the other without new consent. Where both have an organizationIdentifier (X.520 6.3.5, such as
 * a unified social credit code), it alone decides, whatever area codes have become; else the member name (subjectAltName urn:qiao:member:…)
 * and O= must be equal, and not be missing in one of the two. */
unsigned qiao_sealed_check_organisation(struct qiao_bytes consented, struct qiao_bytes current);

/* ---- opening ---- */

struct qiao_sealed_key; /* a certificate and its private key */

/* passphrase: of an encrypted key, else NULL. The caller frees *ret_key. */
int qiao_sealed_key_new(struct qiao_bytes certificate, struct qiao_bytes key, const char *passphrase, struct qiao_sealed_key **ret_key);
void qiao_sealed_key_free(struct qiao_sealed_key *key);

struct qiao_sealed_content {
    struct qiao_bytes content;   /* the caller frees it with qiao_sealed_free */
    enum qiao_sealed_suite suite;
    unsigned kind;               /* of the content, 0: none said */
    size_t key;                  /* index of the key that opened it */
    bool bound;                  /* it names its message, */
    struct qiao_id message_id;   /* this one */
};

/* Opens with the first of keys (at most QIAO_SEALED_KEYS_MAX, such as the new one and the one before) that fits. message_id: the message it
 * came with, checked; NULL: not checked. DONE, NOT_SEALED, SUITE_UNKNOWN, TOO_LARGE, NOT_FOR_US, DAMAGED, OTHER_MESSAGE, UNBOUND. */
int qiao_sealed_open(struct qiao_bytes container, const struct qiao_sealed_key *const *keys, size_t keys_count, const struct qiao_id *message_id,
                     struct qiao_sealed_content *ret_content);

/* Who can open it: by key id, or as CMS usually does by issuer and serial number of the certificate. Views into the container. */
struct qiao_sealed_recipient {
    struct qiao_bytes key_id; /* GM1: the first 16 bytes of the SHA-256 of the certificate's DER; INT1: its subjectKeyIdentifier */
    struct qiao_bytes issuer; /* DER of a Name, RFC 5280 4.1.2.4 */
    struct qiao_bytes serial; /* big-endian */
};

struct qiao_sealed_description {
    enum qiao_sealed_suite suite;
    size_t padded_size; /* of the bucket */
    size_t recipients_count;
    struct qiao_sealed_recipient recipients[QIAO_SEALED_RECIPIENTS_MAX];
};

/* What can be told without a key. DONE, NOT_SEALED, SUITE_UNKNOWN, TOO_LARGE. */
int qiao_sealed_describe(struct qiao_bytes container, struct qiao_sealed_description *ret_description);

/* "key id 77a1…" or "serial 5e… of CN=Federation". */
void qiao_sealed_recipient_format(const struct qiao_sealed_recipient *recipient, char text[QIAO_SEALED_TEXT_SIZE]);

#ifdef __cplusplus
}
#endif
#endif
