/* Terminal outcomes on their way back: those for one sender, from one recipient, travel as one receipt a batch. */
#include "core/state.h"

#include <qiao/client.h>

/* A receipt is closed when it holds this much. */
#define OUTCOMES_MAX 1024u
#define OUTCOMES_SIZE_MAX (48u * 1024u)

static bool fits(const struct receipt *r, const struct outcome *o)
{
    return r->lane == o->lane && r->settled == o->settled && r->count < OUTCOMES_MAX && r->outcomes.size < OUTCOMES_SIZE_MAX &&
           qiao_bytes_equal(buf_bytes(&r->destination), o->source) && qiao_bytes_equal(buf_bytes(&r->recipient), o->recipient);
}

/* Newest first: outcomes of one sender come in rows. */
static struct receipt *find_receipt(struct core *core, const struct outcome *o)
{
    size_t far = core->receipts_count > 16 ? core->receipts_count - 16 : 0;
    for (size_t i = core->receipts_count; i > far; i--)
        if (fits(&core->receipts[i - 1], o)) return &core->receipts[i - 1];
    return NULL;
}

static struct receipt *new_receipt(struct core *core, const struct outcome *o)
{
    if (core->receipts_count == core->receipts_capacity) {
        size_t capacity = core->receipts_capacity ? core->receipts_capacity * 2 : 4;
        core->receipts = base_realloc(core->receipts, capacity * sizeof *core->receipts);
        memset(core->receipts + core->receipts_capacity, 0, (capacity - core->receipts_capacity) * sizeof *core->receipts);
        core->receipts_capacity = capacity;
    }
    struct receipt *r = &core->receipts[core->receipts_count++];
    r->destination.size = r->recipient.size = r->outcomes.size = 0;
    buf_append(&r->destination, o->source.data, o->source.size);
    buf_append(&r->recipient, o->recipient.data, o->recipient.size);
    r->lane = o->lane;
    r->settled = o->settled;
    r->count = 0;
    return r;
}

void outcome_leaf(const struct core *core, struct qiao_bytes header, uint8_t ret_leaf[LEAF_SIZE])
{
    struct merkle_hash leaf;
    merkle_leaf(core->config.seal, SEAL_SUITE_NONE, header, &leaf);
    memcpy(ret_leaf, leaf.bytes, LEAF_SIZE);
}

/* Outcome { message_id = 1, status = 2, code = 3, reason = 4, at_ms = 5, leaf = 6 } */
void outcome_add(struct core *core, const struct outcome *o)
{
    struct receipt *r = find_receipt(core, o);
    if (o->status != QIAO_OUTCOME_ACCEPTED)
        audit_add(core, &(struct audit_entry){ .kind = AUDIT_ENDED, .id = &o->id, .first = o->status, .code = o->code });
    if (!r) r = new_receipt(core, o);
    struct buf *out = &r->outcomes;
    struct buf one = core->scratch;
    one.size = 0;
    pb_put_bytes(&one, 1, qiao_bytes(o->id.bytes, QIAO_ID_SIZE));
    pb_put_varint(&one, 2, o->status);
    pb_put_varint(&one, 3, o->code);
    pb_put_bytes(&one, 4, o->reason);
    if (o->at_ms != core->wall_ms) pb_put_fixed64(&one, 5, o->at_ms);
    if (core_signs(core) && o->header.size > 0) {
        uint8_t leaf[LEAF_SIZE];
        outcome_leaf(core, o->header, leaf);
        pb_put_bytes(&one, 6, qiao_bytes(leaf, sizeof leaf));
    }
    pb_put_bytes_head(out, 4, one.size);
    buf_append(out, one.data, one.size);
    core->scratch = one;
    r->count++;
    core_batch(core)->bytes += one.size;
}

static void make_body(struct core *core, const struct receipt *r, struct buf *body)
{
    pb_put_bytes(body, 1, buf_bytes(&r->recipient));
    pb_put_fixed64(body, 2, core->wall_ms);
    pb_put_string(body, 3, core->node);
    buf_append(body, r->outcomes.data, r->outcomes.size);
    pb_put_string(body, 5, core->dead_letter_contact);
}

static void send_receipt(struct core *core, const struct receipt *r, struct buf *body, struct buf *raw)
{
    uint8_t digest[32];
    body->size = raw->size = 0;
    make_body(core, r, body);
    seal_digest(core->config.seal, core->config.seal->suite, buf_bytes(body), digest);
    struct envelope_draft draft = {
        .id = core_new_id(core), .kind = QIAO_KIND_RECEIPT, .source = buf_bytes(&r->recipient), .destination = buf_bytes(&r->destination),
        .lane = r->lane, .sent_at_ms = core->wall_ms, .body = buf_bytes(body), .body_digest = qiao_bytes(digest, sizeof digest),
        .digest_suite = core->config.seal->suite,
    };
    envelope_write(raw, &draft);
    struct envelope envelope;
    unsigned code = envelope_open(buf_bytes(raw), &envelope);
    if (code != QIAO_CODE_OK) { /* the sender's address cannot be answered */
        core->counters.lost_receipts += r->count;
        return;
    }
    audit_header(core, false, r->count, &envelope);
    struct peer *member = r->settled ? route_member(core, envelope.header.destination.org) : NULL;
    if (member) recv_receipt(core, member, &envelope, &origin_own, true);
    else accept_local(core, &envelope);
}

void batch_flush_receipts(struct core *core)
{
    buf_auto body = { 0 };
    buf_auto raw = { 0 };
    for (size_t i = 0; i < core->receipts_count; i++) send_receipt(core, &core->receipts[i], &body, &raw);
    core->receipts_count = 0;
}
