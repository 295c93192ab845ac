#include "codec/envelope.h"

#include "schema/envelope.pb-c.h"

#include <criterion/criterion.h>
#include <qiao/err.h>
#include <stdio.h>

static const char area[] = "990101001", org[] = "office", seat[] = "duty";

static struct qiao_bytes text(const char *string)
{
    return qiao_bytes_from_string(string);
}

/* A draft with every field that a sender may set; addresses lie in scratch. */
static struct envelope_draft full_draft(struct buf *scratch)
{
    static uint8_t digest[32] = { 9 };
    static struct legal_basis bases[2];
    bases[0] = (struct legal_basis){ text("ECO-CODE"), text("1190(3)"), text("2026-11") };
    bases[1] = (struct legal_basis){ text("PIPL"), text("13"), qiao_bytes(NULL, 0) };
    address_write(scratch, text(area), text(org), text(seat));
    size_t source_size = scratch->size;
    address_write(scratch, text("990101"), text("court"), qiao_bytes(NULL, 0));
    return (struct envelope_draft){
        .id = { { 1, 2, 3, 4, 5, 6, 0x77, 8, 0x89, 10, 11, 12, 13, 14, 15, 16 } }, .kind = 201, .schema_version = 1,
        .source = qiao_bytes(scratch->data, source_size), .destination = qiao_bytes(scratch->data + source_size, scratch->size - source_size),
        .case_id = text("case-桥-1"), .case_sequence = 300, .correlation_id = qiao_bytes("sixteen bytes!!!", 16), .idempotency_key = text("row 17"),
        .matter = text("NOISE.CONSTRUCTION"), .body_digest = qiao_bytes(digest, 32), .body = text("the body"), .sent_at_ms = 1700000000000u,
        .expires_at_ms = 1700000600000u, .lane = 2, .status = 1, .privacy = 2,
        .legal_basis = bases, .legal_basis_count = 2, .purpose = text("HANDLE_COMPLAINT"), .retention_rule = text("CASE.10Y"),
        .retention_not_after_ms = 2000000000000u, .pi_mask = 1ull << 63 | 5, .consent_ref = text("CON-3"), .event_at_ms = 1699990000000u,
    };
}

static void write_full(struct buf *out)
{
    buf_auto scratch = { 0 };
    struct envelope_draft draft = full_draft(&scratch);
    envelope_write(out, &draft);
}

Test(envelope, what_is_written_is_opened)
{
    buf_auto out = { 0 };
    struct envelope e;
    write_full(&out);
    cr_assert_eq(envelope_open(buf_bytes(&out), &e), QIAO_CODE_OK);
    const struct header *h = &e.header;
    cr_assert_eq(h->id.bytes[15], 16);
    cr_assert(h->kind == 201 && h->schema_version == 1 && h->case_sequence == 300);
    cr_assert(qiao_bytes_equal(h->source.area, text(area)) && qiao_bytes_equal(h->source.org, text(org)) && qiao_bytes_equal(h->source.seat, text(seat)));
    cr_assert(qiao_bytes_equal(h->destination.area, text("990101")) && qiao_bytes_equal(h->destination.org, text("court")));
    cr_assert(qiao_bytes_equal(h->case_id, text("case-桥-1")) && qiao_bytes_equal(h->matter, text("NOISE.CONSTRUCTION")));
    cr_assert(qiao_bytes_equal(h->idempotency_key, text("row 17")) && h->correlation_id.size == 16);
    cr_assert(h->sent_at_ms == 1700000000000u && h->expires_at_ms == 1700000600000u);
    cr_assert(h->lane == 2 && h->status == 1 && h->privacy == 2 && h->body_size == 8 && h->body_digest.size == 32);
    cr_assert(qiao_bytes_equal(e.body, text("the body")) && e.hops == 0 && e.attempt == 0);
    cr_assert(envelope_can_answer(&e));
}

Test(envelope, what_policy_asks_for_is_opened)
{
    buf_auto out = { 0 };
    struct envelope e;
    struct legal_basis basis;
    write_full(&out);
    cr_assert_eq(envelope_open(buf_bytes(&out), &e), QIAO_CODE_OK);
    const struct header *h = &e.header;
    cr_assert_eq(h->legal_basis_count, 2);
    cr_assert(legal_basis_read(h->legal_basis[0], &basis) && qiao_bytes_equal(basis.catalogue, text("ECO-CODE")));
    cr_assert(qiao_bytes_equal(basis.article, text("1190(3)")) && qiao_bytes_equal(basis.version, text("2026-11")));
    cr_assert(legal_basis_read(h->legal_basis[1], &basis) && qiao_bytes_equal(basis.article, text("13")) && basis.version.size == 0);
    cr_assert(qiao_bytes_equal(h->purpose, text("HANDLE_COMPLAINT")) && qiao_bytes_equal(h->retention_rule, text("CASE.10Y")));
    cr_assert(h->retention_not_after_ms == 2000000000000u && h->pi_mask == (1ull << 63 | 5) && h->event_at_ms == 1699990000000u);
    cr_assert(qiao_bytes_equal(h->consent_ref, text("CON-3")));
}

