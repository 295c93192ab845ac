/* The second opinion where ways change: in graphs and about services. What every neighbour had told a node, and what was written beside a
 * message on its way there, is noted as the world goes on; as soon as a decision is on the disk it is taken again from that, by the words of
 * core/directory.h and core/route.h and by code that shares nothing with the router.
 *
 * A decision is on the disk some steps after it was taken: the state of any moment between the two batches around it may have been the one. */
#include "marks.h"
#include "ways.h"

#include "codec/envelope.h"
#include "codec/run.h"
#include "core/keys.h"

#include <stdio.h>

/* ---- what is noted ---- */

struct memory {
    struct knowledge *known;       /* oldest first */
    size_t count, capacity;
    uint64_t sealed_ms[2];         /* the batch before last, the last */
};

struct ways {
    struct memory nodes[SIM_NODES_MAX];
    struct arrival *arrivals;
    size_t count, capacity;
};

struct ways *ways_free(struct ways *ways)
{
    if (!ways) return NULL;
    for (size_t i = 0; i < SIM_NODES_MAX; i++) free(ways->nodes[i].known);
    for (size_t i = 0; i < ways->count; i++) buf_deinit(&ways->arrivals[i].share);
    free(ways->arrivals);
    free(ways);
    return NULL;
}

static struct ways *ways_of(struct sim *sim)
{
    if (!sim->ways) sim->ways = base_zalloc(sizeof *sim->ways);
    return sim->ways;
}

static void note_neighbour(struct sim *sim, struct knowledge *k, const struct peer *peer)
{
    struct neighbour *n = &k->neighbours[k->neighbours_count++];
    *n = (struct neighbour){ .role = peer->role, .dead = peer->dead, .told_first = k->told_count };
    snprintf(n->name, sizeof n->name, "%s", peer->name);
    snprintf(n->area, sizeof n->area, "%s", peer->area);
    for (size_t i = 0; i < peer->learned_count; i++) {
        const struct learned *l = &peer->learned[i];
        if (k->told_count == WAYS_TOLD_MAX || strlen(l->path) >= WAYS_PATH_SIZE) {
            sim_fail(sim, "the second opinion cannot remember all that %s told", peer->name);
            return;
        }
        struct told *t = &k->told[k->told_count++];
        *t = (struct told){ .hole = l->hole, .withdrawn = l->withdrawn, .length = l->length };
        snprintf(t->area, sizeof t->area, "%s", l->area);
        snprintf(t->service, sizeof t->service, "%s", l->service);
        snprintf(t->path, sizeof t->path, "%s", l->path);
        n->told_count++;
    }
}

static void note(struct sim *sim, struct memory *memory, const struct core *core)
{
    if (memory->count == memory->capacity) {
        memory->capacity = memory->capacity ? memory->capacity * 2 : 8;
        memory->known = base_realloc(memory->known, memory->capacity * sizeof *memory->known);
    }
    struct knowledge *k = &memory->known[memory->count++];
    *k = (struct knowledge){ .since_ms = sim->now_ms, .version = core->directory.version, .graph = core->graph };
    for (size_t i = 0; i < core->links_count && !sim->failed; i++)
        if (&core->peers[i] != core->waiting) note_neighbour(sim, k, &core->peers[i]);
    for (size_t i = core->links_count; i < core->peers_count; i++) snprintf(k->members[k->members_count++], SIM_TEXT_SIZE, "%s", core->peers[i].name);
}

void ways_look(struct sim *sim, const struct sim_node *node)
{
    struct memory *memory = &ways_of(sim)->nodes[node->index];
    if (memory->count > 0 && memory->known[memory->count - 1].version == node->core->directory.version) return;
    crossings_unrest(sim);
    note(sim, memory, node->core);
}

void ways_started(struct sim *sim, const struct sim_node *node)
{
    struct memory *memory = &ways_of(sim)->nodes[node->index];
    memory->count = 0;
    memory->sealed_ms[0] = memory->sealed_ms[1] = sim->now_ms;
    note(sim, memory, node->core);
}

void ways_sealed(struct sim *sim, const struct sim_node *node)
{
    struct memory *memory = &ways_of(sim)->nodes[node->index];
    if (!node->refused) memory->sealed_ms[0] = memory->sealed_ms[1]; /* else what a full disk refused is in this batch too */
    memory->sealed_ms[1] = sim->now_ms;
}

