/* What the adversary says: envelopes, groups, receipts and custody receipts, made with the product's own encoders. */
#include "adversary.h"

#include <qiao/client.h>

static const uint8_t hostile_mark[4] = { 0xff, 0xff, 0xff, 0xff };

bool words_are_hostile(const struct qiao_id *id)
{
    return memcmp(id->bytes + 12, hostile_mark, sizeof hostile_mark) == 0;
}

static struct qiao_id fresh_id(struct adversary *a)
{
    uint8_t random[10];
    prng_fill(&a->prng, random, sizeof random);
    struct qiao_id id = qiao_id_make(sim_wall_ms(a->sim), random);
    memcpy(id.bytes + 12, hostile_mark, sizeof hostile_mark);
    return id;
}

void words_write(struct adversary *a, const struct words *w, struct buf *raw)
{
    buf_auto source = { 0 };
    buf_auto destination = { 0 };
    uint8_t digest[SEAL_DIGEST_SIZE];
    address_write(&source, qiao_bytes_from_string(w->area), qiao_bytes_from_string(w->org), qiao_bytes(NULL, 0));
    address_write(&destination, qiao_bytes_from_string(w->to_area), qiao_bytes_from_string(w->to_org), qiao_bytes(NULL, 0));
    seal_digest(&a->keys.seal, SEAL_SUITE_NONE, w->body, digest);
    struct envelope_draft draft = {
        .id = w->id ? *w->id : fresh_id(a), .kind = w->kind ? w->kind : QIAO_KIND_PAYLOAD, .source = buf_bytes(&source), .destination = buf_bytes(&destination),
        .sent_at_ms = sim_wall_ms(a->sim), .expires_at_ms = w->expires_at_ms, .body = w->body, .body_digest = qiao_bytes(w->body.size ? digest : NULL, w->body.size ? sizeof digest : 0),
    };
    envelope_write(raw, &draft);
}

void words_put_entry(struct buf *entries, struct qiao_bytes raw)
{
    pb_put_bytes_head(entries, 1, raw.size);
    buf_append(entries, raw.data, raw.size);
}

void words_sign(struct adversary *a, const struct seal *seal, unsigned suite, const struct buf *raws, uint32_t count, struct buf *entries)
{
    struct merkle_hash nodes[3 * 16];
    uint8_t statement[PROOF_STATEMENT_SIZE], signature[SEAL_SIGNATURE_SIZE], field[PROOF_HEAD_SIZE];
    struct seal_key_id key_id;
    uint64_t at_ms = a->signs_at_ms ? a->signs_at_ms : sim_wall_ms(a->sim);
    assert(count <= 16);
    for (uint32_t i = 0; i < count; i++) {
        struct envelope_parts parts;
        bool split = envelope_split(buf_bytes(&raws[i]), &parts);
        assert(split);
        (void)split;
        merkle_leaf(seal, (enum seal_suite)suite, parts.header, &nodes[i]);
    }
    merkle_build(seal, (enum seal_suite)suite, nodes, count);
    proof_statement(statement, suite, at_ms, count, &nodes[merkle_nodes_count(count) - 1]);
    seal->sign(seal->context, qiao_bytes(statement, sizeof statement), &key_id, signature);
    proof_fill_head(field, (enum seal_suite)suite, &key_id, signature, count, at_ms);
    for (uint32_t i = 0; i < count; i++) {
        pb_put_bytes_head(entries, 1, raws[i].size + (i == 0 ? sizeof field : 0));
        buf_append(entries, raws[i].data, raws[i].size);
        if (i == 0) buf_append(entries, field, sizeof field);
    }
}

void words_send(struct adversary *a, int visitor, uint32_t count, struct qiao_bytes entries)
{
    struct visitor *v = &a->visitors[visitor];
    link_send_batch(&v->link, QIAO_LANE_NORMAL, v->link.tx[QIAO_LANE_NORMAL].next, count, entries, a->sim->now_ms, &v->out);
    adversary_flush(a, visitor);
}

