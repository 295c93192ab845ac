/* Who a certificate speaks for. */
#ifndef CTL_PKI_IDENTITY_H
#define CTL_PKI_IDENTITY_H

#include <openssl/x509.h>

#define PKI_AREA_SIZE 33u

enum pki_type { PKI_NODE, PKI_MEMBER };

struct pki_identity {
    enum pki_type type;
    char name[80];                 /* common name: "street-anlan", "990101001/urban-management" */
    char file_name[80];            /* the same with _ for / */
    char uri[112];                 /* "urn:qiao:node:street-anlan" */
    char area[PKI_AREA_SIZE];      /* what a node stands for, "" without */
};

/* type: "node", "member", or NULL: known from the form. area: of a node, or NULL. PKI_OK, or PKI_USAGE after a message. */
int pki_identity_parse(const char *name, const char *type, const char *area, struct pki_identity *ret);
/* For a certificate's alternative names: "URI:urn:qiao:node:street-anlan,URI:urn:qiao:area:990101001". */
void pki_identity_names(const struct pki_identity *identity, char *text, size_t size);
/* The area in a certificate's urn:qiao:area:, "" without one that is digits. Returns out. */
const char *pki_identity_area(const X509 *certificate, char out[PKI_AREA_SIZE]);

#endif
