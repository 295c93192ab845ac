#include "link/pace.h"

/* How long a quickest trip is believed; then the queue that we keep ourselves is let run empty, to see the line without it. Longer ways are
 * believed step by step, twice as long a window: a queue must not pass for a way. */
#define WINDOW_MS 30000u
/* Trips quicker than this show no queue worth the pause. */
#define PROBE_TRIP_MS 100u

void pace_init(struct pace *p, uint64_t limit, uint64_t now_ms)
{
    *p = (struct pace){ .limit = limit == 0 || limit > PACE_LIMIT_START ? PACE_LIMIT_START : limit, .trip_ms = UINT64_MAX, .trip_ms_next = UINT64_MAX, .window_ms = now_ms };
}

uint64_t pace_room(const struct pace *p)
{
    uint64_t flight = p->sent - p->arrived;
    return flight < p->limit ? p->limit - flight : 0;
}

uint64_t pace_quantum(const struct pace *p)
{
    return p->limit / 4 > PACE_QUANTUM_MIN ? p->limit / 4 : PACE_QUANTUM_MIN;
}

void pace_sent(struct pace *p, uint64_t bytes)
{
    p->sent += bytes;
}

/* One a quarter of the limit; and the first at once, which meets a line without a queue. */
bool pace_wants_mark(const struct pace *p)
{
    uint64_t since = p->marked > p->arrived ? p->marked : p->arrived;
    bool first = p->trip_ms == UINT64_MAX && p->trip_ms_next == UINT64_MAX && p->marks_count == 0;
    return p->marks_count < PACE_MARKS && p->sent > since && (first || p->sent - since >= p->limit / 4);
}

uint64_t pace_mark(struct pace *p, uint64_t now_ms)
{
    p->marks[(p->marks_first + p->marks_count) % PACE_MARKS] = (struct pace_mark){ .sent = p->sent, .flight = p->sent - p->arrived, .at_ms = now_ms };
    p->marked = p->sent;
    return p->number + p->marks_count++;
}

static uint64_t quickest(const struct pace *p)
{
    return p->trip_ms < p->trip_ms_next ? p->trip_ms : p->trip_ms_next;
}

static void keep_trip(struct pace *p, uint64_t trip_ms, uint64_t now_ms)
{
    if (trip_ms < p->trip_ms_next) p->trip_ms_next = trip_ms;
    if (now_ms < p->window_ms + WINDOW_MS) return;
    if (p->trip_ms_next >= PROBE_TRIP_MS) p->limit /= 4;
    uint64_t believed_ms = quickest(p) * 2 + 10;
    p->trip_ms = p->trip_ms_next < believed_ms ? p->trip_ms_next : believed_ms;
    p->trip_ms_next = UINT64_MAX;
    p->window_ms = now_ms;
}

static uint64_t clamp(uint64_t limit)
{
    return limit < PACE_LIMIT_MIN ? PACE_LIMIT_MIN : limit > PACE_LIMIT_MAX ? PACE_LIMIT_MAX : limit;
}

static void adapt(struct pace *p, const struct pace_mark *mark, uint64_t trip_ms)
{
    uint64_t allowed_ms = quickest(p) + PACE_DELAY_MS;
    uint64_t allowed = mark->flight * allowed_ms / trip_ms; /* Little's law: flight / trip is the rate */
    uint64_t proved = 2 * mark->flight;
    if (trip_ms > allowed_ms) p->limit = allowed;
    else if (allowed > p->limit && proved > p->limit) p->limit = allowed < proved ? allowed : proved;
    p->limit = clamp(p->limit);
}

bool pace_answered(struct pace *p, uint64_t number, uint64_t now_ms)
{
    if (number < p->number || number - p->number >= p->marks_count) return false;
    uint32_t skipped = (uint32_t)(number - p->number);
    struct pace_mark mark = p->marks[(p->marks_first + skipped) % PACE_MARKS];
    p->marks_first = (p->marks_first + skipped + 1) % PACE_MARKS;
    p->marks_count -= skipped + 1;
    p->number = number + 1;
    if (mark.sent > p->arrived) p->arrived = mark.sent;
    uint64_t trip_ms = now_ms > mark.at_ms ? now_ms - mark.at_ms : 1;
    keep_trip(p, trip_ms, now_ms);
    adapt(p, &mark, trip_ms);
    return true;
}

void pace_all_arrived(struct pace *p)
{
    p->arrived = p->sent;
}
