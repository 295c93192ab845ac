#include "core/state.h"

#include "core/explain.h"
#include "core/admin.h"
#include "core/held.h"
#include "core/kept.h"
#include "core/directory.h"
#include "core/drain.h"
#include "core/lanes.h"
#include "core/order.h"

#include <stdarg.h>
#include <stdio.h>

/* How often links without a deadline of their own and message expiry are looked at. */
#define REGULAR_MS 1000u
#define SLOT_BITS 20u

static void connection_forget(struct core *core, struct connection *c);
static void step_connected(struct core *core, const struct core_event *event);
static void step_frame(struct core *core, const struct core_event *event);
static void step_rejected(struct core *core, const struct core_event *event);
static void step_progress(struct core *core, const struct core_event *event);
static void step_closed(struct core *core, const struct core_event *event);
static void step_stored(struct core *core, const struct core_event *event);
static void step_job_done(struct core *core, const struct core_event *event);
static void step_tick(struct core *core, const struct core_event *event);
static void step_shutdown(struct core *core, const struct core_event *event);

void core_step(struct core *core, const struct core_event *event)
{
    static void (*const steps[])(struct core *, const struct core_event *) = {
        [CORE_CONNECTED] = step_connected, [CORE_FRAME] = step_frame,   [CORE_REJECTED] = step_rejected, [CORE_PROGRESS] = step_progress,
        [CORE_CLOSED] = step_closed,       [CORE_JOB_DONE] = step_job_done, [CORE_STORED] = step_stored, [CORE_TICK] = step_tick,         [CORE_SHUTDOWN] = step_shutdown,
    };
    if (event->now_ms > core->now_ms) core->now_ms = event->now_ms;
    core->wall_ms = event->wall_ms;
    steps[event->type](core, event);
    if (core->bundles > 0) bundle_look(core);
}

/* ---- connections ---- */

struct connection *core_connection(struct core *core, struct core_connection_id id)
{
    size_t slot = id.value & ((1u << SLOT_BITS) - 1);
    struct connection *c = id.value && slot < core->connections_capacity ? core->connections[slot] : NULL;
    return c && c->id.value == id.value ? c : NULL;
}

static size_t free_slot(struct core *core)
{
    for (size_t slot = 0; slot < core->connections_capacity; slot++)
        if (!core->connections[slot]) return slot;
    size_t capacity = core->connections_capacity ? core->connections_capacity * 2 : 16;
    core->connections = base_realloc(core->connections, capacity * sizeof(struct connection *));
    memset(core->connections + core->connections_capacity, 0, (capacity - core->connections_capacity) * sizeof(struct connection *));
    size_t slot = core->connections_capacity;
    core->connections_capacity = capacity;
    return slot;
}

struct core_connection_id core_connection_new(struct core *core)
{
    if (core->connections_count >= core->config.connections_max) return (struct core_connection_id){ 0 };
    size_t slot = free_slot(core);
    struct connection *c = base_zalloc(sizeof *c);
    c->id.value = (uint64_t)++core->generation << SLOT_BITS | slot;
    core->connections[slot] = c;
    core->connections_count++;
    return c->id;
}

const size_t *core_frame_size_max(struct core *core, struct core_connection_id id)
{
    struct connection *c = core_connection(core, id);
    return c ? &c->link.frame_size_max : NULL;
}

void core_mark_dirty(struct core *core, struct connection *c)
{
    if (c->dirty) return;
    c->dirty = true;
    if (core->dirty_count == core->dirty_capacity) {
        core->dirty_capacity = core->dirty_capacity ? core->dirty_capacity * 2 : 16;
        core->dirty = base_realloc(core->dirty, core->dirty_capacity * sizeof(struct connection *));
    }
    core->dirty[core->dirty_count++] = c;
}

bool core_next_output(struct core *core, struct core_output *ret_output)
{
    struct connection *c = NULL;
    while (!c && core->dirty_count > 0) {
        c = core->dirty[--core->dirty_count];
        c->dirty = false;
        if (!c->bundle) break;
        if (c->closing) connection_forget(core, c); /* no stream that the shell could close */
        c = NULL;
    }
    if (!c) return false;
    *ret_output = (struct core_output){ .connection = c->id, .close = c->closing };
    ret_output->data = buf_take(&c->out, &ret_output->size);
    if (ret_output->size == 0) {
        free(ret_output->data);
        ret_output->data = NULL;
    }
    return true;
}

