/* Replay is run: a core built from a copy of the store stands where the live one stands. Asked the way a person asks: `qiao status`. */
#include "sim.h"

#include "core/state.h"
#include "schema/admin.pb-c.h"

#include <stdio.h>

enum { LANES_MAX = (SIM_NODES_MAX + SIM_MEMBERS_MAX) * LINK_LANES };

struct positions {
    size_t count;
    struct { char peer[SIM_TEXT_SIZE]; uint64_t lane, queued, sent, acknowledged; } lanes[LANES_MAX];
    bool answered;
};

/* A tool's conversation with a core, without a wire between them. */
struct talk {
    struct sim *sim;
    struct core *core;
    struct sim_node *node;         /* live: its other connections go on speaking meanwhile. NULL: the core is a copy */
    uint64_t wall_ms;
    struct core_connection_id id;
    struct session session;
    struct frame_reader to_core, to_tool;
    struct buf from_core;
};

static void take_reply(void *context, struct qiao_bytes packed)
{
    struct positions *p = context;
    Qiao__V1__AdminReply *reply = qiao__v1__admin_reply__unpack(NULL, packed.size, packed.data);
    if (reply && reply->what_case == QIAO__V1__ADMIN_REPLY__WHAT_STATUS) {
        p->answered = true;
        for (size_t i = 0; i < reply->status->n_peers; i++)
            for (size_t k = 0; k < reply->status->peers[i]->n_lanes && p->count < LANES_MAX; k++) {
                const Qiao__V1__LaneStatus *lane = reply->status->peers[i]->lanes[k];
                snprintf(p->lanes[p->count].peer, SIM_TEXT_SIZE, "%s", reply->status->peers[i]->name);
                p->lanes[p->count].lane = (uint64_t)lane->lane;
                p->lanes[p->count].queued = lane->queued;
                p->lanes[p->count].sent = lane->sent;
                p->lanes[p->count++].acknowledged = lane->acknowledged;
            }
    }
    if (reply) qiao__v1__admin_reply__free_unpacked(reply, NULL);
}

static bool core_frame(void *context, const struct frame *frame)
{
    struct talk *t = context;
    struct core_event event = { .type = CORE_FRAME, .now_ms = t->sim->now_ms, .wall_ms = t->wall_ms, .connection = t->id, .frame = frame };
    core_step(t->core, &event);
    return true;
}

static bool tool_frame(void *context, const struct frame *frame)
{
    struct talk *t = context;
    session_receive(&t->session, t->sim->now_ms, frame);
    return true;
}

static void take_outputs(struct talk *t)
{
    struct core_output output;
    if (t->node) {
        node_settle(t->sim, t->node);
        buf_append(&t->from_core, t->node->audit_out.data, t->node->audit_out.size);
        t->node->audit_out.size = 0;
        return;
    }
    while (core_next_output(t->core, &output)) {
        if (output.connection.value == t->id.value) buf_append(&t->from_core, output.data, output.size);
        free(output.data);
    }
}

static void exchange(struct talk *t)
{
    for (int turn = 0; turn < 6; turn++) {
        frame_reader_feed(&t->to_core, buf_bytes(&t->session.out), core_frame_size_max(t->core, t->id), core_frame, t);
        t->session.out.size = 0;
        take_outputs(t);
        frame_reader_feed(&t->to_tool, buf_bytes(&t->from_core), &t->session.link.frame_size_max, tool_frame, t);
        t->from_core.size = 0;
    }
}

static void ask_for(struct sim *sim, struct core *core, struct sim_node *node, bool live, struct qiao_bytes request, struct positions *ret)
{
    static const struct qiao_client_handler handler = { 0 };
    static const uint8_t nonce[32] = { 1 };
    struct session_options options = { .seal = &seal_null, .incarnation = 1, .delivery_messages = 1, .heartbeat_ms = 1000, .silence_ms = 4000, .handshake_ms = 2000 };
    struct core_identity identity = { .local = true };
    struct talk t = { .sim = sim, .core = core, .node = live ? node : NULL, .wall_ms = node_wall_ms(sim, node) };
    t.id = core_connection_new(core);
    if (!t.id.value) return;
    if (live) node->audit = t.id;
    struct core_event event = { .type = CORE_CONNECTED, .now_ms = sim->now_ms, .wall_ms = t.wall_ms, .connection = t.id, .identity = &identity };
    core_step(core, &event);
    session_init(&t.session, &options, &handler, NULL, NULL);
    t.session.admin_reply = take_reply;
    t.session.admin_context = ret;
    session_connected(&t.session, nonce, sim->now_ms);
    exchange(&t);
    if (session_is_up(&t.session)) {
        link_send_frame(&t.session.link, FRAME_ADMIN_REQUEST, request, sim->now_ms, &t.session.out);
        exchange(&t);
    }
    event.type = CORE_CLOSED;
    core_step(core, &event);
    if (live) node->audit = (struct core_connection_id){ 0 };
    session_deinit(&t.session);
    frame_reader_deinit(&t.to_core);
    frame_reader_deinit(&t.to_tool);
    buf_deinit(&t.from_core);
}

static void ask(struct sim *sim, struct core *core, struct sim_node *node, bool live, struct positions *ret)
{
    ask_for(sim, core, node, live, qiao_bytes("\x08\x01\x12\x00", 4), ret); /* status */
}

void audit_retry(struct sim *sim, struct sim_node *node)
{
    static struct positions nothing;
    if (!node->core) return;
    sim_trace(sim, "%s: dead letters are tried again", node->name);
    ask_for(sim, node->core, node, true, qiao_bytes("\x08\x01\xca\x02\x02\x18\x01", 7), &nothing); /* dead_change { all } */
}

