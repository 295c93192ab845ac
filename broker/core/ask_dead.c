/* Dead letters and quarantine, for people: shown, tried again, discarded. */
#include "core/ask_dead.h"

#include "core/dead.h"

#include <stdio.h>

#define LIST_MOST 500u
#define CHANGE_MOST 256u
#define CHANGE_BYTES_MAX (4u * 1024u * 1024u)
/* In id sets: the letter was changed in this batch. Peers' numbers are lower. */
#define CHANGED_NUMBER 0xfffcu
#define REPLY_ARENA_MAX (QIAO_FRAME_SIZE_MAX / 2)

static void *take(struct core *core, size_t size)
{
    void *memory = arena_alloc(&core->arena, size);
    assert(memory);
    return memset(memory, 0, size);
}

static char *take_text(struct core *core, struct qiao_bytes text)
{
    char *copy = take(core, text.size + 1);
    if (text.size) memcpy(copy, text.data, text.size);
    return copy;
}

/* ---- who may ---- */

static bool is_owner(const struct core *core, const struct peer *member)
{
    struct pb_reader r = pb_reader(buf_bytes(&core->dead_owner));
    struct pb_field f;
    bool area = false, org = false;
    while (pb_next(&r, &f)) {
        if (f.number == 1) area = qiao_bytes_equal(f.bytes, qiao_bytes_from_string(core->area));
        if (f.number == 2) org = qiao_bytes_equal(f.bytes, qiao_bytes_from_string(member->name));
    }
    return area && org;
}

/* People at the node itself, and the organisation that owns its dead letters. */
static bool may_look(const struct core *core, const struct connection *c)
{
    return c->peer ? c->peer->member && is_owner(core, c->peer) : c->identity.local;
}

/* ---- one letter ---- */

static const struct peer *member_numbered(const struct core *core, uint16_t number)
{
    for (size_t i = core->links_count; i < core->peers_count; i++)
        if (core->peers[i].number == number) return &core->peers[i];
    return NULL;
}

static Qiao__V1__Address *unpack_address(struct core *core, struct qiao_bytes raw)
{
    return qiao__v1__address__unpack(&core->arena.protobuf, raw.size, raw.data);
}

static void describe_message(struct core *core, Qiao__V1__DeadLetterInfo *info, struct qiao_bytes raw)
{
    struct envelope e;
    info->size = raw.size;
    if (envelope_open(raw, &e) == QIAO_CODE_MALFORMED) return;
    uint8_t *id = take(core, QIAO_ID_SIZE);
    memcpy(id, e.header.id.bytes, QIAO_ID_SIZE);
    info->message_id = (ProtobufCBinaryData){ QIAO_ID_SIZE, id };
    info->kind = e.header.kind;
    info->case_id = take_text(core, e.header.case_id);
    info->source = unpack_address(core, e.header.source.raw);
    info->destination = unpack_address(core, e.header.destination.raw);
    info->matter = take_text(core, e.header.matter);
    info->sent_ms = e.header.sent_at_ms;
    info->expires_ms = e.header.expires_at_ms;
    info->lane = (Qiao__V1__Lane)e.header.lane;
    info->privacy = (Qiao__V1__PrivacyClass)e.header.privacy;
    info->hops = e.hops;
    info->retries = e.attempt;
}

static void describe_quarantined(struct core *core, Qiao__V1__DeadLetterInfo *info, struct qiao_bytes key, struct qiao_bytes value)
{
    uint8_t *id = take(core, QIAO_ID_SIZE);
    memcpy(id, key.data + 1, QIAO_ID_SIZE);
    describe_message(core, info, value);
    info->quarantined = true;
    info->message_id = (ProtobufCBinaryData){ QIAO_ID_SIZE, id }; /* UUIDv7: it says when */
    info->first_ms = info->last_ms = get_u64(id) >> 16;
    info->code = info->kind ? QIAO_CODE_NO_ROUTE : QIAO_CODE_MALFORMED;
}

