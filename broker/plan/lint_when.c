/* Conditions that no message can meet at this node. */
#include "plan/lint.h"

#include "core/rules.h"

#include <qiao/client.h>
#include <qiao/kind.h>
#include <qiao/org_type.h>
#include <stdio.h>
#include <string.h>

#define HOP(name) (1u << RULE_HOP_##name)

struct looking {
    struct lint *lint;
    const struct lint_node *node;
    const struct rule *rule;
    uint32_t hops;                 /* where it may stand */
    char key[64];
};

static struct qiao_bytes own_area(const struct looking *x) { return qiao_bytes_from_string(x->node->conf->node.area); }

static void tell(const struct looking *x, enum plan_class class, const struct rule_address *a, const char *text)
{
    (void)lint_add(x->lint, class, lint_place(x->node, a->line, a->column), x->key, "found %s; %s", a->written, text);
}

static bool has_type(const struct conf *conf, unsigned type)
{
    for (size_t i = 0; i < conf->members_count; i++) {
        if (conf->members[i].type && qiao_org_type_from_name(conf->members[i].type) == (int)type)
            return true;
    }
    return false;
}

static bool names_one(const struct rule_address *a) { return a->form == RULE_ADDRESS_ORG && !a->area.prefix && a->org.text && !a->org.prefix; }

/* An organisation of this node that is not there, an area below it that is not there. True if it was told. */
static bool look_at_names(const struct looking *x, const struct rule_address *a)
{
    bool own = names_one(a) && rule_text_matches(&a->area, own_area(x));
    const struct lint_node *other = names_one(a) && !own ? lint_node_of_area(x->lint, a->area) : NULL;
    if ((a->form == RULE_ADDRESS_ORG || a->form == RULE_ADDRESS_SET) && lint_area_is_unknown(x->node->conf, a->area))
        tell(x, PLAN_UNKNOWN_AREA, a, "the code is not in areas.file; correct it, or add the area there");
    else if (own && !lint_member(x->node->conf, a->org))
        tell(x, PLAN_UNREACHABLE, a, "this node has no such member; correct the name, or add it to members");
    else if (other && !lint_member(other->conf, a->org))
        tell(x, PLAN_UNREACHABLE, a, "the node of that area has no such member; correct the name");
    else if ((a->form == RULE_ADDRESS_ORG || a->form == RULE_ADDRESS_SET) && lint_area_is_nowhere(x->node->conf, &a->area))
        tell(x, PLAN_UNKNOWN_AREA, a, "there is no such area below this node; correct the code, or add the link that leads there");
    else
        return false;
    return true;
}

static void look_at_type(const struct looking *x, const struct rule_address *a, uint32_t needed_hops)
{
    if (!(x->hops & needed_hops))
        tell(x, PLAN_NEVER, a, "types are known of this node's members only, and where this rule looks there are none");
    else if (!has_type(x->node->conf, a->type))
        tell(x, PLAN_NEVER, a, "no member of this node is of this type; correct it, or give a member its type");
}

static void look_at_source(const struct looking *x, const struct rule_address *a)
{
    if (a->form == RULE_ADDRESS_TYPE)
        look_at_type(x, a, HOP(ORIGIN));
    else if (a->form != RULE_ADDRESS_ORG)
        tell(x, PLAN_NEVER, a, "nobody sends from a service or from an area set; name an area or an organisation");
    else if (x->hops == HOP(ORIGIN) && !rule_text_matches(&a->area, own_area(x)))
        tell(x, PLAN_NEVER, a, "the rule looks only where a message begins, and only members of this node's own area begin one here");
    else
        (void)look_at_names(x, a);
}

static bool notice_is_allowed(const struct rule *r)
{
    bool bulletin = r->kinds_count == 0;
    for (size_t i = 0; i < r->kinds_count; i++)
        bulletin = bulletin || r->kinds[i] == QIAO_KIND_BULLETIN;
    return bulletin || r->classes == 0 || r->classes >> QIAO_PRIVACY_PUBLIC & 1;
}

static void look_at_destination(const struct looking *x, const struct rule_address *a)
{
    bool own = a->form == RULE_ADDRESS_ORG && rule_text_matches(&a->area, own_area(x));
    if (a->form == RULE_ADDRESS_TYPE)
        look_at_type(x, a, HOP(ORIGIN) | HOP(DESTINATION));
    else if (a->form == RULE_ADDRESS_SET && !notice_is_allowed(x->rule))
        tell(x, PLAN_IMPOSSIBLE, a, "only bulletins and what is public goes to area sets; the kinds and classes of this rule do not");
    else if (a->form == RULE_ADDRESS_ORG && x->hops == HOP(DESTINATION) && !own)
        tell(x, PLAN_NEVER, a, "the rule looks only at what has arrived, and that is addressed to this node's own area");
    else if (own && !a->area.prefix && x->hops == HOP(TRANSIT))
        tell(x, PLAN_NEVER, a, "the rule looks only at what passes, and this is the node's own area");
    else
        (void)look_at_names(x, a);
}

void lint_when(struct lint *lint, const struct lint_node *node)
{
    for (size_t i = 0; node->rules && i < node->rules->count; i++) {
        const struct rule *rule = &node->rules->rules[i];
        struct looking x = { lint, node, rule, rule->hops ? rule->hops : HOP(ORIGIN) | HOP(TRANSIT) | HOP(DESTINATION), "" };
        (void)snprintf(x.key, sizeof x.key, "rules[%zu].when.from", i);
        for (size_t k = 0; k < rule->from_count; k++)
            look_at_source(&x, &rule->from[k]);
        (void)snprintf(x.key, sizeof x.key, "rules[%zu].when.to", i);
        for (size_t k = 0; k < rule->to_count; k++)
            look_at_destination(&x, &rule->to[k]);
    }
}
