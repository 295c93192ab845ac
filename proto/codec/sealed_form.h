/* The outer form of a sealed container (qiao/sealed.h), read without opening it and without OpenSSL. Both suites are RFC 5083
 * AuthEnvelopedData in DER. Stricter than RFC 5652: known algorithms in one encoding, versions as they must be, no attributes, so that
 * nothing in it can be altered without being noticed. */
#ifndef CODEC_SEALED_FORM_H
#define CODEC_SEALED_FORM_H

#include "codec/der.h"

#include <qiao/sealed.h>

#define SEALED_MAC_SIZE_MAX 32u
#define SEALED_NONCE_SIZE_MAX 16u

enum sealed_transport { SEALED_TRANSPORT_RSA, SEALED_TRANSPORT_ECDH, SEALED_TRANSPORT_SM2 };

struct sealed_recipient {
    struct qiao_sealed_recipient name;
    enum sealed_transport transport;
    struct qiao_bytes wrapped_key;
};

struct sealed_form {
    enum qiao_sealed_suite suite;
    struct qiao_bytes authenticated; /* RecipientInfos and AuthEncryptedContentInfo, one behind the other */
    struct qiao_bytes nonce;
    struct qiao_bytes ciphertext;
    struct qiao_bytes mac;
    size_t recipients_count;
    struct sealed_recipient recipients[QIAO_SEALED_RECIPIENTS_MAX];
};

/* QIAO_SEALED_DONE, NOT_SEALED, SUITE_UNKNOWN or TOO_LARGE. Views into container. */
enum qiao_sealed_result sealed_form_read(struct qiao_bytes container, struct sealed_form *ret_form);

/* What a node asks of a body of class SEALED. It cannot know that what looks encrypted is. */
bool sealed_looks_sealed(struct qiao_bytes body);

/* The encodings that sealing in suite GM1 writes. */
extern const struct qiao_bytes sealed_oid_auth_enveloped_data, sealed_oid_data, sealed_oid_gm1, sealed_sm2_algorithm;

#endif
