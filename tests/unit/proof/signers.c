#include "signers.h"

#include <qiao/kind.h>

static const struct { const char *name, *area; bool member; } people[] = {
    [SIGNER_NODE] = { "street", "990101", false },
    [SIGNER_MEMBER] = { "990101/court", "990101", true },
    [SIGNER_UNKNOWN] = { "nobody", "", false },
};

static struct seal_key_id key_of(int signer)
{
    struct seal_key_id id = { { (uint8_t)(signer + 1) } };
    return id;
}

static void signature_of(int signer, struct qiao_bytes message, uint8_t ret_signature[SEAL_SIGNATURE_SIZE])
{
    for (unsigned half = 0; half < 2; half++) {
        const uint8_t which = (uint8_t)half;
        const struct qiao_bytes parts[] = { qiao_bytes(&which, 1), qiao_bytes_from_string(people[signer].name), message };
        seal_openssl_digest.digest(SEAL_SUITE_INT1, parts, 3, ret_signature + half * SEAL_DIGEST_SIZE);
    }
}

static void digest(enum seal_suite suite, const struct qiao_bytes *parts, size_t parts_count, uint8_t ret_digest[SEAL_DIGEST_SIZE])
{
    seal_openssl_digest.digest(suite, parts, parts_count, ret_digest);
}

static unsigned verify(void *context, enum seal_suite suite, const struct seal_key_id *key_id, uint64_t at_ms, struct qiao_bytes message,
                       struct qiao_bytes signature, struct seal_identity *ret_signer)
{
    uint8_t wanted[SEAL_SIGNATURE_SIZE];
    int signer = key_id->bytes[0] - 1;
    (void)context;
    (void)at_ms;
    if (suite != SEAL_SUITE_INT1) return QIAO_CODE_SUITE;
    if (signer != SIGNER_NODE && signer != SIGNER_MEMBER) return QIAO_CODE_UNKNOWN_KEY;
    signature_of(signer, message, wanted);
    *ret_signer = (struct seal_identity){ .member = people[signer].member };
    memcpy(ret_signer->name, people[signer].name, strlen(people[signer].name));
    memcpy(ret_signer->area, people[signer].area, strlen(people[signer].area));
    return qiao_bytes_equal(signature, qiao_bytes(wanted, sizeof wanted)) ? QIAO_CODE_OK : QIAO_CODE_SIGNATURE;
}

const struct seal signers_seal = { .suite = SEAL_SUITE_INT1, .accepted = 1u << SEAL_SUITE_INT1, .digest = digest, .verify = verify };
const struct seal signers_lenient = { .suite = SEAL_SUITE_INT1, .accepted = 1u << SEAL_SUITE_INT1 | 1u << SEAL_SUITE_NONE, .digest = digest, .verify = verify };

void signers_envelope(const char *org, const char *body, uint64_t expires_at_ms, struct buf *raw)
{
    static uint32_t number;
    buf_auto source = { 0 };
    buf_auto destination = { 0 };
    uint8_t body_digest[SEAL_DIGEST_SIZE];
    address_write(&source, qiao_bytes_from_string("990101"), qiao_bytes_from_string(org), qiao_bytes(NULL, 0));
    address_write(&destination, qiao_bytes_from_string("990102"), qiao_bytes_from_string("office"), qiao_bytes(NULL, 0));
    seal_digest(&signers_seal, SEAL_SUITE_NONE, qiao_bytes_from_string(body), body_digest);
    struct envelope_draft draft = {
        .kind = QIAO_KIND_PAYLOAD, .source = buf_bytes(&source), .destination = buf_bytes(&destination), .sent_at_ms = 1700000000000u, .expires_at_ms = expires_at_ms,
        .body = qiao_bytes_from_string(body), .body_digest = qiao_bytes(body_digest, sizeof body_digest),
    };
    put_u32(draft.id.bytes, ++number);
    envelope_write(raw, &draft);
}

void signers_entry(struct buf *entries, struct qiao_bytes raw)
{
    pb_put_bytes_head(entries, 1, raw.size);
    buf_append(entries, raw.data, raw.size);
}

void signers_group(int signer, unsigned suite, const struct buf *raws, uint32_t count, struct buf *entries)
{
    struct merkle_hash *nodes = base_alloc((merkle_nodes_count(count) + 1) * sizeof *nodes);
    uint8_t statement[PROOF_STATEMENT_SIZE], signature[SEAL_SIGNATURE_SIZE];
    struct seal_key_id key = key_of(signer);
    for (uint32_t i = 0; i < count; i++) {
        struct envelope_parts parts;
        if (envelope_split(buf_bytes(&raws[i]), &parts)) merkle_leaf(&signers_seal, (enum seal_suite)suite, parts.header, &nodes[i]);
    }
    merkle_build(&signers_seal, (enum seal_suite)suite, nodes, count);
    proof_statement(statement, suite, 1700000000001u, count, &nodes[merkle_nodes_count(count) - 1]);
    signature_of(signer, qiao_bytes(statement, sizeof statement), signature);
    for (uint32_t i = 0; i < count; i++) {
        buf_auto raw = { 0 };
        buf_append(&raw, raws[i].data, raws[i].size);
        size_t at = raw.size;
        if (i == 0) proof_put_head(&raw);
        if (i == 0) proof_fill_head(raw.data + at, (enum seal_suite)suite, &key, signature, count, 1700000000001u);
        signers_entry(entries, buf_bytes(&raw));
    }
    free(nodes);
}
