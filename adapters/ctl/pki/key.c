#include "key.h"

#include "files.h"
#include "report.h"

#include "seal/cleanup.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

static EVP_PKEY *new_p256(void) { return EVP_EC_gen("P-256"); }
static EVP_PKEY *new_ed25519(void) { return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); }
static EVP_PKEY *new_sm2(void) { return EVP_PKEY_Q_keygen(NULL, NULL, "SM2"); }

static const struct {
    const char *word;
    EVP_PKEY *(*make)(void);
} algorithms[] = { { "p256", new_p256 }, { "ed25519", new_ed25519 }, { "sm2", new_sm2 } };

EVP_PKEY *pki_key_new(const struct pki_options *options, int *ret_result)
{
    const char *word = options->values[PKI_ALGORITHM] ? options->values[PKI_ALGORITHM] : "p256";
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        if (strcmp(word, algorithms[i].word) != 0)
            continue;
        EVP_PKEY *key = algorithms[i].make();
        *ret_result = key ? PKI_OK : pki_complain_crypto("no key could be made");
        return key;
    }
    pki_complain("found \"%s\" for --algorithm; expected p256, ed25519 or sm2", word);
    *ret_result = PKI_USAGE;
    return NULL;
}

/* Without a passphrase: refuse rather than let OpenSSL ask at a terminal that may not be there. */
static int give_passphrase(char *out, int size, int writing, void *secret)
{
    (void)writing;
    int length = secret ? (int)strlen(secret) : -1;
    if (length < 0 || length > size)
        return -1;
    memcpy(out, secret, (size_t)length);
    return length;
}

static void secret_freep(char **secret) { *secret = pki_secret_free(*secret); }

EVP_PKEY *pki_key_read(const char *path, const char *passphrase_file)
{
    CLEANUP(secret_freep) char *secret = NULL;
    CLEANUP(bio_freep) BIO *content = pki_file_read(path);
    if (!content || (passphrase_file && pki_secret_read(passphrase_file, &secret) != PKI_OK))
        return NULL;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(content, NULL, give_passphrase, secret);
    if (key)
        return key;
    pki_complain("%s: expected a private key%s", path, secret ? " that the passphrase opens" : "; if it is encrypted, say where the passphrase is");
    ERR_clear_error();
    return NULL;
}

int pki_key_write(const char *path, EVP_PKEY *key, const char *passphrase_file, bool replace)
{
    CLEANUP(secret_freep) char *secret = NULL;
    CLEANUP(bio_freep) BIO *content = BIO_new(BIO_s_secmem());
    if (passphrase_file && pki_secret_read(passphrase_file, &secret) != PKI_OK)
        return PKI_FAILED;
    if (!content || !PEM_write_bio_PKCS8PrivateKey(content, key, secret ? EVP_aes_256_cbc() : NULL, NULL, 0, give_passphrase, secret))
        return pki_complain_crypto("the key cannot be written");
    return pki_file_write(path, content, 0600, replace);
}

static bool is_p256(const EVP_PKEY *key)
{
    char group[64] = "";
    return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) &&
           (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}

bool pki_key_is_supported(const EVP_PKEY *key) { return EVP_PKEY_is_a(key, "ED25519") || pki_key_is_sm2(key) || is_p256(key); }
bool pki_key_can_agree(const EVP_PKEY *key) { return EVP_PKEY_is_a(key, "EC") || pki_key_is_sm2(key); }
bool pki_key_is_sm2(const EVP_PKEY *key) { return EVP_PKEY_is_a(key, "SM2"); }

const EVP_MD *pki_key_digest(const EVP_PKEY *key)
{
    if (pki_key_is_sm2(key))
        return EVP_sm3();
    return EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
}
