/* Where rules and links lead to: nowhere, to nobody, or back. */
#include "plan/cover.h"
#include "plan/lint.h"

#include "area/table.h"
#include "core/rules.h"

#include <qiao/client.h>
#include <stdio.h>
#include <string.h>

/* ---- what the checks share ---- */

const struct conf_member *lint_member(const struct conf *conf, struct rule_text name)
{
    for (size_t i = 0; i < conf->members_count; i++) {
        if (rule_text_matches(&name, qiao_bytes_from_string(conf->members[i].name)))
            return &conf->members[i];
    }
    return NULL;
}

static bool begins_with(const char *area, size_t size, const char *prefix) { return size >= strlen(prefix) && memcmp(area, prefix, strlen(prefix)) == 0; }

const struct conf_link *lint_next_hop(const struct conf *conf, const char *area, size_t size)
{
    const struct conf_link *best = NULL, *parent = NULL;
    for (size_t i = 0; i < conf->links_count; i++) {
        const struct conf_link *link = &conf->links[i];
        if (link->role == CONF_ROLE_PARENT)
            parent = link;
        else if (begins_with(area, size, link->area) && (!best || strlen(link->area) > strlen(best->area)))
            best = link;
    }
    if (size == strlen(conf->node.area) && memcmp(area, conf->node.area, size) == 0)
        return NULL;
    return best || begins_with(area, size, conf->node.area) ? best : parent;
}

const struct lint_node *lint_node_named(const struct lint *lint, const char *id)
{
    for (size_t i = 0; i < lint->nodes_count; i++) {
        if (strcmp(lint->nodes[i].conf->node.id, id) == 0)
            return &lint->nodes[i];
    }
    return NULL;
}

const struct lint_node *lint_node_of_area(const struct lint *lint, struct rule_text area)
{
    for (size_t i = 0; i < lint->nodes_count; i++) {
        if (!area.prefix && rule_text_matches(&area, qiao_bytes_from_string(lint->nodes[i].conf->node.area)))
            return &lint->nodes[i];
    }
    return NULL;
}

bool lint_area_is_unknown(const struct conf *conf, struct rule_text area)
{
    struct area_code code;
    if (!conf->areas.read || area.prefix || area_code_read_unit(qiao_bytes(area.text, area.size), &code) != AREA_CODE_FAULT_NONE)
        return false;
    return area_find_known(conf->areas.read, code) == AREA_NONE;
}

bool lint_area_is_nowhere(const struct conf *conf, const struct rule_text *area)
{
    size_t own = strlen(conf->node.area);
    if (area->size <= own || memcmp(area->text, conf->node.area, own) != 0)
        return false;
    for (size_t i = 0; i < conf->links_count; i++) {
        size_t size = strlen(conf->links[i].area), both = area->size < size ? area->size : size;
        bool inside = area->size >= size || area->prefix;
        if (conf->links[i].role != CONF_ROLE_PARENT && inside && memcmp(area->text, conf->links[i].area, both) == 0)
            return false;
    }
    return true;
}

/* ---- where a rule sends something to ---- */

struct sending {
    struct lint *lint;
    const struct lint_node *node;
    const struct rule *rule;
    const struct rule_target *target;
    char key[64];
};

static void tell(const struct sending *s, enum plan_class class, const char *text)
{
    (void)lint_add(s->lint, class, lint_place(s->node, s->target->line, s->target->column), s->key, "%s: %s", s->target->written, text);
}

static bool is_drill_only(const struct rule *r)
{
    return r->statuses && !(r->statuses & 1u << QIAO_STATUS_ACTUAL);
}

static void look_at_target(const struct sending *s)
{
    const struct rule_target *t = s->target;
    const struct conf *conf = s->node->conf;
    bool own = rule_text_matches(&t->area, qiao_bytes_from_string(conf->node.area));
    const struct lint_node *node = own ? s->node : lint_node_of_area(s->lint, t->area);
    const struct conf_member *member = node ? lint_member(node->conf, t->org) : NULL;
    if (s->rule->classes == 1u << QIAO_PRIVACY_SEALED)
        tell(s, PLAN_IMPOSSIBLE, "what is sealed for one seat cannot be sent to another, and this rule takes sealed messages only");
    else if (lint_area_is_unknown(conf, t->area))
        tell(s, PLAN_UNKNOWN_AREA, "the code is not in areas.file; correct it, or add the area there");
    else if (node && !member)
        tell(s, PLAN_UNREACHABLE, "the node of that area has no such member; correct the name, or add it to its members");
    else if (member && is_drill_only(s->rule) && !member->drills)
        tell(s, PLAN_BLACK_HOLE, "exercises and tests are refused there; set drills: true for that member, or send them to one that takes them");
    else if (!own && !lint_next_hop(conf, t->area.text, t->area.size))
        tell(s, PLAN_BLACK_HOLE, "no link leads to that area; correct the code, or add the link");
}