/* What ended before the batch that is on the disk now was begun. */
static void forget(struct memory *memory)
{
    size_t gone = 0;
    while (gone + 1 < memory->count && memory->known[gone + 1].since_ms < memory->sealed_ms[0]) gone++;
    memory->count -= gone;
    memmove(memory->known, memory->known + gone, memory->count * sizeof *memory->known);
}

/* ---- messages on their way ---- */

static uint32_t message_of(const struct sim *sim, const struct qiao_id *id)
{
    uint32_t message = get_u32(id->bytes + 12);
    bool known = message < sim->messages_count && qiao_id_equal(&sim->messages[message].id, id);
    return known ? message : sim->messages_count;
}

static void note_arrival(struct sim *sim, struct arrival a, const struct envelope *e)
{
    struct ways *ways = ways_of(sim);
    a.message = message_of(sim, &e->header.id);
    a.shared = e->note.shared;
    if (a.message == sim->messages_count) return;
    a.passed = a.to != WAYS_WAITING && envelope_passed(e->raw, qiao_bytes_from_string(sim->nodes[a.to].name), NULL);
    snprintf(a.pin, sizeof a.pin, "%.*s", (int)e->note.pin.size, e->note.pin.size ? (const char *)e->note.pin.data : "");
    buf_append(&a.share, e->note.share.data, e->note.share.size);
    if (ways->count == ways->capacity) {
        ways->capacity = ways->capacity ? ways->capacity * 2 : 256;
        ways->arrivals = base_realloc(ways->arrivals, ways->capacity * sizeof *ways->arrivals);
    }
    ways->arrivals[ways->count++] = a;
}

static struct sim_node *node_named(struct sim *sim, const char *name)
{
    for (uint32_t i = 0; i < sim->nodes_count; i++)
        if (strcmp(sim->nodes[i].name, name) == 0) return &sim->nodes[i];
    return NULL;
}

/* Where what is in this peer's queue goes: a node, or the place to wait. False: to a member, or to somebody hostile. */
static bool goes_to(struct sim *sim, const struct sim_node *node, uint16_t number, uint32_t *ret_to)
{
    const struct core *core = node->core;
    for (size_t i = 0; i < core->links_count; i++) {
        if (core->peers[i].number != number) continue;
        const struct sim_node *to = node_named(sim, core->peers[i].name);
        *ret_to = to ? to->index : WAYS_WAITING;
        return to || &core->peers[i] == core->waiting;
    }
    return false;
}

/* 'Q': what is in a neighbour's queue will arrive there like this. */
static void note_run(struct sim *sim, const struct sim_node *node, const struct store_op *op)
{
    struct arrival a = { .from = node->index, .sequence = key_run_first(op->key) };
    struct run_view run;
    struct qiao_bytes raw;
    struct envelope e;
    if (!goes_to(sim, node, get_u16(op->key.data + 1), &a.to) || !run_open(op->value, &run)) return;
    struct pb_reader r = pb_reader(run.entries);
    for (; run_next(&r, &raw); a.sequence++)
        if (raw.size > 0 && envelope_open(raw, &e) == QIAO_CODE_OK) note_arrival(sim, a, &e);
}

/* ---- deciding again ---- */

struct answer {
    unsigned code;
    const char *to;
    bool member, shared;
};

int ways_kind(const struct question *q, const struct way *w)
{
    enum link_role role = w->neighbour->role;
    if (!w->area[0]) return role == LINK_ROLE_PARENT_NODE ? 3 : 4;
    if (around(w->neighbour->area, w->area)) return 1;
    return role != LINK_ROLE_CHILD_NODE && !around(q->node->area, w->area) ? 1 : 2;
}

/* "The first that can be used wins; among equals the smaller area around the destination, then a child, then the shorter path, then the name." */
bool ways_is_better(const struct question *q, const struct way *a, const struct way *b)
{
    int kinds = ways_kind(q, a) - ways_kind(q, b);
    bool a_child = a->neighbour->role == LINK_ROLE_CHILD_NODE, b_child = b->neighbour->role == LINK_ROLE_CHILD_NODE;
    if (a->usable != b->usable) return a->usable;
    if (kinds != 0) return kinds < 0;
    if (strlen(a->area) != strlen(b->area)) return strlen(a->area) > strlen(b->area);
    if (a_child != b_child) return a_child;
    if (a->length != b->length) return a->length < b->length;
    return strcmp(a->neighbour->name, b->neighbour->name) < 0;
}

