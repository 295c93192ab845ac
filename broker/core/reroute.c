/* Links that are given up: what waits for them goes another way, if there is one now. What waits for any way (core->waiting) likewise.
 *
 * What was never sent moves. What was sent and not acknowledged may be in the neighbour's custody: it stays and a copy goes, which is safe
 * because every message that goes where there may be other ways is marked as shared, and of those only the destination's node says how they
 * ended; it knows copies by their id. A message that was not marked when it was sent stays where it is. What was given to a neighbour of an
 * area set is divided anew (sets.c); what has no other way then waits in core->waiting. */
#include "core/directory.h"
#include "core/lanes.h"
#include "core/route.h"
#include "core/sets.h"

#include <qiao/client.h>

/* What one batch takes over of messages that move. */
#define SWEEP_SIZE_MAX (256u * 1024u)
/* Messages of which a copy went another way, remembered. */
#define COPIED_MAX 65536u

void reroute_up(struct core *core, struct peer *link)
{
    link->told.size = 0;
    link->told_at_ms = 0;
    if (link->dead && core->graph) core_trace(core, "%s = %s: taken into use again", core->node, link->name);
    link->dead = false;
    directory_changed(core);
}

void reroute_down(struct core *core, struct peer *link)
{
    link->down_since_ms = core->now_ms;
}

static void give_up_links(struct core *core)
{
    for (size_t i = 0; i < core->links_count; i++) {
        struct peer *peer = &core->peers[i];
        if (peer == core->waiting || peer->dead || peer->out || core->now_ms < peer->down_since_ms + core->config.reroute_after_ms) continue;
        peer->dead = true;
        if (core->graph) core_trace(core, "%s = %s: given up for now", core->node, peer->name);
        directory_changed(core);
    }
}

/* ---- one run ---- */

struct sweep {
    struct core *core;
    struct peer *peer;
    unsigned lane;
    uint64_t first;
    struct group_batch batch;
    bool in_doubt;                 /* the run may be in the neighbour's custody */
    bool *moved;                   /* an entry each */
    uint32_t moved_count, ended_count;
};

/* NULL: it did not come from a neighbour. */
static struct peer *came_from(const struct sweep *s, const struct envelope *e)
{
    struct qiao_bytes name;
    (void)envelope_passed(e->raw, qiao_bytes_from_string(s->core->node), &name);
    for (size_t i = 0; i < s->core->links_count; i++)
        if (qiao_bytes_equal(qiao_bytes_from_string(s->core->peers[i].name), name)) return &s->core->peers[i];
    return NULL;
}

static struct peer *way_but(const struct sweep *s, const struct envelope *e, const struct peer *from)
{
    struct core *core = s->core;
    if (route_envelope(core, e, from) != QIAO_CODE_OK || core->targets_count != 1) return NULL;
    struct peer *to = core->targets[0];
    bool goes = !to->member && to != s->peer && to != core->waiting && !to->dead;
    return goes ? to : NULL;
}

/* The neighbour that would take the message now; NULL: none, or the same. Back to where it came from only if there is no other: that one
 * was told of the way that is taken from here when it is left out, and two that send a message back to each other would do so for ever. */
static struct peer *other_way(const struct sweep *s, const struct envelope *e)
{
    struct qiao_bytes root;
    if (address_is_set(&e->header.destination, &root)) return NULL;
    struct peer *from = came_from(s, e), *to = way_but(s, e, from);
    return !to && from ? way_but(s, e, NULL) : to;
}

/* Of one message to an area set several parts may have gone to one neighbour. */
static struct qiao_id copy_name(const struct envelope *e)
{
    struct qiao_id name = e->header.id;
    if (e->note.share.size > 0) put_u64(name.bytes, get_u64(name.bytes) ^ hash_of_area(e->note.share));
    return name;
}

static bool may_copy(const struct sweep *s, const struct envelope *e)
{
    struct qiao_id name = copy_name(e);
    return e->note.shared && !id_set_find(&s->core->copied, &name, s->peer->number);
}

