/* What members and misfortune do, all of it by seed. */
#include "sim.h"

#include <stdio.h>

enum { CUTS = 1, PARTITIONS = 2, NODE_CRASHES = 4, MEMBER_CRASHES = 8, FULL_DISKS = 16, SLOW_DISKS = 32, SLOW_WIRES = 64, ABSENCES = 128,
       CRASHES_IN_HANDLERS = 256, WRONG_CLOCKS = 512, TIGHT_STORES = 1024,
       SHUTDOWNS = 2048, ALL_FAULTS = 4095 };

/* ---- the world of this seed ---- */

static void build_nodes(struct sim *sim)
{
    uint32_t nodes_max = sim->options.nodes_max ? sim->options.nodes_max : 1 + (uint32_t)sim_random(sim, 10);
    if (nodes_max > SIM_NODES_MAX) nodes_max = SIM_NODES_MAX;
    uint32_t streets[SIM_NODES_MAX], streets_count = 0;
    sim_add_node(sim, "district", "990101", -1);
    while (sim->nodes_count < nodes_max) {
        char name[SIM_TEXT_SIZE], area[SIM_TEXT_SIZE];
        bool street = streets_count == 0 || sim_chance(sim, 35);
        if (street) {
            snprintf(name, sizeof name, "street-%u", streets_count + 1);
            snprintf(area, sizeof area, "990101%03u", streets_count + 1);
            streets[streets_count++] = sim_add_node(sim, name, area, 0);
            continue;
        }
        uint32_t parent = streets[sim_random(sim, streets_count)];
        snprintf(name, sizeof name, "community-%u", sim->nodes_count);
        snprintf(area, sizeof area, "%.9s%03u", sim->nodes[parent].area, sim->nodes_count);
        sim_add_node(sim, name, area, (int)parent);
    }
}

static void build_members(struct sim *sim)
{
    static const char *const names[] = { "office", "court", "clinic", "hotline" };
    for (uint32_t node = 0; node < sim->nodes_count; node++) {
        uint32_t count = node == 0 ? 1 + (uint32_t)sim_random(sim, 3) : (uint32_t)sim_random(sim, 4);
        for (uint32_t i = 0; i < count && sim->members_count < SIM_MEMBERS_MAX; i++) {
            struct sim_member *member = &sim->members[sim_add_member(sim, node, names[i], sim_chance(sim, 60))];
            service_offer(sim, member);
            member->late = sim_chance(sim, 30);
            member->refuse_percent = sim_chance(sim, 40) ? 10 : 0;
            if (!member->late) member->retry_percent = sim_chance(sim, 50) ? 10 : 0;
            if (!member->late) member->poison_percent = sim_chance(sim, 30) ? 4 : 0;
            member->deadly_percent = sim_chance(sim, 10) ? 1 : 0;
            if (sim->members_count < SIM_MEMBERS_MAX && sim_chance(sim, 15)) sim_add_twin(sim);
        }
    }
}

void traffic_build(struct sim *sim)
{
    static const uint32_t windows[] = { 2, 8, 64, 1024 };
    bool tree = !sim->options.graph || sim_chance(sim, 30);
    if (tree) build_nodes(sim);
    if (sim->options.graph) edges_build(sim, tree);
    build_members(sim);
    files_build(sim);
    sim->window_messages = windows[sim_random(sim, 4)];
    sim->member_window_messages = windows[sim_random(sim, 4)];
    sim->attempts_max = 2 + (uint32_t)sim_random(sim, 4);
    sim->latency_ms_max = 1 + (uint32_t)sim_random(sim, sim_chance(sim, 20) ? 200 : 10);
    sim->fault_percent = (uint32_t)sim_random(sim, sim_chance(sim, 30) ? 30 : 8);
    sim->faults = sim_chance(sim, 50) ? ALL_FAULTS : (uint32_t)sim_random(sim, ALL_FAULTS + 1);
    sim->chatty = sim_chance(sim, 30);
    sim->trust = sim_chance(sim, 75);
    sim->holds = sim->options.seed % 5 == 3;
    for (uint32_t i = 0; i < sim->nodes_count; i++) sim->nodes[i].disk_ms_max = 1 + (uint32_t)sim_random(sim, 20);
    if (sim_chance(sim, 70)) snprintf(sim->owner, sizeof sim->owner, "%s/%s", sim->nodes[sim->members[0].node].area, sim->members[0].name);
}

/* ---- messages ---- */

/* Of the recipient's area code, for an area set around it. */
static int root_size(struct sim *sim)
{
    static const int sizes[] = { 2, 2, 5, 6, 9, 12 };
    return sizes[sim_random(sim, sizeof sizes / sizeof sizes[0])];
}

