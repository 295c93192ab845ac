/* What goes round: rules that send to each other, links that lead back, and ways that end before their area. */
#include "plan/cover.h"
#include "plan/lint.h"

#include <stdio.h>
#include <string.h>

/* ---- rules that send to each other ---- */

struct place_of_rule {
    size_t node, rule;
};

static const struct rule *rule_at(const struct lint *lint, struct place_of_rule at) { return &lint->nodes[at.node].rules->rules[at.rule]; }

/* Is what the first sends taken up by the second, by name? */
static bool feeds(const struct rule *first, const struct rule *second)
{
    if (!first->redirect || !second->redirect || !cover_meets(first, second))
        return false;
    for (size_t i = 0; i < second->to_count; i++) {
        if (strcmp(second->to[i].written, first->redirect->written) == 0)
            return true;
    }
    return false;
}

static bool next_rule(const struct lint *lint, struct place_of_rule *at)
{
    at->rule++;
    while (at->node < lint->nodes_count && (!lint->nodes[at->node].rules || at->rule >= lint->nodes[at->node].rules->count)) {
        at->node++;
        at->rule = 0;
    }
    return at->node < lint->nodes_count;
}

static bool first_rule(const struct lint *lint, struct place_of_rule *at)
{
    *at = (struct place_of_rule){ 0, (size_t)-1 };
    return next_rule(lint, at);
}

static bool is_before(struct place_of_rule a, struct place_of_rule b) { return a.node != b.node ? a.node < b.node : a.rule < b.rule; }

/* Follows what a rule sends through later rules, back to it: each round is found from its first rule. Bounded by the number of rules. */
static bool comes_back(const struct lint *lint, struct place_of_rule from, struct place_of_rule start, unsigned depth)
{
    struct place_of_rule at;
    for (bool more = first_rule(lint, &at); more; more = next_rule(lint, &at)) {
        if (!feeds(rule_at(lint, from), rule_at(lint, at)))
            continue;
        if (at.node == start.node && at.rule == start.rule)
            return true;
        if (depth > 0 && is_before(start, at) && comes_back(lint, at, start, depth - 1))
            return true;
    }
    return false;
}

void lint_redirects(struct lint *lint)
{
    enum { ROUNDS_MAX = 6 };
    struct place_of_rule at;
    char key[64];
    for (bool more = first_rule(lint, &at); more; more = next_rule(lint, &at)) {
        const struct rule *rule = rule_at(lint, at);
        if (!rule->redirect || !comes_back(lint, at, at, ROUNDS_MAX))
            continue;
        (void)snprintf(key, sizeof key, "rules[%zu].do.to", at.rule);
        (void)lint_add(lint, PLAN_LOOP, lint_place(&lint->nodes[at.node], rule->redirect->line, rule->redirect->column), key,
                       "%s sends to %s, and from there rules lead back to it; only the first is followed, so each office gets the other's: remove one", rule->name, rule->redirect->written);
    }
}

/* ---- links between the nodes that are known ---- */

static const struct conf_link *link_to(const struct conf *conf, const char *id)
{
    for (size_t i = 0; i < conf->links_count; i++) {
        if (strcmp(conf->links[i].node, id) == 0)
            return &conf->links[i];
    }
    return NULL;
}

/* Both ends of a link say the same of each other. */
static void look_at_both_ends(struct lint *lint, const struct conf *conf, size_t i)
{
    static const int mirror[] = { [CONF_ROLE_PEER] = CONF_ROLE_PEER, [CONF_ROLE_PARENT] = CONF_ROLE_CHILD, [CONF_ROLE_CHILD] = CONF_ROLE_PARENT };
    const struct conf_link *link = &conf->links[i];
    const struct lint_node *other = lint_node_named(lint, link->node);
    struct conf_place place = { conf->path, link->line, 1 };
    char key[64];
    (void)snprintf(key, sizeof key, "links[%zu]", i);
    if (!other)
        return;
    const struct conf_link *back = link_to(other->conf, conf->node.id);
    if (strcmp(other->conf->node.area, link->area) != 0)
        (void)lint_add(lint, PLAN_BLACK_HOLE, place, key, "%s serves area %s, not %s; what is sent to it by this code has nowhere to go: correct the area", link->node,
                       other->conf->node.area, link->area);
    else if (!back)
        (void)lint_add(lint, PLAN_UNREACHABLE, place, key, "%s has no link to %s and will refuse this one; add it there", link->node, conf->node.id);
    else if (back->role != mirror[link->role])
        (void)lint_add(lint, PLAN_LOOP, place, key, "%s and %s do not agree who is above; each sends to the other what it does not know: correct a role", conf->node.id, link->node);
}

/* From node to node until the area, a node that is not known, nowhere, or where it began. A ring is found from each node in it. */
static void follow(struct lint *lint, const struct lint_node *start, const struct conf *goal)
{
    const struct lint_node *at = start;
    for (size_t steps = 0; at && steps <= lint->nodes_count && strcmp(at->conf->node.area, goal->node.area) != 0; steps++) {
        const struct conf_link *link = lint_next_hop(at->conf, goal->node.area, strlen(goal->node.area));
        struct conf_place place = { at->conf->path, link ? link->line : 0, link ? 1 : 0 };
        if (steps > 0 && at == start) {
            (void)lint_add(lint, PLAN_LOOP, place, "links", "what is for area %s of %s comes back here; the nodes' links lead in a ring", goal->node.area, goal->node.id);
            return;
        }
        if (!link && steps == 0)
            (void)lint_add(lint, PLAN_BLACK_HOLE, place, "links", "%s has no way to area %s of %s; add a link", at->conf->node.id, goal->node.area, goal->node.id);
        at = link ? lint_node_named(lint, link->node) : NULL;
    }
}

void lint_topology(struct lint *lint)
{
    size_t before = lint->findings_count;
    for (size_t i = 0; i < lint->nodes_count; i++) {
        for (size_t k = 0; k < lint->nodes[i].conf->links_count; k++)
            look_at_both_ends(lint, lint->nodes[i].conf, k);
    }
    if (lint->findings_count > before)
        return; /* ways follow from links: first things first */
    for (size_t i = 0; i < lint->nodes_count; i++) {
        for (size_t k = 0; k < lint->nodes_count; k++)
            follow(lint, &lint->nodes[i], lint->nodes[k].conf);
    }
}
