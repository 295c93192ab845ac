/* Questions of people at the node: status, route, cases, one message, watching. Answers are packed AdminReply frames. */
#include "core/admin.h"
#include "core/ask_attachment.h"
#include "core/ask_audit.h"
#include "core/ask_dead.h"
#include "core/bundle.h"
#include "core/drain.h"
#include "core/held.h"
#include "core/kept.h"
#include "core/route.h"

#include "schema/explain.pb-c.h"

#include <qiao/client.h>
#include <qiao/version.h>
#include <stdio.h>

/* Cases or entries in one reply. */
#define LIST_MOST 500u
/* A list ends early when its reply has taken this much of the arena: it has to fit into a frame, and what senders put into their
 * messages is not small because there are few of them. */
#define REPLY_ARENA_MAX (QIAO_FRAME_SIZE_MAX / 2)

/* A larger request could leave no room in the arena for its answer. */
#define REQUEST_SIZE_MAX (16u * 1024u)

void admin_reply(struct core *core, struct connection *c, const Qiao__V1__AdminReply *reply)
{
    buf_auto packed = { 0 };
    size_t size = qiao__v1__admin_reply__get_packed_size(reply);
    qiao__v1__admin_reply__pack(reply, buf_reserve(&packed, size));
    packed.size = size;
    link_send_frame(&c->link, FRAME_ADMIN_REPLY, buf_bytes(&packed), core->now_ms, connection_out(core, c));
}

void admin_refuse(struct core *core, struct connection *c, uint32_t id, unsigned code, const char *reason)
{
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    reply.id = id;
    reply.last = true;
    reply.code = code;
    reply.reason = (char *)reason;
    admin_reply(core, c, &reply);
}

static void *take(struct core *core, size_t size)
{
    void *memory = arena_alloc(&core->arena, size);
    assert(memory);
    return memset(memory, 0, size);
}

static char *take_text(struct core *core, struct qiao_bytes text)
{
    char *copy = take(core, text.size + 1);
    if (text.size) memcpy(copy, text.data, text.size);
    return copy;
}

static bool reply_is_large(const struct core *core)
{
    return core->arena.used > REPLY_ARENA_MAX;
}

/* ---- status ---- */

static Qiao__V1__LaneStatus *lane_status(struct core *core, const struct peer *peer, unsigned lane)
{
    const struct queue *q = &peer->queues[lane];
    Qiao__V1__LaneStatus *s = take(core, sizeof *s);
    *s = (Qiao__V1__LaneStatus)QIAO__V1__LANE_STATUS__INIT;
    s->lane = (Qiao__V1__Lane)lane;
    bool ordered = !peer->member || lane == LINK_LANE_RECEIPTS;
    s->queued = q->committed - q->head;
    s->in_flight = ordered ? q->sent - q->head : q->flying_messages;
    s->sent = q->tail - 1;
    s->acknowledged = q->head - 1;
    for (const struct stream *stream = peer->streams; stream; stream = stream->next)
        if (stream->durable[lane] > s->received) s->received = stream->durable[lane];
    for (size_t i = 0; i < peer->held_count; i++) s->held += peer->held[i].lane == lane;
    return s;
}

static void link_traffic(const struct core *core, const struct peer *peer, Qiao__V1__PeerStatus *s)
{
    if (peer->member) return;
    const struct link *link = peer->out ? &peer->out->link : NULL;
    s->sent_bytes = peer->sent_bytes + (link ? link->sent_bytes : 0);
    s->resent_bytes = peer->resent_bytes + (link ? link->resent_bytes : 0);
    s->drain_messages_per_s = drain_limit(core, peer);
    s->draining = drain_is_on(peer);
    s->pace_bytes = link ? link->pace.limit : peer->pace_limit;
}

static Qiao__V1__PeerStatus *peer_status(struct core *core, const struct peer *peer)
{
    Qiao__V1__PeerStatus *s = take(core, sizeof *s);
    *s = (Qiao__V1__PeerStatus)QIAO__V1__PEER_STATUS__INIT;
    s->name = peer->name;
    s->role = (Qiao__V1__LinkRole)peer->role;
    s->area = peer->area;
    s->up = peer->out != NULL || peer->connections > 0;
    s->since_ms = peer->since_ms;
    s->last_code = peer->last_code;
    link_traffic(core, peer, s);
    s->lanes = take(core, LINK_LANES * sizeof *s->lanes);
    for (unsigned lane = 0; lane < LINK_LANES; lane++)
        if (lane < LINK_LANE_RECEIPTS || peer->member) s->lanes[s->n_lanes++] = lane_status(core, peer, lane);
    return s;
}

