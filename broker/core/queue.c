/* Queues on disk: appending, sending in order, letting go of what was acknowledged, expiry. */
#include "core/drain.h"
#include "core/explain.h"

#include <qiao/client.h>

/* Runs smaller than this are sent together: a backlog of single messages must not become a frame each. On a slow line less goes
 * together, so that what has come whole is not kept waiting. */
#define COALESCE_SIZE (64u * 1024u)
/* A chunk of an attachment is a run and a frame of its own: on a slow line a cut costs no more than one. */
#define ALONE_SIZE (16u * 1024u)

/* Urgent overtakes everything, receipts overtake normal, bulk comes last. */
static const unsigned lane_order[LINK_LANES] = { QIAO_LANE_URGENT, LINK_LANE_RECEIPTS, QIAO_LANE_NORMAL, QIAO_LANE_BULK };

static uint64_t load_number(struct core *core, uint8_t prefix, struct peer *peer, unsigned lane)
{
    struct key key = key_lane(prefix, peer->number, lane);
    struct qiao_bytes value;
    return store_get(core->store, key_bytes(&key), &value) && value.size == 8 ? get_u64(value.data) : 0;
}

static bool take_first(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    (void)value;
    if (key_run_first(key) == 0) return true; /* no run: check-store tells */
    *(uint64_t *)context = key_run_first(key);
    return false;
}

/* The first run at or after sequence, or `committed` when there is none. */
static uint64_t first_run(struct core *core, struct peer *peer, unsigned lane, uint64_t sequence)
{
    uint64_t first = peer->queues[lane].committed;
    struct key from = key_run(peer->number, lane, sequence), to = key_run(peer->number, lane, UINT64_MAX);
    store_scan(core->store, key_bytes(&from), key_bytes(&to), take_first, &first);
    return first;
}

static bool lane_is_ordered(const struct peer *peer, unsigned lane)
{
    return !peer->member || lane == LINK_LANE_RECEIPTS;
}

/* A queue without a chain in its record has sent nothing yet, or was let go of without receipts: then the next receipt tells. */
static uint64_t load_acked(struct core *core, struct peer *peer, unsigned lane)
{
    struct queue *q = &peer->queues[lane];
    struct key key = key_lane('A', peer->number, lane);
    struct qiao_bytes value;
    if (!store_get(core->store, key_bytes(&key), &value) || (value.size != 8 && value.size != ACKED_SIZE)) return 0;
    q->chain_unknown = value.size == 8;
    if (value.size == ACKED_SIZE) memcpy(q->chain.bytes, value.data + 8, SEAL_DIGEST_SIZE);
    return get_u64(value.data);
}

bool queue_load(struct core *core, struct peer *peer, unsigned lane)
{
    struct queue *q = &peer->queues[lane];
    uint64_t tail = load_number(core, 'T', peer, lane), acked = load_acked(core, peer, lane);
    if (tail > SEQUENCE_MAX || acked > SEQUENCE_MAX) return false;
    q->tail = q->committed = tail ? tail : 1;
    q->head = acked + 1;
    if (!lane_is_ordered(peer, lane)) q->head = first_run(core, peer, lane, 1);
    if (q->head > SEQUENCE_MAX) return false;
    if (q->tail < q->head) q->tail = q->committed = q->head;
    q->sent = q->removed = q->handed = q->head;
    q->sent_max = q->verify_until = q->tail;
    q->expiry_ms = q->head < q->tail ? 1 : 0;
    return true;
}

static const struct transit_note no_note;

