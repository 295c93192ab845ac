/* Certificates and requests, made and read. */
#ifndef CTL_PKI_CERTIFICATE_H
#define CTL_PKI_CERTIFICATE_H

#include "identity.h"
#include "reach.h"

#include <openssl/x509.h>
#include <stdbool.h>

struct pki_signer {
    const X509 *certificate;
    EVP_PKEY *key;
};

/* All: NULL or PKI_FAILED after a message. The caller frees what is returned. */

/* A self-signed authority that may sign members and nodes, no further authorities. */
X509 *pki_certificate_authority(const char *name, EVP_PKEY *key, long days);
/* For the owner of key. Ends with the signer's certificate at the latest. */
X509 *pki_certificate_issue(const struct pki_signer *signer, const struct pki_identity *identity, const struct pki_reach *reach, EVP_PKEY *key, long days);
X509_REQ *pki_request_new(const struct pki_identity *identity, EVP_PKEY *key);

X509 *pki_certificate_read(const char *path);
X509_REQ *pki_request_read(const char *path);
int pki_certificate_write(const char *path, X509 *certificate, bool replace);
int pki_request_write(const char *path, X509_REQ *request, bool replace);
/* Whether the signer's key signed it under the signer's name. */
bool pki_certificate_is_from(X509 *certificate, const X509 *signer);

#endif
