#include "seal/private_key.h"

#include "seal/cleanup.h"
#include "seal/refuse.h"
#include "seal/token.h"

#include <openssl/err.h>
#include <openssl/pem.h>

int private_key_give_passphrase(char *out, int size, int writing, void *secret)
{
    (void)writing;
    size_t length = secret ? strlen(secret) : 0;
    if (length == 0 || length > (size_t)size) return -1;
    memcpy(out, secret, length);
    return (int)length;
}

struct asked {
    const char *passphrase;
    bool asked;
};

static int give_and_note(char *out, int size, int writing, void *of_asked)
{
    struct asked *asked = of_asked;
    asked->asked = true;
    return private_key_give_passphrase(out, size, writing, (void *)(uintptr_t)asked->passphrase);
}

int private_key_load(const struct keyring_options *options, EVP_PKEY **ret_key, char *reterr_text, size_t reterr_size)
{
    const char *path = options->key_file;
    struct asked asked = { options->passphrase, false };
    if (token_is_uri(path)) return token_key_load(path, options->passphrase, ret_key, reterr_text, reterr_size);
    CLEANUP(bio_freep) BIO *file = BIO_new_file(path, "rb");
    if (!file) return keyring_refuse(reterr_text, reterr_size, "key %s", path);
    *ret_key = PEM_read_bio_PrivateKey(file, NULL, give_and_note, &asked);
    if (*ret_key) return 0;
    if (!asked.asked) return keyring_refuse(reterr_text, reterr_size, "key %s", path);
    ERR_clear_error(); /* what OpenSSL says about a wrong passphrase helps nobody */
    return keyring_refuse(reterr_text, reterr_size, asked.passphrase ? "key %s: the passphrase does not open it" : "key %s is encrypted, and there is no passphrase",
                          path);
}
