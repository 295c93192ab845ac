#include "core/registry_content.h"

#include <qiao/client.h>
#include <qiao/uscc.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define NAME_SIZE_MAX 256u
#define NOTE_SIZE_MAX 512u
#define REMIT_MAX 256u
#define SEATS_MAX 64u
#define KEYS_MAX 16u
#define SUCCESSION_MAX 16u

unsigned content_refuse(char reason[REGISTRY_REASON_SIZE], unsigned code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, REGISTRY_REASON_SIZE, format, arguments);
    va_end(arguments);
    return code;
}

/* ---- texts ---- */

struct text_rule {
    const char *name;
    size_t size_max;
    bool is_id, is_required;
};

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f) return false;
    return true;
}

static unsigned check_text(const char *text, const struct text_rule *rule, char reason[REGISTRY_REASON_SIZE])
{
    size_t size = strlen(text);
    if (size == 0) return rule->is_required ? content_refuse(reason, QIAO_CODE_INCOMPLETE, "%s is missing", rule->name) : QIAO_CODE_OK;
    if (size > rule->size_max) return content_refuse(reason, QIAO_CODE_TOO_LARGE, "%s has more than %zu bytes", rule->name, rule->size_max);
    if (!utf8_valid(qiao_bytes_from_string(text)) || !is_printable(text)) return content_refuse(reason, QIAO_CODE_MALFORMED, "%s is not text in one line", rule->name);
    if (rule->is_id && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.") != size)
        return content_refuse(reason, QIAO_CODE_MALFORMED, "%s consists of a-z, 0-9, - and .", rule->name);
    return QIAO_CODE_OK;
}

static unsigned check_texts(char *const *texts, size_t count, size_t count_max, const struct text_rule *rule, char reason[REGISTRY_REASON_SIZE])
{
    if (count > count_max) return content_refuse(reason, QIAO_CODE_TOO_LARGE, "%s has more than %zu entries", rule->name, count_max);
    for (size_t i = 0; i < count; i++) {
        unsigned code = check_text(texts[i], rule, reason);
        if (code != QIAO_CODE_OK) return code;
    }
    return QIAO_CODE_OK;
}

static const struct text_rule org_id_rule = { "org_id", QIAO_ORG_SIZE_MAX, true, true };

/* ---- an organisation ---- */

static unsigned check_names(const Qiao__V1__Organisation *o, char reason[REGISTRY_REASON_SIZE])
{
    const struct { const char *text; struct text_rule rule; } rows[] = {
        { o->org_id, org_id_rule },
        { o->name, { "name", NAME_SIZE_MAX, false, true } },
        { o->parent_org, { "parent_org", QIAO_ORG_SIZE_MAX, true, false } },
        { o->deputy_org, { "deputy_org", QIAO_ORG_SIZE_MAX, true, false } },
        { o->duty_hours, { "duty_hours", NAME_SIZE_MAX, false, false } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned code = check_text(rows[i].text, &rows[i].rule, reason);
        if (code != QIAO_CODE_OK) return code;
    }
    if (strcmp(o->parent_org, o->org_id) == 0 || strcmp(o->deputy_org, o->org_id) == 0)
        return content_refuse(reason, QIAO_CODE_MALFORMED, "an organisation is neither its own parent nor its own deputy");
    return check_texts(o->remit, o->n_remit, REMIT_MAX, &(struct text_rule){ "remit", QIAO_MATTER_SIZE_MAX, false, true }, reason);
}

static unsigned check_type(const Qiao__V1__Organisation *o, char reason[REGISTRY_REASON_SIZE])
{
    struct qiao_uscc_fault fault;
    char why[QIAO_USCC_WHY_SIZE];
    if (o->type < QIAO__V1__ORG_TYPE__ORG_TYPE_COORD || o->type > QIAO__V1__ORG_TYPE__ORG_TYPE_GATEWAY)
        return content_refuse(reason, QIAO_CODE_INCOMPLETE, "type is missing or of a newer version");
    if (!*o->uscc && o->type == QIAO__V1__ORG_TYPE__ORG_TYPE_GATEWAY) return QIAO_CODE_OK;
    if (!*o->uscc) return content_refuse(reason, QIAO_CODE_INCOMPLETE, "uscc is missing; only a gateway has none");
    if (qiao_uscc_check(o->uscc, strlen(o->uscc), &fault) == QIAO_USCC_OK) return QIAO_CODE_OK;
    qiao_uscc_explain(o->uscc, &fault, why);
    return content_refuse(reason, QIAO_CODE_ORG_USCC, "%s", why);
}

static unsigned check_area(const Qiao__V1__Organisation *o, struct qiao_bytes district, char reason[REGISTRY_REASON_SIZE])
{
    static const size_t digits[] = { 0, 6, 9, 12 };
    size_t size = strlen(o->area_code);
    if (o->level < QIAO__V1__ORG_LEVEL__ORG_LEVEL_DISTRICT || o->level > QIAO__V1__ORG_LEVEL__ORG_LEVEL_COMMUNITY)
        return content_refuse(reason, QIAO_CODE_INCOMPLETE, "level is missing or of a newer version");
    if (size != digits[o->level] || strspn(o->area_code, "0123456789") != size)
        return content_refuse(reason, QIAO_CODE_ADDRESS, "the area code of this level has %zu digits", digits[o->level]);
    if (size < district.size || memcmp(o->area_code, district.data, district.size) != 0)
        return content_refuse(reason, QIAO_CODE_ADDRESS, "the area code lies in another district");
    return QIAO_CODE_OK;
}

static unsigned check_seat(const Qiao__V1__Organisation *o, size_t index, char reason[REGISTRY_REASON_SIZE])
{
    const Qiao__V1__OrgSeat *seat = o->seats[index];
    unsigned code = check_text(seat->name, &(struct text_rule){ "a seat's name", QIAO_SEAT_SIZE_MAX, false, true }, reason);
    if (code == QIAO_CODE_OK) code = check_text(seat->role, &(struct text_rule){ "a seat's role", QIAO_SEAT_SIZE_MAX, false, false }, reason);
    if (code != QIAO_CODE_OK) return code;
    for (size_t i = 0; i < index; i++)
        if (strcmp(o->seats[i]->name, seat->name) == 0) return content_refuse(reason, QIAO_CODE_MALFORMED, "two seats have one name");
    if (seat->n_keys > KEYS_MAX) return content_refuse(reason, QIAO_CODE_TOO_LARGE, "a seat has more than %u keys", KEYS_MAX);
    for (size_t i = 0; i < seat->n_keys; i++)
        if (seat->keys[i].len != sizeof(struct seal_key_id)) return content_refuse(reason, QIAO_CODE_MALFORMED, "a key id has %zu bytes", sizeof(struct seal_key_id));
    if (seat->valid_to_ms && seat->valid_to_ms <= seat->valid_from_ms) return content_refuse(reason, QIAO_CODE_MALFORMED, "a seat's time ends before it begins");
    return QIAO_CODE_OK;
}

static unsigned check_organisation(const Qiao__V1__Organisation *o, struct qiao_bytes district, char reason[REGISTRY_REASON_SIZE])
{
    unsigned code = check_names(o, reason);
    if (code == QIAO_CODE_OK) code = check_type(o, reason);
    if (code == QIAO_CODE_OK) code = check_area(o, district, reason);
    if (code == QIAO_CODE_OK && o->n_seats > SEATS_MAX) code = content_refuse(reason, QIAO_CODE_TOO_LARGE, "more than %u seats", SEATS_MAX);
    for (size_t i = 0; code == QIAO_CODE_OK && i < o->n_seats; i++) code = check_seat(o, i, reason);
    return code;
}

static bool seats_agree(const Qiao__V1__OrgSeat *a, const Qiao__V1__OrgSeat *b)
{
    if (strcmp(a->name, b->name) != 0 || a->n_keys != b->n_keys || a->valid_from_ms != b->valid_from_ms || a->valid_to_ms != b->valid_to_ms) return false;
    for (size_t i = 0; i < a->n_keys; i++)
        if (!qiao_bytes_equal(qiao_bytes(a->keys[i].data, a->keys[i].len), qiao_bytes(b->keys[i].data, b->keys[i].len))) return false;
    return true;
}

/* Every seat of a that has keys is in b as it is. Names are unique in each. */
static bool has_keys_of(const Qiao__V1__Organisation *b, const Qiao__V1__Organisation *a)
{
    for (size_t i = 0; i < a->n_seats; i++) {
        bool found = a->seats[i]->n_keys == 0;
        for (size_t k = 0; !found && k < b->n_seats; k++) found = seats_agree(a->seats[i], b->seats[k]);
        if (!found) return false;
    }
    return true;
}

bool content_keys_differ(const Qiao__V1__Organisation *a, const Qiao__V1__Organisation *b)
{
    return !has_keys_of(b, a) || !has_keys_of(a, b);
}

/* ---- bodies ---- */

static bool read_register(struct arena *arena, struct qiao_bytes body, struct org_change *c)
{
    Qiao__V1__OrgRegister *message = qiao__v1__org_register__unpack(&arena->protobuf, body.size, body.data);
    if (!message) return false;
    c->organisation = message->organisation;
    c->version = 1;
    return true;
}

static bool read_update(struct arena *arena, struct qiao_bytes body, struct org_change *c)
{
    Qiao__V1__OrgUpdate *message = qiao__v1__org_update__unpack(&arena->protobuf, body.size, body.data);
    if (!message) return false;
    c->organisation = message->organisation;
    c->version = message->version;
    return true;
}

static bool read_suspend(struct arena *arena, struct qiao_bytes body, struct org_change *c)
{
    Qiao__V1__OrgSuspend *message = qiao__v1__org_suspend__unpack(&arena->protobuf, body.size, body.data);
    if (!message) return false;
    c->org = message->org_id;
    c->version = message->version;
    c->lifted = message->lifted;
    c->reason = message->reason;
    return true;
}

static bool read_close(struct arena *arena, struct qiao_bytes body, struct org_change *c)
{
    Qiao__V1__OrgClose *message = qiao__v1__org_close__unpack(&arena->protobuf, body.size, body.data);
    if (!message) return false;
    c->org = message->org_id;
    c->version = message->version;
    c->succession = message->succession;
    c->succession_count = message->n_succession;
    c->reason = message->reason;
    return true;
}

static bool read_confirm(struct arena *arena, struct qiao_bytes body, struct org_change *c)
{
    Qiao__V1__OrgConfirm *message = qiao__v1__org_confirm__unpack(&arena->protobuf, body.size, body.data);
    if (!message) return false;
    c->org = message->org_id;
    c->version = message->version;
    c->confirmed_kind = message->kind;
    c->confirmed_digest = message->digest;
    return true;
}

static unsigned read_body(struct arena *arena, struct org_change *c, char reason[REGISTRY_REASON_SIZE])
{
    static bool (*const readers[])(struct arena *, struct qiao_bytes, struct org_change *) = { read_register, read_update, read_suspend, read_close, read_confirm };
    const struct envelope *e = c->e;
    if (e->body.size > REGISTRY_BODY_SIZE_MAX) return content_refuse(reason, QIAO_CODE_TOO_LARGE, "more than %u bytes", REGISTRY_BODY_SIZE_MAX);
    if (e->header.body_digest.size != SEAL_DIGEST_SIZE) return content_refuse(reason, QIAO_CODE_DIGEST, "the header has no digest of the body");
    if (!pb_depth_ok(e->body) || !readers[c->kind - QIAO_KIND_ORG_REGISTER](arena, e->body, c))
        return content_refuse(reason, QIAO_CODE_MALFORMED, "the body cannot be decoded as %s", qiao_kind_name(c->kind));
    if ((c->kind == QIAO_KIND_ORG_REGISTER || c->kind == QIAO_KIND_ORG_UPDATE) && !c->organisation) return content_refuse(reason, QIAO_CODE_INCOMPLETE, "organisation is missing");
    if (c->organisation) c->org = c->organisation->org_id;
    return QIAO_CODE_OK;
}

/* To the whole district, in one order, and never given up on: or nodes would differ. */
static unsigned check_way(const struct header *h, char reason[REGISTRY_REASON_SIZE])
{
    struct qiao_bytes root;
    if (!address_is_set(&h->destination, &root) || !qiao_bytes_equal(root, h->source.area))
        return content_refuse(reason, QIAO_CODE_ADDRESS, "a change of the register goes to the whole district of the registrar");
    if (h->lane != QIAO_LANE_NORMAL || h->expires_at_ms != 0)
        return content_refuse(reason, QIAO_CODE_NOT_ALLOWED, "a change of the register keeps its order and its time: normal lane, without expiry");
    if (h->status != QIAO_STATUS_ACTUAL) return content_refuse(reason, QIAO_CODE_NOT_ALLOWED, "drills and tests do not change the register");
    return QIAO_CODE_OK;
}

unsigned content_read(struct arena *arena, const struct envelope *e, struct org_change *c, char reason[REGISTRY_REASON_SIZE])
{
    const struct header *h = &e->header;
    *c = (struct org_change){ .e = e, .kind = h->kind, .org = "", .reason = "", .digest = h->body_digest.data };
    snprintf(c->registrar, sizeof c->registrar, "%.*s/%.*s", (int)h->source.area.size, (const char *)h->source.area.data, (int)h->source.org.size,
             (const char *)h->source.org.data);
    unsigned code = check_way(h, reason);
    if (code == QIAO_CODE_OK) code = read_body(arena, c, reason);
    if (code == QIAO_CODE_OK) code = check_text(c->org, &org_id_rule, reason);
    if (code == QIAO_CODE_OK && c->organisation) code = check_organisation(c->organisation, h->source.area, reason);
    if (code == QIAO_CODE_OK) code = check_text(c->reason, &(struct text_rule){ "reason", NOTE_SIZE_MAX, false, false }, reason);
    if (code == QIAO_CODE_OK) code = check_texts(c->succession, c->succession_count, SUCCESSION_MAX, &(struct text_rule){ "succession", QIAO_ORG_SIZE_MAX, true, true }, reason);
    if (code == QIAO_CODE_OK && c->version == 0) code = content_refuse(reason, QIAO_CODE_INCOMPLETE, "version is missing");
    return code;
}
