/* A member's session broke: over which message? With one in hand it is that one; it is delivered again with nothing beside it, and is
 * dead after as many attempts as are allowed. With several in hand fewer at a time are delivered, a sixteenth after each break, until one is
 * alone: nobody is blamed for what stood beside it. Then the others go on as before. What was in hand for crash_within_ms is innocent. */
#include "core/deliver.h"

#include <qiao/client.h>

#define NARROWING 16u

static bool is_recent(const struct core *core, uint64_t sent_ms)
{
    return core->now_ms < sent_ms + core->config.crash_within_ms;
}

uint64_t blame_delivered_below(const struct peer *peer, unsigned lane)
{
    if (peer->suspicion.behind) return 0;
    return peer->suspicion.window ? peer->suspicion.resent[lane] : peer->queues[lane].sent;
}

static uint64_t innocent_below(const struct peer *peer, unsigned lane)
{
    return peer->suspicion.window ? peer->suspicion.cleared[lane] : 0;
}

static uint32_t count_open(struct queue *q, uint64_t low, uint64_t high)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < q->flights_count; i++) {
        const struct flight *f = flight_at(q, i);
        uint64_t from = f->first > low ? f->first : low, to = f->first + f->count < high ? f->first + f->count : high;
        for (uint64_t sequence = from; sequence < to; sequence++) count += !flight_has(f, sequence);
    }
    return count;
}

/* What is held is with this node, except what was sent alone and not answered. */
uint32_t blame_in_hand(struct core *core, struct peer *peer)
{
    uint32_t count = 0;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) count += count_open(&peer->queues[lane], innocent_below(peer, lane), blame_delivered_below(peer, lane));
    for (size_t i = 0; i < peer->held_count; i++) {
        const struct held *h = &peer->held[i];
        if (h->leaves) continue;
        count -= h->sequence >= innocent_below(peer, h->lane) && h->sequence < blame_delivered_below(peer, h->lane);
        count += h->due_ms == UNDER_WAY && is_recent(core, h->sent_ms);
    }
    return count;
}

struct held *blame_holder(struct core *core, struct peer *peer)
{
    for (size_t i = 0; i < peer->held_count; i++) {
        struct held *h = &peer->held[i];
        if (!h->alone || h->leaves) continue;
        if (h->due_ms <= core->now_ms || (h->due_ms == UNDER_WAY && is_recent(core, h->sent_ms))) return h;
    }
    return NULL;
}

/* ---- a session broke ---- */

static struct held *alone_in_hand(struct core *core, struct peer *peer)
{
    struct held *h = blame_holder(core, peer);
    return h && h->due_ms == UNDER_WAY ? h : NULL;
}

struct place {
    unsigned lane;
    uint64_t sequence;
};

/* The only one in hand. */
static bool find_only(struct core *core, struct peer *peer, struct place *ret_place)
{
    for (size_t i = 0; i < peer->held_count; i++) {
        const struct held *h = &peer->held[i];
        *ret_place = (struct place){ h->lane, h->sequence };
        if (h->due_ms == UNDER_WAY && !h->leaves && is_recent(core, h->sent_ms)) return true;
    }
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        struct queue *q = &peer->queues[lane];
        for (uint32_t i = 0; i < q->flights_count; i++) {
            const struct flight *f = flight_at(q, i);
            for (uint64_t sequence = f->first; sequence < f->first + f->count && sequence < blame_delivered_below(peer, lane); sequence++) {
                *ret_place = (struct place){ lane, sequence };
                if (!flight_has(f, sequence) && sequence >= innocent_below(peer, lane) && !held_find(peer, lane, sequence)) return true;
            }
        }
    }
    return false;
}

static void blame(struct core *core, struct peer *peer, struct place at)
{
    struct envelope e;
    if (!deliver_open(core, peer, at.lane, at.sequence, &e)) return;
    core_trace(core, "%s < %s: broke over lane %u message %llu", core->node, peer->name, at.lane, (unsigned long long)at.sequence);
    struct held *h = held_find(peer, at.lane, at.sequence);
    if (!h) h = held_add(peer, at.lane, at.sequence, deliver_hash_case(e.header.case_id));
    h->alone = true;
    peer->suspicion.window = 0;
    deliver_failed(core, peer, h, &e, QIAO_CODE_CRASHES, qiao_bytes(NULL, 0), 0);
    flight_drop_finished(&peer->queues[at.lane]);
}

