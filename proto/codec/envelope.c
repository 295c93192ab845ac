#include "codec/envelope.h"

#include "codec/share.h"

#include <qiao/err.h>

enum { HEADER_FIELD_COUNT = 31, HEADER_LEGAL_BASIS = 17, HEADER_ATTACHMENTS = 30 /* these two repeat */ };

/* No NUL: what one side compares as bytes, another reads as a C string. */
static bool text_ok(struct qiao_bytes text, size_t size_max)
{
    if (text.size <= size_max && text_is_plain(text)) return true;
    return text.size <= size_max && utf8_valid(text) && (text.size == 0 || !memchr(text.data, '\0', text.size));
}

static bool read_address(struct qiao_bytes raw, struct address *ret_address)
{
    struct address a = { .raw = raw };
    struct qiao_bytes *const fields[] = { NULL, &a.area, &a.org, &a.seat, &a.service };
    static const size_t sizes[] = { 0, QIAO_AREA_SIZE_MAX, QIAO_ORG_SIZE_MAX, QIAO_SEAT_SIZE_MAX, QIAO_SERVICE_SIZE_MAX };
    struct pb_reader r = pb_reader(raw);
    struct pb_field f;
    if (raw.size > QIAO_ADDRESS_SIZE_MAX) return false;
    while (pb_next(&r, &f)) {
        if (f.number > 4) continue;
        if (f.type != PB_BYTES || !text_ok(f.bytes, sizes[f.number])) return false;
        *fields[f.number] = f.bytes;
    }
    *ret_address = a;
    return !r.failed;
}

bool legal_basis_read(struct qiao_bytes raw, struct legal_basis *ret_basis)
{
    struct legal_basis b = { 0 };
    struct qiao_bytes *const fields[] = { NULL, &b.catalogue, &b.article, &b.version };
    struct pb_reader r = pb_reader(raw);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.number > 3) continue;
        if (f.type != PB_BYTES || !text_ok(f.bytes, QIAO_BASIS_SIZE_MAX)) return false;
        *fields[f.number] = f.bytes;
    }
    *ret_basis = b;
    return !r.failed;
}

static bool add_basis(struct header *h, struct qiao_bytes raw)
{
    struct legal_basis basis;
    if (!legal_basis_read(raw, &basis)) return false;
    if (h->legal_basis_count < QIAO_BASES_MAX) h->legal_basis[h->legal_basis_count] = raw;
    h->legal_basis_count++; /* one too many is refused with a code when the rest is read */
    return true;
}

static bool add_attachment(struct header *h, struct qiao_bytes raw)
{
    struct attachment_ref ref;
    if (!attachment_ref_read(raw, &ref)) return false;
    if (h->attachments_count < QIAO_ATTACHMENTS_MAX) h->attachments[h->attachments_count] = raw;
    h->attachments_count++; /* one too many is refused with a code when the rest is read */
    return true;
}

static bool read_retention(struct qiao_bytes raw, struct header *h)
{
    struct pb_reader r = pb_reader(raw);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if ((f.number == 1 && (f.type != PB_BYTES || !text_ok(f.bytes, QIAO_RETENTION_SIZE_MAX))) || (f.number == 2 && f.type != PB_FIXED64)) return false;
        if (f.number == 1) h->retention_rule = f.bytes;
        if (f.number == 2) h->retention_not_after_ms = f.value;
    }
    return !r.failed;
}

/* Which wire type each known field must have; 0xff: not looked at. */
static const uint8_t header_types[HEADER_FIELD_COUNT] = {
    0xff, PB_BYTES, PB_VARINT, PB_VARINT, PB_BYTES, PB_BYTES, PB_BYTES, PB_VARINT, PB_BYTES, PB_BYTES, PB_BYTES, PB_FIXED64,
    PB_VARINT, PB_FIXED64, PB_VARINT, PB_VARINT, PB_VARINT, PB_BYTES, PB_BYTES, PB_BYTES, PB_BYTES, PB_VARINT, PB_BYTES, PB_BYTES, PB_BYTES,
    PB_VARINT, PB_BYTES, PB_FIXED64, PB_VARINT, PB_BYTES, PB_BYTES,
};

static bool read_id(struct qiao_bytes bytes, struct qiao_id *ret_id)
{
    if (bytes.size != QIAO_ID_SIZE) return false;
    memcpy(ret_id->bytes, bytes.data, QIAO_ID_SIZE);
    return true;
}

