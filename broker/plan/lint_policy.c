/* What policy never lets through: rules for messages that are refused before, and members that nothing reaches. */
#include "plan/lint.h"

#include "core/rules.h"

#include <qiao/org_type.h>
#include <stdio.h>
#include <string.h>

static bool allows(uint32_t mask, unsigned bit) { return mask == 0 || mask >> bit & 1; }
static bool meets(uint32_t mask, uint32_t wanted) { return mask == 0 || wanted == 0 || (mask & wanted) != 0; }

static bool kinds_meet(const struct policy_tables *t, const struct policy_rule *p, const struct rule *r)
{
    for (size_t i = 0; i < t->kinds_count; i++) {
        if (!p->any_kind && !policy_set_has(&p->kinds, i))
            continue;
        for (size_t k = 0; k < r->kinds_count; k++) {
            if (r->kinds[k] == t->kinds[i].number)
                return true;
        }
        if (r->kinds_count == 0)
            return true;
    }
    return false;
}

static bool purposes_meet(const struct policy_tables *t, const struct policy_rule *p, const struct rule *r)
{
    for (size_t i = 0; i < t->purposes_count; i++) {
        for (size_t k = 0; k < r->purposes_count; k++) {
            if ((p->any_purpose || policy_set_has(&p->purposes, i)) && rule_text_matches(&r->purposes[k], qiao_bytes_from_string(t->purposes[i])))
                return true;
        }
    }
    return r->purposes_count == 0;
}

/* Does policy allow any message that the rule asks for, on these lanes? to_type 0: to anybody. */
static bool lets_through(const struct policy_tables *t, const struct rule *r, uint32_t lanes, unsigned to_type)
{
    for (size_t i = 0; i < t->rules_count; i++) {
        const struct policy_rule *p = &t->rules[i];
        if (!p->refuse && meets(p->lanes, lanes) && meets(p->classes, r->classes) && kinds_meet(t, p, r) && purposes_meet(t, p, r) && (to_type == 0 || allows(p->to_types, to_type)))
            return true;
    }
    return false;
}

static unsigned type_of_target(const struct lint_node *node, const struct rule_target *target)
{
    const struct conf_member *member = rule_text_matches(&target->area, qiao_bytes_from_string(node->conf->node.area)) ? lint_member(node->conf, target->org) : NULL;
    int type = member && member->type ? qiao_org_type_from_name(member->type) : 0;
    return type > 0 ? (unsigned)type : 0;
}

static void look_at_target(struct lint *lint, const struct lint_node *node, const struct rule *rule, const struct rule_target *target, size_t i)
{
    unsigned type = type_of_target(node, target);
    char key[64];
    (void)snprintf(key, sizeof key, "rules[%zu].do", i);
    if (type && !lets_through(node->policy, rule, rule->lanes, type))
        (void)lint_add(lint, PLAN_BLACK_HOLE, lint_place(node, target->line, target->column), key,
                       "%s: policy lets none of these messages go to an organisation of type %s; allow it there, or send them elsewhere", target->written, qiao_org_type_name(type));
}

/* Policy is asked where a message begins; of what passes, another node's has judged. */
static void look_at_rule(struct lint *lint, const struct lint_node *node, size_t i)
{
    const struct rule *rule = &node->rules->rules[i];
    struct conf_place place = lint_place(node, rule->line, rule->column);
    char key[64];
    (void)snprintf(key, sizeof key, "rules[%zu].when", i);
    if (rule->hops != 1u << RULE_HOP_ORIGIN || rule->refuses)
        return;
    if (!lets_through(node->policy, rule, 0, 0)) {
        (void)lint_add(lint, PLAN_NEVER, place, key, "%s: policy refuses every message that this rule asks for; allow them there, or remove the rule", rule->name);
        return;
    }
    if (!lets_through(node->policy, rule, rule->lanes, 0)) {
        (void)lint_add(lint, PLAN_IMPOSSIBLE, place, key, "%s: policy lets these messages travel on other lanes only; correct lane, or allow it there", rule->name);
        return;
    }
    if (rule->redirect)
        look_at_target(lint, node, rule, rule->redirect, i);
    for (size_t k = 0; k < rule->copies_count; k++)
        look_at_target(lint, node, rule, &rule->copies[k], i);
}

static void look_at_member(struct lint *lint, const struct lint_node *node, size_t i)
{
    const struct conf_member *member = &node->conf->members[i];
    int type = member->type ? qiao_org_type_from_name(member->type) : 0;
    bool reached = false;
    char key[64];
    for (size_t k = 0; type > 0 && k < node->policy->rules_count; k++) {
        const struct policy_rule *p = &node->policy->rules[k];
        reached = reached || (!p->refuse && (allows(p->to_types, (unsigned)type) || allows(p->from_types, (unsigned)type)));
    }
    (void)snprintf(key, sizeof key, "members[%zu].type", i);
    if (type > 0 && !reached)
        lint_add(lint, PLAN_UNREACHABLE, (struct conf_place){ node->conf->path, member->line, 1 }, key,
                 "policy lets nothing go to or from an organisation of type %s; allow something, or correct the type of %s", member->type, member->name)->warning = true;
}

void lint_policy(struct lint *lint, const struct lint_node *node)
{
    if (!node->policy)
        return;
    for (size_t i = 0; node->rules && i < node->rules->count; i++)
        look_at_rule(lint, node, i);
    for (size_t i = 0; i < node->conf->members_count; i++)
        look_at_member(lint, node, i);
}
