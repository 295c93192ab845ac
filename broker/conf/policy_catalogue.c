/* The catalogue of legal bases: laws, their articles, and from when until when each is in force. */
#include "policy_build.h"

#include <qiao/limits.h>
#include <stdlib.h>
#include <string.h>

#define ARTICLES_MAX 65536u
#define VERSIONS_MAX 64u

static struct conf_policy *policy_of(const struct fields_reader *reader) { return reader->context; }

/* A law or an article being read. What an article does not say is as in its law. */
struct entry {
    const char *law;
    struct policy_article article;
    bool has_period;
    const struct tree_node *until_at;
};

static void read_from(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct entry *entry = into;
    entry->has_period = fields_day(reader, node, shown, &entry->article.from_day) || entry->has_period;
}

static void read_until(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct entry *entry = into;
    if (fields_day(reader, node, shown, &entry->article.until_day))
        entry->until_at = node;
}

static void check_period(const struct fields_reader *reader, const struct entry *entry, const char *shown)
{
    char key[FIELDS_KEY_SIZE];
    if (!entry->until_at || !entry->has_period || entry->article.until_day > entry->article.from_day)
        return;
    (void)snprintf(key, sizeof key, "%.110s.repealed", shown);
    fields_error(reader, entry->until_at, key, "found a day that is not after in_force; expected the first day on which it is no longer in force");
}

static void read_duty(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct entry *entry = into;
    (void)fields_bool(reader, node, shown, &entry->article.duty);
}

static void read_about(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    (void)into;
    (void)fields_text(reader, node, shown, 512, "what it is about");
}

static void read_article_name(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct entry *entry = into;
    entry->article.article = fields_text(reader, node, shown, QIAO_BASIS_SIZE_MAX, "the article's number");
    if (entry->article.article && strpbrk(entry->article.article, "#@, "))
        fields_error(reader, node, shown, "found #, @, comma or blank in an article; expected as in 599 or 13(4)");
}

static void read_article(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const struct fields_key keys[] = {
        { "article", true, read_article_name, "its number, as in article: \"599\"" },
        { "about", false, read_about, NULL },
        { "duty", false, read_duty, NULL },
        { "in_force", false, read_from, NULL },
        { "repealed", false, read_until, NULL },
    };
    struct conf_policy *policy = policy_of(reader);
    const struct entry *law = into;
    struct entry entry = *law;
    entry.until_at = NULL;
    fields_read(reader, node, shown, keys, sizeof keys / sizeof keys[0], &entry);
    check_period(reader, &entry, shown);
    if (!entry.article.article || !law->law || !entry.has_period)
        return;
    struct policy_article *article = policy_append(reader, &policy->articles, ARTICLES_MAX, node, shown);
    const struct tree_node **at = article ? policy_append(reader, &policy->articles_at, ARTICLES_MAX, node, shown) : NULL;
    if (!at)
        return;
    *article = entry.article;
    article->law = law->law;
    article->line = node->line;
    *at = node;
}

static void read_articles(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    fields_each(reader, node, shown, read_article, into);
}

static void read_law_id(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    struct entry *entry = into;
    entry->law = fields_text(reader, node, shown, QIAO_BASIS_SIZE_MAX, "a short name");
    if (entry->law && strpbrk(entry->law, "#@, "))
        fields_error(reader, node, shown, "found #, @, comma or blank in the id of a law; expected as in ECO-CODE");
}

static void read_law(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    static const struct fields_key period[] = {
        { "id", true, read_law_id, "its short name, as in id: ECO-CODE" },
        { "name", true, read_about, "its full name" },
        { "in_force", true, read_from, "the first day in force, as in in_force: 2026-08-15" },
        { "repealed", false, read_until, NULL },
        { "articles", true, read_articles, "a list of its articles" },
    };
    struct entry entry = { .article.until_day = POLICY_DAY_MAX };
    (void)into;
    fields_read(reader, node, shown, period, sizeof period / sizeof period[0], &entry);
    check_period(reader, &entry, shown);
}

static void read_laws(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    fields_each(reader, node, shown, read_law, into);
}

static void read_version(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    (void)into;
    policy_append_text(reader, &policy_of(reader)->versions, VERSIONS_MAX, node, shown, QIAO_BASIS_SIZE_MAX, "a version, as in \"2026-11\"");
}

static void read_accepts(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into)
{
    fields_each(reader, node, shown, read_version, into);
}

struct row {
    const struct policy_article *article;
    const struct tree_node *at;
};

static int compare_rows(const void *a, const void *b)
{
    const struct policy_article *left = ((const struct row *)a)->article, *right = ((const struct row *)b)->article;
    int order = strcmp(left->law, right->law);
    if (order == 0)
        order = strcmp(left->article, right->article);
    if (order == 0)
        order = (left->from_day > right->from_day) - (left->from_day < right->from_day);
    return order != 0 ? order : (left > right) - (left < right);
}

/* An article may stand in several rows, one for each period; a day must not fall into two. */
static void check_periods(const struct fields_reader *reader)
{
    struct conf_policy *policy = policy_of(reader);
    const struct policy_article *articles = policy->articles.items;
    const struct tree_node *const *at = policy->articles_at.items;
    size_t count = policy->articles_at.count;
    struct row *rows = calloc(count + 1, sizeof *rows);
    if (!rows) {
        policy->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct row){ &articles[i], at[i] };
    qsort(rows, count, sizeof *rows, compare_rows);
    for (size_t i = 1; i < count; i++) {
        const struct policy_article *before = rows[i - 1].article, *here = rows[i].article;
        if (strcmp(before->law, here->law) == 0 && strcmp(before->article, here->article) == 0 && here->from_day < before->until_day)
            fields_error(reader, rows[i].at, "laws", "%s#%s is in force twice on the same day, also in line %d; give the earlier one a repealed: day",
                         here->law, here->article, before->line);
    }
    free(rows);
}

void policy_read_catalogue(const struct fields_reader *reader)
{
    static const struct fields_key keys[] = {
        { "version", true, read_version, "the catalogue's own, as in version: \"2026-11\"" },
        { "accepts", false, read_accepts, NULL },
        { "laws", true, read_laws, "a list of laws" },
    };
    fields_read(reader, &reader->tree->root, "", keys, sizeof keys / sizeof keys[0], NULL);
    check_periods(reader);
}