/* Another session of the member was getting copies of receipts. It comes back as the one that takes them: its link ends without
 * blame, and the client dials again. */
static void promote_listener(struct core *core, struct peer *peer, const struct connection *gone)
{
    for (size_t i = 0; peer->listeners > 0 && i < core->connections_capacity; i++) {
        struct connection *c = core->connections[i];
        if (!c || c == gone || c->closing || c->peer != peer || !c->up || !c->link.peer.wants_events) continue;
        connection_drop(core, c, QIAO_CODE_OK, "takes over receipts: dial again");
        return;
    }
}

/* A process that crashed says no goodbye, one that hangs falls silent, one that is confused sends what cannot be. A session that another
 * took over, or that this node ends, says nothing of the messages it had. */
static bool is_broken(const struct connection *c, unsigned code)
{
    return c->ended || code == QIAO_CODE_LINK_TIMEOUT || code == QIAO_CODE_FRAME_BODY;
}

/* What has come of a batch, and what the line was like, is worth something to the next connection. */
static void keep_for_next(struct connection *c)
{
    struct peer *peer = c->peer;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        if (c->link.rx[lane].part.size > 0) {
            link_part_deinit(&c->stream->parts[lane]);
            c->stream->parts[lane] = link_part_take(&c->link.rx[lane].part);
        }
        if (peer->out == c) queue_interrupted(peer, lane, &c->link.tx[lane].rest);
    }
    if (c->link.paced) peer->pace_limit = c->link.pace.limit;
    peer->sent_bytes += c->link.sent_bytes;
    peer->resent_bytes += c->link.resent_bytes;
    c->stream->connection = NULL;
}

/* The session is over for the core; what is in out still goes, then the shell closes the stream and reports CORE_CLOSED. */
void connection_drop(struct core *core, struct connection *c, unsigned code, const char *reason)
{
    struct peer *peer = c->peer;
    if (c->bundle) bundle_ended(core, c, code, reason);
    jobs_forget(core, c);
    attach_connection_gone(core, c);
    if (c->started) link_close(&c->link, code, reason, connection_out(core, c));
    c->closing = true;
    core_mark_dirty(core, c);
    core_trace(core, "%s - %s: link ends: %s %s", core->node, peer ? peer->name : "?", qiao_code_name(code), reason);
    const char *certified = c->identity.verified && c->identity.common_name[0] ? c->identity.common_name : "unknown";
    if (peer || (code != QIAO_CODE_OK && code != QIAO_CODE_LINK_SHUTDOWN)) core_notice(core, "link down", peer ? peer->name : certified, code, reason);
    if (c->watching) core->watchers--;
    c->watching = false;
    if (c->stream) keep_for_next(c);
    c->stream = NULL;
    c->peer = NULL;
    if (!peer) return;
    if (c->up && peer->member && c->link.peer.wants_events) peer->listeners--;
    if (peer->receipts == c) {
        peer->receipts = NULL;
        promote_listener(core, peer, c);
    }
    bool was_out = peer->out == c;
    if (was_out) peer->out = NULL;
    if (was_out && peer->member && is_broken(c, code)) deliver_lost(core, peer);
    if (was_out && !peer->member) reroute_down(core, peer);
    if (c->up) peer->connections--;
    c->up = false;
    if (!was_out && peer->connections > 0) return;
    peer->since_ms = core->wall_ms;
    peer->last_code = code;
    watch_link(core, peer, false, code);
}

static void connection_forget(struct core *core, struct connection *c)
{
    for (size_t i = 0; c->dirty && i < core->dirty_count; i++)
        if (core->dirty[i] == c) core->dirty[i--] = core->dirty[--core->dirty_count];
    core->connections[c->id.value & ((1u << SLOT_BITS) - 1)] = NULL;
    core->connections_count--;
    if (c->started) link_deinit(&c->link);
    if (c->bundle) bundle_free(core, c);
    buf_deinit(&c->out);
    free(c->dialled);
    free(c);
}

/* ---- steps ---- */

