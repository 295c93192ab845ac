/* The shell around a core: what broker/node.c and the edge do with sockets and a disk, done with arrays. */
#include "sim.h"

#include <stdio.h>

/* A node stops reading while the batch it fills is larger than this. */
#define FILLING_SIZE_MAX (256u * 1024u)
/* A core that wants to be woken again and again in one moment has lost track of time. */
#define TICKS_IN_A_MOMENT_MAX 100u

void node_step(struct sim *sim, struct sim_node *node, struct core_event *event)
{
    event->now_ms = sim->now_ms;
    event->wall_ms = node_wall_ms(sim, node);
    core_step(node->core, event);
    ways_look(sim, node);
}

/* ---- starting and dying ---- */

static struct core_peer_config member_config(const struct sim_member *member)
{
    return (struct core_peer_config){ .name = member->name, .member = true, .services = (char *const *)(uintptr_t)&member->service, .services_count = member->service != NULL };
}

static size_t add_peers(const struct sim *sim, const struct sim_node *node, struct core_peer_config *peers)
{
    size_t count = 0;
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        const struct sim_node *other = &sim->nodes[i];
        if (node->parent == (int)i) peers[count++] = (struct core_peer_config){ .name = other->name, .area = other->area, .role = LINK_ROLE_PARENT_NODE };
        if (other->parent == (int)node->index) peers[count++] = (struct core_peer_config){ .name = other->name, .area = other->area, .role = LINK_ROLE_CHILD_NODE };
    }
    count = edges_add_peers(sim, node, peers, count);
    for (uint32_t i = 0; i < sim->members_count; i++)
        if (sim->members[i].node == node->index && !sim->members[i].twin) peers[count++] = member_config(&sim->members[i]);
    return adversary_add_peers(sim, node, peers, count);
}

/* Some nodes hold some messages of cases back and let others travel on another lane: the order within each case stays, over crashes and
 * full disks too. */
static struct rules *holding_rules(const struct sim *sim, const struct sim_node *node)
{
    static const struct rule_text matters[] = { { .text = "WAIT", .size = 4 }, { .text = "FAST", .size = 4 } };
    static const struct rule rules[] = {
        { .name = "wait", .line = 1, .matters = &matters[0], .matters_count = 1, .holds = true, .hold_most = 16384, .hold_for_ms = 1500, .hold_lapses_on = true },
        { .name = "fast", .line = 2, .matters = &matters[1], .matters_count = 1, .sets_lane = true, .lane = QIAO_LANE_URGENT },
    };
    static const struct rules_tables tables = { "rules.yaml", rules, 2 };
    return sim->holds && (sim->options.seed / 5 + node->index) % 2 ? rules_new(&tables) : NULL;
}

void node_config(const struct sim *sim, const struct sim_node *node, struct core_peer_config *peers, struct core_config *ret_config)
{
    *ret_config = (struct core_config){
        .node = node->name, .area = node->area, .peers = peers, .peers_count = add_peers(sim, node, peers), .seal = sim->trust ? &node->keys.seal : &seal_null,
        .seed = sim->options.seed * 1000003u + node->index * 1009u + node->incarnations,
        .link_window_messages = sim->window_messages, .link_window_bytes = 256 * 1024,
        .member_window_messages = sim->member_window_messages, .member_window_bytes = 256 * 1024,
        .reroute_after_ms = 1500, .drain_messages_per_s = sim->options.drain_per_s,
        .connections_max = 64, .delivery_attempts_max = sim->attempts_max, .delivery_age_ms_max = sim->age_ms_max, .crash_within_ms = 1500,
        .dead_letters_max = sim->dead_letters_max, .dead_letter_bytes_max = 1u << 30, .dead_letter_owner = sim->owner[0] ? sim->owner : NULL,
        .retry_ms_min = 50, .retry_ms_max = 800,
        .explain.bytes_max = sim->options.seed % 4 == 0 ? SIM_EXPLAIN_BYTES_MAX : 0,
        .heartbeat_ms = sim->heartbeat_ms, .silence_ms = 4 * sim->heartbeat_ms, .handshake_ms = 2000, .custody_interval_ms = 4,
        .keep_evidence_ms = sim->keep_evidence_ms,
        .signed_age_ms_max = sim->signed_age_ms_max ? sim->signed_age_ms_max : SIM_SIGNED_AGE_MS_MAX, .signed_ahead_ms_max = SIM_SIGNED_AHEAD_MS_MAX,
        .attachment_keep_ms = 30ull * 24 * 3600 * 1000,
    };
    ret_config->areas = (struct core_areas){ .table = node->areas, .accept_old_days = AREA_ACCEPT_OLD_DAYS };
    ret_config->registrars = sim->registrars;
    ret_config->registrars_count = sim->registrars_count;
    ret_config->confirm_within_ms = 3600000;
    ret_config->rules = holding_rules(sim, node);
    node_secret(sim, node, ret_config->secret);
}

