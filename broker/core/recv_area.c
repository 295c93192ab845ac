/* Messages that change the table of areas as they come in: parts of a change are kept, and the second registrar's word until it can take effect
 * (area_apply.c). Who sends parts is told that they are kept; how the change ended, the second registrar is told. */
#include "core/state.h"

#include "core/area_changes.h"
#include "core/registry_content.h"

#include <inttypes.h>
#include <stdio.h>

#define ARENA_SIZE_MAX (16u * 1024u * 1024u)

enum step { STEP_NOTHING, STEP_KEEP, STEP_CONFIRM };

struct area_message {
    const struct envelope *e;
    bool confirms;
    const uint8_t *from, *to;
    uint32_t part, parts;
    char office[AREA_OFFICE_SIZE];
};

struct judging {
    struct core *core;
    const struct area_message *message;
    struct area_change *change;    /* with its versions, that waits; NULL: none */
    bool at_origin;
    char *reason;                  /* REGISTRY_REASON_SIZE */
    enum step step;
};

#define REFUSE(j, ...) content_refuse((j)->reason, __VA_ARGS__)

/* ---- what it says ---- */

static bool read_delta(struct arena *arena, struct qiao_bytes body, struct area_message *m, const char **ret_wrong)
{
    const Qiao__V1__AreaDelta *delta = qiao__v1__area_delta__unpack(&arena->protobuf, body.size, body.data);
    *ret_wrong = delta ? area_delta_check(delta) : NULL;
    if (!delta || *ret_wrong) return false;
    m->from = delta->from.data;
    m->to = delta->to.data;
    m->part = delta->part;
    m->parts = delta->parts;
    return true;
}

static bool read_confirm(struct arena *arena, struct qiao_bytes body, struct area_message *m)
{
    const Qiao__V1__AreaConfirm *confirm = qiao__v1__area_confirm__unpack(&arena->protobuf, body.size, body.data);
    if (!confirm || confirm->from.len != AREA_VERSION_SIZE || confirm->to.len != AREA_VERSION_SIZE) return false;
    m->from = confirm->from.data;
    m->to = confirm->to.data;
    return true;
}

static unsigned read_message(struct core *core, const struct envelope *e, struct area_message *m, char reason[REGISTRY_REASON_SIZE])
{
    const struct address *source = &e->header.source;
    const char *wrong = NULL;
    *m = (struct area_message){ .e = e, .confirms = e->header.kind == QIAO_KIND_AREA_CONFIRM };
    if (!registry_is_registrar(core->registry, source))
        return content_refuse(reason, QIAO_CODE_NOT_ALLOWED, registry_has_registrars(core->registry) ? "the sender is no registrar" : "this node knows no registrars: registry.registrars");
    snprintf(m->office, sizeof m->office, "%.*s/%.*s", (int)source->area.size, (const char *)source->area.data, (int)source->org.size, (const char *)source->org.data);
    if (e->body.size > AREA_DELTA_PART_SIZE_MAX) return content_refuse(reason, QIAO_CODE_TOO_LARGE, "a part of a change is larger than %u bytes", AREA_DELTA_PART_SIZE_MAX);
    arena_reset(&core->area_arena);
    bool read = pb_depth_ok(e->body) && (m->confirms ? read_confirm(&core->area_arena, e->body, m) : read_delta(&core->area_arena, e->body, m, &wrong));
    return read ? QIAO_CODE_OK : content_refuse(reason, QIAO_CODE_MALFORMED, "%s", wrong ? wrong : "it cannot be decoded");
}

/* ---- may it be? ---- */

/* It begins where the table is, or will be once a change that waits has taken effect. */
static bool may_begin(struct core *core, const uint8_t *from)
{
    const struct area_changes *changes = core->area_changes;
    bool known = memcmp(core->area_version, from, AREA_VERSION_SIZE) == 0;
    for (size_t i = 0; i < changes->count && !known; i++) known = changes->items[i].applied_at_ms == 0 && memcmp(changes->items[i].to, from, AREA_VERSION_SIZE) == 0;
    return known;
}

static unsigned judge_delta(struct judging *j)
{
    const struct area_change *c = j->change;
    const struct area_message *m = j->message;
    if (c && c->parts && c->parts != m->parts) return REFUSE(j, QIAO_CODE_CONFLICT, "the same change is here in %u parts and not in %u", c->parts, m->parts);
    if (c && *c->registrar && strcmp(c->registrar, m->office) != 0) return REFUSE(j, QIAO_CODE_CONFLICT, "%s has proposed the same change", c->registrar);
    if (c && strcmp(c->confirmed_by, m->office) == 0) return REFUSE(j, QIAO_CODE_ORG_DUAL_CONTROL, "who confirms cannot propose; a different registrar has to");
    j->step = c && (c->have >> m->part & 1) ? STEP_NOTHING : STEP_KEEP;
    return QIAO_CODE_OK;
}

