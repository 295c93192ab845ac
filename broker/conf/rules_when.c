/* What a rule asks for: kinds, lanes, classes, matters, addresses. */
#include "rules_build.h"

#include "suggest.h"

#include <qiao/kind.h>
#include <qiao/limits.h>
#include <qiao/org_type.h>
#include <stdlib.h>
#include <string.h>

#define ELEMENTS_MAX 256u
#define KIND_OWN_MIN 100u          /* below are the bus's own: no rule asks about receipts */

static const char *const lanes[] = { "normal", "urgent", "bulk" };
static const char *const classes[] = { "internal", "public", "confidential", "sealed" };
static const char *const statuses[] = { "actual", "exercise", "test" };
static const char *const hops[] = { "origin", "transit", "destination" }; /* enum rule_hop */
static const char *const cases[] = { "none", "has" };

#define WORDS(list, what_) { list, sizeof list / sizeof list[0], what_ }
const struct rules_words rules_lane_words = WORDS(lanes, "a lane");
static const struct rules_words class_words = WORDS(classes, "a privacy class"), status_words = WORDS(statuses, "a status"),
                                hop_words = WORDS(hops, "a place on the way"), case_words = WORDS(cases, "has or none");

/* ---- words into a mask ---- */

struct masked {
    const struct rules_words *words;
    uint32_t *mask;
};

static void read_masked(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct masked *masked = into;
    int i = rules_word(reader, node, shown, masked->words);
    if (i >= 0)
        *masked->mask |= 1u << i;
}

#define MASK_READER(name, words_, field) \
    static void name(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into) \
    { \
        struct masked masked = { &words_, &((struct rule *)into)->field }; \
        rules_each(reader, node, shown, read_masked, &masked); \
    }

MASK_READER(read_lanes, rules_lane_words, lanes)
MASK_READER(read_classes, class_words, classes)
MASK_READER(read_statuses, status_words, statuses)
MASK_READER(read_hops, hop_words, hops)
MASK_READER(read_cases, case_words, cases)

/* ---- kinds ---- */

static const struct {
    const char *name;
    uint32_t number;
} kind_names[] = {
#define X(name, number, text) { text, number },
    QIAO_KIND_MAP(X)
#undef X
};
#define KIND_NAMES (sizeof kind_names / sizeof kind_names[0])

static const char *kind_name_at(const void *words, size_t i)
{
    (void)words;
    return kind_names[i].name;
}

static void add_kind(const struct fields_reader *reader, struct rules_list *list, const struct tree_node *node, const char *shown, uint32_t number)
{
    const uint32_t *kinds = list->items;
    for (size_t i = 0; i < list->count; i++) {
        if (kinds[i] == number)
            return;
    }
    uint32_t *added = rules_append(reader, list, ELEMENTS_MAX, node, shown);
    if (added)
        *added = number;
}

/* "case.*": every kind that is known by such a name. */
static void add_family(const struct fields_reader *reader, struct rules_list *list, const struct tree_node *node, const char *shown, size_t size)
{
    size_t before = list->count, found = 0;
    char quoted[CONF_QUOTE_SIZE];
    for (size_t i = 0; i < KIND_NAMES; i++) {
        if (strncmp(kind_names[i].name, node->text, size) != 0 || kind_names[i].number < KIND_OWN_MIN)
            continue;
        found++;
        add_kind(reader, list, node, shown, kind_names[i].number);
    }
    if (found == 0 && list->count == before)
        fields_error(reader, node, shown, "found %s, with which no kind's name begins", conf_quote(node->text, quoted));
}

