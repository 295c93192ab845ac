/* Giving out files: to members over their connection, to other nodes in messages. */
#include "core/state.h"

#include <qiao/client.h>

/* Parts are made into the batch that is being filled. Beyond this whoever asks is told to come again. */
#define BATCH_BYTES_MAX (8u * 1024u * 1024u)
/* Parts a member may have asked for and not read yet. */
#define UNREAD_MAX (3u * ATTACHMENT_WINDOW_CHUNKS)

/* ---- words to others ---- */

static void send_message(struct core *core, struct qiao_bytes to, struct qiao_bytes body, unsigned lane)
{
    buf_auto raw = { 0 };
    buf_auto source = { 0 };
    uint8_t digest[SEAL_DIGEST_SIZE];
    struct envelope e;
    seal_digest(core->config.seal, core->config.seal->suite, body, digest);
    address_write(&source, qiao_bytes_from_string(core->area), qiao_bytes_from_string(core->node), qiao_bytes(NULL, 0));
    struct envelope_draft draft = {
        .id = core_new_id(core), .kind = QIAO_KIND_ATTACHMENT, .source = buf_bytes(&source), .destination = to, .lane = lane, .sent_at_ms = core->wall_ms,
        .body = body, .body_digest = qiao_bytes(digest, sizeof digest), .digest_suite = core->config.seal->suite,
    };
    envelope_write(&raw, &draft);
    if (envelope_open(buf_bytes(&raw), &e) != QIAO_CODE_OK || route_envelope(core, &e, NULL) != QIAO_CODE_OK || core->targets[0]->member) {
        char who[ATTACHMENT_SOURCE_MAX];
        attach_source_text(to, who, sizeof who);
        core_trace(core, "%s x attachment: no way to %s", core->node, who);
        return;
    }
    queue_append(core, core->targets[0], lane, &e, &origin_own);
}

void attach_say(struct core *core, const struct attachment_asker *asker, const struct attachment_word *word)
{
    buf_auto packed = { 0 };
    attachment_word_write(&packed, word);
    if (word->type == ATTACHMENT_PART) core->attachments.bytes_given += word->data.size;
    if (word->type == ATTACHMENT_PART && asker->connection) asker->connection->parts_given++;
    if (!asker->connection) send_message(core, asker->address, buf_bytes(&packed), word->type == ATTACHMENT_PART ? QIAO_LANE_BULK : QIAO_LANE_NORMAL);
    else if (asker->connection->link.state == LINK_STATE_UP)
        link_send_frame(&asker->connection->link, FRAME_ATTACHMENT, buf_bytes(&packed), core->now_ms, connection_out(core, asker->connection));
}

static void say_state(struct core *core, const struct attachment_asker *asker, const uint8_t digest[ATTACHMENT_DIGEST_SIZE], enum attachment_state state)
{
    struct attachment_word word = { .type = ATTACHMENT_STATE, .state = state };
    memcpy(word.digest, digest, ATTACHMENT_DIGEST_SIZE);
    attach_say(core, asker, &word);
}

/* ---- parts ---- */

static void give_part(struct core *core, const struct attachment_asker *asker, const uint8_t digest[ATTACHMENT_DIGEST_SIZE], uint32_t index)
{
    struct attachment_word word = { .type = ATTACHMENT_PART, .leaves = index == ATTACHMENT_LEAVES };
    struct key key = key_chunk(digest, index);
    memcpy(word.digest, digest, ATTACHMENT_DIGEST_SIZE);
    if (!word.leaves) word.first = index;
    if (store_get(core->store, key_bytes(&key), &word.data)) attach_say(core, asker, &word);
}

/* What an asker wants of a file that is whole on disk. */
static void give(struct core *core, const struct attachment_asker *asker, const struct attachment_ref *ref, const struct attachment_word *want)
{
    uint32_t chunks = attachment_chunks(ref->size), first = want->first < chunks ? want->first : chunks;
    uint32_t count = want->count < chunks - first ? want->count : chunks - first;
    if (!asker->connection && core_filling_bytes(core) > BATCH_BYTES_MAX) {
        say_state(core, asker, ref->digest, ATTACHMENT_BUSY);
        return;
    }
    if (want->leaves && chunks > 1) give_part(core, asker, ref->digest, ATTACHMENT_LEAVES);
    for (uint32_t i = 0; i < count; i++) give_part(core, asker, ref->digest, first + i);
}

