#include "core/explain.h"

#include "core/explain_decision.h"

#include <stdio.h>

/* Decisions kept in memory: sets of ways. One that fell out is found again in the store, at the price of a look there. */
#define CACHE_SETS 1024u
#define CACHE_WAYS 4u
/* A record is put aside when it holds this much. */
#define RECORD_SIZE_MAX (64u * 1024u)
#define ROWS_MAX 1024u
/* A decision in use is written again after this time, so that it can be told from those nobody needs any more. */
#define USED_AGAIN_MS (24u * 3600u * 1000u)
/* Old records that give way at once to one that comes, and decisions that are looked at. */
#define PRUNED_AT_ONCE 4u
#define SWEPT_AT_ONCE 32u
#define SWEEP_MS (3600u * 1000u)
#define KEY_TARGETS_MAX 32u
#define KEY_NUMBERS 8u
#define KEY_TEXTS 6u
#define KEY_MEMORY_MAX 4096u

/* What a decision follows from, and its name. */
struct explain_entry {
    struct buf key;                /* owned; empty: this place is free */
    uint64_t hash;
    struct qiao_id name;
    uint64_t written_ms;           /* in the store, or in a batch */
    uint64_t record;               /* that has rows for it, the one being filled, if any */
    uint64_t source;               /* for messages of this sender */
    uint16_t row;                  /* the first of them, one a target */
};

struct explain {
    struct explain_entry *cache;
    uint64_t seed;
    uint32_t turn;                 /* which way gives place next */
    struct explain_entry *last;    /* that was asked for */
    struct explain_entry *deciding; /* NULL: nothing is */
    struct qiao_id deciding_id;    /* the message */
    size_t queued;                 /* times that it was, so far */
    struct buf key, packed;        /* scratch */
    struct buf address;            /* of the sender, */
    uint64_t source;               /* start of its digest */
    uint32_t tag;                  /* and its tag */
    uint64_t routes;               /* counts changes of the table */
    char configuration[48];
    /* the record being filled */
    struct buf rows, stretches, whole;
    uint16_t rows_count;
    uint64_t record;               /* its number among all that this process began */
    size_t open_at;                /* of the stretch that grows, in stretches; SIZE_MAX: none */
    uint16_t open_row;
    uint32_t open_count;
    uint64_t open_next;
    /* in the store, or in batches */
    uint64_t first, next;          /* numbers of records */
    uint64_t bytes;                /* of all records and decisions ever */
    /* letting go of decisions that no record names any more */
    uint64_t oldest_ms;            /* the first record's time when it became that; 0: nothing was let go yet */
    struct key sweep;              /* goes on behind this one */
    uint64_t sweep_due_ms;
    bool rewrote;                  /* the batch being filled renews one that the store shows as old */
};

struct key explain_key(const struct qiao_id *name)
{
    struct key key = key_origin(name);
    key.bytes[0] = 'Y';
    return key;
}

struct key explain_ended_key(const struct qiao_id *id, uint16_t peer, uint32_t tag)
{
    struct key key = key_destination(id, peer, tag);
    key.bytes[0] = 'Y';
    return key;
}

bool explain_range(const struct core *core, uint64_t *ret_first, uint64_t *ret_next)
{
    if (!core->explain) return false;
    *ret_first = core->explain->first;
    *ret_next = core->explain->next;
    return true;
}

/* ---- reading ---- */

bool explain_open(struct qiao_bytes value, struct explain_record *ret)
{
    if (value.size < EXPLAIN_HEAD_SIZE) return false;
    *ret = (struct explain_record){ .at_ms = get_u64(value.data), .bytes_before = get_u64(value.data + 8), .rows_count = get_u16(value.data + 16) & ~EXPLAIN_MARKED,
                                    .marked = get_u16(value.data + 16) & EXPLAIN_MARKED, .rows = value.data + EXPLAIN_HEAD_SIZE };
    size_t rows = (size_t)ret->rows_count * EXPLAIN_ROW_SIZE;
    if (rows > value.size - EXPLAIN_HEAD_SIZE) return false;
    ret->stretches = qiao_bytes(ret->rows + rows, value.size - EXPLAIN_HEAD_SIZE - rows);
    return true;
}

