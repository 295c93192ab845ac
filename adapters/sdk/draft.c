#include "sdk/draft.h"

#include <stdio.h>

static bool is_zero(const struct qiao_id *id)
{
    static const struct qiao_id zero = { { 0 } };
    return memcmp(id, &zero, sizeof zero) == 0;
}

static bool fits(const char *string, size_t size_max)
{
    struct qiao_bytes bytes = qiao_bytes_from_string(string);
    return bytes.size <= size_max && utf8_valid(bytes);
}

static bool is_empty(const char *string)
{
    return !string || !string[0];
}

static const char *check(const struct qiao_message *m)
{
    const struct { const char *text; size_t size_max; const char *wrong; } texts[] = {
        { m->destination.area, QIAO_AREA_SIZE_MAX, "destination area is too long or not UTF-8" },
        { m->destination.org, QIAO_ORG_SIZE_MAX, "destination organisation is too long or not UTF-8" },
        { m->destination.service, QIAO_SERVICE_SIZE_MAX, "destination service is too long or not UTF-8" },
        { m->destination.seat, QIAO_SEAT_SIZE_MAX, "destination seat is too long or not UTF-8" },
        { m->source.area, QIAO_AREA_SIZE_MAX, "source area is too long or not UTF-8" },
        { m->source.org, QIAO_ORG_SIZE_MAX, "source organisation is too long or not UTF-8" },
        { m->source.seat, QIAO_SEAT_SIZE_MAX, "source seat is too long or not UTF-8" },
        { m->case_id, QIAO_CASE_ID_SIZE_MAX, "case id is longer than 64 bytes or not UTF-8" },
        { m->matter, QIAO_MATTER_SIZE_MAX, "matter is longer than 64 bytes or not UTF-8" },
        { m->purpose, QIAO_PURPOSE_SIZE_MAX, "purpose is longer than 64 bytes or not UTF-8" },
        { m->retention_rule, QIAO_RETENTION_SIZE_MAX, "retention rule is longer than 64 bytes or not UTF-8" },
        { m->consent_ref, QIAO_CONSENT_SIZE_MAX, "reference of the consent is longer than 128 bytes or not UTF-8" },
        { m->idempotency_key, QIAO_TEXT_SIZE_MAX, "idempotency key is longer than 1024 bytes or not UTF-8" },
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!fits(texts[i].text, texts[i].size_max)) return texts[i].wrong;
    if (m->legal_basis_count > QIAO_BASES_MAX) return "more than 16 legal bases";
    for (size_t i = 0; i < m->legal_basis_count; i++) {
        const struct qiao_legal_basis *b = &m->legal_basis[i];
        if (!fits(b->catalogue, QIAO_BASIS_SIZE_MAX) || !fits(b->article, QIAO_BASIS_SIZE_MAX) || !fits(b->version, QIAO_BASIS_SIZE_MAX))
            return "catalogue, article or version of a legal basis is longer than 64 bytes or not UTF-8";
    }
    if (m->attachments_count > QIAO_ATTACHMENTS_MAX) return "more than 16 attachments";
    for (size_t i = 0; i < m->attachments_count; i++)
        if (m->attachments[i].size == 0 || m->attachments[i].size > QIAO_ATTACHMENT_SIZE_MAX || m->attachments[i].suite > 2) return "attachment is empty, or larger than 256 MiB";
    if (is_empty(m->destination.service) && is_empty(m->destination.area)) return "destination area is missing";
    if ((unsigned)m->lane >= QIAO_LANES || (unsigned)m->status > 2 || (unsigned)m->privacy > 3) return "lane, status or privacy class is out of range";
    if (m->body.size > QIAO_BODY_SIZE_MAX) return "body is larger than 1 MiB: send it as an attachment";
    return NULL;
}

static struct qiao_bytes text(const char *string)
{
    return qiao_bytes_from_string(string);
}

static const char *either(const char *string, const char *otherwise)
{
    return is_empty(string) ? otherwise : string;
}

static void write_policy_fields(struct envelope_draft *draft, const struct qiao_message *m, struct legal_basis bases[QIAO_BASES_MAX])
{
    for (size_t i = 0; i < m->legal_basis_count; i++)
        bases[i] = (struct legal_basis){ text(m->legal_basis[i].catalogue), text(m->legal_basis[i].article), text(m->legal_basis[i].version) };
    draft->legal_basis = bases;
    draft->legal_basis_count = m->legal_basis_count;
    draft->purpose = text(m->purpose);
    draft->retention_rule = text(m->retention_rule);
    draft->retention_not_after_ms = m->retention_not_after_ms;
    draft->pi_mask = m->pi_mask;
    draft->consent_ref = text(m->consent_ref);
    draft->event_at_ms = m->event_at_ms;
}

