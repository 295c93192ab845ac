#include "sdk/session.h"

#include "sdk/draft.h"
#include "sdk/sign.h"

#include <stdio.h>

/* An open run is closed, and a new one begun, at this size: the unit of sending and acknowledging. */
#define RUN_SIZE (128u * 1024u)

/* Cases held at once; the node holds no more either. */
#define HOLDS_MAX 4096u

/* token: lane (2 bits) | session generation (14 bits) | sequence (48 bits) */
static uint64_t make_token(const struct session *s, unsigned lane, uint64_t sequence)
{
    return (uint64_t)lane << 62 | (uint64_t)(s->generation & 0x3fff) << 48 | (sequence & 0xffffffffffffu);
}

void session_init(struct session *s, const struct session_options *options, const struct qiao_client_handler *handler, void *context,
                  const struct session_outbox *outbox)
{
    *s = (struct session){ .options = *options, .handler = handler, .context = context };
    if (outbox) s->outbox = *outbox;
    if (options->area) snprintf(s->area, sizeof s->area, "%s", options->area);
    arena_init(&s->arena, 2 * QIAO_FRAME_SIZE_MAX);
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) s->lanes[lane].next = 1;
}

void session_deinit(struct session *s)
{
    session_disconnected(s);
    session_files_deinit(s);
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        struct session_lane *l = &s->lanes[lane];
        for (uint32_t i = 0; i < l->runs_capacity; i++) {
            buf_deinit(&l->runs[i].entries);
            free(l->runs[i].ids);
        }
        free(l->runs);
    }
    buf_deinit(&s->out);
    buf_deinit(&s->verdicts);
    free(s->holds);
    free(s->laters);
    recent_deinit(&s->accepted);
    recent_deinit(&s->receipts);
    buf_deinit(&s->scratch);
    buf_deinit(&s->scratch2);
    arena_deinit(&s->arena);
}

/* ---- outbox ---- */

static struct session_run *run_at(struct session_lane *l, uint32_t i)
{
    return &l->runs[(l->runs_first + i) % l->runs_capacity];
}

static void grow_runs(struct session_lane *l)
{
    uint32_t capacity = l->runs_capacity ? l->runs_capacity * 2 : 4;
    struct session_run *runs = base_zalloc(capacity * sizeof *runs);
    for (uint32_t i = 0; i < l->runs_capacity; i++) runs[i] = *run_at(l, i);
    free(l->runs);
    l->runs = runs;
    l->runs_first = 0;
    l->runs_capacity = capacity;
}

static struct session_run *open_run(struct session_lane *l)
{
    if (l->open && run_at(l, l->runs_count - 1)->entries.size < RUN_SIZE) return run_at(l, l->runs_count - 1);
    if (l->runs_count == l->runs_capacity) grow_runs(l);
    struct session_run *run = run_at(l, l->runs_count++);
    run->first = l->next;
    run->count = 0;
    run->entries.size = 0;
    l->open = true;
    return run;
}

static void add_to_run(struct session *s, unsigned lane, const struct qiao_id *id, struct qiao_bytes envelope)
{
    struct session_lane *l = &s->lanes[lane];
    struct session_run *run = open_run(l);
    if (run->count == run->capacity) {
        run->capacity = run->capacity ? run->capacity * 2 : 16;
        run->ids = base_realloc(run->ids, run->capacity * sizeof *run->ids);
    }
    run->ids[run->count++] = *id;
    pb_put_bytes_head(&run->entries, 1, envelope.size);
    buf_append(&run->entries, envelope.data, envelope.size);
    l->next++;
    s->unacknowledged++;
    s->unacknowledged_bytes += envelope.size;
}

