/* Delivery to members: each message stays until the member has given a verdict on it; a case that is retried holds up only itself. */
#include "core/deliver.h"

#include "proof/decider.h"

#include <qiao/client.h>

#include "schema/link.pb-c.h"

/* A member with more messages than this waiting behind retried cases gets nothing new until some are decided. */
#define HELD_MAX 4096u

uint64_t deliver_hash_case(struct qiao_bytes case_id)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < case_id.size; i++) hash = (hash ^ case_id.data[i]) * 0x100000001b3u;
    return case_id.size ? hash | 1 : 0; /* 0: no case, holds up nothing */
}

/* ---- flights ---- */

struct flight *flight_at(struct queue *q, uint32_t i)
{
    return &q->flights[(q->flights_first + i) % q->flights_capacity];
}

static struct flight *flight_add(struct queue *q, uint64_t first, const struct run_view *run)
{
    if (q->flights_count == q->flights_capacity) {
        uint32_t capacity = q->flights_capacity ? q->flights_capacity * 2 : 8;
        struct flight *flights = base_alloc(capacity * sizeof *flights);
        for (uint32_t i = 0; i < q->flights_count; i++) flights[i] = *flight_at(q, i);
        free(q->flights);
        q->flights = flights;
        q->flights_first = 0;
        q->flights_capacity = capacity;
    }
    struct flight *f = flight_at(q, q->flights_count++);
    *f = (struct flight){ .first = first, .count = run->count, .bytes = run->entries.size };
    f->bits = base_zalloc((run->count + 63) / 64 * sizeof *f->bits);
    q->flying_messages += f->count;
    q->flying_bytes += f->bytes;
    return f;
}

struct flight *flight_find(struct queue *q, uint64_t sequence)
{
    uint32_t low = 0, high = q->flights_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct flight *f = flight_at(q, middle);
        if (sequence >= f->first && sequence < f->first + f->count) return f;
        if (sequence < f->first) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

bool flight_has(const struct flight *f, uint64_t sequence)
{
    uint64_t i = sequence - f->first;
    return f->bits[i / 64] >> (i % 64) & 1;
}

/* Takes finished flights out from behind one that is not: a message without an answer must not make the rest pile up. */
static void compact(struct queue *q)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < q->flights_count; i++) {
        struct flight f = *flight_at(q, i);
        if (f.resolved == f.count) free(f.bits);
        else *flight_at(q, kept++) = f;
    }
    q->flights_count = kept;
    q->flights_finished = 0;
}

void flight_drop_finished(struct queue *q)
{
    while (q->flights_count > 0 && flight_at(q, 0)->resolved == flight_at(q, 0)->count) {
        free(flight_at(q, 0)->bits);
        q->flights_first = (q->flights_first + 1) % q->flights_capacity;
        q->flights_count--;
        q->flights_finished--;
    }
    if (q->flights_finished > 16 && q->flights_finished > q->flights_count / 2) compact(q);
    q->head = q->flights_count > 0 ? flight_at(q, 0)->first : q->sent;
    if (q->flights_count == 0 && q->flights_capacity > 8) {
        free(q->flights);
        q->flights = NULL;
        q->flights_first = q->flights_capacity = 0;
    }
}

static void resolve(struct core *core, struct peer *peer, unsigned lane, struct flight *f, uint64_t sequence)
{
    struct queue *q = &peer->queues[lane];
    uint64_t i = sequence - f->first;
    assert(!flight_has(f, sequence));
    f->bits[i / 64] |= 1ull << (i % 64);
    q->flying_messages--;
    if (++f->resolved < f->count) return;
    q->flights_finished++;
    q->flying_bytes -= f->bytes;
    struct key key = key_run(peer->number, lane, f->first);
    batch_remove(core, &key);
}

/* ---- held messages ---- */

struct held *held_find(struct peer *peer, unsigned lane, uint64_t sequence)
{
    for (size_t i = 0; i < peer->held_count; i++)
        if (peer->held[i].lane == lane && peer->held[i].sequence == sequence) return &peer->held[i];
    return NULL;
}

