#include "scenarios/story.h"

#include "area/load.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum world { HONEST, HOSTILE, OWNED, WITHOUT_A_LINE, SIGNED, CUT_OFF, AREAS };

struct area_table *story_table(const char *rows)
{
    struct area_errors errors = { 0 };
    buf_auto file = { 0 };
    static const char head[] = "code,name,valid_to,successors\n";
    buf_append(&file, head, sizeof head - 1);
    buf_append(&file, rows, strlen(rows));
    struct area_table *table = area_load(buf_bytes(&file), CHARSET_UTF_8, &errors);
    cr_assert(table, "%s", errors.count ? errors.items[0].text : "");
    area_errors_deinit(&errors);
    return table;
}

static void give_areas(struct story *s, const char *const files[3])
{
    static const char *const registrars[] = { "990101/court", "990101001/office" };
    struct sim_node *const nodes[] = { s->district, s->street, s->community };
    s->sim->registrars = registrars;
    s->sim->registrars_count = 2;
    for (size_t i = 0; i < 3; i++) nodes[i]->areas = s->areas[i] = story_table(files[i]);
}

static struct story begin(enum world world, uint32_t drain_per_s, const char *const areas[3])
{
    struct sim_options options = { .seed = 7, .keep_trace = true, .calm = true, .drain_per_s = drain_per_s };
    struct story s = { .sim = sim_new(&options) };
    s.sim->latency_ms_max = 1;
    s.sim->trust = world == SIGNED || world == CUT_OFF || world == AREAS;
    if (world == CUT_OFF) s.sim->heartbeat_ms = 60000;
    uint32_t district = sim_add_node(s.sim, "district", "990101", -1);
    uint32_t street = sim_add_node(s.sim, "street", "990101001", (int)district);
    uint32_t community = sim_add_node(s.sim, "community", "990101001001", (int)street);
    uint32_t court = sim_add_member(s.sim, district, "court", true);
    uint32_t office = sim_add_member(s.sim, street, "office", true);
    uint32_t hotline = sim_add_member(s.sim, community, "hotline", true);
    if (world == CUT_OFF) s.helpers = &s.sim->members[sim_add_member(s.sim, community, "helpers", true)];
    s.district = &s.sim->nodes[district];
    s.street = &s.sim->nodes[street];
    s.community = &s.sim->nodes[community];
    s.court = &s.sim->members[court];
    s.office = &s.sim->members[office];
    s.hotline = &s.sim->members[hotline];
    if (world == OWNED) snprintf(s.sim->owner, sizeof s.sim->owner, "990101001/office");
    if (world == HOSTILE) adversary_new(s.sim, street);
    if (world == WITHOUT_A_LINE) {
        s.sim->trust = true;
        s.street->blocked_until_ms = SIM_NEVER;
    }
    if (world == CUT_OFF) s.community->blocked_until_ms = SIM_NEVER / 2;
    if (world == AREAS) give_areas(&s, areas);
    sim_start(s.sim);
    sim_run(s.sim, 200);
    s.sim->trace.size = 0;
    return s;
}

struct story story_begin(void)
{
    return begin(HONEST, 0, NULL);
}

struct story story_begin_signed(void)
{
    return begin(SIGNED, 0, NULL);
}

struct story story_begin_hostile(void)
{
    return begin(HOSTILE, 0, NULL);
}

struct story story_begin_owned(void)
{
    return begin(OWNED, 0, NULL);
}

struct story story_begin_without_a_line(void)
{
    return begin(WITHOUT_A_LINE, 0, NULL);
}

struct story story_begin_cut_off(uint32_t drain_per_s)
{
    return begin(CUT_OFF, drain_per_s, NULL);
}

void story_line_is_back(struct story *s)
{
    s->community->blocked_until_ms = 0;
    node_dial(s->sim, s->community);
}

struct story story_begin_with_areas(const char *district, const char *street, const char *community)
{
    const char *const files[] = { district, street, community };
    return begin(AREAS, 0, files);
}

void story_end(struct story *s)
{
    cr_assert(!s->sim->failed, "%s", s->sim->failure);
    s->sim = sim_free(s->sim);
    for (size_t i = 0; i < 3; i++) s->areas[i] = area_table_free(s->areas[i]);
}

