/* Where the owner of a certificate is reached, and where it is looked up whether the certificate is revoked. */
#ifndef CTL_PKI_REACH_H
#define CTL_PKI_REACH_H

#include "options.h"

#include <openssl/x509.h>

#define PKI_REACH_SIZE 1024u

/* As OpenSSL's extensions are written; both "" if nothing was asked for. */
struct pki_reach {
    char names[PKI_REACH_SIZE];    /* "DNS:node.example,IP:192.0.2.7" */
    char crl[PKI_REACH_SIZE];      /* "URI:http://ca.example/ca.crl" */
};

/* From --host and --crl-url. PKI_OK, or PKI_USAGE after a message. */
int pki_reach_parse(const struct pki_options *options, struct pki_reach *ret);
/* What is not asked for anew is that of the certificate. */
void pki_reach_keep(struct pki_reach *reach, const X509 *certificate);

#endif
