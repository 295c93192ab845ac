/* Everything that opens protobuf. Where protobuf-c and our reader both take an envelope, they must have read the same. */
#include "fuzz.h"

#include "base/arena.h"
#include "codec/envelope.h"
#include "codec/run.h"
#include "schema/admin.pb-c.h"
#include "schema/allocation.pb-c.h"
#include "schema/case.pb-c.h"
#include "schema/envelope.pb-c.h"
#include "schema/link.pb-c.h"
#include "schema/receipt.pb-c.h"
#include "schema/referral.pb-c.h"

#include <qiao/err.h>

/* ---- our reader against protobuf-c ---- */

static bool same_text(struct qiao_bytes ours, const char *theirs)
{
    return qiao_bytes_equal(ours, qiao_bytes_from_string(theirs));
}

static bool same_bytes(struct qiao_bytes ours, ProtobufCBinaryData theirs)
{
    return qiao_bytes_equal(ours, qiao_bytes(theirs.data, theirs.len));
}

static void compare_address(const struct address *ours, const Qiao__V1__Address *theirs)
{
    if (!theirs) {
        FUZZ_CHECK(ours->raw.size == 0);
        return;
    }
    FUZZ_CHECK(same_text(ours->area, theirs->area) && same_text(ours->org, theirs->org));
    FUZZ_CHECK(same_text(ours->seat, theirs->seat) && same_text(ours->service, theirs->service));
}

static void compare_policy_fields(const struct header *ours, const Qiao__V1__Header *theirs)
{
    FUZZ_CHECK(ours->legal_basis_count == theirs->n_legal_basis && same_text(ours->purpose, theirs->purpose));
    for (unsigned i = 0; i < ours->legal_basis_count; i++) {
        struct legal_basis basis;
        FUZZ_CHECK(legal_basis_read(ours->legal_basis[i], &basis) && same_text(basis.catalogue, theirs->legal_basis[i]->catalogue));
        FUZZ_CHECK(same_text(basis.article, theirs->legal_basis[i]->article) && same_text(basis.version, theirs->legal_basis[i]->version));
    }
    FUZZ_CHECK(same_text(ours->retention_rule, theirs->retention ? theirs->retention->rule : ""));
    FUZZ_CHECK(ours->retention_not_after_ms == (theirs->retention ? theirs->retention->not_after_ms : 0));
    FUZZ_CHECK(ours->pi_mask == theirs->pi_mask && same_text(ours->consent_ref, theirs->consent_ref) && ours->event_at_ms == theirs->event_at_ms);
}

static void compare_header(const struct header *ours, const Qiao__V1__Header *theirs)
{
    FUZZ_CHECK(same_bytes(qiao_bytes(ours->id.bytes, QIAO_ID_SIZE), theirs->id));
    FUZZ_CHECK(ours->kind == theirs->kind && ours->schema_version == theirs->schema_version);
    compare_address(&ours->source, theirs->source);
    compare_address(&ours->destination, theirs->destination);
    FUZZ_CHECK(same_text(ours->case_id, theirs->case_id) && ours->case_sequence == theirs->case_sequence);
    FUZZ_CHECK(same_bytes(ours->correlation_id, theirs->correlation_id));
    FUZZ_CHECK(same_text(ours->idempotency_key, theirs->idempotency_key) && same_text(ours->matter, theirs->matter));
    FUZZ_CHECK(ours->sent_at_ms == theirs->sent_at_ms && ours->expires_at_ms == theirs->expires_at_ms);
    FUZZ_CHECK((int)ours->lane == (int)theirs->lane && (int)ours->status == (int)theirs->status && (int)ours->privacy == (int)theirs->privacy_class);
    FUZZ_CHECK(same_bytes(ours->body_digest, theirs->body_digest) && ours->body_size == theirs->body_size);
    compare_policy_fields(ours, theirs);
}

static void compare_envelope(const struct envelope *ours, struct qiao_bytes raw, struct arena *arena)
{
    Qiao__V1__Envelope *theirs = qiao__v1__envelope__unpack(&arena->protobuf, raw.size, raw.data);
    if (!theirs) return;
    FUZZ_CHECK(same_bytes(ours->header_bytes, theirs->header) && same_bytes(ours->body, theirs->body));
    FUZZ_CHECK(ours->hops == (theirs->transit ? theirs->transit->n_hops : 0));
    FUZZ_CHECK(ours->attempt == (theirs->transit ? theirs->transit->attempt : 0));
    Qiao__V1__Header *header = qiao__v1__header__unpack(&arena->protobuf, theirs->header.len, theirs->header.data);
    if (header) compare_header(&ours->header, header);
}

