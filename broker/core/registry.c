#include "core/registry.h"

#include "core/registry_content.h"
#include "core/registry_table.h"

#include <inttypes.h>
#include <stdio.h>

/* What is to be done with a message. */
enum step { STEP_NOTHING, STEP_APPLY, STEP_WAIT_CONFIRM, STEP_WAIT_VERSION, STEP_CONFIRM };

struct judging {
    struct registry *registry;
    const struct org_change *change;
    const struct organisation *organisation; /* it is about, or NULL */
    bool at_origin;
    uint64_t now_ms;
    char *reason;                  /* REGISTRY_REASON_SIZE */
    enum step step;
    size_t confirmed;              /* STEP_CONFIRM: index of what waits */
};

#define REFUSE(j, ...) content_refuse((j)->reason, __VA_ARGS__)

/* ---- who ---- */

static bool is_office(const char *office, const struct address *a)
{
    size_t area = a->area.size;
    return strlen(office) == area + 1 + a->org.size && memcmp(office, a->area.data, area) == 0 && office[area] == '/' && memcmp(office + area + 1, a->org.data, a->org.size) == 0;
}

bool registry_is_registrar(const struct registry *r, const struct address *source)
{
    for (size_t i = 0; i < r->registrars_count; i++) {
        const struct registrar *known = &r->registrars[i];
        if (is_office(known->office, source) && (!known->seat || qiao_bytes_equal(qiao_bytes_from_string(known->seat), source->seat))) return true;
    }
    return false;
}

bool registry_has_registrars(const struct registry *r)
{
    return r->registrars_count > 0;
}

/* ---- in which order ---- */

static bool is_same(uint32_t kind, const uint8_t *digest, const struct org_change *change)
{
    return kind == change->kind && memcmp(digest, change->digest, SEAL_DIGEST_SIZE) == 0;
}

/* Of all that follow a registration. Sets step. */
static unsigned judge_order(struct judging *j)
{
    const struct org_change *c = j->change;
    const struct organisation *o = j->organisation;
    uint64_t at = o ? o->version : 0;
    j->step = STEP_NOTHING;
    if (o && c->version == at && is_same(o->kind, o->digest, c)) return QIAO_CODE_OK;
    if (!o && j->at_origin) return REFUSE(j, QIAO_CODE_ORG_UNREGISTERED, "%s is not registered", c->org);
    if (o && o->state == QIAO__V1__ORG_STATE__ORG_STATE_CLOSED) return REFUSE(j, QIAO_CODE_ORG_CLOSED, "%s is closed for ever", c->org);
    if (c->version <= at || (c->version > at + 1 && j->at_origin))
        return REFUSE(j, QIAO_CODE_CONFLICT, "%s is at version %" PRIu64 ", so the next is %" PRIu64 " and not %" PRIu64, c->org, at, at + 1, c->version);
    j->step = c->version == at + 1 ? STEP_APPLY : STEP_WAIT_VERSION;
    return QIAO_CODE_OK;
}

/* ---- what ---- */

static unsigned judge_unique(struct judging *j)
{
    const Qiao__V1__Organisation *wanted = j->change->organisation;
    const struct organisation *code = registry_find_code(j->registry, wanted->uscc), *name = registry_find_name(j->registry, wanted->name);
    if (code && code != j->organisation) return REFUSE(j, QIAO_CODE_ORG_TAKEN, "the code belongs to %s", code->id);
    if (name && name != j->organisation) return REFUSE(j, QIAO_CODE_ORG_TAKEN, "the name belongs to %s", name->id);
    return QIAO_CODE_OK;
}

static unsigned judge_register(struct judging *j)
{
    const struct organisation *o = j->organisation;
    j->step = STEP_NOTHING;
    if (o && o->version == 1 && is_same(o->kind, o->digest, j->change)) return QIAO_CODE_OK;
    if (o) return REFUSE(j, QIAO_CODE_ORG_TAKEN, "the id %s has been given; an id is never given again", o->id);
    if (j->registry->count == REGISTRY_ORGANISATIONS_MAX) return REFUSE(j, QIAO_CODE_BUSY, "the register is full");
    j->step = STEP_APPLY;
    return judge_unique(j);
}

