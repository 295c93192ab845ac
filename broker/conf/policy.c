#include "policy.h"

#include "policy_build.h"

#include <errno.h>
#include <qiao/kind.h>
#include <qiao/limits.h>
#include <qiao/personal_data.h>
#include <stdlib.h>
#include <string.h>

#define RETENTIONS_MAX 256u
#define ORGS_MAX 65536u
#define MARKERS_MAX 256u
#define KIND_OWN_MIN 100u          /* below are the bus's own: no policy asks about receipts */
#define RETENTION_DAYS_MAX 36525u

static struct conf_policy *policy_of(const struct fields_reader *reader) { return reader->context; }

void *policy_append(const struct fields_reader *reader, struct policy_list *list, size_t max, const struct tree_node *node, const char *shown)
{
    if (list->count == max) {
        fields_error(reader, node, shown, "more than %zu elements", max);
        return NULL;
    }
    if ((list->count & (list->count - 1)) == 0) { /* 0 or a power of two: full */
        size_t capacity = list->count == 0 ? 1 : list->count * 2;
        void *items = realloc(list->items, capacity * list->size);
        if (!items) {
            policy_of(reader)->out_of_memory = true;
            return NULL;
        }
        list->items = items;
    }
    return memset((char *)list->items + list->count++ * list->size, 0, list->size);
}

static const char *text_at(const void *items, size_t i) { return ((const char *const *)items)[i]; }

void policy_append_text(const struct fields_reader *reader, struct policy_list *list, size_t max, const struct tree_node *node, const char *shown,
                        size_t size_max, const char *expected)
{
    char found[CONF_QUOTE_SIZE];
    const char *text = fields_text(reader, node, shown, size_max, expected);
    if (!text)
        return;
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(text_at(list->items, i), text) != 0)
            continue;
        fields_error(reader, node, shown, "found %s twice; expected each once", conf_quote(text, found));
        return;
    }
    const char **item = policy_append(reader, list, max, node, shown);
    if (item)
        *item = text;
}

int policy_text_index(const struct fields_reader *reader, const struct policy_list *list, const struct tree_node *node, const char *shown, const char *what)
{
    return fields_word(reader, node, shown, what, text_at, list->items, list->count);
}

/* ---- purposes, retention ---- */

static void read_about(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    (void)into;
    (void)fields_text(reader, node, shown, 512, "what it is for");
}

static void read_purpose_name(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    (void)into;
    policy_append_text(reader, &policy_of(reader)->purposes, POLICY_SET_MAX, node, shown, QIAO_PURPOSE_SIZE_MAX, "a name such as HANDLE_COMPLAINT");
}

static void read_purpose(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const struct fields_key keys[] = { { "name", true, read_purpose_name, "its name, as in name: HANDLE_COMPLAINT" }, { "about", false, read_about, NULL } };
    fields_read(reader, node, shown, keys, 2, into);
}

static void read_purposes(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    fields_each(reader, node, shown, read_purpose, into);
}

static void read_retention_name(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    const struct policy_list *list = &policy_of(reader)->retentions;
    const struct policy_retention *others = list->items;
    struct policy_retention *retention = into;
    retention->name = fields_text(reader, node, shown, QIAO_RETENTION_SIZE_MAX, "a name such as CASE.10Y");
    for (size_t i = 0; retention->name && i < list->count; i++) {
        if (others[i].name && strcmp(others[i].name, retention->name) == 0)
            fields_error(reader, node, shown, "found \"%s\" twice, first in line %d; expected each once", retention->name, others[i].line);
    }
}

static void read_days(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct policy_retention *retention = into;
    retention->days_max = POLICY_DAYS_PERMANENT;
    if (node->kind != TREE_SCALAR || node->quoted || strcmp(node->text, "permanent") != 0)
        (void)fields_number(reader, node, shown, 0, RETENTION_DAYS_MAX, &retention->days_max);
}

static void read_retention(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const struct fields_key keys[] = {
        { "name", true, read_retention_name, "its name, as in name: CASE.10Y" },
        { "days", true, read_days, "days: a number, or permanent" },
        { "about", false, read_about, NULL },
    };
    struct policy_retention retention = { .line = node->line };
    (void)into;
    fields_read(reader, node, shown, keys, sizeof keys / sizeof keys[0], &retention);
    struct policy_retention *added = retention.name ? policy_append(reader, &policy_of(reader)->retentions, RETENTIONS_MAX, node, shown) : NULL;
    if (added)
        *added = retention;
}

