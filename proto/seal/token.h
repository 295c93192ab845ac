/* Keys that stay in a PKCS #11 token: a smart card or a hardware security module. */
#ifndef SEAL_TOKEN_H
#define SEAL_TOKEN_H

#include <openssl/evp.h>
#include <stdbool.h>

/* RFC 7512, 2.3: "pkcs11:". */
bool token_is_uri(const char *path);
/* The private key the URI names. Its module-path (RFC 7512, 2.4) chooses the token's library; without, OpenSSL's engine uses its own
 * default. pin: NULL if the URI has it or none is needed; it is tried once, for tokens lock themselves.
 * 0 or KEYRING_E_UNUSABLE with a text, which never shows the URI's PIN. */
int token_key_load(const char *uri, const char *pin, EVP_PKEY **ret_key, char *reterr_text, size_t reterr_size);

#endif