static void read_kind(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    uint32_t number = 0;
    size_t size = node->kind == TREE_SCALAR ? strlen(node->text) : 0;
    if (size > 1 && node->text[size - 1] == '*') {
        add_family(reader, into, node, shown, size - 1);
        return;
    }
    if (size > 0 && node->text[0] >= '0' && node->text[0] <= '9') {
        if (fields_number(reader, node, shown, KIND_OWN_MIN, 99999999, &number))
            add_kind(reader, into, node, shown, number);
        return;
    }
    int i = fields_word(reader, node, shown, "a kind of message, by name or number", kind_name_at, NULL, KIND_NAMES);
    if (i >= 0 && kind_names[i].number < KIND_OWN_MIN)
        fields_error(reader, node, shown, "found \"%s\", which the bus sends itself; no rule asks about it", node->text);
    else if (i >= 0)
        add_kind(reader, into, node, shown, kind_names[i].number);
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static void read_kinds(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct rules_list list = { .size = sizeof(uint32_t) };
    struct rule *rule = into;
    rules_each(reader, node, shown, read_kind, &list);
    if (list.count > 0)
        qsort(list.items, list.count, sizeof(uint32_t), compare_numbers);
    rule->kinds = list.items;
    rule->kinds_count = list.count;
}

/* ---- texts ---- */

static void read_text(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    char found[CONF_QUOTE_SIZE];
    const char *text = fields_text(reader, node, shown, QIAO_MATTER_SIZE_MAX, "a text, or the beginning of texts with * behind it");
    if (!text)
        return;
    size_t size = strlen(text);
    const char *star = strchr(text, '*');
    if (star && star != text + size - 1) {
        fields_error(reader, node, shown, "found %s; expected * at the end only", conf_quote(text, found));
        return;
    }
    struct rule_text *added = rules_append(reader, into, ELEMENTS_MAX, node, shown);
    if (added)
        *added = (struct rule_text){ text, star ? size - 1 : size, star != NULL, node->line, node->column };
}

static void read_matters(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct rules_list list = { .size = sizeof(struct rule_text) };
    struct rule *rule = into;
    rules_each(reader, node, shown, read_text, &list);
    rule->matters = list.items;
    rule->matters_count = list.count;
}

static void read_purposes(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct rules_list list = { .size = sizeof(struct rule_text) };
    struct rule *rule = into;
    rules_each(reader, node, shown, read_text, &list);
    rule->purposes = list.items;
    rule->purposes_count = list.count;
}

/* ---- addresses ---- */

#define ADDRESS_EXPECTED "expected AREA or AREA/ORGANISATION, each with * behind it for all that begin so, AREA/** for notices, type:TYPE or svc:SERVICE"

/* The text up to its end, or up to a star that ends it. False: a star elsewhere. */
static bool take_pattern(const char *text, size_t size, struct rule_text *ret)
{
    const char *star = memchr(text, '*', size);
    if (star && star != text + size - 1)
        return false;
    *ret = (struct rule_text){ .text = text, .size = star ? size - 1 : size, .prefix = star != NULL };
    return star || size > 0;
}

static bool take_area(const char *text, size_t size, struct rule_text *ret)
{
    if (!take_pattern(text, size, ret) || ret->size > 12 || strspn(text, "0123456789") < ret->size)
        return false;
    return ret->prefix || ret->size == 6 || ret->size == 9 || ret->size == 12;
}

static bool take_address(const char *text, struct rule_address *a)
{
    size_t size = strlen(text);
    if (strncmp(text, "svc:", 4) == 0) {
        a->form = RULE_ADDRESS_SERVICE;
        return take_pattern(text + 4, size - 4, &a->service);
    }
    if (size > 3 && strcmp(text + size - 3, "/**") == 0) {
        a->form = RULE_ADDRESS_SET;
        return take_area(text, size - 3, &a->area);
    }
    const char *slash = strchr(text, '/');
    a->form = RULE_ADDRESS_ORG;
    return take_area(text, slash ? (size_t)(slash - text) : size, &a->area) && (!slash || (take_pattern(slash + 1, strlen(slash + 1), &a->org) && !strpbrk(slash + 1, "/#")));
}

static const char *const org_types[] = {
#define X(name, number, text) text,
    QIAO_ORG_TYPE_MAP(X)
#undef X
};

static bool read_type(const struct fields_reader *reader, const struct tree_node *node, const char *shown, struct rule_address *a)
{
    struct conf_suggestion near = { .word = node->text + 5 };
    char found[CONF_QUOTE_SIZE];
    int number = qiao_org_type_from_name(node->text + 5);
    a->form = RULE_ADDRESS_TYPE;
    a->type = number > 0 ? (unsigned)number : 0;
    if (number > 0)
        return true;
    for (size_t i = 0; i < sizeof org_types / sizeof org_types[0]; i++)
        conf_suggest(&near, org_types[i]);
    fields_error(reader, node, shown, "found %s, which is not a type of organisation%s%s%s", conf_quote(node->text, found), near.best ? "; did you mean \"type:" : "",
                 near.best ? near.best : "", near.best ? "\"?" : "");
    return false;
}

static void read_address(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    char found[CONF_QUOTE_SIZE];
    const char *text = fields_text(reader, node, shown, QIAO_AREA_SIZE_MAX + QIAO_ORG_SIZE_MAX + 8, "an address or the beginning of addresses");
    struct rule_address address = { .written = text, .line = node->line, .column = node->column };
    if (!text)
        return;
    if (strncmp(text, "type:", 5) == 0) {
        if (!read_type(reader, node, shown, &address))
            return;
    } else if (!take_address(text, &address)) {
        fields_error(reader, node, shown, "found %s; " ADDRESS_EXPECTED, conf_quote(text, found));
        return;
    }
    struct rule_address *added = rules_append(reader, into, ELEMENTS_MAX, node, shown);
    if (added)
        *added = address;
}

static void read_from(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct rules_list list = { .size = sizeof(struct rule_address) };
    struct rule *rule = into;
    rules_each(reader, node, shown, read_address, &list);
    rule->from = list.items;
    rule->from_count = list.count;
}

static void read_to(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct rules_list list = { .size = sizeof(struct rule_address) };
    struct rule *rule = into;
    rules_each(reader, node, shown, read_address, &list);
    rule->to = list.items;
    rule->to_count = list.count;
}

void rules_read_when(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *rule)
{
    static const struct fields_key keys[] = {
        { "kind", false, read_kinds, NULL },     { "matter", false, read_matters, NULL }, { "from", false, read_from, NULL },   { "to", false, read_to, NULL },
        { "lane", false, read_lanes, NULL },     { "class", false, read_classes, NULL },  { "status", false, read_statuses, NULL },
        { "purpose", false, read_purposes, NULL }, { "case", false, read_cases, NULL },    { "hop", false, read_hops, NULL },
    };
    fields_read(reader, node, shown, keys, sizeof keys / sizeof keys[0], rule);
}