int session_submit(struct session *s, const struct qiao_message *message, uint64_t wall_ms, struct qiao_id *ret_id)
{
    if (s->unacknowledged >= s->options.window_messages || (s->unacknowledged > 0 && s->unacknowledged_bytes >= s->options.window_bytes)) return QIAO_CLIENT_BUSY;
    struct qiao_id id;
    s->scratch.size = s->scratch2.size = 0;
    const char *wrong = draft_write(message, s->area, s->options.member, s->options.seal, s->connected ? s->link.peer_suite : 0, wall_ms, &s->scratch2, &s->scratch, &id);
    if (wrong) {
        snprintf(s->error, sizeof s->error, "%s", wrong);
        return QIAO_CLIENT_INVALID;
    }
    unsigned lane = (unsigned)message->lane;
    int result = s->outbox.append ? s->outbox.append(s->outbox.context, lane, s->lanes[lane].next, buf_bytes(&s->scratch)) : 0;
    if (result != 0) return result;
    add_to_run(s, lane, &id, buf_bytes(&s->scratch));
    if (ret_id) *ret_id = id;
    return QIAO_CLIENT_OK;
}

void session_restore(struct session *s, unsigned lane, uint64_t sequence, struct qiao_bytes envelope)
{
    struct envelope e;
    struct session_lane *l = &s->lanes[lane];
    if (sequence != l->next) l->open = false;
    l->next = sequence;
    if (envelope.size == 0) return; /* only the place is restored */
    /* What cannot be read any more keeps its place as an ended message: the sequence has no gap for it. */
    if (envelope_open(envelope, &e) == QIAO_CODE_MALFORMED) envelope.size = 0;
    add_to_run(s, lane, &e.header.id, envelope);
}

static void release(struct session *s, unsigned lane, uint64_t acked)
{
    struct session_lane *l = &s->lanes[lane];
    while (l->runs_count > 0) {
        struct session_run *run = run_at(l, 0);
        if (run->first + run->count - 1 > acked || (l->open && l->runs_count == 1)) break;
        l->runs_first = (l->runs_first + 1) % l->runs_capacity;
        l->runs_count--;
        if (l->runs_sent > 0) l->runs_sent--;
        s->unacknowledged -= run->count;
        struct pb_reader r = pb_reader(buf_bytes(&run->entries));
        struct qiao_bytes raw;
        while (run_next(&r, &raw)) s->unacknowledged_bytes -= raw.size;
        if (s->outbox.remove) s->outbox.remove(s->outbox.context, lane, run->first + run->count - 1);
        /* The callback may submit, and then the ring's place is used again or moves. */
        struct qiao_id *ids = run->ids;
        uint32_t count = run->count;
        run->ids = NULL;
        run->capacity = 0;
        for (uint32_t i = 0; s->handler->submitted && i < count; i++) s->handler->submitted(s->context, &ids[i]);
        free(ids);
    }
}

/* Urgent before normal before bulk. */
static const unsigned lane_order[QIAO_LANES] = { QIAO_LANE_URGENT, QIAO_LANE_NORMAL, QIAO_LANE_BULK };

static void ended(struct session *s, unsigned code, const char *reason);

/* The outbox keeps messages unsigned: they are signed by the key and at the time of sending. NULL data: the key cannot sign. */
static struct qiao_bytes entries_to_send(struct session *s, const struct session_run *run)
{
    if (s->options.seal->suite == SEAL_SUITE_NONE || !s->options.member) return buf_bytes(&run->entries);
    s->scratch.size = 0;
    if (sign_entries(s->options.seal, buf_bytes(&run->entries), s->wall_ms, &s->scratch) == 0) return buf_bytes(&s->scratch);
    return qiao_bytes(NULL, 0);
}

static void send_runs(struct session *s, unsigned lane, uint64_t now_ms)
{
    struct session_lane *l = &s->lanes[lane];
    while (l->runs_sent < l->runs_count && link_can_send(&s->link, lane)) {
        struct session_run *run = run_at(l, l->runs_sent);
        if (l->open && l->runs_sent == l->runs_count - 1) l->open = false;
        struct qiao_bytes entries = entries_to_send(s, run);
        if (!entries.data) {
            ended(s, QIAO_CODE_SIGNATURE, "own key cannot sign");
            return;
        }
        link_send_batch(&s->link, lane, run->first, run->count, entries, now_ms, &s->out);
        l->runs_sent++;
    }
}

/* ---- verdicts ---- */

enum { WIRE_HELD = 3 }; /* VerdictStatus of link.proto */

