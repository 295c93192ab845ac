/* Every decision that a node has written down is taken again, slowly, from its configuration and the message's header, by code that shares
 * nothing with the router: both must agree on the answer, on who was chosen and on why the others were not. And nothing is missing: each
 * message that a node took or was given has its decision there.
 *
 * To teach it a new way of deciding: add a question to `struct opinion` and answer it in decide_again(). */
#include "marks.h"

#include "schema/explain.pb-c.h"

#include <stdio.h>

enum { TARGETS_MAX = SIM_NODES_MAX + SIM_MEMBERS_MAX };

/* What the second opinion says. */
struct opinion {
    unsigned code;
    const struct core_peer_config *targets[TARGETS_MAX];
    size_t targets_count;
};

struct looking {
    struct sim *sim;
    struct sim_node *node;
    struct core_config config;
    struct core_peer_config peers[SIM_NODES_MAX + SIM_MEMBERS_MAX + 4];
    const Qiao__V1__Decision *decision; /* that is being judged */
    uint64_t at_ms;
    bool (*explained)[SIM_NODES_MAX];   /* by message */
    bool (*ruled)[SIM_NODES_MAX];       /* the same: a rule of the node said what it should */
    bool has_rules;
};

/* ---- deciding again ---- */

static bool starts_with(const char *text, const char *start)
{
    return *start && strncmp(text, start, strlen(start)) == 0;
}

static void choose(struct opinion *o, const struct core_peer_config *peer)
{
    o->targets[o->targets_count++] = peer;
}

static const struct core_peer_config *parent_of(const struct looking *l)
{
    for (size_t i = 0; i < l->config.peers_count; i++)
        if (!l->peers[i].member && l->peers[i].role == LINK_ROLE_PARENT_NODE) return &l->peers[i];
    return NULL;
}

/* Up until a node stands above the root or at it, down to everybody below, and nowhere back. */
static void decide_set(const struct looking *l, const char *root, struct opinion *o)
{
    const struct core_peer_config *parent = parent_of(l);
    bool from_parent = parent && !l->decision->from_member && strcmp(l->decision->from, parent->name) == 0;
    bool above = starts_with(root, l->node->area) || from_parent;
    if (!above && parent) choose(o, parent);
    for (size_t i = 0; i < l->config.peers_count; i++) {
        const struct core_peer_config *peer = &l->peers[i];
        const char *area = peer->member ? l->node->area : peer->area;
        bool back = !peer->member && !l->decision->from_member && strcmp(l->decision->from, peer->name) == 0;
        bool child = !peer->member && peer->role == LINK_ROLE_CHILD_NODE && !back;
        if (peer->member && starts_with(area, root)) choose(o, peer);
        if (child && (starts_with(area, root) || starts_with(root, area))) choose(o, peer);
    }
    o->code = o->targets_count > 0 ? QIAO_CODE_OK : above ? QIAO_CODE_UNKNOWN_MEMBER : QIAO_CODE_NO_ROUTE;
}

static void decide_member(const struct looking *l, const char *org, struct opinion *o)
{
    for (size_t i = 0; i < l->config.peers_count; i++)
        if (l->peers[i].member && strcmp(l->peers[i].name, org) == 0) choose(o, &l->peers[i]);
    o->code = o->targets_count > 0 ? QIAO_CODE_OK : QIAO_CODE_UNKNOWN_MEMBER;
}

static void decide_neighbour(const struct looking *l, const char *area, struct opinion *o)
{
    const struct core_peer_config *best = NULL;
    for (size_t i = 0; i < l->config.peers_count; i++) {
        const struct core_peer_config *peer = &l->peers[i];
        if (peer->member || peer->role == LINK_ROLE_PARENT_NODE || !starts_with(area, peer->area)) continue;
        if (!best || strlen(peer->area) > strlen(best->area)) best = peer;
    }
    if (!best && !starts_with(area, l->node->area)) best = parent_of(l);
    bool back = best && !l->decision->from_member && strcmp(best->name, l->decision->from) == 0;
    if (best && !back) choose(o, best);
    o->code = o->targets_count > 0 ? QIAO_CODE_OK : QIAO_CODE_NO_ROUTE;
}