/* A copy for whom it was addressed to, or for whom it is sent to. */
static void look_at_copy(const struct sending *s)
{
    const struct rule_target *t = s->target;
    if (s->rule->redirect && strcmp(s->rule->redirect->written, t->written) == 0)
        tell(s, PLAN_DUPLICATE, "it is sent there already by this rule; remove the copy");
    for (size_t i = 0; i < s->rule->to_count; i++) {
        if (!s->rule->redirect && strcmp(s->rule->to[i].written, t->written) == 0)
            tell(s, PLAN_LOOP, "it is addressed there already, and comes back to it as a copy; remove it");
    }
}

static void look_at_rule(struct lint *lint, const struct lint_node *node, size_t i)
{
    const struct rule *rule = &node->rules->rules[i];
    static const struct rule nothing;
    struct sending s = { lint, node, rule, rule->redirect, "" };
    (void)snprintf(s.key, sizeof s.key, "rules[%zu].do.to", i);
    if (rule->redirect)
        look_at_target(&s);
    (void)snprintf(s.key, sizeof s.key, "rules[%zu].do.copy", i);
    for (size_t k = 0; k < rule->copies_count; k++) {
        s.target = &rule->copies[k];
        look_at_target(&s);
        look_at_copy(&s);
    }
    (void)snprintf(s.key, sizeof s.key, "rules[%zu]", i);
    if (rule->sets_lane && rule->lanes == 1u << rule->lane)
        (void)lint_add(lint, PLAN_IMPOSSIBLE, lint_place(node, rule->line, rule->column), s.key, "%s sets the lane that its messages have already; remove it", rule->name);
    if (rule->sets_lane && rule->hops == 1u << RULE_HOP_DESTINATION)
        (void)lint_add(lint, PLAN_IMPOSSIBLE, lint_place(node, rule->line, rule->column), s.key, "%s sets a lane where messages have arrived; lanes lead to other nodes", rule->name);
    if (rule->holds && rule->hold_until == RULE_HOLD_RELEASE && rule->hold_for_ms == 0)
        (void)lint_add(lint, PLAN_BLACK_HOLE, lint_place(node, rule->line, rule->column), s.key, "%s holds messages until somebody lets them go, without end; say for: how long", rule->name);
    if (rule->refuses && cover_rule(rule, &nothing))
        (void)lint_add(lint, PLAN_BLACK_HOLE, lint_place(node, rule->line, rule->column), s.key, "%s refuses every message; give it a when:", rule->name);
}

/* ---- links of one node ---- */

static void look_at_link(struct lint *lint, const struct conf *conf, size_t i)
{
    const struct conf_link *link = &conf->links[i];
    struct conf_place place = { conf->path, link->line, 1 };
    char key[64];
    (void)snprintf(key, sizeof key, "links[%zu].area", i);
    if (lint_area_is_unknown(conf, (struct rule_text){ .text = link->area, .size = strlen(link->area) }))
        (void)lint_add(lint, PLAN_UNKNOWN_AREA, place, key, "found %s, which is not in areas.file; correct it, or add the area there", link->area);
    if (link->role != CONF_ROLE_CHILD)
        return;
    if (strcmp(link->area, conf->node.area) == 0)
        (void)lint_add(lint, PLAN_BLACK_HOLE, place, key, "found this node's own area %s for a child; nothing is ever sent there: give the child's area", link->area);
    else if (begins_with(conf->node.area, strlen(conf->node.area), link->area))
        (void)lint_add(lint, PLAN_LOOP, place, key, "found %s, above this node, for a child; what it does not know comes back: its role is parent", link->area);
    for (size_t k = 0; k < i; k++) {
        if (conf->links[k].role == CONF_ROLE_CHILD && strcmp(conf->links[k].area, link->area) == 0)
            (void)lint_add(lint, PLAN_DUPLICATE, place, key, "found %s twice, first for %s in line %d; expected one node an area", link->area, conf->links[k].node, conf->links[k].line);
    }
}

void lint_ways(struct lint *lint, const struct lint_node *node)
{
    for (size_t i = 0; node->rules && i < node->rules->count; i++)
        look_at_rule(lint, node, i);
    for (size_t i = 0; i < node->conf->links_count; i++)
        look_at_link(lint, node->conf, i);
}
