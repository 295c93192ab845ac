#include "core/policy.h"

#include "core/policy_state.h"

#include <qiao/client.h>
#include <qiao/org_type.h>
#include <qiao/personal_data.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- building ---- */

static int compare_kinds(const void *a, const void *b)
{
    const struct policy_kind *left = *(const struct policy_kind *const *)a, *right = *(const struct policy_kind *const *)b;
    return (left->number > right->number) - (left->number < right->number);
}

static int compare_orgs(const void *a, const void *b)
{
    const struct policy_org *left = *(const struct policy_org *const *)a, *right = *(const struct policy_org *const *)b;
    int order = strcmp(left->area, right->area);
    return order ? order : strcmp(left->org, right->org);
}

struct policy *policy_new(const struct policy_tables *t)
{
    struct policy *policy = base_zalloc(sizeof *policy);
    policy->tables = t;
    policy->kinds = base_zalloc(t->kinds_count * sizeof(struct policy_kind *));
    policy->articles = base_zalloc(t->articles_count * sizeof(struct policy_article *));
    policy->orgs = base_zalloc(t->orgs_count * sizeof(struct policy_org *));
    policy->buckets = base_zalloc(t->rules_count * sizeof *policy->buckets);
    for (size_t i = 0; i < t->kinds_count; i++) policy->kinds[i] = &t->kinds[i];
    for (size_t i = 0; i < t->articles_count; i++) policy->articles[i] = &t->articles[i];
    for (size_t i = 0; i < t->orgs_count; i++) policy->orgs[i] = &t->orgs[i];
    qsort(policy->kinds, t->kinds_count, sizeof *policy->kinds, compare_kinds);
    qsort(policy->orgs, t->orgs_count, sizeof *policy->orgs, compare_orgs);
    policy_sort_articles(policy);
    return policy;
}

struct policy *policy_free(struct policy *policy)
{
    if (!policy) return NULL;
    for (size_t i = 0; i < policy->tables->rules_count; i++) free(policy->buckets[i].items);
    free(policy->buckets);
    free(policy->kinds);
    free(policy->articles);
    free(policy->orgs);
    free(policy);
    return NULL;
}

/* ---- answering ---- */

unsigned policy_answer(struct policy_answer *answer, unsigned code, const char *rule, const char *file, int line, const char *format, ...)
{
    answer->rule = rule;
    answer->file = file;
    answer->line = line;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(answer->reason, sizeof answer->reason, format, arguments);
    va_end(arguments);
    return code;
}

/* A check in progress. */
struct check {
    const struct policy *policy;
    const struct policy_question *question;
    const struct header *header;
    struct policy_answer *answer;
    const struct policy_kind *kind;
    size_t kind_index, purpose_index;
    unsigned to_type, from_level, to_level;
    struct legal_basis cited[QIAO_BASES_MAX];
    bool duty;
};

#define REFUSE(check, code, rule, line, ...) policy_answer((check)->answer, QIAO_CODE_##code, rule, (check)->policy->tables->file, line, __VA_ARGS__)

