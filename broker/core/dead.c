/* Dead letters: what could not be delivered is kept for people to look at, and its owner is told. */
#include "core/dead.h"

#include "core/state.h"

#include <string.h>

/* Letters of one notice. */
#define NOTICE_SIZE_MAX (48u * 1024u)
#define HEAD_SIZE 24u

/* ---- records: code (2) attempts (4) first (8) last (8) reason size (2), reason, envelope ---- */

void dead_record_write(struct buf *out, const struct dead_record *record)
{
    uint8_t head[HEAD_SIZE];
    put_u16(head, (uint16_t)record->code);
    put_u32(head + 2, record->attempts);
    put_u64(head + 6, record->first_ms);
    put_u64(head + 14, record->last_ms);
    put_u16(head + 22, (uint16_t)record->reason.size);
    buf_append(out, head, sizeof head);
    buf_append(out, record->reason.data, record->reason.size);
    buf_append(out, record->message.data, record->message.size);
}

bool dead_record_read(struct qiao_bytes bytes, struct dead_record *ret_record)
{
    if (bytes.size < HEAD_SIZE) return false;
    size_t reason = get_u16(bytes.data + 22);
    if (bytes.size <= HEAD_SIZE + reason) return false;
    *ret_record = (struct dead_record){
        .code = get_u16(bytes.data), .attempts = get_u32(bytes.data + 2), .first_ms = get_u64(bytes.data + 6), .last_ms = get_u64(bytes.data + 14),
        .reason = qiao_bytes(bytes.data + HEAD_SIZE, reason), .message = qiao_bytes(bytes.data + HEAD_SIZE + reason, bytes.size - HEAD_SIZE - reason),
    };
    return true;
}

const char *dead_check_record(struct qiao_bytes key, struct qiao_bytes value)
{
    struct dead_record record;
    struct envelope e;
    if (key.size != DESTINATION_KEY_SIZE || !dead_record_read(value, &record)) return "not a dead letter";
    return envelope_open(record.message, &e) == QIAO_CODE_MALFORMED ? "the dead letter's message cannot be decoded" : NULL;
}

/* ---- keeping them ---- */

static bool count_one(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct core *core = context;
    core->dead_count++;
    core->dead_bytes += key.size + value.size;
    return true;
}

/* "name", "area/name" or "area/name#seat". */
static void write_owner(struct core *core, const char *owner)
{
    const char *slash = strchr(owner, '/'), *org = slash ? slash + 1 : owner, *seat = strchr(org, '#');
    struct qiao_bytes area = slash ? qiao_bytes(owner, (size_t)(slash - owner)) : qiao_bytes_from_string(core->area);
    struct qiao_bytes name = seat ? qiao_bytes(org, (size_t)(seat - org)) : qiao_bytes_from_string(org);
    address_write(&core->dead_owner, area, name, seat ? qiao_bytes_from_string(seat + 1) : qiao_bytes(NULL, 0));
}

void dead_load(struct core *core)
{
    if (core->config.dead_letter_owner) write_owner(core, core->config.dead_letter_owner);
    store_scan(core->store, qiao_bytes("Z", 1), qiao_bytes("[", 1), count_one, core);
}

bool dead_has_room(const struct core *core, size_t size)
{
    return core->dead_count < core->config.dead_letters_max && core->dead_bytes + size < core->config.dead_letter_bytes_max;
}

void dead_keep(struct core *core, const struct peer *member, const struct dead_letter *letter)
{
    buf_auto value = { 0 };
    struct key key = key_destination(&letter->message->header.id, member->number, source_tag(core->secret, &letter->message->header));
    key.bytes[0] = 'Z';
    dead_record_write(&value, &(struct dead_record){ letter->code, letter->attempts, letter->first_ms, letter->last_ms, letter->reason, letter->message->raw });
    batch_put(core, &key, buf_bytes(&value));
    core->dead_count++;
    core->dead_bytes += key.size + value.size;
}

/* ---- telling of them ---- */

/* DeadEntry of schema/dead.proto. */
static void put_entry(struct buf *out, const struct dead_letter *letter)
{
    const struct header *h = &letter->message->header;
    pb_put_bytes(out, 1, qiao_bytes(h->id.bytes, QIAO_ID_SIZE));
    pb_put_bytes(out, 2, h->case_id);
    pb_put_varint(out, 3, h->kind);
    pb_put_varint(out, 4, letter->status);
    pb_put_varint(out, 5, letter->code);
    pb_put_bytes(out, 6, letter->recipient);
    pb_put_varint(out, 7, letter->attempts);
    pb_put_fixed64(out, 8, letter->first_ms);
    pb_put_fixed64(out, 9, letter->last_ms);
    pb_put_varint(out, 10, letter->retried);
}

/* Gathered as fields: 1 whom to tell, 2 the entry. Of notices themselves nobody is told: they would go round for ever. */
void dead_tell(struct core *core, const struct dead_letter *letter)
{
    buf_auto entry = { 0 };
    struct qiao_bytes to = letter->retried ? letter->message->header.source.raw : buf_bytes(&core->dead_owner);
    if (to.size == 0 || is_notice(&letter->message->header)) return;
    put_entry(&entry, letter);
    pb_put_bytes(&core->dead_told, 1, to);
    pb_put_bytes(&core->dead_told, 2, buf_bytes(&entry));
}

