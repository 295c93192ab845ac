/* Random graphs: lateral links between nodes, beside a tree or without one, and their failures, for a while or for good. */
#include "sim.h"

#include <stdio.h>

/* ---- the graph of this seed ---- */

static bool is_joined(const struct sim *sim, uint32_t a, uint32_t b)
{
    bool joined = sim->nodes[a].parent == (int)b || sim->nodes[b].parent == (int)a || a == b;
    for (uint32_t i = 0; i < sim->edges_count && !joined; i++)
        joined = (sim->edges[i].from == a && sim->edges[i].to == b) || (sim->edges[i].from == b && sim->edges[i].to == a);
    return joined;
}

void edges_add(struct sim *sim, uint32_t from, uint32_t to)
{
    if (is_joined(sim, from, to) || sim->edges_count == SIM_EDGES_MAX) return;
    sim->edges[sim->edges_count++] = (struct sim_edge){ .from = from, .to = to, .pipe = -1 };
}

static void add_either_way(struct sim *sim, uint32_t a, uint32_t b)
{
    bool turned = sim_chance(sim, 50);
    edges_add(sim, turned ? b : a, turned ? a : b);
}

/* Areas that lie in one another here and there, without the links that would go with it. */
static void add_free_node(struct sim *sim)
{
    char name[SIM_TEXT_SIZE], area[SIM_TEXT_SIZE];
    uint32_t i = sim->nodes_count;
    const char *around = i > 0 ? sim->nodes[sim_random(sim, i)].area : "";
    snprintf(name, sizeof name, "node-%u", i);
    if (i > 0 && strlen(around) < 12 && sim_chance(sim, 30)) snprintf(area, sizeof area, "%.9s%03u", around, i);
    else snprintf(area, sizeof area, "99%04u", i + 1);
    sim_add_node(sim, name, area, -1);
}

void edges_build(struct sim *sim, bool tree)
{
    uint32_t count = sim->options.nodes_max ? sim->options.nodes_max : 2 + (uint32_t)sim_random(sim, 11);
    if (count > 12) count = 12;
    while (!tree && sim->nodes_count < count) add_free_node(sim);
    for (uint32_t i = 1; !tree && i < sim->nodes_count; i++) add_either_way(sim, i, (uint32_t)sim_random(sim, i));
    for (uint64_t more = sim_random(sim, 2 * sim->nodes_count); more > 0; more--)
        add_either_way(sim, (uint32_t)sim_random(sim, sim->nodes_count), (uint32_t)sim_random(sim, sim->nodes_count));
}

/* ---- links ---- */

static bool is_down(const struct sim *sim, const struct sim_edge *edge)
{
    return edge->gone || sim->now_ms < edge->down_until_ms;
}

void edge_dial(struct sim *sim, uint32_t index)
{
    struct sim_edge *edge = &sim->edges[index];
    struct sim_node *node = &sim->nodes[edge->from], *other = &sim->nodes[edge->to];
    if (edge->pipe >= 0 || edge->gone) return;
    struct sim_end a = { .kind = SIM_END_NODE, .index = node->index }, b = { .kind = SIM_END_NODE, .index = other->index };
    if (other->core && !is_down(sim, edge)) b.connection = core_connection_new(other->core);
    if (!b.connection.value) {
        sim_at(sim, 100 + sim_random(sim, 200), SIM_EDGE_DIAL, index, node->life, 0);
        return;
    }
    a.connection = core_connection_new(node->core);
    edge->pipe = pipe_open(sim, a, b, &edge->blocked_until_ms);
    crossings_unrest(sim);
    node_connect(sim, other, b.connection, node->name, NULL);
    node_connect(sim, node, a.connection, other->name, other->name);
    node_settle(sim, other);
    node_settle(sim, node);
}

void edges_started(struct sim *sim, const struct sim_node *node)
{
    for (uint32_t i = 0; i < sim->edges_count; i++)
        if (sim->edges[i].from == node->index) sim_at(sim, 1 + sim_random(sim, 20), SIM_EDGE_DIAL, i, node->life, 0);
}

