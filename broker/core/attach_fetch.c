/* Asking for the chunks of a file that are not here, a window at a time, and taking them in. */
#include "core/state.h"

/* Nothing that was asked of a node is lost on the way; but a node may have been rebuilt from an older copy, or a way removed. Asking again
 * costs a window of bytes, so patience doubles while nothing comes. */
#define PATIENCE_MS_MIN (30ull * 60 * 1000)
#define PATIENCE_MS_MAX (24ull * 3600 * 1000)
/* The other side said BUSY. */
#define BUSY_MS 5000u
/* Who sends this many wrong parts of a file is not asked for it any more. */
#define BAD_MAX 16u
/* A member that offered what another node is to give, and gives nothing for so long, is not waited for; nor is one more after so many. */
#define TURN_MS 60000u
#define TURNS_MAX 16u

struct fetch *attach_fetch_find(struct core *core, const uint8_t digest[ATTACHMENT_DIGEST_SIZE])
{
    for (size_t i = 0; i < core->attachments.fetches_count; i++)
        if (memcmp(core->attachments.fetches[i].ref.digest, digest, ATTACHMENT_DIGEST_SIZE) == 0) return &core->attachments.fetches[i];
    return NULL;
}

static bool has(const struct fetch *f, uint32_t index)
{
    return f->have[index / 64] >> (index % 64) & 1;
}

static void set(struct fetch *f, uint32_t index)
{
    f->have[index / 64] |= 1ull << (index % 64);
    f->have_count++;
}

/* A member gives what another node was, or could be, asked for. */
static bool is_turned(const struct fetch *f)
{
    return f->connection && f->source_size > 0;
}

/* ---- asking ---- */

static void say(struct core *core, const struct fetch *f, const struct attachment_word *word)
{
    struct attachment_asker peer = { .address = qiao_bytes(f->source, f->source_size) };
    if (f->connection) peer.connection = core_connection(core, (struct core_connection_id){ f->connection });
    if (peer.connection || !f->connection) attach_say(core, &peer, word);
}

static uint32_t next_missing(const struct fetch *f, uint32_t index)
{
    while (index < f->chunks && has(f, index)) index++;
    return index;
}

/* The next missing chunks in a row, as many as the window has room for. */
static void ask_row(struct core *core, struct fetch *f)
{
    struct attachment_word word = { .type = ATTACHMENT_WANT, .first = f->next };
    memcpy(word.digest, f->ref.digest, ATTACHMENT_DIGEST_SIZE);
    while (f->next < f->chunks && !has(f, f->next) && f->flying < ATTACHMENT_WINDOW_CHUNKS) {
        f->next++;
        f->flying++;
        word.count++;
    }
    word.leaves = f->chunks > 1 && !f->leaves && !f->leaves_asked;
    f->leaves_asked |= word.leaves;
    say(core, f, &word);
}

static void ask(struct core *core, struct fetch *f)
{
    if (core->busy || f->flying > ATTACHMENT_WINDOW_CHUNKS / 2) return;
    f->next = next_missing(f, f->next);
    if (f->next == f->chunks && f->flying == 0) f->next = next_missing(f, 0); /* some were bad, or did not come */
    while (f->next < f->chunks && f->flying < ATTACHMENT_WINDOW_CHUNKS) {
        ask_row(core, f);
        f->next = next_missing(f, f->next);
    }
    if (f->chunks > 1 && !f->leaves && !f->leaves_asked) ask_row(core, f); /* every chunk is here */
    f->due_ms = !f->connection ? core->now_ms + f->patience_ms : is_turned(f) ? core->now_ms + TURN_MS : LINK_NEVER;
}

static void ask_again(struct core *core, struct fetch *f)
{
    f->flying = 0;
    f->next = 0;
    f->leaves_asked = false;
    ask(core, f);
}

void attach_resume(struct core *core)
{
    for (size_t i = 0; i < core->attachments.fetches_count; i++) ask(core, &core->attachments.fetches[i]);
}

/* ---- beginning and ending ---- */

static bool visit_chunk(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct fetch *f = context;
    (void)value;
    uint32_t index = key.size == 37 ? get_u32(key.data + 33) : ATTACHMENT_LEAVES;
    if (index < f->chunks && !has(f, index)) set(f, index);
    return true;
}

static void load(struct core *core, struct fetch *f)
{
    struct key from = key_chunk(f->ref.digest, 0), leaves = key_chunk(f->ref.digest, ATTACHMENT_LEAVES);
    struct qiao_bytes value;
    store_scan(core->store, key_bytes(&from), key_bytes(&leaves), visit_chunk, f);
    if (!store_get(core->store, key_bytes(&leaves), &value) || !leaves_fit(core->config.seal, &f->ref, value)) return;
    f->leaves = base_alloc(value.size);
    memcpy(f->leaves, value.data, value.size);
}

