#include "proof/dossier_parts.h"

#include <stddef.h>

/* Where fields go: bytes by offset into a part, numbers the same. */
struct place {
    uint32_t number;
    enum pb_type type;
    size_t offset;
    size_t size;                   /* of bytes: exactly, or 0: any */
};

static bool put_field(const struct place *places, size_t places_count, const struct pb_field *f, void *part)
{
    for (size_t i = 0; i < places_count; i++) {
        const struct place *p = &places[i];
        if (p->number != f->number) continue;
        if (p->type != f->type || (p->size > 0 && f->bytes.size != p->size)) return false;
        if (f->type == PB_BYTES) *(struct qiao_bytes *)(void *)((char *)part + p->offset) = f->bytes;
        else *(uint64_t *)(void *)((char *)part + p->offset) = f->value;
        return true;
    }
    return true; /* of a newer version */
}

#define BYTES(number, type, member, size) { number, PB_BYTES, offsetof(struct type, member), size }
#define VARINT(number, type, member) { number, PB_VARINT, offsetof(struct type, member), 0 }
#define FIXED64(number, type, member) { number, PB_FIXED64, offsetof(struct type, member), 0 }

static const struct place signed_places[] = {
    BYTES(1, signed_header, header, 0),          BYTES(2, signed_header, leaf, SEAL_DIGEST_SIZE), VARINT(3, signed_header, suite),
    BYTES(4, signed_header, key_id, 0),          FIXED64(5, signed_header, signed_at_ms),         VARINT(6, signed_header, group_size),
    VARINT(7, signed_header, leaf_index),        BYTES(9, signed_header, root, SEAL_DIGEST_SIZE), BYTES(10, signed_header, signature, 0),
};