static void step_connected(struct core *core, const struct core_event *event)
{
    struct connection *c = core_connection(core, event->connection);
    assert(c && !c->started);
    c->identity = *event->identity;
    c->dialled = event->dialled ? base_strdup(event->dialled) : NULL;
    struct link_options options = {
        .dialer = event->dialled != NULL,
        .node = core->node,
        .area = core->area,
        .incarnation = core->incarnation,
        .seal = core->config.seal,
        .credit_messages = core->busy ? 0 : core->config.link_window_messages,
        .credit_bytes = core->busy ? 0 : core->config.link_window_bytes,
        .heartbeat_ms = core->config.heartbeat_ms,
        .silence_ms = core->config.silence_ms,
        .handshake_ms = core->config.handshake_ms,
        .wall_ms = core->wall_ms,
        .clock_skew_ms_max = core->config.clock_skew_ms_max,
        .features = LINK_FEATURE_PARTS | LINK_FEATURE_ROUTES,
    };
    for (size_t i = 0; event->dialled && i < core->links_count; i++)
        if (strcmp(core->peers[i].name, event->dialled) == 0) options.role = role_of_node_to(&core->peers[i]);
    prng_fill(&core->prng, options.nonce, sizeof options.nonce);
    link_init(&c->link, &options, core->now_ms);
    c->started = true;
    if (event->dialled) link_start(&c->link, core->now_ms, connection_out(core, c));
}

static void acked(struct core *core, struct connection *c, const struct link_event *event)
{
    struct peer *peer = c->peer;
    if (!peer) return;
    if (custody_is_on(core, c)) {
        if (peer->out == c) custody_acked(core, c, event);
        queue_pump(core, peer);
        return;
    }
    for (unsigned lane = 0; lane < LINK_LANES; lane++) {
        bool ordered = !peer->member || lane == LINK_LANE_RECEIPTS;
        struct queue *q = &peer->queues[lane];
        uint64_t head = q->head;
        if (ordered && (peer->member ? peer->receipts : peer->out) == c) queue_acked(core, peer, lane, c->link.tx[lane].acked);
        q->chain_unknown |= !peer->member && q->head != head; /* a neighbour that may sign again one day, and counts from where it stands then */
    }
    queue_pump(core, peer);
}

void core_handle(struct core *core, struct connection *c, const struct link_event *event)
{
    switch (event->type) {
    case LINK_PEER_HELLO: recv_hello(core, c); break;
    case LINK_UP: recv_up(core, c); break;
    case LINK_BATCH: recv_batch(core, c, event); break;
    case LINK_ACKED: acked(core, c, event); break;
    case LINK_VERDICTS: recv_verdicts(core, c, event->payload); break;
    case LINK_ADMIN_REQUEST: recv_admin(core, c, event->payload); break;
    case LINK_KEYS_WANTED: jobs_keys_wanted(core, c, event->payload); break;
    case LINK_KEYS: jobs_keys(core, c, event->payload); break;
    case LINK_CLOSED: connection_drop(core, c, event->code, event->reason); break;
    case LINK_ADMIN_REPLY: ask_replied(core, c, event->payload); break;
    case LINK_ROUTES: directory_take(core, c, event->payload); break;
    case LINK_ATTACHMENT: attach_frame(core, c, event->payload); break;
    case LINK_PONG:
        if (c->peer && c->peer->out == c) queue_pump(core, c->peer);
        break;
    case LINK_NOTHING: break;
    }
}

static void step_frame(struct core *core, const struct core_event *event)
{
    struct connection *c = core_connection(core, event->connection);
    if (!c || c->closing) return;
    struct link_event link_event;
    link_receive(&c->link, core->now_ms, event->frame, &c->out, &link_event);
    if (c->out.size > 0) core_mark_dirty(core, c);
    if (link_event.type == LINK_CLOSED && link_event.code >= QIAO_CODE_FRAME_MAGIC && link_event.code <= QIAO_CODE_FRAME_BODY) core->counters.rejected_frames++;
    core_handle(core, c, &link_event);
}

static void step_rejected(struct core *core, const struct core_event *event)
{
    struct connection *c = core_connection(core, event->connection);
    if (!c || c->closing) return;
    core->counters.rejected_frames++;
    connection_drop(core, c, event->code, qiao_code_text(event->code));
}

static void step_progress(struct core *core, const struct core_event *event)
{
    struct connection *c = core_connection(core, event->connection);
    if (c && !c->closing) link_progress(&c->link, core->now_ms);
}

static void step_closed(struct core *core, const struct core_event *event)
{
    struct connection *c = core_connection(core, event->connection);
    if (!c) return;
    c->ended = true;
    if (!c->closing) connection_drop(core, c, QIAO_CODE_OK, "stream ended");
    connection_forget(core, c);
}