static void close_row(struct session *s)
{
    if (s->row.count == 0) return;
    s->scratch.size = 0;
    pb_put_varint(&s->scratch, 1, s->row.lane);
    pb_put_varint(&s->scratch, 2, s->row.first);
    pb_put_varint(&s->scratch, 3, s->row.count);
    pb_put_varint(&s->scratch, 4, s->row.status);
    pb_put_bytes_head(&s->verdicts, 1, s->scratch.size);
    buf_append(&s->verdicts, s->scratch.data, s->scratch.size);
    s->row.count = 0;
}

static void add_plain(struct session *s, unsigned lane, uint64_t sequence, unsigned status)
{
    bool joins = s->row.count > 0 && s->row.lane == lane && s->row.status == status && s->row.first + s->row.count == sequence && s->row.count < QIAO_BATCH_MESSAGES_MAX;
    if (!joins) {
        close_row(s);
        s->row.lane = lane;
        s->row.status = status;
        s->row.first = sequence;
    }
    s->row.count++;
}

static void add_verdict(struct session *s, unsigned lane, uint64_t sequence, enum qiao_verdict verdict, unsigned code, const char *reason, uint64_t retry_after_ms)
{
    static const unsigned wire[] = { [QIAO_VERDICT_ACCEPT] = 0, [QIAO_VERDICT_REFUSE] = 1, [QIAO_VERDICT_RETRY] = 2 };
    if (verdict == QIAO_VERDICT_ACCEPT) {
        add_plain(s, lane, sequence, wire[verdict]);
        return;
    }
    close_row(s);
    s->scratch.size = 0;
    pb_put_varint(&s->scratch, 1, lane);
    pb_put_varint(&s->scratch, 2, sequence);
    pb_put_varint(&s->scratch, 3, 1);
    pb_put_varint(&s->scratch, 4, wire[verdict]);
    pb_put_varint(&s->scratch, 5, code);
    pb_put_string(&s->scratch, 6, reason);
    pb_put_varint(&s->scratch, 7, retry_after_ms);
    pb_put_bytes_head(&s->verdicts, 1, s->scratch.size);
    buf_append(&s->verdicts, s->scratch.data, s->scratch.size);
}

/* ---- cases with a message to be retried: the node sends the case's next messages before it hears of that ---- */

static uint64_t hash_case(struct qiao_bytes case_id)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < case_id.size; i++) hash = (hash ^ case_id.data[i]) * 0x100000001b3u;
    return hash;
}

static struct session_hold *hold_find(struct session *s, unsigned lane, uint64_t case_hash)
{
    for (size_t i = 0; i < s->holds_count; i++)
        if (s->holds[i].lane == lane && s->holds[i].case_hash == case_hash) return &s->holds[i];
    return NULL;
}

static void hold_add(struct session *s, unsigned lane, uint64_t case_hash, uint64_t sequence)
{
    if (s->holds_count == HOLDS_MAX) memmove(s->holds, s->holds + 1, --s->holds_count * sizeof *s->holds);
    if (s->holds_count == s->holds_capacity) {
        s->holds_capacity = s->holds_capacity ? s->holds_capacity * 2 : 8;
        s->holds = base_realloc(s->holds, s->holds_capacity * sizeof *s->holds);
    }
    s->holds[s->holds_count++] = (struct session_hold){ lane, case_hash, sequence, sequence };
}

/* True if the message has to go back unread. One that was sent back before comes only when its turn has come. */
static bool is_held(struct session *s, unsigned lane, uint64_t case_hash, uint64_t sequence)
{
    struct session_hold *h = s->holds_count > 0 ? hold_find(s, lane, case_hash) : NULL;
    if (!h || sequence <= h->last) return false;
    h->last = sequence;
    return true;
}

static void note_verdict(struct session *s, unsigned lane, uint64_t case_hash, uint64_t sequence, enum qiao_verdict verdict)
{
    struct session_hold *h = s->holds_count > 0 ? hold_find(s, lane, case_hash) : NULL;
    if (verdict == QIAO_VERDICT_RETRY && !h) hold_add(s, lane, case_hash, sequence);
    if (!h) return;
    if (verdict == QIAO_VERDICT_RETRY) h->sequence = sequence;
    else if (sequence >= h->sequence) *h = s->holds[--s->holds_count];
}