static Qiao__V1__OrgRecord *record_of(struct registry *r, const struct organisation *o)
{
    return qiao__v1__org_record__unpack(&r->arena.protobuf, o->record.size, o->record.data);
}

static unsigned judge_update(struct judging *j)
{
    unsigned code = judge_order(j);
    if (code == QIAO_CODE_OK && j->step == STEP_APPLY) code = judge_unique(j);
    if (code != QIAO_CODE_OK || j->step != STEP_APPLY) return code;
    const Qiao__V1__OrgRecord *record = record_of(j->registry, j->organisation);
    if (!record) return REFUSE(j, QIAO_CODE_TOO_LARGE, "too much to compare with what is registered");
    if (content_keys_differ(record->organisation, j->change->organisation)) j->step = STEP_WAIT_CONFIRM;
    return QIAO_CODE_OK;
}

static unsigned judge_suspend(struct judging *j)
{
    unsigned code = judge_order(j);
    if (code != QIAO_CODE_OK || j->step != STEP_APPLY) return code;
    bool suspended = j->organisation->state == QIAO__V1__ORG_STATE__ORG_STATE_SUSPENDED;
    if (suspended == j->change->lifted) return QIAO_CODE_OK;
    return REFUSE(j, QIAO_CODE_CONFLICT, "%s is %s", j->change->org, suspended ? "suspended already" : "not suspended");
}

static unsigned judge_close(struct judging *j)
{
    const struct org_change *c = j->change;
    if (c->succession_count == 0) return REFUSE(j, QIAO_CODE_ORG_SUCCESSOR, "%s cannot close without a successor", c->org);
    unsigned code = judge_order(j);
    if (code != QIAO_CODE_OK || j->step != STEP_APPLY) return code;
    for (size_t i = 0; i < c->succession_count; i++) {
        const struct organisation *successor = registry_find(j->registry, c->succession[i]);
        if (!successor || successor == j->organisation || successor->state == QIAO__V1__ORG_STATE__ORG_STATE_CLOSED)
            return REFUSE(j, QIAO_CODE_ORG_SUCCESSOR, "%s is %s", c->succession[i], !successor ? "not registered" : successor == j->organisation ? "the one that closes" : "closed itself");
    }
    j->step = STEP_WAIT_CONFIRM;
    return QIAO_CODE_OK;
}

/* ---- the second registrar ---- */

static bool judge_change(struct judging *j, unsigned *ret_code);

static size_t find_proposal(const struct registry *r, const char *org)
{
    size_t i = 0;
    while (i < r->waiting_count && (r->waiting[i].for_version || strcmp(r->waiting[i].org, org) != 0)) i++;
    return i;
}

/* It was sound when it came; the register may have changed since. */
static unsigned judge_proposal_again(struct judging *j, const struct registry_waiting *proposal)
{
    struct envelope e;
    struct org_change change;
    unsigned code = envelope_open(buf_bytes(&proposal->raw), &e);
    if (code == QIAO_CODE_OK) code = content_read(&j->registry->arena, &e, &change, j->reason);
    if (code != QIAO_CODE_OK) return code;
    struct judging again = *j;
    again.change = &change;
    judge_change(&again, &code);
    return code;
}

static unsigned judge_confirm(struct judging *j)
{
    const struct org_change *c = j->change;
    size_t index = find_proposal(j->registry, c->org);
    const struct registry_waiting *w = registry_waiting_at(j->registry, index);
    uint64_t at = j->organisation ? j->organisation->version : 0;
    if (!w || w->version != c->version) {
        j->step = STEP_WAIT_VERSION;
        if (!j->at_origin && c->version > at + 1) return QIAO_CODE_OK;
        return REFUSE(j, QIAO_CODE_NOT_FOUND, "no version %" PRIu64 " of %s waits for a second registrar", c->version, c->org);
    }
    j->step = STEP_CONFIRM;
    j->confirmed = index;
    if (strcmp(w->registrar, c->registrar) == 0) return REFUSE(j, QIAO_CODE_ORG_DUAL_CONTROL, "who proposes cannot confirm; a different registrar has to");
    if (w->kind != c->confirmed_kind || c->confirmed_digest.len != SEAL_DIGEST_SIZE || memcmp(w->digest, c->confirmed_digest.data, SEAL_DIGEST_SIZE) != 0)
        return REFUSE(j, QIAO_CODE_ORG_DUAL_CONTROL, "what waits has other content than what was confirmed");
    if (j->at_origin && w->until_ms <= j->now_ms) return REFUSE(j, QIAO_CODE_ORG_DUAL_CONTROL, "the time to confirm has passed");
    return judge_proposal_again(j, w);
}

