#include "proof/group.h"

#include "codec/run.h"

#include <qiao/kind.h>

/* Signatures met in one batch that are remembered: messages of a split group come in rows. */
#define CACHE_SIZE 8u

struct walk {
    const struct seal *seal;
    bool check;
    struct group_batch *batch;
    uint32_t open;                  /* messages of the group at hand that are still to come */
    struct qiao_bytes destination;  /* of the message before */
    unsigned lane;
    bool parts_ways, alone;         /* the message at hand goes another way than the one before it; or may end before it arrives */
    struct { struct seal_key_id key_id; uint8_t statement[PROOF_STATEMENT_SIZE]; struct qiao_bytes signature; unsigned code; uint32_t signer; } cache[CACHE_SIZE];
    unsigned cached;
};

void group_batch_deinit(struct group_batch *batch)
{
    free(batch->messages);
    free(batch->units);
    free(batch->nodes);
    free(batch->signers);
    *batch = (struct group_batch){ 0 };
}

bool group_may_speak(const struct seal_identity *signer, uint32_t kind, struct qiao_bytes area, struct qiao_bytes org)
{
    if (!signer->member && kind == QIAO_KIND_RECEIPT) return true;
    if (!signer->member) return area.size > 0 && qiao_bytes_equal(qiao_bytes_from_string(signer->area), area);
    return area.size > 0 && org.size > 0 && strlen(signer->name) == area.size + 1 + org.size && memcmp(signer->name, area.data, area.size) == 0 && signer->name[area.size] == '/' &&
           memcmp(signer->name + area.size + 1, org.data, org.size) == 0;
}

static uint32_t add_signer(struct group_batch *b, const struct seal_identity *signer)
{
    if (b->signers_count > 0 && strcmp(b->signers[b->signers_count - 1].name, signer->name) == 0 && b->signers[b->signers_count - 1].member == signer->member)
        return b->signers_count - 1;
    if (b->signers_count == b->signers_capacity) {
        b->signers_capacity = b->signers_capacity ? b->signers_capacity * 2 : 2;
        b->signers = base_realloc(b->signers, b->signers_capacity * sizeof *b->signers);
    }
    b->signers[b->signers_count] = *signer;
    return b->signers_count++;
}

static unsigned verify(struct walk *w, struct group_unit *unit, const struct merkle_hash *root)
{
    uint8_t statement[PROOF_STATEMENT_SIZE];
    const struct proof *p = &unit->proof;
    struct seal_identity signer;
    proof_statement(statement, p->suite, p->signed_at_ms, p->group_size, root);
    for (unsigned i = 0; i < w->cached && i < CACHE_SIZE; i++) {
        if (memcmp(w->cache[i].statement, statement, sizeof statement) != 0 || memcmp(&w->cache[i].key_id, &p->key_id, sizeof p->key_id) != 0 ||
            !qiao_bytes_equal(w->cache[i].signature, p->signature))
            continue;
        unit->signer = w->cache[i].signer;
        return w->cache[i].code;
    }
    unsigned code = w->seal->verify(w->seal->context, (enum seal_suite)p->suite, &p->key_id, p->signed_at_ms, qiao_bytes(statement, sizeof statement), p->signature, &signer);
    if (code == QIAO_CODE_OK) unit->signer = add_signer(w->batch, &signer);
    unsigned at = w->cached++ % CACHE_SIZE;
    memcpy(w->cache[at].statement, statement, sizeof statement);
    w->cache[at].key_id = p->key_id;
    w->cache[at].signature = p->signature;
    w->cache[at].code = code;
    w->cache[at].signer = unit->signer;
    return code;
}

/* The whole group's tree is kept: it gives the paths if the group has to be split. */
static void close_group(struct walk *w, struct group_unit *unit)
{
    struct group_batch *b = w->batch;
    enum seal_suite suite = (enum seal_suite)unit->proof.suite;
    struct merkle_hash *nodes = b->nodes + b->nodes_count;
    unit->nodes = b->nodes_count;
    b->nodes_count += merkle_nodes_count(unit->count);
    for (uint32_t i = 0; i < unit->count; i++) nodes[i] = b->messages[unit->first + i].leaf;
    merkle_build(w->seal, suite, nodes, unit->count);
    unit->hash = b->nodes[b->nodes_count - 1];
    unit->code = w->check ? verify(w, unit, &unit->hash) : QIAO_CODE_OK;
}