/* What a message is remembered by: all of its header, by digest. Somebody else may use its id for a message of their own. */
static struct qiao_id name_of(const struct session *s, const struct envelope *e)
{
    uint8_t digest[SEAL_DIGEST_SIZE];
    struct qiao_id name;
    seal_digest(s->options.seal, SEAL_SUITE_NONE, e->header_bytes, digest);
    memcpy(name.bytes, digest, sizeof name.bytes);
    return name;
}

/* ---- verdicts that come later ---- */

static void later_add(struct session *s, uint64_t token, const struct qiao_id *name, const struct header *h, uint64_t case_hash)
{
    if (s->laters_count == s->laters_capacity) {
        s->laters_capacity = s->laters_capacity ? s->laters_capacity * 2 : 8;
        s->laters = base_realloc(s->laters, s->laters_capacity * sizeof *s->laters);
    }
    s->laters[s->laters_count++] = (struct session_later){ token, *name, case_hash, h->case_id.size > 0 };
}

/* False if the token is of an older link, or has been answered. */
static bool later_take(struct session *s, uint64_t token, struct session_later *ret_later)
{
    for (size_t i = 0; i < s->laters_count; i++) {
        if (s->laters[i].token != token) continue;
        *ret_later = s->laters[i];
        s->laters[i] = s->laters[--s->laters_count];
        return true;
    }
    return false;
}

void session_verdict(struct session *s, uint64_t token, enum qiao_verdict verdict, unsigned code, const char *reason, uint64_t retry_after_ms)
{
    struct session_later later;
    unsigned lane = (unsigned)(token >> 62);
    uint64_t sequence = token & 0xffffffffffffu;
    if (verdict == QIAO_VERDICT_LATER || !session_is_up(s) || !later_take(s, token, &later)) return;
    if (later.has_case) note_verdict(s, lane, later.case_hash, sequence, verdict);
    if (verdict == QIAO_VERDICT_ACCEPT) recent_add(&s->accepted, &later.name);
    add_verdict(s, lane, sequence, verdict, code, reason, retry_after_ms);
}

/* ---- what the node sends ---- */

static void deliver(struct session *s, unsigned lane, uint64_t sequence, struct qiao_bytes raw)
{
    struct envelope e;
    struct qiao_delivery delivery = { .token = make_token(s, lane, sequence), .attempt = 1 };
    unsigned code = envelope_open(raw, &e);
    if (code != QIAO_CODE_OK || !s->handler->deliver) {
        add_verdict(s, lane, sequence, QIAO_VERDICT_REFUSE, code ? code : QIAO_CODE_UNKNOWN_KIND, qiao_code_text(code ? code : QIAO_CODE_UNKNOWN_KIND), 0);
        return;
    }
    if (e.header.body_digest.size == 32) {
        uint8_t digest[32];
        seal_digest(s->options.seal, (enum seal_suite)e.header.digest_suite, e.body, digest);
        if (memcmp(digest, e.header.body_digest.data, 32) != 0) {
            add_verdict(s, lane, sequence, QIAO_VERDICT_REFUSE, QIAO_CODE_DIGEST, qiao_code_text(QIAO_CODE_DIGEST), 0);
            return;
        }
    }
    struct qiao_id name = name_of(s, &e);
    if (recent_has(&s->accepted, &name)) {
        add_plain(s, lane, sequence, QIAO_VERDICT_ACCEPT);
        return;
    }
    uint64_t case_hash = hash_case(e.header.case_id);
    if (e.header.case_id.size > 0 && is_held(s, lane, case_hash, sequence)) {
        add_plain(s, lane, sequence, WIRE_HELD);
        return;
    }
    arena_reset(&s->arena);
    draft_read(&e, &s->arena, &delivery.message);
    delivery.attempt += e.attempt;
    delivery.rerouted_from = draft_copy(&s->arena, e.rerouted_from);
    s->explain.code = 0;
    s->explain.reason[0] = '\0';
    s->explain.retry_after_ms = 0;
    enum qiao_verdict verdict = s->handler->deliver(s->context, &delivery);
    if (verdict == QIAO_VERDICT_LATER) {
        later_add(s, delivery.token, &name, &e.header, case_hash);
        return;
    }
    if (e.header.case_id.size > 0) note_verdict(s, lane, case_hash, sequence, verdict);
    if (verdict == QIAO_VERDICT_ACCEPT) recent_add(&s->accepted, &name);
    add_verdict(s, lane, sequence, verdict, s->explain.code, s->explain.reason, s->explain.retry_after_ms);
}

