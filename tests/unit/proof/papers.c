#include "papers.h"

#include "proof/custody.h"
#include "proof/proof.h"

#include <qiao/kind.h>

#define SENT_MS 1700000000000u

static const struct qiao_id message_id = { { 1, 2, 3, 4 } };

void papers_begin(struct papers *p)
{
    struct sim_options options = { .seed = 7, .calm = true };
    p->sim = sim_new(&options);
    sim_keys_start(&p->street, p->sim, "street", "990101", false);
    sim_keys_start(&p->court, p->sim, "990101/court", "990101", true);
    sim_keys_start(&p->district, p->sim, "district", "990102", false);
}

void papers_end(struct papers *p)
{
    p->sim = sim_free(p->sim);
}

static void write_envelope(const struct papers *p, uint32_t kind, bool back, struct qiao_bytes body, struct buf *raw)
{
    buf_auto court = { 0 };
    buf_auto office = { 0 };
    uint8_t digest[SEAL_DIGEST_SIZE];
    address_write(&court, qiao_bytes_from_string("990101"), qiao_bytes_from_string("court"), qiao_bytes(NULL, 0));
    address_write(&office, qiao_bytes_from_string("990102"), qiao_bytes_from_string("office"), qiao_bytes(NULL, 0));
    seal_digest(&p->street.seal, SEAL_SUITE_NONE, body, digest);
    struct envelope_draft draft = {
        .id = message_id, .kind = kind, .source = buf_bytes(back ? &office : &court), .destination = buf_bytes(back ? &court : &office), .sent_at_ms = SENT_MS, .body = body,
        .body_digest = qiao_bytes(digest, sizeof digest),
    };
    envelope_write(raw, &draft);
}

static struct merkle_hash put_signed(const struct sim_keys *signer, uint64_t at_ms, struct qiao_bytes header, uint32_t number, struct buf *out)
{
    buf_auto one = { 0 };
    uint8_t statement[PROOF_STATEMENT_SIZE], signature[SEAL_SIGNATURE_SIZE];
    struct seal_key_id key_id;
    struct merkle_hash leaf;
    merkle_leaf(&signer->seal, SEAL_SUITE_INT1, header, &leaf);
    proof_statement(statement, SEAL_SUITE_INT1, at_ms, 1, &leaf);
    signer->seal.sign(signer->seal.context, qiao_bytes(statement, sizeof statement), &key_id, signature);
    pb_put_bytes(&one, 1, header);
    pb_put_bytes(&one, 2, qiao_bytes(leaf.bytes, SEAL_DIGEST_SIZE));
    pb_put_varint(&one, 3, SEAL_SUITE_INT1);
    pb_put_bytes(&one, 4, qiao_bytes(key_id.bytes, SEAL_KEY_ID_SIZE));
    pb_put_fixed64(&one, 5, at_ms);
    pb_put_varint(&one, 6, 1);
    pb_put_bytes(&one, 9, qiao_bytes(leaf.bytes, SEAL_DIGEST_SIZE));
    pb_put_bytes(&one, 10, qiao_bytes(signature, sizeof signature));
    pb_put_bytes(out, number, buf_bytes(&one));
    return leaf;
}