static const struct place custody_places[] = {
    BYTES(1, custody_part, receiver, 0),  BYTES(2, custody_part, sender, 0),
    VARINT(3, custody_part, lane),        VARINT(4, custody_part, sequence),
    BYTES(5, custody_part, chain_before, SEAL_DIGEST_SIZE), BYTES(7, custody_part, chain, SEAL_DIGEST_SIZE),
    FIXED64(8, custody_part, at_ms),      VARINT(9, custody_part, audit_size),
    BYTES(10, custody_part, audit_root, SEAL_DIGEST_SIZE), VARINT(11, custody_part, suite),
    BYTES(12, custody_part, key_id, 0),   BYTES(13, custody_part, signature, 0),
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static bool read_signed(struct qiao_bytes bytes, struct signed_header *s)
{
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    if (s->present) return false;
    s->present = true;
    while (pb_next(&r, &f)) {
        bool sibling = f.number == 8;
        if (sibling && (f.type != PB_BYTES || f.bytes.size != SEAL_DIGEST_SIZE || s->path_count == PROOF_PATH_MAX)) return false;
        if (sibling) memcpy(s->path[s->path_count++], f.bytes.data, SEAL_DIGEST_SIZE);
        else if (!put_field(signed_places, COUNT(signed_places), &f, s)) return false;
    }
    return !r.failed && s->header.size > 0 && s->header.size <= QIAO_HEADER_SIZE_MAX && s->leaf.size > 0 && s->root.size > 0 &&
           s->signature.size <= SEAL_SIGNATURE_SIZE_MAX && s->group_size > 0 && s->group_size <= PROOF_GROUP_MAX && s->leaf_index < s->group_size;
}

static bool is_name(struct qiao_bytes name)
{
    return name.size > 0 && name.size <= QIAO_NAME_SIZE_MAX && !memchr(name.data, 0, name.size) && utf8_valid(name);
}

static bool read_custody(struct qiao_bytes bytes, struct dossier_parts *parts)
{
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    if (parts->custody_count == QIAO_HOPS_MAX) return false;
    struct custody_part *c = &parts->custody[parts->custody_count++];
    *c = (struct custody_part){ .raw = bytes };
    while (pb_next(&r, &f))
        if (!put_field(custody_places, COUNT(custody_places), &f, c)) return false;
    return !r.failed && is_name(c->receiver) && is_name(c->sender) && c->lane < QIAO_LANES && c->chain.size > 0 && c->chain_before.size > 0 && c->audit_root.size > 0 &&
           c->signature.size <= SEAL_SIGNATURE_SIZE_MAX;
}

bool dossier_next_unit(struct pb_reader *custody, struct custody_part_unit *ret_unit, bool *ret_sound)
{
    struct pb_field f;
    while (pb_next(custody, &f)) {
        if (f.number != 6) continue;
        struct pb_reader r = pb_reader(f.bytes);
        struct pb_field field;
        uint64_t count = 0;
        bool has_hash = false;
        while (f.type == PB_BYTES && pb_next(&r, &field)) {
            if (field.number == 1 && field.type == PB_VARINT) count = field.value;
            if (field.number != 2 || field.type != PB_BYTES || field.bytes.size != SEAL_DIGEST_SIZE) continue;
            memcpy(ret_unit->hash.bytes, field.bytes.data, SEAL_DIGEST_SIZE);
            has_hash = true;
        }
        *ret_sound = !r.failed && has_hash && count > 0 && count <= QIAO_BATCH_MESSAGES_MAX;
        ret_unit->count = (uint32_t)count;
        return true;
    }
    return false;
}

static bool read_outcome(struct qiao_bytes bytes, struct dossier_parts *parts)
{
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    if (parts->has_outcome) return false;
    parts->has_outcome = true;
    while (pb_next(&r, &f)) {
        if ((f.number == 1 || f.number == 2) && f.type != PB_BYTES) return false;
        if (f.number == 1 && !read_signed(f.bytes, &parts->receipt)) return false;
        if (f.number == 2) parts->receipt_body = f.bytes;
    }
    return !r.failed && parts->receipt.present;
}

bool dossier_read(struct qiao_bytes bytes, struct dossier_parts *ret_parts)
{
    struct dossier_parts *p = ret_parts;
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    memset(p, 0, sizeof *p);
    while (pb_next(&r, &f)) {
        if (f.number == 6 && f.type == PB_VARINT) p->version = f.value;
        if (f.number > 5) continue;
        if (f.type != PB_BYTES) return false;
        bool ok = true;
        if (f.number == 1) p->message_id = f.bytes;
        if (f.number == 2) ok = read_signed(f.bytes, &p->origin);
        if (f.number == 3) ok = read_custody(f.bytes, p);
        if (f.number == 4) ok = read_outcome(f.bytes, p);
        if (f.number == 5) {
            ok = p->certificates_count < DOSSIER_CERTIFICATES_MAX;
            if (ok) p->certificates[p->certificates_count++] = f.bytes;
        }
        if (!ok) return false;
    }
    return !r.failed && p->version == 1 && p->message_id.size == QIAO_ID_SIZE;
}

/* ---- Receipt (receipt.proto) ---- */

static bool read_one(struct qiao_bytes bytes, const struct qiao_id *id, struct qiao_bytes leaf, uint64_t receipt_ms, struct outcome_part *o)
{
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    struct qiao_bytes its_id = { 0 }, its_leaf = { 0 };
    uint64_t status = 0, code = 0, at_ms = receipt_ms;
    while (pb_next(&r, &f)) {
        if (f.number == 1 && f.type == PB_BYTES) its_id = f.bytes;
        if (f.number == 2 && f.type == PB_VARINT) status = f.value;
        if (f.number == 3 && f.type == PB_VARINT) code = f.value;
        if (f.number == 5 && f.type == PB_FIXED64) at_ms = f.value;
        if (f.number == 6 && f.type == PB_BYTES) its_leaf = f.bytes;
    }
    if (r.failed) return false;
    if (!qiao_bytes_equal(its_id, qiao_bytes(id->bytes, QIAO_ID_SIZE))) return true;
    o->names_message = true;
    if (o->names_leaf || (leaf.size > 0 && !qiao_bytes_equal(its_leaf, leaf))) return true;
    o->names_leaf = true;
    o->status = status;
    o->code = code;
    o->at_ms = at_ms;
    return true;
}

static struct qiao_bytes area_of(struct qiao_bytes address)
{
    struct pb_reader r = pb_reader(address);
    struct pb_field f;
    while (pb_next(&r, &f))
        if (f.number == 1 && f.type == PB_BYTES) return f.bytes;
    return qiao_bytes(NULL, 0);
}

bool dossier_read_outcome(struct qiao_bytes body, const struct qiao_id *id, struct qiao_bytes leaf, struct outcome_part *ret_outcome)
{
    struct pb_reader r = pb_reader(body);
    struct pb_field f;
    uint64_t at_ms = 0;
    *ret_outcome = (struct outcome_part){ 0 };
    while (pb_next(&r, &f)) {
        if (f.number == 1 && f.type == PB_BYTES) ret_outcome->recipient_area = area_of(f.bytes);
        if (f.number == 2 && f.type == PB_FIXED64) at_ms = f.value;
        if (f.number == 3 && f.type == PB_BYTES) ret_outcome->node = f.bytes;
        if (f.number == 4 && (f.type != PB_BYTES || !read_one(f.bytes, id, leaf, at_ms, ret_outcome))) return false;
    }
    return !r.failed;
}