/* When they are forgotten, copies may be made again; they are recognised. */
static void remember_copy(struct sweep *s, const struct envelope *e)
{
    static const uint8_t no_digest[FINGERPRINT_SIZE];
    if (s->core->copied.count >= COPIED_MAX) id_set_clear(&s->core->copied);
    struct qiao_id name = copy_name(e);
    id_set_add(&s->core->copied, &name, s->peer->number, no_digest);
}

/* The lane it waited on, if no other of its case waits at the new neighbour. */
static unsigned lane_at(struct sweep *s, struct peer *to, const struct header *h)
{
    return s->core->lanes && h->kind >= QIAO_KIND_PAYLOAD ? lanes_choose(s->core, to, h, s->lane) : s->lane;
}

/* False: nothing of it has another way. */
static bool divides(const struct sweep *s, const struct envelope *e, const struct peer *from)
{
    struct core *core = s->core;
    bool found = route_envelope(core, e, from) != QIAO_CODE_NO_ROUTE && core->split, goes = core->set_parts_count == 0;
    for (size_t i = 0; i < core->set_parts_count; i++) goes |= core->set_parts[i].peer != core->waiting;
    return found && goes;
}

static bool divide_again(struct sweep *s, const struct envelope *e, const struct origin *origin)
{
    struct core *core = s->core;
    const struct peer *from = came_from(s, e);
    if (!divides(s, e, from) && (!from || !divides(s, e, NULL))) return false;
    for (size_t i = 0; i < core->set_parts_count; i++) {
        struct peer *to = core->set_parts[i].peer;
        core->note.share = set_part_share(core, i);
        queue_append(core, to, to == core->waiting ? s->lane : lane_at(s, to, &e->header), e, origin);
    }
    return true;
}

static bool move(struct sweep *s, const struct envelope *e, const struct origin *origin)
{
    if (e->note.share.size > 0) return divide_again(s, e, origin);
    struct peer *to = other_way(s, e);
    if (to) queue_append(s->core, to, lane_at(s, to, &e->header), e, origin);
    return to != NULL;
}

static void look_at(struct sweep *s, uint32_t i)
{
    struct envelope e;
    struct origin origin = { .form = ORIGIN_SINGLE, .batch = &s->batch, .message = i };
    struct qiao_bytes raw = s->batch.messages[i].raw;
    s->ended_count += raw.size == 0;
    if (raw.size == 0 || envelope_open(raw, &e) == QIAO_CODE_MALFORMED || (s->in_doubt && !may_copy(s, &e))) return;
    s->core->moving = true;
    bool moved = move(s, &e, &origin);
    s->core->moving = false;
    if (!moved) return;
    if (s->in_doubt) remember_copy(s, &e);
    s->moved[i] = true;
    s->moved_count++;
}

/* The run without what has moved; what stays of a group that was whole gets proofs of its own. */
static void write_rest(struct sweep *s, const struct run_view *old)
{
    struct core *core = s->core;
    struct run *run = batch_new_run(core_batch(core));
    run->peer = s->peer;
    run->lane = s->lane;
    run->first = s->first;
    run->count = old->count;
    run->expires_at_ms = old->expires_at_ms;
    run_begin(&run->buf);
    for (uint32_t i = 0; i < s->batch.messages_count; i++) {
        buf_auto proof = { 0 };
        const struct group_message *m = &s->batch.messages[i];
        struct qiao_bytes raw = s->moved[i] ? qiao_bytes(NULL, 0) : m->raw;
        if (raw.size > 0 && s->batch.units[m->unit].whole) group_put_single(&proof, &s->batch, i);
        pb_put_bytes_head(&run->buf, 1, raw.size + proof.size);
        buf_append(&run->buf, raw.data, raw.size);
        buf_append(&run->buf, proof.data, proof.size);
        run->ended += raw.size == 0;
    }
    sign_units_of(core, run);
    core_batch(core)->bytes += run->buf.size;
    s->peer->queues[s->lane].rewriting = core->filling + 1;
}

