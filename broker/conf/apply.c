#include "build.h"

#include "suggest.h"
#include "value.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE 128u

/* One mapping being applied: the struct it fills, and how its keys are called in the table and to a person. */
struct scope {
    void *base;
    char prefix[KEY_SIZE];         /* "links[]." */
    char shown[KEY_SIZE];          /* "links[2]." */
    bool *given, *wrong;           /* one a row of conf_items */
    struct conf_place *places;     /* of struct conf; NULL inside elements */
};

static int apply_mapping(struct build *build, const struct tree *tree, const struct tree_node *node, const struct scope *scope);

int build_apply(struct build *build, const struct tree *tree)
{
    struct scope scope = { .base = build->conf, .given = build->given, .wrong = build->wrong, .places = build->places };
    return apply_mapping(build, tree, &tree->root, &scope);
}

/* The word of name after prefix up to the next dot or bracket; false if name is not below prefix. */
static bool word_below(const char *name, const char *prefix, char word[KEY_SIZE])
{
    size_t size = strlen(prefix);
    if (strncmp(name, prefix, size) != 0)
        return false;
    size_t word_size = strcspn(name + size, ".[");
    (void)snprintf(word, KEY_SIZE, "%.*s", (int)word_size, name + size);
    return true;
}

/* Says which of the keys of this place was meant, or that the key belongs elsewhere. */
static void refuse_unknown(struct build *build, const struct tree *tree, const struct tree_node *node, const struct scope *scope, const char *shown)
{
    char words[CONF_ITEMS_MAX][KEY_SIZE], found[CONF_QUOTE_SIZE];
    struct conf_suggestion near = { .word = node->key };
    const char *elsewhere = NULL;
    for (size_t i = 0; i < conf_items_count; i++) {
        const char *dot = strrchr(conf_items[i].name, '.');
        if (strcmp(dot ? dot + 1 : conf_items[i].name, node->key) == 0 && !elsewhere)
            elsewhere = conf_items[i].name;
        if (word_below(conf_items[i].name, scope->prefix, words[i]))
            conf_suggest(&near, words[i]);
    }
    struct conf_place place = tree_key_place(tree, node);
    conf_quote(node->key, found);
    if (near.best)
        conf_errors_add(&build->errors, place, shown, "found the unknown key %s; did you mean \"%s\"?", found, near.best);
    else if (elsewhere)
        conf_errors_add(&build->errors, place, shown, "found the unknown key %s; did you mean \"%s\"?", found, elsewhere);
    else
        conf_errors_add(&build->errors, place, shown, "found the unknown key %s; expected one of the keys that qiaod --sample shows, or remove it", found);
}

static const char *kind_found(const struct tree_node *node)
{
    static const char *const names[] = { "nothing", "a single value", "a mapping", "a list", "something refused" };
    return names[node->kind];
}

static bool expect_kind(struct build *build, const struct tree *tree, const struct tree_node *node, const char *shown, enum tree_kind kind, const char *expected)
{
    if (node->kind == kind)
        return true;
    if (node->kind != TREE_REFUSED)
        conf_errors_add(&build->errors, tree_place(tree, node), shown, "found %s; expected %s", kind_found(node), expected);
    return false;
}

/* Returns 1 if the value is wrong. */
static int apply_scalar(struct build *build, const struct tree *tree, const struct tree_node *node, const char *shown,
                        const struct conf_item *item, void *field)
{
    char why[VALUE_WHY_SIZE];
    if (!expect_kind(build, tree, node, shown, TREE_SCALAR, value_expected(item->type)))
        return 1;
    int r = value_parse(item, node->text, node->quoted, tree->folder, field, why);
    if (r == VALUE_INVALID)
        conf_errors_add(&build->errors, tree_place(tree, node), shown, "%s", why);
    return r;
}

static void require_items(struct build *build, const struct scope *scope, struct conf_place place)
{
    char word[KEY_SIZE], shown[KEY_SIZE * 2];
    for (size_t i = 0; i < conf_items_count; i++) {
        const struct conf_item *item = &conf_items[i];
        if (item->need != CONF_REQUIRED || scope->given[i] || !word_below(item->name, scope->prefix, word))
            continue;
        (void)snprintf(shown, sizeof shown, "%s%s", scope->shown, word);
        conf_errors_add(&build->errors, place, shown, "is missing; expected %s, for example %s: %s", value_expected(item->type), word, item->example);
    }
}