/* The queue of what waits for any way is shown when something does. */
static bool is_shown(const struct core *core, const struct peer *peer)
{
    bool waits = false;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) waits |= peer->queues[lane].head < peer->queues[lane].committed;
    return peer != core->waiting || waits;
}

static void status(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    const char *degraded[3];
    Qiao__V1__StatusReply s = QIAO__V1__STATUS_REPLY__INIT;
    const struct core_counters *n = &core->counters;
    s.node = core->node;
    s.area = core->area;
    s.version = (char *)QIAO_VERSION;
    s.now_ms = core->wall_ms;
    s.started_ms = core->started_ms;
    s.ready = !core->busy && !core->shutting_down;
    s.degraded = (char **)(uintptr_t)degraded;
    if (core->busy) degraded[s.n_degraded++] = "store is nearly full: no credit is given";
    if (!dead_has_room(core, 0)) degraded[s.n_degraded++] = "no room for more dead letters: look at qiao dead list";
    s.dead_letters = core->dead_count;
    s.dead_letter_bytes = core->dead_bytes;
    s.quarantined = core->quarantined;
    s.peers = take(core, core->peers_count * sizeof *s.peers);
    size_t seen = 0;
    for (; seen < core->peers_count && !reply_is_large(core); seen++)
        if (is_shown(core, &core->peers[seen])) s.peers[s.n_peers++] = peer_status(core, &core->peers[seen]);
    if (seen < core->peers_count) degraded[s.n_degraded++] = "more peers than one reply can show";
    s.store_bytes = core->stat.bytes_used;
    s.store_bytes_max = core->stat.bytes_max;
    s.commits = n->commits;
    s.accepted = n->accepted;
    s.forwarded = n->forwarded;
    s.delivered = n->delivered;
    s.outcomes_accepted = n->outcomes[QIAO_OUTCOME_ACCEPTED];
    s.outcomes_refused = n->outcomes[QIAO_OUTCOME_REFUSED];
    s.outcomes_expired = n->outcomes[QIAO_OUTCOME_EXPIRED];
    s.outcomes_dead = n->outcomes[QIAO_OUTCOME_DEAD];
    s.duplicates = n->duplicates;
    s.rejected_frames = n->rejected_frames;
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    reply.id = request->id;
    reply.last = true;
    reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_STATUS;
    reply.status = &s;
    admin_reply(core, c, &reply);
}

/* ---- route ---- */

struct candidates {
    struct core *core;
    Qiao__V1__RouteReply reply;
};

static const char *const ground_texts[] = {
    [QIAO__V1__ROUTE_GROUND__GROUND_MEMBER] = "own member", [QIAO__V1__ROUTE_GROUND__GROUND_AREA] = "area below this node's child",
    [QIAO__V1__ROUTE_GROUND__GROUND_PARENT] = "parent: everything that is not below", [QIAO__V1__ROUTE_GROUND__GROUND_SET] = "area set",
    [QIAO__V1__ROUTE_GROUND__GROUND_LEARNED] = "the neighbour says it has a way",
};
static const char *const lost_texts[] = {
    [QIAO__V1__LOST_REASON__LOST_NOT] = "", [QIAO__V1__LOST_REASON__LOST_OTHER_AREA] = "the destination is not in its area",
    [QIAO__V1__LOST_REASON__LOST_FARTHER] = "another's area is closer around the destination", [QIAO__V1__LOST_REASON__LOST_BELOW] = "the destination lies at or below this node",
    [QIAO__V1__LOST_REASON__LOST_CAME_FROM] = "the message comes from there", [QIAO__V1__LOST_REASON__LOST_NEARER] = "a neighbour's area has the destination",
    [QIAO__V1__LOST_REASON__LOST_DOWN] = "its link is down",
    [QIAO__V1__LOST_REASON__LOST_WITHDRAWN] = "it does not tell of this way any more",
    [QIAO__V1__LOST_REASON__LOST_HOLE] = "it says it cannot reach this area",
    [QIAO__V1__LOST_REASON__LOST_LATER] = "another kind of way goes first",
    [QIAO__V1__LOST_REASON__LOST_LONGER] = "another path is shorter, or first by name",
    [QIAO__V1__LOST_REASON__LOST_WAITS] = "the message was here before, and waits a while",
};

