#include "core/lanes.h"

#include "core/drain.h"

#include <qiao/client.h>

#define SETS 16384u
#define WAYS 4u

/* Where the last message of a case was put, told apart by the lane it calls its own. */
struct lane_entry {
    uint64_t key;                  /* 0: free */
    uint64_t sequence;
    uint16_t peer;                 /* its place in core->peers */
    uint8_t lane;
};

struct lane_set {
    struct lane_entry ways[WAYS];
    struct lane_entry rest;        /* cases for which there was no room: on this peer's lane, which is their own, up to this sequence */
};

struct lane_table {
    struct lane_set sets[SETS];
    bool differ;                   /* a message was put on another lane than its own */
};

static uint64_t key_of(const struct peer *peer, const struct header *h)
{
    uint64_t hash = 0xcbf29ce484222325u ^ h->lane ^ (uint64_t)peer->number << 8;
    for (size_t i = 0; i < h->case_id.size; i++) hash = (hash ^ h->case_id.data[i]) * 0x100000001b3u;
    return hash | 1;
}

static struct lane_entry entry(const struct core *core, uint64_t key, const struct peer *peer, unsigned lane, uint64_t sequence)
{
    return (struct lane_entry){ key, sequence, (uint16_t)(peer - core->peers), (uint8_t)lane };
}

static bool is_of(const struct core *core, const struct lane_entry *e, const struct peer *peer, unsigned lane)
{
    return &core->peers[e->peer] == peer && e->lane == lane;
}

/* The next node does not have it on disk yet. */
static bool waits(const struct core *core, const struct lane_entry *e)
{
    return e->key != 0 && core->peers[e->peer].queues[e->lane].head <= e->sequence;
}

static struct lane_set *set_of(struct core *core, uint64_t key)
{
    return &core->lanes->sets[key / 2 % SETS];
}

/* The entry of the key, else one that may be taken, else NULL. */
static struct lane_entry *find(struct core *core, uint64_t key)
{
    struct lane_entry *ways = set_of(core, key)->ways, *idle = NULL;
    for (unsigned i = 0; i < WAYS; i++) {
        if (ways[i].key == key) return &ways[i];
        if (!idle && !waits(core, &ways[i])) idle = &ways[i];
    }
    return idle;
}

/* May one of its case, of which nothing is known, wait on its own lane? */
static bool may_wait(struct core *core, uint64_t key, const struct peer *peer, unsigned own)
{
    const struct lane_entry *rest = &set_of(core, key)->rest;
    bool crowded = is_of(core, rest, peer, own) && waits(core, rest);
    return crowded || peer->queues[own].head < peer->queues[own].any_case_until;
}

/* A case that waits on its own lane, and for which there is no room. */
static void crowd(struct core *core, uint64_t key, struct peer *peer, unsigned own, uint64_t sequence)
{
    struct lane_entry *rest = &set_of(core, key)->rest;
    if (waits(core, rest) && !is_of(core, rest, peer, own)) peer->queues[own].any_case_until = sequence + 1;
    else *rest = entry(core, 1, peer, own, sequence);
}

bool lanes_differ(const struct core *core) { return core->lanes && (core->lanes->differ || drain_goes_on(core)); }

/* What waits now may be of any case. */
static void begin(struct core *core)
{
    core->lanes = base_zalloc(sizeof *core->lanes);
    for (size_t i = 0; i < core->links_count; i++)
        for (unsigned lane = 0; lane < QIAO_LANES; lane++) core->peers[i].queues[lane].any_case_until = core->peers[i].queues[lane].tail;
}

void lanes_track(struct core *core)
{
    if (!core->lanes) begin(core);
}

static void begin_to_differ(struct core *core)
{
    struct key key = key_named('M', "lanes");
    lanes_track(core);
    if (core->lanes->differ) return;
    core->lanes->differ = true;
    batch_put_number(core, &key, 1);
}

unsigned lanes_choose(struct core *core, struct peer *peer, const struct header *h, unsigned wanted)
{
    if (wanted != h->lane) begin_to_differ(core);
    if (!core->lanes || h->case_id.size == 0) return wanted;
    uint64_t key = key_of(peer, h);
    struct lane_entry *e = find(core, key);
    if (e && e->key == key && waits(core, e)) wanted = e->lane;
    else if (!e || may_wait(core, key, peer, h->lane)) wanted = h->lane;
    if (e) *e = entry(core, key, peer, wanted, peer->queues[wanted].tail);
    else crowd(core, key, peer, wanted, peer->queues[wanted].tail);
    return wanted;
}

void lanes_deinit(struct core *core)
{
    free(core->lanes);
    core->lanes = NULL;
}

/* ---- after a start ---- */

struct search {
    struct core *core;
    struct peer *peer;
    unsigned lane;
    bool own;                      /* those on their own lane, else those on another */
    bool found;
};

static void found(struct search *s, const struct header *h, uint64_t sequence)
{
    s->found = true;
    if (h->case_id.size == 0) return;
    uint64_t key = key_of(s->peer, h);
    struct lane_entry *e = find(s->core, key);
    if (e) *e = entry(s->core, key, s->peer, s->lane, sequence);
    else if (s->own) crowd(s->core, key, s->peer, s->lane, sequence);
}

static bool look_into_run(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct search *s = context;
    struct run_view run;
    struct qiao_bytes raw;
    uint64_t sequence = key_run_first(key);
    if (!run_open(value, &run)) return true;
    struct pb_reader r = pb_reader(run.entries);
    for (; run_next(&r, &raw); sequence++) {
        struct envelope e;
        if (raw.size == 0 || envelope_open(raw, &e) != QIAO_CODE_OK || (e.header.lane == s->lane) != s->own || e.header.kind < QIAO_KIND_PAYLOAD) continue;
        found(s, &e.header, sequence);
    }
    return true;
}

static bool look_for(struct core *core, bool own)
{
    struct search s = { .core = core, .own = own };
    for (size_t i = 0; i < core->links_count; i++) {
        s.peer = &core->peers[i];
        for (s.lane = 0; s.lane < QIAO_LANES; s.lane++) {
            struct key from = key_run(s.peer->number, s.lane, s.peer->queues[s.lane].head), to = key_run(s.peer->number, s.lane, UINT64_MAX);
            store_scan(core->store, key_bytes(&from), key_bytes(&to), look_into_run, &s);
        }
    }
    return s.found;
}

static void forget_any_case(struct core *core)
{
    for (size_t i = 0; i < core->links_count; i++)
        for (unsigned lane = 0; lane < QIAO_LANES; lane++) core->peers[i].queues[lane].any_case_until = 0;
}

/* What waits on another lane than its own is looked for only where it can be: the mark is stored with the first of them, and stays. These
 * come first, for each of them had its place in the table. With a limit for backlogs all that waits is looked at, so that what is new can
 * pass it. */
void lanes_load(struct core *core)
{
    struct key mark = key_named('M', "lanes");
    struct qiao_bytes value;
    bool marked = store_get(core->store, key_bytes(&mark), &value), tracked = drain_any_limit(core);
    if (!marked && !tracked) return;
    begin(core);
    core->lanes->differ = marked && look_for(core, false);
    if (tracked) {
        forget_any_case(core);
        look_for(core, true);
    } else if (!core->lanes->differ) {
        lanes_deinit(core);
    }
}