static void finish(struct core *core, struct fetch *f, enum attachment_state state)
{
    struct attachment_record record;
    struct key wanted = key_attachment('w', f->ref.digest);
    bool known = attach_find(core, f->ref.digest, &record, NULL);
    core_trace(core, "%s . attachment of %llu bytes is %s", core->node, (unsigned long long)f->ref.size, state == ATTACHMENT_WHOLE ? "whole" : "given up");
    attach_fetch_drop(core, f);
    if (!known) return;
    record.state = state;
    batch_remove(core, &wanted);
    attach_put(core, &record);
    attach_pump(core);
}

bool attach_fetch_begin(struct core *core, const struct attachment_record *record, struct connection *from)
{
    struct attachments *a = &core->attachments;
    if (a->fetches_count == FETCHES_MAX) return false;
    struct fetch *f = &a->fetches[a->fetches_count++];
    *f = (struct fetch){ .ref = record->ref, .connection = from ? from->id.value : 0, .source_size = record->source_size,
                         .chunks = attachment_chunks(record->ref.size), .due_ms = LINK_NEVER, .patience_ms = PATIENCE_MS_MIN };
    memcpy(f->source, record->source, record->source_size);
    f->have = base_zalloc((f->chunks + 63) / 64 * sizeof *f->have);
    load(core, f);
    core_trace(core, "%s . asks for an attachment of %llu bytes, %u of %u chunks are here", core->node, (unsigned long long)f->ref.size, f->have_count, f->chunks);
    if (f->have_count == f->chunks && (f->leaves || f->chunks == 1)) finish(core, f, ATTACHMENT_WHOLE);
    else ask(core, f);
    return true;
}

void attach_fetch_drop(struct core *core, struct fetch *f)
{
    struct attachments *a = &core->attachments;
    free(f->have);
    free(f->leaves);
    *f = a->fetches[--a->fetches_count];
    a->fetches[a->fetches_count] = (struct fetch){ 0 };
}

bool attach_fetch_may_turn(const struct fetch *f)
{
    return !f->connection && !f->gets_on && f->turns < TURNS_MAX;
}

/* Two nodes may each ask the other for a file that members of both send: whichever member is here first has it. */
void attach_fetch_turn(struct core *core, struct fetch *f, const struct connection *member)
{
    core_trace(core, "%s . asks its member for an attachment of %llu bytes, and nobody else", core->node, (unsigned long long)f->ref.size);
    f->connection = member->id.value;
    f->turns++;
    ask_again(core, f);
}

/* The other node is asked again, after a while: the member may be back with it before. */
static void turn_back(struct core *core, struct fetch *f)
{
    f->connection = 0;
    f->bad = f->flying = f->next = 0;
    f->leaves_asked = f->gets_on = false;
    f->due_ms = core->now_ms + BUSY_MS;
}

static void member_gone(struct core *core, struct fetch *f)
{
    if (is_turned(f)) turn_back(core, f);
    else attach_fetch_drop(core, f);
}

void attach_connection_gone(struct core *core, const struct connection *c)
{
    for (size_t i = core->attachments.fetches_count; i > 0; i--)
        if (core->attachments.fetches[i - 1].connection == c->id.value) member_gone(core, &core->attachments.fetches[i - 1]);
}

/* ---- what other nodes have ---- */

struct pumping {
    struct core *core;
    const uint8_t *after;       /* begin behind this digest, or NULL */
    bool full;
};

static bool visit_wanted(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct pumping *x = context;
    struct core *core = x->core;
    struct attachment_record record;
    const uint8_t *digest = key.data + 2;
    (void)value;
    if (key.size != ATTACHMENT_KEY_SIZE || attach_fetch_find(core, digest) || !attach_find(core, digest, &record, NULL) || record.state != ATTACHMENT_WANTED) return true;
    if (!record.reserved) {
        if (!attach_reserve(core, &record)) return true; /* no room: asked for when another one is let go of */
        attach_put(core, &record);
    }
    x->full = !attach_fetch_begin(core, &record, NULL);
    return !x->full;
}