static uint32_t put(struct story *s, struct sim_message *m)
{
    uint8_t random[10];
    prng_fill(&s->sim->prng, random, sizeof random);
    m->id = qiao_id_make(sim_wall_ms(s->sim), random);
    put_u32(m->id.bytes + 12, s->sim->messages_count);
    if (m->body_size == 0) m->body_size = 20;
    uint32_t index = checks_message(s->sim, m);
    struct sim_member *sender = &s->sim->members[m->sender];
    cr_assert(traffic_submit(s->sim, sender, index));
    member_settle(s->sim, sender);
    return index;
}

static struct sim_message to_member(struct story *s, struct sim_member *from, struct sim_member *to, unsigned lane, uint32_t case_number)
{
    struct sim_message m = { .sender = from->index, .to = SIM_TO_MEMBER, .recipient = to->index, .lane = lane, .case_number = case_number };
    if (case_number < SIM_CASES) m.case_sequence = ++s->sim->case_sequences[from->index][to->index][case_number];
    snprintf(m.area, sizeof m.area, "%s", s->sim->nodes[to->node].area);
    snprintf(m.org, sizeof m.org, "%s", to->name);
    return m;
}

uint32_t story_send(struct story *s, struct sim_member *from, struct sim_member *to, unsigned lane, uint32_t case_number, uint64_t expires_in_ms)
{
    struct sim_message m = to_member(s, from, to, lane, case_number);
    if (expires_in_ms) m.expires_at_ms = sim_wall_ms(s->sim) + expires_in_ms;
    return put(s, &m);
}

uint32_t story_send_body(struct story *s, struct sim_member *from, struct sim_member *to, unsigned lane, uint32_t case_number, uint32_t body_size)
{
    struct sim_message m = to_member(s, from, to, lane, case_number);
    m.body_size = body_size;
    return put(s, &m);
}

uint32_t story_send_to(struct story *s, struct sim_member *from, const char *area, const char *org)
{
    struct sim_message m = { .sender = from->index, .to = SIM_TO_NOWHERE, .case_number = SIM_CASES };
    bool set = strstr(area, "/**") != NULL;
    if (set) m.to = SIM_TO_SET;
    else if (strncmp(area, "990101", 6) == 0) m.to = SIM_TO_UNKNOWN_MEMBER;
    snprintf(m.area, sizeof m.area, "%s", area);
    snprintf(m.org, sizeof m.org, "%s", org);
    return put(s, &m);
}

uint32_t story_send_notice(struct story *s, struct sim_member *from, const char *set, uint32_t case_number)
{
    struct sim_message m = { .sender = from->index, .to = SIM_TO_SET, .case_number = case_number };
    m.case_sequence = ++s->sim->case_sequences[from->index][from->index][case_number];
    snprintf(m.area, sizeof m.area, "%s", set);
    return put(s, &m);
}

uint32_t story_send_to_old(struct story *s, struct sim_member *from, const char *area)
{
    struct sim_message m = to_member(s, from, s->office, QIAO_LANE_NORMAL, SIM_CASES);
    snprintf(m.area, sizeof m.area, "%s", area);
    return put(s, &m);
}

uint32_t story_tell_nodes(struct story *s, struct sim_member *from, unsigned kind, struct qiao_bytes body)
{
    struct sim_message m = { .sender = from->index, .to = SIM_TO_NODES, .case_number = SIM_CASES, .area = "990101/**", .kind = kind, .words = body };
    return put(s, &m);
}

struct sim_recipient *story_outcome_at(struct story *s, uint32_t message, const struct sim_node *node)
{
    return &s->sim->recipients[s->sim->messages[message].first_recipient + node->index];
}

void story_send_again(struct story *s, uint32_t message, bool other_content)
{
    cr_assert(traffic_submit_again(s->sim, message, other_content));
}

/* Cuts "[  123] " off each line. */
const char *story_told(struct story *s)
{
    static char text[32768];
    size_t size = 0;
    const char *at = (const char *)s->sim->trace.data, *end = at + s->sim->trace.size;
    while (at && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *start = strchr(at, ']') + 2;
        size_t part = (size_t)(newline + 1 - start);
        cr_assert(size + part < sizeof text);
        memcpy(text + size, start, part);
        size += part;
        at = newline + 1;
    }
    text[size] = '\0';
    s->sim->trace.size = 0;
    return text;
}

void story_expect(struct story *s, const char *expected)
{
    const char *told = story_told(s);
    cr_assert(strcmp(told, expected) == 0, "told:\n%sexpected:\n%s", told, expected);
}

struct sim_recipient *story_outcome(struct story *s, uint32_t message)
{
    return &s->sim->recipients[s->sim->messages[message].first_recipient];
}