/* Is one of the case held that came before this message on its lane? */
static bool is_behind(const struct peer *peer, unsigned lane, uint64_t sequence, uint64_t case_hash)
{
    for (size_t i = 0; case_hash && i < peer->held_count; i++)
        if (peer->held[i].case_hash == case_hash && peer->held[i].lane == lane && peer->held[i].sequence < sequence) return true;
    return false;
}

/* The same, but another lane's message of the case holds it up too. Lanes have no order between them, so this never waits in a ring. */
static bool case_is_held(const struct peer *peer, unsigned lane, uint64_t sequence, uint64_t case_hash)
{
    for (size_t i = 0; case_hash && i < peer->held_count; i++)
        if (peer->held[i].case_hash == case_hash && (peer->held[i].lane != lane || peer->held[i].sequence < sequence)) return true;
    return false;
}

struct held *held_add(struct peer *peer, unsigned lane, uint64_t sequence, uint64_t case_hash)
{
    if (peer->held_count == peer->held_capacity) {
        peer->held_capacity = peer->held_capacity ? peer->held_capacity * 2 : 8;
        peer->held = base_realloc(peer->held, peer->held_capacity * sizeof *peer->held);
    }
    struct held *h = &peer->held[peer->held_count++];
    *h = (struct held){ .lane = lane, .sequence = sequence, .case_hash = case_hash, .due_ms = LINK_NEVER };
    return h;
}

/* The decided message leaves; the next of its case is due at once. */
static void held_remove(struct core *core, struct peer *peer, struct held *h)
{
    uint64_t case_hash = h->case_hash;
    size_t at = (size_t)(h - peer->held);
    memmove(h, h + 1, (--peer->held_count - at) * sizeof *h);
    for (size_t i = 0; case_hash && i < peer->held_count; i++) {
        struct held *next = &peer->held[i];
        if (next->case_hash == case_hash && next->due_ms == LINK_NEVER && !is_behind(peer, next->lane, next->sequence, case_hash)) next->due_ms = core->now_ms;
    }
}

/* The node itself ended a message. Its case goes on when that is on disk: after a crash before, the message would come again. */
void deliver_stored(struct core *core, struct peer *peer, unsigned slot)
{
    for (size_t i = peer->held_count; i > 0; i--)
        if (i <= peer->held_count && peer->held[i - 1].leaves == slot + 1) held_remove(core, peer, &peer->held[i - 1]);
    deliver_due(core, peer);
}

/* ---- sending ---- */

static bool get_run(struct core *core, struct peer *peer, unsigned lane, uint64_t first, struct run_view *ret_run)
{
    struct key key = key_run(peer->number, lane, first);
    struct qiao_bytes value;
    return store_get(core->store, key_bytes(&key), &value) && run_open(value, ret_run);
}

static bool get_record(struct core *core, const struct peer *peer, const struct envelope *e, struct message_record *ret_record)
{
    struct key key = key_destination(&e->header.id, peer->number, source_tag(core->secret, &e->header));
    struct qiao_bytes value;
    return store_get(core->store, key_bytes(&key), &value) && record_read(value, ret_record);
}

/* What is known of its failed deliveries since before the start. */
static void load_failures(struct held *h, const struct message_record *record)
{
    h->attempts = record->peer;
    h->first_ms = record->at_ms;
    h->alone |= (record->flags & RECORD_ALONE) != 0;
}

/* After a start: it may have been answered before, or have ended sessions. True: it does not go with the others. */
static bool was_met(struct core *core, struct peer *peer, unsigned lane, struct flight *f, uint64_t sequence, const struct envelope *e)
{
    struct message_record record;
    if (!get_record(core, peer, e, &record)) return false;
    bool ended = record.outcome != QIAO_OUTCOME_NONE || (record.flags & RECORD_RETRIED && record.code != (uint16_t)e->attempt);
    if (ended) resolve(core, peer, lane, f, sequence);
    if (ended) return true;
    if (!(record.flags & RECORD_ALONE) || held_find(peer, lane, sequence)) return false;
    struct held *h = held_add(peer, lane, sequence, deliver_hash_case(e->header.case_id));
    load_failures(h, &record);
    if (!is_behind(peer, lane, sequence, h->case_hash)) h->due_ms = core->now_ms;
    return true;
}

