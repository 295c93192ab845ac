#include "core/held.h"

#include "core/admin.h"

#include <qiao/client.h>
#include <stdio.h>

/* 'B' values: this node signs(1) held by a rule of its own(1) lapse(1) since(8) due(8) deadline(8), size of the rule's name(1), name, envelope. */
#define HEAD_SIZE 28u
#define BUCKETS 4096u
#define A_TICK 1000u               /* that many go on or end at once */
#define A_REPLY 200u
#define LOOK_MS 1000u

struct held_message {
    uint64_t number;               /* its key, and its order */
    uint64_t due_ms, deadline_ms, expires_ms; /* since 1970; 0: never */
    uint64_t chain;                /* messages of one case, destination and lane, 0: of none */
    struct qiao_id id;
    bool by_rule;                  /* else it waits behind another of its case */
    bool lapses_on;                /* goes on when its deadline comes, else it is refused */
    bool passes;                   /* only behind others, and never ends here */
    unsigned refused;              /* somebody decided so: with this code */
    uint64_t rule;                 /* hash of its name */
};

struct held_messages {
    struct held_message *items;    /* in order */
    size_t count, capacity;
    uint64_t next;
    uint64_t tick_ms;              /* when to look again, on now_ms' scale */
    uint32_t chains[BUCKETS];      /* how many of a chain that falls here: 0 tells at once that none waits */
};