void queue_append(struct core *core, struct peer *peer, unsigned lane, const struct envelope *envelope, const struct origin *origin)
{
    struct queue *q = &peer->queues[lane];
    struct run *run = batch_run(core, peer, lane);
    struct qiao_bytes rerouted_from = envelope->rerouted_from.size ? qiao_bytes(NULL, 0) : core->rerouted_from; /* said once, by the first that does it */
    size_t node_size = strlen(core->node), before = run->buf.size;
    bool shared = !peer->member && (envelope->note.shared || core->note.shared);
    uint64_t expires = shared ? 0 : envelope->header.expires_at_ms; /* whether it expires, the destination's node says */
    const struct transit_note *note = peer->member ? &no_note : &core->note;
    size_t hop_size = core->moving ? 0 : envelope_hop_size(node_size, rerouted_from.size);
    if (peer->member && origin->form != ORIGIN_OWN) origin = &origin_plain;
    struct qiao_bytes raw = envelope->raw;
    buf_auto bare = { 0 };
    if (envelope->note.share.size > 0) { /* it was for this node */
        envelope_put_without_share(&bare, raw);
        raw = buf_bytes(&bare);
    }
    core->proof.size = 0;
    sign_begin(core, run, origin, &core->proof);
    pb_put_bytes_head(&run->buf, 1, raw.size + core->proof.size + hop_size + envelope_note_size(note));
    buf_append(&run->buf, raw.data, raw.size);
    size_t proof_at = run->buf.size;
    buf_append(&run->buf, core->proof.data, core->proof.size);
    sign_entry(core, run, envelope, origin, proof_at);
    if (!core->moving) envelope_put_hop(&run->buf, qiao_bytes(core->node, node_size), core->wall_ms, rerouted_from);
    envelope_put_note(&run->buf, note);
    core_batch(core)->bytes += run->buf.size - before;
    if (core->moving) drain_begin(core, peer, lane);
    run->count++;
    q->tail++;
    if (expires && (run->expires_at_ms == 0 || expires < run->expires_at_ms)) run->expires_at_ms = expires;
    if (expires && (q->expiry_ms == 0 || expires < q->expiry_ms)) q->expiry_ms = expires;
    if (envelope->header.kind == QIAO_KIND_ATTACHMENT && envelope->body.size >= ALONE_SIZE && run->whole_left == 0) q->run = NULL;
}

bool queue_begins(struct core *core, struct peer *peer, unsigned lane, uint64_t sequence)
{
    return sequence == peer->queues[lane].committed || first_run(core, peer, lane, sequence) == sequence;
}

/* Sequences are acknowledged in whole frames and frames are whole runs. A peer that acknowledges the middle of one (it can only be
 * broken) is not believed: the run is sent again and what it has is recognised there. */
void queue_acked(struct core *core, struct peer *peer, unsigned lane, uint64_t sequence)
{
    struct queue *q = &peer->queues[lane];
    if (sequence + 1 <= q->head) return;
    if (sequence + 1 > q->tail) {
        /* This store is older than what the peer has seen of it: a backup was restored. Its sequences go on behind. */
        q->tail = q->committed = sequence + 1;
        q->touched = true;
    }
    if (sequence + 1 != q->committed && first_run(core, peer, lane, sequence + 1) != sequence + 1) return;
    q->head = sequence + 1;
    q->acked = true;
    if (q->sent < q->head) q->sent = q->head;
    if (q->sent_max < q->head) q->sent_max = q->head;
    core_batch(core)->bytes += 1;
}

static bool get_run(struct core *core, struct peer *peer, unsigned lane, uint64_t first, struct run_view *ret_run)
{
    struct key key = key_run(peer->number, lane, first);
    struct qiao_bytes value;
    return store_get(core->store, key_bytes(&key), &value) && run_open(value, ret_run);
}

static bool is_due(const struct core *core, const struct run_view *run)
{
    return run->expires_at_ms != 0 && run->expires_at_ms <= core->wall_ms;
}

/* For sessions that only listen: numbered by their own link, and gone if they have no room. */
static void send_copies(struct core *core, const struct peer *peer, const struct connection *taker, uint32_t count, struct qiao_bytes entries)
{
    for (size_t i = 0; i < core->connections_capacity; i++) {
        struct connection *c = core->connections[i];
        if (!c || c == taker || c->closing || c->peer != peer || !c->up || !c->link.peer.wants_events) continue;
        if (link_can_send(&c->link, LINK_LANE_RECEIPTS))
            link_send_batch(&c->link, LINK_LANE_RECEIPTS, c->link.tx[LINK_LANE_RECEIPTS].next, count, entries, core->now_ms, connection_out(core, c));
    }
}

/* Do the small runs behind these entries go with them? A batch of which the peer has a part is put together as it was. */
static bool has_room(const struct queue *q, const struct link *link, unsigned lane, uint32_t frame_max, uint32_t count, size_t size)
{
    uint32_t held = link_held_count(link, lane, q->sent);
    size_t enough = link->parts && pace_quantum(&link->pace) < COALESCE_SIZE ? pace_quantum(&link->pace) : COALESCE_SIZE;
    return q->sent + count < q->committed && (held ? count < held : size < enough && count < frame_max);
}