void connection_tell_credit(struct core *core, struct connection *c)
{
    static const uint64_t nothing[LINK_LANES] = { 0 };
    c->link.options.credit_messages = core->busy ? 0 : core->config.link_window_messages;
    c->link.options.credit_bytes = core->busy ? 0 : core->config.link_window_bytes;
    c->busy_bytes = 0;
    c->granted |= !core->busy;
    c->credit_changed = c->link.state == LINK_STATE_WAIT_AUTH; /* the handshake has told the old credit: told again when up */
    if (c->link.state == LINK_STATE_UP)
        link_send_ack(&c->link, c->stream ? c->stream->durable : nothing, true, core->busy ? QIAO_CODE_BUSY : 0, core->now_ms, connection_out(core, c));
}

/* While the store has little room, no peer gets credit; deletions still go through and make room (store.h). */
static void set_busy(struct core *core, bool busy)
{
    if (core->busy == busy) return;
    core->busy = busy;
    core_trace(core, "%s store %s", core->node, busy ? "is nearly full: busy" : "has room again");
    for (size_t i = 0; i < core->connections_capacity; i++) {
        struct connection *c = core->connections[i];
        if (c && c->started && !c->closing) connection_tell_credit(core, c);
    }
    if (!busy) attach_resume(core);
}

static bool is_tight(const struct store_stat *s)
{
    return s->bytes_max > 0 && s->bytes_used > s->bytes_max - s->bytes_max / 10;
}

/* Without credit for anybody there may be nothing to commit, and so no CORE_STORED to tell of new room: it is looked for. */
static void tick_busy(struct core *core)
{
    if (!core->busy || core->committing) return;
    core->store->engine->stat(core->store, &core->stat);
    set_busy(core, is_tight(&core->stat));
}

static void step_stored(struct core *core, const struct core_event *event)
{
    assert(core->committing);
    if (event->stat) core->stat = *event->stat;
    set_busy(core, event->stored == STORE_FULL || is_tight(&core->stat));
    core->refused = event->stored == STORE_FULL;
    if (core->refused) return; /* the shell seals again in a while */
    assert(event->stored == STORE_OK);
    core->committing = false;
    core->counters.commits++;
    store_refresh(core->store);
    batch_stored(core);
}

static void step_job_done(struct core *core, const struct core_event *event)
{
    jobs_done(core, event->job);
}

static void tick_links(struct core *core)
{
    for (size_t i = 0; i < core->connections_capacity; i++) {
        struct connection *c = core->connections[i];
        if (!c || c->closing || !c->started) continue;
        if (custody_deadline_ms(core, c) <= core->now_ms) custody_stored(core, c);
        jobs_tick(core, c);
        if (c->closing) continue;
        if (link_deadline_ms(&c->link) > core->now_ms) continue;
        struct link_event event;
        link_tick(&c->link, core->now_ms, &c->out, &event);
        if (c->out.size > 0) core_mark_dirty(core, c);
        core_handle(core, c, &event);
    }
}

static void tick_queues(struct core *core)
{
    for (size_t i = 0; i < core->peers_count; i++) {
        struct peer *peer = &core->peers[i];
        deliver_tick(core, peer);
        drain_tick(core, peer);
        for (unsigned lane = 0; lane < LINK_LANES; lane++)
            if (peer->queues[lane].expiry_ms != 0 && peer->queues[lane].expiry_ms <= core->wall_ms) queue_expire(core, peer, lane);
    }
}

static void step_tick(struct core *core, const struct core_event *event)
{
    (void)event;
    tick_links(core);
    tick_queues(core);
    held_tick(core);
    org_tick(core);
    areas_tick(core);
    ask_tick(core);
    ask_way_tick(core);
    tick_busy(core);
    audit_tick(core);
    order_release(core);
    reroute_tick(core);
    directory_tick(core);
    retain_tick(core);
    attach_tick(core);
    if (core->now_ms >= core->tick_ms) core->tick_ms = core->now_ms + REGULAR_MS;
}

static void step_shutdown(struct core *core, const struct core_event *event)
{
    (void)event;
    core->shutting_down = true;
    for (size_t i = 0; i < core->connections_capacity; i++)
        if (core->connections[i] && !core->connections[i]->closing) connection_drop(core, core->connections[i], QIAO_CODE_LINK_SHUTDOWN, "node is shutting down");
}