static uint64_t mix(uint64_t hash, struct qiao_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++) hash = (hash ^ bytes.data[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t chain_of(const struct header *h)
{
    if (h->case_id.size == 0) return 0;
    return mix(mix(0xcbf29ce484222325u ^ h->lane, h->case_id), h->destination.raw) | 1;
}

static uint64_t hash_of_name(struct qiao_bytes name) { return mix(0xcbf29ce484222325u, name); }

bool held_any(const struct core *core) { return core->held && core->held->count > 0; }

uint64_t held_deadline_ms(const struct core *core) { return held_any(core) ? core->held->tick_ms : LINK_NEVER; }

static void add(struct held_messages *held, const struct held_message *m)
{
    if (held->count == held->capacity) {
        held->capacity = held->capacity ? held->capacity * 2 : 64;
        held->items = base_realloc(held->items, held->capacity * sizeof *held->items);
    }
    held->items[held->count++] = *m;
    if (m->number >= held->next) held->next = m->number + 1;
    if (m->chain) held->chains[m->chain % BUCKETS]++;
}

static bool chain_waits(const struct held_messages *held, uint64_t chain, size_t before)
{
    if (chain == 0 || held->chains[chain % BUCKETS] == 0) return false;
    for (size_t i = 0; i < before; i++)
        if (held->items[i].chain == chain) return true;
    return false;
}

/* ---- on disk ---- */

struct held_view {
    struct held_message message;
    bool own;
    uint64_t since_ms;
    struct qiao_bytes rule, raw;
    struct envelope envelope;
};

static bool read_record(struct qiao_bytes key, struct qiao_bytes value, struct held_view *ret)
{
    if (key.size != 9 || value.size < HEAD_SIZE || value.size < HEAD_SIZE + value.data[27]) return false;
    const uint8_t *v = value.data;
    *ret = (struct held_view){ .own = v[0], .since_ms = get_u64(v + 3), .rule = qiao_bytes(v + HEAD_SIZE, v[27]) };
    ret->raw = qiao_bytes(v + HEAD_SIZE + v[27], value.size - HEAD_SIZE - v[27]);
    if (envelope_open(ret->raw, &ret->envelope) != QIAO_CODE_OK) return false;
    const struct header *h = &ret->envelope.header;
    ret->message = (struct held_message){
        .number = get_u64(key.data + 1), .by_rule = v[1], .lapses_on = v[2], .due_ms = get_u64(v + 11), .deadline_ms = get_u64(v + 19), .expires_ms = h->expires_at_ms,
        .chain = chain_of(h), .id = h->id, .rule = hash_of_name(ret->rule),
    };
    return true;
}

const char *held_check_record(struct qiao_bytes key, struct qiao_bytes value)
{
    struct held_view view;
    return read_record(key, value, &view) ? NULL : "not a held message";
}

static void write_record(struct core *core, const struct held_message *m, const struct rule *rule, const struct envelope *e, const struct origin *origin)
{
    buf_auto value = { 0 };
    uint8_t head[HEAD_SIZE] = { origin->form == ORIGIN_OWN, m->by_rule, m->lapses_on };
    size_t name = rule ? strlen(rule->name) : 0;
    struct key key = key_number('B', m->number);
    put_u64(head + 3, core->wall_ms);
    put_u64(head + 11, m->due_ms);
    put_u64(head + 19, m->deadline_ms);
    head[27] = (uint8_t)name;
    buf_append(&value, head, sizeof head);
    if (name) buf_append(&value, rule->name, name);
    buf_append(&value, e->raw.data, e->raw.size);
    /* What was signed together with others stands alone from now on. */
    if (origin->batch && origin->batch->units[origin->batch->messages[origin->message].unit].whole) group_put_single(&value, origin->batch, origin->message);
    batch_put(core, &key, buf_bytes(&value));
}

/* A message that may have copies, on its way: it only keeps its place in its case, and how it ends its destination's node says. */
static bool passes(struct core *core, const struct envelope *e)
{
    return e->note.shared && !route_is_here(core, e);
}

static bool load_one(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct core *core = context;
    struct held_view view;
    if (!read_record(key, value, &view)) {
        core->held_sound = false;
        return false;
    }
    view.message.passes = passes(core, &view.envelope);
    add(core->held, &view.message);
    return true;
}

bool held_load(struct core *core)
{
    core->held = base_zalloc(sizeof *core->held);
    core->held->tick_ms = core->now_ms + LOOK_MS;
    core->held_sound = true;
    store_scan(core->store, qiao_bytes("B", 1), qiao_bytes("C", 1), load_one, core);
    return core->held_sound;
}

void held_deinit(struct core *core)
{
    if (core->held) free(core->held->items);
    free(core->held);
    core->held = NULL;
}

/* ---- put aside ---- */

static size_t count_of(const struct held_messages *held, uint64_t rule)
{
    size_t count = 0;
    for (size_t i = 0; i < held->count; i++) count += held->items[i].by_rule && held->items[i].rule == rule;
    return count;
}

/* The next time that it is this minute of the day, at +08:00. */
static uint64_t next_minute_ms(uint64_t wall_ms, unsigned minute)
{
    const uint64_t day = 24u * 3600 * 1000, shift = 8u * 3600 * 1000;
    uint64_t today = (wall_ms + shift) / day * day - shift + minute * UINT64_C(60000);
    return today > wall_ms ? today : today + day;
}

bool held_takes(struct core *core, const struct envelope *e, const struct origin *origin, unsigned *code)
{
    const struct rule *rule = core->decision.rule && core->decision.rule->holds ? core->decision.rule : NULL;
    struct held_messages *held = core->held;
    uint64_t chain = chain_of(&e->header);
    if (!rule && !chain_waits(held, chain, held->count)) return false;
    uint64_t name = rule ? hash_of_name(qiao_bytes_from_string(rule->name)) : 0;
    if (held->count >= HELD_ALL_MAX || (rule && count_of(held, name) >= rule->hold_most)) {
        *code = QIAO_CODE_BUSY;
        return false;
    }
    struct held_message m = { .number = held->next, .by_rule = rule != NULL, .expires_ms = e->header.expires_at_ms, .chain = chain, .id = e->header.id, .rule = name };
    if (rule && rule->hold_until == RULE_HOLD_TIME) m.due_ms = next_minute_ms(core->wall_ms, rule->hold_minute);
    if (rule && rule->hold_for_ms) m.deadline_ms = core->wall_ms + rule->hold_for_ms;
    m.lapses_on = rule && rule->hold_lapses_on;
    m.passes = passes(core, e);
    if (held->count == 0) held->tick_ms = core->now_ms + LOOK_MS;
    write_record(core, &m, rule, e, origin);
    add(held, &m);
    core_trace(core, "%s | held: %s", core->node, rule ? rule->name : "behind another of its case");
    return true;
}

/* ---- going on ---- */

enum fate { FATE_WAITS, FATE_GOES_ON, FATE_EXPIRES, FATE_REFUSED };

/* One that only waits behind others goes when they are gone. */
static enum fate fate_of(const struct core *core, const struct held_message *m, bool is_behind)
{
    if (m->passes) return is_behind ? FATE_WAITS : FATE_GOES_ON;
    if (m->expires_ms && m->expires_ms <= core->wall_ms) return FATE_EXPIRES;
    if (m->refused) return FATE_REFUSED;
    bool lapsed = m->deadline_ms && m->deadline_ms <= core->wall_ms;
    if (lapsed && !m->lapses_on) return FATE_REFUSED;
    bool due = !m->by_rule || lapsed || (m->due_ms && m->due_ms <= core->wall_ms);
    return due && !is_behind ? FATE_GOES_ON : FATE_WAITS;
}

/* False: it is not on disk yet. */
static bool carry_out(struct core *core, const struct held_message *m, enum fate fate)
{
    struct key key = key_number('B', m->number);
    struct qiao_bytes value;
    struct held_view view;
    buf_auto copy = { 0 };
    if (!store_get(core->store, key_bytes(&key), &value)) return false;
    buf_append(&copy, value.data, value.size);
    bool sound = read_record(key_bytes(&key), buf_bytes(&copy), &view);
    batch_remove(core, &key);
    assert(sound);
    if (fate == FATE_GOES_ON) accept_released(core, &view.envelope, view.own);
    else refuse_held(core, &view.envelope, fate == FATE_EXPIRES ? QIAO_OUTCOME_EXPIRED : QIAO_OUTCOME_REFUSED, fate == FATE_EXPIRES ? QIAO_CODE_EXPIRED : m->refused ? m->refused : QIAO_CODE_RULE);
    return true;
}

void held_tick(struct core *core)
{
    struct held_messages *held = core->held;
    size_t kept = 0, done = 0;
    if (held->count == 0 || core->now_ms < held->tick_ms) return;
    held->tick_ms = core->now_ms + LOOK_MS;
    if (core->busy || core->refused) return; /* what goes on needs room twice until it is stored */
    for (size_t i = 0; i < held->count; i++) {
        struct held_message m = held->items[i];
        enum fate fate = done < A_TICK ? fate_of(core, &m, chain_waits(held, m.chain, kept)) : FATE_WAITS;
        if (fate == FATE_WAITS || !carry_out(core, &m, fate)) {
            held->items[kept++] = m;
            continue;
        }
        done++;
        if (m.chain) held->chains[m.chain % BUCKETS]--;
    }
    held->count = kept;
}

/* ---- people ---- */

static Qiao__V1__HeldMessage *show(struct core *core, const struct held_message *m)
{
    struct key key = key_number('B', m->number);
    struct qiao_bytes value;
    struct held_view view;
    if (!store_get(core->store, key_bytes(&key), &value) || !read_record(key_bytes(&key), value, &view)) return NULL;
    const struct header *h = &view.envelope.header;
    Qiao__V1__HeldMessage *out = arena_alloc(&core->arena, sizeof *out);
    char *rule = arena_alloc(&core->arena, view.rule.size + 1), *case_id = arena_alloc(&core->arena, h->case_id.size + 1);
    uint8_t *id = arena_alloc(&core->arena, QIAO_ID_SIZE);
    *out = (Qiao__V1__HeldMessage)QIAO__V1__HELD_MESSAGE__INIT;
    snprintf(rule, view.rule.size + 1, "%.*s", (int)view.rule.size, (const char *)view.rule.data);
    snprintf(case_id, h->case_id.size + 1, "%.*s", (int)h->case_id.size, (const char *)h->case_id.data);
    out->message_id = (ProtobufCBinaryData){ QIAO_ID_SIZE, memcpy(id, h->id.bytes, QIAO_ID_SIZE) };
    out->kind = h->kind;
    out->source = qiao__v1__address__unpack(&core->arena.protobuf, h->source.raw.size, h->source.raw.data);
    out->destination = qiao__v1__address__unpack(&core->arena.protobuf, h->destination.raw.size, h->destination.raw.data);
    out->case_id = case_id;
    out->rule = rule;
    out->since_ms = view.since_ms;
    out->due_ms = m->due_ms;
    out->deadline_ms = m->deadline_ms;
    return out;
}

void held_list(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    const struct held_messages *held = core->held;
    Qiao__V1__HeldMessage *messages[A_REPLY];
    Qiao__V1__HeldListReply list = QIAO__V1__HELD_LIST_REPLY__INIT;
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    size_t at = request->held_list->from;
    list.messages = messages;
    for (; at < held->count && list.n_messages < A_REPLY; at++) {
        Qiao__V1__HeldMessage *one = show(core, &held->items[at]);
        if (one) messages[list.n_messages++] = one;
    }
    list.next = at < held->count ? (uint32_t)at : 0;
    reply.id = request->id;
    reply.last = true;
    reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_HELD_LIST;
    reply.held_list = &list;
    admin_reply(core, c, &reply);
}

/* Decided at once, carried out with the next tick. */
void held_decide(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    const Qiao__V1__HeldDecideRequest *wanted = request->held_decide;
    struct held_messages *held = core->held;
    Qiao__V1__HeldDecideReply decided = QIAO__V1__HELD_DECIDE_REPLY__INIT;
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    for (size_t i = 0; i < held->count; i++) {
        struct held_message *m = &held->items[i];
        bool meant = wanted->id.len == QIAO_ID_SIZE ? memcmp(wanted->id.data, m->id.bytes, QIAO_ID_SIZE) == 0 : wanted->rule[0] && m->rule == hash_of_name(qiao_bytes_from_string(wanted->rule));
        if (!meant || !m->by_rule) continue;
        if (wanted->refuse) m->refused = QIAO_CODE_RULE;
        else m->due_ms = 1;
        decided.messages++;
    }
    if (decided.messages == 0) {
        admin_refuse(core, c, request->id, QIAO_CODE_NOT_FOUND, "no such message is held here by a rule");
        return;
    }
    held->tick_ms = core->now_ms;
    reply.id = request->id;
    reply.last = true;
    reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_HELD_DECIDE;
    reply.held_decide = &decided;
    admin_reply(core, c, &reply);
}
