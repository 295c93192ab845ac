/* Rules among themselves: the same twice, one behind another that takes everything from it, and values that stand twice in a list. */
#include "plan/cover.h"
#include "plan/lint.h"

#include <stdio.h>
#include <string.h>

static bool same_target(const struct rule_target *a, const struct rule_target *b) { return a == b || (a && b && strcmp(a->written, b->written) == 0); }

static bool does_the_same(const struct rule *a, const struct rule *b)
{
    bool sends = a->refuses == b->refuses && a->code == b->code && same_target(a->redirect, b->redirect) && a->copies_count == b->copies_count;
    bool holds = a->holds == b->holds && a->hold_until == b->hold_until && a->hold_minute == b->hold_minute && a->sets_lane == b->sets_lane && a->lane == b->lane;
    bool same = sends && holds && a->rate_per_s == b->rate_per_s && a->rate_burst == b->rate_burst && a->rate_by == b->rate_by;
    for (size_t i = 0; same && i < a->copies_count; i++)
        same = same_target(&a->copies[i], &b->copies[i]);
    return same;
}

static void look_behind(struct lint *lint, const struct lint_node *node, size_t later)
{
    const struct rule *rules = node->rules->rules, *here = &rules[later];
    char key[64];
    (void)snprintf(key, sizeof key, "rules[%zu]", later);
    for (size_t i = 0; i < later; i++) {
        const struct rule *first = &rules[i];
        if (!cover_rule(first, here))
            continue;
        struct conf_place place = lint_place(node, here->line, here->column);
        if (cover_rule(here, first) && does_the_same(first, here))
            (void)lint_add(lint, PLAN_DUPLICATE, place, key, "%s is the rule %s of line %d again; remove one", here->name, first->name, first->line);
        else
            (void)lint_add(lint, PLAN_SHADOWED, place, key, "%s never decides: %s in line %d comes first and takes every message from it; move it up, or narrow the other",
                           here->name, first->name, first->line);
        return;
    }
}

/* ---- lists ---- */

static void look_for_twins(struct lint *lint, const struct lint_node *node, const char *key, const void *list, size_t count, size_t size,
                           struct rule_text (*at)(const void *element))
{
    for (size_t i = 1; i < count; i++) {
        struct rule_text here = at((const char *)list + i * size);
        for (size_t k = 0; k < i; k++) {
            struct rule_text first = at((const char *)list + k * size);
            if (!cover_text(&first, &here) && !(first.prefix == here.prefix && first.size == here.size && memcmp(first.text, here.text, here.size) == 0))
                continue;
            (void)lint_add(lint, PLAN_DUPLICATE, lint_place(node, here.line, here.column), key, "found %s, which %s before it takes in; remove one", here.text, first.text);
            break;
        }
    }
}

static struct rule_text text_of(const void *element) { return *(const struct rule_text *)element; }

/* As it is written: the same pattern, not one inside another. */
static struct rule_text address_of(const void *element)
{
    const struct rule_address *a = element;
    return (struct rule_text){ .text = a->written, .size = strlen(a->written), .line = a->line, .column = a->column };
}

static struct rule_text target_of(const void *element)
{
    const struct rule_target *t = element;
    return (struct rule_text){ .text = t->written, .size = strlen(t->written), .line = t->line, .column = t->column };
}

static void look_at_lists(struct lint *lint, const struct lint_node *node, size_t i)
{
    const struct rule *r = &node->rules->rules[i];
    const struct {
        const char *key;
        const void *list;
        size_t count, size;
        struct rule_text (*at)(const void *element);
    } lists[] = {
        { "when.matter", r->matters, r->matters_count, sizeof *r->matters, text_of }, { "when.purpose", r->purposes, r->purposes_count, sizeof *r->purposes, text_of },
        { "when.from", r->from, r->from_count, sizeof *r->from, address_of },         { "when.to", r->to, r->to_count, sizeof *r->to, address_of },
        { "do.copy", r->copies, r->copies_count, sizeof *r->copies, target_of },
    };
    for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++) {
        char key[64];
        (void)snprintf(key, sizeof key, "rules[%zu].%s", i, lists[k].key);
        look_for_twins(lint, node, key, lists[k].list, lists[k].count, lists[k].size, lists[k].at);
    }
}

void lint_rules(struct lint *lint, const struct lint_node *node)
{
    for (size_t i = 0; node->rules && i < node->rules->count; i++) {
        look_behind(lint, node, i);
        look_at_lists(lint, node, i);
    }
}