/* Is this message of the run to be sent now? */
static bool goes_now(struct core *core, struct peer *peer, unsigned lane, struct flight *f, uint64_t sequence, struct qiao_bytes raw, bool verify)
{
    struct envelope e;
    if (flight_has(f, sequence)) return false;
    if (raw.size == 0 || envelope_open(raw, &e) == QIAO_CODE_MALFORMED) {
        resolve(core, peer, lane, f, sequence);
        return false;
    }
    if (verify && was_met(core, peer, lane, f, sequence, &e)) return false;
    if (peer->held_count == 0) return true;
    if (held_find(peer, lane, sequence)) return false;
    uint64_t case_hash = deliver_hash_case(e.header.case_id);
    if (!case_is_held(peer, lane, sequence, case_hash)) return true;
    held_add(peer, lane, sequence, case_hash);
    return false;
}

static void send_entries(struct core *core, struct peer *peer, unsigned lane, uint64_t first, uint64_t end, const uint8_t *from, const uint8_t *to)
{
    if (from) link_send_batch(&peer->out->link, lane, first, (uint32_t)(end - first), qiao_bytes(from, (size_t)(to - from)), core->now_ms, connection_out(core, peer->out));
}

/* Sends at most *room messages of a run from a sequence on, in as few frames as its gaps allow. Returns the sequence behind them. */
static uint64_t send_run(struct core *core, struct peer *peer, unsigned lane, struct flight *f, const struct run_view *run, bool verify, uint64_t from, uint32_t *room)
{
    struct pb_reader r = pb_reader(run->entries);
    struct qiao_bytes raw;
    const uint8_t *start = NULL, *before = r.at;
    uint64_t sequence = f->first, first = 0;
    for (; *room > 0 && run_next(&r, &raw); sequence++, before = r.at) {
        if (sequence < from) continue;
        if (goes_now(core, peer, lane, f, sequence, raw, verify)) {
            if (!start) first = sequence;
            if (!start) start = before;
            --*room;
            continue;
        }
        send_entries(core, peer, lane, first, sequence, start, before);
        start = NULL;
    }
    send_entries(core, peer, lane, first, sequence, start, before);
    return sequence;
}

/* A free lane has gaps where runs were answered before a restart. */
static bool next_in_store(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    (void)value;
    if (key_run_first(key) == 0) return true; /* no run: check-store tells */
    *(uint64_t *)context = key_run_first(key);
    return false;
}

/* What is held waits with this node, not with the member: HELD_MAX bounds it, and the member's window is for other cases.
 * The bytes of a run are with the member until all of it is decided or held. */
static void subtract_held(const struct peer *peer, struct queue *q, unsigned lane, uint64_t *messages, uint64_t *bytes)
{
    for (size_t i = 0; i < peer->held_count; i++) {
        const struct held *h = &peer->held[i];
        struct flight *f = h->lane == lane && h->due_ms != UNDER_WAY ? flight_find(q, h->sequence) : NULL;
        if (!f) continue;
        --*messages;
        if (++f->waiting + f->resolved == f->count) *bytes -= f->bytes;
    }
    for (size_t i = 0; i < peer->held_count; i++) {
        struct flight *f = peer->held[i].lane == lane ? flight_find(q, peer->held[i].sequence) : NULL;
        if (f) f->waiting = 0;
    }
}

static bool window_open(const struct core *core, const struct peer *peer, struct queue *q, unsigned lane)
{
    uint64_t credit = peer->out->link.tx[lane].credit_messages, messages = q->flying_messages, bytes = q->flying_bytes;
    if (credit > core->config.member_window_messages) credit = core->config.member_window_messages;
    subtract_held(peer, q, lane, &messages, &bytes);
    return messages < credit && bytes < core->config.member_window_bytes && peer->held_count < HELD_MAX;
}

/* Over a gap in the store. False: what stands there cannot be read, or there is nothing more. */
static bool skip_gap(struct core *core, struct peer *peer, unsigned lane)
{
    struct queue *q = &peer->queues[lane];
    uint64_t next = q->committed;
    struct key from = key_run(peer->number, lane, q->sent), to = key_run(peer->number, lane, UINT64_MAX);
    store_scan(core->store, key_bytes(&from), key_bytes(&to), next_in_store, &next);
    if (next == q->sent) return false; /* unreadable: check-store tells */
    q->sent = next;
    flight_drop_finished(q); /* the head moves over the gap too */
    return q->sent < q->committed;
}