static void decide_again(const struct looking *l, const struct sim_message *m, struct opinion *o)
{
    char root[SIM_TEXT_SIZE];
    size_t size = strlen(m->area);
    *o = (struct opinion){ 0 };
    snprintf(root, sizeof root, "%.*s", size > 3 ? (int)size - 3 : 0, m->area);
    if (m->to == SIM_TO_SET) decide_set(l, root, o);
    else if (strcmp(m->area, l->node->area) == 0) decide_member(l, m->org, o);
    else decide_neighbour(l, m->area, o);
}

/* ---- comparing ---- */

static void disagree(const struct looking *l, uint32_t message, const char *what)
{
    char text[256];
    sim_fail(l->sim, "%s decided (code %s, %u chosen, from %s), the second opinion differs: %s: %s", l->node->name, qiao_code_name(l->decision->code),
             l->decision->chosen_count, l->decision->from, what, checks_describe(l->sim, message, text));
}

static bool was_chosen(const struct opinion *o, const char *name, bool member)
{
    for (size_t i = 0; i < o->targets_count; i++)
        if (o->targets[i]->member == member && strcmp(o->targets[i]->name, name) == 0) return true;
    return false;
}

static void compare_chosen(const struct looking *l, uint32_t message, const struct opinion *o)
{
    const Qiao__V1__Decision *d = l->decision;
    if (d->chosen_count != o->targets_count || d->n_chosen != o->targets_count) disagree(l, message, "how many were chosen");
    for (size_t i = 0; i < d->n_chosen; i++)
        if (!was_chosen(o, d->chosen[i]->name, d->chosen[i]->member)) disagree(l, message, "who was chosen");
}

/* LOST_NOT: not worth a line, its area is another. */
static Qiao__V1__LostReason why_lost(const struct looking *l, const struct sim_message *m, const struct core_peer_config *peer)
{
    const Qiao__V1__Decision *d = l->decision;
    bool from = !d->from_member && strcmp(d->from, peer->name) == 0, set = m->to == SIM_TO_SET;
    if (set && from) return QIAO__V1__LOST_REASON__LOST_CAME_FROM;
    if (peer->role != LINK_ROLE_PARENT_NODE && (set || !starts_with(m->area, peer->area))) return QIAO__V1__LOST_REASON__LOST_NOT;
    if (from) return QIAO__V1__LOST_REASON__LOST_CAME_FROM;
    if (peer->role != LINK_ROLE_PARENT_NODE) return QIAO__V1__LOST_REASON__LOST_FARTHER;
    return starts_with(m->area, l->node->area) ? QIAO__V1__LOST_REASON__LOST_BELOW : QIAO__V1__LOST_REASON__LOST_NEARER;
}

static bool is_listed(const Qiao__V1__Decision *d, const char *name, Qiao__V1__LostReason reason)
{
    for (size_t i = 0; i < d->n_lost; i++)
        if (strcmp(d->lost[i]->name, name) == 0) return d->lost[i]->lost == reason;
    return reason == QIAO__V1__LOST_REASON__LOST_NOT;
}

static void compare_lost(const struct looking *l, uint32_t message, const struct opinion *o)
{
    size_t lost = 0;
    for (size_t i = 0; i < l->config.peers_count; i++) {
        const struct core_peer_config *peer = &l->peers[i];
        if (peer->member || was_chosen(o, peer->name, false)) continue;
        lost++;
        if (!is_listed(l->decision, peer->name, why_lost(l, &l->sim->messages[message], peer))) disagree(l, message, "why a neighbour was not chosen");
    }
    if (l->decision->lost_count != lost) disagree(l, message, "how many were not chosen");
}

static const char *or_empty(const char *text) { return text ? text : ""; }

