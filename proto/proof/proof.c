#include "proof/proof.h"

#include "codec/pb.h"

/* Proof { suite = 1, key_id = 2, signature = 3, merkle_path = 4, leaf_index = 5, group_size = 6, signed_at_ms = 7 } in Envelope's field 3 */
enum { ENVELOPE_PROOF = 3, SUITE = 1, KEY_ID = 2, SIGNATURE = 3, PATH = 4, LEAF_INDEX = 5, GROUP_SIZE = 6, SIGNED_AT = 7 };

static bool read_bytes(const struct pb_field *f, struct proof *p)
{
    if (f->type != PB_BYTES) return false;
    if (f->number == SIGNATURE) {
        p->signature = f->bytes;
        return f->bytes.size <= SEAL_SIGNATURE_SIZE_MAX;
    }
    if (f->number == KEY_ID) {
        if (f->bytes.size == SEAL_KEY_ID_SIZE) memcpy(p->key_id.bytes, f->bytes.data, SEAL_KEY_ID_SIZE);
        return f->bytes.size == SEAL_KEY_ID_SIZE;
    }
    if (p->path_count == PROOF_PATH_MAX || f->bytes.size != SEAL_DIGEST_SIZE) return false;
    if (p->path_count == 0) p->path = f->bytes.data;
    return f->bytes.data == p->path + PROOF_PATH_STRIDE * p->path_count++;
}

bool proof_read(struct qiao_bytes bytes, struct proof *ret_proof)
{
    struct proof *p = ret_proof;
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    memset(p, 0, sizeof *p);
    while (pb_next(&r, &f)) {
        if (f.number >= KEY_ID && f.number <= PATH && !read_bytes(&f, p)) return false;
        if ((f.number == SUITE || f.number == LEAF_INDEX) && f.type != PB_VARINT) return false;
        if (f.number == SUITE) p->suite = f.value < SEAL_SUITES ? (unsigned)f.value : SEAL_SUITES;
        if (f.number == LEAF_INDEX) p->leaf_index = f.value;
        if (f.number == GROUP_SIZE && f.type == PB_FIXED32) p->group_size = (uint32_t)f.value;
        if (f.number == SIGNED_AT && f.type == PB_FIXED64) p->signed_at_ms = f.value;
    }
    return !r.failed && p->suite != SEAL_SUITE_NONE && p->group_size > 0 && p->group_size <= PROOF_GROUP_MAX && p->leaf_index < p->group_size;
}

static void put_little(uint8_t *at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) at[i] = (uint8_t)(value >> (8 * i));
}

void proof_put_head(struct buf *buf)
{
    static const struct seal_key_id no_key = { { 0 } };
    static const uint8_t no_signature[SEAL_SIGNATURE_SIZE];
    proof_fill_head(buf_reserve(buf, PROOF_HEAD_SIZE), SEAL_SUITE_INT1, &no_key, no_signature, 1, 0);
    buf->size += PROOF_HEAD_SIZE;
}

/* Every field has a fixed size, so that a place for it can be kept before the signature is made. */
void proof_fill_head(uint8_t field[PROOF_HEAD_SIZE], enum seal_suite suite, const struct seal_key_id *key_id, const uint8_t signature[SEAL_SIGNATURE_SIZE],
                     uint32_t group_size, uint64_t signed_at_ms)
{
    uint8_t *at = field;
    *at++ = ENVELOPE_PROOF << 3 | PB_BYTES;
    *at++ = PROOF_HEAD_SIZE - 2;
    *at++ = SUITE << 3 | PB_VARINT;
    *at++ = (uint8_t)suite;
    *at++ = KEY_ID << 3 | PB_BYTES;
    *at++ = SEAL_KEY_ID_SIZE;
    memcpy(at, key_id->bytes, SEAL_KEY_ID_SIZE);
    at += SEAL_KEY_ID_SIZE;
    *at++ = SIGNATURE << 3 | PB_BYTES;
    *at++ = SEAL_SIGNATURE_SIZE;
    memcpy(at, signature, SEAL_SIGNATURE_SIZE);
    at += SEAL_SIGNATURE_SIZE;
    *at++ = GROUP_SIZE << 3 | PB_FIXED32;
    put_little(at, group_size, 4);
    at += 4;
    *at++ = SIGNED_AT << 3 | PB_FIXED64;
    put_little(at, signed_at_ms, 8);
    assert(at + 8 == field + PROOF_HEAD_SIZE);
}

void proof_put_single(struct buf *buf, const struct proof *head, uint64_t leaf_index, const struct merkle_hash *const *path, unsigned path_count)
{
    buf_auto out = { 0 };
    uint8_t size[5] = { GROUP_SIZE << 3 | PB_FIXED32 };
    pb_put_varint(&out, SUITE, head->suite);
    pb_put_bytes(&out, KEY_ID, qiao_bytes(head->key_id.bytes, SEAL_KEY_ID_SIZE));
    pb_put_bytes(&out, SIGNATURE, head->signature);
    for (unsigned i = 0; i < path_count; i++) pb_put_bytes(&out, PATH, qiao_bytes(path[i]->bytes, SEAL_DIGEST_SIZE));
    pb_put_varint(&out, LEAF_INDEX, leaf_index);
    put_little(size + 1, head->group_size, 4);
    buf_append(&out, size, sizeof size);
    pb_put_fixed64(&out, SIGNED_AT, head->signed_at_ms);
    pb_put_bytes(buf, ENVELOPE_PROOF, buf_bytes(&out));
}

void proof_statement(uint8_t ret_statement[PROOF_STATEMENT_SIZE], unsigned suite, uint64_t signed_at_ms, uint32_t group_size, const struct merkle_hash *root)
{
    uint8_t *at = ret_statement;
    memcpy(at, "qiao origin 1", 14);
    at[14] = (uint8_t)suite;
    put_u64(at + 15, signed_at_ms);
    put_u32(at + 23, group_size);
    memcpy(at + 27, root->bytes, SEAL_DIGEST_SIZE);
}