/* The run, and small ones behind it: appended to core->scratch if there are any. */
static struct qiao_bytes coalesce(struct core *core, struct peer *peer, unsigned lane, const struct link *link, const struct run_view *run, uint32_t *ret_count)
{
    struct queue *q = &peer->queues[lane];
    struct qiao_bytes entries = run->entries;
    struct run_view more;
    bool as_before = link_held_count(link, lane, q->sent) > 0;
    uint32_t count = run->count, frame_max = as_before ? UINT32_MAX : drain_frame_max(core, peer, lane);
    if (frame_max > QIAO_BATCH_MESSAGES_MAX) frame_max = QIAO_BATCH_MESSAGES_MAX;
    core->scratch.size = 0;
    while (has_room(q, link, lane, frame_max, count, entries.size) && get_run(core, peer, lane, q->sent + count, &more)) {
        if (is_due(core, &more) || count + more.count > frame_max || more.entries.size > QIAO_RECORD_SIZE_TARGET) break;
        if (core->scratch.size == 0) buf_append(&core->scratch, entries.data, entries.size);
        buf_append(&core->scratch, more.entries.data, more.entries.size);
        entries = buf_bytes(&core->scratch);
        count += more.count;
    }
    *ret_count = count;
    return entries;
}

void queue_interrupted(struct peer *peer, unsigned lane, const struct link_rest *rest)
{
    struct queue *q = &peer->queues[lane];
    if (rest->payload.size == 0) return; /* what an earlier cut left may still be to come */
    q->cut_first = rest->first_sequence;
    q->cut_sent = rest->sent > rest->before ? rest->sent : rest->before;
}

/* Bytes of the batch at q->sent that went out before. */
static size_t sent_before(struct queue *q, size_t size)
{
    size_t before = q->cut_first == q->sent && q->cut_sent > 0 ? q->cut_sent : size;
    if (q->cut_first == q->sent) q->cut_sent = 0;
    return q->sent < q->handed ? before : 0;
}

/* Sends the run at q->sent and small ones behind it in one batch. */
static bool send_some(struct core *core, struct peer *peer, unsigned lane, struct connection *c)
{
    struct queue *q = &peer->queues[lane];
    struct run_view run;
    uint32_t count;
    if (!get_run(core, peer, lane, q->sent, &run)) return false;
    if (is_due(core, &run) && q->sent >= q->sent_max) {
        queue_expire(core, peer, lane);
        if (q->rewriting) return false;
    }
    struct qiao_bytes entries = coalesce(core, peer, lane, &c->link, &run, &count);
    link_sent_before(&c->link, lane, sent_before(q, entries.size));
    link_send_batch(&c->link, lane, q->sent, count, entries, core->now_ms, connection_out(core, c));
    if (lane == LINK_LANE_RECEIPTS && peer->listeners > 1) send_copies(core, peer, c, count, entries);
    core_trace(core, "%s > %s: lane %u messages %llu-%llu", core->node, peer->name, lane, (unsigned long long)q->sent, (unsigned long long)(q->sent + count - 1));
    q->sent += count;
    if (q->sent > q->sent_max) q->sent_max = q->sent;
    if (q->sent > q->handed) q->handed = q->sent;
    if (lane != LINK_LANE_RECEIPTS) core->counters.forwarded += count;
    if (!peer->member) drain_sent(core, peer, lane, count);
    return true;
}

static void pump_ordered(struct core *core, struct peer *peer, unsigned lane, struct connection *c)
{
    struct queue *q = &peer->queues[lane];
    if (c->link.tx[lane].rest.payload.size > 0) link_continue(&c->link, lane, core->now_ms, connection_out(core, c));
    while (q->sent < q->committed && !q->rewriting && link_can_send(&c->link, lane) && drain_allows(core, peer, lane))
        if (!send_some(core, peer, lane, c)) break;
}

void queue_pump(struct core *core, struct peer *peer)
{
    for (unsigned i = 0; i < LINK_LANES; i++) {
        unsigned lane = lane_order[i];
        struct connection *c = lane == LINK_LANE_RECEIPTS ? peer->receipts : peer->out;
        bool idle = peer->queues[lane].sent == peer->queues[lane].committed;
        if (!c || c->closing || (idle && c->link.tx[lane].rest.payload.size == 0)) continue;
        if (lane_is_ordered(peer, lane)) pump_ordered(core, peer, lane, c);
        else deliver_pump(core, peer, lane);
    }
}

/* ---- expiry: messages that were never sent end here, in the place where they wait ---- */

