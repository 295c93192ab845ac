/* The node's Merkle log of what it did (schema/audit.proto). Records gather in the batch that is being filled; leaves are made by
 * core_prepare, on the thread that commits. Mass traffic is one record a run, frame or receipt, never one a message. A node that does not
 * sign keeps no log: nobody could hold it to it. */
#include "core/state.h"

/* Records for which alone no batch is worth while wait this long for one. */
#define LAZY_MS 1000u
/* Attempts of strangers that are written down one by one in a minute. */
#define ATTEMPTS_MAX 20u
#define ATTEMPTS_MS 60000u
#define TEXT_SIZE_MAX 256u

/* ---- from the store ---- */

static bool visit_last(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    uint64_t *next = context;
    (void)value;
    *next = key.size == 9 ? get_u64(key.data + 1) + 1 : 0;
    return true;
}

static bool read_log(struct core *core, struct qiao_bytes value)
{
    struct merkle_log *log = &core->audit;
    if (value.size <= 9 || value.size % SEAL_DIGEST_SIZE != 9 || value.data[0] == SEAL_SUITE_NONE || value.data[0] >= SEAL_SUITES) return false;
    core->audit_suite = (enum seal_suite)value.data[0];
    log->size = get_u64(value.data + 1);
    log->peaks_count = (unsigned)((value.size - 9) / SEAL_DIGEST_SIZE);
    if (log->size > SEQUENCE_MAX || log->peaks_count != (unsigned)__builtin_popcountll(log->size)) return false;
    memcpy(log->peaks, value.data + 9, value.size - 9);
    return true;
}

bool audit_load(struct core *core)
{
    struct key key = key_named('M', "audit");
    struct qiao_bytes value;
    uint64_t next = 0; /* behind the last record; one that is missing is found by who checks the log, an end that is missing here */
    core->audit_suite = core->config.seal->suite;
    if (store_get(core->store, key_bytes(&key), &value) && !read_log(core, value)) return false;
    merkle_log_root(core->config.seal, core->audit_suite, &core->audit, &core->audit_root);
    struct key from = key_number('U', core->audit.size > 0 ? core->audit.size - 1 : 0);
    store_scan(core->store, key_bytes(&from), qiao_bytes("V", 1), visit_last, &next);
    return next == core->audit.size;
}

/* ---- as things happen ---- */

static void pack(const struct audit_entry *e, uint64_t at_ms, struct buf *out)
{
    pb_put_fixed64(out, 1, at_ms);
    pb_put_varint(out, 2, e->kind);
    if (e->peer) pb_put_string(out, 3, e->peer);
    pb_put_varint(out, 4, e->lane);
    pb_put_varint(out, 5, e->first);
    pb_put_varint(out, 6, e->last);
    if (e->hash) pb_put_bytes(out, 7, qiao_bytes(e->hash->bytes, SEAL_DIGEST_SIZE));
    if (e->id) pb_put_bytes(out, 8, qiao_bytes(e->id->bytes, QIAO_ID_SIZE));
    pb_put_varint(out, 9, e->code);
    if (e->text) pb_put_bytes(out, 10, qiao_bytes(e->text, strnlen(e->text, TEXT_SIZE_MAX)));
}

static void put_record(struct batch *batch, const struct audit_entry *e, uint64_t at_ms)
{
    uint8_t size[4] = { 0 };
    size_t at = batch->audit.size;
    buf_append(&batch->audit, size, sizeof size);
    pack(e, at_ms, &batch->audit);
    put_u32(batch->audit.data + at, (uint32_t)(batch->audit.size - at - sizeof size));
}

static void hash_text(struct buf *words, const char *text)
{
    buf_append(words, text, strlen(text) + 1);
}

