#include "codec/attachment.h"

#include <string.h>

static bool take_digest(const struct pb_field *f, uint8_t ret_digest[ATTACHMENT_DIGEST_SIZE])
{
    if (f->type != PB_BYTES || f->bytes.size != ATTACHMENT_DIGEST_SIZE) return false;
    memcpy(ret_digest, f->bytes.data, ATTACHMENT_DIGEST_SIZE);
    return true;
}

/* AttachmentRef { digest = 1, size = 2, suite = 3 } */
bool attachment_ref_read(struct qiao_bytes raw, struct attachment_ref *ret_ref)
{
    struct attachment_ref ref = { .size = 0 };
    struct pb_reader r = pb_reader(raw);
    struct pb_field f;
    bool named = false;
    while (pb_next(&r, &f)) {
        if (f.number > 3) continue;
        if (f.number > 1 && f.type != PB_VARINT) return false;
        if (f.number == 1 && !(named = take_digest(&f, ref.digest))) return false;
        if (f.number == 2) ref.size = f.value;
        if (f.number == 3 && f.value > 2) return false;
        if (f.number == 3) ref.suite = (unsigned)f.value;
    }
    *ret_ref = ref;
    return !r.failed && named && ref.size > 0 && ref.size <= QIAO_ATTACHMENT_SIZE_MAX;
}

void attachment_ref_write(struct buf *buf, uint32_t number, const struct attachment_ref *ref)
{
    pb_put_bytes_head(buf, number, 2 + ATTACHMENT_DIGEST_SIZE + 1 + pb_varint_size(ref->size) + (ref->suite ? 2 : 0));
    pb_put_bytes(buf, 1, qiao_bytes(ref->digest, ATTACHMENT_DIGEST_SIZE));
    pb_put_varint(buf, 2, ref->size);
    pb_put_varint(buf, 3, ref->suite);
}

/* AttachmentWord { type = 1, digest = 2, first = 3, count = 4, leaves = 5, data = 6, state = 7, taken = 8 } */
static bool take_number(const struct pb_field *f, struct attachment_word *word)
{
    static const uint64_t most[] = { [1] = ATTACHMENT_WORD_TYPES - 1, [3] = ATTACHMENT_CHUNKS_MAX, [4] = ATTACHMENT_WINDOW_CHUNKS, [5] = 1,
                                     [7] = ATTACHMENT_STATES - 1, [8] = UINT64_MAX };
    if (f->type != PB_VARINT || f->value > most[f->number]) return false;
    if (f->number == 1) word->type = (enum attachment_word_type)f->value;
    if (f->number == 3) word->first = (uint32_t)f->value;
    if (f->number == 4) word->count = (uint32_t)f->value;
    if (f->number == 5) word->leaves = f->value == 1;
    if (f->number == 7) word->state = (enum attachment_state)f->value;
    if (f->number == 8) word->taken = f->value;
    return true;
}

bool attachment_word_read(struct qiao_bytes raw, struct attachment_word *ret_word)
{
    struct attachment_word word = { .type = ATTACHMENT_NOTHING };
    struct pb_reader r = pb_reader(raw);
    struct pb_field f;
    bool named = false;
    while (pb_next(&r, &f)) {
        if (f.number > 8) continue;
        if (f.number == 2 && !(named = take_digest(&f, word.digest))) return false;
        if (f.number == 6 && f.type != PB_BYTES) return false;
        if (f.number == 6) word.data = f.bytes;
        if (f.number != 2 && f.number != 6 && !take_number(&f, &word)) return false;
    }
    *ret_word = word;
    return !r.failed && named;
}

void attachment_word_write(struct buf *buf, const struct attachment_word *word)
{
    pb_put_varint(buf, 1, word->type);
    pb_put_bytes(buf, 2, qiao_bytes(word->digest, ATTACHMENT_DIGEST_SIZE));
    pb_put_varint(buf, 3, word->first);
    pb_put_varint(buf, 4, word->count);
    pb_put_varint(buf, 5, word->leaves);
    pb_put_bytes(buf, 6, word->data);
    pb_put_varint(buf, 7, word->state);
    pb_put_varint(buf, 8, word->taken);
}