static void expire_message(struct core *core, struct peer *peer, const struct envelope *e)
{
    struct outcome outcome = {
        .source = e->header.source.raw, .recipient = e->header.destination.raw, .id = e->header.id, .lane = e->header.lane,
        .status = QIAO_OUTCOME_EXPIRED, .code = QIAO_CODE_EXPIRED, .at_ms = core->wall_ms, .header = e->header_bytes,
    };
    bool retried = peer->member && dead_is_retried(core, peer, e);
    if (peer->member) {
        struct message_record record = { .outcome = QIAO_OUTCOME_EXPIRED, .flags = retried ? RECORD_RETRIED : 0, .code = QIAO_CODE_EXPIRED, .at_ms = core->wall_ms };
        uint8_t value[MESSAGE_RECORD_SIZE];
        struct key key = key_destination(&e->header.id, peer->number, source_tag(core->secret, &e->header));
        message_fingerprint(core->secret, &e->header, record.digest);
        batch_put(core, &key, record_write(&record, value));
        outcome.recipient = buf_bytes(&peer->address);
    } else {
        explain_ended(core, &e->header, peer, QIAO_OUTCOME_EXPIRED, QIAO_CODE_EXPIRED);
    }
    dead_tell(core, &(struct dead_letter){ .message = e, .recipient = outcome.recipient, .status = outcome.status, .code = outcome.code, .first_ms = core->wall_ms, .last_ms = core->wall_ms,
                                             .retried = retried });
    if (!retried) outcome_add(core, &outcome);
    core_trace(core, "%s x %s: expired", core->node, peer->name);
}

struct expiry {
    struct core *core;
    struct peer *peer;
    unsigned lane;
    uint64_t earliest_ms;
};

static void expiry_earliest(struct expiry *x, uint64_t expires_ms)
{
    if (expires_ms && (x->earliest_ms == 0 || expires_ms < x->earliest_ms)) x->earliest_ms = expires_ms;
}

static void rewrite_run(struct expiry *x, uint64_t first, const struct run_view *old)
{
    struct core *core = x->core;
    struct run *run = batch_new_run(core_batch(core));
    run->peer = x->peer;
    run->lane = x->lane;
    run->first = first;
    run->count = old->count;
    run_begin(&run->buf);
    struct pb_reader r = pb_reader(old->entries);
    struct qiao_bytes raw;
    while (run_next(&r, &raw)) {
        struct envelope e = { 0 };
        uint64_t expires = raw.size > 0 && envelope_open(raw, &e) != QIAO_CODE_MALFORMED ? e.header.expires_at_ms : 0;
        if (e.note.shared && !x->peer->member) expires = 0;
        bool ends = expires != 0 && expires <= core->wall_ms;
        if (ends) expire_message(core, x->peer, &e);
        if (ends) raw.size = 0;
        pb_put_bytes_head(&run->buf, 1, raw.size);
        buf_append(&run->buf, raw.data, raw.size);
        run->ended += raw.size == 0;
        if (!ends && expires && (run->expires_at_ms == 0 || expires < run->expires_at_ms)) run->expires_at_ms = expires;
    }
    sign_units_of(core, run);
    core_batch(core)->bytes += run->buf.size;
    x->peer->queues[x->lane].rewriting = core->filling + 1;
    expiry_earliest(x, run->expires_at_ms);
}

static bool visit_run(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct expiry *x = context;
    struct run_view run;
    if (!run_open(value, &run)) return true;
    if (is_due(x->core, &run)) rewrite_run(x, key_run_first(key), &run);
    else expiry_earliest(x, run.expires_at_ms);
    return true;
}

/* What was ever sent to a node may be in its custody already: only that node may end it. What was ever delivered to a member may
 * have taken effect: only the member may end it, and after a restart nobody knows what was delivered before. */
void queue_expire(struct core *core, struct peer *peer, unsigned lane)
{
    struct queue *q = &peer->queues[lane];
    struct expiry x = { .core = core, .peer = peer, .lane = lane };
    if (q->rewriting) return; /* looked at again after the next commit */
    /* While the store is full nothing is rewritten: the queue must flow to make room, and a rewrite holds it until it is stored. */
    if (core->busy || core->refused) return;
    uint64_t start = q->sent_max;
    if (!lane_is_ordered(peer, lane)) start = q->sent > q->verify_until ? q->sent : q->verify_until;
    struct key from = key_run(peer->number, lane, start), to = key_run(peer->number, lane, UINT64_MAX);
    store_scan(core->store, key_bytes(&from), key_bytes(&to), visit_run, &x);
    /* What is not in the store yet was not seen by this walk: look again soon. */
    bool again = q->rewriting || q->committed < q->tail;
    q->expiry_ms = again && (x.earliest_ms == 0 || x.earliest_ms > core->wall_ms + 1000) ? core->wall_ms + 1000 : x.earliest_ms;
}
