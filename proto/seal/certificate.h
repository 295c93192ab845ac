/* What a certificate says, read once: whose it is, its key, how long it stands. */
#ifndef SEAL_CERTIFICATE_H
#define SEAL_CERTIFICATE_H

#include "seal/signature.h"

#include <openssl/x509.h>

#define CERTIFICATE_SIZE_MAX (16u * 1024u) /* DER */

struct certificate {
    struct seal_key_id id;
    struct seal_identity identity;
    EVP_PKEY *key;
    const struct signature_scheme *scheme;
    uint64_t begins_ms, ends_ms;   /* since 1970, both inclusive */
};

struct seal_key_id certificate_id(struct qiao_bytes der);
/* NULL: it is no certificate in DER, byte for byte. The caller frees. */
X509 *certificate_parse(struct qiao_bytes der);
/* So that OpenSSL verifies it, or by it, if it is signed with SM2. */
void certificate_set_signer_id(X509 *x509);
/* False if its key is of no kind we know or may not sign messages, if it is a CA's, or if it does not say clearly whose it is. */
bool certificate_read(X509 *x509, struct qiao_bytes der, struct certificate *ret);
void certificate_deinit(struct certificate *certificate);

#endif