/* Queues and links are looked at every second only when there is something that time changes. */
uint64_t core_deadline_ms(struct core *core)
{
    uint64_t deadline = (core->busy && !core->committing) || org_waits(core) || core->held_back_count > 0 ? core->tick_ms : LINK_NEVER;
    uint64_t answer = ask_deadline_ms(core), ways = reroute_deadline_ms(core);
    if (answer < deadline) deadline = answer;
    answer = ask_way_deadline_ms(core);
    if (answer < deadline) deadline = answer;
    if (areas_deadline_ms(core) < deadline) deadline = areas_deadline_ms(core);
    if (held_deadline_ms(core) < deadline) deadline = held_deadline_ms(core);
    if (ways < deadline) deadline = ways;
    uint64_t attachment = attach_deadline_ms(core);
    if (attachment < deadline) deadline = attachment;
    for (size_t i = 0; i < core->connections_capacity; i++) {
        struct connection *c = core->connections[i];
        if (!c || c->closing || !c->started) continue;
        uint64_t due = link_deadline_ms(&c->link), receipt = custody_deadline_ms(core, c), keys = jobs_deadline_ms(core, c);
        if (receipt < due) due = receipt;
        if (keys < due) due = keys;
        if (due < deadline) deadline = due;
    }
    for (size_t i = 0; i < core->peers_count; i++) {
        struct peer *peer = &core->peers[i];
        uint64_t due = deliver_deadline_ms(core, peer), drains = drain_deadline_ms(peer);
        if (drains < due) due = drains;
        for (unsigned lane = 0; lane < LINK_LANES; lane++)
            if (peer->queues[lane].expiry_ms != 0 && core->tick_ms < due) due = core->tick_ms;
        if (due < deadline) deadline = due;
    }
    if (!core->committing && audit_deadline_ms(core) < deadline) deadline = audit_deadline_ms(core);
    if (retain_deadline_ms(core) < deadline) deadline = retain_deadline_ms(core);
    return deadline;
}

/* ---- odds and ends ---- */

bool core_wants_seal(const struct core *core)
{
    const struct batch *batch = &core->batches[core->filling];
    if (core->refused) return true;
    if (core->committing) return false;
    if (core->audit_due_ms != 0 && core->audit_due_ms <= core->now_ms) return true;
    return batch->ops_count > 0 || batch->runs_count > 0 || core->receipts_count > 0 || batch->bytes > 0;
}

bool core_is_urgent(const struct core *core)
{
    return core->batches[core->filling].urgent;
}

bool core_wants_signature(const struct core *core)
{
    const struct batch *batch = &core->batches[core->filling];
    return batch->signs || (core_signs(core) && core->receipts_count > 0);
}

size_t core_filling_bytes(const struct core *core)
{
    return core->batches[core->filling].bytes + core->checking_bytes;
}

const struct store_batch *core_seal(struct core *core)
{
    if (!core_wants_seal(core)) return NULL;
    dead_flush(core);
    batch_flush_receipts(core);
    struct batch *batch = core_batch(core);
    batch_close(core);
    if (core->refused) {
        batch_absorb(core);
        batch = &core->batches[core->filling ^ 1];
    } else {
        core->filling ^= 1;
    }
    core->refused = false;
    core->committing = true;
    batch->ops_closed = batch->ops_count;
    batch_reset(core_batch(core), core->peers_count);
    return &batch->store;
}

struct qiao_id core_new_id(struct core *core)
{
    uint8_t random[10];
    prng_fill(&core->prng, random, sizeof random);
    return qiao_id_make(core->wall_ms, random);
}

void core_trace(struct core *core, const char *format, ...)
{
    char line[512];
    if (!core->config.trace) return;
    int size = snprintf(line, sizeof line, "[%8llu] ", (unsigned long long)core->now_ms);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + size, sizeof line - (size_t)size, format, arguments);
    va_end(arguments);
    core->config.trace(core->config.trace_context, line);
}

bool core_peer_is_up(const struct core *core, const char *name)
{
    for (size_t i = 0; i < core->peers_count; i++)
        if (strcmp(core->peers[i].name, name) == 0) return core->peers[i].out != NULL || core->peers[i].connections > 0;
    return false;
}

static void take_areas(struct core *core, const struct area_table *table)
{
    uint8_t before[AREA_VERSION_SIZE];
    memcpy(before, core->area_version, sizeof before);
    if (!areas_use(core, table)) core_notice(core, "areas not changed", core->node, QIAO_CODE_AREA_DELTA, "what is kept of an earlier change is damaged");
    if (memcmp(before, core->area_version, sizeof before) != 0) directory_changed(core);
}

