/* Between the core and its rules: where this node stands on the way of a message, what a rule makes of it, and what is told when it is
 * refused. Only the origin may change a message: what it signs is what every later hop checks. */
#include "core/held.h"
#include "core/lanes.h"
#include "core/state.h"

#include "proof/decider.h"

#include <qiao/org_type.h>
#include <qiao/client.h>
#include <stdio.h>

static unsigned hops_of(const struct core *core, const struct peer *from, const struct header *h)
{
    struct qiao_bytes own = qiao_bytes_from_string(core->area), root;
    unsigned hops = from->member ? 1u << RULE_HOP_ORIGIN : 0;
    if (address_is_set(&h->destination, &root)) {
        bool inside = own.size >= root.size && memcmp(own.data, root.data, root.size) == 0;
        return hops | (inside ? 1u << RULE_HOP_DESTINATION : 0) | (from->member ? 0 : 1u << RULE_HOP_TRANSIT);
    }
    if (qiao_bytes_equal(own, h->destination.area)) return hops | 1u << RULE_HOP_DESTINATION;
    return hops ? hops : 1u << RULE_HOP_TRANSIT;
}

static unsigned type_of(struct core *core, const struct address *address)
{
    bool here = qiao_bytes_equal(address->area, qiao_bytes_from_string(core->area));
    const struct peer *member = here ? route_member(core, address->org) : NULL;
    return member ? member->org_type : QIAO_ORG_TYPE_UNKNOWN;
}

static struct rule_decision decide(struct core *core, const struct peer *from, const struct header *h)
{
    struct rules_question question = {
        .header = h, .hops = hops_of(core, from, h), .from_type = from->member ? from->org_type : QIAO_ORG_TYPE_UNKNOWN, .to_type = type_of(core, &h->destination),
    };
    return rules_decide(core->config.rules, &question);
}

static unsigned refuse(struct core *core, const struct header *h, unsigned code, const char *reason)
{
    const struct rule *rule = core->decision.rule;
    policy_tell(core, h, code, rule->name, rules_tables(core->config.rules)->file, rule->line, reason);
    return code;
}

/* A verdict of the recipient, such as NOT_COMPETENT, is not believed of a node on the way. */
static unsigned code_of(const struct core *core, const struct peer *from, const struct header *h, const struct rule *rule)
{
    bool passing = hops_of(core, from, h) & 1u << RULE_HOP_TRANSIT;
    return passing && decider_of(QIAO_OUTCOME_REFUSED, rule->code) != DECIDER_ANYBODY ? QIAO_CODE_RULE : rule->code;
}

unsigned ask_rules(struct core *core, const struct peer *from, const struct header *h)
{
    core->decision = (struct rule_decision){ 0 };
    if (!core->config.rules || (!from->member && !rules_concern_passing(core->config.rules))) return QIAO_CODE_OK;
    core->decision = decide(core, from, h);
    const struct rule *rule = core->decision.rule;
    return rule && rule->refuses ? refuse(core, h, code_of(core, from, h, rule), rule->reason) : QIAO_CODE_OK;
}

unsigned rules_count_rate(struct core *core, const struct header *h)
{
    if (!core->decision.rule || rules_take_rate(core->config.rules, &core->decision, h, core->now_ms)) return QIAO_CODE_OK;
    return refuse(core, h, QIAO_CODE_RATE, "more of these messages than this rule lets pass");
}

/* ---- one by one, or as a whole? ---- */

/* Policy refuses by class, purpose and matter, rules by anything: then what was signed together cannot stay together. */
static bool stays(struct core *core, const struct peer *from, const struct header *h)
{
    struct policy_answer answer;
    if (core->config.policy && policy_check_arrival(core->config.policy, h, &answer) != QIAO_CODE_OK) return false;
    if (!core->config.rules || !rules_concern_passing(core->config.rules)) return true;
    const struct rule *rule = decide(core, from, h).rule;
    return !rule || (!rule->refuses && !rule->holds && !rule->sets_lane && rule->rate_per_s == 0);
}

bool rules_may_part(struct core *core, const struct peer *from, const struct group_batch *batch, const struct group_unit *unit)
{
    struct envelope e;
    if (held_any(core) || lanes_differ(core)) return true; /* one of them may have to wait behind another of its case */
    if (!core->config.policy && !(core->config.rules && rules_concern_passing(core->config.rules))) return false;
    for (uint32_t i = unit->first; i < unit->first + unit->count; i++)
        if (envelope_open(batch->messages[i].raw, &e) != QIAO_CODE_OK || (e.header.kind >= QIAO_KIND_PAYLOAD && !stays(core, from, &e.header))) return true;
    return false;
}

/* ---- at the origin ---- */

static struct qiao_bytes part(const struct rule_text *text) { return qiao_bytes(text->text, text->size); }

static void write_target(struct buf *buf, const struct rule_target *target)
{
    address_write(buf, part(&target->area), part(&target->org), part(&target->seat));
}

/* What was sealed for one seat no other can open, and what a member has signed itself this node cannot change. */
static const char *cannot_change(const struct envelope *e, const struct origin *origin)
{
    if (e->header.privacy == QIAO_PRIVACY_SEALED) return "this rule sends it elsewhere, and it is sealed for one seat: send it there";
    return origin->form == ORIGIN_OWN ? NULL : "this rule sends it elsewhere, and its sender has signed it: send it there";
}

unsigned rules_redirect(struct core *core, struct envelope *e, const struct origin *origin)
{
    const struct rule *rule = core->decision.rule;
    buf_auto destination = { 0 };
    if (!rule || !rule->redirect) return QIAO_CODE_OK;
    write_target(&destination, rule->redirect);
    if (qiao_bytes_equal(buf_bytes(&destination), e->header.destination.raw)) return QIAO_CODE_OK;
    const char *why = cannot_change(e, origin);
    if (why) return refuse(core, &e->header, QIAO_CODE_RULE, why);
    core->redirected.size = 0;
    envelope_write_changed(&core->redirected, e, buf_bytes(&destination), NULL);
    struct envelope changed;
    if (envelope_open(buf_bytes(&core->redirected), &changed) != QIAO_CODE_OK) return refuse(core, &e->header, QIAO_CODE_TOO_LARGE, "with the address to which this rule sends it, it is too large");
    *e = changed;
    core_trace(core, "%s ~ rule %s sends it to %s", core->node, rule->name, rule->redirect->written);
    return QIAO_CODE_OK;
}

bool rules_copy(struct core *core, const struct envelope *e, size_t i, struct buf *raw, struct envelope *ret_copy)
{
    const struct rule *rule = core->decision.rule;
    buf_auto destination = { 0 };
    if (!rule || i >= rule->copies_count) return false;
    struct qiao_id id = core_new_id(core);
    write_target(&destination, &rule->copies[i]);
    raw->size = 0;
    ret_copy->raw.size = 0;
    if (qiao_bytes_equal(buf_bytes(&destination), e->header.destination.raw)) return true; /* it goes there anyway */
    envelope_write_changed(raw, e, buf_bytes(&destination), &id);
    if (e->header.privacy == QIAO_PRIVACY_SEALED || envelope_open(buf_bytes(raw), ret_copy) != QIAO_CODE_OK) {
        core_notice(core, "copy not made", rule->copies[i].written, QIAO_CODE_RULE, e->header.privacy == QIAO_PRIVACY_SEALED ? "it is sealed for one seat" : "with this address it is too large");
        ret_copy->raw.size = 0;
    }
    return true;
}