static void read_retentions(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    fields_each(reader, node, shown, read_retention, into);
}

/* ---- kinds ---- */

static const struct {
    const char *name;
    uint32_t number;
} kind_names[] = {
#define X(name, number, text) { text, number },
    QIAO_KIND_MAP(X)
#undef X
};

static const char *kind_name_at(const void *words, size_t i)
{
    (void)words;
    return kind_names[i].name;
}

bool policy_kind_number(const struct fields_reader *reader, const struct tree_node *node, const char *shown, uint32_t *ret_number)
{
    if (node->kind == TREE_SCALAR && node->text[0] >= '0' && node->text[0] <= '9')
        return fields_number(reader, node, shown, KIND_OWN_MIN, 99999999, ret_number);
    int i = fields_word(reader, node, shown, "a kind of message, by name or number", kind_name_at, NULL, sizeof kind_names / sizeof kind_names[0]);
    if (i < 0)
        return false;
    *ret_number = kind_names[i].number;
    if (*ret_number >= KIND_OWN_MIN)
        return true;
    fields_error(reader, node, shown, "found \"%s\", which the bus sends itself; no policy asks about it", node->text);
    return false;
}

static void read_kind_number(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    const struct policy_list *list = &policy_of(reader)->kinds;
    const struct policy_kind *others = list->items;
    struct policy_kind *kind = into;
    if (!policy_kind_number(reader, node, shown, &kind->number))
        return;
    for (size_t i = 0; i < list->count; i++) {
        if (others[i].number == kind->number)
            fields_error(reader, node, shown, "found %s twice, first in line %d; expected each once", node->text, others[i].line);
    }
}

static void read_kind_purpose(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    int i = policy_text_index(reader, &policy_of(reader)->purposes, node, shown, "in purposes: of this file");
    if (i >= 0)
        policy_set_add(&((struct policy_kind *)into)->purposes, (size_t)i);
}

static void read_kind_purposes(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    fields_each(reader, node, shown, read_kind_purpose, into);
}

static const struct {
    const char *name;
    unsigned bit;
} personal_data[] = {
#define X(name, bit, text, covers) { text, bit },
    QIAO_PERSONAL_DATA_MAP(X)
#undef X
};

static const char *personal_data_at(const void *words, size_t i)
{
    (void)words;
    return personal_data[i].name;
}

static void read_field(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    int i = fields_word(reader, node, shown, "a field of personal data", personal_data_at, NULL, sizeof personal_data / sizeof personal_data[0]);
    if (i >= 0)
        ((struct policy_kind *)into)->personal_data |= UINT64_C(1) << personal_data[i].bit;
}

static void read_fields(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    fields_each(reader, node, shown, read_field, into);
}

static void read_sealed(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    (void)fields_bool(reader, node, shown, &((struct policy_kind *)into)->sealed);
}

static const char *retention_at(const void *items, size_t i) { return ((const struct policy_retention *)items)[i].name; }

static void read_kind_retention(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    const struct policy_list *list = &policy_of(reader)->retentions;
    struct policy_kind *kind = into;
    int i = fields_word(reader, node, shown, "in retention: of this file", retention_at, list->items, list->count);
    if (i < 0)
        return;
    kind->has_retention = true;
    kind->retention_days_max = ((const struct policy_retention *)list->items)[i].days_max;
}

static void read_kind(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const struct fields_key keys[] = {
        { "kind", true, read_kind_number, "its name or number, as in kind: case.open" },
        { "about", false, read_about, NULL },
        { "purposes", true, read_kind_purposes, "a list of purposes" },
        { "personal_data", false, read_fields, NULL },
        { "retention", false, read_kind_retention, NULL },
        { "sealed", false, read_sealed, NULL },
    };
    struct policy_kind kind = { .line = node->line };
    (void)into;
    fields_read(reader, node, shown, keys, sizeof keys / sizeof keys[0], &kind);
    struct policy_kind *added = kind.number ? policy_append(reader, &policy_of(reader)->kinds, POLICY_SET_MAX, node, shown) : NULL;
    if (added)
        *added = kind;
}

static void read_kinds(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    fields_each(reader, node, shown, read_kind, into);
}

/* ---- organisations ---- */