static unsigned judge_confirm(struct judging *j)
{
    const struct area_change *c = j->change;
    if (j->at_origin && (!c || !area_change_is_whole(c))) return REFUSE(j, QIAO_CODE_NOT_FOUND, "no such change waits for a second registrar");
    if (c && strcmp(c->registrar, j->message->office) == 0) return REFUSE(j, QIAO_CODE_ORG_DUAL_CONTROL, "who proposes cannot confirm; a different registrar has to");
    if (j->at_origin && c->since_ms + j->core->config.confirm_within_ms <= j->core->wall_ms) return REFUSE(j, QIAO_CODE_ORG_DUAL_CONTROL, "the time to confirm has passed");
    if (c && *c->confirmed_by) return REFUSE(j, QIAO_CODE_CONFLICT, "%s has confirmed it, and it is about to take effect", c->confirmed_by);
    j->step = STEP_CONFIRM;
    return QIAO_CODE_OK;
}

static unsigned judge(struct judging *j)
{
    const struct area_message *m = j->message;
    struct core *core = j->core;
    j->step = STEP_NOTHING;
    if (!core->config.areas.table) return REFUSE(j, QIAO_CODE_AREA_BASE, "this node has no table of areas (areas.file)");
    if (memcmp(m->to, core->area_version, AREA_VERSION_SIZE) == 0 || area_changes_find(core->area_changes, m->from, m->to, true)) return QIAO_CODE_OK;
    j->change = area_changes_find(core->area_changes, m->from, m->to, false);
    if (!j->change && !may_begin(core, m->from))
        return REFUSE(j, QIAO_CODE_AREA_BASE, "the table is at version %08x and the change begins with %08x", get_u32(core->area_version), get_u32(m->from));
    if (!j->change && area_changes_open(core->area_changes) == AREA_CHANGES_OPEN_MAX) return REFUSE(j, QIAO_CODE_BUSY, "too many changes wait already");
    return m->confirms ? judge_confirm(j) : judge_delta(j);
}

static unsigned read_and_judge(struct judging *j, const struct envelope *e, struct area_message *m)
{
    unsigned code = read_message(j->core, e, m, j->reason);
    j->message = m;
    return code == QIAO_CODE_OK ? judge(j) : code;
}

unsigned areas_judge(struct core *core, const struct envelope *e, char reason[REGISTRY_REASON_SIZE])
{
    struct area_message m;
    struct judging j = { .core = core, .at_origin = true, .reason = reason };
    reason[0] = '\0';
    return read_and_judge(&j, e, &m);
}

/* ---- kept ---- */

/* Without what nodes on the way wrote beside it: that was for the way it took. */
static void keep(struct core *core, const struct key *key, const struct envelope *e, const struct origin *origin)
{
    buf_auto value = { 0 };
    uint8_t own = origin->form == ORIGIN_OWN;
    buf_append(&value, &own, 1);
    pb_put_bytes(&value, 1, e->header_bytes);
    pb_put_bytes(&value, 2, e->body);
    pb_put_bytes(&value, 3, e->proof);
    /* What was signed together with others stands alone from now on. */
    if (origin->batch && origin->batch->units[origin->batch->messages[origin->message].unit].whole) group_put_single(&value, origin->batch, origin->message);
    batch_put(core, key, buf_bytes(&value));
}

/* The time to confirm is measured where the second registrar speaks; everybody else waits for longer than that word may be under way. */
static struct area_change *begin_change(struct core *core, const struct area_message *m)
{
    struct area_change *change = area_changes_add(core, m->from, m->to);
    if (change) change->until_ms = core->wall_ms + core->config.confirm_within_ms + REGISTRY_GRACE_MS;
    return change;
}

static void keep_part(struct core *core, struct area_change *change, const struct area_message *m, const struct origin *origin)
{
    struct key key = area_change_key('p', change, m->part);
    keep(core, &key, m->e, origin);
    change->parts = m->parts;
    change->have |= UINT64_C(1) << m->part;
    snprintf(change->registrar, sizeof change->registrar, "%s", m->office);
    core_trace(core, "%s . part %u of %u of the areas' version %08x is kept", core->node, m->part + 1, m->parts, get_u32(m->to));
}

static void keep_word(struct core *core, struct area_change *change, const struct area_message *m, const struct origin *origin)
{
    struct key key = area_change_key('c', change, 0);
    keep(core, &key, m->e, origin);
    snprintf(change->confirmed_by, sizeof change->confirmed_by, "%s", m->office);
    core_trace(core, "%s . the areas' version %08x is confirmed", core->node, get_u32(m->to));
}

void areas_take(struct core *core, const struct envelope *e, const struct origin *origin, bool at_origin)
{
    char reason[REGISTRY_REASON_SIZE] = "";
    struct area_message m;
    struct judging j = { .core = core, .at_origin = at_origin, .reason = reason };
    unsigned code = read_and_judge(&j, e, &m);
    struct area_change *change = j.change;
    if (code == QIAO_CODE_OK && j.step != STEP_NOTHING && !change) change = begin_change(core, &m);
    if (code == QIAO_CODE_OK && j.step != STEP_NOTHING && !change) code = REFUSE(&j, QIAO_CODE_BUSY, "areas.file is too many changes behind");
    if (code == QIAO_CODE_OK && j.step == STEP_KEEP) keep_part(core, change, &m, origin);
    if (code == QIAO_CODE_OK && j.step == STEP_CONFIRM) keep_word(core, change, &m, origin);
    if (code == QIAO_CODE_OK && j.step != STEP_NOTHING) area_change_put(core, change);
    if (code != QIAO_CODE_OK || j.step != STEP_CONFIRM) org_decided(core, e, code, reason);
}
