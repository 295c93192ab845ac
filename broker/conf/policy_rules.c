/* The rules of a policy file: who, to whom, which kinds, what for; and what is asked of those that match. */
#include "policy_build.h"

#include <qiao/limits.h>
#include <qiao/org_type.h>
#include <stdlib.h>
#include <string.h>

#define RULES_MAX 4096u
#define BASES_MAX 64u
#define RATE_MAX 1000000u

static struct conf_policy *policy_of(const struct fields_reader *reader) { return reader->context; }

/* Words whose index is the number of a bit. */
struct words {
    const char *const *items;
    size_t count;
    const char *what;
};

static const char *const org_types[] = {
    "unknown",
#define X(name, number, text) [number] = text,
    QIAO_ORG_TYPE_MAP(X)
#undef X
};
static const char *const levels[] = { "none", "district", "street", "community" };
static const char *const classes[] = { "internal", "public", "confidential", "sealed" };
static const char *const lanes[] = { "normal", "urgent", "bulk" };

static const char *word_at(const void *words, size_t i) { return ((const char *const *)words)[i]; }

int policy_org_type(const struct fields_reader *reader, const struct tree_node *node, const char *shown)
{
    /* From 1: nobody is of the type "unknown" by configuration. */
    int i = fields_word(reader, node, shown, "a type of organisation", word_at, org_types + 1, sizeof org_types / sizeof org_types[0] - 1);
    return i < 0 ? -1 : i + 1;
}

/* A list of words being read into a mask. */
struct masked {
    const struct words *words;
    uint32_t *mask;
};

static void read_masked(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct masked *masked = into;
    int i = fields_word(reader, node, shown, masked->words->what, word_at, masked->words->items, masked->words->count);
    if (i >= 0)
        *masked->mask |= 1u << i;
}

/* An empty list would ask for nothing, which is not what it looks like. */
static void refuse_empty(const struct fields_reader *reader, const struct tree_node *node, const char *shown)
{
    if (node->kind == TREE_EMPTY || (node->kind == TREE_LIST && node->children_count == 0))
        fields_error(reader, node, shown, "found an empty list; expected at least one, or leave the key out for any");
}

static void read_mask(const struct fields_reader *reader, const struct tree_node *node, const char *shown, const struct words *words, uint32_t *mask)
{
    struct masked masked = { words, mask };
    refuse_empty(reader, node, shown);
    fields_each(reader, node, shown, read_masked, &masked);
}

#define MASK_READER(name, list, what_, field) \
    static void name(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into) \
    { \
        static const struct words words = { list, sizeof list / sizeof list[0], what_ }; \
        read_mask(reader, node, shown, &words, &((struct policy_rule *)into)->field); \
    }

MASK_READER(read_from_types, org_types, "a type of organisation", from_types)
MASK_READER(read_from_levels, levels, "a level of areas", from_levels)
MASK_READER(read_to_types, org_types, "a type of organisation", to_types)
MASK_READER(read_to_levels, levels, "a level of areas", to_levels)
MASK_READER(read_classes, classes, "a privacy class", classes)
MASK_READER(read_lanes, lanes, "a lane", lanes)

static void read_from(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const struct fields_key keys[] = { { "types", false, read_from_types, NULL }, { "levels", false, read_from_levels, NULL } };
    fields_read(reader, node, shown, keys, 2, into);
}

static void read_to(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const struct fields_key keys[] = { { "types", false, read_to_types, NULL }, { "levels", false, read_to_levels, NULL } };
    fields_read(reader, node, shown, keys, 2, into);
}

static void read_rule_kind(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    const struct policy_list *kinds = &policy_of(reader)->kinds;
    const struct policy_kind *items = kinds->items;
    struct policy_rule *rule = into;
    uint32_t number = 0;
    if (!policy_kind_number(reader, node, shown, &number))
        return;
    size_t i = 0;
    while (i < kinds->count && items[i].number != number)
        i++;
    if (i == kinds->count)
        fields_error(reader, node, shown, "found %s, which is not in kinds: of this file; add it there with its purposes", node->text);
    else
        policy_set_add(&rule->kinds, i);
}