static void take_receipt(struct session *s, struct qiao_bytes raw)
{
    struct envelope e;
    if (envelope_open(raw, &e) != QIAO_CODE_OK || e.header.kind != QIAO_KIND_RECEIPT || !s->handler->receipt) return;
    struct qiao_id name = name_of(s, &e);
    if (recent_has(&s->receipts, &name)) return;
    recent_add(&s->receipts, &name);
    arena_reset(&s->arena);
    draft_read_receipt(&e, &s->arena, s->handler->receipt, s->context);
}

static void take_batch(struct session *s, const struct link_event *event)
{
    const struct batch_view *batch = &event->batch;
    struct pb_reader r = pb_reader(batch->payload);
    struct qiao_bytes raw;
    for (uint32_t i = 0; run_next(&r, &raw); i++) {
        if (i < event->skip || raw.size == 0) continue;
        if (batch->lane == LINK_LANE_RECEIPTS) take_receipt(s, raw);
        else deliver(s, batch->lane, batch->first_sequence + i, raw);
    }
    if (batch->lane == LINK_LANE_RECEIPTS) s->receipts_taken = s->link.rx[LINK_LANE_RECEIPTS].next - 1;
}

static void ended(struct session *s, unsigned code, const char *reason)
{
    s->goodbye = true;
    s->code = code;
    snprintf(s->reason, sizeof s->reason, "%s", reason);
    s->refused |= code == QIAO_CODE_LINK_IDENTITY || code == QIAO_CODE_LINK_VERSION || code == QIAO_CODE_LINK_REPLACED || code == QIAO_CODE_NOT_ALLOWED;
}

static void take_hello(struct session *s, uint64_t now_ms)
{
    struct link_resume resume[LINK_LANES];
    snprintf(s->area, sizeof s->area, "%s", s->link.peer.area);
    for (unsigned lane = 0; lane < LINK_LANES; lane++) {
        resume[lane] = (struct link_resume){ .received = 0, .next = 1 };
        if (lane >= QIAO_LANES) continue;
        struct session_lane *l = &s->lanes[lane];
        resume[lane].next = l->runs_count > 0 ? run_at(l, 0)->first : l->next;
    }
    link_accept(&s->link, resume, now_ms, &s->out);
}

static void come_up(struct session *s)
{
    s->coming_up = true; /* `submitted` callbacks may flush */
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        struct session_lane *l = &s->lanes[lane];
        struct link_tx *tx = &s->link.tx[lane];
        l->open = false;
        l->runs_sent = 0;
        release(s, lane, tx->acked);
        /* A node that has seen more of this outbox than the outbox knows: it was restored from a copy. Go on behind. */
        if (l->runs_count == 0 && l->next <= tx->acked) l->next = tx->acked + 1;
        tx->next = l->runs_count > 0 ? run_at(l, 0)->first : l->next;
        tx->acked = tx->next - 1;
    }
    s->coming_up = false;
    if (s->handler->link) s->handler->link(s->context, true, 0, "");
}

static void handle(struct session *s, uint64_t now_ms, const struct link_event *event)
{
    switch (event->type) {
    case LINK_PEER_HELLO: take_hello(s, now_ms); break;
    case LINK_UP:
        come_up(s);
        session_files_up(s, now_ms);
        break;
    case LINK_ATTACHMENT: session_files_word(s, event->payload, now_ms); break;
    case LINK_BATCH: take_batch(s, event); break;
    case LINK_ACKED:
        for (unsigned lane = 0; lane < QIAO_LANES; lane++) release(s, lane, s->link.tx[lane].acked);
        session_files_acked(s, now_ms);
        break;
    case LINK_ADMIN_REPLY:
        if (s->admin_reply) s->admin_reply(s->admin_context, event->payload);
        break;
    case LINK_CLOSED: ended(s, event->code, event->reason); break;
    default: break;
    }
}

