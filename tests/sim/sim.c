/* The world: its events, its clock, its end. */
#include "courier.h"

#include <stdarg.h>
#include <stdio.h>

/* Longest time in which a healed world must come to rest. */
#define REST_MS (15u * 60u * 1000u)
/* In a graph, until neighbours have told one another what they can reach. */
#define WARM_UP_MS 8000u
/* In a healed graph, until all have heard of the last change. */
#define SETTLE_MS 12000u

static void visit_event(struct sim *sim, const struct sim_event *event);

/* Some ordinary seeds have an adversary too: which ones stands in the seed alone, so that the others stay as they were. */
static bool is_hostile(const struct sim_options *options)
{
    return options->adversary == SIM_ADVERSARY_ALWAYS || (options->adversary == SIM_ADVERSARY_SOMETIMES && options->seed % 7 == 3);
}

/* Between a node and its parent, either way. Drawn from the seed and the clock, so that worlds without couriers stay as they were. */
static void send_courier(struct sim *sim)
{
    uint64_t dice = (sim->options.seed ^ sim->now_ms) * 0x9e3779b97f4a7c15u >> 32;
    const struct sim_node *node = &sim->nodes[dice / 2 % sim->nodes_count];
    if (sim->adversary || node->parent < 0) return; /* like any newer session it ends the link there is, and hostile acts are judged by links that stay */
    courier_send(sim, dice % 2 ? node->index : (uint32_t)node->parent, dice % 2 ? (uint32_t)node->parent : node->index);
}

static void come_to_rest(struct sim *sim)
{
    uint64_t since_ms = sim->now_ms;
    while (!sim->failed && !(checks_are_quiet(sim) && adversary_is_quiet(sim) && courier_is_resting(sim)) && sim->now_ms < since_ms + REST_MS) sim_run(sim, 500);
}

bool sim_seed(const struct sim_options *options, struct sim_counts *counts, char failure[512])
{
    struct sim *sim = sim_new(options);
    traffic_build(sim);
    if (is_hostile(options) && !options->graph) adversary_new(sim, (uint32_t)(options->seed / 7 % sim->nodes_count));
    sim_start(sim);
    if (options->graph) sim_run(sim, WARM_UP_MS);
    for (uint32_t step = 0; step < options->steps && !sim->failed; step++) {
        traffic_step(sim);
        if (step % 4 == 0) adversary_step(sim);
        if (step % 64 == 63) send_courier(sim);
        sim_run(sim, sim_random(sim, 30) == 0 ? sim_random(sim, 3000) : sim_random(sim, 12));
    }
    traffic_heal(sim);
    uint64_t healed_ms = sim->now_ms;
    come_to_rest(sim);
    if (options->graph && !sim->failed) {
        sim_run(sim, SETTLE_MS);
        traffic_notices(sim);
        come_to_rest(sim);
    }
    /* Messages of dead processes, which nobody waits for, are delivered too. */
    do sim_run(sim, 2000);
    while (!sim->failed && audit_queued(sim) > 0 && sim->now_ms < healed_ms + REST_MS);
    if (options->print_trace) audit_tell(sim);
    checks_final(sim);
    adversary_final(sim);
    if (!sim->failed) audit_end(sim);
    if (!sim->failed) books_end(sim);
    if (!sim->failed) second_opinion(sim);
    sim->counts.virtual_ms = sim->now_ms;
    *counts = sim->counts;
    snprintf(failure, 512, "%s", sim->failure);
    bool held = !sim->failed;
    sim_free(sim);
    return held;
}

/* ---- the clock ---- */

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void heap_push(struct sim *sim, struct sim_event event)
{
    if (sim->heap_count == sim->heap_capacity) {
        sim->heap_capacity = sim->heap_capacity ? sim->heap_capacity * 2 : 256;
        sim->heap = base_realloc(sim->heap, sim->heap_capacity * sizeof *sim->heap);
    }
    size_t at = sim->heap_count++;
    while (at > 0 && is_before(&event, &sim->heap[(at - 1) / 2])) {
        sim->heap[at] = sim->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    sim->heap[at] = event;
}

static struct sim_event heap_pop(struct sim *sim)
{
    struct sim_event top = sim->heap[0], last = sim->heap[--sim->heap_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= sim->heap_count) break;
        if (child + 1 < sim->heap_count && is_before(&sim->heap[child + 1], &sim->heap[child])) child++;
        if (!is_before(&sim->heap[child], &last)) break;
        sim->heap[at] = sim->heap[child];
        at = child;
    }
    if (sim->heap_count > 0) sim->heap[at] = last;
    return top;
}