/* The next run goes into flight. NULL: there is none, or the member may not have more. */
static struct flight *take_run(struct core *core, struct peer *peer, unsigned lane, struct run_view *ret_run)
{
    struct queue *q = &peer->queues[lane];
    if (q->sent >= q->committed || q->rewriting || peer->out->link.state != LINK_STATE_UP || !window_open(core, peer, q, lane)) return NULL;
    while (!get_run(core, peer, lane, q->sent, ret_run))
        if (!skip_gap(core, peer, lane)) return NULL;
    if (ret_run->expires_at_ms && ret_run->expires_at_ms <= core->wall_ms) {
        queue_expire(core, peer, lane);
        if (q->rewriting) return NULL;
    }
    struct flight *f = flight_add(q, q->sent, ret_run);
    q->sent += f->count;
    return f;
}

static void resend_lane(struct core *core, struct peer *peer, unsigned lane)
{
    struct queue *q = &peer->queues[lane];
    for (uint32_t i = 0; i < q->flights_count; i++) {
        struct flight *f = flight_at(q, i);
        struct run_view run;
        uint32_t room = UINT32_MAX;
        if (f->resolved == f->count || !get_run(core, peer, lane, f->first, &run)) continue;
        core_trace(core, "%s > %s: deliver what is left of lane %u messages %llu-%llu", core->node, peer->name, lane, (unsigned long long)f->first,
                   (unsigned long long)(f->first + f->count - 1));
        /* Of a run of before the start only a part may have gone, and been looked up, while few at a time were delivered. */
        send_run(core, peer, lane, f, &run, f->first < q->verify_until, f->first, &room);
        peer->suspicion.sent_ms = core->now_ms;
    }
    flight_drop_finished(q);
}

/* What the session before left unanswered. */
static void catch_up(struct core *core, struct peer *peer)
{
    if (peer->suspicion.window) blame_pump(core, peer);
    if (!peer->suspicion.behind) return;
    peer->suspicion.behind = false;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) resend_lane(core, peer, lane);
}

void deliver_pump(struct core *core, struct peer *peer, unsigned lane)
{
    struct queue *q = &peer->queues[lane];
    struct run_view run;
    struct flight *f;
    if (peer->out->link.state != LINK_STATE_UP || (peer->held_count > 0 && blame_holder(core, peer))) return;
    catch_up(core, peer);
    while (!peer->suspicion.window && (f = take_run(core, peer, lane, &run))) {
        uint64_t first = f->first;
        uint32_t count = f->count, room = UINT32_MAX;
        bool verify = first < q->verify_until;
        if (!verify && run.ended == 0 && peer->held_count == 0)
            link_send_batch(&peer->out->link, lane, first, count, run.entries, core->now_ms, connection_out(core, peer->out));
        else
            send_run(core, peer, lane, f, &run, verify, first, &room);
        peer->suspicion.sent_ms = core->now_ms;
        core_trace(core, "%s > %s: deliver lane %u messages %llu-%llu", core->node, peer->name, lane, (unsigned long long)first, (unsigned long long)(first + count - 1));
        flight_drop_finished(q);
    }
}

/* The first flight that does not end before the sequence and has something left: of a finished one nothing is in the store. */
static struct flight *flight_from(struct queue *q, uint64_t sequence)
{
    for (uint32_t i = 0; i < q->flights_count; i++) {
        struct flight *f = flight_at(q, i);
        if (f->first + f->count > sequence && f->resolved < f->count) return f;
    }
    return NULL;
}

uint64_t deliver_part(struct core *core, struct peer *peer, unsigned lane, uint64_t from, uint32_t *room)
{
    struct queue *q = &peer->queues[lane];
    struct run_view run;
    while (*room > 0) {
        struct flight *f = flight_from(q, from);
        if (f && !get_run(core, peer, lane, f->first, &run)) return from; /* check-store tells */
        if (!f) f = take_run(core, peer, lane, &run);
        if (!f) return q->sent;
        uint64_t start = from > f->first ? from : f->first;
        from = send_run(core, peer, lane, f, &run, f->first < q->verify_until, start, room);
        core_trace(core, "%s > %s: deliver lane %u messages %llu-%llu", core->node, peer->name, lane, (unsigned long long)start, (unsigned long long)(from - 1));
        flight_drop_finished(q);
    }
    return from;
}