bool explain_next(const struct explain_record *record, struct qiao_bytes *rest, struct explain_stretch *ret)
{
    if (rest->size < EXPLAIN_STRETCH_SIZE) return false;
    uint32_t row = get_u16(rest->data), count = get_u16(rest->data + 2);
    size_t size = EXPLAIN_STRETCH_SIZE + (size_t)count * (record->marked ? EXPLAIN_MARK_SIZE : QIAO_ID_SIZE);
    if (row >= record->rows_count || count == 0 || size > rest->size) return false;
    const uint8_t *at = record->rows + (size_t)row * EXPLAIN_ROW_SIZE;
    *ret = (struct explain_stretch){ .peer = get_u16(at + EXPLAIN_NAME_SIZE), .first = get_u64(rest->data + 4), .marks = rest->data + EXPLAIN_STRETCH_SIZE, .count = count,
                                     .marked = record->marked };
    memcpy(ret->name.bytes, at, EXPLAIN_NAME_SIZE);
    ret->source = get_u64(at + EXPLAIN_NAME_SIZE + 2);
    ret->tag = get_u32(at + EXPLAIN_NAME_SIZE + 2 + EXPLAIN_SOURCE_SIZE);
    *rest = qiao_bytes(rest->data + size, rest->size - size);
    return true;
}

bool explain_is(const struct explain_stretch *stretch, uint32_t i, const struct qiao_id *id)
{
    if (!stretch->marked) return memcmp(stretch->marks + (size_t)i * QIAO_ID_SIZE, id->bytes, QIAO_ID_SIZE) == 0;
    return get_u64(stretch->marks + (size_t)i * EXPLAIN_MARK_SIZE) == explain_mark(id);
}

/* ---- from the store ---- */

struct end {
    uint64_t number;
    bool found;
};

static bool take_number(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct end *end = context;
    (void)value;
    if (key.size != 9) return true; /* no record: check-store tells */
    *end = (struct end){ get_u64(key.data + 1), true };
    return false;
}

static struct end first_from(struct core *core, uint64_t number)
{
    struct end end = { 0 };
    struct key from = key_number('y', number);
    store_scan(core->store, key_bytes(&from), qiao_bytes("z", 1), take_number, &end);
    return end;
}

/* The store reads forwards only: steps that get longer, and then shorter. */
static uint64_t last_record(struct core *core, uint64_t first)
{
    uint64_t last = first, step = 1;
    for (struct end e; last < SEQUENCE_MAX && (e = first_from(core, last + step)).found; step *= 2) last = e.number;
    for (; step > 0; step /= 2)
        for (struct end e; (e = first_from(core, last + step)).found;) last = e.number;
    return last;
}

bool explain_load(struct core *core)
{
    if (core->config.explain.off) return true;
    struct explain *x = core->explain = base_zalloc(sizeof *x);
    x->cache = base_zalloc(CACHE_SETS * CACHE_WAYS * sizeof *x->cache);
    x->seed = prng_next(&core->prng);
    x->open_at = SIZE_MAX;
    x->record = 1;
    struct end first = first_from(core, 1);
    x->first = x->next = first.found ? first.number : 1;
    explain_configuration(core, core->config.version);
    if (!first.found) return true;
    struct qiao_bytes value;
    struct explain_record record;
    uint64_t last = last_record(core, x->first);
    struct key key = key_number('y', last);
    if (last > SEQUENCE_MAX || !store_get(core->store, key_bytes(&key), &value) || !explain_open(value, &record)) return false;
    x->next = last + 1;
    x->bytes = record.bytes_before + key.size + value.size;
    return true;
}

void explain_deinit(struct core *core)
{
    struct explain *x = core->explain;
    if (!x) return;
    for (size_t i = 0; i < CACHE_SETS * CACHE_WAYS; i++) buf_deinit(&x->cache[i].key);
    free(x->cache);
    buf_deinit(&x->key);
    buf_deinit(&x->packed);
    buf_deinit(&x->address);
    buf_deinit(&x->rows);
    buf_deinit(&x->stretches);
    buf_deinit(&x->whole);
    free(x);
    core->explain = NULL;
}

static void forget_cache(struct explain *x)
{
    x->routes++;
    x->last = NULL;
}