static unsigned open_with_bases(size_t count, struct legal_basis basis)
{
    struct legal_basis bases[QIAO_BASES_MAX + 1];
    buf_auto scratch = { 0 };
    buf_auto out = { 0 };
    struct envelope e;
    struct envelope_draft draft = full_draft(&scratch);
    for (size_t i = 0; i < count; i++) bases[i] = basis;
    draft.legal_basis = bases;
    draft.legal_basis_count = count;
    envelope_write(&out, &draft);
    unsigned code = envelope_open(buf_bytes(&out), &e);
    cr_assert(code == QIAO_CODE_MALFORMED || (e.header.legal_basis_count <= QIAO_BASES_MAX && envelope_can_answer(&e)));
    return code;
}

Test(envelope, legal_bases_are_bounded_in_number_and_size)
{
    static const char long_text[QIAO_BASIS_SIZE_MAX + 2] = "12345678901234567890123456789012345678901234567890123456789012345";
    cr_assert_eq(open_with_bases(QIAO_BASES_MAX, (struct legal_basis){ text("A"), text("1"), text("") }), QIAO_CODE_OK);
    cr_assert_eq(open_with_bases(QIAO_BASES_MAX + 1, (struct legal_basis){ text("A"), text("1"), text("") }), QIAO_CODE_TOO_LARGE);
    cr_assert_eq(open_with_bases(1, (struct legal_basis){ text("A"), qiao_bytes(long_text, QIAO_BASIS_SIZE_MAX), text("") }), QIAO_CODE_OK);
    cr_assert_eq(open_with_bases(1, (struct legal_basis){ text("A"), qiao_bytes(long_text, QIAO_BASIS_SIZE_MAX + 1), text("") }), QIAO_CODE_MALFORMED);
    cr_assert_eq(open_with_bases(1, (struct legal_basis){ text("A"), text("\xff"), text("") }), QIAO_CODE_MALFORMED);
}

Test(envelope, protobuf_c_reads_the_same)
{
    buf_auto out = { 0 };
    write_full(&out);
    Qiao__V1__Envelope *e = qiao__v1__envelope__unpack(NULL, out.size, out.data);
    cr_assert_not_null(e);
    Qiao__V1__Header *h = qiao__v1__header__unpack(NULL, e->header.len, e->header.data);
    cr_assert_not_null(h);
    cr_assert(h->id.len == 16 && h->kind == 201 && h->schema_version == 1 && h->case_sequence == 300);
    cr_assert_str_eq(h->source->area, area);
    cr_assert_str_eq(h->source->org, org);
    cr_assert_str_eq(h->source->seat, seat);
    cr_assert_str_eq(h->destination->area, "990101");
    cr_assert_str_eq(h->case_id, "case-桥-1");
    cr_assert_str_eq(h->matter, "NOISE.CONSTRUCTION");
    cr_assert_str_eq(h->idempotency_key, "row 17");
    cr_assert(h->sent_at_ms == 1700000000000u && h->expires_at_ms == 1700000600000u && h->body_size == 8 && h->body_digest.len == 32);
    cr_assert(h->n_legal_basis == 2 && h->retention->not_after_ms == 2000000000000u && h->pi_mask == (1ull << 63 | 5) && h->event_at_ms == 1699990000000u);
    cr_assert_str_eq(h->legal_basis[0]->article, "1190(3)");
    cr_assert_str_eq(h->retention->rule, "CASE.10Y");
    cr_assert_str_eq(h->purpose, "HANDLE_COMPLAINT");
    cr_assert_str_eq(h->consent_ref, "CON-3");
    cr_assert((int)h->lane == 2 && (int)h->status == 1 && (int)h->privacy_class == 2);
    cr_assert(e->body.len == 8 && memcmp(e->body.data, "the body", 8) == 0);
    qiao__v1__header__free_unpacked(h, NULL);
    qiao__v1__envelope__free_unpacked(e, NULL);
}