/* The fields that policy asks for. */
static bool read_policy_field(const struct pb_field *f, struct header *h)
{
    switch (f->number) {
    case 17: return add_basis(h, f->bytes);
    case 18: h->purpose = f->bytes; return text_ok(f->bytes, QIAO_PURPOSE_SIZE_MAX);
    case 19: return read_retention(f->bytes, h);
    case 25: h->pi_mask = f->value; return true;
    case 26: h->consent_ref = f->bytes; return text_ok(f->bytes, QIAO_CONSENT_SIZE_MAX);
    case 27: h->event_at_ms = f->value; return true;
    case 28: h->digest_suite = (unsigned)f->value; return f->value <= 2;
    case 29: return read_address(f->bytes, &h->redirected_from);
    case 30: return add_attachment(h, f->bytes);
    default: return true;
    }
}

static bool read_header_field(const struct pb_field *f, struct header *h)
{
    switch (f->number) {
    case 1: return read_id(f->bytes, &h->id);
    case 2: h->kind = (uint32_t)f->value; return f->value <= UINT32_MAX;
    case 3: h->schema_version = (uint32_t)f->value; return f->value <= UINT32_MAX;
    case 4: return read_address(f->bytes, &h->source);
    case 5: return read_address(f->bytes, &h->destination);
    case 6: h->case_id = f->bytes; return text_ok(f->bytes, QIAO_CASE_ID_SIZE_MAX);
    case 7: h->case_sequence = f->value; return true;
    case 8: h->correlation_id = f->bytes; return f->bytes.size == 0 || f->bytes.size == QIAO_ID_SIZE;
    case 10: h->idempotency_key = f->bytes; return text_ok(f->bytes, QIAO_TEXT_SIZE_MAX);
    case 11: h->sent_at_ms = f->value; return true;
    case 13: h->expires_at_ms = f->value; return true;
    case 14: h->lane = (unsigned)f->value; return f->value < QIAO_LANES;
    case 15: h->status = (unsigned)f->value; return f->value < 3;
    case 16: h->privacy = (unsigned)f->value; return f->value < 4;
    case 20: h->body_digest = f->bytes; return f->bytes.size == 0 || f->bytes.size == 32;
    case 21: h->body_size = f->value; return true;
    case 24: h->matter = f->bytes; return text_ok(f->bytes, QIAO_MATTER_SIZE_MAX);
    default: return read_policy_field(f, h);
    }
}

static unsigned read_header(struct qiao_bytes bytes, struct header *h)
{
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    uint32_t seen = 0;
    while (pb_next(&r, &f)) {
        if (f.number >= HEADER_FIELD_COUNT) continue; /* a newer version's: carried, not read */
        uint32_t bit = f.number == HEADER_LEGAL_BASIS || f.number == HEADER_ATTACHMENTS ? 0 : 1u << f.number;
        if (seen & bit) return QIAO_CODE_MALFORMED; /* readers that merge and readers that take the last would differ */
        if (f.type != (enum pb_type)header_types[f.number] || !read_header_field(&f, h)) return QIAO_CODE_MALFORMED;
        seen |= bit;
    }
    if (r.failed || !(seen & 1u << 1)) return QIAO_CODE_MALFORMED;
    bool too_many = h->legal_basis_count > QIAO_BASES_MAX || h->attachments_count > QIAO_ATTACHMENTS_MAX;
    if (h->legal_basis_count > QIAO_BASES_MAX) h->legal_basis_count = QIAO_BASES_MAX;
    if (h->attachments_count > QIAO_ATTACHMENTS_MAX) h->attachments_count = QIAO_ATTACHMENTS_MAX;
    if (too_many) return QIAO_CODE_TOO_LARGE;
    if (h->destination.area.size == 0 && h->destination.service.size == 0) return QIAO_CODE_ADDRESS;
    return QIAO_CODE_OK;
}

enum { TRANSIT_FIELD_COUNT = 8, TRANSIT_SHARE = 7 };
static const uint8_t transit_types[TRANSIT_FIELD_COUNT] = { 0xff, PB_BYTES, PB_VARINT, PB_BYTES, PB_VARINT, PB_BYTES, PB_BYTES, PB_BYTES };

