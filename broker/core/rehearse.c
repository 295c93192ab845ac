#include "core/rehearse.h"

#include "core/state.h"

#include <qiao/client.h>
#include <stdio.h>

static const struct peer *find_peer(const struct core *core, const char *name)
{
    for (size_t i = 0; i < core->peers_count; i++)
        if (strcmp(core->peers[i].name, name) == 0) return &core->peers[i];
    return NULL;
}

static void show_address(const struct address *a, char *out, size_t size)
{
    const char *slash = a->org.size ? "/" : "", *hash = a->seat.size ? "#" : "", *service = a->service.size ? "svc:" : "";
    snprintf(out, size, "%.*s%s%.*s%s%.*s%s%.*s", (int)a->area.size, (const char *)a->area.data, slash, (int)a->org.size, (const char *)a->org.data, hash, (int)a->seat.size,
             (const char *)a->seat.data, service, (int)a->service.size, (const char *)a->service.data);
}

static void show_targets(const struct core *core, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < core->targets_count && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", core->targets[i]->name);
}

static struct qiao_bytes part(const struct rule_text *text) { return qiao_bytes(text->text, text->size); }

static void address_of(const struct rule_target *target, struct buf *raw, struct address *ret)
{
    *ret = (struct address){ .area = part(&target->area), .org = part(&target->org), .seat = part(&target->seat) };
    raw->size = 0;
    address_write(raw, ret->area, ret->org, ret->seat);
    ret->raw = buf_bytes(raw);
}

/* Policy and the way, as for a message at its origin or on its way. */
static unsigned judge(struct core *core, const struct peer *from, const struct header *h)
{
    struct qiao_bytes root;
    struct address to;
    unsigned code = from->member ? ask_policy(core, from, h, true) : ask_policy_on_arrival(core, h);
    if (code == QIAO_CODE_OK) code = areas_route(core, h, &to);
    struct route_query query = { .to = &to, .sender_area = h->source.area, .from = from };
    if (code == QIAO_CODE_OK) code = route_find(core, &query);
    if (code != QIAO_CODE_OK || h->status == QIAO_STATUS_ACTUAL || address_is_set(&h->destination, &root)) return code;
    return core->targets_count == 1 && core->targets[0]->member && !core->targets[0]->drills ? QIAO_CODE_DRILL : code;
}

static void rehearse_copies(struct core *core, const struct peer *from, struct header h, struct core_rehearsal *ret)
{
    const struct rule *rule = core->decision.rule;
    buf_auto raw = { 0 };
    size_t used = 0;
    for (size_t i = 0; rule && i < rule->copies_count && used < sizeof ret->copies; i++) {
        char targets[128];
        address_of(&rule->copies[i], &raw, &h.destination);
        unsigned code = judge(core, from, &h);
        show_targets(core, targets, sizeof targets);
        used += (size_t)snprintf(ret->copies + used, sizeof ret->copies - used, "%s%s (%s)", i ? ", " : "", rule->copies[i].written, code == QIAO_CODE_OK ? targets : qiao_code_name(code));
    }
}

static void show_rule(const struct core *core, struct core_rehearsal *ret)
{
    const struct rule *rule = core->decision.rule;
    if (!rule) return;
    const char *file = rules_tables(core->config.rules)->file, *slash = strrchr(file, '/');
    snprintf(ret->rule, sizeof ret->rule, "%s, %s:%d", rule->name, slash ? slash + 1 : file, rule->line);
}

void core_rehearse(struct core *core, struct qiao_bytes header, const char *from_name, uint64_t wall_ms, struct core_rehearsal *ret)
{
    buf_auto raw = { 0 };
    buf_auto redirected = { 0 };
    struct envelope e;
    const struct peer *from = find_peer(core, from_name);
    *ret = (struct core_rehearsal){ .code = QIAO_CODE_LINK_IDENTITY };
    pb_put_bytes(&raw, 1, header);
    unsigned code = envelope_open(buf_bytes(&raw), &e);
    if (code != QIAO_CODE_OK && code != QIAO_CODE_DIGEST) { /* the body it speaks of is not here */
        ret->code = code;
        return;
    }
    struct header h = e.header;
    ret->kind = h.kind;
    show_address(&h.destination, ret->destination, sizeof ret->destination);
    if (!from) return;
    core->wall_ms = wall_ms;
    ret->code = ask_rules(core, from, &h);
    show_rule(core, ret);
    if (ret->code != QIAO_CODE_OK) return;
    if (core->decision.rule && core->decision.rule->redirect) address_of(core->decision.rule->redirect, &redirected, &h.destination);
    show_address(&h.destination, ret->destination, sizeof ret->destination);
    ret->code = judge(core, from, &h);
    if (ret->code == QIAO_CODE_OK) show_targets(core, ret->targets, sizeof ret->targets);
    ret->held = ret->code == QIAO_CODE_OK && core->decision.rule && core->decision.rule->holds;
    if (ret->code == QIAO_CODE_OK) rehearse_copies(core, from, h, ret);
}
