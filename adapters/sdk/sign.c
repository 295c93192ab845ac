#include "sdk/sign.h"

#include "codec/envelope.h"
#include "codec/run.h"
#include "proof/proof.h"

struct signing {
    const struct seal *seal;
    uint64_t wall_ms;
    struct buf *out;
    struct qiao_bytes raws[PROOF_GROUP_MAX];
    struct merkle_hash nodes[3 * PROOF_GROUP_MAX]; /* leaves first */
    uint32_t count;                /* of the group at hand */
};

static void put_entry(struct buf *out, struct qiao_bytes raw, struct qiao_bytes proof)
{
    pb_put_bytes_head(out, 1, raw.size + proof.size);
    buf_append(out, raw.data, raw.size);
    buf_append(out, proof.data, proof.size);
}

static int close_group(struct signing *s)
{
    const struct seal *seal = s->seal;
    uint8_t statement[PROOF_STATEMENT_SIZE], signature[SEAL_SIGNATURE_SIZE];
    struct seal_key_id key_id;
    buf_auto head = { 0 };
    if (s->count == 0) return 0;
    merkle_build(seal, seal->suite, s->nodes, s->count);
    proof_statement(statement, seal->suite, s->wall_ms, s->count, &s->nodes[merkle_nodes_count(s->count) - 1]);
    int result = seal->sign(seal->context, qiao_bytes(statement, sizeof statement), &key_id, signature);
    if (result < 0) return result;
    proof_put_head(&head);
    proof_fill_head(head.data, seal->suite, &key_id, signature, s->count, s->wall_ms);
    for (uint32_t i = 0; i < s->count; i++) put_entry(s->out, s->raws[i], i == 0 ? buf_bytes(&head) : qiao_bytes(NULL, 0));
    s->count = 0;
    return 0;
}

/* Ended messages, and what cannot be read any more, go as they are. */
static int add(struct signing *s, struct qiao_bytes raw)
{
    struct envelope_parts parts;
    bool signable = raw.size > 0 && envelope_split(raw, &parts) && parts.proof.size == 0;
    int result = !signable || s->count == PROOF_GROUP_MAX ? close_group(s) : 0;
    if (!signable) {
        put_entry(s->out, raw, qiao_bytes(NULL, 0));
        return result;
    }
    merkle_leaf(s->seal, s->seal->suite, parts.header, &s->nodes[s->count]);
    s->raws[s->count++] = raw;
    return result;
}

int sign_entries(const struct seal *seal, struct qiao_bytes entries, uint64_t wall_ms, struct buf *out)
{
    struct signing s = { .seal = seal, .wall_ms = wall_ms, .out = out };
    struct pb_reader r = pb_reader(entries);
    struct qiao_bytes raw;
    int result = 0;
    while (result == 0 && run_next(&r, &raw)) result = add(&s, raw);
    return result == 0 ? close_group(&s) : result;
}
