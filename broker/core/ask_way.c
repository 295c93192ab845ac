/* A message's way as all nodes on it know it. Each node tells what it decided itself and asks those before and behind it; an asker gets the
 * parts in the order of the way. Nobody waits longer than its asker does: what cannot be had in time is named. */
#include "core/admin.h"
#include "core/way.h"

#include <stdio.h>

#define QUESTIONS_MAX 32u
#define TIME_MS 8000u            /* a tool waits 10 s by default */
#define MARGIN_MS 400u           /* for the way back */
#define REPLY_SIZE_MAX (1024u * 1024u)

/* One neighbour's part. */
struct part {
    uint32_t number;               /* of the question to it */
    struct core_connection_id to;
    char name[QIAO_NAME_SIZE_MAX + 1];
    bool back;
    bool taken;                    /* it said that it has the message */
    bool open;
};

struct way_question {
    struct core_connection_id from;
    uint32_t request;              /* the asker's number */
    uint64_t deadline_ms;
    unsigned direction;
    uint32_t hops;                 /* how many nodes may still be asked */
    struct explain_search search;
    bool searching;
    struct buf before, own, after; /* parts of a WayReply; owned */
    struct part parts[WAY_NEIGHBOURS_MAX];
    size_t parts_count, open;
};

static void free_question(struct core *core, size_t i)
{
    struct way_question *q = core->ways[i];
    buf_deinit(&q->before);
    buf_deinit(&q->own);
    buf_deinit(&q->after);
    free(q);
    core->ways[i] = core->ways[--core->ways_count];
    core->ways[core->ways_count] = NULL;
}

void ask_way_deinit(struct core *core)
{
    while (core->ways_count > 0) free_question(core, core->ways_count - 1);
    free(core->ways);
}

static void put_gap(struct buf *out, const char *node, const char *why, unsigned code)
{
    buf_auto gap = { 0 };
    pb_put_string(&gap, 1, node);
    pb_put_string(&gap, 2, why);
    pb_put_varint(&gap, 3, code);
    pb_put_bytes(out, 2, buf_bytes(&gap));
}

/* ---- the answer ---- */

static void send_answer(struct core *core, struct connection *c, const struct way_question *q)
{
    buf_auto packed = { 0 };
    pb_put_varint(&packed, 1, q->request);
    pb_put_varint(&packed, 2, 1);
    pb_put_bytes_head(&packed, 12, q->before.size + q->own.size + q->after.size);
    buf_append(&packed, q->before.data, q->before.size);
    buf_append(&packed, q->own.data, q->own.size);
    buf_append(&packed, q->after.data, q->after.size);
    link_send_frame(&c->link, FRAME_ADMIN_REPLY, buf_bytes(&packed), core->now_ms, connection_out(core, c));
}

static struct connection *asker(struct core *core, const struct way_question *q)
{
    struct connection *c = core_connection(core, q->from);
    return c && !c->closing && c->link.state == LINK_STATE_UP ? c : NULL;
}

static void answer(struct core *core, size_t i)
{
    struct connection *c = asker(core, core->ways[i]);
    if (c) send_answer(core, c, core->ways[i]);
    free_question(core, i);
}

static void refuse(struct core *core, size_t i, unsigned code, const char *reason)
{
    struct connection *c = asker(core, core->ways[i]);
    if (c) admin_refuse(core, c, core->ways[i]->request, code, reason);
    free_question(core, i);
}

/* ---- who may know ---- */

/* A tool that proved itself with a member's certificate is that member. */
static const struct peer *member_of(struct core *core, const struct connection *c)
{
    if (c->peer) return c->peer->member ? c->peer : NULL;
    const char *slash = c->identity.verified ? strchr(c->identity.common_name, '/') : NULL;
    return slash ? route_member(core, qiao_bytes_from_string(slash + 1)) : NULL;
}

static bool is_operator(const struct connection *c)
{
    return !c->peer && (c->identity.local || !strchr(c->identity.common_name, '/'));
}

static bool may_know(struct core *core, const struct connection *c, const struct way *way)
{
    const struct peer *member = member_of(core, c);
    if (member) return way_is_of_member(way, member->number);
    return c->peer ? way_is_of_neighbour(way, c->peer) : is_operator(c);
}

/* ---- the neighbours ---- */