#define RULE_SIZE_MAX 600u

static void add_candidate(void *context, const struct route_choice *choice)
{
    struct candidates *x = context;
    const struct peer *peer = choice->peer;
    if (reply_is_large(x->core)) return;
    Qiao__V1__RouteCandidate *candidate = take(x->core, sizeof *candidate);
    char *text = take(x->core, RULE_SIZE_MAX);
    *candidate = (Qiao__V1__RouteCandidate)QIAO__V1__ROUTE_CANDIDATE__INIT;
    if (*choice->areas) snprintf(text, RULE_SIZE_MAX, "%s: is given %.500s", ground_texts[choice->ground], choice->areas);
    else if (*choice->path) snprintf(text, RULE_SIZE_MAX, "%s: path %.500s", ground_texts[choice->ground], choice->path);
    else if (peer->line > 0) snprintf(text, RULE_SIZE_MAX, "%s (configuration line %d)", ground_texts[choice->ground], peer->line);
    else snprintf(text, RULE_SIZE_MAX, "%s", ground_texts[choice->ground]);
    candidate->via = peer->name;
    candidate->rule = text;
    candidate->chosen = choice->lost == QIAO__V1__LOST_REASON__LOST_NOT;
    candidate->why_not = (char *)(uintptr_t)lost_texts[choice->lost];
    x->reply.candidates[x->reply.n_candidates++] = candidate;
}

static struct qiao_bytes text_bytes(const char *text)
{
    return qiao_bytes_from_string(text);
}

static void route(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    const Qiao__V1__Address *to = request->route->destination, *from = request->route->source;
    struct candidates x = { core, QIAO__V1__ROUTE_REPLY__INIT };
    struct address address = { 0 };
    if (request->route->header.len > 0) {
        ask_route_of_header(core, c, request->id, qiao_bytes(request->route->header.data, request->route->header.len));
        return;
    }
    if (!to) {
        admin_refuse(core, c, request->id, QIAO_CODE_ADMIN_REQUEST, "destination is missing");
        return;
    }
    address = (struct address){ text_bytes(to->area), text_bytes(to->org), text_bytes(to->seat), text_bytes(to->service), { 0 } };
    struct route_query query = { .to = &address, .sender_area = text_bytes(from && *from->area ? from->area : core->area) };
    core->route_key.size = 0;
    x.reply.candidates = take(core, (core->peers_count + ROUTE_CANDIDATES_MAX) * sizeof *x.reply.candidates);
    struct header header = { .destination = address, .kind = request->route->kind, .sent_at_ms = core->wall_ms };
    x.reply.code = areas_route(core, &header, &address);
    if (x.reply.code == QIAO_CODE_OK) {
        x.reply.code = route_find(core, &query);
        core->route_key.size = 0;
        route_explain(core, &address, query.from, x.reply.code, add_candidate, &x);
    }
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    reply.id = request->id;
    reply.last = true;
    reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_ROUTE;
    reply.route = &x.reply;
    admin_reply(core, c, &reply);
}

/* ---- cases ---- */

struct case_entry {
    struct qiao_bytes case_id;
    struct qiao_id id;
    uint32_t kind;
    uint64_t at_ms;
    bool origin;
    struct qiao_bytes source, destination, matter;
};

/* The layout of 'E' records is in recv_batch.c. */
static bool read_entry(struct qiao_bytes key, struct qiao_bytes value, struct case_entry *ret)
{
    if (key.size < 2 + QIAO_ID_SIZE || value.size < 17) return false;
    size_t source = get_u16(value.data + 13);
    if (value.size < 17 + source) return false;
    size_t destination = get_u16(value.data + 15 + source);
    if (value.size < 17 + source + destination) return false;
    ret->case_id = qiao_bytes(key.data + 1, key.size - 2 - QIAO_ID_SIZE);
    memcpy(ret->id.bytes, key.data + key.size - QIAO_ID_SIZE, QIAO_ID_SIZE);
    ret->kind = get_u32(value.data);
    ret->at_ms = get_u64(value.data + 4);
    ret->origin = value.data[12];
    ret->source = qiao_bytes(value.data + 15, source);
    ret->destination = qiao_bytes(value.data + 17 + source, destination);
    ret->matter = qiao_bytes(value.data + 17 + source + destination, value.size - 17 - source - destination);
    return true;
}

