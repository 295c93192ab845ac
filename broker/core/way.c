#include "core/way.h"

#include "schema/explain.pb-c.h"

#include <qiao/client.h>

/* schema/explain.proto */
enum { HOP_NODE = 1, HOP_AREA, HOP_AT, HOP_DECISION, HOP_STEPS, HOP_ORIGIN, HOP_OUTCOME, HOP_CODE, HOP_OUTCOME_AT, HOP_NOW, HOP_NAME };
enum { STEP_TO = 1, STEP_MEMBER, STEP_STATE, STEP_SINCE, STEP_SEQUENCE, STEP_AHEAD, STEP_UP, STEP_UP_SINCE, STEP_ATTEMPTS, STEP_NEXT_TRY, STEP_OUTCOME, STEP_CODE };

void way_deinit(struct way *way)
{
    buf_deinit(&way->hops);
}

bool way_is_of_member(const struct way *way, uint16_t number)
{
    for (size_t i = 0; i < way->members_count; i++)
        if (way->members[i] == number) return true;
    return false;
}

bool way_is_of_neighbour(const struct way *way, const struct peer *peer)
{
    for (size_t i = 0; i < way->neighbours_count; i++)
        if (way->neighbours[i].peer == peer) return true;
    return false;
}

static void add_member(struct way *way, const struct peer *peer)
{
    if (way->members_count < WAY_NEIGHBOURS_MAX && !way_is_of_member(way, peer->number)) way->members[way->members_count++] = peer->number;
}

static void add_neighbour(struct way *way, const struct peer *peer, struct qiao_bytes name, bool back, bool taken)
{
    for (size_t i = 0; i < way->neighbours_count; i++) {
        struct way_neighbour *n = &way->neighbours[i];
        if (n->back == back && qiao_bytes_equal(qiao_bytes_from_string(n->name), name)) {
            n->taken |= taken;
            return;
        }
    }
    if (way->neighbours_count == WAY_NEIGHBOURS_MAX || name.size > QIAO_NAME_SIZE_MAX) return;
    struct way_neighbour *n = &way->neighbours[way->neighbours_count++];
    *n = (struct way_neighbour){ .peer = peer, .back = back, .taken = taken };
    memcpy(n->name, name.data, name.size);
}

static struct peer *peer_of_number(struct core *core, uint16_t number)
{
    for (size_t i = 0; i < core->peers_count; i++)
        if (core->peers[i].number == number) return &core->peers[i];
    return NULL;
}

static struct peer *link_of_name(struct core *core, struct qiao_bytes name)
{
    for (size_t i = 0; i < core->links_count; i++)
        if (qiao_bytes_equal(qiao_bytes_from_string(core->peers[i].name), name)) return &core->peers[i];
    return NULL;
}

/* ---- where it stands ---- */

struct standing {
    unsigned state;
    uint64_t since_ms, ahead, next_try_ms;
    uint32_t attempts;
    unsigned outcome, code;
};

static bool take_time(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    if (key.size != 12 || value.size < 8) return true;
    *(uint64_t *)context = get_u64(value.data);
    return false;
}

/* When the neighbour signed for it; 0: it does not sign, or the receipt is not here. */
static uint64_t signed_for_ms(struct core *core, const struct peer *peer, unsigned lane, uint64_t sequence)
{
    uint64_t at_ms = 0;
    struct key from = key_sequence('C', peer->number, lane, sequence), to = key_sequence('C', peer->number, lane, SEQUENCE_MAX);
    store_scan(core->store, key_bytes(&from), key_bytes(&to), take_time, &at_ms);
    return at_ms;
}

static struct standing stands_at_neighbour(struct core *core, const struct peer *peer, unsigned lane, const struct explain_search *search, const struct explain_hit *hit)
{
    const struct queue *q = &peer->queues[lane];
    struct standing s = { .state = QIAO__V1__WAY_STATE__WAY_HANDED_OVER };
    struct key key = explain_ended_key(&search->id, peer->number, hit->tag);
    struct qiao_bytes value;
    if (store_get(core->store, key_bytes(&key), &value) && value.size == EXPLAIN_ENDED_SIZE) {
        s = (struct standing){ .state = QIAO__V1__WAY_STATE__WAY_ENDED, .since_ms = get_u64(value.data), .outcome = value.data[8], .code = get_u16(value.data + 9) };
    } else if (hit->sequence < q->head) {
        s.since_ms = signed_for_ms(core, peer, lane, hit->sequence);
    } else {
        bool sent = hit->sequence < q->sent_max;
        s = (struct standing){ .state = sent ? QIAO__V1__WAY_STATE__WAY_SENT : QIAO__V1__WAY_STATE__WAY_QUEUED, .ahead = hit->sequence - q->head };
        if (!sent) s.since_ms = hit->at_ms;
    }
    return s;
}

