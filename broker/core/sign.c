/* What this node signs for its members and for itself: messages in a row of a run are one group with one signature. Hashes of the
 * headers are taken as messages come in; trees and signatures are made by core_prepare, on the thread that commits. */
#include "core/state.h"

const struct origin origin_plain = { .form = ORIGIN_PLAIN };
const struct origin origin_own = { .form = ORIGIN_OWN };

/* 'H': peer(2) lane(1) first sequence(8) groups(4), for each first entry(4) entries(4) own expiry(1) signed at(8) suite(1) key id(16)
 * signature(64); then the headers of the messages that were signed: length(4), bytes. */

#define EVIDENCE_KEY_AT 33u /* of the first group: it is the same for all of a batch, but for one in which keys changed */

/* ---- as messages are put into runs ---- */

static struct run_group *open_group(const struct run *run)
{
    struct run_group *last = run->groups_count > 0 ? &run->groups[run->groups_count - 1] : NULL;
    return last && last->first + last->count == run->count && last->count < PROOF_GROUP_MAX ? last : NULL;
}

void sign_begin(const struct core *core, const struct run *run, const struct origin *origin, struct buf *proof)
{
    if (origin->form == ORIGIN_OWN && core_signs(core) && !open_group(run)) proof_put_head(proof);
    if (origin->form == ORIGIN_SINGLE && origin->batch->units[origin->batch->messages[origin->message].unit].whole)
        group_put_single(proof, origin->batch, origin->message);
}

static void add_unit(struct run *run, uint32_t count, const struct merkle_hash *hash)
{
    uint8_t *at = buf_reserve(&run->units, UNIT_SIZE);
    put_u32(at, count);
    memcpy(at + 4, hash->bytes, SEAL_DIGEST_SIZE);
    run->units.size += UNIT_SIZE;
}

static struct run_group *new_group(struct run *run, size_t proof_at)
{
    static const struct merkle_hash not_yet = { { 0 } };
    if (run->groups_count == run->groups_capacity) {
        run->groups_capacity = run->groups_capacity ? run->groups_capacity * 2 : 4;
        run->groups = base_realloc(run->groups, run->groups_capacity * sizeof *run->groups);
    }
    struct run_group *group = &run->groups[run->groups_count++];
    *group = (struct run_group){ .first = run->count, .unit = (uint32_t)(run->units.size / UNIT_SIZE), .head_at = proof_at };
    add_unit(run, 0, &not_yet);
    return group;
}

static void add_own(struct core *core, struct run *run, const struct envelope *e, size_t proof_at)
{
    struct merkle_hash leaf;
    uint8_t size[4];
    struct run_group *group = open_group(run);
    if (!group) group = new_group(run, proof_at);
    core_batch(core)->signs = true;
    if (run->number == 0) run->number = prng_next(&core->prng) | 1;
    core->own_place = (struct own_place){ run->number, (uint32_t)(run->leaves.size / SEAL_DIGEST_SIZE) };
    merkle_leaf(core->config.seal, core->config.seal->suite, e->header_bytes, &leaf);
    core->own_leaf = leaf;
    buf_append(&run->leaves, leaf.bytes, SEAL_DIGEST_SIZE);
    put_u32(size, (uint32_t)e->header_bytes.size);
    buf_append(&run->headers, size, sizeof size);
    buf_append(&run->headers, e->header_bytes.data, e->header_bytes.size);
    core_batch(core)->bytes += SEAL_DIGEST_SIZE + sizeof size + e->header_bytes.size;
    group->count++;
    group->expires |= e->header.expires_at_ms != 0;
    put_u32(run->units.data + (size_t)group->unit * UNIT_SIZE, group->count);
}

void sign_entry(struct core *core, struct run *run, const struct envelope *e, const struct origin *origin, size_t proof_at)
{
    if (origin->form == ORIGIN_OWN && core_signs(core)) add_own(core, run, e, proof_at);
    if (!origin->batch) return;
    const struct group_message *m = &origin->batch->messages[origin->message];
    const struct group_unit *unit = &origin->batch->units[m->unit];
    if (origin->form == ORIGIN_SINGLE) add_unit(run, 1, &m->leaf);
    else if (origin->message == unit->first) add_unit(run, unit->count, &unit->hash);
    run->whole_left = origin->form == ORIGIN_WHOLE ? unit->first + unit->count - 1 - origin->message : 0;
}

void sign_units_of(const struct core *core, struct run *run)
{
    struct group_batch batch;
    run->units.size = 0;
    if (!core_signs(core) || run->peer->member) return;
    struct qiao_bytes entries = qiao_bytes(run->buf.data + RUN_HEAD_SIZE, run->buf.size - RUN_HEAD_SIZE);
    if (!group_open(core->config.seal, entries, run->count, false, &batch)) return; /* check-store tells */
    for (uint32_t i = 0; i < batch.units_count; i++) add_unit(run, batch.units[i].count, &batch.units[i].hash);
    group_batch_deinit(&batch);
}

/* ---- on the thread that commits ---- */

struct signing {
    const struct core *core;
    struct run *run;
    struct merkle_hash *nodes;     /* scratch */
    uint32_t leaf;                 /* of the run's own messages, first of the group at hand */
    bool split;                    /* a group is to be written as single messages */
};

static void put_number(struct buf *buf, uint64_t number, unsigned size)
{
    uint8_t bytes[8];
    put_u64(bytes, number);
    buf_append(buf, bytes + 8 - size, size);
}