static int apply_element_mapping(struct build *build, const struct tree *tree, const struct tree_node *node, const char *shown,
                                 const struct conf_item *item, void *field)
{
    bool given[CONF_ITEMS_MAX] = { false }, wrong[CONF_ITEMS_MAX] = { false };
    struct scope scope = { .base = field, .given = given, .wrong = wrong };
    if (!expect_kind(build, tree, node, shown, TREE_MAPPING, value_expected(item->type)))
        return 1;
    (void)snprintf(scope.prefix, sizeof scope.prefix, "%s", value_mapping_prefix(item->type));
    (void)snprintf(scope.shown, sizeof scope.shown, "%.100s.", shown);
    int r = apply_mapping(build, tree, node, &scope);
    if (r < 0)
        return r;
    require_items(build, &scope, tree_place(tree, node));
    return memchr(wrong, true, sizeof wrong) ? 1 : 0;
}

/* Room for one more element, zeroed; the count is for the caller to raise. */
static void *grow_list(const struct conf_item *item, void *base)
{
    size_t *count = conf_item_count(item, base), size = value_size(item->type);
    char *items = conf_item_list_get(item, base);
    if ((*count & (*count - 1)) == 0) { /* 0 or a power of two: full */
        size_t capacity = *count == 0 ? 1 : *count * 2;
        char *grown = realloc(items, capacity * size);
        if (!grown)
            return NULL;
        conf_item_list_set(item, base, grown);
        items = grown;
    }
    return memset(items + *count * size, 0, size);
}

static struct origins *origins_of(struct build *build, const struct conf_item *item)
{
    return item->type == CONF_TYPE_LISTEN_URL ? &build->listen : item->type == CONF_TYPE_LINK ? &build->links
         : item->type == CONF_TYPE_MEMBER ? &build->members : NULL;
}