/* False if the kind is not one that changes an organisation by itself. */
static bool judge_change(struct judging *j, unsigned *ret_code)
{
    static unsigned (*const judges[])(struct judging *) = { judge_register, judge_update, judge_suspend, judge_close };
    if (j->change->kind == QIAO_KIND_ORG_CONFIRM) return false;
    *ret_code = judges[j->change->kind - QIAO_KIND_ORG_REGISTER](j);
    return true;
}

static unsigned judge(struct judging *j)
{
    unsigned code = QIAO_CODE_OK;
    j->organisation = registry_find(j->registry, j->change->org);
    if (!judge_change(j, &code)) code = judge_confirm(j);
    bool waits = code == QIAO_CODE_OK && (j->step == STEP_WAIT_CONFIRM || j->step == STEP_WAIT_VERSION);
    if (waits && j->registry->waiting_count == REGISTRY_WAITING_MAX) return REFUSE(j, QIAO_CODE_BUSY, "too many changes wait already");
    return code;
}

/* Reads the message into j's change and judges it. What it says is of no interest if it is nobody's who may say it. */
static unsigned read_and_judge(struct judging *j, const struct envelope *e, struct org_change *change)
{
    arena_reset(&j->registry->arena);
    j->change = change;
    unsigned code = content_read(&j->registry->arena, e, change, j->reason);
    if (!registry_is_registrar(j->registry, &e->header.source))
        return REFUSE(j, QIAO_CODE_NOT_ALLOWED, j->registry->registrars_count ? "the sender is no registrar" : "this node knows no registrars: registry.registrars");
    return code == QIAO_CODE_OK ? judge(j) : code;
}

unsigned registry_judge(struct registry *r, const struct envelope *e, bool at_origin, uint64_t now_ms, char reason[REGISTRY_REASON_SIZE])
{
    struct org_change change;
    struct judging j = { .registry = r, .at_origin = at_origin, .now_ms = now_ms, .reason = reason };
    reason[0] = '\0';
    return read_and_judge(&j, e, &change);
}

/* ---- taking effect ---- */

static void fill_record(Qiao__V1__OrgRecord *record, const struct org_change *c)
{
    if (c->organisation) record->organisation = c->organisation;
    if (c->kind == QIAO_KIND_ORG_REGISTER) record->state = QIAO__V1__ORG_STATE__ORG_STATE_LIVE;
    if (c->kind == QIAO_KIND_ORG_SUSPEND) record->state = c->lifted ? QIAO__V1__ORG_STATE__ORG_STATE_LIVE : QIAO__V1__ORG_STATE__ORG_STATE_SUSPENDED;
    if (c->kind == QIAO_KIND_ORG_CLOSE) {
        record->state = QIAO__V1__ORG_STATE__ORG_STATE_CLOSED;
        record->succession = c->succession;
        record->n_succession = c->succession_count;
    }
    if (c->kind == QIAO_KIND_ORG_SUSPEND || c->kind == QIAO_KIND_ORG_CLOSE) record->reason = (char *)c->reason;
    record->version = c->version;
    record->kind = c->kind;
    record->digest = (ProtobufCBinaryData){ SEAL_DIGEST_SIZE, (uint8_t *)c->digest };
    record->changed_at_ms = c->e->header.sent_at_ms;
    record->registrar = (char *)c->registrar;
}