static void write_attachments(struct envelope_draft *draft, const struct qiao_message *m, struct attachment_ref refs[QIAO_ATTACHMENTS_MAX])
{
    for (size_t i = 0; i < m->attachments_count; i++) {
        refs[i] = (struct attachment_ref){ .size = m->attachments[i].size, .suite = m->attachments[i].suite };
        memcpy(refs[i].digest, m->attachments[i].digest, ATTACHMENT_DIGEST_SIZE);
    }
    draft->attachments = refs;
    draft->attachments_count = m->attachments_count;
}

const char *draft_write(const struct qiao_message *m, const char *own_area, const char *own_org, const struct seal *seal, unsigned digest_suite, uint64_t wall_ms,
                        struct buf *scratch, struct buf *out, struct qiao_id *ret_id)
{
    const char *wrong = check(m);
    struct legal_basis bases[QIAO_BASES_MAX];
    struct attachment_ref refs[QIAO_ATTACHMENTS_MAX];
    uint8_t digest[32];
    if (wrong) return wrong;
    if (!own_org) return "a client without a member name cannot send";
    scratch->size = 0;
    address_write(scratch, text(either(m->source.area, own_area)), text(either(m->source.org, own_org)), text(m->source.seat));
    size_t source_size = scratch->size;
    address_write(scratch, text(m->destination.area), text(m->destination.org), text(m->destination.seat));
    pb_put_bytes(scratch, 4, text(m->destination.service));
    if (source_size == 0 || !either(m->source.area, own_area)[0]) return "the node's area is not known yet: wait for the first link";
    struct envelope_draft draft = {
        .id = is_zero(&m->id) ? qiao_id_new() : m->id, .kind = m->kind, .schema_version = 1,
        .source = qiao_bytes(scratch->data, source_size), .destination = qiao_bytes(scratch->data + source_size, scratch->size - source_size),
        .case_id = text(m->case_id), .case_sequence = m->case_sequence, .idempotency_key = text(m->idempotency_key), .matter = text(m->matter),
        .sent_at_ms = m->sent_at_ms ? m->sent_at_ms : wall_ms, .expires_at_ms = m->expires_at_ms,
        .lane = (unsigned)m->lane, .status = (unsigned)m->status, .privacy = (unsigned)m->privacy, .body = m->body,
    };
    write_policy_fields(&draft, m, bases);
    write_attachments(&draft, m, refs);
    if (!is_zero(&m->correlation_id)) draft.correlation_id = qiao_bytes(m->correlation_id.bytes, QIAO_ID_SIZE);
    if (m->body.size > 0) {
        seal_digest(seal, (enum seal_suite)digest_suite, m->body, digest);
        draft.digest_suite = digest_suite == SEAL_SUITE_GM1 ? SEAL_SUITE_GM1 : SEAL_SUITE_NONE;
        draft.body_digest = qiao_bytes(digest, sizeof digest);
    }
    envelope_write(out, &draft);
    *ret_id = draft.id;
    return NULL;
}

const char *draft_copy(struct arena *arena, struct qiao_bytes bytes)
{
    if (bytes.size == 0) return "";
    char *string = arena_alloc(arena, bytes.size + 1);
    if (!string) return "";
    memcpy(string, bytes.data, bytes.size);
    string[bytes.size] = '\0';
    return string;
}

static struct qiao_address copy_address(struct arena *arena, const struct address *address)
{
    return (struct qiao_address){ draft_copy(arena, address->area), draft_copy(arena, address->org), draft_copy(arena, address->seat), draft_copy(arena, address->service) };
}

static const struct qiao_legal_basis *copy_bases(struct arena *arena, const struct header *h)
{
    struct qiao_legal_basis *bases = h->legal_basis_count ? arena_alloc(arena, h->legal_basis_count * sizeof *bases) : NULL;
    for (unsigned i = 0; bases && i < h->legal_basis_count; i++) {
        struct legal_basis basis = { 0 };
        legal_basis_read(h->legal_basis[i], &basis);
        bases[i] = (struct qiao_legal_basis){ draft_copy(arena, basis.catalogue), draft_copy(arena, basis.article), draft_copy(arena, basis.version) };
    }
    return bases;
}

