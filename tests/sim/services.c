/* Services: who offers one, messages to them, and who the nearest provider is by the rule of the design: going up the tree from the sender. */
#include "sim.h"

#include "core/keys.h"
#include "schema/link.pb-c.h"

#include <stdio.h>

/* After this, what nodes told when they linked has been passed on everywhere. */
#define PASSED_ON_MS 3000u
/* A link that was up for so long has told its routes. */
#define HEARD_MS 1000u

static const char *const services[] = { "mediation.labour", "notary" };

/* Not from the world's dice: seeds that found something before there were services stay as they were. */
static uint64_t dice(const struct sim *sim, uint64_t of)
{
    uint64_t x = sim->options.seed * 0x9e3779b97f4a7c15u + of * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 30) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

void service_offer(struct sim *sim, struct sim_member *member)
{
    uint64_t chance = dice(sim, member->index + 1000003u) % 6;
    if (chance < 2 && !sim->options.calm) member->service = services[chance];
}

/* ---- who has heard ---- */

static bool tells(struct qiao_bytes value, const char *area, const char *service)
{
    bool told = false;
    Qiao__V1__Routes *routes = qiao__v1__routes__unpack(NULL, value.size, value.data);
    for (size_t i = 0; routes && i < routes->n_routes; i++) {
        const Qiao__V1__Route *r = routes->routes[i];
        told |= !r->withdrawn && strcmp(r->area, area) == 0 && strcmp(r->service, service) == 0;
    }
    if (routes) qiao__v1__routes__free_unpacked(routes, NULL);
    return told;
}

/* On its disk: what a node has only heard, it has forgotten when it dies before a commit, which a full disk keeps from it for long. */
static bool has_heard(const struct sim_node *node, uint32_t child, const char *area, const char *service)
{
    struct key key = { .bytes = { 'G', 'l' }, .size = 4 };
    struct qiao_bytes value;
    for (uint16_t number = 0; number < sizeof node->link_numbers / sizeof node->link_numbers[0]; number++) {
        put_u16(key.bytes + 2, number);
        if (node->link_numbers[number] == child + 1 && store_get(node->store, key_bytes(&key), &value)) return tells(value, area, service);
    }
    return false;
}

static bool have_heard_of(const struct sim *sim, const struct sim_member *member)
{
    const char *area = sim->nodes[member->node].area;
    uint32_t below = member->node;
    for (int at = sim->nodes[below].parent; at >= 0; at = sim->nodes[at].parent) {
        if (!has_heard(&sim->nodes[at], below, area, member->service)) return false;
        below = (uint32_t)at;
    }
    return true;
}

/* Everybody above a provider knows of it. Nobody forgets it again: a link that is down takes nothing back. */
static bool have_all_heard(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->members_count && !sim->all_have_heard; i++)
        if (sim->members[i].service && !sim->members[i].twin && !have_heard_of(sim, &sim->members[i])) return false;
    return sim->all_have_heard = true;
}

void services_final(struct sim *sim)
{
    if (!sim->options.graph && !have_all_heard(sim)) sim_fail(sim, "somebody above a provider never heard of it");
}

void service_address(struct sim *sim, struct sim_message *m)
{
    m->settled = !sim->options.graph && sim->linked_ms != SIM_NEVER && sim->now_ms > sim->linked_ms + PASSED_ON_MS && have_all_heard(sim);
    if (m->to != SIM_TO_MEMBER || m->case_number < SIM_CASES || sim->options.calm || dice(sim, sim->messages_count) % 4 > 0) return;
    m->to = SIM_TO_SERVICE;
    m->recipient = sim->members_count;
    m->area[0] = m->org[0] = '\0';
    snprintf(m->service, sizeof m->service, "%s", services[dice(sim, sim->messages_count) / 4 % 2]);
}

static bool lies_in(const char *area, const char *around)
{
    return strncmp(area, around, strlen(around)) == 0;
}

static size_t level(const char *a, const char *b)
{
    size_t size = 0;
    while (a[size] && a[size] == b[size]) size++;
    return size / 3;
}

static unsigned distance(const struct sim *sim, uint32_t from, uint32_t below)
{
    unsigned steps = 0;
    for (uint32_t at = below; at != from && sim->nodes[at].parent >= 0; at = (uint32_t)sim->nodes[at].parent) steps++;
    return steps;
}

static bool is_nearer(const struct sim *sim, uint32_t at, const char *sender, uint32_t one, uint32_t other)
{
    const char *a = sim->nodes[one].area, *b = sim->nodes[other].area;
    if (level(sender, a) != level(sender, b)) return level(sender, a) > level(sender, b);
    if (strlen(a) != strlen(b)) return strlen(a) < strlen(b);
    return distance(sim, at, one) != distance(sim, at, other) ? distance(sim, at, one) < distance(sim, at, other) : strcmp(a, b) < 0;
}

uint32_t service_provider(const struct sim *sim, uint32_t sender_node, const char *service)
{
    const char *sender = sim->nodes[sender_node].area;
    for (int at = (int)sender_node; at >= 0; at = sim->nodes[at].parent) {
        uint32_t best = sim->members_count;
        for (uint32_t i = 0; i < sim->members_count; i++) {
            const struct sim_member *m = &sim->members[i];
            if (m->twin || !m->service || strcmp(m->service, service) != 0 || !lies_in(sim->nodes[m->node].area, sim->nodes[at].area)) continue;
            bool same = best < sim->members_count && sim->members[best].node == m->node;
            if (best == sim->members_count || (same ? strcmp(m->name, sim->members[best].name) < 0 : is_nearer(sim, (uint32_t)at, sender, m->node, sim->members[best].node))) best = i;
        }
        if (best < sim->members_count) return best;
    }
    return sim->members_count;
}

void service_delivered(struct sim *sim, struct sim_message *m, const struct sim_member *member)
{
    uint32_t wanted = service_provider(sim, sim->members[m->sender].node, m->service);
    if (!member->service || strcmp(member->service, m->service) != 0) sim_fail(sim, "%s gets a message for a service it does not offer: %s", member->name, m->service);
    if (m->recipient < sim->members_count && m->recipient != member->index) sim_fail(sim, "two providers of %s get one message", m->service);
    if (m->settled && wanted != member->index) sim_fail(sim, "%s of %s gets a message for %s, nearer is %s of %s", member->name, sim->nodes[member->node].name, m->service,
                                                         wanted < sim->members_count ? sim->members[wanted].name : "nobody", sim->nodes[sim->members[wanted % sim->members_count].node].name);
    m->recipient = member->index;
}

/* Behind a slow line, or one that a hostile neighbour keeps cutting, it may take longer until a node has heard. */
bool service_may_be_refused(const struct sim *sim, const struct sim_message *m)
{
    return !m->settled || sim->adversary || service_provider(sim, sim->members[m->sender].node, m->service) == sim->members_count;
}

void service_linked(struct sim *sim)
{
    if (sim->linked_ms != SIM_NEVER) return;
    bool all = true;
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        struct sim_node *node = &sim->nodes[i];
        struct sim_node *parent = node->parent >= 0 ? &sim->nodes[node->parent] : NULL;
        bool up = parent && node->core && parent->core && core_peer_is_up(node->core, parent->name) && core_peer_is_up(parent->core, node->name);
        if (!up) node->linked_since_ms = SIM_NEVER;
        else if (node->linked_since_ms == SIM_NEVER) node->linked_since_ms = sim->now_ms;
        node->linked |= up && sim->now_ms > node->linked_since_ms + HEARD_MS;
        all &= node->linked || node->parent < 0;
    }
    if (all) sim->linked_ms = sim->now_ms;
}
