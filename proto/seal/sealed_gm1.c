/* Suite GM1, in the same AuthEnvelopedData (RFC 5083) as INT1, with algorithms that OpenSSL's CMS does not combine:
 *
 *   KeyTransRecipientInfo { 2, [0] key id, sm2 encryption, encryptedKey }   a recipient each; encryptedKey: K (32 random bytes) by SM2
 *                                                                          (GB/T 32918.4) with SM3, in the DER of GM/T 0009 7.2
 *   AuthEncryptedContentInfo { data, { GM1, OCTET STRING nonce (16) }, [0] ciphertext }
 *   mac (32)
 *
 *   SM4 key (16) || MAC key (32) = KDF(K || "qiao sealed GM1", 48)          GB/T 32918.4 5.4.3 with SM3, the same as ANSI X9.63's
 *   ciphertext = SM4-CTR(SM4 key, nonce, inside)                            GB/T 32907
 *   mac = HMAC-SM3(MAC key, RecipientInfos || AuthEncryptedContentInfo)     their DER as it stands: key ids, suite, nonce and ciphertext
 *
 * MAC over ciphertext: RFC 7366 says why. */
#include "seal/sealed.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

#define CONTENT_KEY_SIZE 32u
#define NONCE_SIZE 16u
#define MAC_SIZE 32u
#define WRAPPED_SIZE_MAX 256u /* SM2 adds about 107 bytes */
static const char label[] = "qiao sealed GM1";
#define LABEL_SIZE (sizeof label - 1)

/* Wiped as a whole. */
struct keys {
    uint8_t content_key[CONTENT_KEY_SIZE + LABEL_SIZE]; /* the input of the KDF */
    struct {
        uint8_t cipher[16];
        uint8_t mac[32];
    } derived;
};

static void keys_deinit(struct keys *keys) { OPENSSL_cleanse(keys, sizeof *keys); }
#define keys_auto __attribute__((cleanup(keys_deinit))) struct keys

static bool derive(struct keys *keys)
{
    memcpy(keys->content_key + CONTENT_KEY_SIZE, label, LABEL_SIZE);
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){ "SM3" }, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, keys->content_key, sizeof keys->content_key),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "X963KDF", NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    bool ok = context && EVP_KDF_derive(context, (uint8_t *)&keys->derived, sizeof keys->derived, parameters) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return ok;
}

/* CTR: one way for both directions. */
static bool crypt(const struct keys *keys, const uint8_t nonce[NONCE_SIZE], struct qiao_bytes in, uint8_t *out)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int size = 0;
    bool ok = context && EVP_EncryptInit_ex2(context, EVP_sm4_ctr(), keys->derived.cipher, nonce, NULL) == 1 &&
              EVP_EncryptUpdate(context, out, &size, in.data, (int)in.size) == 1 && size == (int)in.size;
    EVP_CIPHER_CTX_free(context);
    return ok;
}

static bool authenticate(const struct keys *keys, struct qiao_bytes what, uint8_t ret_mac[MAC_SIZE])
{
    size_t size = 0;
    return EVP_Q_mac(NULL, "HMAC", NULL, "SM3", NULL, keys->derived.mac, sizeof keys->derived.mac, what.data, what.size, ret_mac, MAC_SIZE, &size) && size == MAC_SIZE;
}

/* ---- sealing ---- */

static size_t wrap(const struct keys *keys, const struct sealed_certificate *recipient, uint8_t ret_wrapped[WRAPPED_SIZE_MAX])
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(recipient->public_key, NULL);
    size_t size = WRAPPED_SIZE_MAX;
    bool ok = context && EVP_PKEY_encrypt_init(context) == 1 && EVP_PKEY_encrypt(context, ret_wrapped, &size, keys->content_key, CONTENT_KEY_SIZE) == 1;
    EVP_PKEY_CTX_free(context);
    return ok ? size : 0;
}

static bool put_recipient(struct buf *infos, const struct keys *keys, const struct sealed_certificate *recipient)
{
    static const uint8_t version = 2;
    uint8_t wrapped[WRAPPED_SIZE_MAX];
    size_t wrapped_size = wrap(keys, recipient, wrapped);
    if (wrapped_size == 0) return false;
    der_put_head(infos, DER_SEQUENCE, der_size(1) + der_size(SEAL_KEY_ID_SIZE) + sealed_sm2_algorithm.size + der_size(wrapped_size));
    der_put(infos, DER_INTEGER, qiao_bytes(&version, 1));
    der_put(infos, DER_CONTEXT, qiao_bytes(recipient->key_id.bytes, SEAL_KEY_ID_SIZE));
    buf_append(infos, sealed_sm2_algorithm.data, sealed_sm2_algorithm.size);
    der_put(infos, DER_OCTET_STRING, qiao_bytes(wrapped, wrapped_size));
    return true;
}