void edges_died(struct sim *sim, const struct sim_node *node)
{
    for (uint32_t i = 0; i < sim->edges_count; i++)
        if (sim->edges[i].from == node->index) sim->edges[i].pipe = -1;
}

void edges_forget(struct sim *sim, const struct sim_node *node, int pipe)
{
    for (uint32_t i = 0; i < sim->edges_count; i++) {
        if (sim->edges[i].pipe != pipe || sim->edges[i].from != node->index) continue;
        sim->edges[i].pipe = -1;
        sim_at(sim, 20 + sim_random(sim, 200), SIM_EDGE_DIAL, i, node->life, 0);
    }
}

size_t edges_add_peers(const struct sim *sim, const struct sim_node *node, struct core_peer_config *peers, size_t count)
{
    for (uint32_t i = 0; i < sim->edges_count; i++) {
        const struct sim_edge *edge = &sim->edges[i];
        if (edge->from != node->index && edge->to != node->index) continue;
        const struct sim_node *other = &sim->nodes[edge->from == node->index ? edge->to : edge->from];
        peers[count++] = (struct core_peer_config){ .name = other->name, .area = other->area, .role = LINK_ROLE_PEER_NODE };
    }
    return count;
}

/* ---- failures ---- */

static void reach(const struct sim *sim, uint32_t at, uint32_t without, bool reached[SIM_NODES_MAX])
{
    reached[at] = true;
    for (uint32_t i = 0; i < sim->nodes_count; i++)
        if (!reached[i] && (sim->nodes[i].parent == (int)at || sim->nodes[at].parent == (int)i)) reach(sim, i, without, reached);
    for (uint32_t i = 0; i < sim->edges_count; i++) {
        const struct sim_edge *edge = &sim->edges[i];
        if (i == without || edge->gone) continue;
        if (edge->from == at && !reached[edge->to]) reach(sim, edge->to, without, reached);
        if (edge->to == at && !reached[edge->from]) reach(sim, edge->from, without, reached);
    }
}

static bool can_do_without(const struct sim *sim, uint32_t edge)
{
    bool reached[SIM_NODES_MAX] = { false };
    reach(sim, 0, edge, reached);
    for (uint32_t i = 0; i < sim->nodes_count; i++)
        if (!reached[i]) return false;
    return true;
}

void edge_fail(struct sim *sim)
{
    if (sim->edges_count == 0) return;
    uint32_t index = (uint32_t)sim_random(sim, sim->edges_count);
    struct sim_edge *edge = &sim->edges[index];
    bool for_good = sim_chance(sim, 25) && can_do_without(sim, index);
    if (edge->gone) return;
    edge->gone = for_good;
    edge->down_until_ms = sim->now_ms + sim_random(sim, sim_chance(sim, 40) ? 30000 : 3000);
    sim->changed_ms = sim->now_ms;
    crossings_unrest(sim);
    sim->counts.edges_down++;
    sim_trace(sim, "the line between %s and %s fails%s", sim->nodes[edge->from].name, sim->nodes[edge->to].name, for_good ? " for good" : "");
    if (edge->pipe >= 0) pipe_cut(sim, edge->pipe);
}

void edges_heal(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->edges_count; i++) sim->edges[i].down_until_ms = sim->edges[i].blocked_until_ms = 0;
}

bool edges_are_up(const struct sim *sim)
{
    for (uint32_t i = 0; i < sim->edges_count; i++)
        if (!sim->edges[i].gone && sim->edges[i].pipe < 0) return false;
    return true;
}

bool edge_is_gone(const struct sim *sim, const struct sim_node *node, const char *peer)
{
    for (uint32_t i = 0; i < sim->edges_count; i++) {
        const struct sim_edge *edge = &sim->edges[i];
        const struct sim_node *other = &sim->nodes[edge->from == node->index ? edge->to : edge->from];
        if (edge->gone && (edge->from == node->index || edge->to == node->index) && strcmp(other->name, peer) == 0) return true;
    }
    return false;
}