static void compare_header(const struct looking *l, uint32_t message)
{
    const struct sim_message *m = &l->sim->messages[message];
    const Qiao__V1__Decision *d = l->decision;
    bool same = d->destination && strcmp(or_empty(d->destination->area), m->area) == 0 && strcmp(or_empty(d->destination->org), m->org) == 0 && (unsigned)d->lane == m->lane;
    if (!same) disagree(l, message, "what the message says");
    const struct sim_member *sender = &l->sim->members[m->sender];
    if (d->from_member && (sender->node != l->node->index || strcmp(sender->name, d->from) != 0)) disagree(l, message, "who sent it");
}

/* A node with rules (node.c) holds what must WAIT and lets travel on the urgent lane what is FAST. A message that was held is decided about
 * again when it goes on, and then no rule is asked. */
static void compare_rule(const struct looking *l, uint32_t message)
{
    const Qiao__V1__Decision *d = l->decision;
    const char *matter = traffic_matter(l->sim, &l->sim->messages[message]);
    bool wait = matter && strcmp(matter, "WAIT") == 0, fast = matter && strcmp(matter, "FAST") == 0;
    if (!d->rule) {
        if (d->sent_on != 0) disagree(l, message, "another lane without a rule");
        return;
    }
    bool right = l->has_rules && ((wait && strcmp(d->rule->name, "wait") == 0) || (fast && strcmp(d->rule->name, "fast") == 0));
    if (!right) disagree(l, message, "which rule it was");
    if (d->sent_on != 0 && (!fast || d->sent_on != 1 + QIAO_LANE_URGENT)) disagree(l, message, "the lane of the rule");
    l->ruled[message][l->node->index] = right;
}

/* The hostile neighbour changes what it overheard, so that the header is not the one that is known here. What becomes of that is checked
 * where it acts. */
static bool is_hostile(const struct looking *l)
{
    for (uint32_t i = 0; i < l->sim->nodes_count; i++)
        if (!l->decision->from_member && strcmp(l->sim->nodes[i].name, l->decision->from) == 0) return false;
    return !l->decision->from_member;
}

/* An id is its sender's: somebody hostile may use another's for a message of its own. */
static bool is_of_sender(const struct looking *l, const struct sim_message *m, uint64_t source)
{
    const struct sim_member *sender = &l->sim->members[m->sender];
    buf_auto address = { 0 };
    uint8_t digest[SEAL_DIGEST_SIZE];
    address_write(&address, qiao_bytes_from_string(l->sim->nodes[sender->node].area), qiao_bytes_from_string(sender->name), qiao_bytes(NULL, 0));
    seal_digest(l->config.seal, SEAL_SUITE_NONE, buf_bytes(&address), digest);
    return (get_u64(digest) | 1) == source;
}

static void judge(struct looking *l, uint32_t message, const struct explain_stretch *stretch)
{
    struct opinion o;
    const struct sim_message *m = &l->sim->messages[message];
    l->explained[message][l->node->index] = true;
    if (is_hostile(l) || !is_of_sender(l, m, stretch->source)) return;
    compare_header(l, message);
    compare_rule(l, message);
    l->sim->counts.opinions++;
    if (l->decision->code == QIAO_CODE_EXPIRED) { /* before anybody asked where to; node clocks are set back by up to 20 s */
        if (m->expires_at_ms == 0 || m->expires_at_ms > l->at_ms + 20000) disagree(l, message, "whether it was too late");
        return;
    }
    /* What neighbours had told at that time is not known any more: ways.c asked when it was. */
    if (l->sim->options.graph || l->sim->adversary || m->to == SIM_TO_SERVICE) return;
    decide_again(l, m, &o);
    if (l->decision->code != o.code) disagree(l, message, qiao_code_name(o.code));
    if (l->decision->code != QIAO_CODE_OK && stretch->peer != 0) disagree(l, message, "refused, and yet given to somebody");
    if (o.code == QIAO_CODE_OK) compare_chosen(l, message, &o);
    if (!l->sim->failed) compare_lost(l, message, &o);
}

/* ---- reading ---- */

