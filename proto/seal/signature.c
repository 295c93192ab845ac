#include "seal/signature.h"

#include "seal/cleanup.h"

#include <openssl/err.h>

#define NUMBER_SIZE 32u /* r and s of a curve of 256 bits */
#define DER_SIZE_MAX 80u /* a pair of them: two numbers of up to 33 bytes with their heads, and one head around */
#define RSA_BITS_MIN 2048

static bool is_ed25519(const EVP_PKEY *key) { return EVP_PKEY_is_a(key, "ED25519"); }
static bool is_sm2(const EVP_PKEY *key) { return EVP_PKEY_is_a(key, "SM2"); }

static bool is_p256(const EVP_PKEY *key)
{
    char group[64] = "";
    return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
           (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}

static bool is_rsa(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= RSA_BITS_MIN && (unsigned)EVP_PKEY_get_size(key) <= SEAL_SIGNATURE_SIZE_MAX;
}

static const struct signature_scheme schemes[] = {
    { "Ed25519", SEAL_SUITE_INT1, true, false, false, NULL, is_ed25519 },
    { "P-256", SEAL_SUITE_INT1, true, true, false, EVP_sha256, is_p256 },
    { "SM2", SEAL_SUITE_GM1, true, true, true, EVP_sm3, is_sm2 },
    { "RSA", SEAL_SUITE_INT1, false, false, false, EVP_sha256, is_rsa },
};

const struct signature_scheme *signature_scheme_of(const EVP_PKEY *key)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (schemes[i].fits(key)) return &schemes[i];
    }
    return NULL;
}

EVP_MD_CTX *signature_begin(const struct signature_scheme *scheme, EVP_PKEY *key, const char *signer_id, enum signature_use use)
{
    EVP_PKEY_CTX *of_key = NULL;
    const EVP_MD *digest = scheme->digest ? scheme->digest() : NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context) return NULL;
    bool ok = use == SIGNATURE_MAKE ? EVP_DigestSignInit(context, &of_key, digest, NULL, key) == 1 : EVP_DigestVerifyInit(context, &of_key, digest, NULL, key) == 1;
    if (ok && scheme->signer_id) ok = EVP_PKEY_CTX_set1_id(of_key, signer_id, (int)strlen(signer_id)) == 1;
    if (ok) return context;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return NULL;
}

EVP_MD_CTX *signature_begin_again(const EVP_MD_CTX *begun)
{
    EVP_PKEY_CTX *of_key = begun ? EVP_MD_CTX_get_pkey_ctx(begun) : NULL;
    EVP_PKEY *key = of_key ? EVP_PKEY_CTX_get0_pkey(of_key) : NULL;
    if (!key || !EVP_PKEY_get0_provider(key)) return NULL; /* an engine's: whether its contexts can be copied is the engine's affair */
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context && EVP_MD_CTX_copy_ex(context, begun) == 1) return context;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return NULL;
}

static bool pair_from_der(const uint8_t *der, size_t der_size, uint8_t ret_pair[2 * NUMBER_SIZE])
{
    const unsigned char *at = der;
    CLEANUP(ecdsa_sig_freep) ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)der_size);
    return pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), ret_pair, NUMBER_SIZE) == NUMBER_SIZE &&
           BN_bn2binpad(ECDSA_SIG_get0_s(pair), ret_pair + NUMBER_SIZE, NUMBER_SIZE) == NUMBER_SIZE;
}

/* The size, 0 on failure. */
static size_t pair_to_der(const uint8_t pair[2 * NUMBER_SIZE], uint8_t ret_der[DER_SIZE_MAX])
{
    CLEANUP(ecdsa_sig_freep) ECDSA_SIG *numbers = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(pair, NUMBER_SIZE, NULL), *s = BN_bin2bn(pair + NUMBER_SIZE, NUMBER_SIZE, NULL);
    if (!numbers || !r || !s || ECDSA_SIG_set0(numbers, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return 0;
    }
    unsigned char *at = ret_der;
    int size = i2d_ECDSA_SIG(numbers, &at);
    return size > 0 ? (size_t)size : 0;
}

int signature_make_begun(const struct signature_scheme *scheme, EVP_MD_CTX *context, struct qiao_bytes message, uint8_t ret_signature[SEAL_SIGNATURE_SIZE])
{
    uint8_t made[SEAL_SIGNATURE_SIZE_MAX];
    size_t size = sizeof made;
    bool ok = EVP_DigestSign(context, made, &size, message.data, message.size) == 1;
    if (ok && scheme->pair) ok = pair_from_der(made, size, ret_signature);
    else if (ok && (ok = size == SEAL_SIGNATURE_SIZE)) memcpy(ret_signature, made, SEAL_SIGNATURE_SIZE);
    ERR_clear_error();
    return ok ? 0 : -1;
}

int signature_make(const struct signature_scheme *scheme, EVP_PKEY *key, const char *signer_id, struct qiao_bytes message,
                   uint8_t ret_signature[SEAL_SIGNATURE_SIZE])
{
    CLEANUP(evp_md_ctx_freep) EVP_MD_CTX *context = scheme->signs ? signature_begin(scheme, key, signer_id, SIGNATURE_MAKE) : NULL;
    return context ? signature_make_begun(scheme, context, message, ret_signature) : -1;
}

static bool check_der(EVP_MD_CTX *context, struct qiao_bytes message, struct qiao_bytes signature)
{
    bool ok = EVP_DigestVerify(context, signature.data, signature.size, message.data, message.size) == 1;
    ERR_clear_error();
    return ok;
}

bool signature_check_begun(const struct signature_scheme *scheme, EVP_MD_CTX *context, struct qiao_bytes message, struct qiao_bytes signature)
{
    uint8_t der[DER_SIZE_MAX];
    if (!scheme->pair) return check_der(context, message, signature);
    if (signature.size != SEAL_SIGNATURE_SIZE) return false;
    size_t size = pair_to_der(signature.data, der);
    return size > 0 && check_der(context, message, qiao_bytes(der, size));
}

bool signature_check(const struct signature_scheme *scheme, EVP_PKEY *key, const char *signer_id, struct qiao_bytes message,
                     struct qiao_bytes signature)
{
    CLEANUP(evp_md_ctx_freep) EVP_MD_CTX *context = signature_begin(scheme, key, signer_id, SIGNATURE_CHECK);
    return context && signature_check_begun(scheme, context, message, signature);
}

bool signature_check_der(const struct signature_scheme *scheme, EVP_PKEY *key, const char *signer_id, struct qiao_bytes message,
                         struct qiao_bytes signature)
{
    CLEANUP(evp_md_ctx_freep) EVP_MD_CTX *context = signature_begin(scheme, key, signer_id, SIGNATURE_CHECK);
    return context && check_der(context, message, signature);
}