static void address_message(struct sim *sim, const struct sim_member *sender, struct sim_message *m)
{
    uint64_t dice = sim_random(sim, 100);
    m->recipient = (uint32_t)sim_random(sim, sim->members_count);
    if (sim->members[m->recipient].twin) m->recipient--;
    const struct sim_member *to = &sim->members[m->recipient];
    m->to = dice < 93 ? SIM_TO_MEMBER : dice < 95 ? SIM_TO_UNKNOWN_MEMBER : dice < 97 ? SIM_TO_NOWHERE : SIM_TO_SET;
    if (m->to == SIM_TO_SET && sender->node != 0 && sim_chance(sim, 50)) m->to = SIM_TO_MEMBER;
    if (m->to == SIM_TO_SET && adversary_is_in(sim, sim->nodes[to->node].area)) m->to = SIM_TO_MEMBER; /* the mole answers no deliveries */
    snprintf(m->area, sizeof m->area, "%s", sim->nodes[to->node].area);
    snprintf(m->org, sizeof m->org, "%s", m->to == SIM_TO_UNKNOWN_MEMBER ? "nobody" : to->name);
    if (m->to == SIM_TO_NOWHERE) snprintf(m->area, sizeof m->area, "%s", sim_chance(sim, 50) ? "880202" : "990101777001");
    if (m->to == SIM_TO_SET) {
        snprintf(m->area, sizeof m->area, "%.*s/**", sim->options.graph ? root_size(sim) : 20, sim->nodes[to->node].area);
        m->org[0] = '\0';
    }
}

uint32_t traffic_message(struct sim *sim, struct sim_member *sender)
{
    struct sim_message m = { .sender = sender->index, .case_number = SIM_CASES };
    uint8_t random[10];
    address_message(sim, sender, &m);
    m.lane = (unsigned)sim_random(sim, sim_chance(sim, 60) ? 1 : QIAO_LANES);
    if (m.to == SIM_TO_MEMBER && sim_chance(sim, 80)) {
        m.case_number = (uint32_t)sim_random(sim, SIM_CASES);
        m.case_shared = m.case_number == 0;
        m.case_sequence = ++sim->case_sequences[sender->index][m.recipient][m.case_number];
    }
    if (m.to == SIM_TO_SET && sim->options.graph && sim_chance(sim, 70)) m.case_number = 0;
    if (m.to != SIM_TO_SET && sim_chance(sim, 12)) m.expires_at_ms = sim_wall_ms(sim) + 1 + sim_random(sim, sim_chance(sim, 50) ? 100 : 20000);
    service_address(sim, &m);
    m.body_size = (uint32_t)sim_random(sim, sim_random(sim, 200) == 0 ? 60000 : 200);
    if (sim->files_count > 0 && m.to == SIM_TO_MEMBER && sim_chance(sim, 8)) m.file = 1 + (uint32_t)sim_random(sim, sim->files_count);
    prng_fill(&sim->prng, random, sizeof random);
    m.id = qiao_id_make(sim_wall_ms(sim), random);
    put_u32(m.id.bytes + 12, sim->messages_count);
    return checks_message(sim, &m);
}

static int submit(struct sim *sim, struct sim_member *sender, const struct sim_message *m, uint8_t fill)
{
    static uint8_t body[QIAO_BODY_SIZE_MAX + 1];
    char case_id[32];
    snprintf(case_id, sizeof case_id, m->case_shared ? "shared-%u" : "case-%u-%u", m->case_number, m->sender);
    memset(body, fill, m->body_size + 1);
    struct qiao_message message = {
        .id = m->id, .kind = m->to == SIM_TO_NODES ? m->kind : m->to == SIM_TO_SET ? QIAO_KIND_BULLETIN : m->case_number < SIM_CASES ? QIAO_KIND_CASE_UPDATE : QIAO_KIND_PAYLOAD,
        .destination = { m->area, m->org, NULL, m->service[0] ? m->service : NULL }, .case_id = m->case_number < SIM_CASES ? case_id : NULL, .case_sequence = m->case_sequence,
        .expires_at_ms = m->expires_at_ms, .lane = (enum qiao_lane)m->lane, .privacy = m->to == SIM_TO_SET || m->to == SIM_TO_NODES ? QIAO_PRIVACY_PUBLIC : QIAO_PRIVACY_INTERNAL,
        .body = m->to == SIM_TO_NODES ? m->words : (struct qiao_bytes){ body, m->body_size + (fill != 0) },
        .matter = traffic_matter(sim, m),
    };
    struct qiao_attachment attachment;
    if (m->file) attachment = files_attachment(sim, m->file - 1);
    message.attachments = m->file ? &attachment : NULL;
    message.attachments_count = m->file ? 1 : 0;
    int result = session_submit(&sender->session, &message, sim_wall_ms(sim), NULL);
    if (result != QIAO_CLIENT_OK && result != QIAO_CLIENT_BUSY) sim_fail(sim, "%s cannot submit: %s", sender->name, sender->session.error);
    if (result == QIAO_CLIENT_OK && m->file) files_submitted(sender, m->file - 1);
    return result;
}