static void put_custody(const struct papers *p, const struct merkle_hash *leaf, uint64_t at_ms, struct buf *out)
{
    static const struct merkle_hash before = { { 0 } };
    buf_auto one = { 0 };
    buf_auto unit = { 0 };
    buf_auto words = { 0 };
    uint8_t signature[SEAL_SIGNATURE_SIZE];
    struct seal_key_id key_id;
    struct custody c = { .receiver = "district", .sender = "street", .sequence = 1, .at_ms = at_ms };
    custody_chain_add(&p->district.seal, SEAL_SUITE_INT1, &c.chain, 1, leaf);
    custody_statement(&words, SEAL_SUITE_INT1, &c);
    p->district.seal.sign(p->district.seal.context, buf_bytes(&words), &key_id, signature);
    pb_put_varint(&unit, 1, 1);
    pb_put_bytes(&unit, 2, qiao_bytes(leaf->bytes, SEAL_DIGEST_SIZE));
    pb_put_string(&one, 1, c.receiver);
    pb_put_string(&one, 2, c.sender);
    pb_put_varint(&one, 4, c.sequence);
    pb_put_bytes(&one, 5, qiao_bytes(before.bytes, SEAL_DIGEST_SIZE));
    pb_put_bytes(&one, 6, buf_bytes(&unit));
    pb_put_bytes(&one, 7, qiao_bytes(c.chain.bytes, SEAL_DIGEST_SIZE));
    pb_put_fixed64(&one, 8, at_ms);
    pb_put_bytes(&one, 10, qiao_bytes(c.audit_root.bytes, SEAL_DIGEST_SIZE));
    pb_put_varint(&one, 11, SEAL_SUITE_INT1);
    pb_put_bytes(&one, 12, qiao_bytes(key_id.bytes, SEAL_KEY_ID_SIZE));
    pb_put_bytes(&one, 13, qiao_bytes(signature, sizeof signature));
    pb_put_bytes(out, 3, buf_bytes(&one));
}

static void put_outcome(const struct papers *p, const struct papers_options *o, struct qiao_bytes header, struct buf *out)
{
    const struct sim_keys *decider = o->decider ? o->decider : &p->district;
    buf_auto recipient = { 0 };
    buf_auto outcome = { 0 };
    buf_auto body = { 0 };
    buf_auto raw = { 0 };
    buf_auto one = { 0 };
    struct merkle_hash name;
    struct envelope_parts parts;
    merkle_leaf(&p->street.seal, SEAL_SUITE_NONE, header, &name);
    address_write(&recipient, qiao_bytes_from_string("990102"), qiao_bytes_from_string("office"), qiao_bytes(NULL, 0));
    pb_put_bytes(&outcome, 1, qiao_bytes(message_id.bytes, QIAO_ID_SIZE));
    pb_put_varint(&outcome, 2, o->status);
    pb_put_varint(&outcome, 3, o->code);
    pb_put_bytes(&outcome, 6, qiao_bytes(name.bytes, 16));
    pb_put_bytes(&body, 1, buf_bytes(&recipient));
    pb_put_fixed64(&body, 2, SENT_MS + 500);
    pb_put_string(&body, 3, decider->known[0].identity.name);
    pb_put_bytes(&body, 4, buf_bytes(&outcome));
    write_envelope(p, QIAO_KIND_RECEIPT, true, buf_bytes(&body), &raw);
    envelope_split(buf_bytes(&raw), &parts);
    put_signed(decider, SENT_MS + 500, parts.header, 1, &one);
    pb_put_bytes(&one, 2, buf_bytes(&body));
    pb_put_bytes(out, 4, buf_bytes(&one));
}

void papers_dossier(const struct papers *p, const struct papers_options *o, struct buf *dossier)
{
    const struct sim_keys *const all[] = { &p->street, &p->court, &p->district };
    buf_auto raw = { 0 };
    struct envelope_parts parts;
    write_envelope(p, QIAO_KIND_PAYLOAD, false, qiao_bytes_from_string("a body"), &raw);
    envelope_split(buf_bytes(&raw), &parts);
    pb_put_bytes(dossier, 1, qiao_bytes(message_id.bytes, QIAO_ID_SIZE));
    struct merkle_hash leaf = put_signed(o->by_member ? &p->court : &p->street, SENT_MS, parts.header, 2, dossier);
    put_custody(p, &leaf, o->received_ms ? o->received_ms : SENT_MS + 200, dossier);
    if (o->status) put_outcome(p, o, parts.header, dossier);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) pb_put_bytes(dossier, 5, qiao_bytes(all[i]->known[0].bytes, all[i]->known[0].size));
    pb_put_varint(dossier, 6, 1);
}