static bool take_first(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct message_record *record = context;
    return key.size != DESTINATION_KEY_SIZE || !record_read(value, record);
}

/* Of the first member and source, if there are several. */
static bool destination_of(const struct core *core, const struct qiao_id *id, struct message_record *ret_record)
{
    struct key from = key_destination(id, 0, 0), to = key_destination(id, UINT16_MAX, UINT32_MAX);
    struct message_record none = { .at_ms = UINT64_MAX };
    *ret_record = none;
    store_scan(core->store, key_bytes(&from), key_bytes(&to), take_first, ret_record);
    return ret_record->at_ms != none.at_ms;
}

/* As destination if this node has a record of that, else as origin. */
static bool outcome_of(const struct core *core, const struct qiao_id *id, struct message_record *ret_record)
{
    struct qiao_bytes value;
    struct key key = key_origin(id);
    return destination_of(core, id, ret_record) || (store_get(core->store, key_bytes(&key), &value) && record_read(value, ret_record));
}

struct listing {
    struct core *core;
    Qiao__V1__CaseSummary **cases;
    size_t count, most;
    struct qiao_bytes next;
    struct qiao_id last_id;
};

static void summarise(struct listing *x, const struct case_entry *e)
{
    Qiao__V1__CaseSummary *s = x->cases[x->count - 1];
    struct message_record record;
    s->messages++;
    if (e->at_ms < s->first_ms || s->first_ms == 0) s->first_ms = e->at_ms;
    if (e->matter.size > 0 && s->matter[0] == '\0') s->matter = take_text(x->core, e->matter);
    if (e->at_ms < s->last_ms) return;
    s->last_ms = e->at_ms;
    s->last_kind = e->kind;
    s->last_outcome = outcome_of(x->core, &e->id, &record) ? (Qiao__V1__OutcomeStatus)record.outcome : QIAO__V1__OUTCOME_STATUS__OUTCOME_NONE;
}

static bool list_entry(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct listing *x = context;
    struct case_entry e;
    if (!read_entry(key, value, &e)) return true;
    Qiao__V1__CaseSummary *s = x->count ? x->cases[x->count - 1] : NULL;
    if (!s || !qiao_bytes_equal(qiao_bytes_from_string(s->case_id), e.case_id)) {
        if (x->count == x->most || (x->count > 0 && reply_is_large(x->core))) {
            x->next = e.case_id;
            return false;
        }
        s = take(x->core, sizeof *s);
        *s = (Qiao__V1__CaseSummary)QIAO__V1__CASE_SUMMARY__INIT;
        s->case_id = take_text(x->core, e.case_id);
        x->cases[x->count++] = s;
    }
    summarise(x, &e);
    return true;
}

static void case_list(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    const Qiao__V1__CaseListRequest *wanted = request->case_list;
    Qiao__V1__CaseListReply list = QIAO__V1__CASE_LIST_REPLY__INIT;
    struct listing x = { .core = core, .most = wanted->most && wanted->most < LIST_MOST ? wanted->most : LIST_MOST };
    struct qiao_bytes after = qiao_bytes_from_string(wanted->after);
    if (after.size > QIAO_CASE_ID_SIZE_MAX) after.size = QIAO_CASE_ID_SIZE_MAX;
    x.cases = take(core, x.most * sizeof *x.cases);
    struct key from = key_case(after, NULL);
    if (after.size > 0) from.bytes[from.size - 1] = 1; /* behind all entries of that case */
    else from.size = 1;
    store_scan(core->store, key_bytes(&from), qiao_bytes("F", 1), list_entry, &x);
    list.n_cases = x.count;
    list.cases = x.cases;
    list.next = x.next.size > 0 ? x.cases[x.count - 1]->case_id : (char *)"";
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    reply.id = request->id;
    reply.last = true;
    reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_CASE_LIST;
    reply.case_list = &list;
    admin_reply(core, c, &reply);
}

