/* Content encrypted from node to node, in the containers of sealed bodies (seal/sealed.h). */
#ifndef SEAL_SEALED_WRAP_H
#define SEAL_SEALED_WRAP_H

#include "seal/seal.h"

#include <openssl/evp.h>

/* Codes as of seal.h's wrap and unwrap. Certificates are DER; the key is the certificate's. */
unsigned wrap_content(struct qiao_bytes certificate, struct qiao_bytes content, struct buf *out);
unsigned unwrap_content(EVP_PKEY *key, struct qiao_bytes certificate, struct qiao_bytes wrapped, struct buf *out);

#endif
