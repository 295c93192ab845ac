#include "core/drain.h"

#include <qiao/client.h>

/* Frames a second, about. */
#define FRAMES_A_SECOND 32u
/* Until what could not be sent is looked at again. */
#define AGAIN_MS 100u
/* What passes the backlog on the urgent lane is no larger than this, and no more of it than may be under way at once: an urgent message
 * behind it waits no longer than it does anyway. */
#define PASSING_SIZE_MAX 4096u

/* Where new messages of each lane pass its backlog, best first; bulk does not. */
static const struct { unsigned count, lanes[2]; } passing[QIAO_LANES] = {
    [QIAO_LANE_URGENT] = { 2, { QIAO_LANE_NORMAL, QIAO_LANE_BULK } },
    [QIAO_LANE_NORMAL] = { 2, { QIAO_LANE_BULK, QIAO_LANE_URGENT } },
    [QIAO_LANE_BULK] = { 0, { 0 } },
};

uint32_t drain_limit(const struct core *core, const struct peer *link)
{
    return link->drain.own_limit ? link->drain.own_limit : core->config.drain_messages_per_s;
}

bool drain_any_limit(const struct core *core)
{
    bool any = core->config.drain_messages_per_s > 0;
    for (size_t i = 0; i < core->links_count; i++) any |= core->peers[i].drain.own_limit > 0;
    return any;
}

static uint32_t frame_max(uint32_t limit)
{
    return limit / FRAMES_A_SECOND > 1 ? limit / FRAMES_A_SECOND : 1;
}

/* ---- while it goes on ---- */

void drain_up(struct core *core, struct peer *link)
{
    uint64_t waiting = 0;
    uint32_t limit = drain_limit(core, link);
    bool outage = link->dead || !link->drain.was_up;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        const struct queue *q = &link->queues[lane];
        link->drain.lanes[lane] = limit > 0 && (outage || link->drain.lanes[lane]) && q->sent < q->tail;
        if (link->drain.lanes[lane]) waiting += q->tail - q->sent;
    }
    link->drain.was_up = true;
    if (link->drain.free_us < core->now_ms * 1000) link->drain.free_us = core->now_ms * 1000;
    if (waiting > 0) core_trace(core, "%s > %s: %llu messages drain, at most %u a second", core->node, link->name, (unsigned long long)waiting, limit);
}

bool drain_is_on(const struct peer *link)
{
    bool any = false;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) any |= link->drain.lanes[lane];
    return any && link->out && !link->out->bundle;
}

bool drain_goes_on(const struct core *core)
{
    for (size_t i = 0; i < core->links_count; i++)
        if (drain_is_on(&core->peers[i])) return true;
    return false;
}

/* Sent in a session that has no line, a backlog goes as it is. */
static bool is_held(const struct core *core, const struct peer *link, unsigned lane)
{
    return lane < QIAO_LANES && link->drain.lanes[lane] && link->out && !link->out->bundle && drain_limit(core, link) > 0;
}

static bool is_cut_off(const struct core *core, const struct peer *link)
{
    return !link->member && !link->out && link != core->waiting;
}

uint32_t drain_frame_max(const struct core *core, const struct peer *link, unsigned lane)
{
    uint32_t limit = drain_limit(core, link);
    return limit > 0 && (is_cut_off(core, link) || is_held(core, link, lane)) ? frame_max(limit) : UINT32_MAX;
}

bool drain_parts(const struct core *core, uint32_t count)
{
    for (size_t i = 0; i < core->links_count; i++)
        for (unsigned lane = 0; lane < QIAO_LANES; lane++)
            if (count > drain_frame_max(core, &core->peers[i], lane)) return true;
    return false;
}

bool drain_allows(const struct core *core, const struct peer *link, unsigned lane)
{
    return !is_held(core, link, lane) || core->now_ms * 1000 >= link->drain.free_us;
}

void drain_begin(struct core *core, struct peer *link, unsigned lane)
{
    if (link->out && drain_limit(core, link) > 0) link->drain.lanes[lane] = true;
}

void drain_limits_changed(struct core *core)
{
    for (size_t i = 0; i < core->links_count; i++) {
        struct peer *link = &core->peers[i];
        if (drain_limit(core, link) > 0 || !drain_is_on(link)) continue;
        for (unsigned lane = 0; lane < QIAO_LANES; lane++) link->drain.lanes[lane] = false;
        queue_pump(core, link);
    }
}

void drain_sent(struct core *core, struct peer *link, unsigned lane, uint32_t count)
{
    if (!is_held(core, link, lane)) return;
    uint32_t limit = drain_limit(core, link), rate = limit - (frame_max(limit) - 1);
    uint64_t now_us = core->now_ms * 1000, from_us = link->drain.free_us > now_us ? link->drain.free_us : now_us;
    link->drain.free_us = from_us + (count * UINT64_C(1000000) + rate - 1) / rate;
    if (link->queues[lane].sent < link->queues[lane].tail) return;
    link->drain.lanes[lane] = false;
    core_trace(core, "%s > %s: lane %u has drained", core->node, link->name, lane);
}

/* ---- what is new ---- */

static bool is_open(const struct peer *link, unsigned lane, size_t size)
{
    const struct queue *q = &link->queues[lane];
    if (link->drain.lanes[lane]) return false;
    return lane != QIAO_LANE_URGENT || (size <= PASSING_SIZE_MAX && (q->tail - q->sent) * PASSING_SIZE_MAX < link->out->link.pace.limit);
}

unsigned drain_lane(const struct core *core, const struct peer *link, size_t size, unsigned wanted)
{
    if (!is_held(core, link, wanted)) return wanted;
    for (unsigned i = 0; i < passing[wanted].count; i++)
        if (is_open(link, passing[wanted].lanes[i], size)) return passing[wanted].lanes[i];
    return wanted;
}

/* ---- time ---- */

uint64_t drain_deadline_ms(const struct peer *link)
{
    bool waits = false;
    if (!drain_is_on(link)) return LINK_NEVER;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++)
        waits |= link->drain.lanes[lane] && link->queues[lane].sent < link->queues[lane].committed && !link->queues[lane].rewriting && link_can_send(&link->out->link, lane);
    return waits ? (link->drain.free_us + 999) / 1000 : LINK_NEVER;
}

void drain_tick(struct core *core, struct peer *link)
{
    if (drain_deadline_ms(link) > core->now_ms) return;
    queue_pump(core, link);
    if (drain_deadline_ms(link) <= core->now_ms) link->drain.free_us = (core->now_ms + AGAIN_MS) * 1000; /* a run cannot be read: check-store tells */
}