static void suspect(struct core *core, struct peer *peer, uint32_t count)
{
    struct suspicion *s = &peer->suspicion;
    uint32_t window = s->window && s->window < count ? s->window : count;
    for (unsigned lane = 0; lane < QIAO_LANES && !s->window; lane++) {
        s->until[lane] = peer->queues[lane].sent;
        s->cleared[lane] = 0;
    }
    s->window = window > NARROWING ? window / NARROWING : 1;
    core_trace(core, "%s < %s: broke with %u messages in hand: %u at a time", core->node, peer->name, count, s->window);
    core_notice(core, "deliveries slowed", peer->name, QIAO_CODE_CRASHES, "its session broke with several messages in hand: fewer at a time until it is known over which");
}

void deliver_lost(struct core *core, struct peer *peer)
{
    struct held *alone = alone_in_hand(core, peer);
    uint32_t count = alone ? 1 : is_recent(core, peer->suspicion.sent_ms) ? blame_in_hand(core, peer) : 0;
    if (count > 1) {
        suspect(core, peer, count);
        return;
    }
    struct place only;
    if (alone) only = (struct place){ alone->lane, alone->sequence };
    if (alone || (count == 1 && find_only(core, peer, &only))) blame(core, peer, only);
}

/* ---- few at a time ---- */

void blame_session(struct peer *peer)
{
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        struct queue *q = &peer->queues[lane];
        peer->suspicion.resent[lane] = q->flights_count > 0 ? flight_at(q, 0)->first : q->sent;
    }
}

static bool has_suspects(struct peer *peer)
{
    const struct suspicion *s = &peer->suspicion;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        struct queue *q = &peer->queues[lane];
        if (s->resent[lane] < s->until[lane] && s->resent[lane] < q->sent) return true;
        uint32_t open = count_open(q, s->cleared[lane], s->until[lane]);
        for (size_t i = 0; i < peer->held_count; i++) {
            const struct held *h = &peer->held[i];
            open -= h->lane == lane && !h->leaves && h->sequence >= s->cleared[lane] && h->sequence < s->until[lane];
        }
        if (open > 0) return true;
    }
    return false;
}

void blame_pump(struct core *core, struct peer *peer)
{
    struct suspicion *s = &peer->suspicion;
    bool over = !has_suspects(peer);
    uint32_t in_hand = over ? 0 : blame_in_hand(core, peer), room = over ? UINT32_MAX : in_hand < s->window ? s->window - in_hand : 0, before = room;
    for (unsigned lane = 0; lane < QIAO_LANES && room > 0; lane++) s->resent[lane] = deliver_part(core, peer, lane, s->resent[lane], &room);
    if (room < before) s->sent_ms = core->now_ms;
    if (!over) return;
    s->window = 0;
    core_trace(core, "%s > %s: nobody is suspected any more", core->node, peer->name);
}

void deliver_tick(struct core *core, struct peer *peer)
{
    struct suspicion *s = &peer->suspicion;
    if (peer->held_count == 0 && !s->window) return;
    if (s->window && peer->out && !is_recent(core, s->sent_ms)) memcpy(s->cleared, s->resent, sizeof s->cleared);
    deliver_due(core, peer);
    if (peer->out) queue_pump(core, peer);
}

/* While few at a time are delivered, one that came later has to wait for those before it: they may be of its case. */
bool blame_defers(const struct peer *peer, const struct held *h)
{
    return peer->suspicion.window && h->sequence >= peer->suspicion.resent[h->lane];
}

static uint64_t waiting_due(const struct peer *peer)
{
    uint64_t due = LINK_NEVER;
    for (size_t i = 0; i < peer->held_count; i++)
        if (peer->held[i].due_ms < due && peer->held[i].due_ms != UNDER_WAY && !blame_defers(peer, &peer->held[i])) due = peer->held[i].due_ms;
    return due;
}

uint64_t deliver_deadline_ms(struct core *core, struct peer *peer)
{
    const struct suspicion *s = &peer->suspicion;
    uint64_t within = core->config.crash_within_ms;
    if (!peer->out || (peer->held_count == 0 && !s->window)) return LINK_NEVER;
    const struct held *h = blame_holder(core, peer);
    if (h) return (h->due_ms == UNDER_WAY ? h->sent_ms : h->due_ms) + within;
    uint64_t due = waiting_due(peer);
    if (!s->window) return due;
    uint32_t in_hand = blame_in_hand(core, peer);
    uint64_t clear = in_hand > 0 ? s->sent_ms + within : LINK_NEVER;
    return in_hand >= s->window || clear < due ? clear : due;
}