static void read_address(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    char found[CONF_QUOTE_SIZE];
    struct policy_org *org = into;
    const char *text = fields_text(reader, node, shown, QIAO_AREA_SIZE_MAX + QIAO_ORG_SIZE_MAX + 1, "an address");
    char *slash = text ? strchr(node->text, '/') : NULL;
    size_t digits = text ? strspn(text, "0123456789") : 0;
    if (!text)
        return;
    if (!slash || (size_t)(slash - text) != digits || (digits != 6 && digits != 9 && digits != 12) || !slash[1] || strpbrk(slash + 1, "/#")) {
        fields_error(reader, node, shown, "found %s; expected AREA/ORGANISATION with an area of 6, 9 or 12 digits", conf_quote(text, found));
        return;
    }
    *slash = '\0'; /* the tree is this policy's own */
    org->area = text;
    org->org = slash + 1;
}

static void read_type(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    int type = policy_org_type(reader, node, shown);
    ((struct policy_org *)into)->type = type > 0 ? (unsigned)type : 0;
}

static void read_org(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const struct fields_key keys[] = {
        { "address", true, read_address, "its address, as in address: 990101/court" },
        { "type", true, read_type, "its type, as in type: judicial" },
    };
    struct conf_policy *policy = policy_of(reader);
    struct policy_org org = { .line = node->line };
    (void)into;
    fields_read(reader, node, shown, keys, 2, &org);
    if (!org.area || !org.type)
        return;
    struct policy_org *added = policy_append(reader, &policy->orgs, ORGS_MAX, node, shown);
    const struct tree_node **at = added ? policy_append(reader, &policy->orgs_at, ORGS_MAX, node, shown) : NULL;
    if (added)
        *added = org;
    if (at)
        *at = node;
}

static void read_orgs(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    fields_each(reader, node, shown, read_org, into);
}

struct placed_org {
    const struct policy_org *org;
    const struct tree_node *at;
};

static int compare_orgs(const void *a, const void *b)
{
    const struct policy_org *left = ((const struct placed_org *)a)->org, *right = ((const struct placed_org *)b)->org;
    int order = strcmp(left->area, right->area);
    if (order == 0)
        order = strcmp(left->org, right->org);
    return order != 0 ? order : (left > right) - (left < right);
}

static void check_orgs(const struct fields_reader *reader)
{
    struct conf_policy *policy = policy_of(reader);
    const struct policy_org *orgs = policy->orgs.items;
    const struct tree_node *const *at = policy->orgs_at.items;
    size_t count = policy->orgs_at.count;
    struct placed_org *sorted = calloc(count + 1, sizeof *sorted);
    if (!sorted) {
        policy->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct placed_org){ &orgs[i], at[i] };
    qsort(sorted, count, sizeof *sorted, compare_orgs);
    for (size_t i = 1; i < count; i++) {
        const struct policy_org *before = sorted[i - 1].org, *here = sorted[i].org;
        if (strcmp(before->area, here->area) == 0 && strcmp(before->org, here->org) == 0)
            fields_error(reader, sorted[i].at, "organisations", "found %s/%s twice, first in line %d; expected each once", here->area, here->org, before->line);
    }
    free(sorted);
}

/* ---- secrets ---- */

/* Short markers would be found everywhere; one Chinese character is three bytes. */
static void read_marker(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    if (node->kind == TREE_SCALAR && strlen(node->text) < 3)
        fields_error(reader, node, shown, "found a marker of fewer than 3 bytes; expected a word that does not stand in ordinary text");
    else
        policy_append_text(reader, into, MARKERS_MAX, node, shown, QIAO_MATTER_SIZE_MAX, "a word");
}

static void read_secret_purposes(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    (void)into;
    fields_each(reader, node, shown, read_marker, &policy_of(reader)->secret_purposes);
}

static void read_secret_prefixes(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    (void)into;
    fields_each(reader, node, shown, read_marker, &policy_of(reader)->secret_prefixes);
}

static void read_secret_keywords(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    (void)into;
    fields_each(reader, node, shown, read_marker, &policy_of(reader)->secret_keywords);
}

static void read_secret(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const struct fields_key keys[] = {
        { "purposes", false, read_secret_purposes, NULL },
        { "matter_prefixes", false, read_secret_prefixes, NULL },
        { "keywords", false, read_secret_keywords, NULL },
    };
    policy_of(reader)->tables.secret.line = node->line;
    fields_read(reader, node, shown, keys, sizeof keys / sizeof keys[0], into);
}

/* ---- the whole ---- */