/* confirmed_by "": it needed nobody. */
static void apply(struct registry *r, const struct org_change *c, const char *confirmed_by, const struct registry_sink *sink)
{
    const struct organisation *o = registry_find(r, c->org);
    Qiao__V1__OrgRecord fresh = QIAO__V1__ORG_RECORD__INIT, *record = o ? record_of(r, o) : &fresh;
    assert(record); /* judge has unpacked it before, or it is as small as what was unpacked for the message */
    fill_record(record, c);
    record->confirmed_by = (char *)confirmed_by;
    bool set = registry_set(r, record);
    assert(set);
    registry_put(r, c->org, sink);
}

static void wait_for(struct judging *j, const struct registry_sink *sink)
{
    bool for_version = j->step == STEP_WAIT_VERSION;
    uint64_t until_ms = j->now_ms + (for_version ? 0 : j->registry->confirm_within_ms) + (j->at_origin ? 0 : REGISTRY_GRACE_MS);
    struct registry_waiting *w = registry_add_waiting(j->registry, 0, j->change->e->raw, j->now_ms, until_ms, for_version);
    assert(w); /* judge has looked for room, and the message was read a moment ago */
    registry_put_waiting(w, sink);
}

static void end_waiting(struct registry *r, size_t index, unsigned code, const char *reason, const struct registry_sink *sink)
{
    buf_auto raw = { 0 };
    struct envelope e;
    registry_take_waiting(r, index, &raw, sink);
    if (envelope_open(buf_bytes(&raw), &e) == QIAO_CODE_OK) sink->decided(sink->context, &e, code, reason);
}

/* A later proposal takes the place of the one that waits: nobody has to sit out a slip. */
static void replace_proposal(struct judging *j, const struct registry_sink *sink)
{
    size_t index = find_proposal(j->registry, j->change->org);
    if (index < j->registry->waiting_count) end_waiting(j->registry, index, QIAO_CODE_CONFLICT, "a later change took its place", sink);
}

static void confirm(struct judging *j, const struct registry_sink *sink)
{
    buf_auto raw = { 0 };
    struct envelope e;
    struct org_change proposal;
    char reason[REGISTRY_REASON_SIZE] = "";
    registry_take_waiting(j->registry, j->confirmed, &raw, sink);
    unsigned code = envelope_open(buf_bytes(&raw), &e);
    if (code == QIAO_CODE_OK) code = content_read(&j->registry->arena, &e, &proposal, reason);
    if (code == QIAO_CODE_OK) apply(j->registry, &proposal, j->change->registrar, sink);
    sink->decided(sink->context, &e, code, reason);
}

/* One message, and not yet what waited for it. ret_org gets the organisation it is about. */
static void take_one(struct registry *r, const struct envelope *e, bool at_origin, uint64_t now_ms, const struct registry_sink *sink, char ret_org[QIAO_ORG_SIZE_MAX + 1])
{
    char reason[REGISTRY_REASON_SIZE] = "";
    struct org_change change;
    struct judging j = { .registry = r, .at_origin = at_origin, .now_ms = now_ms, .reason = reason };
    unsigned code = read_and_judge(&j, e, &change);
    snprintf(ret_org, QIAO_ORG_SIZE_MAX + 1, "%s", code == QIAO_CODE_OK ? change.org : "");
    bool waits = j.step == STEP_WAIT_CONFIRM || j.step == STEP_WAIT_VERSION;
    if (code == QIAO_CODE_OK && waits) {
        if (j.step == STEP_WAIT_CONFIRM) replace_proposal(&j, sink);
        wait_for(&j, sink);
        return;
    }
    if (code == QIAO_CODE_OK && j.step == STEP_APPLY) apply(r, &change, "", sink);
    if (code == QIAO_CODE_OK && j.step == STEP_CONFIRM) confirm(&j, sink);
    sink->decided(sink->context, e, code, reason);
}

