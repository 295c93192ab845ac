#include "items.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void check_keys(struct yaml *yaml, const struct item *items, size_t count, const char *const *others);
static void fill_item(struct yaml *yaml, const struct item *item, void *values);

bool items_fill(struct yaml *yaml, const struct item *items, size_t count, const char *const *others, void *values)
{
    check_keys(yaml, items, count, others);
    for (size_t i = 0; i < count; i++)
        fill_item(yaml, &items[i], values);
    return yaml->problems == 0;
}

void items_free(const struct item *items, size_t count, void *values)
{
    for (size_t i = 0; i < count; i++)
        if (items[i].type == ITEM_TEXT) {
            char **text = (char **)(void *)((char *)values + items[i].offset);
            free(*text);
            *text = NULL;
        }
}

void items_help(const struct item *items, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++)
        fprintf(out, "  %-24s %s (%s%s)\n", items[i].key, items[i].help, items[i].initial ? "default " : "required",
                !items[i].initial ? "" : items[i].initial[0] ? items[i].initial : "none");
}

static size_t section_size(const char *key)
{
    const char *dot = strchr(key, '.');
    return dot ? (size_t)(dot - key) : 0;
}

static bool is_section(const struct item *items, size_t count, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < count; i++)
        if (section_size(items[i].key) == size && strncmp(items[i].key, name, size) == 0)
            return true;
    return false;
}

static bool is_item(const struct item *items, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(items[i].key, key) == 0)
            return true;
    return false;
}

static bool is_other(const char *const *others, const char *key)
{
    for (; others && *others; others++)
        if (strcmp(*others, key) == 0)
            return true;
    return false;
}

static void check_section(struct yaml *yaml, const struct item *items, size_t count, const struct yaml_node *section)
{
    if (section->type != YAML_MAPPING) {
        yaml_problem(yaml, section, section->key, "expected a mapping with keys under it");
        return;
    }
    for (size_t i = 0; i < section->children_count; i++) {
        char key[256];
        snprintf(key, sizeof key, "%s.%s", section->key, section->children[i].key);
        if (!is_item(items, count, key))
            yaml_problem(yaml, &section->children[i], key, "unknown key");
    }
}

static void check_keys(struct yaml *yaml, const struct item *items, size_t count, const char *const *others)
{
    for (size_t i = 0; i < yaml->root.children_count; i++) {
        const struct yaml_node *node = &yaml->root.children[i];
        if (is_section(items, count, node->key))
            check_section(yaml, items, count, node);
        else if (!is_item(items, count, node->key) && !is_other(others, node->key))
            yaml_problem(yaml, node, node->key, "unknown key");
    }
}

static const struct yaml_node *find_item(const struct yaml *yaml, const char *key)
{
    size_t size = section_size(key);
    if (size == 0)
        return yaml_find(&yaml->root, key);
    char section[64];
    snprintf(section, sizeof section, "%.*s", (int)size, key);
    const struct yaml_node *node = yaml_find(&yaml->root, section);
    return node ? yaml_find(node, key + size + 1) : NULL;
}

static void set_text(struct yaml *yaml, const struct item *item, const struct yaml_node *node, const char *text, char **ret_value)
{
    size_t size = strlen(text);
    if (node && (size < item->min || size > item->max))
        yaml_problem(yaml, node, item->key, "found %zu bytes; expected %" PRIu64 " to %" PRIu64, size, item->min, item->max);
    *ret_value = strdup(text);
    if (!*ret_value)
        abort();
}

static void set_number(struct yaml *yaml, const struct item *item, const struct yaml_node *node, const char *text, uint64_t *ret_value)
{
    char *end = NULL;
    errno = 0;
    *ret_value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || *ret_value < item->min || *ret_value > item->max)
        yaml_problem(yaml, node, item->key, "found \"%s\"; expected a whole number from %" PRIu64 " to %" PRIu64, text, item->min, item->max);
}

static void set_boolean(struct yaml *yaml, const struct item *item, const struct yaml_node *node, const char *text, bool *ret_value)
{
    *ret_value = strcmp(text, "true") == 0;
    if (!*ret_value && strcmp(text, "false") != 0)
        yaml_problem(yaml, node, item->key, "found \"%s\"; expected true or false", text);
}

static void set_choice(struct yaml *yaml, const struct item *item, const struct yaml_node *node, const char *text, unsigned *ret_value)
{
    char list[256] = "";
    for (unsigned i = 0; item->choices[i]; i++) {
        if (strcmp(item->choices[i], text) == 0) {
            *ret_value = i;
            return;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", item->choices[i]);
    }
    yaml_problem(yaml, node, item->key, "found \"%s\"; expected one of %s", text, list);
}

static void fill_item(struct yaml *yaml, const struct item *item, void *values)
{
    const struct yaml_node *node = find_item(yaml, item->key);
    void *value = (char *)values + item->offset;
    if (node && node->type != YAML_SCALAR) {
        yaml_problem(yaml, node, item->key, "expected one value");
        node = NULL;
    } else if (!node && !item->initial) {
        yaml_problem(yaml, &yaml->root, item->key, "missing: %s", item->help);
    }
    const char *text = node ? node->text : item->initial ? item->initial : "";
    if (item->type == ITEM_TEXT)
        set_text(yaml, item, node, text, value);
    else if (!node && !item->initial)
        return;
    else if (item->type == ITEM_NUMBER)
        set_number(yaml, item, node, text, value);
    else if (item->type == ITEM_BOOLEAN)
        set_boolean(yaml, item, node, text, value);
    else
        set_choice(yaml, item, node, text, value);
}