struct show {
    struct listing summary;
    Qiao__V1__CaseEntry **entries;
    size_t count;
};

static Qiao__V1__Address *unpack_address(struct core *core, struct qiao_bytes raw)
{
    return qiao__v1__address__unpack(&core->arena.protobuf, raw.size, raw.data);
}

static bool show_entry(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct show *x = context;
    struct core *core = x->summary.core;
    struct case_entry e;
    struct message_record record = { 0 };
    if (!list_entry(&x->summary, key, value) || !read_entry(key, value, &e)) return true;
    Qiao__V1__CaseEntry *out = take(core, sizeof *out);
    *out = (Qiao__V1__CaseEntry)QIAO__V1__CASE_ENTRY__INIT;
    out->message_id.data = memcpy(take(core, QIAO_ID_SIZE), e.id.bytes, QIAO_ID_SIZE);
    out->message_id.len = QIAO_ID_SIZE;
    out->kind = e.kind;
    out->at_ms = e.at_ms;
    out->source = unpack_address(core, e.source);
    out->destination = unpack_address(core, e.destination);
    if (outcome_of(core, &e.id, &record)) out->outcome = (Qiao__V1__OutcomeStatus)record.outcome;
    out->code = record.code;
    x->entries[x->count++] = out;
    return x->count < LIST_MOST && !reply_is_large(core);
}

static void case_show(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    struct qiao_bytes id = qiao_bytes_from_string(request->case_show->case_id);
    Qiao__V1__CaseShowReply shown = QIAO__V1__CASE_SHOW_REPLY__INIT;
    struct show x = { .summary = { .core = core, .most = 1 } };
    if (id.size == 0 || id.size > QIAO_CASE_ID_SIZE_MAX) {
        admin_refuse(core, c, request->id, QIAO_CODE_ADMIN_REQUEST, "case id is missing or too long");
        return;
    }
    x.summary.cases = take(core, sizeof *x.summary.cases);
    x.entries = take(core, LIST_MOST * sizeof *x.entries);
    struct key from = key_case(id, NULL), to = from;
    to.bytes[to.size - 1] = 1;
    store_scan(core->store, key_bytes(&from), key_bytes(&to), show_entry, &x);
    if (x.count == 0) {
        admin_refuse(core, c, request->id, QIAO_CODE_NOT_FOUND, "this node takes no part in such a case");
        return;
    }
    shown.summary = x.summary.cases[0];
    shown.n_entries = x.count;
    shown.entries = x.entries;
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    reply.id = request->id;
    reply.last = true;
    reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_CASE_SHOW;
    reply.case_show = &shown;
    admin_reply(core, c, &reply);
}

/* ---- one message, watching ---- */

static void message(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    Qiao__V1__MessageReply m = QIAO__V1__MESSAGE_REPLY__INIT;
    struct message_record record;
    struct qiao_id id;
    struct qiao_bytes value;
    if (request->message->id.len != QIAO_ID_SIZE) {
        admin_refuse(core, c, request->id, QIAO_CODE_ADMIN_REQUEST, "a message id has 16 bytes");
        return;
    }
    memcpy(id.bytes, request->message->id.data, QIAO_ID_SIZE);
    if (!outcome_of(core, &id, &record)) {
        admin_refuse(core, c, request->id, QIAO_CODE_NOT_FOUND, "this node is neither origin nor destination of such a message");
        return;
    }
    struct key key = key_origin(&id);
    m.origin = store_get(core->store, key_bytes(&key), &value);
    struct message_record there;
    m.destination = destination_of(core, &id, &there);
    m.id = request->message->id;
    m.outcome = (Qiao__V1__OutcomeStatus)record.outcome;
    m.code = record.code;
    m.at_ms = record.at_ms;
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    reply.id = request->id;
    reply.last = true;
    reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_MESSAGE;
    reply.message = &m;
    admin_reply(core, c, &reply);
}

static void watch(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    if (!c->watching) core->watchers++;
    c->watching = true;
    c->watch_request = request->id;
}

/* ---- the register of organisations ---- */

