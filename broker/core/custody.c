/* Custody: what this node says it has, and what peers say they have of what it sent (proof/custody.h). */
#include "core/job.h"

bool custody_is_on(const struct core *core, const struct connection *c)
{
    return core_signs(core) && c->peer && !c->peer->member && c->link.peer_suite != SEAL_SUITE_NONE;
}

/* ---- as receiver ---- */

void custody_received(struct core *core, struct connection *c, unsigned lane, const struct group_batch *batch, uint32_t skip)
{
    const struct seal *seal = core->config.seal;
    for (uint32_t i = 0; i < batch->units_count; i++)
        if (batch->units[i].first >= skip) custody_chain_add(seal, seal->suite, &c->stream->chain[lane], batch->units[i].count, &batch->units[i].hash);
}

static void sign_due(struct core *core, struct connection *c)
{
    struct core_job *job = job_new(core, c);
    bool any = false;
    job->type = JOB_SIGN;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        if (!c->custody_due[lane]) continue;
        c->custody_due[lane] = false;
        any = true;
        job->custody[lane] = (struct job_custody){ .present = true, .suite = core->config.seal->suite };
        job->custody[lane].custody = (struct custody){ .lane = lane, .sequence = c->stream->durable[lane], .chain = c->stream->chain_durable[lane], .at_ms = core->wall_ms,
                                                       .audit_size = core->audit.size, .audit_root = core->audit_root };
    }
    memcpy(job->receiver, core->node, strlen(core->node));
    memcpy(job->sender, c->peer->name, strlen(c->peer->name));
    if (!any) {
        core_job_free(job);
        return;
    }
    c->signing = true;
    c->signed_at_ms = core->now_ms;
    jobs_add(core, job);
}

/* While one receipt is being signed, and a little longer, what becomes durable waits for the next: under load one signature stands for
 * much, and the peer's window is wider than that. */
void custody_stored(struct core *core, struct connection *c)
{
    if (c->link.options.mute) return;
    if (!c->signing && core->now_ms >= c->signed_at_ms + core->config.custody_interval_ms) sign_due(core, c);
}

uint64_t custody_deadline_ms(const struct core *core, const struct connection *c)
{
    bool due = false;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) due |= c->custody_due[lane];
    return due && !c->signing && !c->link.options.mute ? c->signed_at_ms + core->config.custody_interval_ms : LINK_NEVER;
}

void custody_signed(struct core *core, struct connection *c, const struct core_job *job)
{
    struct link_custody out[LINK_LANES] = { { 0 } };
    c->signing = false;
    if (c->link.state != LINK_STATE_UP) return;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        const struct job_custody *done = &job->custody[lane];
        if (!done->present) continue;
        if (done->code != QIAO_CODE_OK) {
            connection_drop(core, c, QIAO_CODE_LINK_SIGNATURE, "own key cannot sign");
            return;
        }
        audit_receipt(core, true, c->peer->name, &done->custody);
        out[lane] = (struct link_custody){
            .present = true, .suite = done->suite, .sequence = done->custody.sequence, .chain = qiao_bytes(done->custody.chain.bytes, SEAL_DIGEST_SIZE),
            .signature = qiao_bytes(done->signature, done->signature_size), .key_id = qiao_bytes(done->key_id.bytes, SEAL_KEY_ID_SIZE),
            .audit_root = qiao_bytes(done->custody.audit_root.bytes, SEAL_DIGEST_SIZE), .at_ms = done->custody.at_ms, .audit_size = done->custody.audit_size,
        };
    }
    link_send_custody(&c->link, out, core->busy ? QIAO_CODE_BUSY : 0, core->now_ms, connection_out(core, c));
    custody_stored(core, c);
}

/* A new link: the peer has heard nothing yet of what it sent over older ones. A peer whose first sequence lies behind what is here let go
 * of what was between (this store is older than it): the chain goes on where the peer says it stands. */
