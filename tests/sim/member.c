/* A member: the real session, an outbox that may survive a crash, and an office that answers deliveries. */
#include "sim.h"

#include "codec/envelope.h"

#include <stdio.h>

/* ---- the outbox ---- */

static int outbox_append(void *context, unsigned lane, uint64_t sequence, struct qiao_bytes envelope)
{
    struct sim_outbox *o = &((struct sim_member *)context)->outbox;
    if (o->count == o->capacity) {
        o->capacity = o->capacity ? o->capacity * 2 : 16;
        o->entries = base_realloc(o->entries, o->capacity * sizeof *o->entries);
    }
    struct sim_entry *entry = &o->entries[o->count++];
    *entry = (struct sim_entry){ .lane = lane, .sequence = sequence };
    buf_append(&entry->envelope, envelope.data, envelope.size);
    o->next[lane] = sequence + 1;
    return 0;
}

static void outbox_remove(void *context, unsigned lane, uint64_t up_to)
{
    ((struct sim_member *)context)->outbox.removed[lane] = up_to;
}

static void drop_removed(struct sim_outbox *o)
{
    size_t kept = 0;
    for (size_t i = 0; i < o->count; i++) {
        if (o->entries[i].sequence <= o->synced_removed[o->entries[i].lane]) buf_deinit(&o->entries[i].envelope);
        else o->entries[kept++] = o->entries[i];
    }
    o->count = kept;
}

/* Appended messages are safe when this returns; removals often become durable only with a later one. */
static int outbox_sync(void *context)
{
    struct sim_member *member = context;
    struct sim_outbox *o = &member->outbox;
    memcpy(o->synced_next, o->next, sizeof o->next);
    if (memcmp(o->synced_removed, o->removed, sizeof o->removed) != 0 && sim_random(member->sim, 3) == 0) {
        memcpy(o->synced_removed, o->removed, sizeof o->removed);
        drop_removed(o);
    }
    o->synced = o->count;
    return 0;
}

static void outbox_crash(struct sim *sim, struct sim_outbox *o)
{
    for (size_t i = o->synced; i < o->count; i++) {
        struct envelope e;
        if (envelope_open(buf_bytes(&o->entries[i].envelope), &e) != QIAO_CODE_MALFORMED) sim->messages[get_u32(e.header.id.bytes + 12)].lost_with_sender = true;
        buf_deinit(&o->entries[i].envelope);
    }
    o->count = o->synced;
    memcpy(o->next, o->synced_next, sizeof o->next);
    memcpy(o->removed, o->synced_removed, sizeof o->removed);
}

static void outbox_restore(struct sim_member *member)
{
    struct sim_outbox *o = &member->outbox;
    bool any[QIAO_LANES] = { false };
    for (size_t i = 0; i < o->count; i++) {
        session_restore(&member->session, o->entries[i].lane, o->entries[i].sequence, buf_bytes(&o->entries[i].envelope));
        any[o->entries[i].lane] = true;
    }
    for (unsigned lane = 0; lane < QIAO_LANES; lane++)
        if (!any[lane]) session_restore(&member->session, lane, o->next[lane], qiao_bytes(NULL, 0));
}

/* ---- what the session calls ---- */

static void on_link(void *context, bool up, unsigned code, const char *reason)
{
    struct sim_member *member = context;
    sim_trace(member->sim, "%s: link is %s%s%s", member->name, up ? "up" : "down", code ? ": " : "", code ? reason : "");
    if (!up) return;
    member->up_since_ms = member->sim->now_ms;
    member->sessions++;
}

static void on_submitted(void *context, const struct qiao_id *id)
{
    struct sim_member *member = context;
    checks_submitted(member->sim, member, id);
    if (member->sim->chatty && !member->sim->healing && sim_chance(member->sim, 20)) traffic_submit(member->sim, member, traffic_message(member->sim, member));
}

static void on_receipt(void *context, const struct qiao_receipt *receipt)
{
    struct sim_member *member = context;
    checks_receipt(member->sim, member, receipt);
}

static void remember_late(struct sim_member *member, uint64_t token, uint32_t message, enum qiao_verdict verdict)
{
    if (member->late_count == member->late_capacity) {
        member->late_capacity = member->late_capacity ? member->late_capacity * 2 : 8;
        member->late_ones = base_realloc(member->late_ones, member->late_capacity * sizeof *member->late_ones);
    }
    member->late_ones[member->late_count++] = (struct sim_late){ token, message, verdict };
}

