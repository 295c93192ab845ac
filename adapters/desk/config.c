#include "base/items.h"
#include "desk.h"

#include <fnmatch.h>
#include <qiao/err.h>
#include <stdlib.h>
#include <string.h>

static const char *const log_levels[] = { "error", "warning", "info", "debug", NULL };

#define AT(field) offsetof(struct desk_config, field)
static const struct item items[] = {
    { "node", ITEM_TEXT, AT(node), 0, 512, "", NULL, "URL of the node; empty: environment variable QIAO_NODE" },
    { "member", ITEM_TEXT, AT(member), 1, 64, NULL, NULL, "name of this office at its node" },
    { "tls.certificate", ITEM_TEXT, AT(certificate), 0, 4096, "", NULL, "this member's certificate, PEM" },
    { "tls.key", ITEM_TEXT, AT(key), 0, 4096, "", NULL, "its key, PEM" },
    { "tls.ca", ITEM_TEXT, AT(ca), 0, 4096, "", NULL, "the federation's CA certificate, PEM" },
    { "register.folder", ITEM_TEXT, AT(register_folder), 1, 3000, NULL, NULL, "where the register lies" },
    { "register.file", ITEM_TEXT, AT(register_file), 1, 200, "register.csv", NULL, "its name" },
    { "log.level", ITEM_CHOICE, AT(log_level), 0, 0, "info", log_levels, "error, warning, info or debug" },
};
enum { ITEMS = sizeof items / sizeof *items };

static void load_decisions(struct desk_config *config, struct yaml *yaml);

bool desk_config_load(struct desk_config *config, const char *path, FILE *problems_to)
{
    static const char *const others[] = { "decisions", NULL };
    *config = (struct desk_config){ 0 };
    struct yaml yaml;
    if (yaml_init(&yaml, path, problems_to)) {
        items_fill(&yaml, items, ITEMS, others, config);
        load_decisions(config, &yaml);
    }
    bool good = yaml.problems == 0;
    yaml_deinit(&yaml);
    return good;
}

void desk_config_deinit(struct desk_config *config)
{
    items_free(items, ITEMS, config);
    for (size_t i = 0; i < config->decisions_count; i++) {
        free(config->decisions[i].matter);
        free(config->decisions[i].reason);
    }
    free(config->decisions);
    *config = (struct desk_config){ 0 };
}

void desk_config_help(FILE *out) { items_help(items, ITEMS, out); }

const struct decision *desk_decide(const struct desk_config *config, const char *matter)
{
    size_t i = 0;
    while (i + 1 < config->decisions_count && fnmatch(config->decisions[i].matter, matter, 0) != 0)
        i++;
    return &config->decisions[i];
}

static char *copy(const char *text)
{
    char *made = strdup(text);
    if (!made)
        abort();
    return made;
}

static const char *text_of(struct yaml *yaml, const struct yaml_node *node, const char *key, const char *otherwise)
{
    const struct yaml_node *found = yaml_find(node, key);
    if (found && found->type != YAML_SCALAR)
        yaml_problem(yaml, found, "decisions", "%s: expected one value", key);
    return found && found->type == YAML_SCALAR ? found->text : otherwise;
}

static bool is_known_key(const char *key)
{
    static const char *const known[] = { "matter", "verdict", "code", "reason", NULL };
    size_t i = 0;
    while (known[i] && strcmp(known[i], key) != 0)
        i++;
    return known[i] != NULL;
}

static void check_keys(struct yaml *yaml, const struct yaml_node *node)
{
    if (node->type != YAML_MAPPING)
        yaml_problem(yaml, node, "decisions", "expected matter, verdict and, of a refusal, code and reason");
    for (size_t i = 0; node->type == YAML_MAPPING && i < node->children_count; i++)
        if (!is_known_key(node->children[i].key))
            yaml_problem(yaml, &node->children[i], "decisions", "found \"%s\"; expected matter, verdict, code or reason", node->children[i].key);
}

static void load_refusal(struct decision *decision, struct yaml *yaml, const struct yaml_node *node)
{
    const char *name = text_of(yaml, node, "code", "REFUSED_BY_MEMBER");
    int code = qiao_code_from_name(name);
    if (code < 200 || code > 299)
        yaml_problem(yaml, node, "decisions", "found code \"%s\"; expected the name of a member's refusal, such as NOT_COMPETENT", name);
    else
        decision->code = (unsigned)code;
    if (!decision->reason[0])
        yaml_problem(yaml, node, "decisions", "a refusal needs a reason");
}

static void load_decision(struct decision *decision, struct yaml *yaml, const struct yaml_node *node)
{
    const char *verdict = text_of(yaml, node, "verdict", "");
    check_keys(yaml, node);
    decision->matter = copy(text_of(yaml, node, "matter", ""));
    decision->reason = copy(text_of(yaml, node, "reason", ""));
    decision->accept = strcmp(verdict, "accept") == 0;
    if (!decision->matter[0])
        yaml_problem(yaml, node, "decisions", "needs matter: a pattern such as \"WASTE.*\"");
    if (strcmp(verdict, "refuse") == 0)
        load_refusal(decision, yaml, node);
    else if (!decision->accept)
        yaml_problem(yaml, node, "decisions", "found verdict \"%s\"; expected accept or refuse", verdict);
}

static void load_decisions(struct desk_config *config, struct yaml *yaml)
{
    const struct yaml_node *node = yaml_find(&yaml->root, "decisions");
    if (!node || node->type != YAML_SEQUENCE || node->children_count == 0) {
        yaml_problem(yaml, node ? node : &yaml->root, "decisions", "expected a list of matter, verdict, code and reason");
        return;
    }
    config->decisions = calloc(node->children_count, sizeof *config->decisions);
    if (!config->decisions)
        abort();
    config->decisions_count = node->children_count;
    for (size_t i = 0; i < node->children_count; i++)
        load_decision(&config->decisions[i], yaml, &node->children[i]);
    const char *last = config->decisions[node->children_count - 1].matter;
    if (strcmp(last, "*") != 0)
        yaml_problem(yaml, &node->children[node->children_count - 1], "decisions", "the last one must be for matter \"*\", so that nothing stays undecided");
}