void node_secret(const struct sim *sim, const struct sim_node *node, uint8_t ret_secret[SIPHASH_KEY_SIZE])
{
    struct prng prng;
    prng_init(&prng, sim->options.seed * 7919u + node->index);
    prng_fill(&prng, ret_secret, SIPHASH_KEY_SIZE);
}

void node_start(struct sim *sim, struct sim_node *node)
{
    struct core_peer_config peers[SIM_NODES_MAX + SIM_MEMBERS_MAX];
    struct core_config config;
    char error[128] = "";
    node->incarnations++;
    node->life = ++sim->lives;
    sim_keys_start(&node->keys, sim, node->name, node->area, false);
    node_config(sim, node, peers, &config);
    if (sim->options.print_trace || sim->options.keep_trace) {
        config.trace = sim_core_trace;
        config.trace_context = sim;
    }
    if (adversary_is_at(sim, node)) {
        config.notice = adversary_notice;
        config.trace_context = sim;
    }
    sim_trace(sim, "%s starts", node->name);
    int result = core_new(&config, node->store, sim->now_ms, node_wall_ms(sim, node), &node->core, error, sizeof error);
    if (result != 0) {
        node->core = NULL;
        sim_fail(sim, "%s does not start: %s", node->name, error);
        return;
    }
    node->tick_ms = SIM_NEVER;
    node->stalled = false;
    ways_started(sim, node);
    node_settle(sim, node);
    edges_started(sim, node);
    if (node->parent >= 0) sim_at(sim, 1 + sim_random(sim, 20), SIM_NODE_DIAL, node->index, node->life, 0);
}

void node_shut_down(struct sim *sim, struct sim_node *node, uint64_t down_ms)
{
    if (!node->core) return;
    sim_trace(sim, "%s is told to stop", node->name);
    struct core_event event = { .type = CORE_SHUTDOWN };
    node_step(sim, node, &event);
    node_settle(sim, node);
    node_crash(sim, node, down_ms);
}

void node_crash(struct sim *sim, struct sim_node *node, uint64_t down_ms)
{
    if (!node->core) return;
    sim->counts.crashes++;
    sim_trace(sim, "%s dies%s", node->name, node->committing ? " in the middle of a commit" : "");
    disk_crash(sim, node);
    node->core = core_free(node->core);
    while (node->jobs_count > 0) core_job_free(node->jobs[--node->jobs_count].job);
    node->life = ++sim->lives;
    node->up_pipe = -1;
    sim->changed_ms = sim->now_ms;
    crossings_unrest(sim);
    edges_died(sim, node);
    for (uint32_t i = 0; i < sim->pipes_count; i++)
        for (unsigned e = 0; e < 2; e++)
            if (sim->pipes[i]->used && sim->pipes[i]->ends[e].open && sim->pipes[i]->ends[e].kind == SIM_END_NODE && sim->pipes[i]->ends[e].index == node->index)
                pipe_close(sim, (int)i, e);
    sim_at(sim, down_ms, SIM_NODE_START, node->index, node->life, 0);
}

/* ---- connections ---- */

