/* How long evidence is kept: what a proof is made of, and what messages that ended are known by. A little at each tick, from the
 * beginning of the store to its end and again an hour later. The audit log is kept: its records stand for what has gone. */
#include "core/state.h"

#include <qiao/client.h>

/* Records looked at, and removed, in one tick. */
#define LOOKED_AT_MAX 256u
#define REMOVED_MAX 4096u
#define TICK_MS 1000u
#define REST_MS 3600000u

struct keeping {
    struct core *core;
    unsigned row;
    uint64_t limit_ms;             /* what is of before this time goes */
    unsigned looked_at, removed;
    struct key from;               /* where the next tick begins */
    struct key older;              /* custody: the receipt before, if it is old; size 0: there is none */
};

#define KEPT UINT64_MAX

/* ---- of when is a record? ---- */

static uint64_t time_of_ended(const struct core *core, struct qiao_bytes value)
{
    struct message_record record;
    (void)core;
    if (!record_read(value, &record)) return KEPT;
    return record.outcome != QIAO_OUTCOME_NONE || record.flags & RECORD_SET ? record.at_ms : KEPT;
}

/* What a duplicate is known by: as long as its signature would be taken, and for ever where none is asked for. */
static uint64_t time_of_known(const struct core *core, struct qiao_bytes value)
{
    const struct core_config *c = &core->config;
    bool any_age = c->signed_age_ms_max == 0 || c->signed_ahead_ms_max == 0 || c->seal->accepted & 1u << SEAL_SUITE_NONE;
    uint64_t at_ms = any_age ? KEPT : time_of_ended(core, value);
    uint64_t replay_ms = c->signed_age_ms_max + 2 * c->signed_ahead_ms_max;
    return at_ms != KEPT && at_ms + replay_ms < core->wall_ms ? at_ms : KEPT;
}

/* An envelope with its proof. */
static uint64_t time_of_signed(const struct core *core, struct qiao_bytes value)
{
    struct envelope_parts parts;
    struct proof proof;
    (void)core;
    return envelope_split(value, &parts) && proof_read(parts.proof, &proof) ? proof.signed_at_ms : KEPT;
}

/* 'H': sign.c; the groups of a run were signed at one time. */
static uint64_t time_of_evidence(const struct core *core, struct qiao_bytes value)
{
    (void)core;
    return value.size >= 32 && get_u32(value.data + 11) > 0 ? get_u64(value.data + 24) : KEPT;
}

static uint64_t time_of_custody(const struct core *core, struct qiao_bytes value)
{
    (void)core;
    return value.size > CUSTODY_RECORD_HEAD_SIZE ? get_u64(value.data) : KEPT;
}

static bool visit_plain(void *context, struct qiao_bytes key, struct qiao_bytes value);
static bool visit_custody(void *context, struct qiao_bytes key, struct qiao_bytes value);

static const struct { uint8_t prefix; uint64_t (*time_of)(const struct core *, struct qiao_bytes value); store_visit visit; } rows[] = {
    { 'C', time_of_custody, visit_custody }, { 'D', time_of_known, visit_plain }, { 'H', time_of_evidence, visit_plain }, { 'O', time_of_ended, visit_plain },
    { 'R', time_of_ended, visit_plain },     { 'S', time_of_signed, visit_plain }, { 'm', time_of_signed, visit_plain },
};
#define ROWS_COUNT (sizeof rows / sizeof rows[0])

/* ---- a tick ---- */

static struct key copy_of(struct qiao_bytes key)
{
    struct key copy = { .size = key.size };
    memcpy(copy.bytes, key.data, key.size);
    return copy;
}

/* The first key behind it. */
static struct key key_behind(struct qiao_bytes key)
{
    struct key behind = copy_of(key);
    if (behind.size < sizeof behind.bytes) {
        behind.size++;
        return behind;
    }
    for (size_t i = behind.size; i > 0 && ++behind.bytes[i - 1] == 0; i--) { }
    return behind;
}

static void drop(struct keeping *k, const struct key *key)
{
    batch_remove(k->core, key);
    k->removed++;
}

static bool goes_on(struct keeping *k)
{
    return ++k->looked_at < LOOKED_AT_MAX && k->removed < REMOVED_MAX;
}

static bool visit_plain(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct keeping *k = context;
    struct key copy = copy_of(key);
    if (rows[k->row].time_of(k->core, value) < k->limit_ms) drop(k, &copy);
    k->from = key_behind(key);
    return goes_on(k);
}

/* A run's units, and where each is found. */
static bool drop_units(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct keeping *k = context;
    struct key run = copy_of(key);
    for (size_t at = 0; at + UNIT_SIZE <= value.size; at += UNIT_SIZE) {
        struct key place = key_place(value.data + at + 4, get_u16(key.data + 1));
        drop(k, &place);
    }
    drop(k, &run);
    return true;
}

/* A proof of custody begins where the receipt before stands: the last one that is old stays, with all that came behind it. */
static bool visit_custody(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct keeping *k = context;
    bool old = time_of_custody(k->core, value) < k->limit_ms;
    bool same_lane = k->older.size == key.size && memcmp(k->older.bytes, key.data, 4) == 0;
    if (old && same_lane) {
        struct key from = k->older, to = k->older;
        from.bytes[0] = to.bytes[0] = 'L';
        put_u64(from.bytes + 4, 0);
        to.size++; /* with the run that ends there */
        store_scan(k->core->store, key_bytes(&from), key_bytes(&to), drop_units, k);
        drop(k, &k->older);
    }
    k->older = old ? copy_of(key) : (struct key){ 0 };
    k->from = old ? copy_of(key) : key_behind(key);
    return goes_on(k);
}

static void begin_row(struct core *core, unsigned row)
{
    core->retained = (struct key){ .bytes = { rows[row].prefix }, .size = 1 };
    core->retain_row = row;
}

static void next_row(struct core *core)
{
    bool last = core->retain_row + 1 == ROWS_COUNT;
    begin_row(core, last ? 0 : core->retain_row + 1);
    core->retain_ms = core->now_ms + (last ? REST_MS : TICK_MS);
}

void retain_tick(struct core *core)
{
    uint64_t keep_ms = core->config.keep_evidence_ms;
    if (keep_ms == 0 || core->now_ms < core->retain_ms || core->wall_ms < keep_ms) return;
    if (core->retained.size == 0) begin_row(core, 0);
    struct keeping k = { .core = core, .row = core->retain_row, .limit_ms = core->wall_ms - keep_ms, .from = core->retained };
    uint8_t behind = (uint8_t)(rows[k.row].prefix + 1);
    store_scan(core->store, key_bytes(&core->retained), qiao_bytes(&behind, 1), rows[k.row].visit, &k);
    bool more = k.looked_at == LOOKED_AT_MAX || k.removed >= REMOVED_MAX;
    core->retained = k.from;
    core->retain_ms = core->now_ms + TICK_MS;
    if (!more) next_row(core);
}

uint64_t retain_deadline_ms(const struct core *core)
{
    return core->config.keep_evidence_ms == 0 ? LINK_NEVER : core->retain_ms;
}
