/* The folder of an authority: ca.crt, ca.key, ca.crl. The list of revoked certificates is its only memory. */
#ifndef CTL_PKI_AUTHORITY_H
#define CTL_PKI_AUTHORITY_H

#include "certificate.h"
#include "options.h"

#include <openssl/x509.h>

#define PKI_CRL_DAYS 90

struct authority {
    const char *folder;
    int lock;                      /* held while open: one command at a time changes the folder */
    X509 *certificate;
    EVP_PKEY *key;
};

/* All: PKI_OK, or PKI_FAILED after a message. */

/* Opens --ca, waits for its lock. Checks that key and certificate belong together and that the certificate is valid now. */
int authority_init(struct authority *authority, const struct pki_options *options);
void authority_deinit(struct authority *authority);
struct pki_signer authority_signer(const struct authority *authority);

/* The list, its signature verified. NULL after a message. */
X509_CRL *authority_revoked_read(const struct authority *authority);
/* An empty one. NULL after a message. */
X509_CRL *authority_revoked_new(const struct authority *authority);
/* Dates, numbers, signs and writes the list as ca.crl. */
int authority_revoked_write(const struct authority *authority, X509_CRL *revoked, long days);
/* Copies ca.crt and ca.crl to the folder out, where nodes and members find them. Another authority's ca.crt there stays unless replace. */
int authority_publish(const struct authority *authority, const char *out, bool replace);

#endif
