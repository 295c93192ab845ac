#include "rules.h"

#include <stdlib.h>
#include <string.h>

const struct target_spec target_specs[TARGET_COUNT] = {
#define X(name, key, type, required, size, initial, choices) { key, TARGET_TYPE_##type, required, size, initial, choices },
    TARGET_MAP(X)
#undef X
};

static void compile_tables(struct map *map, struct yaml *yaml);
static void compile_targets(struct map *map, struct yaml *yaml);
static void compile_fields(struct map *map, struct yaml *yaml);

static char *copy(const char *text)
{
    char *made = strdup(text);
    if (!made)
        abort();
    return made;
}

static void *zeroed(size_t count, size_t size)
{
    void *made = calloc(count ? count : 1, size);
    if (!made)
        abort();
    return made;
}

struct map *map_new(struct yaml *yaml, const char *zone)
{
    struct map *map = zeroed(1, sizeof *map);
    map->zone = copy(zone);
    compile_tables(map, yaml);
    compile_targets(map, yaml);
    compile_fields(map, yaml);
    return yaml->problems == 0 ? map : map_free(map);
}

static void rule_deinit(struct rule *rule)
{
    for (size_t i = 0; i < rule->parts_count; i++)
        free(rule->parts[i].text);
    free(rule->parts);
    free(rule->otherwise);
    free(rule->time_format);
}

static void table_deinit(struct table *table)
{
    for (size_t i = 0; i < 2 * table->count; i++)
        free(table->texts[i]);
    free(table->texts);
    free(table->entries);
    free(table->name);
}

struct map *map_free(struct map *map)
{
    if (!map)
        return NULL;
    for (size_t i = 0; i < TARGET_COUNT; i++)
        rule_deinit(&map->rules[i]);
    for (size_t i = 0; i < map->fields_count; i++) {
        rule_deinit(&map->field_rules[i]);
        free(map->field_names[i]);
    }
    for (size_t i = 0; i < map->tables_count; i++)
        table_deinit(&map->tables[i]);
    free(map->tables);
    free(map->zone);
    free(map);
    return NULL;
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct table_entry *)a)->key, ((const struct table_entry *)b)->key);
}

const char *table_find(const struct table *table, const char *key)
{
    struct table_entry wanted = { .key = key };
    const struct table_entry *found = bsearch(&wanted, table->entries, table->count, sizeof wanted, compare_entries);
    return found ? found->value : NULL;
}

static void compile_table(struct table *table, struct yaml *yaml, const struct yaml_node *node)
{
    table->name = copy(node->key);
    table->texts = zeroed(2 * node->children_count, sizeof *table->texts);
    table->entries = zeroed(node->children_count, sizeof *table->entries);
    if (node->type != YAML_MAPPING)
        yaml_problem(yaml, node, node->key, "expected a mapping from what the file has to what the case gets");
    for (size_t i = 0; node->type == YAML_MAPPING && i < node->children_count; i++) {
        const struct yaml_node *entry = &node->children[i];
        if (entry->type != YAML_SCALAR) {
            yaml_problem(yaml, entry, entry->key, "expected one value");
            continue;
        }
        size_t at = table->count++;
        table->texts[2 * at] = copy(entry->key);
        table->texts[2 * at + 1] = copy(entry->text);
        table->entries[at] = (struct table_entry){ table->texts[2 * at], table->texts[2 * at + 1] };
    }
    qsort(table->entries, table->count, sizeof *table->entries, compare_entries);
}

static void compile_tables(struct map *map, struct yaml *yaml)
{
    const struct yaml_node *node = yaml_find(&yaml->root, "tables");
    if (!node)
        return;
    if (node->type != YAML_MAPPING) {
        yaml_problem(yaml, node, "tables", "expected a mapping from names to tables");
        return;
    }
    map->tables = zeroed(node->children_count, sizeof *map->tables);
    for (size_t i = 0; i < node->children_count; i++)
        compile_table(&map->tables[map->tables_count++], yaml, &node->children[i]);
}

static void add_part(struct rule *rule, enum part_type type, const char *text, size_t size)
{
    if (type == PART_LITERAL && size == 0)
        return;
    rule->parts = reallocarray(rule->parts, rule->parts_count + 1, sizeof *rule->parts);
    char *owned = strndup(text, size);
    if (!rule->parts || !owned)
        abort();
    rule->parts[rule->parts_count++] = (struct part){ type, owned, 0 };
}

static void add_name(struct rule *rule, struct yaml *yaml, const struct yaml_node *node, const char *key, const char *name, size_t size)
{
    static const struct { const char *name; enum part_type type; } known[] = {
        { ":file", PART_FILE }, { ":digest", PART_DIGEST }, { ":row", PART_ROW }, { ":line", PART_LINE } };
    if (size == 0)
        yaml_problem(yaml, node, key, "found {} without a column name; write {{ for a brace");
    if (size == 0 || name[0] != ':') {
        add_part(rule, PART_COLUMN, name, size);
        return;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == size && strncmp(known[i].name, name, size) == 0) {
            add_part(rule, known[i].type, name, size);
            return;
        }
    yaml_problem(yaml, node, key, "found {%.*s}; expected {:file}, {:digest}, {:row} or {:line}", (int)size, name);
}