bool ways_has_hole(const struct question *q, const struct neighbour *n, const char *area, const char *to)
{
    for (uint32_t i = 0; i < n->told_count; i++) {
        const struct told *t = &q->known->told[n->told_first + i];
        if (t->hole && strlen(t->area) > strlen(area) && around(t->area, to)) return true;
    }
    return false;
}

struct search {
    const struct question *q;
    const char *to;
    struct way best;
    bool known;                    /* somebody named an area around it */
};

static void consider(struct search *s, const struct neighbour *n, const char *area, unsigned length, bool withdrawn)
{
    const struct question *q = s->q;
    if (!around(area, s->to)) return;
    if (s->to[0] && around(q->node->area, s->to) && strlen(area) <= strlen(q->node->area)) return;
    struct way way = { .neighbour = n, .area = area, .length = length };
    bool back = strcmp(n->name, q->from) == 0;
    way.down = n->dead && !back;
    way.usable = !n->dead && !back && !withdrawn && !ways_has_hole(q, n, area, s->to);
    s->known |= area[0] != '\0';
    if ((way.usable || way.down) && (!s->best.neighbour || ways_is_better(q, &way, &s->best))) s->best = way;
}

static struct answer answer_way(const struct question *q, const char *to)
{
    struct search s = { .q = q, .to = to };
    for (uint32_t i = 0; i < q->known->neighbours_count; i++) {
        const struct neighbour *n = &q->known->neighbours[i];
        consider(&s, n, n->role == LINK_ROLE_PARENT_NODE ? "" : n->area, 1, false);
        for (uint32_t k = 0; k < n->told_count; k++) {
            const struct told *t = &q->known->told[n->told_first + k];
            if (!t->hole && !t->service[0]) consider(&s, n, t->area, t->length, t->withdrawn);
        }
    }
    bool shared = q->known->graph && s.known;
    if (s.best.neighbour) return (struct answer){ QIAO_CODE_OK, s.best.neighbour->name, false, shared };
    return (struct answer){ shared ? QIAO_CODE_OK : QIAO_CODE_NO_ROUTE, CORE_WAITING_NAME, false, shared };
}

static struct answer answer_member(const struct question *q)
{
    for (uint32_t i = 0; i < q->sim->members_count; i++) {
        const struct sim_member *m = &q->sim->members[i];
        if (m->node == q->node->index && !m->twin && strcmp(m->name, q->message->org) == 0) return (struct answer){ QIAO_CODE_OK, m->name, true, false };
    }
    return (struct answer){ .code = QIAO_CODE_UNKNOWN_MEMBER };
}

static const char *provider_here(const struct question *q)
{
    const char *first = NULL;
    for (uint32_t i = 0; i < q->sim->members_count; i++) {
        const struct sim_member *m = &q->sim->members[i];
        bool offers = m->node == q->node->index && !m->twin && m->service && strcmp(m->service, q->message->service) == 0;
        if (offers && (!first || strcmp(m->name, first) < 0)) first = m->name;
    }
    return first;
}

static struct answer answer_here(const struct question *q)
{
    const char *provider = provider_here(q);
    return provider ? (struct answer){ QIAO_CODE_OK, provider, true, false } : (struct answer){ .code = QIAO_CODE_NO_PROVIDER };
}

static const struct neighbour *parent_of(const struct knowledge *k)
{
    for (uint32_t i = 0; i < k->neighbours_count; i++)
        if (k->neighbours[i].role == LINK_ROLE_PARENT_NODE) return &k->neighbours[i];
    return NULL;
}

static size_t levels_shared(const char *a, const char *b)
{
    size_t size = 0;
    while (a[size] && a[size] == b[size]) size++;
    return size / 3;
}

struct provider {
    const char *area;
    unsigned length;
};

/* "The smallest area around the sender first; in it whoever stands higher, then the shorter path, then the code." */
static bool is_nearer(const char *sender, const struct provider *a, const struct provider *b)
{
    if (!b->area) return true;
    size_t a_level = levels_shared(sender, a->area), b_level = levels_shared(sender, b->area);
    if (a_level != b_level) return a_level > b_level;
    if (strlen(a->area) != strlen(b->area)) return strlen(a->area) < strlen(b->area);
    return a->length != b->length ? a->length < b->length : strcmp(a->area, b->area) < 0;
}