/* Who this node is and whom it knows: what a later reader of the log needs to understand it by. */
static void put_start(struct core *core, struct batch *batch)
{
    buf_auto words = { 0 };
    struct merkle_hash hash;
    hash_text(&words, core->node);
    hash_text(&words, core->area);
    for (size_t i = 0; i < core->peers_count; i++) {
        uint8_t what[2] = { core->peers[i].member, (uint8_t)core->peers[i].role };
        buf_append(&words, what, sizeof what);
        hash_text(&words, core->peers[i].name);
        hash_text(&words, core->peers[i].area);
    }
    seal_digest(core->config.seal, core->audit_suite, buf_bytes(&words), hash.bytes);
    put_record(batch, &(struct audit_entry){ .kind = AUDIT_START, .hash = &hash }, core->started_ms);
}

/* The start is written with the first thing that happens behind it: a node that is only looked at does not change its store. */
void audit_add(struct core *core, const struct audit_entry *e)
{
    struct batch *batch = core_batch(core);
    if (!core_signs(core)) return;
    if (!core->audit_begun) {
        core->audit_begun = true;
        put_start(core, batch);
        audit_keys(core);
    }
    put_record(batch, e, core->wall_ms);
    if (core->audit_due_ms == 0 || core->shutting_down) core->audit_due_ms = core->now_ms + (core->shutting_down ? 0 : LAZY_MS);
}

/* Anybody can knock. Beyond a few a minute only their number is kept. */
static void add_attempt(struct core *core, const struct audit_entry *e)
{
    if (core->now_ms >= core->attempts_until_ms) {
        audit_tick(core);
        core->attempts_until_ms = core->now_ms + ATTEMPTS_MS;
        core->attempts = 0;
    }
    if (++core->attempts <= ATTEMPTS_MAX) audit_add(core, e);
}

void audit_notice(struct core *core, const char *event, const char *peer, unsigned code, const char *reason)
{
    static const struct { const char *event; unsigned kind; } rows[] = {
        { "link up", AUDIT_LINK_UP }, { "link down", AUDIT_LINK_DOWN }, { "hello refused", AUDIT_ATTEMPT }, { "outcome not believed", AUDIT_NOT_BELIEVED },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct audit_entry entry = { .kind = rows[i].kind, .peer = peer, .code = code, .text = reason };
        if (strcmp(rows[i].event, event) != 0) continue;
        bool stranger = entry.kind == AUDIT_ATTEMPT || strcmp(peer, "unknown") == 0;
        if (stranger) entry.kind = AUDIT_ATTEMPT;
        if (stranger) add_attempt(core, &entry);
        else audit_add(core, &entry);
    }
}

void audit_taken(struct core *core, const struct connection *c, unsigned lane, uint64_t last)
{
    audit_add(core, &(struct audit_entry){ .kind = AUDIT_TAKEN, .peer = c->peer->name, .lane = lane, .first = c->stream->received[lane] + 1, .last = last,
                                           .hash = custody_is_on(core, c) ? &c->stream->chain[lane] : NULL });
}

void audit_receipt(struct core *core, bool given, const char *peer, const struct custody *custody)
{
    audit_add(core, &(struct audit_entry){ .kind = given ? AUDIT_RECEIPT_GIVEN : AUDIT_RECEIPT_TAKEN, .peer = peer, .lane = custody->lane, .last = custody->sequence,
                                           .hash = &custody->chain });
}

void audit_header(struct core *core, bool taken, uint32_t count, const struct envelope *receipt)
{
    struct merkle_hash leaf;
    if (!core_signs(core)) return;
    merkle_leaf(core->config.seal, core->audit_suite, receipt->header_bytes, &leaf);
    audit_add(core, &(struct audit_entry){ .kind = taken ? AUDIT_OUTCOMES_TAKEN : AUDIT_OUTCOMES, .last = count, .hash = &leaf, .id = &receipt->header.id });
}

void audit_put_aside(struct core *core, struct qiao_bytes raw)
{
    struct merkle_hash hash;
    if (!core_signs(core)) return;
    seal_digest(core->config.seal, core->audit_suite, raw, hash.bytes);
    audit_add(core, &(struct audit_entry){ .kind = AUDIT_QUARANTINED, .hash = &hash });
}