static void finish_run(struct sweep *s, const struct run_view *run)
{
    struct queue *q = &s->peer->queues[s->lane];
    bool empty = s->moved_count + s->ended_count == run->count;
    core_trace(s->core, "%s = %u of lane %u messages %llu-%llu for %s go another way%s", s->core->node, s->moved_count, s->lane, (unsigned long long)s->first,
               (unsigned long long)(s->first + run->count - 1), s->peer->name, s->in_doubt ? " as well" : "");
    if (s->in_doubt) return;
    if (empty && s->peer == s->core->waiting && s->first == q->head) queue_acked(s->core, s->peer, s->lane, s->first + run->count - 1);
    else write_rest(s, run);
}

/* Looks at the run at q->swept; false: there is none. */
static bool sweep_run(struct core *core, struct peer *peer, unsigned lane)
{
    struct queue *q = &peer->queues[lane];
    struct sweep s = { .core = core, .peer = peer, .lane = lane, .first = q->swept, .in_doubt = q->swept < q->sent_max && peer != core->waiting };
    struct key key = key_run(peer->number, lane, s.first);
    struct qiao_bytes value;
    struct run_view run;
    if (!store_get(core->store, key_bytes(&key), &value) || !run_open(value, &run)) return false;
    q->swept += run.count;
    if (run.ended == run.count) {
        if (peer == core->waiting && s.first == q->head) queue_acked(core, peer, lane, q->swept - 1);
        return true;
    }
    if (!group_open(core->config.seal, run.entries, run.count, false, &s.batch)) return true; /* check-store tells */
    s.moved = base_zalloc(run.count * sizeof *s.moved);
    for (uint32_t i = 0; i < s.batch.messages_count; i++) look_at(&s, i);
    if (s.moved_count > 0) finish_run(&s, &run);
    free(s.moved);
    group_batch_deinit(&s.batch);
    return true;
}

/* ---- all of them ---- */

static bool is_swept(const struct core *core, const struct peer *peer)
{
    return peer == core->waiting || peer->dead;
}

/* False: the batch has enough, and the rest waits until it is stored. */
static bool sweep_queue(struct core *core, struct peer *peer, unsigned lane)
{
    struct queue *q = &peer->queues[lane];
    if (q->swept < q->head) q->swept = q->head;
    while (q->swept < q->committed && !q->rewriting) {
        if (core_batch(core)->bytes > SWEEP_SIZE_MAX) return false;
        if (!sweep_run(core, peer, lane)) return true;
    }
    return q->swept >= q->committed;
}

static void sweep(struct core *core)
{
    bool done = true;
    if (core->busy || core->refused) return;
    for (size_t i = 0; i < core->links_count; i++)
        for (unsigned lane = 0; lane < QIAO_LANES && is_swept(core, &core->peers[i]); lane++) done &= sweep_queue(core, &core->peers[i], lane);
    core->sweeping = !done;
}

static void begin_sweep(struct core *core)
{
    for (size_t i = 0; i < core->links_count; i++)
        for (unsigned lane = 0; lane < QIAO_LANES; lane++) core->peers[i].queues[lane].swept = 0;
    core->moves_version = core->directory.version;
    core->sweeping = true;
}

/* Does anything wait that another way could take? */
static bool waits(const struct core *core)
{
    for (size_t i = 0; core->graph && i < core->links_count; i++)
        for (unsigned lane = 0; lane < QIAO_LANES && is_swept(core, &core->peers[i]); lane++)
            if (core->peers[i].queues[lane].swept < core->peers[i].queues[lane].committed || core->peers[i].queues[lane].head < core->peers[i].queues[lane].committed) return true;
    return false;
}

void reroute_tick(struct core *core)
{
    give_up_links(core);
    if (core->tick_ms > core->now_ms || !waits(core)) return;
    if (!core->sweeping) begin_sweep(core); /* else a full store stopped it, or the batch at hand has enough */
    sweep(core);
}

void reroute_stored(struct core *core)
{
    if (core->sweeping) sweep(core);
}

uint64_t reroute_deadline_ms(const struct core *core)
{
    uint64_t due = core->directory.due_ms;
    for (size_t i = 0; i < core->links_count; i++) {
        const struct peer *peer = &core->peers[i];
        uint64_t at = peer->down_since_ms + core->config.reroute_after_ms;
        if (peer != core->waiting && !peer->dead && !peer->out && at < due) due = at;
    }
    return waits(core) && core->tick_ms < due ? core->tick_ms : due;
}