void session_receive(struct session *s, uint64_t now_ms, const struct frame *frame)
{
    struct link_event event;
    if (!s->connected || s->goodbye) return;
    link_receive(&s->link, now_ms, frame, &s->out, &event);
    handle(s, now_ms, &event);
}

void session_tick(struct session *s, uint64_t now_ms)
{
    struct link_event event;
    if (!s->connected || s->goodbye) return;
    link_tick(&s->link, now_ms, &s->out, &event);
    handle(s, now_ms, &event);
    session_files_tick(s, now_ms);
}

uint64_t session_deadline_ms(const struct session *s)
{
    if (!s->connected || s->goodbye) return LINK_NEVER;
    uint64_t link = link_deadline_ms(&s->link), files = session_files_deadline_ms(s);
    return link < files ? link : files;
}

/* Receipts are acknowledged one flush after the callbacks that told them: what the adapter made of them can be on disk by then. */
static void acknowledge_receipts(struct session *s, uint64_t now_ms)
{
    uint64_t ack[LINK_LANES] = { 0 };
    ack[LINK_LANE_RECEIPTS] = s->receipts_ready;
    if (s->receipts_ready) link_send_ack(&s->link, ack, false, 0, now_ms, &s->out);
    s->receipts_ready = s->receipts_taken;
    s->receipts_taken = 0;
}

int session_flush(struct session *s, uint64_t now_ms)
{
    int result = s->outbox.sync ? s->outbox.sync(s->outbox.context) : 0;
    if (result != 0 || !session_is_up(s)) return result;
    acknowledge_receipts(s, now_ms);
    close_row(s);
    if (s->verdicts.size > 0) link_send_frame(&s->link, FRAME_VERDICTS, buf_bytes(&s->verdicts), now_ms, &s->out);
    buf_clear(&s->verdicts, 64 * 1024);
    for (unsigned i = 0; i < QIAO_LANES && !s->coming_up; i++) send_runs(s, lane_order[i], now_ms);
    return 0;
}

/* ---- the stream ---- */

void session_connected(struct session *s, const uint8_t nonce[32], uint64_t now_ms)
{
    struct link_options options = {
        .dialer = true, .role = LINK_ROLE_MEMBER_ONLY, .org = s->options.member, .incarnation = s->options.incarnation, .seal = s->options.seal,
        .features = LINK_FEATURE_ATTACHMENTS, .wants_deliveries = s->handler->deliver != NULL, .wants_events = s->handler->receipt != NULL,
        .credit_messages = s->options.delivery_messages, .credit_bytes = 64 * 1024 * 1024,
        .heartbeat_ms = s->options.heartbeat_ms, .silence_ms = s->options.silence_ms, .handshake_ms = s->options.handshake_ms,
    };
    if (s->options.seal->suite != SEAL_SUITE_NONE) options.wall_ms = s->wall_ms; /* who signs needs a clock that is right */
    memcpy(options.nonce, nonce, 32);
    link_init(&s->link, &options, now_ms);
    s->connected = true;
    s->goodbye = false;
    s->generation++;
    link_start(&s->link, now_ms, &s->out);
}

void session_disconnected(struct session *s)
{
    bool was_up = s->connected && s->link.version != 0;
    if (s->connected) link_deinit(&s->link);
    s->connected = s->goodbye = false;
    s->out.size = 0;
    s->receipts_taken = s->receipts_ready = 0;
    s->verdicts.size = 0;
    s->row.count = 0;
    s->holds_count = 0;
    s->laters_count = 0;
    if (was_up && s->handler->link) s->handler->link(s->context, false, s->code, s->reason);
}

bool session_is_up(const struct session *s)
{
    return s->connected && !s->goodbye && s->link.state == LINK_STATE_UP;
}