void deliver_session(struct core *core, struct peer *peer)
{
    for (size_t i = 0; i < peer->held_count; i++) {
        struct held *h = &peer->held[i];
        if (h->due_ms != LINK_NEVER && !h->leaves && (!h->alone || h->due_ms == UNDER_WAY)) h->due_ms = core->now_ms;
    }
    peer->suspicion.behind = !peer->suspicion.window;
    if (peer->suspicion.window) blame_session(peer);
    deliver_due(core, peer);
}

static void send_held(struct core *core, struct peer *peer, struct held *h)
{
    struct flight *f = flight_find(&peer->queues[h->lane], h->sequence);
    struct run_view run;
    h->due_ms = UNDER_WAY;
    h->sent_ms = peer->suspicion.sent_ms = core->now_ms;
    if (!f || !get_run(core, peer, h->lane, f->first, &run)) return;
    struct pb_reader r = pb_reader(run.entries);
    struct qiao_bytes raw;
    const uint8_t *before = r.at;
    for (uint64_t sequence = f->first; run_next(&r, &raw); sequence++, before = r.at) {
        if (sequence != h->sequence) continue;
        core_trace(core, "%s > %s: deliver again lane %u message %llu (attempt %u)", core->node, peer->name, h->lane, (unsigned long long)h->sequence, h->attempts + 1);
        send_entries(core, peer, h->lane, h->sequence, h->sequence + 1, before, r.at);
        break;
    }
}

/* Holds message `at` if it is of the case and has no answer. */
static bool hold_earlier(struct core *core, struct peer *peer, unsigned lane, struct flight *f, uint64_t at, struct qiao_bytes raw, uint64_t case_hash)
{
    struct envelope e;
    if (flight_has(f, at) || held_find(peer, lane, at) || raw.size == 0 || envelope_open(raw, &e) == QIAO_CODE_MALFORMED) return false;
    if (deliver_hash_case(e.header.case_id) != case_hash) return false;
    if (f->first < peer->queues[lane].verify_until && was_met(core, peer, lane, f, at, &e)) return false;
    struct held *h = held_add(peer, lane, at, case_hash);
    h->sent_ms = peer->suspicion.sent_ms;
    h->due_ms = at < blame_delivered_below(peer, lane) ? UNDER_WAY : is_behind(peer, lane, at, case_hash) ? LINK_NEVER : core->now_ms;
    return true;
}

/* What came before it in its case, and is with the member or still to go there, goes first. True: there is some. */
static bool waits_for_earlier(struct core *core, struct peer *peer, unsigned lane, uint64_t sequence, uint64_t case_hash)
{
    struct queue *q = &peer->queues[lane];
    bool waits = false;
    for (uint32_t i = 0; case_hash && i < q->flights_count && flight_at(q, i)->first < sequence; i++) {
        struct flight *f = flight_at(q, i);
        struct run_view run;
        if (f->resolved == f->count || !get_run(core, peer, lane, f->first, &run)) continue;
        struct pb_reader r = pb_reader(run.entries);
        struct qiao_bytes raw;
        for (uint64_t at = f->first; at < sequence && run_next(&r, &raw); at++) waits |= hold_earlier(core, peer, lane, f, at, raw, case_hash);
    }
    return waits;
}

/* True: it is still the one that nothing may go beside. */
static bool send_alone(struct core *core, struct peer *peer, struct held *h)
{
    unsigned lane = h->lane;
    uint64_t sequence = h->sequence;
    if (h->due_ms > core->now_ms) return true; /* under way */
    if (blame_in_hand(core, peer) > 0 && core->now_ms < h->due_ms + core->config.crash_within_ms) return true;
    bool waits = waits_for_earlier(core, peer, lane, sequence, h->case_hash);
    h = held_find(peer, lane, sequence);
    if (waits) h->due_ms = LINK_NEVER;
    else send_held(core, peer, h);
    return !waits;
}