static bool read_transit(struct qiao_bytes bytes, struct envelope *e)
{
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.number < TRANSIT_FIELD_COUNT && f.type != (enum pb_type)transit_types[f.number]) return false;
        if (f.number == 1) e->hops += 1;
        if (f.number == 2) e->attempt = (uint32_t)f.value;
        if (f.number == 3) e->rerouted_from = f.bytes;
        if (f.number == 4) e->note.shared = f.value != 0;
        if (f.number == 5) e->note.after = f.bytes;
        if (f.number == 6) e->note.pin = f.bytes;
        if (f.number == TRANSIT_SHARE) e->note.share = f.bytes;
    }
    bool sound = (e->note.after.size == 0 || e->note.after.size == QIAO_ID_SIZE) && text_ok(e->note.pin, QIAO_AREA_SIZE_MAX) && text_ok(e->rerouted_from, QIAO_AREA_SIZE_MAX);
    return !r.failed && sound;
}

static bool read_parts(struct envelope *e)
{
    struct pb_reader r = pb_reader(e->raw);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.number > 4) continue;
        if (f.type != PB_BYTES) return false;
        if (f.number == 1) e->header_bytes = f.bytes;
        else if (f.number == 2) e->body = f.bytes;
        else if (f.number == 3) e->proof = f.bytes;
        else if (f.number == 4 && !read_transit(f.bytes, e)) return false;
    }
    return !r.failed && e->header_bytes.size > 0 && (e->note.share.size == 0 || share_is_sound(e->note.share));
}

bool envelope_split(struct qiao_bytes raw, struct envelope_parts *ret_parts)
{
    struct qiao_bytes *const parts[] = { NULL, &ret_parts->header, &ret_parts->body, &ret_parts->proof };
    struct pb_reader r = pb_reader(raw);
    struct pb_field f;
    *ret_parts = (struct envelope_parts){ 0 };
    while (pb_next(&r, &f)) {
        if (f.number > 3) continue;
        if (f.type != PB_BYTES) return false;
        *parts[f.number] = f.bytes;
    }
    return !r.failed && ret_parts->header.size > 0;
}

unsigned envelope_open(struct qiao_bytes raw, struct envelope *ret_envelope)
{
    struct envelope *e = ret_envelope;
    memset(e, 0, sizeof *e);
    e->raw = raw;
    if (!read_parts(e)) return QIAO_CODE_MALFORMED;
    if (e->header_bytes.size > QIAO_HEADER_SIZE_MAX) return QIAO_CODE_MALFORMED;
    unsigned code = read_header(e->header_bytes, &e->header);
    if (code != QIAO_CODE_OK) return code;
    if (raw.size > QIAO_ENVELOPE_SIZE_MAX || e->body.size > QIAO_BODY_SIZE_MAX) return QIAO_CODE_TOO_LARGE;
    if (e->header.body_size != e->body.size) return QIAO_CODE_DIGEST;
    return e->hops > QIAO_HOPS_MAX ? QIAO_CODE_HOPS : QIAO_CODE_OK;
}

bool envelope_can_answer(const struct envelope *e)
{
    return e->header.source.area.size > 0 && e->header.source.org.size > 0;
}

bool address_is_set(const struct address *address, struct qiao_bytes *ret_root)
{
    size_t size = address->area.size;
    if (size < 3 || memcmp(address->area.data + size - 3, "/**", 3) != 0) return false;
    *ret_root = qiao_bytes(address->area.data, size - 3);
    return true;
}

void address_write(struct buf *buf, struct qiao_bytes area, struct qiao_bytes org, struct qiao_bytes seat)
{
    pb_put_bytes(buf, 1, area);
    pb_put_bytes(buf, 2, org);
    pb_put_bytes(buf, 3, seat);
}

/* Bytes of a text field whose number is below 16; empty ones are left out. */
static size_t text_size(struct qiao_bytes text)
{
    return text.size ? 1 + pb_varint_size(text.size) + text.size : 0;
}

static void write_basis(struct buf *buf, const struct legal_basis *b)
{
    pb_put_bytes_head(buf, 17, text_size(b->catalogue) + text_size(b->article) + text_size(b->version));
    pb_put_bytes(buf, 1, b->catalogue);
    pb_put_bytes(buf, 2, b->article);
    pb_put_bytes(buf, 3, b->version);
}