/* Asks a core built from a copy of the store; also tells what starting did to the store. */
static void ask_copy(struct sim *sim, struct sim_node *node, struct positions *ret, uint64_t *ret_digest)
{
    struct core_peer_config peers[SIM_NODES_MAX + SIM_MEMBERS_MAX];
    struct core_config config;
    char error[128];
    struct core *core = NULL;
    struct store *copy = store_array_clone(node->store);
    node_config(sim, node, peers, &config);
    if (core_new(&config, copy, sim->now_ms, node_wall_ms(sim, node), &core, error, sizeof error) != 0) {
        sim_fail(sim, "%s cannot be rebuilt from its store: %s", node->name, error);
    } else {
        struct core_event tick = { .type = CORE_TICK, .now_ms = sim->now_ms, .wall_ms = node_wall_ms(sim, node) };
        core_step(core, &tick);
        const struct store_batch *batch = core_seal(core);
        if (batch && core_prepare(core) < 0) sim_fail(sim, "%s cannot sign when rebuilt", node->name);
        if (batch) store_commit(copy, batch);
        ask(sim, core, node, false, ret);
    }
    core_free(core);
    *ret_digest = store_array_digest(copy);
    store_close(copy);
}

/* What waits for any way goes as soon as there is one: the copy is awake a little earlier. */
static bool waits(const struct positions *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->lanes[i].peer, ".waiting") == 0) return true;
    return false;
}

/* What a node without room holds back stays where it is; its copy, whose disk has no such trouble, lets it go on at once. */
static void compare(struct sim *sim, const struct sim_node *node, const struct positions *live, const struct positions *copy)
{
    if (!live->answered || !copy->answered || live->count != copy->count) {
        sim_fail(sim, "%s does not answer for its status", node->name);
        return;
    }
    for (size_t i = 0; i < live->count; i++) {
        bool busy = node->core->busy, sent = live->lanes[i].sent == copy->lanes[i].sent || (busy && copy->lanes[i].sent > live->lanes[i].sent);
        bool queued = live->lanes[i].queued == copy->lanes[i].queued || (busy && copy->lanes[i].queued > live->lanes[i].queued);
        bool same = sent && queued && live->lanes[i].acknowledged == copy->lanes[i].acknowledged;
        if (!same)
            sim_fail(sim, "%s: queue of %s lane %llu stands at %llu-%llu, rebuilt from its store at %llu-%llu", node->name, live->lanes[i].peer, (unsigned long long)live->lanes[i].lane,
                     (unsigned long long)live->lanes[i].acknowledged, (unsigned long long)live->lanes[i].sent, (unsigned long long)copy->lanes[i].acknowledged,
                     (unsigned long long)copy->lanes[i].sent);
    }
}

void audit_node(struct sim *sim, struct sim_node *node)
{
    static struct positions live, copy;
    uint64_t digest;
    /* Between commits the live core is ahead of its disk. */
    if (!node->core || node->committing || core_wants_seal(node->core)) return;
    live.count = copy.count = 0;
    live.answered = copy.answered = false;
    sim->counts.audits++;
    ask_copy(sim, node, &copy, &digest);
    ask(sim, node->core, node, true, &live);
    if (!sim->failed && !waits(&live) && !waits(&copy)) compare(sim, node, &live, &copy);
}

void audit_tell(struct sim *sim)
{
    static struct positions live;
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        live.count = 0;
        if (sim->nodes[i].core) ask(sim, sim->nodes[i].core, &sim->nodes[i], true, &live);
        for (size_t k = 0; k < live.count; k++)
            if (live.lanes[k].queued > 0) sim_trace(sim, "%s keeps %llu messages for %s lane %llu", sim->nodes[i].name, (unsigned long long)live.lanes[k].queued, live.lanes[k].peer,
                                                    (unsigned long long)live.lanes[k].lane);
    }
}

uint64_t audit_queued(struct sim *sim)
{
    static struct positions live;
    uint64_t queued = 0;
    for (uint32_t i = 0; i < sim->nodes_count && !sim->failed; i++) {
        live.count = 0;
        live.answered = false;
        if (sim->nodes[i].core) ask(sim, sim->nodes[i].core, &sim->nodes[i], true, &live);
        if (!live.answered || sim->nodes[i].committing || core_wants_seal(sim->nodes[i].core)) return 1; /* a last acknowledgement is on its way to the disk */
        for (size_t k = 0; k < live.count; k++)
            if (!edge_is_gone(sim, &sim->nodes[i], live.lanes[k].peer)) queued += live.lanes[k].queued;
    }
    return queued;
}

void audit_end(struct sim *sim)
{
    static struct positions copy;
    for (uint32_t i = 0; i < sim->nodes_count && !sim->failed; i++) {
        struct sim_node *node = &sim->nodes[i];
        uint64_t digest, before = store_array_digest(node->store);
        if (!node->core || node->committing || core_wants_seal(node->core)) sim_fail(sim, "%s does not come to rest", node->name);
        copy.count = 0;
        copy.answered = false;
        ask_copy(sim, node, &copy, &digest);
        if (digest != before) sim_fail(sim, "a restart of %s changes its store", node->name);
        for (size_t k = 0; k < copy.count; k++)
            if (copy.lanes[k].queued != 0 && !edge_is_gone(sim, node, copy.lanes[k].peer))
                sim_fail(sim, "%s still keeps %llu messages for %s lane %llu", node->name, (unsigned long long)copy.lanes[k].queued, copy.lanes[k].peer, (unsigned long long)copy.lanes[k].lane);
        audit_node(sim, node);
    }
}