static void open_envelope(struct qiao_bytes raw, struct arena *arena)
{
    struct envelope e;
    unsigned code = envelope_open(raw, &e);
    if (code == QIAO_CODE_MALFORMED) return;
    FUZZ_CHECK(e.header.lane < QIAO_LANES && e.header.status < 3 && e.header.privacy < 4 && e.header_bytes.size <= QIAO_HEADER_SIZE_MAX);
    FUZZ_CHECK(e.header.case_id.size <= QIAO_CASE_ID_SIZE_MAX && e.header.source.area.size <= QIAO_AREA_SIZE_MAX);
    struct qiao_bytes root;
    if (address_is_set(&e.header.destination, &root)) FUZZ_CHECK(root.size + 3 == e.header.destination.area.size);
    if (code == QIAO_CODE_OK) compare_envelope(&e, raw, arena);
}

/* What a node appends to an envelope on its way is one hop more and changes nothing else. */
static void travel(struct qiao_bytes raw)
{
    struct envelope before, after;
    buf_auto longer = { 0 };
    if (envelope_open(raw, &before) != QIAO_CODE_OK || before.hops >= QIAO_HOPS_MAX) return;
    buf_append(&longer, raw.data, raw.size);
    envelope_put_hop(&longer, qiao_bytes_from_string("district"), 1700000000000u, qiao_bytes_from_string("990103"));
    FUZZ_CHECK(longer.size == raw.size + envelope_hop_size(8, 6));
    unsigned code = envelope_open(buf_bytes(&longer), &after);
    FUZZ_CHECK(code == QIAO_CODE_OK || (code == QIAO_CODE_TOO_LARGE && longer.size > QIAO_ENVELOPE_SIZE_MAX));
    FUZZ_CHECK(after.hops == before.hops + 1 && after.attempt == before.attempt && qiao_bytes_equal(before.body, after.body));
}

/* ---- runs and batches ---- */

static void open_run(struct qiao_bytes value)
{
    struct run_view run;
    struct qiao_bytes entry;
    if (!run_open(value, &run)) return;
    struct pb_reader r = pb_reader(run.entries);
    while (run_next(&r, &entry)) FUZZ_CHECK(entry.data >= value.data && entry.data + entry.size <= value.data + value.size);
}

static void open_batch(struct qiao_bytes payload, struct arena *arena)
{
    struct batch_view batch;
    struct qiao_bytes entry;
    if (!batch_open(payload, &batch)) return;
    struct pb_reader r = pb_reader(batch.payload);
    uint32_t count = 0;
    for (; run_next(&r, &entry); count++) open_envelope(entry, arena);
    FUZZ_CHECK(!r.failed && count == batch.count && batch.count <= QIAO_BATCH_MESSAGES_MAX && batch.first_sequence > 0);
    Qiao__V1__Batch *theirs = qiao__v1__batch__unpack(&arena->protobuf, payload.size, payload.data);
    if (!theirs) return;
    FUZZ_CHECK(theirs->n_envelopes == batch.count && (unsigned)theirs->lane == batch.lane && theirs->first_sequence == batch.first_sequence);
}

/* ---- bodies, as protobuf-c reads them ---- */

static const ProtobufCMessageDescriptor *const kinds[] = {
    &qiao__v1__envelope__descriptor, &qiao__v1__header__descriptor, &qiao__v1__receipt__descriptor, &qiao__v1__case_open__descriptor,
    &qiao__v1__case_update__descriptor, &qiao__v1__case_close__descriptor, &qiao__v1__referral_request__descriptor,
    &qiao__v1__referral_answer__descriptor, &qiao__v1__allocation_grant__descriptor, &qiao__v1__allocation_answer__descriptor,
    &qiao__v1__hello__descriptor, &qiao__v1__auth__descriptor, &qiao__v1__ack__descriptor, &qiao__v1__verdicts__descriptor,
    &qiao__v1__admin_request__descriptor, &qiao__v1__admin_reply__descriptor,
};

static void unpack_as(const ProtobufCMessageDescriptor *kind, struct qiao_bytes body, struct arena *arena)
{
    arena_reset(arena);
    ProtobufCMessage *message = protobuf_c_message_unpack(kind, &arena->protobuf, body.size, body.data);
    if (message) FUZZ_CHECK(protobuf_c_message_get_packed_size(message) <= 16 * (body.size + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices c = choices(data, size);
    unsigned as = choose(&c);
    struct qiao_bytes bytes = qiao_bytes(c.at, c.left);
    struct arena arena;
    arena_init(&arena, 1u << 20);
    open_envelope(bytes, &arena);
    travel(bytes);
    open_run(bytes);
    open_batch(bytes, &arena);
    if (pb_depth_ok(bytes)) unpack_as(kinds[as % (sizeof kinds / sizeof kinds[0])], bytes, &arena);
    arena_deinit(&arena);
    return 0;
}
