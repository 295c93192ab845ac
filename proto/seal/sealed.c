/* qiao/sealed.h: who may receive, in which suite, with which key. */
#include "seal/sealed.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define KEY_SIZE_MAX (64u * 1024u)

static const struct sealed_suite *const suites[] = { [QIAO_SEALED_SUITE_INT1] = &sealed_int1, [QIAO_SEALED_SUITE_GM1] = &sealed_gm1 };

const char *qiao_sealed_text(int result)
{
    switch (result) {
#define X(name, number, text) \
    case number: return text;
        QIAO_SEALED_MAP(X)
#undef X
    }
    return "out of memory or randomness";
}

void secret_deinit(struct buf *secret)
{
    if (secret->data) OPENSSL_cleanse(secret->data, secret->capacity);
    buf_deinit(secret);
}

void qiao_sealed_free(struct qiao_bytes *bytes)
{
    uint8_t *data = (uint8_t *)(uintptr_t)bytes->data;
    if (data) OPENSSL_cleanse(data, bytes->size);
    free(data);
    *bytes = (struct qiao_bytes){ 0 };
}

/* ---- sealing ---- */

struct sealing {
    struct sealed_certificate recipients[QIAO_SEALED_RECIPIENTS_MAX];
    struct sealed_certificate consented; /* x509 NULL: no matter */
    size_t count;
    enum qiao_sealed_suite suite;
};

static void sealing_deinit(struct sealing *sealing)
{
    for (size_t i = 0; i < QIAO_SEALED_RECIPIENTS_MAX; i++) sealed_certificate_deinit(&sealing->recipients[i]);
    sealed_certificate_deinit(&sealing->consented);
}

static enum qiao_sealed_result add_recipient(struct sealing *sealing, struct qiao_bytes encoded, uint64_t at_ms)
{
    struct sealed_certificate *to = &sealing->recipients[sealing->count++];
    enum qiao_sealed_result result = sealed_certificate_init(to, encoded);
    if (result == QIAO_SEALED_DONE) result = sealed_certificate_check(to, at_ms);
    if (result != QIAO_SEALED_DONE) return result;
    if (sealing->suite == QIAO_SEALED_SUITE_ANY) sealing->suite = to->suite;
    if (sealing->suite != to->suite) return QIAO_SEALED_SUITE_OTHER;
    if (sealing->consented.x509 && !sealed_same_organisation(sealing->consented.x509, to->x509)) return QIAO_SEALED_RECIPIENT_CHANGED;
    return QIAO_SEALED_DONE;
}

static enum qiao_sealed_result prepare(struct sealing *sealing, const struct qiao_sealed_request *request, size_t *ret_certificate)
{
    if (request->certificates_count == 0 || request->certificates_count > QIAO_SEALED_RECIPIENTS_MAX) return QIAO_SEALED_RECIPIENTS;
    if (request->consented.size > 0) {
        enum qiao_sealed_result result = sealed_certificate_init(&sealing->consented, request->consented);
        if (result != QIAO_SEALED_DONE) return QIAO_SEALED_RECIPIENT_CHANGED;
    }
    sealing->suite = request->suite;
    for (size_t i = 0; i < request->certificates_count; i++) {
        enum qiao_sealed_result result = add_recipient(sealing, request->certificates[i], request->at_ms);
        if (result == QIAO_SEALED_DONE) continue;
        if (ret_certificate) *ret_certificate = i;
        return result;
    }
    return QIAO_SEALED_DONE;
}

int qiao_seal(const struct qiao_sealed_request *request, struct qiao_bytes content, struct qiao_bytes *ret_container, size_t *ret_certificate)
{
    __attribute__((cleanup(sealing_deinit))) struct sealing sealing = { 0 };
    struct qiao_sealed_recipient names[QIAO_SEALED_RECIPIENTS_MAX];
    uint8_t digest[SEAL_DIGEST_SIZE];
    buf_auto container = { 0 };
    secret_auto inside = { 0 };
    if (content.size > QIAO_SEALED_CONTENT_SIZE_MAX) return QIAO_SEALED_TOO_LARGE;
    enum qiao_sealed_result result = prepare(&sealing, request, ret_certificate);
    if (result != QIAO_SEALED_DONE) return result;
    for (size_t i = 0; i < sealing.count; i++) names[i] = sealed_certificate_name(&sealing.recipients[i]);
    if (!sealed_recipients_digest(sealing.suite, names, sealing.count, digest)) return QIAO_SEALED_RECIPIENTS;
    sealed_frame_write(&inside, sealing.suite, request, digest, content);
    int r = suites[sealing.suite]->seal(sealing.recipients, sealing.count, buf_bytes(&inside), &container);
    if (r < 0) return r;
    if (container.size > QIAO_BODY_SIZE_MAX) return QIAO_SEALED_TOO_LARGE; /* names of issuers can be long */
    size_t size;
    const uint8_t *data = buf_take(&container, &size);
    *ret_container = qiao_bytes(data, size);
    return QIAO_SEALED_DONE;
}