void sim_at(struct sim *sim, uint64_t in_ms, enum sim_event_type type, uint32_t index, uint64_t life, uint64_t token)
{
    heap_push(sim, (struct sim_event){ .at_ms = sim->now_ms + in_ms, .order = ++sim->order, .type = type, .index = index, .life = life, .token = token });
}

void sim_run(struct sim *sim, uint64_t for_ms)
{
    uint64_t until = sim->now_ms + for_ms;
    while (!sim->failed && sim->heap_count > 0 && sim->heap[0].at_ms <= until) {
        struct sim_event event = heap_pop(sim);
        sim->now_ms = event.at_ms;
        sim->counts.events++;
        visit_event(sim, &event);
    }
    sim->now_ms = until;
}

static void visit_event(struct sim *sim, const struct sim_event *event)
{
    struct sim_node *node = &sim->nodes[event->index % SIM_NODES_MAX];
    struct sim_member *member = &sim->members[event->index % SIM_MEMBERS_MAX];
    bool node_lives = node->core && node->life == event->life, member_lives = member->alive && member->life == event->life;
    switch (event->type) {
    case SIM_CHUNK:
        if (event->index < sim->pipes_count && sim->pipes[event->index]->used && sim->pipes[event->index]->life == event->life) pipe_arrive(sim, (int)event->index);
        break;
    case SIM_COMMIT:
        if (node_lives) disk_commit(sim, node);
        break;
    case SIM_NODE_TICK:
        if (node_lives) node_tick(sim, node);
        break;
    case SIM_MEMBER_TICK:
        if (member_lives) member_tick(sim, member);
        break;
    case SIM_NODE_DIAL:
        if (node_lives) node_dial(sim, node);
        break;
    case SIM_MEMBER_DIAL:
        if (member_lives) member_dial(sim, member);
        break;
    case SIM_NODE_START:
        if (!node->core && node->life == event->life) node_start(sim, node);
        break;
    case SIM_MEMBER_START:
        if (!member->alive && member->life == event->life) member_start(sim, member);
        break;
    case SIM_VERDICT:
        if (member_lives) member_late_verdict(sim, member, event->token);
        break;
    case SIM_JOB:
        if (node_lives) node_job(sim, node, event->token);
        break;
    case SIM_EDGE_DIAL: {
        const struct sim_node *dialer = &sim->nodes[sim->edges[event->index].from];
        if (dialer->core && dialer->life == event->life) edge_dial(sim, event->index);
        break;
    }
    case SIM_ADVERSARY: adversary_look(sim); break;
    case SIM_COURIER: courier_look(sim); break;
    case SIM_DISK_ROOM:
        store_array_faults(node->store)->full = sim->now_ms < node->full_until_ms;
        break;
    case SIM_EVENT_COUNT: break;
    }
}

/* ---- words ---- */

static void add_line(struct sim *sim, const char *line)
{
    if (sim->options.print_trace) puts(line);
    if (!sim->options.keep_trace) return;
    buf_append(&sim->trace, line, strlen(line));
    buf_append(&sim->trace, "\n", 1);
}

void sim_core_trace(void *context, const char *line)
{
    add_line(context, line);
}

void sim_trace(struct sim *sim, const char *format, ...)
{
    char line[512];
    if (!sim->options.print_trace && !sim->options.keep_trace) return;
    int size = snprintf(line, sizeof line, "[%8llu] ", (unsigned long long)sim->now_ms);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + size, sizeof line - (size_t)size, format, arguments);
    va_end(arguments);
    add_line(sim, line);
}

void sim_fail(struct sim *sim, const char *format, ...)
{
    if (sim->failed) return;
    sim->failed = true;
    int size = snprintf(sim->failure, sizeof sim->failure, "at %llu ms: ", (unsigned long long)sim->now_ms);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sim->failure + size, sizeof sim->failure - (size_t)size, format, arguments);
    va_end(arguments);
    sim_trace(sim, "BROKEN %s", sim->failure);
}

