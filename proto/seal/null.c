#include "seal/seal.h"

/* FNV-1a over words, then mixed into four: cheap, spread over 32 bytes, not cryptographic. */
static uint64_t mix(uint64_t hash, struct qiao_bytes data)
{
    hash ^= data.size * 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < data.size; i += 8) {
        uint64_t word = 0;
        memcpy(&word, data.data + i, data.size - i < 8 ? data.size - i : 8);
        hash = (hash ^ word) * 0x100000001b3u;
        hash ^= hash >> 29;
    }
    return hash;
}

static void null_digest(enum seal_suite suite, const struct qiao_bytes *parts, size_t parts_count, uint8_t ret_digest[SEAL_DIGEST_SIZE])
{
    uint64_t hash = suite == SEAL_SUITE_GM1 ? 0x84222325cbf29ce4u : 0xcbf29ce484222325u;
    for (size_t i = 0; i < parts_count; i++) hash = mix(hash, parts[i]);
    for (unsigned lane = 0; lane < 4; lane++) {
        hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u + lane;
        for (unsigned k = 0; k < 8; k++) ret_digest[lane * 8 + k] = (uint8_t)(hash >> (8 * k));
    }
}

static int null_sign(void *context, struct qiao_bytes message, struct seal_key_id *ret_key_id, uint8_t ret_signature[SEAL_SIGNATURE_SIZE])
{
    (void)context;
    (void)message;
    (void)ret_key_id;
    (void)ret_signature;
    return -1;
}

static unsigned null_verify(void *context, enum seal_suite suite, const struct seal_key_id *key_id, uint64_t at_ms, struct qiao_bytes message,
                            struct qiao_bytes signature, struct seal_identity *ret_signer)
{
    (void)context;
    (void)suite;
    (void)key_id;
    (void)at_ms;
    (void)message;
    (void)signature;
    (void)ret_signer;
    return QIAO_CODE_SUITE;
}

static unsigned null_learn(void *context, struct qiao_bytes certificate, struct seal_key_id *ret_key_id)
{
    (void)context;
    (void)certificate;
    (void)ret_key_id;
    return QIAO_CODE_UNKNOWN_KEY;
}

static bool null_certificate(void *context, const struct seal_key_id *id, struct buf *out)
{
    (void)context;
    (void)id;
    (void)out;
    return false;
}

static unsigned null_wrap(void *context, const struct seal_key_id *to, struct qiao_bytes content, struct buf *out, struct seal_identity *ret_holder)
{
    (void)context;
    (void)to;
    (void)content;
    (void)out;
    (void)ret_holder;
    return QIAO_CODE_UNKNOWN_KEY;
}

static unsigned null_unwrap(void *context, struct qiao_bytes wrapped, struct buf *out)
{
    (void)context;
    (void)wrapped;
    (void)out;
    return QIAO_CODE_CANNOT_RECEIVE;
}

const struct seal seal_null = { NULL, SEAL_SUITE_NONE, 1u << SEAL_SUITE_NONE, null_digest, null_sign, null_verify, null_learn, null_certificate, null_wrap, null_unwrap };