/* 'Y' alone: number (8) and version of the configuration in force. */
void explain_configuration(struct core *core, const char *version)
{
    struct explain *x = core->explain;
    struct key key = { .bytes = { 'Y' }, .size = 1 };
    struct qiao_bytes value, text = qiao_bytes_from_string(version ? version : "none");
    uint8_t fresh[8 + sizeof x->configuration];
    uint64_t number = 0;
    if (!x) return;
    bool known = store_get(core->store, key_bytes(&key), &value) && value.size >= 8;
    if (known) number = get_u64(value.data);
    if (text.size > 24) text.size = 24;
    if (!known || !qiao_bytes_equal(text, qiao_bytes(value.data + 8, value.size - 8))) {
        put_u64(fresh, ++number);
        memcpy(fresh + 8, text.data, text.size);
        batch_put(core, &key, qiao_bytes(fresh, 8 + text.size));
    }
    snprintf(x->configuration, sizeof x->configuration, "%llu-%.*s", (unsigned long long)number, (int)text.size, (const char *)text.data);
    forget_cache(x);
}

void explain_routes_changed(struct core *core)
{
    if (core->explain) forget_cache(core->explain);
}

/* ---- the cache ---- */

/* Everything that is in the decision, in a form that is quick to make and to compare. */
struct parts {
    uint64_t head[KEY_NUMBERS + KEY_TARGETS_MAX];
    size_t head_count;
    struct qiao_bytes texts[KEY_TEXTS];
};

static void take_parts(const struct core *core, const struct explain_question *q, struct parts *ret)
{
    const struct header *h = q->header;
    size_t targets = q->code == QIAO_CODE_OK ? core->targets_count : 0;
    struct qiao_bytes rerouted = q->routed ? core->rerouted_to : qiao_bytes(NULL, 0);
    bool divided = core->split && targets > 0;
    uint64_t others = 0xcbf29ce484222325u, *at = ret->head;
    *at++ = core->explain->routes;
    *at++ = (uint64_t)(q->from ? q->from->number : 0) << 48 | (uint64_t)q->code << 32 | h->kind;
    *at++ = (uint64_t)h->lane << 48 | (uint64_t)h->status << 40 | (uint64_t)h->privacy << 32 | (uint64_t)q->routed << 25 | (uint64_t)divided << 24 | targets;
    *at++ = (uint64_t)(uintptr_t)core->policy_place.name;
    *at++ = (uint64_t)core->policy_place.line << 32 | core->decision.number;
    *at++ = (uint64_t)h->matter.size << 32 | h->destination.raw.size;
    *at++ = (uint64_t)h->redirected_from.raw.size << 32 | rerouted.size;
    for (size_t i = 0; i < targets; i++) {
        if (i < KEY_TARGETS_MAX) *at++ = core->targets[i]->number;
        else others = (others ^ core->targets[i]->number) * 0x100000001b3u;
    }
    *at++ = others;
    ret->head_count = (size_t)(at - ret->head);
    ret->texts[0] = divided ? buf_bytes(&core->set_shares) : qiao_bytes(NULL, 0);
    ret->texts[1] = rerouted;
    ret->texts[2] = h->matter;
    ret->texts[3] = h->destination.raw;
    ret->texts[4] = h->redirected_from.raw;
    ret->texts[5] = q->reason;
}

static void put_parts(const struct parts *parts, struct buf *key)
{
    key->size = 0;
    buf_append(key, parts->head, parts->head_count * sizeof parts->head[0]);
    for (size_t i = 0; i < KEY_TEXTS; i++) buf_append(key, parts->texts[i].data, parts->texts[i].size);
}

/* Without making the key: nearly every message gets the answer of the one before it. */
static bool is_same(const struct buf *key, const struct parts *parts)
{
    size_t at = parts->head_count * sizeof parts->head[0];
    if (key->size < at || memcmp(key->data, parts->head, at) != 0) return false;
    for (size_t i = 0; i < KEY_TEXTS; i++) {
        struct qiao_bytes text = parts->texts[i];
        if (text.size > key->size - at || (text.size > 0 && memcmp(key->data + at, text.data, text.size) != 0)) return false;
        at += text.size;
    }
    return at == key->size;
}