Test(envelope, what_protobuf_c_writes_is_opened)
{
    Qiao__V1__Header header = QIAO__V1__HEADER__INIT;
    Qiao__V1__Address from = QIAO__V1__ADDRESS__INIT, to = QIAO__V1__ADDRESS__INIT;
    Qiao__V1__Envelope envelope = QIAO__V1__ENVELOPE__INIT;
    Qiao__V1__LegalBasis basis = QIAO__V1__LEGAL_BASIS__INIT;
    Qiao__V1__LegalBasis *bases[] = { &basis };
    uint8_t id[16] = { 7 }, packed[512], raw[1024];
    basis.catalogue = (char *)"catalogue";
    from.area = (char *)area;
    from.org = (char *)org;
    to.area = (char *)"990101/**";
    header.id = (ProtobufCBinaryData){ 16, id };
    header.kind = 500;
    header.source = &from;
    header.destination = &to;
    header.hybrid_clock = 99;
    header.purpose = (char *)"carried, not read";
    header.n_legal_basis = 1;
    header.legal_basis = bases;
    envelope.header = (ProtobufCBinaryData){ qiao__v1__header__pack(&header, packed), packed };
    size_t size = qiao__v1__envelope__pack(&envelope, raw);
    struct envelope e;
    struct qiao_bytes root;
    cr_assert_eq(envelope_open(qiao_bytes(raw, size), &e), QIAO_CODE_OK);
    cr_assert_eq(e.header.kind, 500);
    cr_assert(address_is_set(&e.header.destination, &root) && qiao_bytes_equal(root, text("990101")));
    cr_assert(qiao_bytes_equal(e.header_bytes, qiao_bytes(packed, envelope.header.len)));
}

Test(envelope, hops_are_appended_without_touching_what_was_there)
{
    buf_auto out = { 0 };
    struct envelope e;
    write_full(&out);
    size_t before = out.size;
    for (unsigned i = 0; i < 3; i++) {
        size_t size = out.size;
        envelope_put_hop(&out, text("street-node"), 1700000000000u + i, i == 2 ? text("990103") : text(""));
        cr_assert_eq(out.size - size, envelope_hop_size(strlen("street-node"), i == 2 ? 6 : 0));
    }
    buf_auto again = { 0 };
    write_full(&again);
    cr_assert_arr_eq(out.data, again.data, before);
    cr_assert_eq(envelope_open(buf_bytes(&out), &e), QIAO_CODE_OK);
    cr_assert_eq(e.hops, 3);
    Qiao__V1__Envelope *theirs = qiao__v1__envelope__unpack(NULL, out.size, out.data);
    cr_assert_not_null(theirs);
    cr_assert_eq(theirs->transit->n_hops, 3);
    cr_assert_str_eq(theirs->transit->hops[2]->node, "street-node");
    cr_assert_eq(theirs->transit->hops[2]->at_ms, 1700000000002u);
    qiao__v1__envelope__free_unpacked(theirs, NULL);
}

Test(envelope, hops_tell_where_it_was_and_where_it_came_from)
{
    buf_auto out = { 0 };
    struct qiao_bytes before;
    write_full(&out);
    cr_assert(!envelope_passed(buf_bytes(&out), text("street"), &before));
    cr_assert_eq(before.size, 0);
    envelope_put_hop(&out, text("street"), 1, text(""));
    envelope_put_hop(&out, text("district"), 2, text(""));
    envelope_put_note(&out, &(struct transit_note){ .shared = true });
    cr_assert(!envelope_passed(buf_bytes(&out), text("harbour"), &before));
    cr_assert(qiao_bytes_equal(before, text("district")));
    envelope_put_hop(&out, text("street"), 3, text(""));
    cr_assert(envelope_passed(buf_bytes(&out), text("street"), &before));
    cr_assert(qiao_bytes_equal(before, text("district")), "not itself");
}

Test(envelope, too_many_hops_are_refused)
{
    buf_auto out = { 0 };
    struct envelope e;
    write_full(&out);
    for (unsigned i = 0; i < QIAO_HOPS_MAX; i++) envelope_put_hop(&out, text("n"), 1, text(""));
    cr_assert_eq(envelope_open(buf_bytes(&out), &e), QIAO_CODE_OK);
    envelope_put_hop(&out, text("n"), 1, text(""));
    cr_assert_eq(envelope_open(buf_bytes(&out), &e), QIAO_CODE_HOPS);
    cr_assert(envelope_can_answer(&e));
}

Test(envelope, every_prefix_is_refused)
{
    buf_auto out = { 0 };
    write_full(&out);
    for (size_t size = 0; size < out.size; size++) {
        uint8_t *copy = base_alloc(size);
        struct envelope e;
        memcpy(copy, out.data, size);
        cr_assert_neq(envelope_open(qiao_bytes(copy, size), &e), QIAO_CODE_OK, "prefix of %zu", size);
        free(copy);
    }
}

