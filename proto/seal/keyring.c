#include "seal/keyring.h"

#include "base/buf.h"
#include "seal/cleanup.h"
#include "seal/digest.h"
#include "seal/known.h"
#include "seal/own.h"
#include "seal/refuse.h"
#include "seal/trust.h"
#include "seal/sealed_wrap.h"

#include <pthread.h>

#define CERTIFICATES_MAX 65536u
#define CERTIFICATES_MIN 2u /* the own one and a peer's */
#define SIGNER_ID_SIZE_MAX 128u
/* Of so many keys at a time verifications need not be begun anew. */
#define BEGUN_MAX 64u

/* The beginning of verifying with a key, to be copied. */
struct begun {
    struct seal_key_id id;
    EVP_MD_CTX *context;           /* NULL: this place is free */
};

struct keyring {
    struct seal seal;
    char signer_id[SIGNER_ID_SIZE_MAX + 1];
    pthread_mutex_t mutex;         /* guards what follows. Held to look and to copy, never while anything is computed */
    EVP_PKEY *key;                 /* the own private one */
    EVP_MD_CTX *signing;           /* begun with it, to be copied; may be NULL */
    struct begun verifying[BEGUN_MAX];
    struct trust *trust;
    struct known_table known;      /* the own certificate is pinned there */
};

/* What a verification needs of a certificate, so that it can go on without the lock. */
struct signer {
    EVP_PKEY *key;
    const struct signature_scheme *scheme;
    struct seal_identity identity;
    uint64_t begins_ms, ends_ms;
    bool revoked;
};

static void signer_cleanup(struct signer *signer) { EVP_PKEY_free(signer->key); }

static void copy_signer(const struct known *known, struct signer *ret)
{
    const struct certificate *from = &known->certificate;
    EVP_PKEY_up_ref(from->key);
    *ret = (struct signer){ from->key, from->scheme, from->identity, from->begins_ms, from->ends_ms, known->revoked };
}

static void trust_cleanup(struct trust **trust) { trust_unref(*trust); }

/* Enters what trust said of a certificate, unless another trust holds by now: then whoever asks next has it judged again. */
static void enter_verdict(struct keyring *keyring, const struct seal_key_id *id, const struct trust *trust, enum trust_verdict verdict)
{
    pthread_mutex_lock(&keyring->mutex);
    struct known *known = keyring->trust == trust ? known_find(&keyring->known, id) : NULL;
    if (known && verdict == TRUST_FOREIGN) known_remove(&keyring->known, known);
    else if (known) {
        known->judged_by = trust_number(trust);
        known->revoked = verdict == TRUST_REVOKED;
    }
    pthread_mutex_unlock(&keyring->mutex);
}

/* After a reload each certificate is judged once more, when it is next used: judging all at once would hold up everybody. */
static void judge_again(struct keyring *keyring, const struct seal_key_id *id, const struct trust *trust, struct qiao_bytes der)
{
    CLEANUP(x509_freep) X509 *x509 = certificate_parse(der);
    enter_verdict(keyring, id, trust, x509 ? trust_judge(trust, x509) : TRUST_FOREIGN);
}

/* The signer with this id, judged by the trust in force. False: not known. */
static bool find_signer(struct keyring *keyring, const struct seal_key_id *id, struct signer *ret)
{
    for (;;) {
        __attribute__((cleanup(trust_cleanup))) struct trust *trust = NULL;
        buf_auto der = { 0 };
        pthread_mutex_lock(&keyring->mutex);
        struct known *known = known_find(&keyring->known, id);
        bool judged = known && known->judged_by == trust_number(keyring->trust);
        if (judged) copy_signer(known, ret);
        else if (known) {
            trust = trust_ref(keyring->trust);
            buf_append(&der, known->der, known->der_size);
        }
        pthread_mutex_unlock(&keyring->mutex);
        if (!trust) return judged;
        judge_again(keyring, id, trust, buf_bytes(&der));
    }
}