void node_connect(struct sim *sim, struct sim_node *node, struct core_connection_id id, const char *common_name, const char *dialled)
{
    struct core_identity identity = { .verified = true };
    snprintf(identity.common_name, sizeof identity.common_name, "%s", common_name);
    struct core_event event = { .type = CORE_CONNECTED, .connection = id, .identity = &identity, .dialled = dialled };
    node_step(sim, node, &event);
}

void node_dial(struct sim *sim, struct sim_node *node)
{
    struct sim_node *parent = &sim->nodes[node->parent];
    if (node->up_pipe >= 0) return;
    bool reachable = parent->core && sim->now_ms >= node->blocked_until_ms;
    struct sim_end a = { .kind = SIM_END_NODE, .index = node->index }, b = { .kind = SIM_END_NODE, .index = parent->index };
    if (reachable) b.connection = core_connection_new(parent->core);
    if (!b.connection.value) {
        sim_at(sim, sim->heartbeat_ms / 10 + sim_random(sim, 200), SIM_NODE_DIAL, node->index, node->life, 0);
        return;
    }
    a.connection = core_connection_new(node->core);
    node->up_pipe = pipe_open(sim, a, b, &node->blocked_until_ms);
    crossings_unrest(sim);
    sim->pipes[node->up_pipe]->line = node->line;
    node_connect(sim, parent, b.connection, node->name, NULL);
    node_connect(sim, node, a.connection, parent->name, parent->name);
    node_settle(sim, parent);
    node_settle(sim, node);
}

struct feeding {
    struct sim *sim;
    struct sim_node *node;
    const struct sim_end *end;
};

static bool visit_frame(void *context, const struct frame *frame)
{
    struct feeding *f = context;
    struct core_event event = { .type = CORE_FRAME, .connection = f->end->connection, .frame = frame };
    adversary_overhear(f->sim, f->node, f->end, frame);
    node_step(f->sim, f->node, &event);
    return true;
}

bool node_feed(struct sim *sim, struct sim_node *node, struct sim_end *end, struct qiao_bytes bytes)
{
    struct feeding feeding = { sim, node, end };
    struct core_event event = { .type = CORE_PROGRESS, .connection = end->connection };
    const size_t *size_max = core_frame_size_max(node->core, end->connection);
    if (!size_max) return false;
    unsigned code = frame_reader_feed(&end->reader, bytes, size_max, visit_frame, &feeding);
    if (code != 0) {
        event.type = CORE_REJECTED;
        event.code = code;
    }
    if (code != 0 || end->reader.partial.size > 0) node_step(sim, node, &event);
    node_settle(sim, node);
    return true;
}

static void forget_pipe(struct sim *sim, struct sim_node *node, int pipe)
{
    sim->changed_ms = sim->now_ms;
    crossings_unrest(sim);
    edges_forget(sim, node, pipe);
    if (node->up_pipe != pipe) return;
    node->up_pipe = -1;
    sim_at(sim, 20 + sim_random(sim, 200), SIM_NODE_DIAL, node->index, node->life, 0);
}

static void close_connection(struct sim *sim, struct sim_node *node, int pipe, unsigned end)
{
    struct core_event event = { .type = CORE_CLOSED, .connection = sim->pipes[pipe]->ends[end].connection };
    pipe_close(sim, pipe, end);
    forget_pipe(sim, node, pipe);
    node_step(sim, node, &event);
}

void node_eof(struct sim *sim, struct sim_node *node, struct sim_end *end)
{
    for (uint32_t i = 0; i < sim->pipes_count; i++)
        for (unsigned e = 0; e < 2; e++)
            if (&sim->pipes[i]->ends[e] == end) {
                close_connection(sim, node, (int)i, e);
                node_settle(sim, node);
                return;
            }
}

/* ---- after each step ---- */

static bool find_end(struct sim *sim, const struct sim_node *node, struct core_connection_id id, int *ret_pipe, unsigned *ret_end)
{
    for (uint32_t i = 0; i < sim->pipes_count; i++)
        for (unsigned e = 0; e < 2; e++) {
            const struct sim_end *end = &sim->pipes[i]->ends[e];
            if (!sim->pipes[i]->used || !end->open || end->kind != SIM_END_NODE || end->index != node->index || end->connection.value != id.value) continue;
            *ret_pipe = (int)i;
            *ret_end = e;
            return true;
        }
    return false;
}