void custody_up(struct core *core, struct connection *c)
{
    if (!custody_is_on(core, c)) return;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        struct stream *s = c->stream;
        const struct link_rx *rx = &c->link.rx[lane];
        if (rx->peer_next > s->received[lane] + 1) {
            core_trace(core, "%s < %s: lane %u goes on at %llu", core->node, c->peer->name, lane, (unsigned long long)rx->peer_next);
            memcpy(s->chain[lane].bytes, rx->peer_chain, SEAL_DIGEST_SIZE);
            s->received[lane] = rx->peer_next - 1;
            audit_add(core, &(struct audit_entry){ .kind = AUDIT_RESUMED, .peer = c->peer->name, .lane = lane, .last = s->received[lane], .hash = &s->chain[lane] });
            s->dirty[lane] = true;
            core_batch(core)->bytes += 1;
        }
        c->custody_due[lane] = s->durable[lane] > 0;
    }
    custody_stored(core, c);
}

/* ---- as sender ---- */

/* 'C': at(8) suite(1) key id(16) chain(32) audit size(8) audit root(32) signature. */
#define RECEIPT_CHAIN_AT 25u

/* The peer says something else of a sequence than it signed before. */
static bool contradicts(const struct core *core, const struct peer *peer, unsigned lane, uint64_t sequence, const uint8_t chain[SEAL_DIGEST_SIZE])
{
    const struct queue *q = &peer->queues[lane];
    struct key key = key_sequence('C', peer->number, lane, sequence);
    struct qiao_bytes value;
    if (sequence + 1 == q->head && !q->chain_unknown) return memcmp(q->chain.bytes, chain, SEAL_DIGEST_SIZE) != 0;
    return store_get(core->store, key_bytes(&key), &value) && value.size > RECEIPT_CHAIN_AT + SEAL_DIGEST_SIZE && memcmp(value.data + RECEIPT_CHAIN_AT, chain, SEAL_DIGEST_SIZE) != 0;
}

/* One at a time: what comes meanwhile waits, a later receipt of a lane in the place of an earlier one. */
static void begin_verify(struct core *core, struct connection *c)
{
    if (c->verifying || !c->verify_next) return;
    c->verifying = c->verify_next;
    c->verify_next = NULL;
    jobs_add(core, c->verifying);
}

void custody_acked(struct core *core, struct connection *c, const struct link_event *event)
{
    struct core_job *job = c->verify_next;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        const struct link_custody *in = &event->custody[lane];
        if (!in->present || (in->sequence < c->peer->queues[lane].head && !contradicts(core, c->peer, lane, in->sequence, in->chain.data))) continue;
        if (!job) job = job_new(core, c);
        struct job_custody *out = &job->custody[lane];
        *out = (struct job_custody){ .present = true, .suite = in->suite, .signature_size = in->signature.size };
        out->custody = (struct custody){ .lane = lane, .sequence = in->sequence, .at_ms = in->at_ms, .audit_size = in->audit_size };
        memcpy(out->custody.chain.bytes, in->chain.data, SEAL_DIGEST_SIZE);
        memcpy(out->custody.audit_root.bytes, in->audit_root.data, SEAL_DIGEST_SIZE);
        memcpy(out->key_id.bytes, in->key_id.data, SEAL_KEY_ID_SIZE);
        memcpy(out->signature, in->signature.data, in->signature.size);
    }
    if (!job) return;
    job->type = JOB_VERIFY;
    memcpy(job->receiver, c->peer->name, strlen(c->peer->name));
    memcpy(job->sender, core->node, strlen(core->node));
    c->verify_next = job;
    begin_verify(core, c);
}

struct folding {
    struct core *core;
    enum seal_suite suite;
    uint64_t at, end;              /* sequences: next to come, one behind the last wanted */
    struct merkle_hash chain;
    bool broken;
};

static bool fold_run(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct folding *f = context;
    f->broken |= key_run_first(key) != f->at || value.size % UNIT_SIZE != 0;
    for (size_t i = 0; !f->broken && i < value.size; i += UNIT_SIZE) {
        struct merkle_hash hash;
        uint32_t count = get_u32(value.data + i);
        memcpy(hash.bytes, value.data + i + 4, SEAL_DIGEST_SIZE);
        custody_chain_add(f->core->config.seal, f->suite, &f->chain, count, &hash);
        f->at += count;
    }
    return !f->broken && f->at < f->end;
}

/* Where the chain stands at a sequence by this node's own books. False: the sequence is not the end of a run of ours. */
static bool own_chain(struct core *core, struct peer *peer, unsigned lane, uint64_t sequence, enum seal_suite suite, struct merkle_hash *ret_chain)
{
    struct queue *q = &peer->queues[lane];
    struct folding f = { .core = core, .suite = suite, .at = q->head, .end = sequence + 1, .chain = q->chain };
    struct key from = key_sequence('L', peer->number, lane, q->head), to = key_sequence('L', peer->number, lane, sequence + 1);
    store_scan(core->store, key_bytes(&from), key_bytes(&to), fold_run, &f);
    *ret_chain = f.chain;
    return !f.broken && f.at == f.end;
}