static void write_retention(struct buf *buf, const struct envelope_draft *d)
{
    if (d->retention_rule.size == 0 && d->retention_not_after_ms == 0) return;
    pb_put_bytes_head(buf, 19, text_size(d->retention_rule) + (d->retention_not_after_ms ? 9 : 0));
    pb_put_bytes(buf, 1, d->retention_rule);
    pb_put_fixed64(buf, 2, d->retention_not_after_ms);
}

static void write_header(struct buf *buf, const struct envelope_draft *d)
{
    pb_put_bytes(buf, 1, qiao_bytes(d->id.bytes, QIAO_ID_SIZE));
    pb_put_varint(buf, 2, d->kind);
    pb_put_varint(buf, 3, d->schema_version);
    pb_put_bytes(buf, 4, d->source);
    pb_put_bytes(buf, 5, d->destination);
    pb_put_bytes(buf, 6, d->case_id);
    pb_put_varint(buf, 7, d->case_sequence);
    pb_put_bytes(buf, 8, d->correlation_id);
    pb_put_bytes(buf, 10, d->idempotency_key);
    pb_put_fixed64(buf, 11, d->sent_at_ms);
    pb_put_fixed64(buf, 13, d->expires_at_ms);
    pb_put_varint(buf, 14, d->lane);
    pb_put_varint(buf, 15, d->status);
    pb_put_varint(buf, 16, d->privacy);
    for (size_t i = 0; i < d->legal_basis_count; i++) write_basis(buf, &d->legal_basis[i]);
    pb_put_bytes(buf, 18, d->purpose);
    write_retention(buf, d);
    pb_put_bytes(buf, 20, d->body_digest);
    pb_put_varint(buf, 21, d->body.size);
    pb_put_bytes(buf, 24, d->matter);
    pb_put_varint(buf, 25, d->pi_mask);
    pb_put_bytes(buf, 26, d->consent_ref);
    pb_put_fixed64(buf, 27, d->event_at_ms);
    pb_put_varint(buf, 28, d->digest_suite);
    for (size_t i = 0; i < d->attachments_count; i++) attachment_ref_write(buf, HEADER_ATTACHMENTS, &d->attachments[i]);
}

/* A header's length is written before its content: room for the longest length of a header is kept and then closed up. */
enum { HEADER_HEAD_SIZE = 4 };

static size_t begin_header(struct buf *buf)
{
    buf_reserve(buf, HEADER_HEAD_SIZE);
    buf->size += HEADER_HEAD_SIZE;
    return buf->size - HEADER_HEAD_SIZE;
}

static void end_header(struct buf *buf, size_t mark)
{
    size_t size = buf->size - mark - HEADER_HEAD_SIZE;
    assert(size < 1u << 21);
    uint8_t *start = buf->data + mark;
    start[0] = 1 << 3 | PB_BYTES;
    size_t head = (size_t)(pb_write_varint(start + 1, size) - start);
    memmove(start + head, start + HEADER_HEAD_SIZE, size);
    buf->size -= HEADER_HEAD_SIZE - head;
}

void envelope_write(struct buf *buf, const struct envelope_draft *draft)
{
    size_t mark = begin_header(buf);
    write_header(buf, draft);
    end_header(buf, mark);
    pb_put_bytes(buf, 2, draft->body);
}

/* The fields that a change takes the place of: id, destination, case_sequence, causation_id, redirected_from. */
static bool is_replaced(uint32_t field, bool copy)
{
    return field == 5 || field == 29 || (copy && (field == 1 || field == 7 || field == 9));
}

void envelope_write_changed(struct buf *buf, const struct envelope *e, struct qiao_bytes destination, const struct qiao_id *copy_id)
{
    struct pb_reader r = pb_reader(e->header_bytes);
    struct pb_field f;
    size_t mark = begin_header(buf);
    for (const uint8_t *before = r.at; pb_next(&r, &f); before = r.at)
        if (!is_replaced(f.number, copy_id != NULL)) buf_append(buf, before, (size_t)(r.at - before));
    pb_put_bytes(buf, 5, destination);
    if (copy_id) pb_put_bytes(buf, 1, qiao_bytes(copy_id->bytes, QIAO_ID_SIZE));
    if (copy_id) pb_put_bytes(buf, 9, qiao_bytes(e->header.id.bytes, QIAO_ID_SIZE));
    else pb_put_bytes(buf, 29, e->header.destination.raw);
    end_header(buf, mark);
    pb_put_bytes(buf, 2, e->body);
}