/* Everything around the ciphertext, sizes first. Returns where the ciphertext begins; *ret_authenticated where RecipientInfos do. */
static size_t put_container(struct buf *out, struct qiao_bytes infos, const uint8_t nonce[NONCE_SIZE], size_t ciphertext_size, size_t *ret_authenticated)
{
    static const uint8_t version = 0;
    size_t algorithm = der_size(sealed_oid_gm1.size) + der_size(NONCE_SIZE);
    size_t content = der_size(sealed_oid_data.size) + der_size(algorithm) + der_size(ciphertext_size);
    size_t enveloped = der_size(1) + der_size(infos.size) + der_size(content) + der_size(MAC_SIZE);
    der_put_head(out, DER_SEQUENCE, der_size(sealed_oid_auth_enveloped_data.size) + der_size(der_size(enveloped)));
    der_put(out, DER_OID, sealed_oid_auth_enveloped_data);
    der_put_head(out, DER_CONTEXT_CONSTRUCTED, der_size(enveloped));
    der_put_head(out, DER_SEQUENCE, enveloped);
    der_put(out, DER_INTEGER, qiao_bytes(&version, 1));
    *ret_authenticated = out->size;
    der_put(out, DER_SET, infos);
    der_put_head(out, DER_SEQUENCE, content);
    der_put(out, DER_OID, sealed_oid_data);
    der_put_head(out, DER_SEQUENCE, algorithm);
    der_put(out, DER_OID, sealed_oid_gm1);
    der_put(out, DER_OCTET_STRING, qiao_bytes(nonce, NONCE_SIZE));
    der_put_head(out, DER_CONTEXT, ciphertext_size);
    buf_reserve(out, ciphertext_size);
    out->size += ciphertext_size;
    return out->size - ciphertext_size;
}

static int gm1_seal(const struct sealed_certificate *recipients, size_t count, struct qiao_bytes inside, struct buf *out)
{
    keys_auto keys = { 0 };
    buf_auto infos = { 0 };
    uint8_t nonce[NONCE_SIZE], mac[MAC_SIZE];
    size_t authenticated;
    bool ok = RAND_priv_bytes(keys.content_key, CONTENT_KEY_SIZE) == 1 && RAND_bytes(nonce, sizeof nonce) == 1 && derive(&keys);
    for (size_t i = 0; ok && i < count; i++) ok = put_recipient(&infos, &keys, &recipients[i]);
    if (ok) {
        size_t at = put_container(out, buf_bytes(&infos), nonce, inside.size, &authenticated);
        ok = crypt(&keys, nonce, inside, out->data + at) && authenticate(&keys, qiao_bytes(out->data + authenticated, out->size - authenticated), mac);
    }
    if (ok) der_put(out, DER_OCTET_STRING, qiao_bytes(mac, sizeof mac));
    ERR_clear_error();
    return ok ? 0 : -1;
}

/* ---- opening ---- */

static bool unwrap(struct qiao_bytes wrapped, EVP_PKEY *key, struct keys *ret_keys)
{
    uint8_t opened[WRAPPED_SIZE_MAX];
    size_t size = sizeof opened;
    EVP_PKEY_CTX *context = wrapped.size <= WRAPPED_SIZE_MAX ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    bool ok = context && EVP_PKEY_decrypt_init(context) == 1 && EVP_PKEY_decrypt(context, opened, &size, wrapped.data, wrapped.size) == 1 && size == CONTENT_KEY_SIZE;
    if (ok) memcpy(ret_keys->content_key, opened, CONTENT_KEY_SIZE);
    OPENSSL_cleanse(opened, sizeof opened);
    EVP_PKEY_CTX_free(context);
    return ok;
}

static bool gm1_open(struct qiao_bytes container, const struct sealed_form *form, const struct sealed_recipient *recipient, const struct qiao_sealed_key *key,
                     struct buf *ret_inside)
{
    keys_auto keys = { 0 };
    uint8_t mac[MAC_SIZE];
    (void)container;
    bool ok = unwrap(recipient->wrapped_key, key->key, &keys) && derive(&keys) && authenticate(&keys, form->authenticated, mac) &&
              CRYPTO_memcmp(mac, form->mac.data, sizeof mac) == 0 && crypt(&keys, form->nonce.data, form->ciphertext, ret_inside->data);
    if (ok) ret_inside->size = form->ciphertext.size;
    ERR_clear_error();
    return ok;
}

const struct sealed_suite sealed_gm1 = { gm1_seal, gm1_open };