static void keep_receipt(struct core *core, struct peer *peer, const struct job_custody *c)
{
    buf_auto value = { 0 };
    uint8_t numbers[9], size[8];
    struct key key = key_sequence('C', peer->number, c->custody.lane, c->custody.sequence);
    put_u64(numbers, c->custody.at_ms);
    numbers[8] = (uint8_t)c->suite;
    put_u64(size, c->custody.audit_size);
    buf_append(&value, numbers, sizeof numbers);
    buf_append(&value, c->key_id.bytes, SEAL_KEY_ID_SIZE);
    buf_append(&value, c->custody.chain.bytes, SEAL_DIGEST_SIZE);
    buf_append(&value, size, sizeof size);
    buf_append(&value, c->custody.audit_root.bytes, SEAL_DIGEST_SIZE);
    buf_append(&value, c->signature, c->signature_size);
    batch_put(core, &key, buf_bytes(&value));
    audit_receipt(core, false, peer->name, &c->custody);
    jobs_keep_key(core, &c->key_id);
}

/* A log only grows: of one size there is one. Smaller: the peer's store is older than what it told, and people should know. */
static bool audit_goes_on(struct core *core, struct peer *peer, const struct job_custody *c)
{
    const struct custody *now = &c->custody;
    if (now->audit_size > 0 && now->audit_size == peer->audit_size && c->suite == peer->audit_suite) return memcmp(&now->audit_root, &peer->audit_root, sizeof now->audit_root) == 0;
    if (now->audit_size < peer->audit_size) core_notice(core, "audit log shrank", peer->name, QIAO_CODE_OK, "its store is older than what it told before");
    peer->audit_size = now->audit_size;
    peer->audit_root = now->audit_root;
    peer->audit_suite = c->suite;
    return true;
}

/* Why the receipt is not taken, or NULL. */
static const char *take_receipt(struct core *core, struct peer *peer, const struct job_custody *c)
{
    struct queue *q = &peer->queues[c->custody.lane];
    struct merkle_hash chain;
    if (c->code != QIAO_CODE_OK) return qiao_code_text(c->code);
    if (c->custody.sequence < q->head) { /* a later one was here before it */
        bool two = contradicts(core, peer, c->custody.lane, c->custody.sequence, c->custody.chain.bytes);
        return two ? "the peer signs two custody chains for one sequence" : NULL;
    }
    /* What this store has forgotten (a backup was restored), the handshake has told already. */
    if (c->custody.sequence >= q->sent_max) return "the peer signs for messages that were never sent to it";
    if (!own_chain(core, peer, c->custody.lane, c->custody.sequence, (enum seal_suite)c->suite, &chain)) return NULL;
    if (!q->chain_unknown && memcmp(&chain, &c->custody.chain, sizeof chain) != 0) return "the peer's custody chain is not that of what was sent to it";
    if (!audit_goes_on(core, peer, c)) return "the peer signs two audit logs of one size";
    q->chain = c->custody.chain;
    q->chain_unknown = false;
    keep_receipt(core, peer, c);
    queue_acked(core, peer, c->custody.lane, c->custody.sequence);
    return NULL;
}

/* What the peer has need not be sent in this session: the link goes on behind it. */
static void skip_sent(struct connection *c, unsigned lane)
{
    struct link_tx *tx = &c->link.tx[lane];
    const struct queue *q = &c->peer->queues[lane];
    if (tx->next >= q->sent) return;
    tx->next = q->sent;
    tx->acked = q->sent - 1;
}

void custody_verified(struct core *core, struct connection *c, const struct core_job *job)
{
    c->verifying = NULL;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        const char *wrong = job->custody[lane].present ? take_receipt(core, c->peer, &job->custody[lane]) : NULL;
        if (!wrong && c->peer->out == c) skip_sent(c, lane);
        if (!wrong) continue;
        connection_drop(core, c, QIAO_CODE_LINK_CUSTODY, wrong);
        return;
    }
    begin_verify(core, c);
    queue_pump(core, c->peer);
}