static void close_single(struct walk *w, struct group_unit *unit)
{
    struct merkle_hash root;
    const struct proof *p = &unit->proof;
    unit->hash = w->batch->messages[unit->first].leaf;
    if (!w->check) return;
    if (p->suite == SEAL_SUITE_NONE) unit->code = w->seal->accepted & 1u << SEAL_SUITE_NONE ? QIAO_CODE_OK : QIAO_CODE_UNSIGNED;
    else if (!merkle_root_of_path(w->seal, (enum seal_suite)p->suite, &unit->hash, p->leaf_index, p->group_size, p->path, p->path_count, PROOF_PATH_STRIDE, &root)) unit->code = QIAO_CODE_SIGNATURE;
    else unit->code = verify(w, unit, &root);
}

static unsigned check_body(const struct walk *w, const struct envelope *e)
{
    uint8_t digest[SEAL_DIGEST_SIZE];
    if (e->header.body_digest.size == 0) return e->body.size == 0 ? QIAO_CODE_OK : QIAO_CODE_DIGEST;
    seal_digest(w->seal, (enum seal_suite)e->header.digest_suite, e->body, digest);
    return memcmp(digest, e->header.body_digest.data, SEAL_DIGEST_SIZE) == 0 ? QIAO_CODE_OK : QIAO_CODE_DIGEST;
}

/* The proof's faults go before those of a message. */
static void close_unit(struct walk *w, struct group_unit *unit)
{
    struct group_batch *b = w->batch;
    if (unit->ended) return;
    if (unit->whole) close_group(w, unit);
    else close_single(w, unit);
    for (uint32_t i = unit->first; w->check && i < unit->first + unit->count; i++) {
        struct group_message *m = &b->messages[i];
        bool signed_by = unit->code == QIAO_CODE_OK && unit->proof.suite != SEAL_SUITE_NONE;
        if (m->code == QIAO_CODE_OK && signed_by && !group_may_speak(&b->signers[unit->signer], m->kind, m->area, m->org)) m->code = QIAO_CODE_FORGED;
        if (unit->code != QIAO_CODE_OK) m->code = unit->code;
        unit->one_way &= m->code == QIAO_CODE_OK;
    }
}

/* The parts of what may be torn: all of them or none, so that a group begins in the same places whether it is checked or not. */
static bool split(struct qiao_bytes raw, struct envelope_parts *ret_parts)
{
    if (envelope_split(raw, ret_parts)) return true;
    *ret_parts = (struct envelope_parts){ 0 };
    return false;
}

/* Opens the entry as far as is asked for; false: it cannot be read. */
static bool open_entry(struct walk *w, struct group_message *m, struct envelope_parts *parts)
{
    struct envelope e;
    if (!w->check) return split(m->raw, parts);
    m->code = envelope_open(m->raw, &e);
    if (m->code == QIAO_CODE_OK) m->code = check_body(w, &e);
    if (m->code == QIAO_CODE_MALFORMED) split(m->raw, parts);
    else *parts = (struct envelope_parts){ e.header_bytes, e.body, e.proof };
    m->kind = e.header.kind;
    m->area = e.header.source.area;
    m->org = e.header.source.org;
    bool follows = qiao_bytes_equal(w->destination, e.header.destination.raw) && w->lane == e.header.lane;
    w->parts_ways = !follows || e.header.expires_at_ms != 0 || e.hops >= QIAO_HOPS_MAX;
    w->destination = e.header.destination.raw;
    w->lane = e.header.lane;
    w->alone = e.header.expires_at_ms != 0 || e.hops >= QIAO_HOPS_MAX;
    return m->code != QIAO_CODE_MALFORMED && parts->header.size > 0;
}