static size_t hop_size(size_t node_size)
{
    return 1 + pb_varint_size(node_size) + node_size + 9;
}

static size_t transit_size(size_t hop, size_t rerouted_from_size)
{
    size_t rerouted = rerouted_from_size ? 1 + pb_varint_size(rerouted_from_size) + rerouted_from_size : 0;
    return 1 + pb_varint_size(hop) + hop + rerouted;
}

size_t envelope_hop_size(size_t node_size, size_t rerouted_from_size)
{
    size_t transit = transit_size(hop_size(node_size), rerouted_from_size);
    return 1 + pb_varint_size(transit) + transit;
}

void envelope_put_hop(struct buf *buf, struct qiao_bytes node, uint64_t at_ms, struct qiao_bytes rerouted_from)
{
    size_t hop = hop_size(node.size);
    pb_put_bytes_head(buf, 4, transit_size(hop, rerouted_from.size));
    pb_put_bytes_head(buf, 1, hop);
    pb_put_bytes(buf, 1, node);
    pb_put_fixed64(buf, 2, at_ms);
    pb_put_bytes(buf, 3, rerouted_from);
}

static size_t note_size(const struct transit_note *note)
{
    return (note->shared ? 2 : 0) + text_size(note->after) + text_size(note->pin);
}

static size_t field_size(size_t content) { return content ? 1 + pb_varint_size(content) + content : 0; }

size_t envelope_note_size(const struct transit_note *note)
{
    return field_size(note_size(note)) + field_size(text_size(note->share));
}

/* The share stands alone in its Transit, so that the next node can leave it out. */
void envelope_put_note(struct buf *buf, const struct transit_note *note)
{
    if (note_size(note) > 0) pb_put_bytes_head(buf, 4, note_size(note));
    pb_put_varint(buf, 4, note->shared);
    pb_put_bytes(buf, 5, note->after);
    pb_put_bytes(buf, 6, note->pin);
    if (note->share.size > 0) pb_put_bytes_head(buf, 4, text_size(note->share));
    pb_put_bytes(buf, TRANSIT_SHARE, note->share);
}

static bool is_share_alone(const struct pb_field *f)
{
    struct pb_reader r = pb_reader(f->bytes);
    struct pb_field inner;
    return f->number == 4 && f->type == PB_BYTES && pb_next(&r, &inner) && inner.number == TRANSIT_SHARE && r.at == r.end;
}

void envelope_put_without_share(struct buf *buf, struct qiao_bytes raw)
{
    struct pb_reader r = pb_reader(raw);
    struct pb_field f;
    for (const uint8_t *before = r.at; pb_next(&r, &f); before = r.at)
        if (!is_share_alone(&f)) buf_append(buf, before, (size_t)(r.at - before));
}

static struct qiao_bytes hop_node(struct qiao_bytes hop)
{
    struct pb_reader r = pb_reader(hop);
    struct pb_field f;
    struct qiao_bytes node = { 0 };
    while (pb_next(&r, &f))
        if (f.number == 1 && f.type == PB_BYTES) node = f.bytes;
    return node;
}

/* The last hop of this entry that is not of the node. */
static void look_at_hops(struct qiao_bytes transit, struct qiao_bytes node, bool *ret_passed, struct qiao_bytes *ret_other)
{
    struct pb_reader r = pb_reader(transit);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.number != 1 || f.type != PB_BYTES) continue;
        struct qiao_bytes at = hop_node(f.bytes);
        if (qiao_bytes_equal(at, node)) *ret_passed = true;
        else *ret_other = at;
    }
}

bool envelope_passed(struct qiao_bytes raw, struct qiao_bytes node, struct qiao_bytes *ret_before)
{
    struct pb_reader r = pb_reader(raw);
    struct pb_field f;
    struct qiao_bytes before = { 0 };
    bool passed = false;
    while (pb_next(&r, &f))
        if (f.number == 4 && f.type == PB_BYTES) look_at_hops(f.bytes, node, &passed, &before);
    if (ret_before) *ret_before = before;
    return passed;
}
