/* Whose a certificate is: its common name, and the urn:qiao: names beside it. */
#ifndef SEAL_IDENTITY_H
#define SEAL_IDENTITY_H

#include "seal/seal.h"

#include <openssl/x509.h>

/* False if there is not exactly one common name that fits, or if the names contradict each other. */
bool identity_read(const X509 *x509, struct seal_identity *ret);

#endif