/* ---- other nodes ---- */

void attach_source_text(struct qiao_bytes source, char *text, size_t text_size)
{
    struct pb_reader r = pb_reader(source);
    struct pb_field f;
    size_t used = 0;
    while (pb_next(&r, &f) && used + f.bytes.size + 2 < text_size) {
        if (f.number > 1) text[used++] = '/';
        if (f.bytes.size) memcpy(text + used, f.bytes.data, f.bytes.size);
        used += f.bytes.size;
    }
    text[used] = '\0';
}

/* It is given when the file is whole. The record goes into the same batch: if it says so by the time that is stored, the asker is there. */
static void remember_asker(struct core *core, const struct header *h, const struct attachment_word *want, const struct attachment_record *record)
{
    struct key key = key_attachment_for('p', want->digest, h->source.area);
    buf_auto value = { 0 };
    uint8_t head[9];
    put_u32(head, want->first);
    put_u32(head + 4, want->count);
    head[8] = want->leaves;
    buf_append(&value, head, sizeof head);
    buf_append(&value, h->source.raw.data, h->source.raw.size);
    batch_put(core, &key, buf_bytes(&value));
    attach_put(core, record);
}

static void asked_by_node(struct core *core, const struct header *h, const struct attachment_word *want)
{
    struct attachment_asker asker = { .address = h->source.raw };
    struct attachment_record record;
    bool stored;
    bool known = attach_find(core, want->digest, &record, &stored);
    if (!known || record.state == ATTACHMENT_GONE || !attach_area_may(core, h->source.area, want->digest)) say_state(core, &asker, want->digest, ATTACHMENT_GONE);
    else if (record.state == ATTACHMENT_WHOLE && stored) give(core, &asker, &record.ref, want);
    else remember_asker(core, h, want, &record);
}

static void taken_from_node(struct core *core, const struct envelope *e)
{
    struct attachment_word word;
    if (!attachment_word_read(e->body, &word)) {
        core_trace(core, "%s x attachment: a word that cannot be read", core->node);
        return;
    }
    if (word.type == ATTACHMENT_WANT) {
        asked_by_node(core, &e->header, &word);
        return;
    }
    struct fetch *fetch = attach_fetch_find(core, word.digest);
    if (!fetch || fetch->connection) return; /* asked for in an earlier life, and here by now */
    if (word.type == ATTACHMENT_PART) attach_fetch_part(core, fetch, &word);
    if (word.type == ATTACHMENT_STATE) attach_fetch_state(core, fetch, word.state);
}

void attach_message(struct core *core, const struct peer *from, const struct envelope *e, const struct origin *origin, unsigned code)
{
    const struct header *h = &e->header;
    if (code == QIAO_CODE_OK && e->hops >= QIAO_HOPS_MAX) code = QIAO_CODE_HOPS;
    if (code == QIAO_CODE_OK && qiao_bytes_equal(h->destination.area, qiao_bytes_from_string(core->area))) {
        taken_from_node(core, e);
        return;
    }
    if (code == QIAO_CODE_OK) code = route_envelope(core, e, from);
    if (code == QIAO_CODE_OK && core->targets_count == 1 && !core->targets[0]->member) queue_append(core, core->targets[0], h->lane, e, origin);
    else core_trace(core, "%s x attachment: %s", core->node, qiao_code_name(code)); /* whoever needs it asks again */
}

/* ---- members ---- */