static Qiao__V1__Decision *read_decision(const struct looking *l, const struct qiao_id *name)
{
    struct key key = explain_key(name);
    struct qiao_bytes value;
    if (!store_get(l->node->store, key_bytes(&key), &value) || value.size < EXPLAIN_DECISION_HEAD_SIZE) return NULL;
    return qiao__v1__decision__unpack(NULL, value.size - EXPLAIN_DECISION_HEAD_SIZE, value.data + EXPLAIN_DECISION_HEAD_SIZE);
}

static void read_stretch(struct looking *l, const struct explain_stretch *stretch)
{
    Qiao__V1__Decision *decision = read_decision(l, &stretch->name);
    if (!decision) sim_fail(l->sim, "%s names a decision that it does not have", l->node->name);
    l->decision = decision;
    for (uint32_t i = 0; decision && i < stretch->count && !l->sim->failed; i++) {
        uint32_t message = marks_find(l->sim, stretch, i);
        if (message < l->sim->messages_count) judge(l, message, stretch);
        else if (!l->sim->adversary) sim_fail(l->sim, "%s decided about a message nobody sent", l->node->name);
    }
    if (decision) qiao__v1__decision__free_unpacked(decision, NULL);
}

static bool read_record(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct looking *l = context;
    struct explain_record record;
    struct explain_stretch stretch;
    (void)key;
    if (!explain_open(value, &record)) {
        sim_fail(l->sim, "%s: a record of decisions that cannot be read", l->node->name);
        return false;
    }
    struct qiao_bytes rest = record.stretches;
    l->at_ms = record.at_ms;
    while (!l->sim->failed && explain_next(&record, &rest, &stretch)) read_stretch(l, &stretch);
    return !l->sim->failed;
}

/* Each message that a member sent here and that was taken came before the rules, and those say something about it; if it had not expired,
 * which is asked before. */
static void check_ruled(const struct looking *l, uint32_t message)
{
    const struct sim_message *m = &l->sim->messages[message];
    char text[256];
    if (!l->has_rules || !traffic_matter(l->sim, m) || m->conflicting || m->expires_at_ms > 0 || l->sim->members[m->sender].node != l->node->index) return;
    if (!l->ruled[message][l->node->index]) sim_fail(l->sim, "%s asked no rule about %s", l->node->name, checks_describe(l->sim, message, text));
}

/* 'O' and 'D': whoever took it, or has it for a member, has decided about it. */
static bool check_explained(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct looking *l = context;
    char text[256];
    uint32_t message = get_u32(key.data + 13);
    (void)value;
    if (message >= l->sim->messages_count || memcmp(l->sim->messages[message].id.bytes, key.data + 1, QIAO_ID_SIZE) != 0) return true;
    if (!l->explained[message][l->node->index])
        sim_fail(l->sim, "%s has a record %c and no decision of %s", l->node->name, key.data[0], checks_describe(l->sim, message, text));
    if (key.data[0] == 'O') check_ruled(l, message);
    return !l->sim->failed;
}

void second_opinion(struct sim *sim)
{
    bool (*explained)[SIM_NODES_MAX] = base_zalloc((sim->messages_count + 1) * sizeof *explained);
    bool (*ruled)[SIM_NODES_MAX] = base_zalloc((sim->messages_count + 1) * sizeof *ruled);
    for (uint32_t i = 0; i < sim->nodes_count && !sim->failed; i++) {
        struct looking l = { .sim = sim, .node = &sim->nodes[i], .explained = explained, .ruled = ruled };
        node_config(sim, l.node, l.peers, &l.config);
        l.has_rules = l.config.rules != NULL;
        l.config.rules = rules_free(l.config.rules); /* not asked here */
        store_scan(l.node->store, qiao_bytes("y", 1), qiao_bytes("z", 1), read_record, &l);
        if (l.config.explain.bytes_max > 0) continue; /* old ones have given way */
        store_scan(l.node->store, qiao_bytes("D", 1), qiao_bytes("E", 1), check_explained, &l);
        store_scan(l.node->store, qiao_bytes("O", 1), qiao_bytes("P", 1), check_explained, &l);
    }
    free(explained);
    free(ruled);
}