static void put_question(struct core *core, struct connection *to, const struct way_question *q, uint32_t number, bool back, uint32_t time_ms)
{
    buf_auto way = { 0 };
    buf_auto packed = { 0 };
    pb_put_bytes(&way, 1, qiao_bytes(q->search.id.bytes, QIAO_ID_SIZE));
    pb_put_varint(&way, 2, back ? QIAO__V1__WAY_DIRECTION__WAY_BACK : QIAO__V1__WAY_DIRECTION__WAY_ON);
    pb_put_varint(&way, 3, q->hops - 1);
    pb_put_varint(&way, 4, time_ms);
    pb_put_fixed64(&way, 5, q->search.source);
    pb_put_varint(&packed, 1, number);
    pb_put_bytes(&packed, 10, buf_bytes(&way));
    link_send_frame(&to->link, FRAME_ADMIN_REQUEST, buf_bytes(&packed), core->now_ms, connection_out(core, to));
}

static bool is_wanted(const struct way_question *q, const struct way_neighbour *n)
{
    return q->direction == QIAO__V1__WAY_DIRECTION__WAY_BOTH || n->back == (q->direction == QIAO__V1__WAY_DIRECTION__WAY_BACK);
}

/* Why the neighbour cannot be asked, or NULL. */
static const char *out_of_reach(const struct core *core, const struct way_question *q, const struct connection *to)
{
    if (!to || to->closing || to->link.state != LINK_STATE_UP) return "its link is down";
    if (q->hops == 0 || q->deadline_ms <= core->now_ms + MARGIN_MS) return "the way is too long for the time there is";
    return NULL;
}

static void ask_neighbour(struct core *core, struct way_question *q, const struct way_neighbour *n)
{
    struct connection *to = n->peer ? n->peer->out : NULL;
    const char *why = n->peer ? out_of_reach(core, q, to) : "it is no neighbour any more";
    struct buf *out = n->back ? &q->before : &q->after;
    if (why) {
        put_gap(out, n->name, why, 0);
        return;
    }
    struct part *part = &q->parts[q->parts_count++];
    core->questions_last = core->questions_last == UINT32_MAX ? 1 : core->questions_last + 1;
    *part = (struct part){ .number = core->questions_last, .to = to->id, .back = n->back, .taken = n->taken, .open = true };
    snprintf(part->name, sizeof part->name, "%s", n->name);
    q->open++;
    put_question(core, to, q, part->number, n->back, (uint32_t)(q->deadline_ms - core->now_ms - MARGIN_MS));
}

/* The first of the senders whose message of this id the asker may know of; 0: there is none. */
static uint64_t choose_source(struct core *core, const struct connection *c, const struct explain_search *search, struct way *way, bool *ret_others)
{
    size_t count = search->hits_count < EXPLAIN_HITS_MAX ? search->hits_count : EXPLAIN_HITS_MAX;
    uint64_t source = 0;
    *ret_others = false;
    for (size_t i = 0; i < count; i++) {
        *ret_others |= source != 0 && search->hits[i].source != source;
        if (source != 0) continue;
        way_of(core, search, search->hits[i].source, way);
        if (may_know(core, c, way)) source = search->hits[i].source;
        else way_deinit(way);
    }
    return source;
}

/* The search is done: what is known here, and who else is asked. */
static void found(struct core *core, size_t i)
{
    struct way_question *q = core->ways[i];
    struct connection *c = asker(core, q);
    struct way way;
    bool others;
    q->searching = false;
    if (!c || q->search.hits_count == 0) {
        refuse(core, i, QIAO_CODE_NOT_FOUND, "this node has decided nothing about such a message, or keeps it no longer");
        return;
    }
    q->search.source = choose_source(core, c, &q->search, &way, &others);
    if (q->search.source == 0) {
        refuse(core, i, QIAO_CODE_NOT_ALLOWED, "only its sender, its recipients and operators are told of a message");
        return;
    }
    q->own = way.hops;
    if (others && is_operator(c)) put_gap(&q->own, core->node, "another sender's message has the same id; it is not shown", QIAO_CODE_CONFLICT);
    for (size_t k = 0; k < way.neighbours_count; k++)
        if (is_wanted(q, &way.neighbours[k])) ask_neighbour(core, q, &way.neighbours[k]);
    if (q->open == 0) answer(core, i);
}

/* ---- questions and replies ---- */

static void add_question(struct core *core, struct connection *c, uint32_t request, const Qiao__V1__WayRequest *wanted)
{
    if (!core->ways) core->ways = base_zalloc(QUESTIONS_MAX * sizeof(struct way_question *));
    struct way_question *q = core->ways[core->ways_count++] = base_zalloc(sizeof *q);
    bool node = c->peer && !c->peer->member;
    uint32_t time_ms = node && wanted->time_ms < TIME_MS ? wanted->time_ms : TIME_MS;
    struct qiao_id id;
    memcpy(id.bytes, wanted->id.data, QIAO_ID_SIZE);
    q->from = c->id;
    q->request = request;
    q->deadline_ms = core->now_ms + time_ms;
    q->direction = (unsigned)wanted->direction;
    q->hops = node && wanted->hops < QIAO_HOPS_MAX ? wanted->hops : QIAO_HOPS_MAX;
    q->searching = true;
    explain_search_begin(core, &id, wanted->source, &q->search);
    if (explain_search_go(core, &q->search)) found(core, core->ways_count - 1);
}