static bool describe_dead(struct core *core, Qiao__V1__DeadLetterInfo *info, struct qiao_bytes key, struct qiao_bytes value)
{
    struct dead_record record;
    if (!dead_record_read(value, &record)) return false;
    const struct peer *member = member_numbered(core, get_u16(key.data + 1 + QIAO_ID_SIZE));
    describe_message(core, info, record.message);
    info->recipient = member ? member->name : (char *)"";
    info->code = record.code;
    info->reason = take_text(core, record.reason);
    info->attempts = record.attempts;
    info->first_ms = record.first_ms;
    info->last_ms = record.last_ms;
    return true;
}

static bool describe(struct core *core, Qiao__V1__DeadLetterInfo *info, struct qiao_bytes key, struct qiao_bytes value)
{
    *info = (Qiao__V1__DeadLetterInfo)QIAO__V1__DEAD_LETTER_INFO__INIT;
    if (key.size == 1 + QIAO_ID_SIZE && key.data[0] == 'X') describe_quarantined(core, info, key, value);
    else if (key.size != DESTINATION_KEY_SIZE || !describe_dead(core, info, key, value)) return false;
    return true;
}

/* ---- choosing ---- */

struct choice {
    struct core *core;
    const Qiao__V1__DeadChoice *wanted; /* NULL: all */
    bool (*found)(struct choice *, struct qiao_bytes key, struct qiao_bytes value, Qiao__V1__DeadLetterInfo *info); /* false: enough */
    void *context;
    struct key last;               /* looked at */
    bool stopped;
};

static bool fits(const struct choice *x, const Qiao__V1__DeadLetterInfo *info)
{
    const Qiao__V1__DeadChoice *w = x->wanted;
    if (!w) return true;
    if (w->code && w->code != info->code) return false;
    if (*w->recipient && strcmp(w->recipient, info->recipient) != 0) return false;
    return w->age_ms == 0 || info->last_ms + w->age_ms <= x->core->wall_ms;
}

static bool visit(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct choice *x = context;
    Qiao__V1__DeadLetterInfo *info = take(x->core, sizeof *info);
    if (describe(x->core, info, key, value) && fits(x, info) && !x->found(x, key, value, info)) {
        x->stopped = true;
        return false;
    }
    memcpy(x->last.bytes, key.data, key.size);
    x->last.size = key.size;
    return true;
}

static struct key key_behind(struct qiao_bytes key)
{
    struct key behind = { .size = key.size + 1 };
    memcpy(behind.bytes, key.data, key.size);
    return behind;
}

/* Dead letters first, then what is in quarantine; after: key of the last one seen, or empty. */
static void choose(struct choice *x, struct qiao_bytes after)
{
    struct key from = { .bytes = { 'Z' }, .size = 1 }, quarantine = { .bytes = { 'X' }, .size = 1 };
    if (after.size > 0 && after.size <= DESTINATION_KEY_SIZE) *(after.data[0] == 'X' ? &quarantine : &from) = key_behind(after);
    if (after.size == 0 || after.data[0] != 'X') store_scan(x->core->store, key_bytes(&from), qiao_bytes("[", 1), visit, x);
    if (!x->stopped) store_scan(x->core->store, key_bytes(&quarantine), qiao_bytes("Y", 1), visit, x);
}

static void choose_one(struct choice *x, ProtobufCBinaryData id)
{
    struct key from = { .bytes = { 'Z' }, .size = 1 + QIAO_ID_SIZE }, to;
    memcpy(from.bytes + 1, id.data, QIAO_ID_SIZE);
    to = from;
    to.size = DESTINATION_KEY_SIZE + 1;
    memset(to.bytes + from.size, 0xff, to.size - from.size);
    store_scan(x->core->store, key_bytes(&from), key_bytes(&to), visit, x);
    from.bytes[0] = to.bytes[0] = 'X';
    if (!x->stopped) store_scan(x->core->store, key_bytes(&from), key_bytes(&to), visit, x);
}