void deliver_due(struct core *core, struct peer *peer)
{
    if (!peer->out || peer->out->closing || peer->out->link.state != LINK_STATE_UP) return;
    for (struct held *alone; (alone = blame_holder(core, peer));)
        if (send_alone(core, peer, alone)) return;
    catch_up(core, peer);
    for (size_t i = 0; i < peer->held_count; i++) {
        if (peer->held[i].due_ms > core->now_ms || blame_defers(peer, &peer->held[i])) continue;
        if (peer->suspicion.window && blame_in_hand(core, peer) >= peer->suspicion.window) break;
        send_held(core, peer, &peer->held[i]);
    }
}

/* ---- verdicts ---- */

static void trace_verdict(struct core *core, const struct peer *peer, unsigned lane, uint64_t sequence, const char *what, const char *why)
{
    if (core->config.trace) core_trace(core, "%s < %s: %s lane %u message %llu%s%s", core->node, peer->name, what, lane, (unsigned long long)sequence, *why ? ": " : "", why);
}

/* A message that was dead and is tried again has its one outcome: what comes of it is news of another kind. */
static void tell_outcome(struct core *core, struct peer *peer, const struct envelope *e, struct outcome *o, bool retried)
{
    o->source = e->header.source.raw;
    o->recipient = buf_bytes(&peer->address);
    o->id = e->header.id;
    o->header = e->header_bytes;
    o->lane = e->header.lane;
    o->at_ms = core->wall_ms;
    if (retried && o->status != QIAO_OUTCOME_DEAD)
        dead_tell(core, &(struct dead_letter){ .message = e, .recipient = o->recipient, .status = o->status, .code = o->code, .last_ms = core->wall_ms, .retried = true });
    else if (!retried && !is_notice(&e->header)) outcome_add(core, o);
}

static void decide(struct core *core, struct peer *peer, struct flight *f, uint64_t sequence, const struct envelope *e, unsigned lane, struct outcome *o)
{
    struct message_record record = { .outcome = (uint8_t)o->status, .code = (uint16_t)o->code, .at_ms = core->wall_ms };
    uint8_t value[MESSAGE_RECORD_SIZE];
    struct key key = key_destination(&e->header.id, peer->number, source_tag(core->secret, &e->header));
    bool retried = dead_is_retried(core, peer, e);
    if (retried) record.flags = RECORD_RETRIED;
    message_fingerprint(core->secret, &e->header, record.digest);
    batch_put(core, &key, record_write(&record, value));
    tell_outcome(core, peer, e, o, retried);
    static const char *const words[] = { [QIAO_OUTCOME_ACCEPTED] = "accepts", [QIAO_OUTCOME_REFUSED] = "refuses", [QIAO_OUTCOME_DEAD] = "gives up" };
    trace_verdict(core, peer, lane, sequence, words[o->status], o->code ? qiao_code_name(o->code) : "");
    watch_message(core, 3, &e->header, peer, o->status, o->code);
    resolve(core, peer, lane, f, sequence);
    struct held *h = held_find(peer, lane, sequence);
    if (h && o->status == QIAO_OUTCOME_DEAD) {
        h->leaves = core->filling + 1;
        h->due_ms = UNDER_WAY;
    } else if (h) {
        held_remove(core, peer, h);
    }
}

/* ---- deliveries that failed ---- */

bool deliver_open(struct core *core, struct peer *peer, unsigned lane, uint64_t sequence, struct envelope *ret_envelope)
{
    struct flight *f = flight_find(&peer->queues[lane], sequence);
    struct run_view run;
    struct qiao_bytes raw = { 0 };
    if (!f || flight_has(f, sequence) || !get_run(core, peer, lane, f->first, &run)) return false;
    struct pb_reader r = pb_reader(run.entries);
    for (uint64_t at = f->first; at <= sequence; at++)
        if (!run_next(&r, &raw)) return false;
    return raw.size > 0 && envelope_open(raw, ret_envelope) != QIAO_CODE_MALFORMED;
}

static uint64_t retry_delay_ms(const struct core *core, uint32_t attempts, uint64_t wanted_ms)
{
    uint64_t delay = wanted_ms ? wanted_ms : (uint64_t)core->config.retry_ms_min << (attempts < 20 ? attempts - 1 : 19);
    return delay > core->config.retry_ms_max ? core->config.retry_ms_max : delay;
}

