/* The inside of a container: 64 bytes of head, the content, zeros up to the bucket.
 *
 *    0  "QIAO"                 12  size of the content, 4 bytes, big-endian
 *    4  version 1              16  message id (16), zeros: not bound
 *    5  suite                  32  digest of the recipients (32), SHA-256 or SM3 by suite
 *    6  zeros (2)              64  content
 *    8  kind of the content, 4 bytes, big-endian */
#include "seal/sealed.h"

#include "seal/digest.h"

#include <string.h>

#define SIZE_STEP (16u * 1024u)
#define SIZE_MAX_PADDED (QIAO_BODY_SIZE_MAX - SIZE_STEP)
#define FRAME_VERSION 1

static const char magic[4] = { 'Q', 'I', 'A', 'O' };

_Static_assert(QIAO_SEALED_CONTENT_SIZE_MAX == SIZE_MAX_PADDED - SEALED_FRAME_HEAD_SIZE, "qiao/sealed.h says how much fits");

size_t sealed_bucket(size_t size)
{
    size_t bucket = 1024;
    if (size > SIZE_MAX_PADDED) return 0;
    while (bucket < size && bucket < SIZE_STEP) bucket *= 2;
    return bucket >= size ? bucket : (size + SIZE_STEP - 1) / SIZE_STEP * SIZE_STEP;
}

static int compare_digests(const void *a, const void *b) { return memcmp(a, b, SEAL_DIGEST_SIZE); }

bool sealed_recipients_digest(enum qiao_sealed_suite suite, const struct qiao_sealed_recipient *names, size_t count, uint8_t ret_digest[SEAL_DIGEST_SIZE])
{
    uint8_t digests[QIAO_SEALED_RECIPIENTS_MAX][SEAL_DIGEST_SIZE];
    for (size_t i = 0; i < count; i++) {
        const struct qiao_bytes parts[] = { qiao_bytes_from_string(names[i].key_id.size ? "key" : "issuer"), names[i].key_id, names[i].issuer, names[i].serial };
        openssl_digest((enum seal_suite)suite, parts, sizeof parts / sizeof parts[0], digests[i]);
    }
    qsort(digests, count, sizeof digests[0], compare_digests);
    bool once = true;
    for (size_t i = 1; i < count; i++) once = once && compare_digests(digests[i - 1], digests[i]) != 0;
    const struct qiao_bytes all = qiao_bytes(digests, count * sizeof digests[0]);
    openssl_digest((enum seal_suite)suite, &all, 1, ret_digest);
    return once;
}

void sealed_frame_write(struct buf *out, enum qiao_sealed_suite suite, const struct qiao_sealed_request *request,
                        const uint8_t recipients_digest[SEAL_DIGEST_SIZE], struct qiao_bytes content)
{
    size_t size = sealed_bucket(SEALED_FRAME_HEAD_SIZE + content.size);
    assert(size > 0);
    uint8_t *frame = buf_reserve(out, size);
    memset(frame, 0, size);
    memcpy(frame, magic, sizeof magic);
    frame[4] = FRAME_VERSION;
    frame[5] = (uint8_t)suite;
    put_u32(frame + 8, request->kind);
    put_u32(frame + 12, (uint32_t)content.size);
    if (request->message_id) memcpy(frame + 16, request->message_id->bytes, QIAO_ID_SIZE);
    memcpy(frame + 32, recipients_digest, SEAL_DIGEST_SIZE);
    if (content.size > 0) memcpy(frame + SEALED_FRAME_HEAD_SIZE, content.data, content.size);
    out->size = size;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++) any |= bytes[i];
    return any == 0;
}

enum qiao_sealed_result sealed_frame_read(struct qiao_bytes inside, enum qiao_sealed_suite suite, const uint8_t recipients_digest[SEAL_DIGEST_SIZE],
                                          struct sealed_frame *ret_frame)
{
    const uint8_t *at = inside.data;
    *ret_frame = (struct sealed_frame){ 0 };
    if (inside.size < sizeof magic || memcmp(at, magic, sizeof magic) != 0) {
        ret_frame->content = inside;
        return suite == QIAO_SEALED_SUITE_INT1 ? QIAO_SEALED_DONE : QIAO_SEALED_DAMAGED;
    }
    if (inside.size < SEALED_FRAME_HEAD_SIZE || at[4] != FRAME_VERSION || at[5] != suite || !is_zero(at + 6, 2)) return QIAO_SEALED_DAMAGED;
    size_t size = get_u32(at + 12);
    if (size > inside.size - SEALED_FRAME_HEAD_SIZE || sealed_bucket(SEALED_FRAME_HEAD_SIZE + size) != inside.size) return QIAO_SEALED_DAMAGED;
    if (memcmp(at + 32, recipients_digest, SEAL_DIGEST_SIZE) != 0) return QIAO_SEALED_DAMAGED;
    if (!is_zero(at + SEALED_FRAME_HEAD_SIZE + size, inside.size - SEALED_FRAME_HEAD_SIZE - size)) return QIAO_SEALED_DAMAGED;
    ret_frame->kind = get_u32(at + 8);
    memcpy(ret_frame->message_id.bytes, at + 16, QIAO_ID_SIZE);
    ret_frame->bound = !is_zero(at + 16, QIAO_ID_SIZE);
    ret_frame->content = qiao_bytes(at + SEALED_FRAME_HEAD_SIZE, size);
    return QIAO_SEALED_DONE;
}