const char *traffic_matter(const struct sim *sim, const struct sim_message *m)
{
    if (!sim->holds) return NULL;
    return m->case_sequence % 5 == 1 ? "WAIT" : m->case_sequence % 3 == 1 ? "FAST" : NULL;
}

bool traffic_submit(struct sim *sim, struct sim_member *sender, uint32_t message)
{
    bool taken = submit(sim, sender, &sim->messages[message], 0) == QIAO_CLIENT_OK;
    if (!taken) sim->messages[message].lost_with_sender = true;
    return taken;
}

/* From as many places as there are members, until each edge has had its chance to be crossed twice. */
void traffic_notices(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->members_count; i++) {
        struct sim_member *sender = &sim->members[i];
        struct sim_message m = { .sender = i, .to = SIM_TO_SET, .case_number = SIM_CASES, .lane = (unsigned)sim_random(sim, QIAO_LANES), .body_size = 100 };
        uint8_t random[10];
        if (!sender->alive || i % 3 == 2) continue;
        const struct sim_member *to = &sim->members[sim_random(sim, sim->members_count)];
        snprintf(m.area, sizeof m.area, "%.*s/**", i % 3 == 0 ? 2 : root_size(sim), sim->nodes[to->node].area);
        prng_fill(&sim->prng, random, sizeof random);
        m.id = qiao_id_make(sim_wall_ms(sim), random);
        put_u32(m.id.bytes + 12, sim->messages_count);
        if (traffic_submit(sim, sender, checks_message(sim, &m))) member_settle(sim, sender);
    }
}

static struct sim_member *any_member(struct sim *sim)
{
    return &sim->members[sim_random(sim, sim->members_count)];
}

static void submit_some(struct sim *sim)
{
    struct sim_member *sender = any_member(sim);
    if (!sender->alive) return;
    uint64_t count = 1 + sim_random(sim, sim_chance(sim, 5) ? 40 : 2);
    for (uint64_t i = 0; i < count; i++)
        if (!traffic_submit(sim, sender, traffic_message(sim, sender))) break;
    if (sim_chance(sim, 90)) member_settle(sim, sender);
}

bool traffic_submit_again(struct sim *sim, uint32_t message, bool conflict)
{
    struct sim_message *m = &sim->messages[message];
    struct sim_member *sender = &sim->members[m->sender];
    if (!m->submitted || !sender->alive || submit(sim, sender, m, conflict ? 7 : 0) != QIAO_CLIENT_OK) return false;
    m->conflicting |= conflict;
    sim->counts.duplicates += !conflict;
    sim->counts.conflicts += conflict;
    member_settle(sim, sender);
    return true;
}

/* ---- misfortune ---- */

static void cut(struct sim *sim)
{
    if (sim->pipes_count == 0) return;
    uint32_t index = (uint32_t)sim_random(sim, sim->pipes_count);
    if (sim->pipes[index]->used) pipe_cut(sim, (int)index);
}

static void part(struct sim *sim)
{
    uint64_t until = sim->now_ms + sim_random(sim, sim_chance(sim, 30) ? 60000 : 6000);
    bool nodes = sim_chance(sim, 60);
    sim->counts.partitions++;
    if (nodes) sim->nodes[sim_random(sim, sim->nodes_count)].blocked_until_ms = until;
    else any_member(sim)->blocked_until_ms = until;
    sim_trace(sim, "partition until %llu", (unsigned long long)until);
}

static void crash_node(struct sim *sim)
{
    node_crash(sim, &sim->nodes[sim_random(sim, sim->nodes_count)], sim_random(sim, sim_chance(sim, 20) ? 30000 : 1500));
}

static void crash_member(struct sim *sim)
{
    member_crash(sim, any_member(sim), sim_random(sim, 3000));
}

static void crash_in_handler(struct sim *sim)
{
    any_member(sim)->crash_at_delivery = sim_chance(sim, 50) ? SIM_CRASH_BEFORE_VERDICT : SIM_CRASH_AFTER_VERDICT;
}