/* Durable, so that a restart of the node is no new beginning. */
static void keep_failures(struct core *core, struct peer *peer, const struct envelope *e, const struct held *h)
{
    struct message_record record = { .flags = h->alone ? RECORD_ALONE : 0, .peer = (uint16_t)h->attempts, .at_ms = h->first_ms };
    uint8_t value[MESSAGE_RECORD_SIZE];
    struct key key = key_destination(&e->header.id, peer->number, source_tag(core->secret, &e->header));
    if (dead_is_retried(core, peer, e)) {
        record.flags |= RECORD_RETRIED;
        record.code = (uint16_t)e->attempt;
    }
    message_fingerprint(core->secret, &e->header, record.digest);
    batch_put(core, &key, record_write(&record, value));
}

/* While the room for dead letters is full it goes on being tried: it is nowhere else. */
static bool is_hopeless(struct core *core, const struct held *h, const struct envelope *e)
{
    const struct core_config *c = &core->config;
    bool old = c->delivery_age_ms_max > 0 && core->wall_ms >= h->first_ms + c->delivery_age_ms_max;
    return (old || h->attempts >= c->delivery_attempts_max) && dead_has_room(core, e->raw.size);
}

static void give_up(struct core *core, struct peer *peer, struct held *h, const struct envelope *e, unsigned code, struct qiao_bytes reason)
{
    struct outcome outcome = { .status = QIAO_OUTCOME_DEAD, .code = code, .reason = reason };
    struct dead_letter letter = { .message = e, .recipient = buf_bytes(&peer->address), .status = QIAO_OUTCOME_DEAD, .code = code, .attempts = h->attempts,
                                  .first_ms = h->first_ms, .last_ms = core->wall_ms, .reason = reason };
    core_notice(core, "dead letter", peer->name, code, "delivered as often as allowed, and kept: qiao dead list");
    dead_keep(core, peer, &letter);
    dead_tell(core, &letter);
    decide(core, peer, flight_find(&peer->queues[h->lane], h->sequence), h->sequence, e, h->lane, &outcome);
}

/* What came of the case behind it waits, unless it is in the member's hands. */
static void hold_up_case(struct peer *peer, const struct held *h)
{
    for (size_t i = 0; h->case_hash && i < peer->held_count; i++) {
        struct held *later = &peer->held[i];
        if (later->case_hash == h->case_hash && later->lane == h->lane && later->sequence > h->sequence && later->due_ms < UNDER_WAY) later->due_ms = LINK_NEVER;
    }
}

void deliver_failed(struct core *core, struct peer *peer, struct held *h, const struct envelope *e, unsigned code, struct qiao_bytes reason, uint64_t wait_ms)
{
    struct message_record record;
    if (reason.size > QIAO_TEXT_SIZE_MAX) reason.size = 0;
    if (h->attempts == 0 && get_record(core, peer, e, &record) && record.peer > 0) load_failures(h, &record);
    if (h->attempts == 0) h->first_ms = core->wall_ms;
    if (h->attempts < UINT16_MAX) h->attempts++;
    hold_up_case(peer, h);
    if (is_hopeless(core, h, e)) {
        give_up(core, peer, h, e, code, reason);
        return;
    }
    keep_failures(core, peer, e, h);
    bool at_once = code == QIAO_CODE_CRASHES && h->attempts == 1; /* or it was the line that broke */
    h->due_ms = is_behind(peer, h->lane, h->sequence, h->case_hash) ? LINK_NEVER /* it was in hand already when its case had to wait */
                                                                    : core->now_ms + (at_once ? 0 : retry_delay_ms(core, h->attempts, wait_ms));
}

static void retry(struct core *core, struct peer *peer, uint64_t sequence, const struct envelope *e, unsigned lane, const Qiao__V1__Verdict *verdict)
{
    struct held *h = held_find(peer, lane, sequence);
    if (!h) h = held_add(peer, lane, sequence, deliver_hash_case(e->header.case_id));
    h->due_ms = LINK_NEVER;
    if (is_behind(peer, lane, sequence, h->case_hash)) { /* its case has to wait anyway: no attempt */
        trace_verdict(core, peer, lane, sequence, "waits for its case with", "");
        return;
    }
    h->due_ms = core->now_ms;
    if (verdict->status == QIAO__V1__VERDICT_STATUS__VERDICT_HELD) return;
    trace_verdict(core, peer, lane, sequence, "wants again", "");
    h->alone = false; /* it was answered */
    deliver_failed(core, peer, h, e, QIAO_CODE_RETRIES, qiao_bytes_from_string(verdict->reason), verdict->retry_after_ms);
}

