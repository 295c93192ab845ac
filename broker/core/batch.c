/* The batch being filled: runs of messages, small records, and at the end heads, tails and watermarks. */
#include "core/drain.h"
#include "core/explain.h"
#include "core/order.h"

/* Run buffers of a burst are given back above this size. */
#define RUN_KEEP_SIZE (512u * 1024u)

void batch_init(struct batch *batch, size_t peers_count)
{
    *batch = (struct batch){ 0 };
    arena_init(&batch->small, SIZE_MAX / 4);
    batch->commits = base_zalloc(peers_count * sizeof *batch->commits);
}

static void run_free(struct run *run)
{
    if (!run) return;
    buf_deinit(&run->buf);
    buf_deinit(&run->units);
    buf_deinit(&run->leaves);
    buf_deinit(&run->headers);
    buf_deinit(&run->evidence);
    free(run->groups);
    free(run);
}

void run_reset(struct run *run)
{
    struct buf *const bufs[] = { &run->buf, &run->units, &run->leaves, &run->headers, &run->evidence };
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++) buf_clear(bufs[i], RUN_KEEP_SIZE);
    *run = (struct run){ .buf = run->buf, .units = run->units, .leaves = run->leaves, .headers = run->headers, .evidence = run->evidence,
                         .groups = run->groups, .groups_capacity = run->groups_capacity };
}

void batch_deinit(struct batch *batch)
{
    arena_deinit(&batch->small);
    buf_deinit(&batch->audit);
    for (size_t i = 0; i < batch->runs_capacity; i++) run_free(batch->runs[i]);
    free(batch->runs);
    free(batch->ops);
    free(batch->commits);
    id_set_deinit(&batch->seen);
    chain_set_deinit(&batch->chains);
    attach_changes_deinit(&batch->attachments);
}

void batch_reset(struct batch *batch, size_t peers_count)
{
    batch->ops_count = batch->ops_closed = 0;
    arena_reset(&batch->small);
    for (size_t i = 0; i < batch->runs_count; i++) run_reset(batch->runs[i]);
    batch->runs_count = 0;
    batch->signs = false;
    batch->urgent = false;
    buf_clear(&batch->audit, RUN_KEEP_SIZE);
    batch->bytes = 0;
    batch->own_key = (struct seal_key_id){ { 0 } };
    id_set_clear(&batch->seen);
    chain_set_clear(&batch->chains);
    attach_changes_clear(&batch->attachments);
    memset(batch->commits, 0, peers_count * sizeof *batch->commits);
}

static struct qiao_bytes keep(struct batch *batch, struct qiao_bytes bytes)
{
    uint8_t *copy = arena_alloc(&batch->small, bytes.size);
    if (bytes.size > 0) memcpy(copy, bytes.data, bytes.size);
    batch->bytes += bytes.size;
    return qiao_bytes(copy, bytes.size);
}

static void add(struct batch *batch, enum store_op_type type, struct qiao_bytes key, struct qiao_bytes value)
{
    if (batch->ops_count == batch->ops_capacity) {
        batch->ops_capacity = batch->ops_capacity ? batch->ops_capacity * 2 : 64;
        batch->ops = base_realloc(batch->ops, batch->ops_capacity * sizeof *batch->ops);
    }
    batch->ops[batch->ops_count++] = (struct store_op){ type, key, value };
}

void batch_put(struct core *core, const struct key *key, struct qiao_bytes value)
{
    struct batch *batch = core_batch(core);
    add(batch, STORE_PUT, keep(batch, key_bytes(key)), keep(batch, value));
}

void batch_put_number(struct core *core, const struct key *key, uint64_t value)
{
    uint8_t bytes[8];
    put_u64(bytes, value);
    batch_put(core, key, qiao_bytes(bytes, sizeof bytes));
}

void batch_remove(struct core *core, const struct key *key)
{
    struct batch *batch = core_batch(core);
    add(batch, STORE_REMOVE, keep(batch, key_bytes(key)), qiao_bytes(NULL, 0));
}

void batch_remove_range(struct core *core, const struct key *from, const struct key *to)
{
    struct batch *batch = core_batch(core);
    add(batch, STORE_REMOVE_RANGE, keep(batch, key_bytes(from)), keep(batch, key_bytes(to)));
}

struct run *batch_new_run(struct batch *batch)
{
    if (batch->runs_count == batch->runs_capacity) {
        size_t capacity = batch->runs_capacity ? batch->runs_capacity * 2 : 8;
        batch->runs = base_realloc(batch->runs, capacity * sizeof(struct run *));
        for (size_t i = batch->runs_capacity; i < capacity; i++) batch->runs[i] = base_zalloc(sizeof(struct run));
        batch->runs_capacity = capacity;
    }
    return batch->runs[batch->runs_count++];
}