/* ---- list, show ---- */

struct listing {
    Qiao__V1__DeadListReply reply;
    size_t most;
};

static bool list_one(struct choice *x, struct qiao_bytes key, struct qiao_bytes value, Qiao__V1__DeadLetterInfo *info)
{
    struct listing *list = x->context;
    (void)key;
    (void)value;
    if (list->reply.n_letters == list->most || x->core->arena.used > REPLY_ARENA_MAX) return false;
    list->reply.letters[list->reply.n_letters++] = info;
    return true;
}

/* "area/org#seat", or empty. */
static char *owner_text(struct core *core)
{
    struct pb_reader r = pb_reader(buf_bytes(&core->dead_owner));
    struct pb_field f;
    buf_auto text = { 0 };
    while (pb_next(&r, &f)) {
        if (f.number > 1) buf_append(&text, f.number == 2 ? "/" : "#", 1);
        buf_append(&text, f.bytes.data, f.bytes.size);
    }
    return take_text(core, buf_bytes(&text));
}

void ask_dead_list(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    const Qiao__V1__DeadListRequest *wanted = request->dead_list;
    struct listing list = { .reply = QIAO__V1__DEAD_LIST_REPLY__INIT, .most = wanted->most && wanted->most < LIST_MOST ? wanted->most : LIST_MOST };
    struct choice x = { .core = core, .wanted = wanted->choice, .found = list_one, .context = &list };
    if (!may_look(core, c)) {
        admin_refuse(core, c, request->id, QIAO_CODE_NOT_ALLOWED, "dead letters are for people at the node and for their owner");
        return;
    }
    list.reply.letters = take(core, list.most * sizeof(Qiao__V1__DeadLetterInfo *));
    list.reply.owner = owner_text(core);
    list.reply.now_ms = core->wall_ms;
    if (wanted->id.len == QIAO_ID_SIZE) choose_one(&x, wanted->id);
    else choose(&x, qiao_bytes(wanted->after.data, wanted->after.len));
    if (x.stopped) list.reply.next = (ProtobufCBinaryData){ x.last.size, x.last.bytes };
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    reply.id = request->id;
    reply.last = true;
    reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_DEAD_LIST;
    reply.dead_list = &list.reply;
    admin_reply(core, c, &reply);
}

/* ---- retry, discard ---- */

struct changing {
    const Qiao__V1__DeadChangeRequest *request;
    char who[QIAO_NAME_SIZE_MAX + 64];
    uint32_t changed, left;
    size_t bytes;
};

/* True the first time: the store goes on showing it until the batch is stored. */
static bool is_first(struct core *core, struct qiao_bytes key)
{
    static const uint8_t none[FINGERPRINT_SIZE];
    struct qiao_id id;
    memcpy(id.bytes, key.data + 1, QIAO_ID_SIZE);
    for (size_t i = 1 + QIAO_ID_SIZE; i < key.size; i++) id.bytes[i - QIAO_ID_SIZE] ^= key.data[i]; /* member and source */
    for (int i = 0; i < 2; i++)
        if (id_set_find(&core->batches[i].seen, &id, CHANGED_NUMBER)) return false;
    id_set_add(&core_batch(core)->seen, &id, CHANGED_NUMBER, none);
    return true;
}

static void let_go(struct core *core, struct qiao_bytes key, struct qiao_bytes value)
{
    struct key copy = { .size = key.size };
    memcpy(copy.bytes, key.data, key.size);
    batch_remove(core, &copy);
    if (key.data[0] == 'X') core->quarantined--;
    else dead_let_go(core, key.size + value.size);
}