static void apply(struct core *core, struct peer *peer, struct flight *f, uint64_t sequence, struct qiao_bytes raw, const Qiao__V1__Verdict *verdict)
{
    struct envelope e;
    unsigned lane = (unsigned)verdict->lane;
    if (flight_has(f, sequence) || raw.size == 0 || envelope_open(raw, &e) == QIAO_CODE_MALFORMED) return;
    struct outcome outcome = { .status = QIAO_OUTCOME_ACCEPTED };
    if (verdict->status == QIAO__V1__VERDICT_STATUS__VERDICT_RETRY || verdict->status == QIAO__V1__VERDICT_STATUS__VERDICT_HELD) {
        retry(core, peer, sequence, &e, lane, verdict);
        return;
    }
    if (verdict->status == QIAO__V1__VERDICT_STATUS__VERDICT_REFUSED) {
        outcome.status = QIAO_OUTCOME_REFUSED;
        bool usable = verdict->code && verdict->code <= UINT16_MAX && decider_of(QIAO_OUTCOME_REFUSED, verdict->code) != DECIDER_NOBODY;
        outcome.code = usable ? verdict->code : QIAO_CODE_REFUSED_BY_MEMBER;
        outcome.reason = qiao_bytes_from_string(verdict->reason);
        if (outcome.reason.size > QIAO_TEXT_SIZE_MAX) outcome.reason.size = 0;
    }
    decide(core, peer, f, sequence, &e, lane, &outcome);
}

/* Walks the run once for all sequences of the verdict that lie in it; returns the first sequence behind it. */
static uint64_t apply_in_flight(struct core *core, struct peer *peer, struct flight *f, uint64_t sequence, uint64_t end, const Qiao__V1__Verdict *verdict)
{
    struct run_view run;
    uint64_t flight_end = f->first + f->count;
    if (!get_run(core, peer, (unsigned)verdict->lane, f->first, &run)) return flight_end;
    struct pb_reader r = pb_reader(run.entries);
    struct qiao_bytes raw;
    for (uint64_t at = f->first; at < end && run_next(&r, &raw); at++)
        if (at >= sequence) apply(core, peer, f, at, raw, verdict);
    return flight_end;
}

static bool apply_verdict(struct core *core, struct peer *peer, const Qiao__V1__Verdict *verdict)
{
    uint64_t count = verdict->count ? verdict->count : 1;
    if ((unsigned)verdict->lane >= QIAO_LANES || count > QIAO_BATCH_MESSAGES_MAX || (unsigned)verdict->status > QIAO__V1__VERDICT_STATUS__VERDICT_HELD) return false;
    struct queue *q = &peer->queues[verdict->lane];
    uint64_t sequence = verdict->first_sequence, end = sequence + count;
    if (end < sequence || end > q->sent) return false; /* about something that was never delivered */
    while (sequence < end) {
        struct flight *f = flight_find(q, sequence);
        sequence = f ? apply_in_flight(core, peer, f, sequence, end, verdict) : sequence + 1;
    }
    flight_drop_finished(q);
    return true;
}

void recv_verdicts(struct core *core, struct connection *c, struct qiao_bytes payload)
{
    struct peer *peer = c->peer;
    arena_reset(&core->arena);
    Qiao__V1__Verdicts *verdicts = pb_depth_ok(payload) ? qiao__v1__verdicts__unpack(&core->arena.protobuf, payload.size, payload.data) : NULL;
    bool valid = verdicts && peer && peer->member;
    if (valid && peer->out != c) return; /* another session of the member has taken over */
    for (size_t i = 0; valid && i < verdicts->n_verdicts; i++) valid = apply_verdict(core, peer, verdicts->verdicts[i]);
    if (!valid) {
        core->counters.rejected_frames++;
        connection_drop(core, c, QIAO_CODE_FRAME_BODY, "verdict is not valid");
        return;
    }
    queue_pump(core, peer);
    deliver_due(core, peer);
}