/* Behind the one that was begun last, so that a file which nobody gives does not stand in the way of others for ever. */
void attach_pump(struct core *core)
{
    struct attachments *a = &core->attachments;
    struct pumping x = { .core = core };
    struct key middle = key_attachment('w', a->fetches_count > 0 ? a->fetches[a->fetches_count - 1].ref.digest : (const uint8_t[ATTACHMENT_DIGEST_SIZE]){ 0 });
    if (a->fetches_count == FETCHES_MAX) return;
    store_scan(core->store, key_bytes(&middle), qiao_bytes("fx", 2), visit_wanted, &x);
    if (!x.full) store_scan(core->store, qiao_bytes("fw", 2), key_bytes(&middle), visit_wanted, &x);
}

void attach_fetch_tick(struct core *core)
{
    struct attachments *a = &core->attachments;
    for (size_t i = a->fetches_count; i > 0; i--) {
        struct fetch *f = &a->fetches[i - 1];
        if (f->due_ms > core->now_ms) continue;
        if (is_turned(f)) {
            turn_back(core, f);
            continue;
        }
        f->due_ms = LINK_NEVER;
        f->patience_ms = f->patience_ms * 2 > PATIENCE_MS_MAX ? PATIENCE_MS_MAX : f->patience_ms * 2;
        bool others_wait = a->fetches_count == FETCHES_MAX;
        if (others_wait) attach_fetch_drop(core, f);
        else ask_again(core, f);
        if (others_wait) attach_pump(core);
    }
}

/* ---- parts ---- */

static void bad(struct core *core, struct fetch *f)
{
    const struct connection *c = f->connection ? core_connection(core, (struct core_connection_id){ f->connection }) : NULL;
    char who[ATTACHMENT_SOURCE_MAX];
    attach_source_text(qiao_bytes(f->source, f->source_size), who, sizeof who);
    core->attachments.parts_bad++;
    if (f->bad++ == 0) core_notice(core, "attachment refused", c && c->peer ? c->peer->name : who, QIAO_CODE_DIGEST, "a part of it is not what its digest says; asked for again");
    if (f->bad < BAD_MAX) return;
    if (is_turned(f)) {
        turn_back(core, f);
        return;
    }
    core_notice(core, "attachment given up", c && c->peer ? c->peer->name : who, QIAO_CODE_DIGEST, "too many of its parts were wrong");
    finish(core, f, ATTACHMENT_GONE);
}

static bool take_leaves(struct core *core, struct fetch *f, struct qiao_bytes data)
{
    struct key key = key_chunk(f->ref.digest, ATTACHMENT_LEAVES);
    if (f->leaves) return true;
    f->leaves_asked = false;
    if (f->chunks == 1 || !leaves_fit(core->config.seal, &f->ref, data)) return false;
    f->leaves = base_alloc(data.size);
    memcpy(f->leaves, data.data, data.size);
    batch_put(core, &key, data);
    return true;
}

static bool take_chunk(struct core *core, struct fetch *f, uint32_t index, struct qiao_bytes data)
{
    struct key key = key_chunk(f->ref.digest, index);
    if (index >= f->chunks) return false;
    if (has(f, index)) {
        core->attachments.parts_again++;
        return true;
    }
    if (f->flying > 0) f->flying--;
    if (f->chunks > 1 && !f->leaves) return true; /* it cannot be judged: asked for again behind the leaves */
    if (!leaves_has_chunk(core->config.seal, &f->ref, f->leaves, index, data)) return false;
    set(f, index);
    core->attachments.parts_taken++;
    batch_put(core, &key, data);
    return true;
}

void attach_fetch_part(struct core *core, struct fetch *f, const struct attachment_word *word)
{
    bool good = word->leaves ? take_leaves(core, f, word->data) : take_chunk(core, f, word->first, word->data);
    if (!good) {
        bad(core, f);
        f = attach_fetch_find(core, word->digest);
        if (!f) return;
    }
    if (good) f->patience_ms = PATIENCE_MS_MIN;
    f->gets_on |= good;
    if (good && is_turned(f)) f->due_ms = core->now_ms + TURN_MS;
    if (f->have_count == f->chunks && (f->leaves || f->chunks == 1)) finish(core, f, ATTACHMENT_WHOLE);
    else ask(core, f);
}

void attach_fetch_state(struct core *core, struct fetch *f, enum attachment_state state)
{
    if (f->connection && state != ATTACHMENT_BUSY) { /* the member may come back with it, or another one may */
        member_gone(core, f);
        attach_pump(core);
        return;
    }
    if (state == ATTACHMENT_BUSY) {
        f->flying = 0;
        f->next = 0;
        f->due_ms = core->now_ms + BUSY_MS;
    }
    if (state == ATTACHMENT_GONE || state == ATTACHMENT_UNKNOWN) finish(core, f, ATTACHMENT_GONE);
}