static Qiao__V1__OrgRecord *unpack_record(struct core *core, const struct organisation *o)
{
    return qiao__v1__org_record__unpack(&core->arena.protobuf, o->record.size, o->record.data);
}

static void org_list(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    const Qiao__V1__OrgListRequest *wanted = request->org_list;
    size_t most = wanted->most && wanted->most < LIST_MOST ? wanted->most : LIST_MOST, at = registry_behind(core->registry, wanted->after);
    Qiao__V1__OrgListReply list = QIAO__V1__ORG_LIST_REPLY__INIT;
    const struct organisation *o;
    list.records = take(core, most * sizeof *list.records);
    list.next = (char *)"";
    for (; (o = registry_at(core->registry, at)) && list.n_records < most && !reply_is_large(core); at++) {
        Qiao__V1__OrgRecord *record = unpack_record(core, o);
        if (!record) break;
        list.records[list.n_records++] = record;
    }
    if (o && list.n_records > 0) list.next = list.records[list.n_records - 1]->organisation->org_id;
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    reply.id = request->id;
    reply.last = true;
    reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_ORG_LIST;
    reply.org_list = &list;
    admin_reply(core, c, &reply);
}

static Qiao__V1__OrgOpen *open_change(struct core *core, const struct registry_waiting *w)
{
    struct envelope e;
    Qiao__V1__OrgOpen *out = take(core, sizeof *out);
    *out = (Qiao__V1__OrgOpen)QIAO__V1__ORG_OPEN__INIT;
    out->kind = w->kind;
    out->version = w->version;
    out->digest = (ProtobufCBinaryData){ SEAL_DIGEST_SIZE, (uint8_t *)w->digest };
    out->registrar = w->registrar;
    out->since_ms = w->since_ms;
    out->until_ms = w->until_ms;
    out->for_version = w->for_version;
    if (envelope_open(buf_bytes(&w->raw), &e) != QIAO_CODE_OK) return out;
    out->body = (ProtobufCBinaryData){ e.body.size, (uint8_t *)e.body.data };
    out->message_id = (ProtobufCBinaryData){ QIAO_ID_SIZE, memcpy(take(core, QIAO_ID_SIZE), e.header.id.bytes, QIAO_ID_SIZE) };
    return out;
}

static void org_show(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    const char *id = request->org_show->org_id;
    const struct organisation *o = registry_find(core->registry, id);
    const struct registry_waiting *w;
    Qiao__V1__OrgShowReply show = QIAO__V1__ORG_SHOW_REPLY__INIT;
    show.open = take(core, REGISTRY_WAITING_MAX * sizeof *show.open);
    show.record = o ? unpack_record(core, o) : NULL;
    for (size_t i = 0, shown = 0; (w = registry_waiting_at(core->registry, i)); i++) {
        if (strcmp(w->org, id) != 0 || shown + w->raw.size > REPLY_ARENA_MAX) continue;
        shown += w->raw.size;
        show.open[show.n_open++] = open_change(core, w);
    }
    if (!show.record && show.n_open == 0) {
        admin_refuse(core, c, request->id, QIAO_CODE_NOT_FOUND, "this node knows no such organisation");
        return;
    }
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    reply.id = request->id;
    reply.last = true;
    reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_ORG_SHOW;
    reply.org_show = &show;
    admin_reply(core, c, &reply);
}

/* ---- planning ---- */

static void reload(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    if (core->reload.wanted) {
        admin_refuse(core, c, request->id, QIAO_CODE_BUSY, "the configuration is being read again already");
        return;
    }
    core->reload.wanted = true;
    core->reload.connection = c->id;
    core->reload.request = request->id;
}

