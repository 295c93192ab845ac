/* Keys as far as the simulator needs them: nobody can sign without a secret that only the certificate's name gives, certificates have a
 * mark that only the authority makes, and a node knows only the certificates that it was shown. Nothing here is cryptography. */
#include "sim.h"

#include <stdio.h>

/* A certificate: mark (32), then "name area member". */
#define MARK_SIZE SEAL_DIGEST_SIZE

static void mark_of(const struct sim_keys *keys, const char *word, struct qiao_bytes text, uint8_t ret_mark[MARK_SIZE])
{
    uint8_t secret[8];
    put_u64(secret, keys->secret);
    const struct qiao_bytes parts[] = { qiao_bytes(secret, sizeof secret), qiao_bytes_from_string(word), text };
    seal_null.digest(SEAL_SUITE_NONE, parts, 3, ret_mark);
}

static void id_of(struct qiao_bytes certificate, struct seal_key_id *ret_id)
{
    uint8_t digest[SEAL_DIGEST_SIZE];
    seal_digest(&seal_null, SEAL_SUITE_NONE, certificate, digest);
    memcpy(ret_id->bytes, digest, SEAL_KEY_ID_SIZE);
}

void sim_keys_certificate(const struct sim_keys *keys, const char *name, const char *area, bool member, struct buf *out)
{
    char text[SIM_CERTIFICATE_SIZE_MAX];
    uint8_t mark[MARK_SIZE];
    snprintf(text, sizeof text, "%s %s %c", name, area, member ? 'm' : 'n');
    mark_of(keys, "certificate", qiao_bytes_from_string(text), mark);
    buf_append(out, mark, sizeof mark);
    buf_append(out, text, strlen(text));
}

void sim_keys_sign(const struct sim_keys *keys, const char *name, struct qiao_bytes message, uint8_t ret_signature[SEAL_SIGNATURE_SIZE])
{
    buf_auto words = { 0 };
    buf_append(&words, name, strlen(name) + 1);
    buf_append(&words, message.data, message.size);
    mark_of(keys, "left half", buf_bytes(&words), ret_signature);
    mark_of(keys, "right half", buf_bytes(&words), ret_signature + SEAL_DIGEST_SIZE);
}

static bool parse(struct qiao_bytes certificate, struct seal_identity *ret)
{
    char text[SIM_CERTIFICATE_SIZE_MAX], kind;
    size_t size = certificate.size - MARK_SIZE;
    if (certificate.size <= MARK_SIZE || size >= sizeof text) return false;
    memcpy(text, certificate.data + MARK_SIZE, size);
    text[size] = '\0';
    memset(ret, 0, sizeof *ret);
    if (sscanf(text, "%64s %32s %c", ret->name, ret->area, &kind) != 3) return false;
    ret->member = kind == 'm';
    return true;
}

static const struct sim_certificate *find(const struct sim_keys *keys, const struct seal_key_id *id)
{
    for (uint32_t i = 0; i < keys->count; i++)
        if (memcmp(keys->known[i].id.bytes, id->bytes, SEAL_KEY_ID_SIZE) == 0) return &keys->known[i];
    return NULL;
}

static int sign(void *context, struct qiao_bytes message, struct seal_key_id *ret_key_id, uint8_t ret_signature[SEAL_SIGNATURE_SIZE])
{
    const struct sim_keys *keys = context;
    sim_keys_sign(keys, keys->known[0].identity.name, message, ret_signature);
    *ret_key_id = keys->known[0].id;
    return 0;
}

static unsigned verify(void *context, enum seal_suite suite, const struct seal_key_id *key_id, uint64_t at_ms, struct qiao_bytes message,
                       struct qiao_bytes signature, struct seal_identity *ret_signer)
{
    const struct sim_keys *keys = context;
    const struct sim_certificate *c = find(keys, key_id);
    uint8_t wanted[SEAL_SIGNATURE_SIZE];
    (void)at_ms;
    if (!c) return QIAO_CODE_UNKNOWN_KEY;
    sim_keys_sign(keys, c->identity.name, message, wanted);
    *ret_signer = c->identity;
    if (!qiao_bytes_equal(signature, qiao_bytes(wanted, sizeof wanted))) return QIAO_CODE_SIGNATURE;
    return suite == SEAL_SUITE_INT1 ? QIAO_CODE_OK : QIAO_CODE_SUITE;
}