static int keyring_sign(void *context, struct qiao_bytes message, struct seal_key_id *ret_key_id, uint8_t ret_signature[SEAL_SIGNATURE_SIZE])
{
    struct keyring *keyring = context;
    if (keyring->seal.suite == SEAL_SUITE_NONE) return -1;
    pthread_mutex_lock(&keyring->mutex);
    CLEANUP(evp_pkey_freep) EVP_PKEY *key = keyring->key;
    const struct certificate *own = &keyring->known.pinned->certificate;
    const struct signature_scheme *scheme = own->scheme;
    struct seal_key_id id = own->id;
    EVP_PKEY_up_ref(key);
    CLEANUP(evp_md_ctx_freep) EVP_MD_CTX *begun = signature_begin_again(keyring->signing);
    pthread_mutex_unlock(&keyring->mutex);
    int result = begun ? signature_make_begun(scheme, begun, message, ret_signature) : signature_make(scheme, key, keyring->signer_id, message, ret_signature);
    if (result != 0) return -1;
    *ret_key_id = id;
    return 0;
}

static struct begun *begun_of(struct keyring *keyring, const struct seal_key_id *id) { return &keyring->verifying[id->bytes[0] % BEGUN_MAX]; }

/* A context to verify one signature of this signer with; owned by the caller, NULL if the key cannot. */
static EVP_MD_CTX *begin_verifying(struct keyring *keyring, const struct seal_key_id *id, const struct signer *signer)
{
    struct begun *begun = begun_of(keyring, id);
    pthread_mutex_lock(&keyring->mutex);
    bool same = begun->context && memcmp(&begun->id, id, sizeof *id) == 0;
    EVP_MD_CTX *context = same ? signature_begin_again(begun->context) : NULL;
    pthread_mutex_unlock(&keyring->mutex);
    if (context) return context;
    context = signature_begin(signer->scheme, signer->key, keyring->signer_id, SIGNATURE_CHECK);
    CLEANUP(evp_md_ctx_freep) EVP_MD_CTX *kept = signature_begin_again(context);
    if (!kept) return context;
    pthread_mutex_lock(&keyring->mutex);
    struct begun before = *begun;
    *begun = (struct begun){ *id, kept };
    pthread_mutex_unlock(&keyring->mutex);
    kept = before.context;
    return context;
}

static bool verify_of(struct keyring *keyring, const struct seal_key_id *id, const struct signer *signer, struct qiao_bytes message, struct qiao_bytes signature)
{
    CLEANUP(evp_md_ctx_freep) EVP_MD_CTX *context = begin_verifying(keyring, id, signer);
    return context && signature_check_begun(signer->scheme, context, message, signature);
}

static unsigned keyring_verify(void *context, enum seal_suite suite, const struct seal_key_id *key_id, uint64_t at_ms, struct qiao_bytes message,
                               struct qiao_bytes signature, struct seal_identity *ret_signer)
{
    struct keyring *keyring = context;
    __attribute__((cleanup(signer_cleanup))) struct signer signer = { 0 };
    bool is_suite = suite > SEAL_SUITE_NONE && suite < SEAL_SUITES; /* it came over the wire */
    if (!is_suite) return QIAO_CODE_SIGNATURE;
    if (!find_signer(keyring, key_id, &signer)) return QIAO_CODE_UNKNOWN_KEY;
    if (signer.scheme->suite != suite || !verify_of(keyring, key_id, &signer, message, signature)) return QIAO_CODE_SIGNATURE;
    /* Said of genuine signatures only: it may end a message (proof/decider.h). */
    if (!(keyring->seal.accepted & 1u << suite)) return QIAO_CODE_SUITE;
    if (at_ms < signer.begins_ms || at_ms > signer.ends_ms) return QIAO_CODE_KEY_EXPIRED;
    if (signer.revoked) return QIAO_CODE_KEY_REVOKED;
    *ret_signer = signer.identity;
    return QIAO_CODE_OK;
}

/* With the mutex held. Takes the certificate's key if it was not known. */
static struct known *remember(struct keyring *keyring, struct certificate *certificate, struct qiao_bytes der)
{
    struct known *known = known_find(&keyring->known, &certificate->id);
    return known ? known : known_add(&keyring->known, certificate, der);
}