static enum qiao_verdict on_deliver(void *context, const struct qiao_delivery *delivery)
{
    struct sim_member *member = context;
    struct sim *sim = member->sim;
    uint32_t message = get_u32(delivery->message.id.bytes + 12);
    if (adversary_sent(sim, delivery)) return QIAO_VERDICT_ACCEPT;
    if (member->crash == SIM_CRASH_BEFORE_VERDICT) return QIAO_VERDICT_LATER; /* dead already */
    if (delivery->message.kind == QIAO_KIND_DEAD_LETTER) {
        checks_told(sim, member, delivery);
        return QIAO_VERDICT_ACCEPT;
    }
    enum qiao_verdict verdict = checks_delivered(sim, member, delivery);
    if (!sim->failed) files_delivered(member, &delivery->message, sim->messages[message].file);
    if (sim->failed) return QIAO_VERDICT_LATER;
    if (checks_is_deadly(sim, member, message)) member->crash = SIM_CRASH_BEFORE_VERDICT;
    if (member->crash == SIM_CRASH_BEFORE_VERDICT) return QIAO_VERDICT_LATER;
    if (member->crash_at_delivery) member->crash = member->crash_at_delivery;
    member->crash_at_delivery = SIM_NO_CRASH;
    if (member->late && !sim->healing && sim_chance(sim, 25)) {
        remember_late(member, delivery->token, message, verdict);
        sim_at(sim, sim_random(sim, sim_chance(sim, 10) ? 5000 : 100), SIM_VERDICT, member->index, member->life, delivery->token);
        return QIAO_VERDICT_LATER;
    }
    checks_verdict(sim, member, message, verdict);
    member->session.explain.code = verdict == QIAO_VERDICT_REFUSE ? QIAO_CODE_NOT_COMPETENT : 0;
    member->session.explain.retry_after_ms = verdict == QIAO_VERDICT_RETRY ? sim_random(sim, 400) : 0;
    return verdict;
}

void member_late_verdict(struct sim *sim, struct sim_member *member, uint64_t token)
{
    for (size_t i = 0; i < member->late_count; i++) {
        if (member->late_ones[i].token != token) continue;
        uint32_t message = member->late_ones[i].message;
        enum qiao_verdict verdict = member->late_ones[i].verdict;
        member->late_ones[i] = member->late_ones[--member->late_count];
        checks_verdict(sim, member, message, verdict);
        session_verdict(&member->session, token, verdict, verdict == QIAO_VERDICT_REFUSE ? QIAO_CODE_NOT_COMPETENT : 0, "", 0);
        member_settle(sim, member);
        return;
    }
}

/* ---- life ---- */

static const struct qiao_client_handler handler = { .link = on_link, .submitted = on_submitted, .receipt = on_receipt, .deliver = on_deliver };

static const struct qiao_client_handler twin_handler = { .link = on_link, .submitted = on_submitted, .receipt = on_receipt };

void member_start(struct sim *sim, struct sim_member *member)
{
    struct session_outbox outbox = { member, outbox_append, outbox_sync, outbox_remove };
    char name[SIM_TEXT_SIZE * 2];
    snprintf(name, sizeof name, "%s/%s", sim->nodes[member->node].area, member->name);
    if (member->has_keys) sim_keys_start(&member->keys, sim, name, sim->nodes[member->node].area, true);
    if (!member->incarnation || !member->durable) member->incarnation = prng_next(&sim->prng) | 1;
    struct session_options options = {
        .area = sim->nodes[member->node].area, .member = member->name, .seal = member->has_keys ? &member->keys.seal : &seal_null, .incarnation = member->incarnation,
        .window_messages = sim->window_messages, .window_bytes = 512 * 1024, .delivery_messages = sim->member_window_messages,
        .heartbeat_ms = sim->heartbeat_ms, .silence_ms = 4 * sim->heartbeat_ms, .handshake_ms = 2000,
    };
    member->alive = true;
    member->life = ++sim->lives;
    member->crash = SIM_NO_CRASH;
    member->tick_ms = SIM_NEVER;
    member->pipe = -1;
    session_init(&member->session, &options, member->twin ? &twin_handler : &handler, member, member->durable ? &outbox : NULL);
    if (member->durable) outbox_restore(member);
    files_start(member);
    sim_at(sim, 1 + sim_random(sim, 20), SIM_MEMBER_DIAL, member->index, member->life, 0);
}

static void lose_unsubmitted(struct sim *sim, const struct sim_member *member)
{
    for (uint32_t i = 0; i < sim->messages_count; i++)
        if (sim->messages[i].sender == member->index && !sim->messages[i].submitted) sim->messages[i].lost_with_sender = true;
}

void member_crash(struct sim *sim, struct sim_member *member, uint64_t down_ms)
{
    if (!member->alive) return;
    sim->counts.crashes++;
    sim_trace(sim, "%s dies", member->name);
    if (member->pipe >= 0) pipe_close(sim, member->pipe, pipe_end_of(sim, member->pipe, SIM_END_MEMBER, member->index));
    member->pipe = -1;
    if (member->durable) outbox_crash(sim, &member->outbox);
    else lose_unsubmitted(sim, member);
    files_crash(member);
    member->session.handler = &(struct qiao_client_handler){ 0 };
    session_deinit(&member->session);
    member->late_count = 0;
    member->alive = false;
    member->life = ++sim->lives;
    sim_at(sim, down_ms, SIM_MEMBER_START, member->index, member->life, 0);
}