static uint64_t hash_of(uint64_t seed, struct qiao_bytes key)
{
    uint64_t hash = seed, word;
    for (; key.size >= 8; key = qiao_bytes(key.data + 8, key.size - 8)) {
        memcpy(&word, key.data, 8);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    for (size_t i = 0; i < key.size; i++) hash = (hash ^ key.data[i]) * 0x100000001b3u;
    hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
    return hash ^ hash >> 32;
}

/* The decision is on disk, or will be with this batch. One that was in use lately need not be written again. */
static void keep_decision(struct core *core, struct explain_entry *entry)
{
    struct explain *x = core->explain;
    struct key key = explain_key(&entry->name);
    struct qiao_bytes value;
    bool known = store_get(core->store, key_bytes(&key), &value) && value.size > EXPLAIN_DECISION_HEAD_SIZE;
    entry->written_ms = known ? get_u64(value.data) : 0;
    if (known && entry->written_ms + USED_AGAIN_MS > core->wall_ms) return;
    x->rewrote |= known;
    entry->written_ms = core->wall_ms;
    put_u64(x->packed.data, core->wall_ms);
    batch_put(core, &key, buf_bytes(&x->packed));
    if (!known) x->bytes += key.size + x->packed.size;
}

static void decide_anew(struct core *core, const struct explain_question *q, struct explain_entry *entry)
{
    struct explain *x = core->explain;
    uint8_t digest[SEAL_DIGEST_SIZE];
    x->packed.size = 0;
    buf_reserve(&x->packed, EXPLAIN_DECISION_HEAD_SIZE);
    x->packed.size = EXPLAIN_DECISION_HEAD_SIZE;
    explain_pack(core, q, &x->packed);
    seal_digest(core->config.seal, SEAL_SUITE_NONE, qiao_bytes(x->packed.data + EXPLAIN_DECISION_HEAD_SIZE, x->packed.size - EXPLAIN_DECISION_HEAD_SIZE), digest);
    memcpy(entry->name.bytes, digest, EXPLAIN_NAME_SIZE);
    keep_decision(core, entry);
}

static bool is_fresh(const struct core *core, const struct explain_entry *entry)
{
    return entry->written_ms + USED_AGAIN_MS > core->wall_ms;
}

static struct explain_entry *find_entry(struct core *core, const struct explain_question *q)
{
    struct explain *x = core->explain;
    struct qiao_bytes key = buf_bytes(&x->key);
    uint64_t hash = hash_of(x->seed, key);
    struct explain_entry *set = &x->cache[hash % CACHE_SETS * CACHE_WAYS], *entry = &set[x->turn++ % CACHE_WAYS];
    for (size_t i = 0; i < CACHE_WAYS; i++)
        if (set[i].hash == hash && qiao_bytes_equal(buf_bytes(&set[i].key), key) && is_fresh(core, &set[i])) return &set[i];
    entry->hash = hash;
    buf_clear(&entry->key, KEY_MEMORY_MAX);
    buf_append(&entry->key, key.data, key.size);
    entry->record = 0;
    decide_anew(core, q, entry);
    return entry;
}

/* ---- the record being filled ---- */

static void close_stretch(struct explain *x)
{
    if (x->open_at != SIZE_MAX) put_u16(x->stretches.data + x->open_at + 2, (uint16_t)x->open_count);
    x->open_at = SIZE_MAX;
}

static void put_record(struct core *core)
{
    struct explain *x = core->explain;
    close_stretch(x);
    struct key key = key_number('y', x->next++);
    struct buf *value = &x->whole;
    value->size = 0;
    uint8_t *head = buf_reserve(value, EXPLAIN_HEAD_SIZE + x->rows.size + x->stretches.size);
    put_u64(head, core->wall_ms);
    put_u64(head + 8, x->bytes);
    put_u16(head + 16, (uint16_t)(x->rows_count | EXPLAIN_MARKED));
    value->size = EXPLAIN_HEAD_SIZE;
    buf_append(value, x->rows.data, x->rows.size);
    buf_append(value, x->stretches.data, x->stretches.size);
    batch_put(core, &key, buf_bytes(value));
    x->bytes += key.size + value->size;
    x->rows.size = x->stretches.size = 0;
    x->rows_count = 0;
    x->record++;
}

static void open_stretch(struct explain *x, uint16_t row, uint64_t sequence)
{
    uint8_t *at = buf_reserve(&x->stretches, EXPLAIN_STRETCH_SIZE);
    x->open_at = x->stretches.size;
    x->open_row = row;
    x->open_count = 0;
    x->open_next = sequence;
    put_u16(at, row);
    put_u64(at + 4, sequence);
    x->stretches.size += EXPLAIN_STRETCH_SIZE;
}

static void add_message(struct core *core, uint16_t row, const struct qiao_id *id, uint64_t sequence)
{
    struct explain *x = core->explain;
    bool goes_on = x->open_at != SIZE_MAX && x->open_row == row && x->open_next == sequence && x->open_count < UINT16_MAX;
    if (!goes_on) {
        close_stretch(x);
        open_stretch(x, row, sequence);
    }
    put_u64(buf_reserve(&x->stretches, EXPLAIN_MARK_SIZE), explain_mark(id));
    x->stretches.size += EXPLAIN_MARK_SIZE;
    x->open_count++;
    if (sequence != 0) x->open_next = sequence + 1;
    core_batch(core)->bytes += 1; /* a batch with nothing else in it is worth a commit too */
}

static void add_rows(struct core *core, struct explain_entry *entry, size_t count)
{
    struct explain *x = core->explain;
    entry->record = x->record;
    entry->source = x->source;
    entry->row = x->rows_count;
    for (size_t i = 0; i < count || i == 0; i++) {
        uint8_t *at = buf_reserve(&x->rows, EXPLAIN_ROW_SIZE);
        memcpy(at, entry->name.bytes, EXPLAIN_NAME_SIZE);
        put_u16(at + EXPLAIN_NAME_SIZE, count > 0 ? core->targets[i]->number : 0);
        put_u64(at + EXPLAIN_NAME_SIZE + 2, x->source);
        put_u32(at + EXPLAIN_NAME_SIZE + 2 + EXPLAIN_SOURCE_SIZE, x->tag);
        x->rows.size += EXPLAIN_ROW_SIZE;
        x->rows_count++;
    }
}

/* The decision's first row in the record being filled. */
static uint16_t row_of(struct core *core, struct explain_entry *entry, size_t targets)
{
    struct explain *x = core->explain;
    if (x->rows_count > 0 && x->rows_count + targets > ROWS_MAX) put_record(core);
    if (x->stretches.size > RECORD_SIZE_MAX) put_record(core);
    if (entry->record != x->record || entry->source != x->source) add_rows(core, entry, targets);
    return entry->row;
}

/* Messages of one sender come in rows too. */
static void take_source(struct core *core, const struct header *h)
{
    struct explain *x = core->explain;
    uint8_t digest[SEAL_DIGEST_SIZE];
    if (x->source != 0 && qiao_bytes_equal(buf_bytes(&x->address), h->source.raw)) return;
    x->address.size = 0;
    buf_append(&x->address, h->source.raw.data, h->source.raw.size);
    seal_digest(core->config.seal, SEAL_SUITE_NONE, h->source.raw, digest);
    x->source = get_u64(digest) | 1; /* 0: none yet */
    x->tag = source_tag(core->secret, h);
}

void explain_decide(struct core *core, const struct peer *from, const struct envelope *e, unsigned code, bool routed)
{
    struct explain *x = core->explain;
    if (!x) return;
    struct explain_question q = { .from = from, .header = &e->header, .code = code, .routed = routed, .configuration = x->configuration };
    if (code != QIAO_CODE_OK) q.reason = org_reason(core, &e->header, code);
    struct parts parts;
    take_parts(core, &q, &parts);
    if (!x->last || !is_same(&x->last->key, &parts) || !is_fresh(core, x->last)) {
        put_parts(&parts, &x->key);
        x->last = find_entry(core, &q);
    }
    take_source(core, &e->header);
    x->deciding = code == QIAO_CODE_OK ? x->last : NULL;
    x->deciding_id = e->header.id;
    x->queued = 0;
    if (code != QIAO_CODE_OK) add_message(core, row_of(core, x->last, 0), &e->header.id, 0);
}

void explain_describe(struct core *core, const struct peer *from, const struct header *header, unsigned code, bool routed, struct buf *out)
{
    struct explain_question q = { .from = from, .header = header, .code = code, .routed = routed, .configuration = core->explain ? core->explain->configuration : "" };
    if (code != QIAO_CODE_OK) q.reason = org_reason(core, header, code);
    explain_pack(core, &q, out);
}

void explain_queued(struct core *core, size_t target, uint64_t sequence)
{
    struct explain *x = core->explain;
    if (!x || !x->deciding) return;
    x->queued++;
    /* Of a set with more recipients than a record has room for, the decision says how many. */
    size_t targets = core->targets_count < ROWS_MAX ? core->targets_count : ROWS_MAX;
    if (target < targets) add_message(core, (uint16_t)(row_of(core, x->deciding, targets) + target), &x->deciding_id, sequence);
}

void explain_done(struct core *core)
{
    struct explain *x = core->explain;
    if (!x || !x->deciding) return;
    struct explain_entry alone = { .name = x->deciding->name };
    if (x->queued == 0) add_message(core, row_of(core, &alone, 0), &x->deciding_id, 0);
    x->deciding = NULL;
}

void explain_ended(struct core *core, const struct header *h, const struct peer *peer, unsigned outcome, unsigned code)
{
    uint8_t value[EXPLAIN_ENDED_SIZE];
    struct key key = explain_ended_key(&h->id, peer->number, source_tag(core->secret, h));
    if (!core->explain) return;
    put_u64(value, core->wall_ms);
    value[8] = (uint8_t)outcome;
    put_u16(value + 9, (uint16_t)code);
    batch_put(core, &key, qiao_bytes(value, sizeof value));
    core->explain->bytes += key.size + sizeof value;
}

/* ---- letting go ---- */

static bool is_too_old(const struct core *core, const struct explain_record *record)
{
    const struct core_explain_config *config = &core->config.explain;
    if (config->keep_ms && record->at_ms + config->keep_ms < core->wall_ms) return true;
    return config->bytes_max && core->explain->bytes - record->bytes_before > config->bytes_max;
}

static bool prune_one(struct core *core)
{
    struct explain *x = core->explain;
    struct key key = key_number('y', x->first);
    struct explain_record record;
    struct qiao_bytes value;
    if (x->first >= x->next || !store_get(core->store, key_bytes(&key), &value)) return false; /* on its way to the disk */
    bool sound = explain_open(value, &record);
    if (sound && !is_too_old(core, &record)) return false;
    if (sound) x->oldest_ms = record.at_ms;
    batch_remove(core, &key);
    x->first++;
    return true;
}

struct sweep {
    struct core *core;
    unsigned looked_at;
};

static bool sweep_one(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct sweep *sweep = context;
    struct explain *x = sweep->core->explain;
    uint64_t used_ms = key.size == DESTINATION_KEY_SIZE ? 0 : 2 * (uint64_t)USED_AGAIN_MS; /* how much longer than written it may have been in use */
    struct key copy = { .size = key.size };
    memcpy(copy.bytes, key.data, key.size < sizeof copy.bytes ? key.size : sizeof copy.bytes);
    x->sweep = copy;
    if (key.size > 1 && value.size >= 8 && get_u64(value.data) + used_ms < x->oldest_ms) batch_remove(sweep->core, &copy);
    return ++sweep->looked_at < SWEPT_AT_ONCE;
}

/* A few decisions at a time. What the batch being filled has written anew does not show yet: then the next one goes on. */
static void sweep(struct core *core)
{
    struct explain *x = core->explain;
    struct sweep s = { .core = core };
    bool due = x->oldest_ms != 0 && core->wall_ms >= x->sweep_due_ms && !x->rewrote && !core->refused;
    x->rewrote = false;
    if (!due) return;
    struct key from = x->sweep;
    if (from.size == 0) from.bytes[from.size] = 'Y';
    from.size++;
    store_scan(core->store, key_bytes(&from), qiao_bytes("Z", 1), sweep_one, &s);
    if (s.looked_at == SWEPT_AT_ONCE) return;
    x->sweep = (struct key){ 0 };
    x->sweep_due_ms = core->wall_ms + SWEEP_MS;
}

void explain_close(struct core *core)
{
    struct explain *x = core->explain;
    if (!x || x->stretches.size == 0) return;
    put_record(core);
    for (unsigned i = 0; i < PRUNED_AT_ONCE && prune_one(core); i++) { }
    sweep(core);
}