void ask_way(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    const Qiao__V1__WayRequest *wanted = request->way;
    unsigned code = QIAO_CODE_OK;
    const char *reason = NULL;
    if (wanted->id.len != QIAO_ID_SIZE) code = QIAO_CODE_ADMIN_REQUEST, reason = "a message id has 16 bytes";
    else if (!core->explain) code = QIAO_CODE_NOT_FOUND, reason = "this node writes no decisions down (explain.enabled)";
    else if (core->ways_count == QUESTIONS_MAX || asks_too_much(core, c)) code = QIAO_CODE_BUSY, reason = "more questions than are answered at once";
    if (code != QIAO_CODE_OK) admin_refuse(core, c, request->id, code, reason);
    else add_question(core, c, request->id, wanted);
}

static struct part *find_part(struct core *core, const struct connection *c, uint32_t number, size_t *ret_question)
{
    for (size_t i = 0; number != 0 && i < core->ways_count; i++)
        for (size_t k = 0; k < core->ways[i]->parts_count; k++) {
            struct part *part = &core->ways[i]->parts[k];
            if (!part->open || part->number != number || part->to.value != c->id.value) continue;
            *ret_question = i;
            return part;
        }
    return NULL;
}

/* A neighbour tells hops and gaps, and nothing else. False: it is no part of a reply, or too large. */
static bool take_part(struct way_question *q, const struct part *part, const Qiao__V1__WayReply *reply)
{
    struct buf *out = part->back ? &q->before : &q->after;
    buf_auto packed = { 0 };
    Qiao__V1__WayReply copy = *reply;
    size_t size = qiao__v1__way_reply__get_packed_size(&copy);
    if (size > REPLY_SIZE_MAX || q->before.size + q->after.size + size > REPLY_SIZE_MAX) return false;
    qiao__v1__way_reply__pack(&copy, buf_reserve(&packed, size));
    buf_append(out, packed.data, size);
    return true;
}

/* False: the reply is to no question about a way. */
bool ask_way_replied(struct core *core, const struct connection *c, const Qiao__V1__AdminReply *reply)
{
    size_t i;
    struct part *part = find_part(core, c, reply->id, &i);
    if (!part) return false;
    struct way_question *q = core->ways[i];
    struct buf *out = part->back ? &q->before : &q->after;
    bool is_way = reply->code == 0 && reply->what_case == QIAO__V1__ADMIN_REPLY__WHAT_WAY;
    part->open = false;
    /* What was sent and is not there yet is no gap: this node still has it. */
    if (reply->code == QIAO_CODE_NOT_FOUND && !part->taken) is_way = true;
    else if (!is_way) put_gap(out, part->name, *reply->reason ? reply->reason : "it answered something else", reply->code);
    else if (!take_part(q, part, reply->way)) put_gap(out, part->name, "its answer is too large", QIAO_CODE_TOO_LARGE);
    if (--q->open == 0) answer(core, i);
    return true;
}

static void time_is_up(struct core *core, size_t i)
{
    struct way_question *q = core->ways[i];
    if (q->searching) {
        refuse(core, i, QIAO_CODE_BUSY, "the log of decisions is too long to be read in this time");
        return;
    }
    for (size_t k = 0; k < q->parts_count; k++)
        if (q->parts[k].open) put_gap(q->parts[k].back ? &q->before : &q->after, q->parts[k].name, "it did not answer in time", 0);
    answer(core, i);
}

void ask_way_tick(struct core *core)
{
    for (size_t i = core->ways_count; i > 0; i--) {
        if (i > core->ways_count) continue;
        struct way_question *q = core->ways[i - 1];
        if (q->deadline_ms <= core->now_ms) time_is_up(core, i - 1);
        else if (q->searching && explain_search_go(core, &q->search)) found(core, i - 1);
    }
}

uint64_t ask_way_deadline_ms(const struct core *core)
{
    uint64_t deadline = LINK_NEVER;
    for (size_t i = 0; i < core->ways_count; i++) {
        const struct way_question *q = core->ways[i];
        uint64_t due = q->searching ? core->now_ms : q->deadline_ms;
        if (due < deadline) deadline = due;
    }
    return deadline;
}