static void put_out(struct sim *sim, struct sim_node *node, const struct core_output *output)
{
    int pipe;
    unsigned end;
    if (node->audit.value && output->connection.value == node->audit.value) {
        buf_append(&node->audit_out, output->data, output->size);
        node->audit_closed |= output->close;
        return;
    }
    if (!find_end(sim, node, output->connection, &pipe, &end)) {
        sim_fail(sim, "%s speaks on a connection that is closed", node->name);
        return;
    }
    if (output->data) pipe_send(sim, pipe, end, output->data, output->size);
    if (output->close) close_connection(sim, node, pipe, end);
}

static void set_alarm(struct sim *sim, struct sim_node *node)
{
    uint64_t due = core_deadline_ms(node->core);
    if (due >= node->tick_ms || due > sim->now_ms + 100000000u) return;
    node->tick_ms = due > sim->now_ms ? due : sim->now_ms;
    sim_at(sim, node->tick_ms - sim->now_ms, SIM_NODE_TICK, node->index, node->life, 0);
}

/* Reads again on all connections after the batch became smaller. */
static void unstall(struct sim *sim, struct sim_node *node)
{
    node->stalled = false;
    for (uint32_t i = 0; i < sim->pipes_count; i++)
        if (sim->pipes[i]->used && (sim->pipes[i]->ends[0].index == node->index || sim->pipes[i]->ends[1].index == node->index))
            sim_at(sim, 0, SIM_CHUNK, i, sim->pipes[i]->life, 0);
}

/* Threads end their work in any order. */
static void start_jobs(struct sim *sim, struct sim_node *node)
{
    for (struct core_job *job; (job = core_next_job(node->core));) {
        if (node->jobs_count == node->jobs_capacity) {
            node->jobs_capacity = node->jobs_capacity ? node->jobs_capacity * 2 : 4;
            node->jobs = base_realloc(node->jobs, node->jobs_capacity * sizeof *node->jobs);
        }
        node->jobs[node->jobs_count++] = (struct sim_job){ job, ++sim->lives };
        sim_at(sim, sim_random(sim, 4), SIM_JOB, node->index, node->life, sim->lives);
    }
}

void node_job(struct sim *sim, struct sim_node *node, uint64_t number)
{
    size_t at = 0;
    while (node->jobs[at].number != number) at++;
    struct core_event event = { .type = CORE_JOB_DONE, .job = node->jobs[at].job };
    node->jobs[at] = node->jobs[--node->jobs_count];
    core_job_run(event.job);
    node_step(sim, node, &event);
    node_settle(sim, node);
}

void node_settle(struct sim *sim, struct sim_node *node)
{
    struct core_output output;
    start_jobs(sim, node);
    while (!sim->failed && core_next_output(node->core, &output)) {
        put_out(sim, node, &output);
        free(output.data);
    }
    checks_bounds(sim, node);
    if (!node->committing && core_wants_seal(node->core)) disk_begin(sim, node);
    bool full = core_filling_bytes(node->core) > FILLING_SIZE_MAX;
    if (node->stalled && !full) unstall(sim, node);
    node->stalled = full;
    set_alarm(sim, node);
}

void node_tick(struct sim *sim, struct sim_node *node)
{
    if (node->tick_ms != sim->now_ms) return; /* an earlier alarm took its place */
    node->tick_ms = SIM_NEVER;
    if (core_deadline_ms(node->core) <= sim->now_ms) {
        struct core_event event = { .type = CORE_TICK };
        node->ticks_count = node->ticks_at_ms == sim->now_ms ? node->ticks_count + 1 : 0;
        node->ticks_at_ms = sim->now_ms;
        if (node->ticks_count > TICKS_IN_A_MOMENT_MAX) sim_fail(sim, "%s wants to be woken for ever", node->name);
        node_step(sim, node, &event);
    }
    node_settle(sim, node);
}