void words_receipt(struct adversary *a, const char *area, const char *org, const struct qiao_id *id, unsigned status, struct qiao_bytes leaf, struct buf *body)
{
    buf_auto recipient = { 0 };
    buf_auto outcome = { 0 };
    address_write(&recipient, qiao_bytes_from_string(area), qiao_bytes_from_string(org), qiao_bytes(NULL, 0));
    pb_put_bytes(&outcome, 1, qiao_bytes(id->bytes, QIAO_ID_SIZE));
    pb_put_varint(&outcome, 2, status);
    if (status != QIAO_OUTCOME_ACCEPTED) pb_put_varint(&outcome, 3, QIAO_CODE_NOT_COMPETENT);
    pb_put_bytes(&outcome, 6, leaf);
    pb_put_bytes(body, 1, buf_bytes(&recipient));
    pb_put_fixed64(body, 2, sim_wall_ms(a->sim));
    pb_put_string(body, 3, "harbour");
    pb_put_bytes(body, 4, buf_bytes(&outcome));
}

/* ---- custody ---- */

static void sign_custody(struct adversary *a, const struct seal *seal, unsigned lane, uint64_t sequence, const struct merkle_hash *chain, unsigned root)
{
    struct visitor *v = &a->visitors[HARBOUR];
    buf_auto statement = { 0 };
    uint8_t signature[SEAL_SIGNATURE_SIZE];
    struct seal_key_id key_id;
    struct custody custody = { .receiver = "harbour", .sender = adversary_node(a)->name, .lane = lane, .sequence = sequence, .chain = *chain, .at_ms = sim_wall_ms(a->sim) };
    if (root > 0) custody.audit_size = 5;
    memset(custody.audit_root.bytes, (int)root, SEAL_DIGEST_SIZE);
    custody_statement(&statement, SEAL_SUITE_INT1, &custody);
    seal->sign(seal->context, buf_bytes(&statement), &key_id, signature);
    struct link_custody out[LINK_LANES] = { { 0 } };
    out[lane] = (struct link_custody){
        .present = true, .suite = SEAL_SUITE_INT1, .sequence = sequence, .chain = qiao_bytes(custody.chain.bytes, SEAL_DIGEST_SIZE),
        .signature = qiao_bytes(signature, sizeof signature), .key_id = qiao_bytes(key_id.bytes, SEAL_KEY_ID_SIZE),
        .audit_root = qiao_bytes(custody.audit_root.bytes, SEAL_DIGEST_SIZE), .at_ms = custody.at_ms, .audit_size = custody.audit_size,
    };
    link_send_custody(&v->link, out, 0, a->sim->now_ms, &v->out);
}

void words_acknowledge(struct adversary *a, unsigned lane)
{
    struct visitor *v = &a->visitors[HARBOUR];
    struct merkle_hash other = v->chain[lane];
    other.bytes[7] ^= 1;
    switch (a->twist) {
    case TWIST_NONE: sign_custody(a, &a->keys.seal, lane, v->received[lane], &v->chain[lane], 0); break;
    case TWIST_CHAIN: sign_custody(a, &a->keys.seal, lane, v->received[lane], &other, 0); break;
    case TWIST_BEYOND: sign_custody(a, &a->keys.seal, lane, UINT64_MAX - 1, &other, 0); break;
    case TWIST_SIGNER: sign_custody(a, &a->quarry.seal, lane, v->received[lane], &v->chain[lane], 0); break;
    case TWIST_AUDIT: sign_custody(a, &a->keys.seal, lane, v->received[lane], &v->chain[lane], 1 + a->tries % 2); break;
    case TWIST_TWO_CHAINS:
        sign_custody(a, &a->keys.seal, lane, v->received[lane], &v->chain[lane], 0);
        sign_custody(a, &a->keys.seal, lane, v->received[lane], &other, 0);
        break;
    }
    adversary_flush(a, HARBOUR);
}
