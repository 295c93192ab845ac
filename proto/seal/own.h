/* What this side signs with, loaded and tried. */
#ifndef SEAL_OWN_H
#define SEAL_OWN_H

#include "seal/certificate.h"
#include "seal/keyring.h"
#include "seal/trust.h"

struct own {
    EVP_PKEY *key;                  /* the private one */
    EVP_MD_CTX *signing;            /* begun with it, to be copied; may be NULL */
    struct certificate certificate;
    uint8_t *der;
    size_t der_size;
};

/* The certificate must be of the CA, in force and not revoked; the key must be its own, and sign. 0 or KEYRING_E_UNUSABLE with a text. */
int own_init(struct own *own, const struct keyring_options *options, const struct trust *trust, char *reterr_text, size_t reterr_size);
void own_deinit(struct own *own);

#endif