static const struct {
    Qiao__V1__AdminRequest__WhatCase what;
    void (*answer)(struct core *, struct connection *, const Qiao__V1__AdminRequest *);
} answers[] = {
    { QIAO__V1__ADMIN_REQUEST__WHAT_STATUS, status },       { QIAO__V1__ADMIN_REQUEST__WHAT_ROUTE, route },
    { QIAO__V1__ADMIN_REQUEST__WHAT_CASE_LIST, case_list }, { QIAO__V1__ADMIN_REQUEST__WHAT_CASE_SHOW, case_show },
    { QIAO__V1__ADMIN_REQUEST__WHAT_MESSAGE, message },     { QIAO__V1__ADMIN_REQUEST__WHAT_WATCH, watch },
    { QIAO__V1__ADMIN_REQUEST__WHAT_ORG_LIST, org_list },   { QIAO__V1__ADMIN_REQUEST__WHAT_ORG_SHOW, org_show },
    { QIAO__V1__ADMIN_REQUEST__WHAT_AUDIT_EXPORT, ask_audit_export }, { QIAO__V1__ADMIN_REQUEST__WHAT_AUDIT_HEADS, ask_audit_heads },
    { QIAO__V1__ADMIN_REQUEST__WHAT_AREA, ask_area },
    { QIAO__V1__ADMIN_REQUEST__WHAT_ATTACHMENT_LIST, ask_attachment_list },
    { QIAO__V1__ADMIN_REQUEST__WHAT_PROOF, ask_proof },     { QIAO__V1__ADMIN_REQUEST__WHAT_CUSTODY, ask_custody },
    { QIAO__V1__ADMIN_REQUEST__WHAT_DEAD_LIST, ask_dead_list }, { QIAO__V1__ADMIN_REQUEST__WHAT_DEAD_CHANGE, ask_dead_change },
    { QIAO__V1__ADMIN_REQUEST__WHAT_WAY, ask_way },
    { QIAO__V1__ADMIN_REQUEST__WHAT_BUNDLE_EXPORT, bundle_export },
    { QIAO__V1__ADMIN_REQUEST__WHAT_KEPT_HEADERS, kept_answer }, { QIAO__V1__ADMIN_REQUEST__WHAT_RELOAD, reload },
    { QIAO__V1__ADMIN_REQUEST__WHAT_HELD_LIST, held_list }, { QIAO__V1__ADMIN_REQUEST__WHAT_HELD_DECIDE, held_decide },
};

/* What other members sent, and what is in force, is for who works at the node's machine. */
static bool is_for_operators(const Qiao__V1__AdminRequest *request)
{
    static const Qiao__V1__AdminRequest__WhatCase theirs[] = {
        QIAO__V1__ADMIN_REQUEST__WHAT_KEPT_HEADERS, QIAO__V1__ADMIN_REQUEST__WHAT_RELOAD, QIAO__V1__ADMIN_REQUEST__WHAT_HELD_LIST, QIAO__V1__ADMIN_REQUEST__WHAT_HELD_DECIDE,
    };
    for (size_t i = 0; request && i < sizeof theirs / sizeof theirs[0]; i++)
        if (request->what_case == theirs[i]) return true;
    return false;
}

/* A node asks what became of a message that went between it and this one, and nothing else. */
static bool may_ask(const struct connection *c, const Qiao__V1__AdminRequest *request)
{
    if (c->link.peer.role == LINK_ROLE_MEMBER_ONLY) return true;
    return c->peer && request && (request->what_case == QIAO__V1__ADMIN_REQUEST__WHAT_CUSTODY || request->what_case == QIAO__V1__ADMIN_REQUEST__WHAT_WAY);
}

void recv_admin(struct core *core, struct connection *c, struct qiao_bytes payload)
{
    if (bundle_import(core, c, payload)) return;
    arena_reset(&core->arena);
    bool small = payload.size <= REQUEST_SIZE_MAX;
    Qiao__V1__AdminRequest *request = small && pb_depth_ok(payload) ? qiao__v1__admin_request__unpack(&core->arena.protobuf, payload.size, payload.data) : NULL;
    if (!may_ask(c, request)) {
        connection_drop(core, c, QIAO_CODE_NOT_ALLOWED, "administration is for local tools and members");
        return;
    }
    if (is_for_operators(request) && !c->identity.local) {
        admin_refuse(core, c, request->id, QIAO_CODE_NOT_ALLOWED, "only over ipc:// or loopback at the node's own machine");
        return;
    }
    for (size_t i = 0; request && i < sizeof answers / sizeof answers[0]; i++) {
        if (answers[i].what != request->what_case) continue;
        answers[i].answer(core, c, request);
        return;
    }
    admin_refuse(core, c, request ? request->id : 0, QIAO_CODE_ADMIN_REQUEST, "this node does not know the request");
}