static void read_rule_kinds(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    refuse_empty(reader, node, shown);
    ((struct policy_rule *)into)->any_kind = false;
    fields_each(reader, node, shown, read_rule_kind, into);
}

static void read_rule_purpose(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct policy_rule *rule = into;
    int i = policy_text_index(reader, &policy_of(reader)->purposes, node, shown, "in purposes: of this file");
    if (i >= 0)
        policy_set_add(&rule->purposes, (size_t)i);
}

static void read_rule_purposes(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    refuse_empty(reader, node, shown);
    ((struct policy_rule *)into)->any_purpose = false;
    fields_each(reader, node, shown, read_rule_purpose, into);
}

static bool in_catalogue(const struct conf_policy *policy, const struct policy_basis *basis)
{
    const struct policy_article *articles = policy->articles.items;
    for (size_t i = 0; i < policy->articles.count; i++) {
        const struct policy_article *a = &articles[i];
        size_t size = strlen(a->article);
        if (strcmp(a->law, basis->law) != 0)
            continue;
        /* "1190(3)" is a paragraph of 1190. */
        if (!basis->article || strcmp(a->article, basis->article) == 0 || (strncmp(a->article, basis->article, size) == 0 && basis->article[size] == '('))
            return true;
    }
    return false;
}

static void read_basis(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    char found[CONF_QUOTE_SIZE];
    const char *text = fields_text(reader, node, shown, 2 * QIAO_BASIS_SIZE_MAX + 1, "a basis such as ECO-CODE#599");
    if (!text)
        return;
    conf_quote(text, found);
    char *article = strchr(node->text, '#');
    if (!article || article == node->text || !article[1]) {
        fields_error(reader, node, shown, "found %s; expected LAW#ARTICLE, or LAW#* for any article", found);
        return;
    }
    *article++ = '\0'; /* the tree is this policy's own */
    struct policy_basis basis = { node->text, strcmp(article, "*") == 0 ? NULL : article };
    if (!in_catalogue(policy_of(reader), &basis)) {
        fields_error(reader, node, shown, "found %s, which is not in the catalogue of legal bases; add it there, or cite what is", found);
        return;
    }
    struct policy_basis *added = policy_append(reader, into, BASES_MAX, node, shown);
    if (added)
        *added = basis;
}

static void read_bases(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const char *const needs[] = { "any", "listed", "none" }; /* enum policy_basis_need */
    struct policy_rule *rule = into;
    if (node->kind == TREE_LIST) {
        struct policy_list bases = { .size = sizeof(struct policy_basis) };
        fields_each(reader, node, shown, read_basis, &bases);
        if (node->children_count == 0)
            fields_error(reader, node, shown, "found an empty list; expected at least one, or any, or none");
        rule->basis_need = POLICY_BASIS_LISTED;
        rule->bases = bases.items;
        rule->bases_count = bases.count;
        return;
    }
    int i = fields_word(reader, node, shown, "a list of bases, any or none", word_at, needs, 3);
    if (i == POLICY_BASIS_LISTED)
        fields_error(reader, node, shown, "found \"listed\"; expected the list itself, any or none");
    else if (i >= 0)
        rule->basis_need = (enum policy_basis_need)i;
}

static void read_consent(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const char *const needs[] = { "none", "required", "or-duty" }; /* enum policy_consent */
    int i = fields_word(reader, node, shown, "none, required or or-duty", word_at, needs, 3);
    if (i >= 0)
        ((struct policy_rule *)into)->consent = (enum policy_consent)i;
}

static void read_rate(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct policy_rule *rule = into;
    if (fields_number(reader, node, shown, 1, RATE_MAX, &rule->rate))
        rule->burst = rule->rate;
}