/* A certificate that is not known yet. */
static unsigned learn_new(struct keyring *keyring, struct qiao_bytes der)
{
    pthread_mutex_lock(&keyring->mutex);
    __attribute__((cleanup(trust_cleanup))) struct trust *trust = trust_ref(keyring->trust);
    pthread_mutex_unlock(&keyring->mutex);
    __attribute__((cleanup(certificate_deinit))) struct certificate certificate = { 0 };
    CLEANUP(x509_freep) X509 *x509 = certificate_parse(der);
    if (!x509 || !certificate_read(x509, der, &certificate)) return QIAO_CODE_UNKNOWN_KEY;
    enum trust_verdict verdict = trust_judge(trust, x509);
    if (verdict == TRUST_FOREIGN) return QIAO_CODE_UNKNOWN_KEY;
    pthread_mutex_lock(&keyring->mutex);
    struct known *known = remember(keyring, &certificate, der);
    if (keyring->trust == trust) {
        known->judged_by = trust_number(trust);
        known->revoked = verdict == TRUST_REVOKED;
    }
    pthread_mutex_unlock(&keyring->mutex);
    return verdict == TRUST_REVOKED ? QIAO_CODE_KEY_REVOKED : QIAO_CODE_OK;
}

static unsigned keyring_learn(void *context, struct qiao_bytes certificate, struct seal_key_id *ret_key_id)
{
    struct keyring *keyring = context;
    __attribute__((cleanup(signer_cleanup))) struct signer signer = { 0 };
    if (certificate.size == 0 || certificate.size > CERTIFICATE_SIZE_MAX) return QIAO_CODE_UNKNOWN_KEY;
    struct seal_key_id id = certificate_id(certificate);
    unsigned code = find_signer(keyring, &id, &signer) ? (signer.revoked ? QIAO_CODE_KEY_REVOKED : QIAO_CODE_OK) : learn_new(keyring, certificate);
    if (code != QIAO_CODE_UNKNOWN_KEY) *ret_key_id = id;
    return code;
}

static bool keyring_certificate(void *context, const struct seal_key_id *id, struct buf *out)
{
    struct keyring *keyring = context;
    pthread_mutex_lock(&keyring->mutex);
    const struct known *known = id ? known_find(&keyring->known, id) : keyring->known.pinned;
    if (known) buf_append(out, known->der, known->der_size);
    pthread_mutex_unlock(&keyring->mutex);
    return known != NULL;
}

static unsigned keyring_wrap(void *context, const struct seal_key_id *to, struct qiao_bytes content, struct buf *out, struct seal_identity *ret_holder)
{
    struct keyring *keyring = context;
    __attribute__((cleanup(signer_cleanup))) struct signer signer = { 0 };
    buf_auto der = { 0 };
    if (!find_signer(keyring, to, &signer) || !keyring_certificate(keyring, to, &der)) return QIAO_CODE_UNKNOWN_KEY;
    *ret_holder = signer.identity;
    return signer.revoked ? QIAO_CODE_KEY_REVOKED : wrap_content(buf_bytes(&der), content, out);
}

static unsigned keyring_unwrap(void *context, struct qiao_bytes wrapped, struct buf *out)
{
    struct keyring *keyring = context;
    buf_auto der = { 0 };
    if (keyring->seal.suite == SEAL_SUITE_NONE) return QIAO_CODE_CANNOT_RECEIVE;
    pthread_mutex_lock(&keyring->mutex);
    CLEANUP(evp_pkey_freep) EVP_PKEY *key = keyring->key;
    EVP_PKEY_up_ref(key);
    buf_append(&der, keyring->known.pinned->der, keyring->known.pinned->der_size);
    pthread_mutex_unlock(&keyring->mutex);
    return unwrap_content(key, buf_bytes(&der), wrapped, out);
}

bool keyring_is_revoked(struct keyring *keyring, const struct seal_key_id *key_id)
{
    __attribute__((cleanup(signer_cleanup))) struct signer signer = { 0 };
    return !find_signer(keyring, key_id, &signer) || signer.revoked;
}

const struct seal *keyring_seal(const struct keyring *keyring) { return &keyring->seal; }

static int load(const struct keyring_options *options, struct own *ret_own, struct trust **ret_trust, char *reterr_text, size_t reterr_size)
{
    struct trust *trust = NULL;
    if (!options->certificate_file || !options->key_file || !options->ca_file)
        return keyring_refuse(reterr_text, reterr_size, "signing needs a certificate, a key and a CA");
    int rc = trust_new(options->ca_file, options->crl_file, &trust, reterr_text, reterr_size);
    if (rc == 0) rc = own_init(ret_own, options, trust, reterr_text, reterr_size);
    if (rc == 0) *ret_trust = trust;
    else trust_unref(trust);
    return rc;
}

