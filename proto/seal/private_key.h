/* The own private key, from a file or a token. */
#ifndef SEAL_PRIVATE_KEY_H
#define SEAL_PRIVATE_KEY_H

#include "seal/keyring.h"

#include <openssl/evp.h>

/* A pem_password_cb: gives secret, a string, or refuses without one. Never asks at a terminal. */
int private_key_give_passphrase(char *out, int size, int writing, void *secret);
/* 0 or KEYRING_E_UNUSABLE with a text. The caller frees. */
int private_key_load(const struct keyring_options *options, EVP_PKEY **ret_key, char *reterr_text, size_t reterr_size);

#endif