static const struct held *find_held(const struct peer *peer, unsigned lane, uint64_t sequence)
{
    for (size_t i = 0; i < peer->held_count; i++)
        if (peer->held[i].lane == lane && peer->held[i].sequence == sequence) return &peer->held[i];
    return NULL;
}

static struct standing stands_at_member(struct core *core, const struct peer *peer, unsigned lane, const struct explain_search *search, const struct explain_hit *hit)
{
    const struct queue *q = &peer->queues[lane];
    struct key key = key_destination(&search->id, peer->number, hit->tag);
    struct message_record record;
    struct qiao_bytes value;
    const struct held *held = find_held(peer, lane, hit->sequence);
    if (store_get(core->store, key_bytes(&key), &value) && record_read(value, &record) && record.outcome != QIAO_OUTCOME_NONE)
        return (struct standing){ .state = QIAO__V1__WAY_STATE__WAY_ENDED, .since_ms = record.at_ms, .outcome = record.outcome, .code = record.code };
    if (held) {
        struct standing s = { .state = QIAO__V1__WAY_STATE__WAY_HELD, .attempts = held->attempts };
        if (held->due_ms > core->now_ms && held->due_ms < LINK_NEVER - 1) s.next_try_ms = held->due_ms - core->now_ms;
        return s;
    }
    if (hit->sequence != 0 && hit->sequence < q->sent) return (struct standing){ .state = QIAO__V1__WAY_STATE__WAY_SENT };
    return (struct standing){ .state = QIAO__V1__WAY_STATE__WAY_QUEUED, .since_ms = hit->at_ms, .ahead = hit->sequence > q->head ? hit->sequence - q->head : 0 };
}

/* ---- hops ---- */

/* What of a packed Decision is needed to tell where the message stands. */
struct view {
    struct qiao_bytes packed, from;
    bool from_member;
    unsigned lane, sent_on, code;  /* lanes: its own, and the one it was put on to a neighbour */
    struct qiao_bytes area, org;   /* destination */
};

static void read_destination(struct qiao_bytes address, struct view *v)
{
    struct pb_reader r = pb_reader(address);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.number == 1 && f.type == PB_BYTES) v->area = f.bytes;
        if (f.number == 2 && f.type == PB_BYTES) v->org = f.bytes;
    }
}

static bool read_decision(struct core *core, const struct qiao_id *name, struct view *v)
{
    struct key key = explain_key(name);
    struct qiao_bytes value;
    struct pb_field f;
    *v = (struct view){ 0 };
    if (!store_get(core->store, key_bytes(&key), &value) || value.size <= EXPLAIN_DECISION_HEAD_SIZE) return false;
    v->packed = qiao_bytes(value.data + EXPLAIN_DECISION_HEAD_SIZE, value.size - EXPLAIN_DECISION_HEAD_SIZE);
    struct pb_reader r = pb_reader(v->packed);
    while (pb_next(&r, &f)) {
        if (f.number == 2 && f.type == PB_BYTES) v->from = f.bytes;
        if (f.number == 3 && f.type == PB_VARINT) v->from_member = f.value != 0;
        if (f.number == 4 && f.type == PB_BYTES) read_destination(f.bytes, v);
        if (f.number == 6 && f.type == PB_VARINT && f.value < QIAO_LANES) v->lane = v->sent_on = (unsigned)f.value;
        if (f.number == 30 && f.type == PB_VARINT && f.value >= 1 && f.value <= QIAO_LANES) v->sent_on = (unsigned)f.value - 1;
        if (f.number == 10 && f.type == PB_VARINT) v->code = (unsigned)f.value;
    }
    return !r.failed;
}

static void put_peer(struct buf *step, const struct peer *peer)
{
    pb_put_string(step, STEP_TO, peer->name);
    pb_put_varint(step, STEP_MEMBER, peer->member);
    pb_put_varint(step, STEP_UP, peer->out != NULL);
    pb_put_fixed64(step, STEP_UP_SINCE, peer->since_ms);
}

static void put_standing(struct buf *step, const struct standing *s)
{
    pb_put_varint(step, STEP_STATE, s->state);
    pb_put_fixed64(step, STEP_SINCE, s->since_ms);
    pb_put_varint(step, STEP_AHEAD, s->ahead);
    pb_put_varint(step, STEP_ATTEMPTS, s->attempts);
    pb_put_varint(step, STEP_NEXT_TRY, s->next_try_ms);
    pb_put_varint(step, STEP_OUTCOME, s->outcome);
    pb_put_varint(step, STEP_CODE, s->code);
}

