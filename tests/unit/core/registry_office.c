#include "registry_office.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const char *const registrars[] = { "990101/registry", "990101/inspection", "990101/audit#duty" };

static struct registry *new_registry(const struct office *o)
{
    return registry_new(&(struct registry_options){ registrars, 3, o->required, 1000 });
}

void office_init(struct office *o)
{
    *o = (struct office){ .at_origin = true, .now_ms = 1700000000000 };
    o->registry = new_registry(o);
}

void office_deinit(struct office *o)
{
    for (size_t i = 0; i < o->records_count; i++) buf_deinit(&o->records[i].value);
    registry_free(o->registry);
}

void office_restart(struct office *o)
{
    registry_free(o->registry);
    o->registry = new_registry(o);
    for (size_t i = 0; i < o->records_count; i++) {
        struct qiao_bytes key = key_bytes(&o->records[i].key), value = buf_bytes(&o->records[i].value);
        cr_assert_null(registry_check_record(key, value));
        cr_assert(registry_load(o->registry, key, value));
    }
}

/* ---- the store ---- */

static size_t find_record(const struct office *o, const struct key *key)
{
    size_t i = 0;
    while (i < o->records_count && !qiao_bytes_equal(key_bytes(&o->records[i].key), key_bytes(key))) i++;
    return i;
}

static void put(void *context, const struct key *key, struct qiao_bytes value)
{
    struct office *o = context;
    size_t i = find_record(o, key);
    if (i == o->records_count) {
        cr_assert_lt(o->records_count, RECORDS_MAX);
        o->records[o->records_count++] = (struct office_record){ .key = *key };
    }
    o->records[i].value.size = 0;
    buf_append(&o->records[i].value, value.data, value.size);
}

static void remove_record(void *context, const struct key *key)
{
    struct office *o = context;
    size_t i = find_record(o, key);
    cr_assert_lt(i, o->records_count, "removes what is not there");
    buf_deinit(&o->records[i].value);
    memmove(&o->records[i], &o->records[i + 1], (o->records_count - i - 1) * sizeof o->records[0]);
    o->records_count--;
}

static void decided(void *context, const struct envelope *e, unsigned code, const char *reason)
{
    struct office *o = context;
    cr_assert_lt(o->decisions_count, DECISIONS_MAX);
    o->decisions[o->decisions_count].id = e->header.id;
    o->decisions[o->decisions_count].code = code;
    snprintf(o->decisions[o->decisions_count++].reason, REGISTRY_REASON_SIZE, "%s", reason);
}

static struct registry_sink sink_of(struct office *o)
{
    return (struct registry_sink){ o, put, remove_record, decided };
}

/* ---- messages ---- */

static void pack(const ProtobufCMessage *message, struct buf *out)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    protobuf_c_message_pack(message, buf_reserve(out, size));
    out->size += size;
}

ProtobufCBinaryData office_digest(const ProtobufCMessage *body)
{
    static uint8_t digest[SEAL_DIGEST_SIZE];
    buf_auto packed = { 0 };
    pack(body, &packed);
    seal_digest(&seal_null, SEAL_SUITE_NONE, buf_bytes(&packed), digest);
    return (ProtobufCBinaryData){ sizeof digest, digest };
}

static void put_address(struct buf *out, const char *text)
{
    const char *slash = strchr(text, '/'), *seat = strchr(text, '#'), *end = seat ? seat : text + strlen(text);
    if (!slash) slash = end;
    address_write(out, qiao_bytes(text, (size_t)(slash - text)), qiao_bytes(slash + 1, slash < end ? (size_t)(end - slash - 1) : 0), qiao_bytes_from_string(seat ? seat + 1 : NULL));
}

static uint8_t take(struct office *o, const struct letter *letter, struct qiao_bytes body)
{
    buf_auto source = { 0 }, destination = { 0 }, raw = { 0 };
    struct envelope e;
    struct registry_sink sink = sink_of(o);
    uint8_t digest[SEAL_DIGEST_SIZE];
    seal_digest(&seal_null, SEAL_SUITE_NONE, body, digest);
    put_address(&source, letter->from);
    if (letter->to) put_address(&destination, letter->to);
    else address_write(&destination, qiao_bytes_from_string("990101/" "**"), qiao_bytes(NULL, 0), qiao_bytes(NULL, 0));
    struct envelope_draft draft = {
        .id = { { 1, [15] = ++o->last_id } }, .kind = letter->kind, .source = buf_bytes(&source), .destination = buf_bytes(&destination), .lane = letter->lane, .status = letter->status,
        .expires_at_ms = letter->expires_at_ms, .sent_at_ms = o->now_ms, .body = body, .body_digest = qiao_bytes(digest, sizeof digest),
    };
    envelope_write(&raw, &draft);
    cr_assert_eq(envelope_open(buf_bytes(&raw), &e), QIAO_CODE_OK);
    unsigned code = o->at_origin ? registry_judge(o->registry, &e, true, o->now_ms, o->reason) : QIAO_CODE_OK;
    if (code == QIAO_CODE_OK) registry_take(o->registry, &e, o->at_origin, o->now_ms, &sink);
    else decided(o, &e, code, o->reason);
    return o->last_id;
}

uint8_t office_take(struct office *o, const struct letter *letter)
{
    buf_auto body = { 0 };
    pack(letter->body, &body);
    return take(o, letter, buf_bytes(&body));
}

uint8_t office_take_bytes(struct office *o, const char *from, unsigned kind, struct qiao_bytes body)
{
    return take(o, &(struct letter){ .from = from, .kind = kind }, body);
}

bool office_waits(const struct office *o, uint8_t number)
{
    const struct registry_waiting *w;
    for (size_t i = 0; (w = registry_waiting_at(o->registry, i)); i++) {
        struct envelope e;
        if (envelope_open(buf_bytes(&w->raw), &e) == QIAO_CODE_OK && e.header.id.bytes[15] == number) return true;
    }
    return false;
}

void office_tick(struct office *o)
{
    struct registry_sink sink = sink_of(o);
    registry_tick(o->registry, o->now_ms, &sink);
}

static size_t find_decision(const struct office *o, uint8_t number)
{
    size_t found = o->decisions_count;
    for (size_t i = 0; i < o->decisions_count; i++) {
        if (o->decisions[i].id.bytes[15] != number) continue;
        cr_assert_eq(found, o->decisions_count, "message %u was decided twice", number);
        found = i;
    }
    return found;
}

int office_decision(const struct office *o, uint8_t number)
{
    size_t at = find_decision(o, number);
    return at < o->decisions_count ? (int)o->decisions[at].code : -1;
}

const char *office_reason(const struct office *o, uint8_t number)
{
    size_t at = find_decision(o, number);
    return at < o->decisions_count ? o->decisions[at].reason : "";
}