static void read_burst(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct policy_rule *rule = into;
    if (rule->rate == 0)
        fields_error(reader, node, shown, "is of use only with rate:, messages a minute");
    (void)fields_number(reader, node, shown, 1, RATE_MAX, &rule->burst);
}

static void read_refuse(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    (void)fields_bool(reader, node, shown, &((struct policy_rule *)into)->refuse);
}

static void read_about(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    (void)into;
    (void)fields_text(reader, node, shown, 512, "what it is for");
}

static void read_id(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    const struct policy_list *rules = &policy_of(reader)->rules;
    const struct policy_rule *others = rules->items;
    struct policy_rule *rule = into;
    const char *id = fields_text(reader, node, shown, 64, "a name for explanations");
    for (size_t i = 0; id && i < rules->count; i++) {
        if (others[i].id && strcmp(others[i].id, id) == 0)
            fields_error(reader, node, shown, "found \"%s\" twice, first in line %d; expected each once", id, others[i].line);
    }
    rule->id = id;
}

static void read_rule(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const struct fields_key keys[] = {
        { "id", true, read_id, "a name for explanations, as in id: intake" },
        { "about", false, read_about, NULL }, { "from", false, read_from, NULL }, { "to", false, read_to, NULL },
        { "kinds", false, read_rule_kinds, NULL }, { "purposes", false, read_rule_purposes, NULL }, { "classes", false, read_classes, NULL },
        { "lanes", false, read_lanes, NULL }, { "basis", false, read_bases, NULL }, { "consent", false, read_consent, NULL },
        { "rate", false, read_rate, NULL }, { "burst", false, read_burst, NULL }, { "refuse", false, read_refuse, NULL },
    };
    struct policy_rule rule = { .line = node->line, .any_kind = true, .any_purpose = true };
    (void)into;
    fields_read(reader, node, shown, keys, sizeof keys / sizeof keys[0], &rule);
    struct policy_rule *added = policy_append(reader, &policy_of(reader)->rules, RULES_MAX, node, shown);
    if (added)
        *added = rule;
    else
        free((void *)rule.bases);
}

void policy_read_rules(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    fields_each(reader, node, shown, read_rule, into);
}

/* ---- rules that can never match ---- */

static bool mask_covers(uint32_t first, uint32_t later) { return first == 0 || (later != 0 && (later & ~first) == 0); }

static bool set_covers(bool first_any, const struct policy_set *first, bool later_any, const struct policy_set *later)
{
    bool inside = !later_any;
    for (size_t i = 0; i < POLICY_SET_MAX / 64; i++)
        inside = inside && (later->words[i] & ~first->words[i]) == 0;
    return first_any || inside;
}

static bool covers(const struct policy_rule *first, const struct policy_rule *later)
{
    return mask_covers(first->from_types, later->from_types) && mask_covers(first->from_levels, later->from_levels) &&
           mask_covers(first->to_types, later->to_types) && mask_covers(first->to_levels, later->to_levels) && mask_covers(first->classes, later->classes) &&
           mask_covers(first->lanes, later->lanes) && set_covers(first->any_kind, &first->kinds, later->any_kind, &later->kinds) &&
           set_covers(first->any_purpose, &first->purposes, later->any_purpose, &later->purposes);
}

void policy_check_shadows(const struct fields_reader *reader)
{
    const struct policy_list *rules = &policy_of(reader)->rules;
    const struct policy_rule *items = rules->items;
    for (size_t later = 1; later < rules->count; later++) {
        for (size_t first = 0; first < later; first++) {
            if (!covers(&items[first], &items[later]))
                continue;
            struct conf_place place = { reader->tree->file, items[later].line, 1 };
            conf_errors_add(reader->errors, place, "rules", "the rule %s can never match: %s in line %d comes first and takes all of it; move it up or remove it",
                            items[later].id, items[first].id, items[first].line);
            break;
        }
    }
}
