/* Suite INT1: CMS AuthEnvelopedData (RFC 5083) with AES-256-GCM, through OpenSSL's CMS. */
#include "seal/sealed.h"

#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

/* A library's defaults are SHA-1 and PKCS #1 v1.5; both suite and reader can do better. */
static bool add_recipient(CMS_ContentInfo *cms, const struct sealed_certificate *recipient)
{
    CMS_RecipientInfo *info = CMS_add1_recipient_cert(cms, recipient->x509, CMS_KEY_PARAM);
    EVP_PKEY_CTX *parameters = info ? CMS_RecipientInfo_get0_pkey_ctx(info) : NULL;
    if (!parameters) return false;
    if (EVP_PKEY_is_a(recipient->public_key, "RSA"))
        return EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_OAEP_PADDING) > 0 && EVP_PKEY_CTX_set_rsa_oaep_md(parameters, EVP_sha256()) > 0;
    return EVP_PKEY_CTX_set_ecdh_kdf_md(parameters, EVP_sha256()) > 0;
}

/* CMS_final would copy the inside through buffers that nobody wipes. */
static bool encrypt(CMS_ContentInfo *cms, struct qiao_bytes inside)
{
    BIO *chain = CMS_dataInit(cms, NULL);
    bool ok = chain && BIO_write(chain, inside.data, (int)inside.size) == (int)inside.size && BIO_flush(chain) == 1 && CMS_dataFinal(cms, chain) == 1;
    BIO_free_all(chain);
    return ok;
}

static int int1_seal(const struct sealed_certificate *recipients, size_t count, struct qiao_bytes inside, struct buf *out)
{
    CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), CMS_BINARY | CMS_PARTIAL);
    bool ok = cms != NULL;
    for (size_t i = 0; ok && i < count; i++) ok = add_recipient(cms, &recipients[i]);
    ok = ok && encrypt(cms, inside);
    uint8_t *der = NULL;
    int size = ok ? i2d_CMS_ContentInfo(cms, &der) : -1;
    if (size > 0) buf_append(out, der, (size_t)size);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    return size > 0 ? 0 : -1;
}

static bool decrypt(CMS_ContentInfo *cms, struct buf *ret_inside)
{
    BIO *chain = CMS_dataInit(cms, NULL);
    int got = 0;
    while (chain && ret_inside->size < ret_inside->capacity && (got = BIO_read(chain, ret_inside->data + ret_inside->size, (int)(ret_inside->capacity - ret_inside->size))) > 0)
        ret_inside->size += (size_t)got;
    uint8_t beyond;
    bool ok = chain && BIO_read(chain, &beyond, 1) <= 0 && BIO_get_cipher_status(chain) > 0;
    BIO_free_all(chain);
    return ok;
}

/* The form has been read: one nonce and tag of the right size, one kind of recipient, definite lengths. OpenSSL finds the recipient again. */
static bool int1_open(struct qiao_bytes container, const struct sealed_form *form, const struct sealed_recipient *recipient, const struct qiao_sealed_key *key,
                      struct buf *ret_inside)
{
    const uint8_t *at = container.data;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)container.size);
    (void)recipient;
    bool ok = cms && CMS_decrypt_set1_pkey(cms, key->key, key->certificate.x509) > 0 && decrypt(cms, ret_inside) && ret_inside->size == form->ciphertext.size;
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    return ok;
}

const struct sealed_suite sealed_int1 = { int1_seal, int1_open };