static struct provider nearest(const struct question *q)
{
    const char *sender = q->sim->nodes[q->sim->members[q->message->sender].node].area;
    bool everybody = !parent_of(q->known);
    struct provider best = { 0 };
    if (provider_here(q)) best = (struct provider){ q->node->area, 0 };
    for (uint32_t i = 0; i < q->known->told_count; i++) {
        const struct told *t = &q->known->told[i];
        struct provider other = { t->area, t->length };
        bool counts = !t->withdrawn && strcmp(t->service, q->message->service) == 0 && (everybody || around(q->node->area, t->area));
        if (counts && is_nearer(sender, &other, &best)) best = other;
    }
    return best;
}

static struct answer answer_service(const struct question *q)
{
    const char *pin = q->arrival ? q->arrival->pin : "";
    const struct neighbour *up = parent_of(q->known);
    if (pin[0]) return strcmp(pin, q->node->area) == 0 ? answer_here(q) : answer_way(q, pin);
    struct provider provider = nearest(q);
    if (provider.area && strcmp(provider.area, q->node->area) == 0) return answer_here(q);
    if (provider.area) {
        struct answer answer = answer_way(q, provider.area);
        if (answer.code == QIAO_CODE_NO_ROUTE) answer.code = QIAO_CODE_NO_PROVIDER;
        return answer;
    }
    if (!up || strcmp(up->name, q->from) == 0) return (struct answer){ .code = QIAO_CODE_NO_PROVIDER };
    return (struct answer){ QIAO_CODE_OK, up->name, false, false };
}

/* A copy that was here before waits, and so does one for which others know a way and this node does not. */
static bool waits(const struct question *q, const struct answer *answer)
{
    const struct arrival *a = q->arrival;
    const char *to = q->message->to == SIM_TO_SERVICE && a ? a->pin : q->message->area;
    if (!q->known->graph || !a || !a->shared || strcmp(to, q->node->area) == 0 || answer->member) return false;
    return answer->code == QIAO_CODE_OK ? a->passed : answer->code == QIAO_CODE_NO_ROUTE && !around(q->node->area, to);
}

static struct answer decide(const struct question *q)
{
    struct answer answer = q->message->to == SIM_TO_SERVICE            ? answer_service(q)
                           : strcmp(q->message->area, q->node->area) == 0 ? answer_member(q)
                                                                        : answer_way(q, q->message->area);
    return waits(q, &answer) ? (struct answer){ QIAO_CODE_OK, CORE_WAITING_NAME, false, true } : answer;
}

/* ---- comparing ---- */

static bool agrees(const struct question *q, const Qiao__V1__Decision *d)
{
    if (q->message->to == SIM_TO_SET) return set_ways_agree(q, d);
    struct answer answer = decide(q);
    if (answer.code != d->code) return false;
    if (d->code != QIAO_CODE_OK) return d->chosen_count == 0;
    return d->n_chosen == 1 && d->chosen[0]->member == answer.member && strcmp(d->chosen[0]->name, answer.to) == 0;
}

/* By anything the node knew while the batch was filled. */
static bool is_explained_by(struct question *q, const struct memory *memory, const Qiao__V1__Decision *d)
{
    for (size_t i = 0; i < memory->count; i++) {
        q->known = &memory->known[i];
        bool over = i + 1 < memory->count && memory->known[i + 1].since_ms < memory->sealed_ms[0];
        if (!over && agrees(q, d)) return true;
    }
    return false;
}

/* One that waited here for another of its case came from anybody. */
static bool may_be_of(const struct question *q, const struct arrival *a, uint32_t message)
{
    return a->message == message && a->to == q->node->index && (!q->from[0] || strcmp(q->sim->nodes[a->from].name, q->from) == 0);
}