static unsigned learn(void *context, struct qiao_bytes certificate, struct seal_key_id *ret_key_id)
{
    struct sim_keys *keys = context;
    struct sim_certificate fresh = { .size = (uint32_t)certificate.size };
    uint8_t mark[MARK_SIZE];
    if (!parse(certificate, &fresh.identity)) return QIAO_CODE_UNKNOWN_KEY;
    mark_of(keys, "certificate", qiao_bytes(certificate.data + MARK_SIZE, certificate.size - MARK_SIZE), mark);
    if (memcmp(mark, certificate.data, MARK_SIZE) != 0) return QIAO_CODE_UNKNOWN_KEY;
    id_of(certificate, &fresh.id);
    *ret_key_id = fresh.id;
    if (find(keys, &fresh.id)) return QIAO_CODE_OK;
    assert(keys->count < SIM_KEYS_MAX);
    memcpy(fresh.bytes, certificate.data, certificate.size);
    keys->known[keys->count++] = fresh;
    return QIAO_CODE_OK;
}

static bool certificate_of(void *context, const struct seal_key_id *id, struct buf *out)
{
    const struct sim_keys *keys = context;
    const struct sim_certificate *c = id ? find(keys, id) : &keys->known[0];
    if (c) buf_append(out, c->bytes, c->size);
    return c != NULL;
}

/* Whom it is for (16), a mark of the content (32), the content, unreadable to the eye. */
static unsigned wrap(void *context, const struct seal_key_id *to, struct qiao_bytes content, struct buf *out, struct seal_identity *ret_holder)
{
    const struct sim_keys *keys = context;
    uint8_t mark[MARK_SIZE];
    const struct sim_certificate *holder = find(keys, to);
    if (!holder) return QIAO_CODE_UNKNOWN_KEY;
    *ret_holder = holder->identity;
    mark_of(keys, "wrapped", content, mark);
    buf_append(out, to->bytes, SEAL_KEY_ID_SIZE);
    buf_append(out, mark, sizeof mark);
    for (size_t i = 0; i < content.size; i++) buf_append(out, &(uint8_t){ content.data[i] ^ 0x5a }, 1);
    return QIAO_CODE_OK;
}

static unsigned unwrap(void *context, struct qiao_bytes wrapped, struct buf *out)
{
    const struct sim_keys *keys = context;
    uint8_t mark[MARK_SIZE];
    size_t head = SEAL_KEY_ID_SIZE + MARK_SIZE, before = out->size;
    if (wrapped.size < head) return QIAO_CODE_MALFORMED;
    if (memcmp(wrapped.data, keys->known[0].id.bytes, SEAL_KEY_ID_SIZE) != 0) return QIAO_CODE_CANNOT_RECEIVE;
    for (size_t i = head; i < wrapped.size; i++) buf_append(out, &(uint8_t){ wrapped.data[i] ^ 0x5a }, 1);
    mark_of(keys, "wrapped", qiao_bytes(out->data + before, out->size - before), mark);
    if (memcmp(mark, wrapped.data + SEAL_KEY_ID_SIZE, sizeof mark) == 0) return QIAO_CODE_OK;
    out->size = before;
    return QIAO_CODE_DIGEST;
}

/* A process starts: it knows its own certificate and nothing else. */
void sim_keys_start(struct sim_keys *keys, const struct sim *sim, const char *name, const char *area, bool member)
{
    buf_auto own = { 0 };
    struct seal_key_id id;
    keys->count = 0;
    keys->secret = sim->options.seed ^ 0x5ea1u;
    keys->seal = (struct seal){ keys, SEAL_SUITE_INT1, 1u << SEAL_SUITE_INT1, seal_null.digest, sign, verify, learn, certificate_of, wrap, unwrap };
    sim_keys_certificate(keys, name, area, member, &own);
    unsigned code = learn(keys, buf_bytes(&own), &id);
    assert(code == QIAO_CODE_OK);
    (void)code;
}