/* A bare message inside a group. */
static bool join_group(struct walk *w, struct group_unit *unit, struct group_message *m, const struct envelope_parts *parts)
{
    if (parts->proof.size > 0) return false;
    merkle_leaf(w->seal, (enum seal_suite)unit->proof.suite, parts->header, &m->leaf);
    unit->count++;
    unit->bytes += m->raw.size;
    unit->one_way &= !w->parts_ways;
    return true;
}

static void begin_unit(struct walk *w, struct group_unit *unit, struct group_message *m, const struct envelope_parts *parts, bool readable)
{
    bool proved = parts->proof.size > 0 && proof_read(parts->proof, &unit->proof);
    /* A suite of a newer version, or nonsense: verify refuses it. */
    if (parts->proof.size > 0 && !proved) unit->proof = (struct proof){ .suite = SEAL_SUITES, .group_size = 1 };
    if (readable) merkle_leaf(w->seal, proved && unit->proof.suite < SEAL_SUITES ? (enum seal_suite)unit->proof.suite : SEAL_SUITE_NONE, parts->header, &m->leaf);
    unit->whole = proved && unit->proof.group_size > 1 && unit->proof.path_count == 0;
    unit->one_way = unit->whole && w->check && !w->alone;
    unit->bytes = m->raw.size;
}

/* Whole groups are few: room grows with what is met. */
static struct group_unit *next_unit(struct group_batch *b)
{
    if (b->units_count == b->units_capacity) {
        b->units_capacity = b->units_capacity ? b->units_capacity * 2 : 4;
        b->units = base_realloc(b->units, b->units_capacity * sizeof *b->units);
    }
    return &b->units[b->units_count++];
}

/* Begins or goes on with a unit at this entry. False: a group that is not whole. */
static bool add_entry(struct walk *w, uint32_t index, struct qiao_bytes raw)
{
    struct group_batch *b = w->batch;
    struct envelope_parts parts = { 0 };
    struct group_message *m = &b->messages[index];
    *m = (struct group_message){ .raw = raw };
    bool readable = raw.size > 0 && open_entry(w, m, &parts);
    if (raw.size > 0 && !readable) m->code = QIAO_CODE_MALFORMED;
    if (w->open == 0) {
        struct group_unit *unit = next_unit(b);
        *unit = (struct group_unit){ .first = index, .count = 1, .ended = raw.size == 0 };
        begin_unit(w, unit, m, &parts, readable);
        w->open = unit->whole ? unit->proof.group_size - 1 : 0;
    } else {
        if (!readable || !join_group(w, &b->units[b->units_count - 1], m, &parts)) return false;
        w->open--;
    }
    m->unit = b->units_count - 1;
    if (w->open == 0) close_unit(w, &b->units[m->unit]);
    return true;
}

bool group_open(const struct seal *seal, struct qiao_bytes entries, uint32_t count, bool check, struct group_batch *ret_batch)
{
    struct walk w = { .seal = seal, .check = check, .batch = ret_batch };
    struct pb_reader r = pb_reader(entries);
    struct qiao_bytes raw;
    uint32_t index = 0;
    bool ok = true;
    *ret_batch = (struct group_batch){
        .messages = base_alloc((size_t)count * sizeof *ret_batch->messages),
        .nodes = base_alloc(((size_t)count * 3 + 1) * sizeof *ret_batch->nodes),
    };
    while (ok && run_next(&r, &raw)) ok = index < count && add_entry(&w, index++, raw);
    ret_batch->messages_count = index;
    if (ok && !r.failed && index == count && w.open == 0) return true;
    group_batch_deinit(ret_batch);
    return false;
}

void group_put_single(struct buf *buf, const struct group_batch *batch, uint32_t message)
{
    const struct group_unit *unit = &batch->units[batch->messages[message].unit];
    const struct merkle_hash *path[64];
    uint32_t index = message - unit->first;
    unsigned count = merkle_path(batch->nodes + unit->nodes, unit->count, index, path);
    proof_put_single(buf, &unit->proof, index, path, count);
}