Test(envelope, every_bit_of_nonsense_is_survived)
{
    buf_auto out = { 0 };
    write_full(&out);
    for (size_t at = 0; at < out.size; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            struct envelope e;
            out.data[at] ^= (uint8_t)(1u << bit);
            unsigned code = envelope_open(buf_bytes(&out), &e);
            cr_assert(code == QIAO_CODE_OK || code == QIAO_CODE_MALFORMED || code == QIAO_CODE_ADDRESS || code == QIAO_CODE_DIGEST || code == QIAO_CODE_HOPS, "%u", code);
            out.data[at] ^= (uint8_t)(1u << bit);
        }
}

static unsigned open_changed(void (*change)(struct envelope_draft *))
{
    buf_auto scratch = { 0 };
    buf_auto out = { 0 };
    struct envelope e;
    struct envelope_draft draft = full_draft(&scratch);
    change(&draft);
    envelope_write(&out, &draft);
    return envelope_open(buf_bytes(&out), &e);
}

static char long_text[QIAO_TEXT_SIZE_MAX + 2];

static void case_id_long(struct envelope_draft *d) { d->case_id = qiao_bytes(memset(long_text, 'x', sizeof long_text), QIAO_CASE_ID_SIZE_MAX + 1); }
static void case_id_longest(struct envelope_draft *d) { d->case_id = qiao_bytes(memset(long_text, 'x', sizeof long_text), QIAO_CASE_ID_SIZE_MAX); }
static void matter_long(struct envelope_draft *d) { d->matter = qiao_bytes(memset(long_text, 'x', sizeof long_text), QIAO_MATTER_SIZE_MAX + 1); }
static void key_long(struct envelope_draft *d) { d->idempotency_key = qiao_bytes(memset(long_text, 'x', sizeof long_text), QIAO_TEXT_SIZE_MAX + 1); }
static void case_id_not_utf8(struct envelope_draft *d) { d->case_id = text("\xff"); }
static void matter_not_utf8(struct envelope_draft *d) { d->matter = text("\xc0\x80"); }
static void key_not_utf8(struct envelope_draft *d) { d->idempotency_key = text("\xed\xa0\x80"); }
static void area_not_utf8(struct envelope_draft *d) { d->destination = text("\x0a\x01\xff"); }
static void lane_out(struct envelope_draft *d) { d->lane = QIAO_LANES; }
static void status_out(struct envelope_draft *d) { d->status = 3; }
static void privacy_out(struct envelope_draft *d) { d->privacy = 4; }
static void digest_short(struct envelope_draft *d) { d->body_digest.size = 31; }
static void correlation_short(struct envelope_draft *d) { d->correlation_id.size = 15; }
static void no_destination(struct envelope_draft *d) { d->destination.size = 0; }

Test(envelope, each_limit_has_its_code)
{
    static const struct { void (*change)(struct envelope_draft *); unsigned code; } cases[] = {
        { case_id_long, QIAO_CODE_MALFORMED },     { case_id_longest, QIAO_CODE_OK },          { matter_long, QIAO_CODE_MALFORMED },  { key_long, QIAO_CODE_MALFORMED },
        { case_id_not_utf8, QIAO_CODE_MALFORMED }, { matter_not_utf8, QIAO_CODE_MALFORMED },   { key_not_utf8, QIAO_CODE_MALFORMED }, { area_not_utf8, QIAO_CODE_MALFORMED },
        { lane_out, QIAO_CODE_MALFORMED },         { status_out, QIAO_CODE_MALFORMED },        { privacy_out, QIAO_CODE_MALFORMED },  { digest_short, QIAO_CODE_MALFORMED },
        { correlation_short, QIAO_CODE_MALFORMED }, { no_destination, QIAO_CODE_ADDRESS },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) cr_assert_eq(open_changed(cases[i].change), cases[i].code, "case %zu", i);
}

Test(envelope, the_largest_body_is_taken_and_one_byte_more_is_not)
{
    uint8_t *body = base_zalloc(QIAO_BODY_SIZE_MAX + 1);
    for (size_t more = 0; more < 2; more++) {
        buf_auto scratch = { 0 };
        buf_auto out = { 0 };
        struct envelope e;
        struct envelope_draft draft = full_draft(&scratch);
        draft.body = qiao_bytes(body, QIAO_BODY_SIZE_MAX + more);
        envelope_write(&out, &draft);
        cr_assert_eq(envelope_open(buf_bytes(&out), &e), more ? QIAO_CODE_TOO_LARGE : QIAO_CODE_OK);
        cr_assert(envelope_can_answer(&e));
    }
    free(body);
}

Test(envelope, a_body_of_another_size_than_the_header_says_is_refused)
{
    buf_auto out = { 0 };
    struct envelope e;
    write_full(&out);
    pb_put_bytes(&out, 2, text("another body"));
    cr_assert_eq(envelope_open(buf_bytes(&out), &e), QIAO_CODE_DIGEST);
}