unsigned qiao_sealed_check_organisation(struct qiao_bytes consented, struct qiao_bytes current)
{
    struct sealed_certificate a = { 0 }, b = { 0 };
    bool same = sealed_certificate_init(&a, consented) == QIAO_SEALED_DONE && sealed_certificate_init(&b, current) == QIAO_SEALED_DONE &&
                sealed_same_organisation(a.x509, b.x509);
    sealed_certificate_deinit(&a);
    sealed_certificate_deinit(&b);
    return same ? QIAO_CODE_OK : QIAO_CODE_RECIPIENT_CHANGED;
}

/* ---- keys ---- */

/* Never asks at a terminal. */
static int give_passphrase(char *out, int size, int writing, void *passphrase)
{
    size_t length = passphrase ? strlen(passphrase) : 0;
    (void)writing;
    if (!passphrase || length > (size_t)size) return -1;
    memcpy(out, passphrase, length);
    return (int)length;
}

static EVP_PKEY *read_key(struct qiao_bytes encoded, const char *passphrase)
{
    if (encoded.size == 0 || encoded.size > KEY_SIZE_MAX) return NULL;
    BIO *bio = BIO_new_mem_buf(encoded.data, (int)encoded.size);
    void *secret = (void *)(uintptr_t)passphrase;
    EVP_PKEY *key = NULL;
    if (bio && encoded.data[0] != DER_SEQUENCE) key = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, secret);
    else if (bio && passphrase) key = d2i_PKCS8PrivateKey_bio(bio, NULL, give_passphrase, secret);
    else if (bio) key = d2i_PrivateKey_bio(bio, NULL);
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

static enum qiao_sealed_result key_init(struct qiao_sealed_key *key, struct qiao_bytes certificate, struct qiao_bytes encoded, const char *passphrase)
{
    enum qiao_sealed_result result = sealed_certificate_init(&key->certificate, certificate);
    if (result != QIAO_SEALED_DONE) return result;
    if (key->certificate.suite == QIAO_SEALED_SUITE_ANY) return QIAO_SEALED_CANNOT_RECEIVE;
    key->key = read_key(encoded, passphrase);
    if (!key->key) return QIAO_SEALED_KEY;
    bool fits = EVP_PKEY_eq(key->key, key->certificate.public_key) == 1;
    ERR_clear_error();
    return fits ? QIAO_SEALED_DONE : QIAO_SEALED_KEY_OTHER;
}

int qiao_sealed_key_new(struct qiao_bytes certificate, struct qiao_bytes key, const char *passphrase, struct qiao_sealed_key **ret_key)
{
    struct qiao_sealed_key *made = base_zalloc(sizeof *made);
    enum qiao_sealed_result result = key_init(made, certificate, key, passphrase);
    if (result == QIAO_SEALED_DONE) *ret_key = made;
    else qiao_sealed_key_free(made);
    return result;
}

void qiao_sealed_key_free(struct qiao_sealed_key *key)
{
    if (!key) return;
    sealed_certificate_deinit(&key->certificate);
    EVP_PKEY_free(key->key);
    free(key);
}

/* ---- opening ---- */

struct opening {
    struct qiao_bytes container;
    struct sealed_form form;
    uint8_t recipients_digest[SEAL_DIGEST_SIZE];
    const struct qiao_id *message_id;
};

static enum qiao_sealed_result give_content(const struct opening *opening, struct qiao_bytes inside, struct qiao_sealed_content *ret_content)
{
    struct sealed_frame frame;
    enum qiao_sealed_result result = sealed_frame_read(inside, opening->form.suite, opening->recipients_digest, &frame);
    if (result != QIAO_SEALED_DONE) return result;
    if (opening->message_id && !frame.bound) return QIAO_SEALED_UNBOUND;
    if (opening->message_id && !qiao_id_equal(opening->message_id, &frame.message_id)) return QIAO_SEALED_OTHER_MESSAGE;
    uint8_t *content = base_alloc(frame.content.size);
    if (frame.content.size > 0) memcpy(content, frame.content.data, frame.content.size);
    ret_content->content = qiao_bytes(content, frame.content.size);
    ret_content->suite = opening->form.suite;
    ret_content->kind = frame.kind;
    ret_content->bound = frame.bound;
    ret_content->message_id = frame.message_id;
    return QIAO_SEALED_DONE;
}