static void read_policy(const struct fields_reader *reader)
{
    static const struct fields_key keys[] = {
        { "purposes", true, read_purposes, "a list of purposes" },
        { "retention", false, read_retentions, NULL },
        { "kinds", true, read_kinds, "a list of kinds with their purposes" },
        { "secret_markers", true, read_secret, "what makes a message secret" },
        { "organisations", false, read_orgs, NULL },
        { "rules", true, policy_read_rules, "a list of rules; what none of them allows is refused" },
    };
    fields_read(reader, &reader->tree->root, "", keys, sizeof keys / sizeof keys[0], NULL);
    check_orgs(reader);
    policy_check_shadows(reader);
}

static void finish(struct conf_policy *p)
{
    int secret_line = p->tables.secret.line;
    p->tables = (struct policy_tables){
        .file = p->file.file, .catalogue_file = p->catalogue.file,
        .versions = p->versions.items, .versions_count = p->versions.count, .purposes = p->purposes.items, .purposes_count = p->purposes.count,
        .kinds = p->kinds.items, .kinds_count = p->kinds.count, .retentions = p->retentions.items, .retentions_count = p->retentions.count,
        .orgs = p->orgs.items, .orgs_count = p->orgs.count, .articles = p->articles.items, .articles_count = p->articles.count,
        .rules = p->rules.items, .rules_count = p->rules.count,
        .secret = { .purposes = p->secret_purposes.items, .purposes_count = p->secret_purposes.count, .matter_prefixes = p->secret_prefixes.items,
                    .matter_prefixes_count = p->secret_prefixes.count, .keywords = p->secret_keywords.items,
                    .keywords_count = p->secret_keywords.count, .line = secret_line },
    };
}

static struct conf_policy *new_policy(void)
{
    struct conf_policy *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    struct policy_list *const texts[] = { &p->versions, &p->purposes, &p->secret_purposes, &p->secret_prefixes, &p->secret_keywords, &p->orgs_at, &p->articles_at };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        texts[i]->size = sizeof(char *);
    p->kinds.size = sizeof(struct policy_kind);
    p->retentions.size = sizeof(struct policy_retention);
    p->orgs.size = sizeof(struct policy_org);
    p->articles.size = sizeof(struct policy_article);
    p->rules.size = sizeof(struct policy_rule);
    return p;
}

/* A catalogue that cannot be read makes every basis of the rules doubtful: then only the catalogue's errors are told. */
static int read_files(struct conf_policy *p, const char *policy_file, const char *catalogue_file, struct conf_errors *errors)
{
    struct fields_reader reader = { .tree = &p->catalogue, .errors = errors, .context = p };
    size_t before = errors->count;
    int r = tree_init(&p->catalogue, catalogue_file, errors);
    if (r == 0 && !p->catalogue.broken)
        policy_read_catalogue(&reader);
    bool sound = errors->count == before;
    if (r == 0)
        r = tree_init(&p->file, policy_file, errors);
    reader.tree = &p->file;
    if (r == 0 && sound && !p->file.broken)
        read_policy(&reader);
    return p->out_of_memory ? -ENOMEM : r;
}

int conf_policy_load(const char *policy_file, const char *catalogue_file, struct conf_errors *errors, struct conf_policy **ret_policy)
{
    size_t before = errors->count;
    struct conf_policy *policy = new_policy();
    *ret_policy = NULL;
    if (!policy)
        return -ENOMEM;
    int r = read_files(policy, policy_file, catalogue_file, errors);
    if (r < 0 || errors->count > before) {
        conf_policy_free(policy);
        return r;
    }
    finish(policy);
    *ret_policy = policy;
    return 0;
}

struct conf_policy *conf_policy_free(struct conf_policy *p)
{
    if (!p)
        return NULL;
    struct policy_rule *rules = p->rules.items;
    for (size_t i = 0; i < p->rules.count; i++)
        free((void *)rules[i].bases);
    struct policy_list *const lists[] = { &p->versions, &p->purposes, &p->kinds, &p->retentions, &p->orgs, &p->articles, &p->rules,
                                          &p->secret_purposes, &p->secret_prefixes, &p->secret_keywords, &p->orgs_at, &p->articles_at };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        free(lists[i]->items);
    tree_deinit(&p->file);
    tree_deinit(&p->catalogue);
    free(p);
    return NULL;
}

const struct policy_tables *conf_policy_tables(const struct conf_policy *policy) { return &policy->tables; }