static const struct policy_kind *find_kind(const struct policy *policy, uint32_t number)
{
    size_t low = 0, high = policy->tables->kinds_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (policy->kinds[middle]->number == number) return policy->kinds[middle];
        if (policy->kinds[middle]->number < number) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

static int compare_org(const struct policy_org *org, const struct address *to)
{
    const struct { const char *text; struct qiao_bytes bytes; } pairs[] = { { org->area, to->area }, { org->org, to->org } };
    for (int i = 0; i < 2; i++) {
        size_t size = strlen(pairs[i].text);
        int order = memcmp(pairs[i].text, pairs[i].bytes.data, size < pairs[i].bytes.size ? size : pairs[i].bytes.size);
        if (order || size != pairs[i].bytes.size) return order ? order : size < pairs[i].bytes.size ? -1 : 1;
    }
    return 0;
}

static unsigned find_org_type(const struct policy *policy, const struct address *to)
{
    size_t low = 0, high = to->area.size && to->org.size ? policy->tables->orgs_count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_org(policy->orgs[middle], to);
        if (order == 0) return policy->orgs[middle]->type;
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return QIAO_ORG_TYPE_UNKNOWN;
}

static unsigned level_of(const struct address *address)
{
    struct qiao_bytes area = address->area;
    address_is_set(address, &area);
    return area.size == 6 ? POLICY_LEVEL_DISTRICT : area.size == 9 ? POLICY_LEVEL_STREET : area.size == 12 ? POLICY_LEVEL_COMMUNITY : POLICY_LEVEL_NONE;
}

static unsigned check_secret(struct check *c)
{
    if (!policy_is_secret(c->policy, c->header)) return QIAO_CODE_OK;
    return REFUSE(c, SECRET, "secret", c->policy->tables->secret.line, "marked as a state or work secret; it may not travel on this bus, and nothing of it was kept");
}

static unsigned check_kind(struct check *c)
{
    c->kind = find_kind(c->policy, c->header->kind);
    if (!c->kind) return REFUSE(c, ROUTE_DENIED, "kinds", 0, "kind %u is not among the policy's kinds", c->header->kind);
    c->kind_index = (size_t)(c->kind - c->policy->tables->kinds);
    if (c->kind->sealed && c->header->privacy != QIAO_PRIVACY_SEALED)
        return REFUSE(c, PLAINTEXT_SEALED, "kinds", c->kind->line, "this kind travels sealed only; seal it to the recipient's seat");
    return QIAO_CODE_OK;
}

/* Personal data goes to somebody, sealed bodies to one seat: no wildcard, no broadcast (domain 1.3). */
static unsigned check_destination(struct check *c)
{
    const struct address *to = &c->header->destination;
    struct qiao_bytes root;
    if (c->header->privacy != QIAO_PRIVACY_CONFIDENTIAL && c->header->privacy != QIAO_PRIVACY_SEALED) return QIAO_CODE_OK;
    if (to->org.size == 0 || to->service.size > 0 || address_is_set(to, &root))
        return REFUSE(c, ROUTE_DENIED, "classes", 0, "confidential and sealed messages need a named organisation, no service and no area set");
    if (c->header->privacy == QIAO_PRIVACY_SEALED && to->seat.size == 0)
        return REFUSE(c, ROUTE_DENIED, "classes", 0, "sealed messages need a named seat; write area/organisation#seat");
    return QIAO_CODE_OK;
}

static unsigned check_purpose(struct check *c)
{
    const struct policy_tables *t = c->policy->tables;
    for (size_t i = 0; i < t->purposes_count; i++) {
        if (!qiao_bytes_equal(qiao_bytes_from_string(t->purposes[i]), c->header->purpose)) continue;
        c->purpose_index = i;
        if (policy_set_has(&c->kind->purposes, i)) return QIAO_CODE_OK;
    }
    return REFUSE(c, PURPOSE, "kinds", c->kind->line, c->header->purpose.size ? "this purpose is not among those of the kind" : "the message names no purpose; the kind needs one");
}

static const char *first_field(uint64_t mask)
{
    for (unsigned bit = 0; bit < 64; bit++)
        if (mask >> bit & 1) return qiao_personal_data_name(bit) ? qiao_personal_data_name(bit) : "a field of a newer version";
    return "";
}

/* PIPL Art 6, 19, 34: no more than the purpose needs. Art 25: nothing personal is published. */
static unsigned check_personal_data(struct check *c)
{
    uint64_t mask = c->header->pi_mask, excess = mask & ~c->kind->personal_data;
    if (excess) return REFUSE(c, PI_EXCESS, "kinds", c->kind->line, "this kind may not carry %s; leave it out", first_field(excess));
    if (mask && c->header->privacy != QIAO_PRIVACY_CONFIDENTIAL && c->header->privacy != QIAO_PRIVACY_SEALED)
        return REFUSE(c, PI_EXCESS, "classes", 0, "%s is personal data; send it confidential or sealed", first_field(mask));
    return QIAO_CODE_OK;
}

static unsigned check_bases(struct check *c)
{
    return policy_check_bases(c->policy, c->header, c->question->wall_ms, c->answer, c->cited, &c->duty);
}

static const struct policy_retention *find_retention(const struct policy_tables *t, struct qiao_bytes name)
{
    for (size_t i = 0; i < t->retentions_count; i++)
        if (qiao_bytes_equal(qiao_bytes_from_string(t->retentions[i].name), name)) return &t->retentions[i];
    return NULL;
}

static unsigned check_retention(struct check *c)
{
    const struct header *h = c->header;
    const struct policy_retention *rule = find_retention(c->policy->tables, h->retention_rule);
    if (h->retention_rule.size > 0 && !rule) return REFUSE(c, RETENTION, "retention", 0, "the retention rule is not among the policy's");
    if (!rule && !c->kind->has_retention)
        return h->retention_not_after_ms ? REFUSE(c, RETENTION, "retention", c->kind->line, "a day without a retention rule; name the rule") : QIAO_CODE_OK;
    uint32_t days_max = c->kind->has_retention ? c->kind->retention_days_max : rule->days_max;
    int line = c->kind->has_retention ? c->kind->line : rule->line;
    if (rule && rule->days_max > days_max) return REFUSE(c, RETENTION, "kinds", line, "this kind is kept %u days at most; name a shorter rule", days_max);
    if (rule && rule->days_max < days_max) days_max = rule->days_max;
    uint64_t last_day = (uint64_t)policy_day(c->question->wall_ms) + days_max;
    if (days_max != POLICY_DAYS_PERMANENT && (uint64_t)policy_day(h->retention_not_after_ms) > last_day)
        return REFUSE(c, RETENTION, "retention", line, "it would be kept longer than %u days", days_max);
    return QIAO_CODE_OK;
}

/* ---- rules ---- */

static bool asks(uint32_t mask, unsigned number)
{
    return mask == 0 || (number < 32 && mask >> number & 1);
}

static bool matches(const struct check *c, const struct policy_rule *r)
{
    return asks(r->from_types, c->question->from_type) && asks(r->from_levels, c->from_level) && asks(r->to_types, c->to_type) &&
           asks(r->to_levels, c->to_level) && asks(r->classes, c->header->privacy) && asks(r->lanes, c->header->lane) &&
           (r->any_kind || policy_set_has(&r->kinds, c->kind_index)) && (r->any_purpose || policy_set_has(&r->purposes, c->purpose_index));
}

static unsigned check_consent(struct check *c, const struct policy_rule *r)
{
    if (r->consent == POLICY_CONSENT_NONE || c->header->consent_ref.size > 0) return QIAO_CODE_OK;
    if (r->consent == POLICY_CONSENT_OR_DUTY && c->duty) return QIAO_CODE_OK;
    return REFUSE(c, CONSENT, r->id, r->line, r->consent == POLICY_CONSENT_REQUIRED ? "name the consent of the person" : "name the consent of the person, or the duty that needs none");
}

static unsigned check_rule_basis(struct check *c, const struct policy_rule *r)
{
    if (r->basis_need == POLICY_BASIS_NONE) return QIAO_CODE_OK;
    if (c->header->legal_basis_count == 0) return REFUSE(c, NO_BASIS, r->id, r->line, "the message cites no legal basis; this rule needs one");
    if (r->basis_need == POLICY_BASIS_ANY || policy_cites(r, c->cited, c->header->legal_basis_count)) return QIAO_CODE_OK;
    return REFUSE(c, NO_BASIS, r->id, r->line, "none of the bases cited is one of this rule's, such as %s#%s", r->bases[0].law, r->bases[0].article ? r->bases[0].article : "*");
}

/* A leaky bucket read backwards: what was used drains by the rate, and a message fits while the burst is not used up. */
static bool take_rate(struct policy_buckets *buckets, const struct policy_rule *r, const struct policy_question *q)
{
    const uint64_t message = 60000;
    if (r->rate == 0) return true;
    if (q->sender >= buckets->count) {
        size_t count = q->sender + 1 > 2 * buckets->count ? q->sender + 1 : 2 * buckets->count;
        buckets->items = base_realloc(buckets->items, count * sizeof *buckets->items);
        memset(buckets->items + buckets->count, 0, (count - buckets->count) * sizeof *buckets->items);
        buckets->count = count;
    }
    struct policy_bucket *b = &buckets->items[q->sender];
    uint64_t passed_ms = q->now_ms > b->at_ms ? q->now_ms - b->at_ms : 0;
    if (passed_ms > b->used / r->rate) b->used = 0;
    else b->used -= passed_ms * r->rate;
    if (passed_ms > 0) b->at_ms = q->now_ms;
    if (b->used + message > r->burst * message) return false;
    b->used += message;
    return true;
}

static unsigned check_rules(struct check *c)
{
    const struct policy_tables *t = c->policy->tables;
    size_t i = 0;
    while (i < t->rules_count && !matches(c, &t->rules[i])) i++;
    if (i == t->rules_count) return REFUSE(c, ROUTE_DENIED, "default", 0, "no rule lets this sender send this kind there for this purpose");
    const struct policy_rule *r = &t->rules[i];
    if (r->refuse) return REFUSE(c, ROUTE_DENIED, r->id, r->line, "refused by this rule");
    unsigned code = check_rule_basis(c, r);
    if (code == QIAO_CODE_OK) code = check_consent(c, r);
    if (code != QIAO_CODE_OK) return code;
    if (!c->question->dry && !take_rate(&c->policy->buckets[i], r, c->question)) return REFUSE(c, RATE, r->id, r->line, "more than %u a minute; send the rest later", r->rate);
    c->answer->rule = r->id;
    c->answer->file = t->file;
    c->answer->line = r->line;
    memcpy(c->answer->reason, "allowed", sizeof "allowed");
    return QIAO_CODE_OK;
}

unsigned policy_check(struct policy *policy, const struct policy_question *question, struct policy_answer *ret_answer)
{
    static unsigned (*const checks[])(struct check *) = {
        check_secret, check_kind, check_destination, check_purpose, check_personal_data, check_bases, check_retention, check_rules,
    };
    const struct header *h = question->header;
    struct check c; /* cited is filled as far as it is used */
    c.policy = policy;
    c.question = question;
    c.header = h;
    c.answer = ret_answer;
    c.to_type = question->to_type != QIAO_ORG_TYPE_UNKNOWN ? question->to_type : find_org_type(policy, &h->destination);
    c.from_level = level_of(&h->source);
    c.to_level = level_of(&h->destination);
    unsigned code = QIAO_CODE_OK;
    for (size_t i = 0; code == QIAO_CODE_OK && i < sizeof checks / sizeof checks[0]; i++) code = checks[i](&c);
    return code;
}

unsigned policy_check_arrival(const struct policy *policy, const struct header *header, struct policy_answer *ret_answer)
{
    struct policy_question question = { .header = header };
    struct check c = { .policy = policy, .question = &question, .header = header, .answer = ret_answer };
    unsigned code = check_secret(&c);
    return code == QIAO_CODE_OK ? check_destination(&c) : code;
}