static void fill_disk(struct sim *sim)
{
    struct sim_node *node = &sim->nodes[sim_random(sim, sim->nodes_count)];
    uint64_t ms = sim_random(sim, sim_chance(sim, 20) ? 20000 : 1000);
    sim->counts.full_disks++;
    node->full_until_ms = sim->now_ms + ms;
    store_array_faults(node->store)->full = true;
    sim_at(sim, ms, SIM_DISK_ROOM, node->index, 0, 0);
    sim_trace(sim, "%s: disk is full for %llu ms", node->name, (unsigned long long)ms);
}

static void slow_disk(struct sim *sim)
{
    sim->nodes[sim_random(sim, sim->nodes_count)].disk_ms_max = 1 + (uint32_t)sim_random(sim, sim_chance(sim, 20) ? 1000 : 20);
}

/* Some lines are only slow, some are bad as well. */
static void slow_wire(struct sim *sim)
{
    if (sim->pipes_count == 0) return;
    struct sim_pipe *pipe = sim->pipes[sim_random(sim, sim->pipes_count)];
    uint32_t rate = (uint32_t)sim_random(sim, 40);
    pipe->bytes_per_ms = rate;
    pipe->line = (struct sim_line){ .bytes_per_s = rate % 2 ? rate * 1000 : 0, .loss_percent = 5, .latency_ms = pipe->latency_ms };
}

static void leave(struct sim *sim)
{
    struct sim_member *member = any_member(sim);
    bool back = member->absent;
    member->absent = !back;
    if (back && member->alive) sim_at(sim, 1, SIM_MEMBER_DIAL, member->index, member->life, 0);
    else member_disconnect(sim, member);
}

static void set_clock(struct sim *sim)
{
    sim->nodes[sim_random(sim, sim->nodes_count)].clock_ms = (int64_t)sim_random(sim, 20000) - 10000;
}

/* Little room is left, for a while or until the world heals. */
static void tighten_store(struct sim *sim)
{
    struct sim_node *node = &sim->nodes[sim_random(sim, sim->nodes_count)];
    struct store_stat stat;
    node->store->engine->stat(node->store, &stat);
    store_array_faults(node->store)->bytes_max = sim_chance(sim, 50) ? stat.bytes_used + stat.bytes_used / 20 + sim_random(sim, 3000) : 0;
    sim_trace(sim, "%s: store may hold %llu bytes", node->name, (unsigned long long)store_array_faults(node->store)->bytes_max);
}

static void shut_down(struct sim *sim)
{
    node_shut_down(sim, &sim->nodes[sim_random(sim, sim->nodes_count)], sim_random(sim, 1500));
}

static void misfortune(struct sim *sim)
{
    static void (*const kinds[])(struct sim *) = { cut, part, crash_node, crash_member, fill_disk, slow_disk, slow_wire, leave, crash_in_handler, set_clock, tighten_store, shut_down };
    unsigned kind = (unsigned)sim_random(sim, sizeof kinds / sizeof kinds[0]);
    if (sim->faults & 1u << kind) kinds[kind](sim);
}

void traffic_step(struct sim *sim)
{
    uint64_t dice = sim_random(sim, 100);
    if (sim->options.graph && sim_random(sim, 60) == 0) edge_fail(sim);
    if (sim_chance(sim, sim->fault_percent)) misfortune(sim);
    else if (dice < 4 && sim->messages_count > 0) traffic_submit_again(sim, (uint32_t)sim_random(sim, sim->messages_count), sim_chance(sim, 30));
    else if (dice < 5) audit_node(sim, &sim->nodes[sim_random(sim, sim->nodes_count)]);
    else if (dice < 6) audit_retry(sim, &sim->nodes[sim_random(sim, sim->nodes_count)]);
    else submit_some(sim);
}

void traffic_heal(struct sim *sim)
{
    sim_trace(sim, "the world heals");
    sim->healing = true;
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        struct sim_node *node = &sim->nodes[i];
        node->blocked_until_ms = node->full_until_ms = 0;
        node->disk_ms_max = 2;
        *store_array_faults(node->store) = (struct store_array_faults){ 0 };
    }
    for (uint32_t i = 0; i < sim->members_count; i++) {
        struct sim_member *member = &sim->members[i];
        member->blocked_until_ms = 0;
        if (member->absent && member->alive) sim_at(sim, 1, SIM_MEMBER_DIAL, member->index, member->life, 0);
        member->absent = false;
    }
    for (uint32_t i = 0; i < sim->pipes_count; i++) sim->pipes[i]->bytes_per_ms = sim->pipes[i]->line.bytes_per_s = 0;
    edges_heal(sim);
}