void audit_keys(struct core *core)
{
    buf_auto certificate = { 0 };
    struct merkle_hash hash;
    if (!core_signs(core) || !core->config.seal->certificate(core->config.seal->context, NULL, &certificate)) return;
    seal_digest(core->config.seal, SEAL_SUITE_NONE, buf_bytes(&certificate), hash.bytes);
    audit_add(core, &(struct audit_entry){ .kind = AUDIT_KEYS, .hash = &hash });
}

static bool leaves_out(const struct core *core)
{
    return core->attempts > ATTEMPTS_MAX;
}

uint64_t audit_deadline_ms(const struct core *core)
{
    uint64_t deadline = core->audit_due_ms != 0 ? core->audit_due_ms : LINK_NEVER;
    return leaves_out(core) && core->attempts_until_ms < deadline ? core->attempts_until_ms : deadline;
}

void audit_tick(struct core *core)
{
    if (!leaves_out(core) || core->now_ms < core->attempts_until_ms) return;
    audit_add(core, &(struct audit_entry){ .kind = AUDIT_ATTEMPTS_LEFT_OUT, .last = core->attempts - ATTEMPTS_MAX });
    core->attempts = 0;
}

/* ---- on the thread that commits ---- */

static void put_leaf(const struct core *core, struct batch *batch, struct qiao_bytes packed)
{
    buf_auto value = { 0 };
    struct merkle_hash leaf = { { 0 } };
    struct key key = key_number('U', batch->audit_log.size);
    buf_append(&value, leaf.bytes, SEAL_DIGEST_SIZE);
    buf_append(&value, packed.data, packed.size);
    pb_put_varint(&value, 15, batch->audit_log.size);
    merkle_leaf(core->config.seal, core->audit_suite, qiao_bytes(value.data + SEAL_DIGEST_SIZE, value.size - SEAL_DIGEST_SIZE), &leaf);
    memcpy(value.data, leaf.bytes, SEAL_DIGEST_SIZE);
    merkle_log_add(core->config.seal, core->audit_suite, &batch->audit_log, &leaf);
    batch_add_put(batch, &key, buf_bytes(&value));
}

static void put_run(const struct core *core, struct batch *batch, const struct run *run)
{
    buf_auto packed = { 0 };
    struct merkle_hash hash;
    struct audit_entry entry = { .kind = run->groups_count > 0 ? AUDIT_SIGNED : AUDIT_QUEUED, .peer = run->peer->name, .lane = run->lane, .first = run->first,
                                 .last = run->first + run->count - 1, .hash = &hash };
    seal_digest(core->config.seal, core->audit_suite, buf_bytes(&run->units), hash.bytes);
    pack(&entry, batch->sealed_wall_ms, &packed);
    put_leaf(core, batch, buf_bytes(&packed));
}

/* Begins again from the stored log each time: a batch that found no room comes here twice. */
void audit_prepare(struct core *core, struct batch *batch)
{
    uint8_t value[9 + 64 * SEAL_DIGEST_SIZE];
    struct key key = key_named('M', "audit");
    if (!core_signs(core)) return;
    batch->audit_log = core->audit;
    for (size_t at = 0; at < batch->audit.size;) {
        uint32_t size = get_u32(batch->audit.data + at);
        put_leaf(core, batch, qiao_bytes(batch->audit.data + at + 4, size));
        at += 4 + size;
    }
    for (size_t i = 0; i < batch->runs_count; i++)
        if (batch->runs[i]->count > 0 && !batch->runs[i]->peer->member) put_run(core, batch, batch->runs[i]);
    merkle_log_root(core->config.seal, core->audit_suite, &batch->audit_log, &batch->audit_root);
    if (batch->audit_log.size == core->audit.size) return;
    value[0] = (uint8_t)core->audit_suite;
    put_u64(value + 1, batch->audit_log.size);
    memcpy(value + 9, batch->audit_log.peaks, batch->audit_log.peaks_count * SEAL_DIGEST_SIZE);
    batch_add_put(batch, &key, qiao_bytes(value, 9 + batch->audit_log.peaks_count * SEAL_DIGEST_SIZE));
}

void audit_stored(struct core *core, const struct batch *batch)
{
    if (!core_signs(core)) return;
    core->audit = batch->audit_log;
    core->audit_root = batch->audit_root;
}