static void put_step(struct core *core, struct way *way, const struct explain_search *search, const struct explain_hit *hit, const struct view *v, struct buf *hop)
{
    buf_auto step = { 0 };
    const struct peer *peer = hit->peer ? peer_of_number(core, hit->peer) : NULL;
    struct standing s = { .state = v->code ? QIAO__V1__WAY_STATE__WAY_REFUSED : QIAO__V1__WAY_STATE__WAY_TAKEN, .since_ms = hit->at_ms, .code = v->code };
    if (peer) s = peer->member ? stands_at_member(core, peer, v->lane, search, hit) : stands_at_neighbour(core, peer, v->sent_on, search, hit);
    else if (hit->peer) s.state = QIAO__V1__WAY_STATE__WAY_NOWHERE; /* it is no neighbour any more */
    if (peer) put_peer(&step, peer);
    put_standing(&step, &s);
    pb_put_varint(&step, STEP_SEQUENCE, hit->sequence);
    pb_put_bytes(hop, HOP_STEPS, buf_bytes(&step));
    if (peer && peer->member) add_member(way, peer);
    bool went = s.state == QIAO__V1__WAY_STATE__WAY_HANDED_OVER || s.state == QIAO__V1__WAY_STATE__WAY_SENT;
    if (peer && !peer->member && went) add_neighbour(way, peer, qiao_bytes_from_string(peer->name), false, s.state == QIAO__V1__WAY_STATE__WAY_HANDED_OVER);
}

static void put_origin(struct core *core, const struct qiao_id *id, struct buf *hop)
{
    struct key key = key_origin(id);
    struct message_record record;
    struct qiao_bytes value;
    if (!store_get(core->store, key_bytes(&key), &value) || !record_read(value, &record)) return;
    pb_put_varint(hop, HOP_ORIGIN, 1);
    pb_put_varint(hop, HOP_OUTCOME, record.outcome);
    pb_put_varint(hop, HOP_CODE, record.code);
    if (record.outcome != QIAO_OUTCOME_NONE) pb_put_fixed64(hop, HOP_OUTCOME_AT, record.at_ms);
}

/* Who sent it and whom it was for, if they are members here; and the neighbour it came from. */
static void add_ends(struct core *core, struct way *way, const struct view *v)
{
    struct peer *sender = v->from_member ? route_member(core, v->from) : NULL, *link = v->from_member ? NULL : link_of_name(core, v->from);
    struct peer *recipient = qiao_bytes_equal(v->area, qiao_bytes_from_string(core->area)) ? route_member(core, v->org) : NULL;
    if (sender) add_member(way, sender);
    if (recipient) add_member(way, recipient);
    if (!v->from_member && v->from.size > 0) add_neighbour(way, link, v->from, true, true);
}

/* One hop: what was decided about the message at one time. Returns the number of hits it is made of. */
static size_t put_hop(struct core *core, struct way *way, const struct explain_search *search, size_t first, size_t count)
{
    const struct explain_hit *hit = &search->hits[first];
    buf_auto hop = { 0 };
    struct view v;
    size_t end = first;
    bool known = read_decision(core, &hit->name, &v);
    pb_put_string(&hop, HOP_NODE, core->node);
    pb_put_string(&hop, HOP_AREA, core->area);
    pb_put_fixed64(&hop, HOP_AT, hit->at_ms);
    pb_put_fixed64(&hop, HOP_NOW, core->wall_ms);
    pb_put_bytes(&hop, HOP_DECISION, v.packed);
    pb_put_bytes(&hop, HOP_NAME, qiao_bytes(hit->name.bytes, EXPLAIN_NAME_SIZE));
    if (known && v.from_member) put_origin(core, &search->id, &hop);
    if (known) add_ends(core, way, &v);
    for (; end < count && search->hits[end].record == hit->record && search->hits[end].source == hit->source && qiao_id_equal(&search->hits[end].name, &hit->name); end++)
        put_step(core, way, search, &search->hits[end], &v, &hop);
    pb_put_bytes(&way->hops, 1, buf_bytes(&hop));
    return end - first;
}

void way_of(struct core *core, const struct explain_search *search, uint64_t source, struct way *way)
{
    size_t count = search->hits_count < EXPLAIN_HITS_MAX ? search->hits_count : EXPLAIN_HITS_MAX;
    *way = (struct way){ 0 };
    for (size_t i = 0; i < count;) i += search->hits[i].source == source ? put_hop(core, way, search, i, count) : 1;
}