static enum qiao_sealed_result open_with(const struct opening *opening, const struct qiao_sealed_key *key, struct qiao_sealed_content *ret_content)
{
    const struct sealed_form *form = &opening->form;
    for (size_t i = 0; i < form->recipients_count; i++) {
        secret_auto inside = { 0 };
        if (!sealed_certificate_is(&key->certificate, form->suite, &form->recipients[i].name)) continue;
        inside.data = base_alloc(form->ciphertext.size);
        inside.capacity = form->ciphertext.size;
        if (!suites[form->suite]->open(opening->container, form, &form->recipients[i], key, &inside)) return QIAO_SEALED_DAMAGED;
        return give_content(opening, buf_bytes(&inside), ret_content);
    }
    return QIAO_SEALED_NOT_FOR_US;
}

static enum qiao_sealed_result read_container(struct opening *opening, struct qiao_bytes container)
{
    struct qiao_sealed_recipient names[QIAO_SEALED_RECIPIENTS_MAX];
    struct sealed_form *form = &opening->form;
    opening->container = container;
    enum qiao_sealed_result result = sealed_form_read(container, form);
    if (result != QIAO_SEALED_DONE) return result;
    for (size_t i = 0; i < form->recipients_count; i++) names[i] = form->recipients[i].name;
    return sealed_recipients_digest(form->suite, names, form->recipients_count, opening->recipients_digest) ? QIAO_SEALED_DONE : QIAO_SEALED_NOT_SEALED;
}

int qiao_sealed_open(struct qiao_bytes container, const struct qiao_sealed_key *const *keys, size_t keys_count, const struct qiao_id *message_id,
                     struct qiao_sealed_content *ret_content)
{
    struct opening opening = { .message_id = message_id };
    *ret_content = (struct qiao_sealed_content){ 0 };
    enum qiao_sealed_result result = read_container(&opening, container), first = QIAO_SEALED_NOT_FOR_US;
    if (result != QIAO_SEALED_DONE) return result;
    if (keys_count > QIAO_SEALED_KEYS_MAX) return QIAO_SEALED_TOO_LARGE;
    for (size_t i = 0; i < keys_count; i++) {
        result = open_with(&opening, keys[i], ret_content);
        ret_content->key = i;
        if (result == QIAO_SEALED_DONE) return result;
        if (first == QIAO_SEALED_NOT_FOR_US) first = result; /* the key it was sealed for says more than the others */
    }
    return first;
}

int qiao_sealed_describe(struct qiao_bytes container, struct qiao_sealed_description *ret_description)
{
    struct opening opening = { 0 };
    *ret_description = (struct qiao_sealed_description){ 0 };
    enum qiao_sealed_result result = read_container(&opening, container);
    if (result != QIAO_SEALED_DONE) return result;
    ret_description->suite = opening.form.suite;
    ret_description->padded_size = opening.form.ciphertext.size;
    ret_description->recipients_count = opening.form.recipients_count;
    for (size_t i = 0; i < opening.form.recipients_count; i++) ret_description->recipients[i] = opening.form.recipients[i].name;
    return QIAO_SEALED_DONE;
}

static void format_hex(struct qiao_bytes bytes, char *text, size_t size)
{
    text[0] = '\0';
    for (size_t i = 0; i < bytes.size && 2 * i + 3 <= size; i++) snprintf(text + 2 * i, size - 2 * i, "%02x", bytes.data[i]);
}

void qiao_sealed_recipient_format(const struct qiao_sealed_recipient *recipient, char text[QIAO_SEALED_TEXT_SIZE])
{
    char number[97], issuer[QIAO_SEALED_TEXT_SIZE] = "";
    const uint8_t *at = recipient->issuer.data;
    format_hex(recipient->key_id.size ? recipient->key_id : recipient->serial, number, sizeof number);
    if (recipient->key_id.size > 0) {
        snprintf(text, QIAO_SEALED_TEXT_SIZE, "key id %s", number);
        return;
    }
    X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)recipient->issuer.size);
    BIO *bio = BIO_new(BIO_s_mem());
    if (name && bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) BIO_gets(bio, issuer, sizeof issuer);
    snprintf(text, QIAO_SEALED_TEXT_SIZE, "serial %s of %.140s", number, issuer[0] ? issuer : "an issuer that cannot be read");
    BIO_free(bio);
    X509_NAME_free(name);
    ERR_clear_error();
}
