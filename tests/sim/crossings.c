/* How often a public notice crosses each edge: once at most while the federation rests, whatever its graph looks like.
 *
 * A crossing is a place in a neighbour's queue that the neighbour has on disk; that the same place was sent again after a cut is the link's
 * business and no crossing. When ways change while a notice is under way, or shortly before (a link comes or goes, a node hears something new
 * of what its neighbours can reach), what had begun on one way may have to take another over an edge that the notice knows already: for every
 * such change one crossing more is justified, and counted apart. */
#include "sim.h"

#include "codec/envelope.h"
#include "core/keys.h"

/* Until all have heard of a change: after this nothing is justified any more. Slow lines and disks take longer. */
#define SETTLED_MS 10000u
#define SETTLED_MS_IN_TROUBLE 60000u

void crossings_unrest(struct sim *sim)
{
    if (sim->unrests_count == sim->unrests_capacity) {
        sim->unrests_capacity = sim->unrests_capacity ? sim->unrests_capacity * 2 : 64;
        sim->unrests = base_realloc(sim->unrests, sim->unrests_capacity * sizeof *sim->unrests);
    }
    sim->unrests[sim->unrests_count++] = sim->now_ms;
}

static uint32_t changes_around(const struct sim *sim, const struct sim_message *m)
{
    uint64_t before = sim->healing && m->sent_healed ? SETTLED_MS : SETTLED_MS_IN_TROUBLE, since = m->sent_ms > before ? m->sent_ms - before : 0;
    uint32_t count = 0;
    for (size_t i = sim->unrests_count; i > 0 && sim->unrests[i - 1] >= since; i--) count++;
    return count;
}

static void crossed(struct sim *sim, const struct sim_node *from, const struct sim_node *to, uint32_t index)
{
    char text[256];
    struct sim_message *m = &sim->messages[index];
    if (!m->crossings) m->crossings = base_zalloc(SIM_NODES_MAX * sizeof *m->crossings);
    uint32_t low = from->index < to->index ? from->index : to->index, high = from->index + to->index - low;
    uint32_t times = ++m->crossings[low][high], allowed = times > 1 ? changes_around(sim, m) : 0;
    if (sim->options.print_trace) sim_trace(sim, "%s has crossed from %s to %s", checks_describe(sim, index, text), from->name, to->name);
    sim->counts.crossings++;
    sim->counts.crossings_again += times > 1;
    if (times > 1 + allowed)
        sim_fail(sim, "crosses the edge between %s and %s, time %u, with %u changes of ways: %s", from->name, to->name, times, allowed, checks_describe(sim, index, text));
}

struct crossing {
    struct sim *sim;
    const struct sim_node *from, *to;
    uint64_t after, last;
};

static bool visit_run(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct crossing *x = context;
    struct run_view run;
    struct qiao_bytes raw;
    struct envelope e;
    uint64_t sequence = key_run_first(key);
    if (!run_open(value, &run)) return true;
    struct pb_reader r = pb_reader(run.entries);
    for (; run_next(&r, &raw); sequence++) {
        if (sequence <= x->after || sequence > x->last || raw.size == 0 || envelope_open(raw, &e) != QIAO_CODE_OK) continue;
        uint32_t index = get_u32(e.header.id.bytes + 12);
        bool known = index < x->sim->messages_count && qiao_id_equal(&x->sim->messages[index].id, &e.header.id);
        if (known && x->sim->messages[index].to == SIM_TO_SET) crossed(x->sim, x->from, x->to, index);
    }
    return true;
}

static uint16_t number_of(const struct sim_node *node, uint32_t other)
{
    for (uint16_t i = 0; i < sizeof node->link_numbers / sizeof node->link_numbers[0]; i++)
        if (node->link_numbers[i] == other + 1) return i;
    return 0;
}

/* The sender keeps what it sent until it hears that this commit is durable, so it still lies there. */
void crossings_received(struct sim *sim, const struct sim_node *to, const struct store_op *op)
{
    unsigned lane = op->key.data[11];
    uint32_t other = to->link_numbers[get_u16(op->key.data + 1)];
    if (lane >= QIAO_LANES || other == 0) return;
    const struct sim_node *from = &sim->nodes[other - 1];
    uint64_t *last = &sim->crossed[from->index][to->index][lane], now = get_u64(op->value.data);
    if (now <= *last) return;
    struct crossing x = { sim, from, to, *last, now };
    uint16_t number = number_of(from, to->index);
    struct key first = key_run(number, lane, 0), end = key_run(number, lane, now + 1);
    store_scan(from->store, key_bytes(&first), key_bytes(&end), visit_run, &x);
    *last = now;
}

/* 'P': which neighbour a number on the node's disk stands for. */
void crossings_numbered(struct sim *sim, struct sim_node *node, const struct store_op *op)
{
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        struct key key = key_named('P', "node/");
        size_t size = strlen(sim->nodes[i].name);
        memcpy(key.bytes + key.size, sim->nodes[i].name, size);
        key.size += size;
        if (qiao_bytes_equal(op->key, key_bytes(&key))) node->link_numbers[get_u16(op->value.data)] = i + 1;
    }
}
