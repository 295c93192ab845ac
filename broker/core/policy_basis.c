/* The catalogue of legal bases. Law changes: a basis is an article that was in force on the day of the event, never a free text (domain 0, finding 1). */
#include "core/policy_state.h"

#include <qiao/err.h>
#include <stdlib.h>

#define DAY_MS (UINT64_C(24) * 3600 * 1000)
#define ZONE_MS (UINT64_C(8) * 3600 * 1000)

int32_t policy_day(uint64_t wall_ms)
{
    uint64_t day = wall_ms / DAY_MS + (wall_ms % DAY_MS + ZONE_MS) / DAY_MS;
    return day < POLICY_DAY_MAX ? (int32_t)day : POLICY_DAY_MAX;
}

static int compare_text(const char *a, struct qiao_bytes b)
{
    size_t size = strlen(a);
    int order = size && b.size ? memcmp(a, b.data, size < b.size ? size : b.size) : 0;
    return order ? order : size < b.size ? -1 : size > b.size;
}

static int compare_articles(const void *a, const void *b)
{
    const struct policy_article *left = *(const struct policy_article *const *)a, *right = *(const struct policy_article *const *)b;
    int order = strcmp(left->law, right->law);
    if (order == 0) order = strcmp(left->article, right->article);
    return order ? order : (left->from_day > right->from_day) - (left->from_day < right->from_day);
}

void policy_sort_articles(struct policy *policy)
{
    qsort(policy->articles, policy->tables->articles_count, sizeof *policy->articles, compare_articles);
}

/* Position of the first row of the article, or of where it would stand. */
static size_t first_row(const struct policy *policy, struct qiao_bytes law, struct qiao_bytes article)
{
    size_t low = 0, high = policy->tables->articles_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct policy_article *row = policy->articles[middle];
        int order = compare_text(row->law, law);
        if (order == 0) order = compare_text(row->article, article);
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

enum found { FOUND_NOTHING, FOUND_OTHER_DAY, FOUND };

static enum found find(const struct policy *policy, struct qiao_bytes law, struct qiao_bytes article, int32_t day, const struct policy_article **ret_row)
{
    size_t at = first_row(policy, law, article);
    enum found found = FOUND_NOTHING;
    for (; at < policy->tables->articles_count; at++) {
        const struct policy_article *row = policy->articles[at];
        if (compare_text(row->law, law) != 0 || compare_text(row->article, article) != 0) break;
        *ret_row = row;
        if (row->from_day <= day && day < row->until_day) return FOUND;
        found = FOUND_OTHER_DAY;
    }
    return found;
}

/* "1190(3)" without its paragraph; false if there is none. */
static bool without_paragraph(struct qiao_bytes *article)
{
    const uint8_t *bracket = article->size ? memchr(article->data, '(', article->size) : NULL;
    if (!bracket) return false;
    article->size = (size_t)(bracket - article->data);
    return article->size > 0;
}

static bool is_version(const struct policy_tables *t, struct qiao_bytes version)
{
    for (size_t i = 0; i < t->versions_count; i++)
        if (compare_text(t->versions[i], version) == 0) return true;
    return version.size == 0;
}

#define TEXT(bytes) (int)(bytes).size, (const char *)(bytes).data

static unsigned check_basis(const struct policy *policy, const struct legal_basis *b, int32_t day, struct policy_answer *answer, bool *duty)
{
    const struct policy_tables *t = policy->tables;
    const struct policy_article *row = NULL;
    struct qiao_bytes article = b->article;
    if (!is_version(t, b->version))
        return policy_answer(answer, QIAO_CODE_NO_BASIS, "catalogue", t->catalogue_file, 0,
                             "version %.*s of the catalogue is not known here; cite by %s", TEXT(b->version), t->versions[0]);
    enum found found = find(policy, b->catalogue, article, day, &row);
    if (found == FOUND_NOTHING && without_paragraph(&article)) found = find(policy, b->catalogue, article, day, &row);
    if (found == FOUND_NOTHING)
        return policy_answer(answer, QIAO_CODE_NO_BASIS, "catalogue", t->catalogue_file, 0,
                             "%.*s#%.*s is not in the catalogue; cite one that is", TEXT(b->catalogue), TEXT(b->article));
    if (found == FOUND_OTHER_DAY)
        return policy_answer(answer, QIAO_CODE_BASIS_EXPIRED, "catalogue", t->catalogue_file, row->line,
                             "%.*s#%.*s was not in force on the day of the event; cite what was", TEXT(b->catalogue), TEXT(b->article));
    *duty |= row->duty;
    return QIAO_CODE_OK;
}

unsigned policy_check_bases(const struct policy *policy, const struct header *h, uint64_t wall_ms, struct policy_answer *answer,
                            struct legal_basis ret_cited[QIAO_BASES_MAX], bool *ret_duty)
{
    uint64_t event_ms = h->event_at_ms ? h->event_at_ms : h->sent_at_ms ? h->sent_at_ms : wall_ms;
    int32_t day = policy_day(event_ms), today = policy_day(wall_ms);
    *ret_duty = false;
    /* One day for clocks that differ. */
    if (h->legal_basis_count > 0 && day > today && day - today > 1)
        return policy_answer(answer, QIAO_CODE_BASIS_EXPIRED, "catalogue", policy->tables->catalogue_file, 0, "the event lies in the future; give the day it happened");
    for (unsigned i = 0; i < h->legal_basis_count; i++) {
        bool sound = legal_basis_read(h->legal_basis[i], &ret_cited[i]); /* envelope_open has seen to it */
        assert(sound);
        unsigned code = check_basis(policy, &ret_cited[i], day, answer, ret_duty);
        if (code != QIAO_CODE_OK) return code;
    }
    return QIAO_CODE_OK;
}

bool policy_cites(const struct policy_rule *rule, const struct legal_basis *cited, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct qiao_bytes whole = cited[i].article;
        without_paragraph(&whole);
        for (size_t k = 0; k < rule->bases_count; k++) {
            const struct policy_basis *b = &rule->bases[k];
            if (compare_text(b->law, cited[i].catalogue) != 0) continue;
            if (!b->article || compare_text(b->article, cited[i].article) == 0 || compare_text(b->article, whole) == 0) return true;
        }
    }
    return false;
}
