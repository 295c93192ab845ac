/* Files -> configurations -> findings in the order of files and lines. */
#include "plan/lint.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FINDINGS_MAX 1000u

struct plan_check {
    struct lint lint;
    bool unreadable;
};

const char *plan_class_name(enum plan_class class)
{
    static const char *const names[PLAN_CLASSES] = {
#define X(name, text, what) text,
        PLAN_CLASS_MAP(X)
#undef X
    };
    return names[class];
}

static struct plan_finding *append(struct lint *lint)
{
    if (lint->findings_count == FINDINGS_MAX)
        return NULL;
    if ((lint->findings_count & (lint->findings_count - 1)) == 0) { /* 0 or a power of two: full */
        size_t capacity = lint->findings_count == 0 ? 1 : lint->findings_count * 2;
        struct plan_finding *grown = realloc(lint->findings, capacity * sizeof *grown);
        lint->out_of_memory |= !grown;
        if (!grown)
            return NULL;
        lint->findings = grown;
    }
    return memset(&lint->findings[lint->findings_count++], 0, sizeof *lint->findings);
}

struct plan_finding *lint_add(struct lint *lint, enum plan_class class, struct conf_place place, const char *key, const char *format, ...)
{
    static struct plan_finding spare; /* for those beyond the most that are told */
    struct plan_finding *f = append(lint);
    va_list arguments;
    if (!f)
        f = &spare;
    f->class = class;
    f->line = place.line;
    f->column = place.column;
    (void)snprintf(f->file, sizeof f->file, "%s", place.file);
    (void)snprintf(f->key, sizeof f->key, "%s", key);
    va_start(arguments, format);
    (void)vsnprintf(f->text, sizeof f->text, format, arguments);
    va_end(arguments);
    return f;
}

struct conf_place lint_place(const struct lint_node *node, int line, int column) { return (struct conf_place){ node->rules->file, line, column }; }

/* ---- reading ---- */

/* The loader says what is wrong in words; these tell which class of defect they are. The first that stands in the text counts. */
static enum plan_class class_of(const char *text)
{
    static const struct { const char *words; enum plan_class class; } rows[] = {
        { "cannot be ", PLAN_INVALID }, { " twice", PLAN_DUPLICATE }, { "duplicate", PLAN_DUPLICATE },     { "comes first and takes all", PLAN_SHADOWED },
        { "possible only where", PLAN_NEVER }, { "unknown key", PLAN_UNKNOWN }, { "did you mean", PLAN_UNKNOWN }, { "which is not ", PLAN_UNKNOWN },
        { "which is no ", PLAN_UNKNOWN },   { "no kind's name", PLAN_UNKNOWN }, { "nothing matches", PLAN_NEVER },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strstr(text, rows[i].words))
            return rows[i].class;
    }
    return PLAN_INVALID;
}

static void take_errors(struct plan_check *check, const struct conf_error *errors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct conf_error *e = &errors[i];
        check->unreadable |= e->line == 0 && strstr(e->text, "cannot be opened") != NULL;
        (void)lint_add(&check->lint, class_of(e->text), (struct conf_place){ e->file, e->line, e->column }, e->key, "%s", e->text);
    }
}

static int read_node(struct plan_check *check, const char *file)
{
    struct conf_error *errors;
    size_t count;
    struct lint_node *node = &check->lint.nodes[check->lint.nodes_count];
    int r = conf_load(file, &node->conf, &errors, &count);
    if (r < 0)
        return r;
    take_errors(check, errors, count);
    free(errors);
    if (r != CONF_OK)
        return 0;
    node->rules = node->conf->rules.read ? conf_rules_tables(node->conf->rules.read) : NULL;
    node->policy = node->conf->policy.read ? conf_policy_tables(node->conf->policy.read) : NULL;
    check->lint.nodes_count++;
    return 0;
}

static int compare_findings(const void *a, const void *b)
{
    const struct plan_finding *left = a, *right = b;
    int order = strcmp(left->file, right->file);
    if (order == 0)
        order = left->line != right->line ? (left->line > right->line) - (left->line < right->line) : (left->column > right->column) - (left->column < right->column);
    return order != 0 ? order : (int)left->class - (int)right->class;
}

static void look(struct lint *lint)
{
    static void (*const checks[])(struct lint *, const struct lint_node *) = { lint_rules, lint_when, lint_ways, lint_policy };
    for (size_t i = 0; i < lint->nodes_count; i++) {
        for (size_t k = 0; k < sizeof checks / sizeof checks[0]; k++)
            checks[k](lint, &lint->nodes[i]);
    }
    lint_redirects(lint);
    lint_topology(lint);
}

int plan_check_new(const char *const *files, size_t count, struct plan_check **ret_check)
{
    struct plan_check *check = calloc(1, sizeof *check);
    int r = 0;
    *ret_check = NULL;
    if (check)
        check->lint.nodes = calloc(count, sizeof *check->lint.nodes);
    if (!check || !check->lint.nodes) {
        free(check);
        return -ENOMEM;
    }
    for (size_t i = 0; r == 0 && i < count; i++)
        r = read_node(check, files[i]);
    if (r == 0)
        look(&check->lint);
    if (r < 0 || check->lint.out_of_memory) {
        plan_check_free(check);
        return r < 0 ? r : -ENOMEM;
    }
    if (check->lint.findings_count > 0)
        qsort(check->lint.findings, check->lint.findings_count, sizeof *check->lint.findings, compare_findings);
    *ret_check = check;
    return 0;
}

struct plan_check *plan_check_free(struct plan_check *check)
{
    if (!check)
        return NULL;
    for (size_t i = 0; i < check->lint.nodes_count; i++)
        conf_free(check->lint.nodes[i].conf);
    free(check->lint.nodes);
    free(check->lint.findings);
    free(check);
    return NULL;
}

size_t plan_findings_count(const struct plan_check *check) { return check->lint.findings_count; }
const struct plan_finding *plan_finding_at(const struct plan_check *check, size_t i) { return &check->lint.findings[i]; }
bool plan_is_unreadable(const struct plan_check *check) { return check->unreadable; }

bool plan_has_errors(const struct plan_check *check)
{
    for (size_t i = 0; i < check->lint.findings_count; i++) {
        if (!check->lint.findings[i].warning)
            return true;
    }
    return false;
}