void member_deinit(struct sim_member *member)
{
    static const struct qiao_client_handler nobody = { 0 };
    member->session.handler = &nobody;
    if (member->alive) session_deinit(&member->session);
    for (size_t i = 0; i < member->outbox.count; i++) buf_deinit(&member->outbox.entries[i].envelope);
    free(member->outbox.entries);
    free(member->late_ones);
}

/* ---- its stream ---- */

void member_dial(struct sim *sim, struct sim_member *member)
{
    struct sim_node *node = &sim->nodes[member->node];
    struct sim_end a = { .kind = SIM_END_MEMBER, .index = member->index }, b = { .kind = SIM_END_NODE, .index = node->index };
    uint8_t nonce[32];
    char common_name[2 * SIM_TEXT_SIZE + 2];
    if (member->pipe >= 0 || member->absent) return;
    if (node->core && sim->now_ms >= member->blocked_until_ms) b.connection = core_connection_new(node->core);
    if (!b.connection.value) {
        sim_at(sim, 100 + sim_random(sim, 200), SIM_MEMBER_DIAL, member->index, member->life, 0);
        return;
    }
    member->pipe = pipe_open(sim, a, b, &member->blocked_until_ms);
    snprintf(common_name, sizeof common_name, "%s/%s", node->area, member->name);
    node_connect(sim, node, b.connection, common_name, NULL);
    node_settle(sim, node);
    prng_fill(&sim->prng, nonce, sizeof nonce);
    session_connected(&member->session, nonce, sim->now_ms);
    member_settle(sim, member);
}

void member_disconnect(struct sim *sim, struct sim_member *member)
{
    if (!member->alive || member->pipe < 0) return;
    pipe_close(sim, member->pipe, pipe_end_of(sim, member->pipe, SIM_END_MEMBER, member->index));
    member->pipe = -1;
    session_disconnected(&member->session);
    sim_at(sim, 20 + sim_random(sim, 300), SIM_MEMBER_DIAL, member->index, member->life, 0);
}

struct feeding {
    struct sim *sim;
    struct sim_member *member;
};

static bool visit_frame(void *context, const struct frame *frame)
{
    struct feeding *f = context;
    session_receive(&f->member->session, f->sim->now_ms, frame);
    return f->member->crash == SIM_NO_CRASH;
}

void member_feed(struct sim *sim, struct sim_member *member, struct sim_end *end, struct qiao_bytes bytes)
{
    struct feeding feeding = { sim, member };
    unsigned code = frame_reader_feed(&end->reader, bytes, &member->session.link.frame_size_max, visit_frame, &feeding);
    if (code != 0) sim_fail(sim, "%s gets bytes that are no frame: %s", member->name, qiao_code_name(code));
    else if (end->reader.partial.size > 0) link_progress(&member->session.link, sim->now_ms);
    member_settle(sim, member);
}

void member_eof(struct sim *sim, struct sim_member *member)
{
    member_disconnect(sim, member);
}

static void set_alarm(struct sim *sim, struct sim_member *member)
{
    uint64_t due = session_deadline_ms(&member->session);
    if (due >= member->tick_ms || due > sim->now_ms + 100000000u) return;
    member->tick_ms = due > sim->now_ms ? due : sim->now_ms;
    sim_at(sim, member->tick_ms - sim->now_ms, SIM_MEMBER_TICK, member->index, member->life, 0);
}

void member_settle(struct sim *sim, struct sim_member *member)
{
    struct session *s = &member->session;
    if (member->crash != SIM_CRASH_BEFORE_VERDICT) {
        s->wall_ms = sim_wall_ms(sim);
        if (session_flush(s, sim->now_ms) != 0) sim_fail(sim, "%s cannot flush", member->name);
        if (member->pipe >= 0 && s->out.size > 0) pipe_send(sim, member->pipe, pipe_end_of(sim, member->pipe, SIM_END_MEMBER, member->index), s->out.data, s->out.size);
        s->out.size = 0;
    }
    if (member->crash != SIM_NO_CRASH) {
        member_crash(sim, member, 50 + sim_random(sim, 2000));
        return;
    }
    if (s->goodbye && s->code != QIAO_CODE_OK && s->code != QIAO_CODE_LINK_REPLACED && s->code != QIAO_CODE_LINK_TIMEOUT && s->code != QIAO_CODE_LINK_SHUTDOWN)
        sim_fail(sim, "%s: link ended with %s: %s", member->name, qiao_code_name(s->code), s->reason);
    if (s->goodbye) member_disconnect(sim, member);
    set_alarm(sim, member);
}

void member_tick(struct sim *sim, struct sim_member *member)
{
    if (member->tick_ms != sim->now_ms) return;
    member->tick_ms = SIM_NEVER;
    session_tick(&member->session, sim->now_ms);
    member_settle(sim, member);
}