static const struct qiao_attachment *copy_attachments(struct arena *arena, const struct header *h)
{
    struct qiao_attachment *attachments = h->attachments_count ? arena_alloc(arena, h->attachments_count * sizeof *attachments) : NULL;
    for (unsigned i = 0; attachments && i < h->attachments_count; i++) {
        struct attachment_ref ref = { .size = 0 };
        attachment_ref_read(h->attachments[i], &ref);
        attachments[i] = (struct qiao_attachment){ .size = ref.size, .suite = ref.suite };
        memcpy(attachments[i].digest, ref.digest, ATTACHMENT_DIGEST_SIZE);
    }
    return attachments;
}

void draft_read(const struct envelope *e, struct arena *arena, struct qiao_message *m)
{
    const struct header *h = &e->header;
    *m = (struct qiao_message){
        .id = h->id, .kind = h->kind, .source = copy_address(arena, &h->source), .destination = copy_address(arena, &h->destination),
        .case_id = draft_copy(arena, h->case_id), .case_sequence = h->case_sequence, .matter = draft_copy(arena, h->matter),
        .idempotency_key = draft_copy(arena, h->idempotency_key), .sent_at_ms = h->sent_at_ms, .expires_at_ms = h->expires_at_ms,
        .lane = (enum qiao_lane)h->lane, .status = (enum qiao_status)h->status, .privacy = (enum qiao_privacy)h->privacy, .body = e->body,
        .legal_basis = copy_bases(arena, h), .purpose = draft_copy(arena, h->purpose), .retention_rule = draft_copy(arena, h->retention_rule),
        .retention_not_after_ms = h->retention_not_after_ms, .pi_mask = h->pi_mask, .consent_ref = draft_copy(arena, h->consent_ref), .event_at_ms = h->event_at_ms,
    };
    m->attachments = copy_attachments(arena, h);
    m->attachments_count = m->attachments ? h->attachments_count : 0;
    m->legal_basis_count = m->legal_basis ? h->legal_basis_count : 0;
    if (h->correlation_id.size == QIAO_ID_SIZE) memcpy(m->correlation_id.bytes, h->correlation_id.data, QIAO_ID_SIZE);
}

static bool read_outcome(struct qiao_bytes bytes, struct arena *arena, struct qiao_receipt *receipt)
{
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    bool has_id = false;
    while (pb_next(&r, &f)) {
        if (f.number == 1 && f.type == PB_BYTES && f.bytes.size == QIAO_ID_SIZE) {
            memcpy(receipt->message_id.bytes, f.bytes.data, QIAO_ID_SIZE);
            has_id = true;
        }
        if (f.number == 2 && f.type == PB_VARINT) receipt->outcome = (enum qiao_outcome)f.value;
        if (f.number == 3 && f.type == PB_VARINT) receipt->code = (unsigned)f.value;
        if (f.number == 4 && f.type == PB_BYTES && utf8_valid(f.bytes)) receipt->reason = draft_copy(arena, f.bytes);
        if (f.number == 5 && f.type == PB_FIXED64) receipt->at_ms = f.value;
    }
    return !r.failed && has_id;
}

static void read_address(struct qiao_bytes raw, struct arena *arena, struct qiao_address *address)
{
    struct pb_reader r = pb_reader(raw);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.type != PB_BYTES || !utf8_valid(f.bytes)) continue;
        if (f.number == 1) address->area = draft_copy(arena, f.bytes);
        if (f.number == 2) address->org = draft_copy(arena, f.bytes);
        if (f.number == 3) address->seat = draft_copy(arena, f.bytes);
        if (f.number == 4) address->service = draft_copy(arena, f.bytes);
    }
}

/* Receipt { recipient = 1, at_ms = 2, node = 3, outcomes = 4, owner = 5 }; recipient and at_ms are written before the outcomes. */
void draft_read_receipt(const struct envelope *e, struct arena *arena, void (*visit)(void *, const struct qiao_receipt *), void *context)
{
    struct qiao_address recipient = { "", "", "", "" };
    uint64_t at_ms = 0;
    struct pb_reader r = pb_reader(e->body);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        struct qiao_receipt receipt = { .reason = "", .recipient = recipient, .at_ms = at_ms };
        if (f.number == 1 && f.type == PB_BYTES) read_address(f.bytes, arena, &recipient);
        if (f.number == 2 && f.type == PB_FIXED64) at_ms = f.value;
        if (f.number == 4 && f.type == PB_BYTES && read_outcome(f.bytes, arena, &receipt)) visit(context, &receipt);
    }
}