static int sign_group(struct signing *s, struct run_group *group)
{
    const struct seal *seal = s->core->config.seal;
    struct run *run = s->run;
    uint8_t statement[PROOF_STATEMENT_SIZE], signature[SEAL_SIGNATURE_SIZE];
    struct seal_key_id key_id;
    memcpy(s->nodes, run->leaves.data + (size_t)s->leaf * SEAL_DIGEST_SIZE, (size_t)group->count * SEAL_DIGEST_SIZE);
    merkle_build(seal, seal->suite, s->nodes, group->count);
    const struct merkle_hash *root = &s->nodes[merkle_nodes_count(group->count) - 1];
    uint64_t at_ms = s->core->batches[s->core->filling ^ 1].sealed_wall_ms;
    proof_statement(statement, seal->suite, at_ms, group->count, root);
    int result = seal->sign(seal->context, qiao_bytes(statement, sizeof statement), &key_id, signature);
    if (result < 0) return result;
    proof_fill_head(run->buf.data + group->head_at, seal->suite, &key_id, signature, group->count, at_ms);
    memcpy(run->units.data + (size_t)group->unit * UNIT_SIZE + 4, root->bytes, SEAL_DIGEST_SIZE);
    s->split |= group->expires && group->count > 1;
    s->leaf += group->count;
    put_number(&run->evidence, group->first, 4);
    put_number(&run->evidence, group->count, 4);
    put_number(&run->evidence, group->expires, 1);
    put_number(&run->evidence, at_ms, 8);
    put_number(&run->evidence, seal->suite, 1);
    buf_append(&run->evidence, key_id.bytes, sizeof key_id.bytes);
    buf_append(&run->evidence, signature, sizeof signature);
    return 0;
}

static bool ends_on_the_way(const struct run *run, uint32_t entry)
{
    for (size_t i = 0; i < run->groups_count; i++)
        if (entry >= run->groups[i].first && entry - run->groups[i].first < run->groups[i].count) return run->groups[i].expires;
    return false;
}

/* Messages that may expire while they wait get a proof each, so that the others do not miss them. */
static void split_groups(const struct core *core, struct run *run)
{
    struct group_batch batch;
    struct buf fresh = { 0 };
    run_begin(&fresh);
    struct qiao_bytes entries = qiao_bytes(run->buf.data + RUN_HEAD_SIZE, run->buf.size - RUN_HEAD_SIZE);
    bool open = group_open(core->config.seal, entries, run->count, false, &batch);
    assert(open);
    for (uint32_t i = 0; i < batch.messages_count; i++) {
        buf_auto proof = { 0 };
        struct qiao_bytes raw = batch.messages[i].raw;
        if (ends_on_the_way(run, i) && batch.units[batch.messages[i].unit].whole) group_put_single(&proof, &batch, i);
        pb_put_bytes_head(&fresh, 1, raw.size + proof.size);
        buf_append(&fresh, raw.data, raw.size);
        buf_append(&fresh, proof.data, proof.size);
    }
    group_batch_deinit(&batch);
    buf_deinit(&run->buf);
    run->buf = fresh;
    run_put_head(&run->buf, run->count, run->ended, run->expires_at_ms);
    sign_units_of(core, run);
}

static int sign_run(const struct core *core, struct run *run)
{
    struct merkle_hash nodes[3 * PROOF_GROUP_MAX];
    struct signing s = { .core = core, .run = run, .nodes = nodes };
    run->evidence.size = 0;
    put_number(&run->evidence, run->peer->number, 2);
    put_number(&run->evidence, run->lane, 1);
    put_number(&run->evidence, run->first, 8);
    put_number(&run->evidence, run->groups_count, 4);
    for (size_t i = 0; i < run->groups_count; i++) {
        int result = sign_group(&s, &run->groups[i]);
        if (result < 0) return result;
    }
    buf_append(&run->evidence, run->headers.data, run->headers.size);
    if (s.split && !run->peer->member) split_groups(core, run);
    run->is_signed = true;
    return 0;
}

/* The certificate of the own key stays with what it signed, when another key has long been in force. */
static void keep_own_key(struct core *core, struct batch *batch, const struct run *run)
{
    struct seal_key_id id;
    buf_auto certificate = { 0 };
    memcpy(id.bytes, run->evidence.data + EVIDENCE_KEY_AT, sizeof id.bytes);
    if (memcmp(&id, &core->own_key, sizeof id) == 0 || memcmp(&id, &batch->own_key, sizeof id) == 0) return;
    if (!core->config.seal->certificate(core->config.seal->context, &id, &certificate)) return;
    batch->own_key = id;
    batch_add_certificate(batch, &id, buf_bytes(&certificate));
}

/* On the thread that decides: the next batches need not bring the certificate. */
void sign_stored(struct core *core, const struct batch *batch)
{
    static const struct seal_key_id none;
    if (memcmp(&batch->own_key, &none, sizeof none) != 0) core->own_key = batch->own_key;
}

int core_prepare(struct core *core)
{
    struct batch *batch = &core->batches[core->filling ^ 1];
    assert(core->committing);
    batch->ops_count = batch->ops_closed;
    batch->own_key = (struct seal_key_id){ { 0 } };
    for (size_t i = 0; i < batch->runs_count; i++) {
        struct run *run = batch->runs[i];
        int result = run->groups_count > 0 && !run->is_signed ? sign_run(core, run) : 0;
        if (result < 0) return result;
        batch_add_run(batch, run);
        if (run->groups_count > 0) keep_own_key(core, batch, run);
    }
    audit_prepare(core, batch);
    batch->store = (struct store_batch){ batch->ops, batch->ops_count };
    return 0;
}
