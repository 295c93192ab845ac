#include "rules.h"

#include "rules_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE_MAX 64u

static struct conf_rules *rules_of(const struct fields_reader *reader) { return reader->context; }

void *rules_append(const struct fields_reader *reader, struct rules_list *list, size_t max, const struct tree_node *node, const char *shown)
{
    if (list->count == max) {
        fields_error(reader, node, shown, "more than %zu elements", max);
        return NULL;
    }
    if ((list->count & (list->count - 1)) == 0) { /* 0 or a power of two: full */
        size_t capacity = list->count == 0 ? 1 : list->count * 2;
        void *items = realloc(list->items, capacity * list->size);
        if (!items) {
            rules_of(reader)->out_of_memory = true;
            return NULL;
        }
        list->items = items;
    }
    return memset((char *)list->items + list->count++ * list->size, 0, list->size);
}

void rules_each(const struct fields_reader *reader, const struct tree_node *node, const char *shown,
                void (*each)(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into), void *into)
{
    if (node->kind == TREE_SCALAR)
        each(reader, node, shown, into);
    else if (node->kind == TREE_EMPTY || (node->kind == TREE_LIST && node->children_count == 0))
        fields_error(reader, node, shown, "found an empty list, which nothing matches; expected at least one, or leave the key out for any");
    else
        fields_each(reader, node, shown, each, into);
}

static const char *word_at(const void *words, size_t i) { return ((const char *const *)words)[i]; }

int rules_word(const struct fields_reader *reader, const struct tree_node *node, const char *shown, const struct rules_words *words)
{
    return fields_word(reader, node, shown, words->what, word_at, words->items, words->count);
}

static void read_name(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    const struct rules_list *list = &rules_of(reader)->rules;
    const struct rule *others = list->items;
    struct rule *rule = into;
    rule->name = fields_text(reader, node, shown, NAME_SIZE_MAX, "a name for explanations");
    for (size_t i = 0; rule->name && i < list->count; i++) {
        if (others[i].name && strcmp(others[i].name, rule->name) == 0)
            fields_error(reader, node, shown, "found \"%s\" twice, first in line %d; expected each once", rule->name, others[i].line);
    }
}

static void read_about(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    (void)into;
    (void)fields_text(reader, node, shown, 512, "what it is for");
}

static void free_rule(struct rule *rule)
{
    const void *const owned[] = { rule->kinds, rule->matters, rule->purposes, rule->from, rule->to, rule->redirect, rule->copies };
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        free((void *)owned[i]);
}

static const struct tree_node *find(const struct tree_node *node, const char *key)
{
    for (size_t i = 0; i < node->children_count; i++) {
        if (strcmp(node->children[i].key, key) == 0)
            return &node->children[i];
    }
    return NULL;
}

/* What is signed cannot be sent elsewhere any more. */
static void keep_to_origin(const struct fields_reader *reader, const struct tree_node *node, const char *shown, struct rule *rule)
{
    char key[FIELDS_KEY_SIZE];
    if (!rule->redirect && rule->copies_count == 0)
        return;
    if (rule->hops && !(rule->hops & 1u << RULE_HOP_ORIGIN)) {
        const struct tree_node *when = find(node, "when"), *hop = when ? find(when, "hop") : NULL;
        (void)snprintf(key, sizeof key, "%.100s.when.hop", shown);
        conf_errors_add(reader->errors, tree_place(reader->tree, hop ? hop : node), key, "sends elsewhere or copies, which is possible only where a message begins; expected origin, or leave hop out");
    }
    rule->hops = 1u << RULE_HOP_ORIGIN;
}

static void read_rule(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const struct fields_key keys[] = {
        { "name", true, read_name, "a name for explanations, as in name: housing-first" },
        { "about", false, read_about, NULL },
        { "when", false, rules_read_when, NULL },
        { "do", true, rules_read_do, "what the rule does, as in do: { to: 990101001/housing }" },
    };
    struct rule rule = { .line = node->line, .column = node->column };
    (void)into;
    fields_read(reader, node, shown, keys, sizeof keys / sizeof keys[0], &rule);
    keep_to_origin(reader, node, shown, &rule);
    struct rule *added = rules_append(reader, &rules_of(reader)->rules, RULES_MAX, node, shown);
    if (added)
        *added = rule;
    else
        free_rule(&rule);
}

static void read_rules(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    fields_each(reader, node, shown, read_rule, into);
}

static void read_file(const struct fields_reader *reader)
{
    static const struct fields_key keys[] = { { "rules", true, read_rules, "a list of rules; what none of them matches goes as it is routed" } };
    fields_read(reader, &reader->tree->root, "", keys, 1, NULL);
}

int conf_rules_load(const char *file, struct conf_errors *errors, struct conf_rules **ret_rules)
{
    size_t before = errors->count;
    struct conf_rules *rules = calloc(1, sizeof *rules);
    *ret_rules = NULL;
    if (!rules)
        return -ENOMEM;
    rules->rules.size = sizeof(struct rule);
    struct fields_reader reader = { .tree = &rules->tree, .errors = errors, .context = rules };
    int r = tree_init(&rules->tree, file, errors);
    if (r == 0 && !rules->tree.broken)
        read_file(&reader);
    if (r == 0 && rules->out_of_memory)
        r = -ENOMEM;
    if (r < 0 || errors->count > before) {
        conf_rules_free(rules);
        return r;
    }
    rules->tables = (struct rules_tables){ .file = rules->tree.file, .rules = rules->rules.items, .count = rules->rules.count };
    *ret_rules = rules;
    return 0;
}

struct conf_rules *conf_rules_free(struct conf_rules *rules)
{
    if (!rules)
        return NULL;
    for (size_t i = 0; i < rules->rules.count; i++)
        free_rule((struct rule *)rules->rules.items + i);
    free(rules->rules.items);
    tree_deinit(&rules->tree);
    free(rules);
    return NULL;
}

const struct rules_tables *conf_rules_tables(const struct conf_rules *rules) { return &rules->tables; }