/* With the mutex held, or before anybody else is there. Leaves what was in force before, if anything, in own and trust. */
static void put_in_force(struct keyring *keyring, struct own *own, struct trust **trust)
{
    EVP_PKEY *key_before = keyring->key;
    EVP_MD_CTX *signing_before = keyring->signing;
    struct trust *trust_before = keyring->trust;
    struct known *known = remember(keyring, &own->certificate, qiao_bytes(own->der, own->der_size));
    known->judged_by = trust_number(*trust);
    known->revoked = false; /* own_init has seen to that */
    keyring->known.pinned = known;
    keyring->key = own->key;
    keyring->signing = own->signing;
    keyring->trust = *trust;
    own->key = key_before;
    own->signing = signing_before;
    *trust = trust_before;
}

static struct keyring *make(const struct keyring_options *options, enum seal_suite suite)
{
    struct keyring *keyring = base_zalloc(sizeof *keyring);
    unsigned most = options->certificates_max ? options->certificates_max : CERTIFICATES_MAX;
    keyring->seal = (struct seal){ keyring,        suite,        options->accepted, openssl_digest, keyring_sign, keyring_verify,
                                   keyring_learn, keyring_certificate, keyring_wrap, keyring_unwrap };
    memcpy(keyring->signer_id, options->sm2_signer_id ? options->sm2_signer_id : SIGNATURE_SM2_ID,
           strlen(options->sm2_signer_id ? options->sm2_signer_id : SIGNATURE_SM2_ID));
    known_init(&keyring->known, most < CERTIFICATES_MIN ? CERTIFICATES_MIN : most);
    pthread_mutex_init(&keyring->mutex, NULL);
    return keyring;
}

static int check_signer_id(const struct keyring_options *options, char *reterr_text, size_t reterr_size)
{
    size_t size = options->sm2_signer_id ? strlen(options->sm2_signer_id) : 1;
    if (size > 0 && size <= SIGNER_ID_SIZE_MAX) return 0;
    return keyring_refuse(reterr_text, reterr_size, "the SM2 signer id has %zu characters; expected 1 to %u", size, SIGNER_ID_SIZE_MAX);
}

int keyring_new(const struct keyring_options *options, struct keyring **ret_keyring, char *reterr_text, size_t reterr_size)
{
    struct own own = { 0 };
    struct trust *trust = NULL;
    int rc = check_signer_id(options, reterr_text, reterr_size);
    if (rc == 0) rc = load(options, &own, &trust, reterr_text, reterr_size);
    if (rc != 0) return rc;
    struct keyring *keyring = make(options, own.certificate.scheme->suite);
    put_in_force(keyring, &own, &trust);
    own_deinit(&own);
    *ret_keyring = keyring;
    return 0;
}

int keyring_new_verifier(const struct keyring_options *options, struct keyring **ret_keyring, char *reterr_text, size_t reterr_size)
{
    struct trust *trust = NULL;
    int rc = check_signer_id(options, reterr_text, reterr_size);
    if (rc == 0) rc = trust_new(options->ca_file, options->crl_file, &trust, reterr_text, reterr_size);
    if (rc != 0) return rc;
    *ret_keyring = make(options, SEAL_SUITE_NONE);
    (*ret_keyring)->trust = trust;
    return 0;
}

int keyring_reload(struct keyring *keyring, const struct keyring_options *options, char *reterr_text, size_t reterr_size)
{
    struct own own = { 0 };
    struct trust *trust = NULL;
    int rc = load(options, &own, &trust, reterr_text, reterr_size);
    if (rc != 0) return rc;
    if (own.certificate.scheme->suite == keyring->seal.suite) {
        pthread_mutex_lock(&keyring->mutex);
        put_in_force(keyring, &own, &trust);
        pthread_mutex_unlock(&keyring->mutex);
    } else
        rc = keyring_refuse(reterr_text, reterr_size, "certificate %s is of another suite than the one this process began with; restart it",
                            options->certificate_file);
    own_deinit(&own);
    trust_unref(trust);
    return rc;
}

struct keyring *keyring_free(struct keyring *keyring)
{
    if (!keyring) return NULL;
    known_deinit(&keyring->known);
    for (size_t i = 0; i < BEGUN_MAX; i++) EVP_MD_CTX_free(keyring->verifying[i].context);
    EVP_MD_CTX_free(keyring->signing);
    EVP_PKEY_free(keyring->key);
    trust_unref(keyring->trust);
    pthread_mutex_destroy(&keyring->mutex);
    free(keyring);
    return NULL;
}