struct run *batch_run(struct core *core, struct peer *peer, unsigned lane)
{
    struct queue *q = &peer->queues[lane];
    bool fits = q->run && q->run->buf.size < QIAO_RECORD_SIZE_TARGET && q->run->count + PROOF_GROUP_MAX <= QIAO_BATCH_MESSAGES_MAX &&
                q->run->count < drain_frame_max(core, peer, lane);
    if (fits || (q->run && q->run->whole_left > 0)) return q->run;
    struct run *run = batch_new_run(core_batch(core));
    run->peer = peer;
    run->lane = lane;
    run->first = q->tail;
    run_begin(&run->buf);
    q->run = run;
    q->touched = true;
    return run;
}

/* ---- sealing ---- */

static void close_runs(struct batch *batch)
{
    for (size_t i = 0; i < batch->runs_count; i++) {
        struct run *run = batch->runs[i];
        run_put_head(&run->buf, run->count, run->ended, run->expires_at_ms);
        assert(run->whole_left == 0);
        run->peer->queues[run->lane].run = NULL;
    }
}

void batch_add_put(struct batch *batch, const struct key *key, struct qiao_bytes value)
{
    add(batch, STORE_PUT, keep(batch, key_bytes(key)), keep(batch, value));
}

void batch_add_certificate(struct batch *batch, const struct seal_key_id *id, struct qiao_bytes certificate)
{
    struct key key = key_certificate(id);
    add(batch, STORE_PUT, keep(batch, key_bytes(&key)), keep(batch, certificate));
}

/* Whoever asks what became of a message knows the hash it came under. Messages that ended have none. */
static void add_places(struct batch *batch, const struct run *run)
{
    static const uint8_t ended[SEAL_DIGEST_SIZE];
    uint32_t count = (uint32_t)(run->units.size / UNIT_SIZE);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *hash = run->units.data + (size_t)i * UNIT_SIZE + 4;
        uint8_t place[PLACE_SIZE] = { (uint8_t)run->lane };
        struct key key = key_place(hash, run->peer->number);
        if (memcmp(hash, ended, SEAL_DIGEST_SIZE) == 0) continue;
        put_u64(place + 1, run->first);
        put_u32(place + 9, i);
        add(batch, STORE_PUT, keep(batch, key_bytes(&key)), keep(batch, qiao_bytes(place, sizeof place)));
    }
}

void batch_add_run(struct batch *batch, struct run *run)
{
    struct key queued = key_run(run->peer->number, run->lane, run->first), units = key_sequence('L', run->peer->number, run->lane, run->first);
    struct key evidence = key_number('H', run->number);
    add(batch, STORE_PUT, keep(batch, key_bytes(&queued)), buf_bytes(&run->buf));
    if (run->units.size > 0 && !run->peer->member) add(batch, STORE_PUT, keep(batch, key_bytes(&units)), buf_bytes(&run->units));
    if (!run->peer->member) add_places(batch, run);
    if (run->groups_count > 0) add(batch, STORE_PUT, keep(batch, key_bytes(&evidence)), buf_bytes(&run->evidence));
}

static void close_queue(struct core *core, struct batch *batch, struct peer *peer, unsigned lane)
{
    struct queue *q = &peer->queues[lane];
    if (q->touched) {
        struct key key = key_lane('T', peer->number, lane);
        batch_put_number(core, &key, q->tail);
        batch->commits[peer - core->peers][lane] = q->tail;
        q->touched = false;
    }
    if (q->acked) {
        struct key from = key_run(peer->number, lane, q->removed), to = key_run(peer->number, lane, q->head);
        struct key key = key_lane('A', peer->number, lane);
        uint8_t value[ACKED_SIZE];
        put_u64(value, q->head - 1);
        memcpy(value + 8, q->chain.bytes, SEAL_DIGEST_SIZE);
        batch_remove_range(core, &from, &to);
        batch_put(core, &key, qiao_bytes(value, core_signs(core) && !peer->member && !q->chain_unknown ? ACKED_SIZE : 8));
        q->removed = q->head;
        q->acked = false;
    }
}

static void close_stream(struct core *core, struct peer *peer, struct stream *stream)
{
    for (unsigned lane = 0; lane < LINK_LANES; lane++) {
        if (!stream->dirty[lane]) continue;
        struct key key = key_received(peer->number, stream->incarnation, lane);
        uint8_t value[WATERMARK_SIZE];
        put_u64(value, stream->received[lane]);
        put_u64(value + 8, core->wall_ms);
        memcpy(value + 16, stream->chain[lane].bytes, SEAL_DIGEST_SIZE);
        batch_put(core, &key, qiao_bytes(value, core_signs(core) && !peer->member ? WATERMARK_SIZE : 16));
        stream->sealed[lane] = stream->received[lane];
        stream->chain_sealed[lane] = stream->chain[lane];
        stream->dirty[lane] = false;
    }
}

