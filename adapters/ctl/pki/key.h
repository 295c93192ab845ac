/* Private keys: P-256, Ed25519 and SM2. */
#ifndef CTL_PKI_KEY_H
#define CTL_PKI_KEY_H

#include "options.h"

#include <openssl/evp.h>

/* Of --algorithm. NULL after a message; *ret_result is PKI_USAGE or PKI_FAILED. */
EVP_PKEY *pki_key_new(const struct pki_options *options, int *ret_result);
/* passphrase_file: NULL: not encrypted. NULL after a message. Never asks at the terminal. */
EVP_PKEY *pki_key_read(const char *path, const char *passphrase_file);
/* PKCS#8 PEM, mode 0600, AES-256 when there is a passphrase file. */
int pki_key_write(const char *path, EVP_PKEY *key, const char *passphrase_file, bool replace);
/* Whether it is of a kind we sign for. */
bool pki_key_is_supported(const EVP_PKEY *key);
/* Whether it can agree on secrets too, as sealing to a recipient needs. */
bool pki_key_can_agree(const EVP_PKEY *key);
bool pki_key_is_sm2(const EVP_PKEY *key);
/* Digest for signing with it; NULL: it brings its own. */
const EVP_MD *pki_key_digest(const EVP_PKEY *key);

#endif
