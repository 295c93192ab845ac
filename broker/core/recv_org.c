/* Messages of registrars, about organisations and areas, as they come in, and what the register says of those who send and are sent to. */
#include "core/state.h"

#include <qiao/client.h>

/* ---- the register's changes and decisions ---- */

static void put(void *context, const struct key *key, struct qiao_bytes value)
{
    batch_put(context, key, value);
}

static void remove_record(void *context, const struct key *key)
{
    batch_remove(context, key);
}

static bool is_from_here(const struct core *core, const struct header *h)
{
    return qiao_bytes_equal(h->source.area, qiao_bytes_from_string(core->area));
}

/* The outcome for one recipient. Of an area set that came from an own member the origin's record is written here: the store does not show
 * the origin yet, by which outcomes that come back are believed. */
static void end_message(struct core *core, const struct envelope *e, struct qiao_bytes recipient, unsigned code, const char *reason)
{
    struct outcome outcome = {
        .source = e->header.source.raw, .recipient = recipient, .id = e->header.id, .lane = e->header.lane,
        .status = code == QIAO_CODE_OK ? QIAO_OUTCOME_ACCEPTED : QIAO_OUTCOME_REFUSED, .code = code, .reason = qiao_bytes_from_string(reason),
        .at_ms = core->wall_ms, .header = e->header_bytes, .settled = is_from_here(core, &e->header),
    };
    const struct peer *sender = outcome.settled ? route_member(core, e->header.source.org) : NULL;
    if (sender) {
        struct key key = key_recipient(&e->header.id, recipient);
        struct message_record record = { .outcome = (uint8_t)outcome.status, .flags = RECORD_SET, .code = (uint16_t)code, .peer = sender->number, .at_ms = core->wall_ms };
        uint8_t value[MESSAGE_RECORD_SIZE];
        message_fingerprint(core->secret, &e->header, record.digest);
        batch_put(core, &key, record_write(&record, value));
        core->counters.outcomes[outcome.status]++;
    }
    outcome_add(core, &outcome);
}

/* Each node answers for itself: the recipient is the node in its area. */
void org_decided(struct core *core, const struct envelope *e, unsigned code, const char *reason)
{
    buf_auto own = { 0 };
    address_write(&own, qiao_bytes_from_string(core->area), qiao_bytes_from_string(core->node), qiao_bytes(NULL, 0));
    core_trace(core, "%s . %s: %s", core->node, qiao_kind_name(e->header.kind), qiao_code_name(code));
    end_message(core, e, buf_bytes(&own), code, reason);
}

static void decided(void *context, const struct envelope *e, unsigned code, const char *reason)
{
    org_decided(context, e, code, reason);
}

static struct registry_sink sink_of(struct core *core)
{
    return (struct registry_sink){ core, put, remove_record, decided };
}

/* ---- starting ---- */

static bool load_one(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct core *core = context;
    core->registry_sound &= registry_load(core->registry, key, value);
    return core->registry_sound;
}

bool org_load(struct core *core)
{
    const struct core_config *c = &core->config;
    core->registry = registry_new(&(struct registry_options){ c->registrars, c->registrars_count, c->registry_required, c->confirm_within_ms });
    core->registry_sound = true;
    store_scan(core->store, qiao_bytes("N", 1), qiao_bytes("O", 1), load_one, core);
    return core->registry_sound;
}

void org_tick(struct core *core)
{
    struct registry_sink sink = sink_of(core);
    registry_tick(core->registry, core->wall_ms, &sink);
}

bool org_waits(const struct core *core)
{
    return registry_waiting_at(core->registry, 0) != NULL;
}

/* ---- messages of the register ---- */

unsigned org_route(const struct header *h, unsigned code)
{
    return code == QIAO_CODE_UNKNOWN_MEMBER && org_is_kind(h->kind) ? QIAO_CODE_OK : code;
}

/* They are for nodes: members ask theirs. */
static void keep_nodes(struct core *core)
{
    size_t kept = 0;
    for (size_t i = 0; i < core->targets_count; i++)
        if (!core->targets[i]->member) core->targets[kept++] = core->targets[i];
    core->targets_count = kept;
    core->route_key.size = 0;
}

void org_take(struct core *core, const struct envelope *e, const struct origin *origin)
{
    struct qiao_bytes root, own = qiao_bytes_from_string(core->area);
    if (!org_is_kind(e->header.kind)) return;
    keep_nodes(core);
    bool inside = address_is_set(&e->header.destination, &root) && own.size >= root.size && memcmp(own.data, root.data, root.size) == 0;
    if (core->split) inside = core->set_here;
    if (!inside) return;
    if (!registry_is_kind(e->header.kind)) {
        areas_take(core, e, origin, is_from_here(core, &e->header));
        return;
    }
    struct registry_sink sink = sink_of(core);
    registry_take(core->registry, e, is_from_here(core, &e->header), core->wall_ms, &sink);
}

/* ---- members ---- */

static const struct organisation *organisation_of(struct core *core, struct peer *member)
{
    uint64_t changes = registry_changes(core->registry);
    if (member->organisation_seen == changes) return member->organisation;
    member->organisation = registry_of_member(core->registry, member->org, member->name, core->area);
    member->organisation_seen = changes;
    return member->organisation;
}

/* A destination on this node is looked at before the message is taken: its sender is told like of any other fault of the message. */
static unsigned check_members(struct core *core, struct peer *from, const struct header *h)
{
    unsigned code = registry_admits(core->registry, organisation_of(core, from), true, core->org_reason);
    if (code != QIAO_CODE_OK || !qiao_bytes_equal(h->destination.area, qiao_bytes_from_string(core->area))) return code;
    struct peer *to = route_member(core, h->destination.org);
    return to ? registry_admits(core->registry, organisation_of(core, to), false, core->org_reason) : code;
}

unsigned org_check(struct core *core, struct peer *from, const struct envelope *e)
{
    bool of_register = registry_is_kind(e->header.kind), of_areas = !of_register && org_is_kind(e->header.kind);
    unsigned code = of_register ? registry_judge(core->registry, e, true, core->wall_ms, core->org_reason)
                  : of_areas ? areas_judge(core, e, core->org_reason) : check_members(core, from, &e->header);
    core->org_reasoned = e->header.id;
    core->org_code = code;
    return code;
}

struct qiao_bytes org_reason(const struct core *core, const struct header *h, unsigned code)
{
    if (core->org_code == code && qiao_id_equal(&core->org_reasoned, &h->id)) return qiao_bytes_from_string(core->org_reason);
    return policy_reason(core, h, code);
}

bool org_refuses(struct core *core, struct peer *member, const struct envelope *e, struct message_record *record)
{
    bool drill = e->header.status != QIAO_STATUS_ACTUAL && !member->drills;
    unsigned code = drill ? QIAO_CODE_DRILL : registry_admits(core->registry, organisation_of(core, member), false, core->org_reason);
    if (code == QIAO_CODE_OK) return false;
    record->outcome = QIAO_OUTCOME_REFUSED;
    record->code = (uint16_t)code;
    core_trace(core, "%s x message for %s refused: %s", core->node, member->name, qiao_code_name(code));
    end_message(core, e, buf_bytes(&member->address), code, drill ? qiao_code_text(code) : core->org_reason);
    watch_message(core, 3, &e->header, member, QIAO_OUTCOME_REFUSED, code);
    return true;
}
