/* What the checks look at, and where they put what they find; for broker/plan only. */
#ifndef PLAN_LINT_H
#define PLAN_LINT_H

#include "conf/conf.h"
#include "conf/policy.h"
#include "conf/rules.h"
#include "plan/plan.h"

/* A node's configuration, read without errors. */
struct lint_node {
    struct conf *conf;
    const struct rules_tables *rules;   /* or NULL */
    const struct policy_tables *policy; /* or NULL */
};

struct lint {
    struct lint_node *nodes;
    size_t nodes_count;
    struct plan_finding *findings;
    size_t findings_count;
    bool out_of_memory;
};

/* key is shown to people, as "rules[2].do.to". */
struct plan_finding *lint_add(struct lint *lint, enum plan_class class, struct conf_place place, const char *key, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
struct conf_place lint_place(const struct lint_node *node, int line, int column); /* in its rules file */

/* check.c runs these for each node, lint_topology once. */
void lint_rules(struct lint *lint, const struct lint_node *node);
void lint_when(struct lint *lint, const struct lint_node *node);
void lint_ways(struct lint *lint, const struct lint_node *node);
void lint_policy(struct lint *lint, const struct lint_node *node);
void lint_redirects(struct lint *lint);
void lint_topology(struct lint *lint);

/* Shared by the checks. */
const struct conf_member *lint_member(const struct conf *conf, struct rule_text name); /* NULL: no such member */
/* The link to which the area leads from this node, by the longest area that covers it, else the parent. NULL: nowhere, or it is its own. */
const struct conf_link *lint_next_hop(const struct conf *conf, const char *area, size_t size);
const struct lint_node *lint_node_named(const struct lint *lint, const char *id);
const struct lint_node *lint_node_of_area(const struct lint *lint, struct rule_text area);
/* Is every area that begins so inside this node's own, and below none of its links? */
bool lint_area_is_unknown(const struct conf *conf, struct rule_text area); /* a whole code that is not in the node's table of areas, if it has one */
bool lint_area_is_nowhere(const struct conf *conf, const struct rule_text *area);

#endif
