/* Who a certificate speaks for. */
#ifndef CTL_PKI_IDENTITY_H
#define CTL_PKI_IDENTITY_H

#include <openssl/x509.h>

enum pki_type { PKI_NODE, PKI_MEMBER };

struct pki_identity {
    enum pki_type type;
    char name[80];                 /* common name: "street-anlan", "990101001/urban-management" */
    char file_name[80];            /* the same with _ for / */
    char uri[112];                 /* "urn:qiao:node:street-anlan" */
};

/* type: "node", "member", or NULL: known from the form. PKI_OK, or PKI_USAGE after a message. */
int pki_identity_parse(const char *name, const char *type, struct pki_identity *ret);

#endif