uint64_t sim_random(struct sim *sim, uint64_t below)
{
    return below && !sim->options.calm ? prng_below(&sim->prng, below) : 0;
}

bool sim_chance(struct sim *sim, uint32_t percent)
{
    return percent > 0 && !sim->options.calm && prng_below(&sim->prng, 100) < percent;
}

/* ---- beginning and end ---- */

struct sim *sim_new(const struct sim_options *options)
{
    struct sim *sim = base_zalloc(sizeof *sim);
    sim->options = *options;
    prng_init(&sim->prng, options->seed);
    sim->chains = base_zalloc((size_t)SIM_MEMBERS_MAX * SIM_MEMBERS_MAX * SIM_CASES * QIAO_LANES * sizeof *sim->chains);
    sim->window_messages = 1024;
    sim->member_window_messages = 1024;
    sim->attempts_max = 4;
    sim->dead_letters_max = 100000;
    sim->heartbeat_ms = 1000;
    sim->linked_ms = SIM_NEVER;
    return sim;
}

struct sim *sim_free(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        struct sim_node *node = &sim->nodes[i];
        node->core = core_free(node->core);
        for (size_t k = 0; k < node->jobs_count; k++) core_job_free(node->jobs[k].job);
        free(node->jobs);
        node->store = store_close(node->store);
        buf_deinit(&node->audit_out);
    }
    for (uint32_t i = 0; i < sim->members_count; i++) member_deinit(&sim->members[i]);
    sim->adversary = adversary_free(sim->adversary);
    sim->courier = courier_free(sim->courier);
    sim->ways = ways_free(sim->ways);
    for (uint32_t i = 0; i < sim->pipes_count; i++) {
        if (sim->pipes[i]->used) pipe_free(sim, (int)i);
        free(sim->pipes[i]);
    }
    for (size_t i = 0; i < (size_t)SIM_MEMBERS_MAX * SIM_MEMBERS_MAX * SIM_CASES * QIAO_LANES; i++) free(sim->chains[i].messages);
    for (uint32_t i = 0; i < sim->messages_count; i++) free(sim->messages[i].crossings);
    free(sim->unrests);
    free(sim->pipes);
    free(sim->chains);
    free(sim->messages);
    free(sim->marks);
    free(sim->recipients);
    free(sim->heap);
    buf_deinit(&sim->trace);
    free(sim);
    return NULL;
}

uint32_t sim_add_node(struct sim *sim, const char *name, const char *area, int parent)
{
    assert(sim->nodes_count < SIM_NODES_MAX);
    char error[128];
    uint32_t index = sim->nodes_count++;
    struct sim_node *node = &sim->nodes[index];
    *node = (struct sim_node){ .index = index, .parent = parent, .up_pipe = -1, .linked_since_ms = SIM_NEVER, .disk_ms_min = 1, .disk_ms_max = 1, .tick_ms = SIM_NEVER };
    snprintf(node->name, sizeof node->name, "%s", name);
    snprintf(node->area, sizeof node->area, "%s", area);
    struct store_options options = { .version = 1 };
    int result = store_engine_array.open(&options, &node->store, error, sizeof error);
    assert(result == STORE_OK);
    return index;
}

uint32_t sim_add_member(struct sim *sim, uint32_t node, const char *name, bool durable)
{
    assert(sim->members_count < SIM_MEMBERS_MAX);
    uint32_t index = sim->members_count++;
    struct sim_member *member = &sim->members[index];
    *member = (struct sim_member){ .sim = sim, .index = index, .node = node, .durable = durable, .pipe = -1, .tick_ms = SIM_NEVER };
    snprintf(member->name, sizeof member->name, "%s", name);
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) member->outbox.next[lane] = member->outbox.synced_next[lane] = 1;
    return index;
}

uint32_t sim_add_twin(struct sim *sim)
{
    const struct sim_member *first = &sim->members[sim->members_count - 1];
    uint32_t index = sim_add_member(sim, first->node, first->name, false);
    sim->members[index].twin = true;
    return index;
}

void sim_start(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->nodes_count; i++) node_start(sim, &sim->nodes[i]);
    for (uint32_t i = 0; i < sim->members_count; i++) {
        sim->members[i].has_keys = sim->trust && !sim->options.calm && (sim->options.seed + sim->members[i].node) % 3 == 0;
        member_start(sim, &sim->members[i]);
    }
}