void batch_close(struct core *core)
{
    struct batch *batch = core_batch(core);
    batch->sealed_wall_ms = core->wall_ms;
    core->audit_due_ms = 0;
    explain_close(core);
    close_runs(batch);
    for (size_t i = 0; i < core->peers_count; i++) {
        struct peer *peer = &core->peers[i];
        for (unsigned lane = 0; lane < LINK_LANES; lane++) close_queue(core, batch, peer, lane);
        for (struct stream *s = peer->streams; s; s = s->next) close_stream(core, peer, s);
    }
}

/* ---- refused: the store had no room ---- */

/* Runs change hands; the objects they leave are spare ones. */
static void absorb_runs(struct batch *into, struct batch *from)
{
    for (size_t i = 0; i < from->runs_count; i++) {
        batch_new_run(into);
        struct run *spare = into->runs[into->runs_count - 1];
        into->runs[into->runs_count - 1] = from->runs[i];
        from->runs[i] = spare;
    }
    from->runs_count = 0;
}

static void absorb_queue(struct queue *q, uint64_t committed, unsigned from_slot, uint64_t *into_committed)
{
    if (committed) *into_committed = committed;
    if (q->rewriting == from_slot + 1) q->rewriting = (from_slot ^ 1) + 1;
}

/* What would make room (acknowledgements, verdicts) comes after what finds none. Committed alone, the refused batch could be
 * refused for ever; together they may shrink the store. */
void batch_absorb(struct core *core)
{
    unsigned slot = core->filling;
    struct batch *from = &core->batches[slot], *into = &core->batches[slot ^ 1];
    into->ops_count = into->ops_closed; /* what core_prepare added comes again */
    for (size_t i = 0; i < from->ops_count; i++) add(into, from->ops[i].type, from->ops[i].key, from->ops[i].value);
    arena_absorb(&into->small, &from->small);
    absorb_runs(into, from);
    id_set_merge(&into->seen, &from->seen);
    dead_absorbed(core, slot);
    chain_set_merge(&into->chains, &from->chains);
    attach_changes_absorb(&into->attachments, &from->attachments);
    into->bytes += from->bytes;
    into->signs |= from->signs;
    buf_append(&into->audit, from->audit.data, from->audit.size);
    for (size_t i = 0; i < core->peers_count; i++) {
        struct peer *peer = &core->peers[i];
        for (unsigned lane = 0; lane < LINK_LANES; lane++) absorb_queue(&peer->queues[lane], from->commits[i][lane], slot, &into->commits[i][lane]);
        for (size_t k = 0; k < peer->held_count; k++)
            if (peer->held[k].leaves == slot + 1) peer->held[k].leaves = (slot ^ 1) + 1;
    }
}

/* ---- stored: what waited for the disk may leave now ---- */

static void stream_stored(struct core *core, struct stream *stream)
{
    struct connection *c = stream->connection;
    uint64_t ack[LINK_LANES] = { 0 };
    bool any = false;
    for (unsigned lane = 0; lane < LINK_LANES; lane++) {
        if (stream->sealed[lane] == 0) continue;
        stream->durable[lane] = ack[lane] = stream->sealed[lane];
        stream->chain_durable[lane] = stream->chain_sealed[lane];
        stream->sealed[lane] = 0;
        if (c && custody_is_on(core, c)) c->custody_due[lane] = true;
        any = true;
    }
    if (any && c && custody_is_on(core, c) && !c->closing && c->link.state == LINK_STATE_UP) custody_stored(core, c);
    else if (any && c && !c->closing && c->link.state == LINK_STATE_UP)
        link_send_ack(&c->link, ack, false, core->busy ? QIAO_CODE_BUSY : 0, core->now_ms, connection_out(core, c));
}

void batch_stored(struct core *core)
{
    unsigned slot = core->filling ^ 1;
    struct batch *batch = &core->batches[slot];
    audit_stored(core, batch);
    sign_stored(core, batch);
    dead_stored(core, slot);
    for (size_t i = 0; i < core->peers_count; i++) {
        struct peer *peer = &core->peers[i];
        for (unsigned lane = 0; lane < LINK_LANES; lane++) {
            struct queue *q = &peer->queues[lane];
            if (batch->commits[i][lane]) q->committed = batch->commits[i][lane];
            if (q->rewriting == slot + 1) q->rewriting = 0;
        }
        for (struct stream *s = peer->streams; s; s = s->next) stream_stored(core, s);
    }
    for (size_t i = 0; i < core->peers_count; i++) {
        if (core->peers[i].held_count > 0) deliver_stored(core, &core->peers[i], slot);
        queue_pump(core, &core->peers[i]);
    }
    order_release(core);
    reroute_stored(core);
    areas_apply(core);
    attach_stored(core, batch);
}