static void compile_template(struct rule *rule, struct yaml *yaml, const struct yaml_node *node, const char *key, const char *text)
{
    while (*text) {
        size_t literal = strcspn(text, "{");
        if (text[literal] == '{' && text[literal + 1] == '{') {
            add_part(rule, PART_LITERAL, text, literal + 1);
            text += literal + 2;
            continue;
        }
        add_part(rule, PART_LITERAL, text, literal);
        text += literal;
        if (!*text)
            return;
        size_t name = strcspn(++text, "}");
        if (!text[name]) {
            yaml_problem(yaml, node, key, "found { without }; write {{ for a brace");
            return;
        }
        add_name(rule, yaml, node, key, text, name);
        text += name + 1;
    }
}

static void use_table(struct rule *rule, const struct map *map, struct yaml *yaml, const struct yaml_node *node, const char *key)
{
    for (size_t i = 0; i < map->tables_count; i++)
        if (strcmp(map->tables[i].name, node->text) == 0)
            rule->table = &map->tables[i];
    if (!rule->table)
        yaml_problem(yaml, node, key, "no table \"%s\" under tables", node->text);
}

/* One "column: X" and the like of a rule. */
static void compile_part(struct rule *rule, const struct map *map, struct yaml *yaml, const struct yaml_node *node, const char *key)
{
    if (node->type != YAML_SCALAR)
        yaml_problem(yaml, node, key, "%s: expected one value", node->key);
    else if (strcmp(node->key, "column") == 0)
        add_part(rule, PART_COLUMN, node->text, strlen(node->text));
    else if (strcmp(node->key, "value") == 0)
        compile_template(rule, yaml, node, key, node->text);
    else if (strcmp(node->key, "table") == 0)
        use_table(rule, map, yaml, node, key);
    else if (strcmp(node->key, "default") == 0 && !rule->otherwise)
        rule->otherwise = copy(node->text);
    else if (strcmp(node->key, "time") == 0 && !rule->time_format)
        rule->time_format = copy(node->text);
    else
        yaml_problem(yaml, node, key, "found \"%s\"; expected column, value, table, default or time", node->key);
}

static void compile_rule(struct rule *rule, const struct map *map, struct yaml *yaml, const struct yaml_node *node)
{
    rule->given = true;
    if (node->type == YAML_SCALAR)
        compile_template(rule, yaml, node, node->key, node->text);
    else if (node->type == YAML_SEQUENCE)
        yaml_problem(yaml, node, node->key, "found a list; expected text, or a mapping with column or value");
    for (size_t i = 0; node->type == YAML_MAPPING && i < node->children_count; i++)
        compile_part(rule, map, yaml, &node->children[i], node->key);
    if (node->type == YAML_MAPPING && (yaml_find(node, "column") != NULL) == (yaml_find(node, "value") != NULL))
        yaml_problem(yaml, node, node->key, "expected either column or value");
}

static int find_target(const char *key)
{
    for (int i = 0; i < TARGET_COUNT; i++)
        if (strcmp(target_specs[i].key, key) == 0)
            return i;
    return -1;
}

static void compile_target(struct map *map, struct yaml *yaml, const struct yaml_node *node)
{
    int target = find_target(node->key);
    if (target < 0) {
        yaml_problem(yaml, node, node->key, "a case has no such field; what the schema does not know goes under fields");
        return;
    }
    struct rule *rule = &map->rules[target];
    compile_rule(rule, map, yaml, node);
    bool is_time = target_specs[target].type == TARGET_TYPE_TIME;
    if (is_time && !rule->time_format)
        yaml_problem(yaml, node, node->key, "needs time: the format of the column, such as \"%%Y-%%m-%%d %%H:%%M:%%S\"");
    if (!is_time && rule->time_format)
        yaml_problem(yaml, node, node->key, "is no time");
}

static void compile_targets(struct map *map, struct yaml *yaml)
{
    const struct yaml_node *node = yaml_find(&yaml->root, "case");
    if (!node || node->type != YAML_MAPPING) {
        yaml_problem(yaml, node ? node : &yaml->root, "case", "expected a mapping from the fields of a case to columns");
        return;
    }
    for (size_t i = 0; i < node->children_count; i++)
        compile_target(map, yaml, &node->children[i]);
    for (size_t i = 0; i < TARGET_COUNT; i++)
        if (target_specs[i].required && !map->rules[i].given)
            yaml_problem(yaml, node, target_specs[i].key, "missing: every case needs it");
}

static void compile_fields(struct map *map, struct yaml *yaml)
{
    const struct yaml_node *node = yaml_find(&yaml->root, "fields");
    if (!node)
        return;
    if (node->type != YAML_MAPPING || node->children_count > MAP_FIELDS_MAX) {
        yaml_problem(yaml, node, "fields", "expected a mapping with at most %d names", MAP_FIELDS_MAX);
        return;
    }
    for (size_t i = 0; i < node->children_count; i++) {
        const struct yaml_node *field = &node->children[i];
        if (strlen(field->key) == 0 || strlen(field->key) > 64)
            yaml_problem(yaml, field, field->key, "expected a name of 1 to 64 bytes");
        compile_rule(&map->field_rules[i], map, yaml, field);
        map->field_names[map->fields_count++] = copy(field->key);
    }
}