static void asked_by_member(struct core *core, struct connection *c, const struct attachment_word *want)
{
    struct attachment_asker asker = { .connection = c };
    struct attachment_record record;
    bool stored;
    if (want->taken > c->parts_given || c->parts_given - want->taken > UNREAD_MAX) {
        connection_drop(core, c, QIAO_CODE_LINK_CREDIT, "asks for more of an attachment than it reads");
        return;
    }
    bool known = attach_find(core, want->digest, &record, &stored) && attach_member_may(core, c->peer, want->digest);
    if (known && record.state == ATTACHMENT_WHOLE && stored) give(core, &asker, &record.ref, want);
    else say_state(core, &asker, want->digest, !known ? ATTACHMENT_UNKNOWN : record.state == ATTACHMENT_WHOLE ? ATTACHMENT_WANTED : record.state);
}

static void offered_by_member(struct core *core, struct connection *c, const struct attachment_word *offer)
{
    struct attachment_asker asker = { .connection = c };
    struct attachment_record record;
    bool stored;
    bool known = attach_find(core, offer->digest, &record, &stored) && attach_member_may(core, c->peer, offer->digest);
    enum attachment_state state = known ? record.state : ATTACHMENT_UNKNOWN;
    if (state == ATTACHMENT_WHOLE && !stored) return; /* told when it is */
    struct fetch *fetch = attach_fetch_find(core, offer->digest);
    bool wanted = state == ATTACHMENT_WANTED && !fetch;
    if (wanted && attach_fetch_begin(core, &record, c)) return;
    if (state == ATTACHMENT_WANTED && fetch && attach_fetch_may_turn(fetch)) attach_fetch_turn(core, fetch, c);
    else say_state(core, &asker, offer->digest, wanted ? ATTACHMENT_BUSY : state);
}

void attach_frame(struct core *core, struct connection *c, struct qiao_bytes payload)
{
    struct attachment_word word;
    if (!c->peer || !c->peer->member || !attachment_word_read(payload, &word)) {
        core->counters.rejected_frames++;
        connection_drop(core, c, QIAO_CODE_FRAME_BODY, "word about an attachment is not valid");
        return;
    }
    if (word.type == ATTACHMENT_OFFER) offered_by_member(core, c, &word);
    if (word.type == ATTACHMENT_WANT) asked_by_member(core, c, &word);
    struct fetch *fetch = word.type > ATTACHMENT_WANT ? attach_fetch_find(core, word.digest) : NULL;
    if (!fetch || fetch->connection != c->id.value) return;
    if (word.type == ATTACHMENT_PART) attach_fetch_part(core, fetch, &word);
    if (word.type == ATTACHMENT_STATE) attach_fetch_state(core, fetch, word.state);
}

/* ---- whole, or given up ---- */

struct announcing {
    struct core *core;
    const struct attachment_record *record;
};

static bool visit_asker(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct announcing *x = context;
    struct attachment_word want = { .type = ATTACHMENT_WANT };
    struct key copy = { .size = key.size };
    if (key.size > sizeof copy.bytes || value.size <= 9) return true; /* check-store tells */
    struct attachment_asker asker = { .address = qiao_bytes(value.data + 9, value.size - 9) };
    want.first = get_u32(value.data);
    want.count = get_u32(value.data + 4);
    want.leaves = value.data[8];
    if (want.count > ATTACHMENT_WINDOW_CHUNKS) return true;
    if (x->record->state == ATTACHMENT_WHOLE) give(x->core, &asker, &x->record->ref, &want);
    else say_state(x->core, &asker, x->record->ref.digest, ATTACHMENT_GONE);
    memcpy(copy.bytes, key.data, key.size);
    batch_remove(x->core, &copy);
    return true;
}

void attach_announce(struct core *core, const struct attachment_record *record)
{
    struct announcing x = { core, record };
    struct key from = key_attachment('p', record->ref.digest), to = from;
    key_end_of_family(&to);
    store_scan(core->store, key_bytes(&from), key_bytes(&to), visit_asker, &x);
    for (size_t i = 0; i < core->connections_capacity; i++) {
        struct connection *c = core->connections[i];
        struct attachment_asker asker = { .connection = c };
        if (!c || c->closing || !c->up || !c->peer || !c->peer->member || !(c->link.peer.features & LINK_FEATURE_ATTACHMENTS)) continue;
        if (attach_member_may(core, c->peer, record->ref.digest)) say_state(core, &asker, record->ref.digest, record->state);
    }
}