void core_set_limits(struct core *core, const struct core_config *config)
{
    struct core_config *own = &core->config;
    policy_free(own->policy);
    own->policy = config->policy;
    kept_set_most(core, config->kept_headers);
    rules_free(own->rules);
    own->rules = config->rules;
    own->areas = config->areas;
    take_areas(core, config->areas.table);
    free(core->areas_triage);
    core->areas_triage = config->areas.triage ? base_strdup(config->areas.triage) : NULL;
    core->route_key.size = 0;
    own->link_window_messages = config->link_window_messages;
    own->link_window_bytes = config->link_window_bytes;
    own->member_window_messages = config->member_window_messages;
    own->member_window_bytes = config->member_window_bytes;
    own->connections_max = config->connections_max;
    own->delivery_attempts_max = config->delivery_attempts_max;
    own->delivery_age_ms_max = config->delivery_age_ms_max;
    own->crash_within_ms = config->crash_within_ms;
    own->dead_letters_max = config->dead_letters_max;
    own->dead_letter_bytes_max = config->dead_letter_bytes_max;
    own->retry_ms_min = config->retry_ms_min;
    own->retry_ms_max = config->retry_ms_max;
    own->heartbeat_ms = config->heartbeat_ms;
    own->silence_ms = config->silence_ms;
    own->keep_evidence_ms = config->keep_evidence_ms;
    own->signed_age_ms_max = config->signed_age_ms_max;
    own->signed_ahead_ms_max = config->signed_ahead_ms_max;
    own->handshake_ms = config->handshake_ms;
    own->explain.keep_ms = config->explain.keep_ms;
    own->explain.bytes_max = config->explain.bytes_max;
    explain_configuration(core, config->version);
    own->drain_messages_per_s = config->drain_messages_per_s;
    if (drain_any_limit(core)) lanes_track(core);
    drain_limits_changed(core);
    own->reroute_after_ms = config->reroute_after_ms;
    own->order_wait_ms = config->order_wait_ms;
    own->attachment_bytes_max = config->attachment_bytes_max;
    own->attachment_bytes_per_member = config->attachment_bytes_per_member;
    own->attachment_keep_ms = config->attachment_keep_ms;
}

bool core_wants_reload(const struct core *core) { return core->reload.wanted; }

void core_reloaded(struct core *core, bool in_force, const char *said)
{
    struct connection *c = core_connection(core, core->reload.connection);
    Qiao__V1__ReloadReply answer = QIAO__V1__RELOAD_REPLY__INIT;
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    core->reload.wanted = false;
    if (!c || c->closing) return;
    answer.in_force = in_force;
    answer.said = (char *)said;
    reply.id = core->reload.request;
    reply.last = true;
    reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_RELOAD;
    reply.reload = &answer;
    admin_reply(core, c, &reply);
}

void core_cut_revoked(struct core *core, bool (*is_revoked)(void *context, const struct seal_key_id *id), void *context)
{
    audit_keys(core);
    for (size_t i = 0; i < core->connections_capacity; i++) {
        struct connection *c = core->connections[i];
        if (!c || c->closing || !c->started || c->link.state != LINK_STATE_UP) continue;
        bool proved = c->link.peer_suite != SEAL_SUITE_NONE;
        if (proved && is_revoked(context, &c->link.peer_key_id)) connection_drop(core, c, QIAO_CODE_KEY_REVOKED, qiao_code_text(QIAO_CODE_KEY_REVOKED));
        else if (!proved && c->identity.verified) connection_drop(core, c, QIAO_CODE_OK, "certificates were read anew: dial again");
    }
}

void core_notice(struct core *core, const char *event, const char *peer, unsigned code, const char *reason)
{
    audit_notice(core, event, peer, code, reason);
    if (core->config.notice) core->config.notice(core->config.trace_context, event, peer, code, reason);
}

void core_counters(const struct core *core, struct core_counters *ret_counters)
{
    const struct attachments *a = &core->attachments;
    *ret_counters = core->counters;
    ret_counters->attachment_parts = a->parts_taken;
    ret_counters->attachment_parts_again = a->parts_again;
    ret_counters->attachment_parts_bad = a->parts_bad;
    ret_counters->attachment_bytes_given = a->bytes_given;
    ret_counters->attachment_bytes = a->bytes;
}
