#include "core/lanes.h"

#include <qiao/client.h>

#define SETS 16384u
#define WAYS 4u

/* Where the last message of a case was put, told apart by the lane it calls its own. */
struct lane_entry {
    uint64_t key;                  /* 0: free */
    uint64_t sequence;
    uint16_t peer;                 /* number */
    uint8_t lane;
};

struct lane_table {
    struct lane_entry sets[SETS][WAYS];
};

static uint64_t key_of(const struct peer *peer, const struct header *h)
{
    uint64_t hash = 0xcbf29ce484222325u ^ h->lane ^ (uint64_t)peer->number << 8;
    for (size_t i = 0; i < h->case_id.size; i++) hash = (hash ^ h->case_id.data[i]) * 0x100000001b3u;
    return hash | 1;
}

static struct peer *peer_of(struct core *core, uint16_t number)
{
    for (size_t i = 0; i < core->links_count; i++)
        if (core->peers[i].number == number) return &core->peers[i];
    return NULL;
}

/* The next node does not have it on disk yet. */
static bool waits(struct core *core, const struct lane_entry *e)
{
    const struct peer *peer = peer_of(core, e->peer);
    return e->key != 0 && peer && peer->queues[e->lane].head <= e->sequence;
}

/* The entry of the key, else one that may be taken, else NULL. */
static struct lane_entry *find(struct core *core, uint64_t key)
{
    struct lane_entry *set = core->lanes->sets[key / 2 % SETS], *idle = NULL;
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].key == key) return &set[i];
        if (!idle && !waits(core, &set[i])) idle = &set[i];
    }
    return idle;
}

bool lanes_differ(const struct core *core) { return core->lanes != NULL; }

/* What waits now may be of any case. */
static void begin(struct core *core)
{
    core->lanes = base_zalloc(sizeof *core->lanes);
    for (size_t i = 0; i < core->links_count; i++)
        for (unsigned lane = 0; lane < QIAO_LANES; lane++) core->peers[i].queues[lane].any_case_until = core->peers[i].queues[lane].tail;
}

unsigned lanes_choose(struct core *core, struct peer *peer, const struct header *h, unsigned wanted)
{
    if (!core->lanes && wanted == h->lane) return wanted;
    if (!core->lanes) {
        struct key key = key_named('M', "lanes");
        begin(core);
        batch_put_number(core, &key, 1);
    }
    if (h->case_id.size == 0) return wanted;
    uint64_t key = key_of(peer, h);
    struct lane_entry *e = find(core, key);
    struct queue *own = &peer->queues[h->lane];
    if (e && e->key == key && waits(core, e)) wanted = e->lane;
    else if (!e || own->head < own->any_case_until) wanted = h->lane;
    if (e) *e = (struct lane_entry){ key, peer->queues[wanted].tail, peer->number, (uint8_t)wanted };
    else own->any_case_until = own->tail + 1; /* there is no room to remember it */
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
    bool found;
};

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
        if (raw.size == 0 || envelope_open(raw, &e) != QIAO_CODE_OK || e.header.lane == s->lane || e.header.kind < QIAO_KIND_PAYLOAD) continue;
        s->found = true;
        uint64_t chain = key_of(s->peer, &e.header);
        struct lane_entry *entry = e.header.case_id.size > 0 ? find(s->core, chain) : NULL;
        if (entry) *entry = (struct lane_entry){ chain, sequence, s->peer->number, (uint8_t)s->lane };
    }
    return true;
}

/* Looked for only where it can be: the mark is stored with the first of them, and stays. */
void lanes_load(struct core *core)
{
    struct key mark = key_named('M', "lanes");
    struct qiao_bytes value;
    struct search s = { .core = core };
    if (!store_get(core->store, key_bytes(&mark), &value)) return;
    begin(core);
    for (size_t i = 0; i < core->links_count; i++) {
        s.peer = &core->peers[i];
        for (s.lane = 0; s.lane < QIAO_LANES; s.lane++) {
            struct key from = key_run(s.peer->number, s.lane, s.peer->queues[s.lane].head), to = key_run(s.peer->number, s.lane, UINT64_MAX);
            store_scan(core->store, key_bytes(&from), key_bytes(&to), look_into_run, &s);
        }
    }
    if (!s.found) lanes_deinit(core);
}