/* What became of the message in the queue of this peer. False: it is not there. */
static bool find_copy(struct sim *sim, struct question *q, uint32_t message, uint16_t peer, uint64_t sequence)
{
    struct arrival a = { .message = message, .from = q->node->index, .sequence = sequence };
    if (sequence == 0 || !goes_to(sim, q->node, peer, &a.to)) return true;
    for (size_t i = sim->ways->count; i > 0 && !q->copy; i--) {
        const struct arrival *copy = &sim->ways->arrivals[i - 1];
        if (copy->message == message && copy->from == a.from && copy->to == a.to && copy->sequence == sequence) q->copy = copy;
    }
    return q->copy != NULL;
}

static bool is_explained(struct question *q, const Qiao__V1__Decision *d, uint32_t message)
{
    const struct ways *ways = q->sim->ways;
    const struct memory *memory = &ways->nodes[q->node->index];
    bool came = q->from[0] || (q->message->to == SIM_TO_SET && !d->from_member);
    if (!came) return is_explained_by(q, memory, d);
    for (size_t i = ways->count; i > 0; i--) {
        q->arrival = &ways->arrivals[i - 1];
        if (may_be_of(q, q->arrival, message) && is_explained_by(q, memory, d)) return true;
    }
    return false;
}

static void judge(struct sim *sim, const struct sim_node *node, const Qiao__V1__Decision *d, uint32_t message, uint16_t peer, uint64_t sequence)
{
    char text[256];
    const struct sim_message *m = &sim->messages[message];
    bool changes = sim->options.graph || sim->adversary || m->to == SIM_TO_SERVICE; /* else second_opinion.c has judged already */
    struct question q = { .sim = sim, .node = node, .message = m, .from = d->from_member ? "" : d->from };
    if (q.from[0] && !node_named(sim, q.from)) return; /* the hostile neighbour changes what it sends on: adversary.c judges what becomes of that */
    if (!changes || d->code == QIAO_CODE_EXPIRED) return;
    bool there = m->to != SIM_TO_SET || find_copy(sim, &q, message, peer, sequence), agreed = there && is_explained(&q, d, message);
    sim->counts.opinions += agreed;
    sim->counts.set_opinions += agreed && m->to == SIM_TO_SET;
    if (!agreed) sim_fail(sim, "%s decided (code %s, to %s, from %s), the second opinion differs: %s", node->name, qiao_code_name(d->code), d->n_chosen > 0 ? d->chosen[0]->name : "nobody", d->from,
                          checks_describe(sim, message, text));
}

/* ---- from the disk ---- */

static void judge_stretch(struct sim *sim, const struct sim_node *node, const struct explain_stretch *stretch)
{
    struct key key = explain_key(&stretch->name);
    struct qiao_bytes value;
    if (!store_get(node->store, key_bytes(&key), &value) || value.size < EXPLAIN_DECISION_HEAD_SIZE) return; /* second_opinion.c misses it */
    Qiao__V1__Decision *d = qiao__v1__decision__unpack(NULL, value.size - EXPLAIN_DECISION_HEAD_SIZE, value.data + EXPLAIN_DECISION_HEAD_SIZE);
    for (uint32_t i = 0; d && i < stretch->count && !sim->failed; i++) {
        uint32_t message = marks_find(sim, stretch, i);
        if (message < sim->messages_count) judge(sim, node, d, message, stretch->peer, stretch->first ? stretch->first + i : 0);
    }
    if (d) qiao__v1__decision__free_unpacked(d, NULL);
}

static void judge_record(struct sim *sim, const struct sim_node *node, struct qiao_bytes value)
{
    struct explain_record record;
    struct explain_stretch stretch;
    if (!explain_open(value, &record)) return;
    struct qiao_bytes rest = record.stretches;
    while (!sim->failed && explain_next(&record, &rest, &stretch)) judge_stretch(sim, node, &stretch);
}

static void look_through(struct sim *sim, const struct sim_node *node, const struct store_batch *batch, uint8_t prefix)
{
    for (size_t i = 0; i < batch->count && !sim->failed; i++) {
        const struct store_op *op = &batch->ops[i];
        if (op->type != STORE_PUT || op->key.data[0] != prefix) continue;
        if (prefix == 'Q') note_run(sim, node, op);
        else judge_record(sim, node, op->value);
    }
}

/* What was decided is compared with what lies in queues since. */
void ways_committed(struct sim *sim, const struct sim_node *node, const struct store_batch *batch)
{
    look_through(sim, node, batch, 'Q');
    look_through(sim, node, batch, 'y');
    forget(&ways_of(sim)->nodes[node->index]);
}