static void write_down(struct core *core, const struct changing *x, unsigned kind, const Qiao__V1__DeadLetterInfo *info)
{
    struct qiao_id id;
    memcpy(id.bytes, info->message_id.data, QIAO_ID_SIZE);
    audit_add(core, &(struct audit_entry){ .kind = kind, .peer = x->who, .id = &id, .code = info->code, .text = x->request->reason });
    core_notice(core, kind == AUDIT_DEAD_RETRIED ? "dead letter tried again" : "dead letter discarded", x->who, info->code, x->request->reason);
}

static bool change_one(struct choice *choice, struct qiao_bytes key, struct qiao_bytes value, Qiao__V1__DeadLetterInfo *info)
{
    struct changing *x = choice->context;
    struct core *core = choice->core;
    bool retry = x->request->change == QIAO__V1__DEAD_CHANGE__DEAD_RETRY;
    if (x->changed == CHANGE_MOST || x->bytes > CHANGE_BYTES_MAX) return false;
    if (!is_first(core, key)) return true;
    struct peer *member = info->quarantined ? NULL : (struct peer *)(uintptr_t)member_numbered(core, get_u16(key.data + 1 + QIAO_ID_SIZE));
    struct dead_record record;
    if (retry && (!member || !dead_record_read(value, &record) || !dead_retry(core, member, record.message))) {
        x->left++;
        return true;
    }
    let_go(core, key, value);
    write_down(core, x, retry ? AUDIT_DEAD_RETRIED : AUDIT_DEAD_DISCARDED, info);
    x->bytes += value.size;
    x->changed++;
    return true;
}

static void answer_change(struct core *core, struct connection *c, uint32_t id, const struct choice *choice, const struct changing *x)
{
    buf_auto packed = { 0 };
    Qiao__V1__DeadChangeReply change = QIAO__V1__DEAD_CHANGE_REPLY__INIT;
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    change.changed = x->changed;
    change.left = x->left;
    if (choice->stopped) change.next = (ProtobufCBinaryData){ choice->last.size, (uint8_t *)(uintptr_t)choice->last.bytes };
    reply.id = id;
    reply.last = true;
    reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_DEAD_CHANGE;
    reply.dead_change = &change;
    size_t size = qiao__v1__admin_reply__get_packed_size(&reply);
    qiao__v1__admin_reply__pack(&reply, buf_reserve(&packed, size));
    packed.size = size;
    if (x->changed > 0) dead_answer(core, c, buf_bytes(&packed));
    else link_send_frame(&c->link, FRAME_ADMIN_REPLY, buf_bytes(&packed), core->now_ms, connection_out(core, c));
}

void ask_dead_change(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    const Qiao__V1__DeadChangeRequest *wanted = request->dead_change;
    struct changing x = { .request = wanted };
    struct choice choice = { .core = core, .wanted = wanted->choice, .found = change_one, .context = &x };
    bool one = wanted->id.len == QIAO_ID_SIZE, discard = wanted->change == QIAO__V1__DEAD_CHANGE__DEAD_DISCARD;
    if (!may_look(core, c)) {
        admin_refuse(core, c, request->id, QIAO_CODE_NOT_ALLOWED, "dead letters are for people at the node and for their owner");
        return;
    }
    if ((discard && (*wanted->reason == '\0' || !one)) || (!one && !wanted->all)) {
        admin_refuse(core, c, request->id, QIAO_CODE_ADMIN_REQUEST, "a message id is needed, or all; to discard, an id and a reason");
        return;
    }
    snprintf(x.who, sizeof x.who, "%s%.60s", c->peer ? c->peer->name : "operator ", c->peer ? "" : wanted->by);
    if (one) choose_one(&choice, wanted->id);
    else choose(&choice, qiao_bytes(wanted->after.data, wanted->after.len));
    if (one && x.changed + x.left == 0) admin_refuse(core, c, request->id, QIAO_CODE_NOT_FOUND, "no dead letter and nothing in quarantine has that id here");
    else answer_change(core, c, request->id, &choice, &x);
}