static void send_notice(struct core *core, struct qiao_bytes to, const struct buf *letters)
{
    buf_auto body = { 0 };
    buf_auto source = { 0 };
    buf_auto raw = { 0 };
    uint8_t digest[32];
    pb_put_string(&body, 1, core->node);
    pb_put_fixed64(&body, 2, core->wall_ms);
    buf_append(&body, letters->data, letters->size);
    seal_digest(core->config.seal, core->config.seal->suite, buf_bytes(&body), digest);
    address_write(&source, qiao_bytes_from_string(core->area), qiao_bytes_from_string(core->node), qiao_bytes(NULL, 0));
    struct envelope_draft draft = {
        .id = core_new_id(core), .kind = QIAO_KIND_DEAD_LETTER, .source = buf_bytes(&source), .destination = to, .sent_at_ms = core->wall_ms,
        .body = buf_bytes(&body), .body_digest = qiao_bytes(digest, sizeof digest), .digest_suite = core->config.seal->suite,
    };
    struct envelope e;
    envelope_write(&raw, &draft);
    if (envelope_open(buf_bytes(&raw), &e) == QIAO_CODE_OK) accept_local(core, &e);
}

/* Those for one address that come one behind the other go in one notice. */
void dead_flush(struct core *core)
{
    if (core->dead_told.size == 0) return;
    struct buf told = core->dead_told;
    buf_auto letters = { 0 };
    struct qiao_bytes to = { 0 };
    struct pb_reader r = pb_reader(buf_bytes(&told));
    struct pb_field f;
    core->dead_told = (struct buf){ 0 };
    while (pb_next(&r, &f)) {
        if (f.number == 1 && letters.size > 0 && (letters.size > NOTICE_SIZE_MAX || !qiao_bytes_equal(to, f.bytes))) {
            send_notice(core, to, &letters);
            letters.size = 0;
        }
        if (f.number == 1) to = f.bytes;
        else pb_put_bytes(&letters, 3, f.bytes);
    }
    send_notice(core, to, &letters);
    buf_deinit(&told);
}

/* ---- trying them again ---- */

void dead_let_go(struct core *core, size_t size)
{
    core->dead_count--;
    core->dead_bytes -= size;
}

bool dead_retry(struct core *core, struct peer *member, struct qiao_bytes raw)
{
    buf_auto again = { 0 };
    buf_auto transit = { 0 };
    struct envelope e;
    struct message_record record = { .flags = RECORD_RETRIED, .at_ms = core->wall_ms };
    uint8_t value[MESSAGE_RECORD_SIZE];
    if (envelope_open(raw, &e) != QIAO_CODE_OK || e.hops >= QIAO_HOPS_MAX || (e.header.expires_at_ms && e.header.expires_at_ms <= core->wall_ms)) return false;
    pb_put_varint(&transit, 2, e.attempt + 1);
    buf_append(&again, raw.data, raw.size);
    pb_put_bytes(&again, 4, buf_bytes(&transit)); /* merges: protobuf encoding guide, "Last One Wins" */
    if (envelope_open(buf_bytes(&again), &e) != QIAO_CODE_OK) return false;
    struct key key = key_destination(&e.header.id, member->number, source_tag(core->secret, &e.header));
    message_fingerprint(core->secret, &e.header, record.digest);
    record.code = (uint16_t)e.attempt;
    batch_put(core, &key, record_write(&record, value));
    queue_append(core, member, e.header.lane, &e, &origin_plain);
    core_trace(core, "%s > %s: a dead letter is tried again", core->node, member->name);
    return true;
}

bool dead_is_retried(struct core *core, const struct peer *member, const struct envelope *message)
{
    struct key key = key_destination(&message->header.id, member->number, source_tag(core->secret, &message->header));
    struct qiao_bytes value;
    struct message_record record;
    return message->attempt > 0 && store_get(core->store, key_bytes(&key), &value) && record_read(value, &record) && record.flags & RECORD_RETRIED;
}

/* ---- answers that wait for the disk ---- */

struct dead_reply {
    struct core_connection_id connection;
    unsigned leaves;               /* 1 + batch slot */
    struct buf packed;
    struct dead_reply *next;
};

void dead_answer(struct core *core, const struct connection *c, struct qiao_bytes packed)
{
    struct dead_reply *reply = base_zalloc(sizeof *reply);
    *reply = (struct dead_reply){ .connection = c->id, .leaves = core->filling + 1, .next = core->dead_replies };
    buf_append(&reply->packed, packed.data, packed.size);
    core->dead_replies = reply;
}

void dead_absorbed(struct core *core, unsigned slot)
{
    for (struct dead_reply *reply = core->dead_replies; reply; reply = reply->next)
        if (reply->leaves == slot + 1) reply->leaves = (slot ^ 1) + 1;
}

static void send_reply(struct core *core, const struct dead_reply *reply)
{
    struct connection *c = core_connection(core, reply->connection);
    if (c && !c->closing && c->link.state == LINK_STATE_UP) link_send_frame(&c->link, FRAME_ADMIN_REPLY, buf_bytes(&reply->packed), core->now_ms, connection_out(core, c));
}

void dead_stored(struct core *core, unsigned slot)
{
    struct dead_reply **at = &core->dead_replies;
    while (*at) {
        struct dead_reply *reply = *at;
        if (slot != DEAD_ALL && reply->leaves != slot + 1) {
            at = &reply->next;
            continue;
        }
        if (slot != DEAD_ALL) send_reply(core, reply);
        *at = reply->next;
        buf_deinit(&reply->packed);
        free(reply);
    }
}