/* Looks for one that waited for the version the organisation has now, or whose version is taken; false: there is none. */
static bool settle_one(struct registry *r, const char *org, uint64_t now_ms, const struct registry_sink *sink)
{
    const struct organisation *o = registry_find(r, org);
    uint64_t at = o ? o->version : 0;
    size_t proposal = find_proposal(r, org), i = 0;
    for (; i < r->waiting_count; i++) {
        const struct registry_waiting *w = &r->waiting[i];
        if (strcmp(w->org, org) != 0) continue;
        bool is_next = w->version <= at + 1 && (w->kind != QIAO_KIND_ORG_CONFIRM || w->version <= at || proposal < r->waiting_count);
        if (w->for_version ? is_next : w->version <= at) break;
    }
    if (i == r->waiting_count) return false;
    if (!r->waiting[i].for_version) {
        end_waiting(r, i, QIAO_CODE_CONFLICT, "a later change took its place", sink);
        return true;
    }
    buf_auto raw = { 0 };
    struct envelope e;
    char same[QIAO_ORG_SIZE_MAX + 1];
    registry_take_waiting(r, i, &raw, sink);
    if (envelope_open(buf_bytes(&raw), &e) == QIAO_CODE_OK) take_one(r, &e, false, now_ms, sink, same);
    return true;
}

void registry_take(struct registry *r, const struct envelope *e, bool at_origin, uint64_t now_ms, const struct registry_sink *sink)
{
    char org[QIAO_ORG_SIZE_MAX + 1];
    take_one(r, e, at_origin, now_ms, sink, org);
    while (*org && settle_one(r, org, now_ms, sink)) {}
}

void registry_tick(struct registry *r, uint64_t now_ms, const struct registry_sink *sink)
{
    for (size_t i = 0; i < r->waiting_count;) {
        if (r->waiting[i].until_ms > now_ms) {
            i++;
            continue;
        }
        bool for_version = r->waiting[i].for_version;
        end_waiting(r, i, for_version ? QIAO_CODE_CONFLICT : QIAO_CODE_ORG_DUAL_CONTROL,
                    for_version ? "an earlier version never came to this node" : "no second registrar has confirmed it in time", sink);
    }
}

/* ---- members ---- */

struct naming {
    const struct registry *registry;
    struct arena arena;
    char text[REGISTRY_REASON_SIZE - 96];
    size_t used;
    unsigned budget;               /* records looked at: who closed may have many successors that closed */
};

/* Those who take over, followed through closures; whole entries only. */
static void name_successors(struct naming *n, const struct organisation *closed)
{
    Qiao__V1__OrgRecord *record = n->budget > 0 ? qiao__v1__org_record__unpack(&n->arena.protobuf, closed->record.size, closed->record.data) : NULL;
    if (!record) return;
    n->budget--;
    for (size_t i = 0; i < record->n_succession; i++) {
        const struct organisation *next = registry_find(n->registry, record->succession[i]);
        if (!next) continue;
        if (next->state == QIAO__V1__ORG_STATE__ORG_STATE_CLOSED) {
            name_successors(n, next);
            continue;
        }
        size_t room = sizeof n->text - n->used;
        int size = snprintf(n->text + n->used, room, "%s%s in area %s", n->used > 0 ? ", " : "", next->id, next->area);
        if (size < 0 || (size_t)size >= room) n->text[n->used] = '\0';
        else n->used += (size_t)size;
    }
}

static unsigned refuse_closed(const struct registry *r, const struct organisation *o, char reason[REGISTRY_REASON_SIZE])
{
    struct naming n = { .registry = r, .budget = 32 };
    arena_init(&n.arena, 4u * 1024u * 1024u);
    name_successors(&n, o);
    arena_deinit(&n.arena);
    return content_refuse(reason, QIAO_CODE_ORG_CLOSED, "%s is closed%s%s", o->id, n.used > 0 ? "; turn to " : "", n.text);
}

unsigned registry_admits(const struct registry *r, const struct organisation *o, bool sends, char reason[REGISTRY_REASON_SIZE])
{
    reason[0] = '\0';
    if (!o) return sends && r->required ? content_refuse(reason, QIAO_CODE_ORG_UNREGISTERED, "the sender's organisation is not in this node's register") : QIAO_CODE_OK;
    if (o->state == QIAO__V1__ORG_STATE__ORG_STATE_LIVE) return QIAO_CODE_OK;
    if (o->state == QIAO__V1__ORG_STATE__ORG_STATE_SUSPENDED) return content_refuse(reason, QIAO_CODE_ORG_SUSPENDED, "%s is suspended", o->id);
    return refuse_closed(r, o, reason);
}