static int remember_origin(struct build *build, const struct conf_item *item, struct conf_place place, const char *shown)
{
    struct origins *origins = origins_of(build, item);
    if (!origins)
        return 0;
    if ((origins->count & (origins->count - 1)) == 0) {
        size_t capacity = origins->count == 0 ? 1 : origins->count * 2;
        struct origin *grown = realloc(origins->items, capacity * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        origins->items = grown;
    }
    struct origin *origin = &origins->items[origins->count++];
    origin->place = place;
    (void)snprintf(origin->key, sizeof origin->key, "%.47s", shown);
    return 0;
}

static void set_place(const struct build *build, const struct tree *tree, const struct conf_item *item, void *field, int line)
{
    const char *file = build->conf->files[tree - build->trees];
    struct conf_link *link = item->type == CONF_TYPE_LINK ? field : NULL;
    struct conf_member *member = item->type == CONF_TYPE_MEMBER ? field : NULL;
    if (link) {
        link->file = file;
        link->line = line;
    }
    if (member) {
        member->file = file;
        member->line = line;
    }
}

/* An element that is wrong stays in the list, half filled: the load fails anyway, and the rest of it may still be checked. */
static int apply_element(struct build *build, const struct tree *tree, const struct tree_node *node, const char *shown,
                         const struct conf_item *item, void *base)
{
    void *field = grow_list(item, base);
    if (!field)
        return -ENOMEM;
    ++*conf_item_count(item, base);
    set_place(build, tree, item, field, node->line);
    int r = remember_origin(build, item, tree_place(tree, node), shown);
    if (r < 0)
        return r;
    return value_mapping_prefix(item->type) ? apply_element_mapping(build, tree, node, shown, item, field)
                                            : apply_scalar(build, tree, node, shown, item, field);
}

static int apply_list(struct build *build, const struct tree *tree, const struct tree_node *node, const char *shown,
                      const struct conf_item *item, void *base)
{
    int wrong = 0;
    if (node->kind == TREE_EMPTY)
        return 0;
    if (!expect_kind(build, tree, node, shown, TREE_LIST, "a list, as in [a, b] or a line with - for each"))
        return 1;
    for (size_t i = 0; i < node->children_count; i++) {
        char element[KEY_SIZE];
        (void)snprintf(element, sizeof element, "%.100s[%zu]", shown, i);
        if (*conf_item_count(item, base) >= item->max) {
            conf_errors_add(&build->errors, tree_place(tree, &node->children[i]), element, "more than %zu elements", (size_t)item->max);
            return 1;
        }
        int r = apply_element(build, tree, &node->children[i], element, item, base);
        if (r < 0)
            return r;
        wrong |= r;
    }
    return wrong;
}

static int apply_item(struct build *build, const struct tree *tree, const struct tree_node *node, const char *shown,
                      const struct conf_item *item, const struct scope *scope)
{
    size_t index = conf_item_index(item);
    int r = item->list ? apply_list(build, tree, node, shown, item, scope->base)
                       : apply_scalar(build, tree, node, shown, item, conf_item_field(item, scope->base));
    if (r < 0)
        return r;
    scope->given[index] = true;
    scope->wrong[index] |= r > 0;
    if (scope->places)
        scope->places[index] = tree_place(tree, node);
    return 0;
}

static int apply_section(struct build *build, const struct tree *tree, const struct tree_node *node, const char *shown, const char *name,
                         const struct scope *outer)
{
    struct scope scope = *outer;
    if (node->kind == TREE_EMPTY || !expect_kind(build, tree, node, shown, TREE_MAPPING, "keys below it, indented"))
        return 0;
    (void)snprintf(scope.prefix, sizeof scope.prefix, "%.100s.", name);
    (void)snprintf(scope.shown, sizeof scope.shown, "%.100s.", name);
    return apply_mapping(build, tree, node, &scope);
}

static int apply_pair(struct build *build, const struct tree *tree, const struct tree_node *node, const struct scope *scope)
{
    char name[KEY_SIZE * 2], shown[KEY_SIZE * 2];
    (void)snprintf(name, sizeof name, "%s%.100s", scope->prefix, node->key);
    (void)snprintf(shown, sizeof shown, "%s%.100s", scope->shown, node->key);
    const struct conf_item *item = strpbrk(node->key, ".[") ? NULL : conf_item_find(name);
    if (item)
        return apply_item(build, tree, node, shown, item, scope);
    if (!strpbrk(node->key, ".[") && conf_item_is_section(name))
        return apply_section(build, tree, node, shown, name, scope);
    refuse_unknown(build, tree, node, scope, shown);
    return 0;
}

static int apply_mapping(struct build *build, const struct tree *tree, const struct tree_node *node, const struct scope *scope)
{
    for (size_t i = 0; i < node->children_count; i++) {
        if (node->children[i].kind == TREE_REFUSED)
            continue;
        int r = apply_pair(build, tree, &node->children[i], scope);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Where a key of this section would have to be added. */
static struct conf_place section_place(const struct build *build, const char *name)
{
    size_t size = strcspn(name, ".");
    for (size_t i = 0; i < build->trees_count; i++) {
        const struct tree_node *root = &build->trees[i].root;
        for (size_t j = 0; j < root->children_count; j++) {
            const struct tree_node *node = &root->children[j];
            if (node->key && strlen(node->key) == size && strncmp(node->key, name, size) == 0)
                return tree_key_place(&build->trees[i], node);
        }
    }
    return (struct conf_place){ build->trees[0].file, 0, 0 };
}

int build_complete(struct build *build)
{
    char why[VALUE_WHY_SIZE];
    for (size_t i = 0; i < conf_items_count; i++) {
        const struct conf_item *item = &conf_items[i];
        if (item->base != CONF_BASE_CONF || build->given[i])
            continue;
        if (item->need == CONF_REQUIRED)
            conf_errors_add(&build->errors, section_place(build, item->name), item->name, "is missing; expected %s, for example %s",
                            value_expected(item->type), item->example);
        if (!item->value_default)
            continue;
        int r = value_parse(item, item->value_default, false, "/", conf_item_field(item, build->conf), why);
        if (r < 0)
            return r;
        assert(r == VALUE_OK); /* the table's own defaults */
    }
    return 0;
}
