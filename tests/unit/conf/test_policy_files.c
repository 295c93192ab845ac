/* Policy files and catalogues with one thing wrong: place, key and cure. And what the two together become. */
#include "scratch.h"

#include "conf/policy.h"

#include <criterion/criterion.h>
#include <qiao/org_type.h>
#include <qiao/personal_data.h>
#include <stdlib.h>
#include <string.h>

static struct scratch scratch;
static void setup(void) { scratch_init(&scratch); }
static void teardown(void) { scratch_deinit(&scratch); }

TestSuite(conf_policy, .init = setup, .fini = teardown);

static const char good_catalogue[] = "version: \"3\"\nlaws:\n  - { id: LAW-A, name: a law, in_force: 2020-01-01, articles: [{ article: \"1\" }, { article: \"2(1)\", duty: true }] }\n";

#define PURPOSES "purposes: [{ name: HANDLE }]\n" /* line 1 */
#define KINDS "kinds: [{ kind: case.open, purposes: [HANDLE] }]\n"
#define SECRET "secret_markers: { keywords: [secret] }\n"
#define HEAD PURPOSES KINDS SECRET /* lines 1 to 3 */

struct loading {
    struct conf_errors errors;
    struct conf_policy *policy;
};

static struct loading load(const char *policy, const char *catalogue)
{
    struct loading l = { 0 };
    char policy_path[128], catalogue_path[128];
    scratch_write(&scratch, "policy.yaml", policy, strlen(policy));
    scratch_write(&scratch, "basis.yaml", catalogue, strlen(catalogue));
    snprintf(policy_path, sizeof policy_path, "%s/policy.yaml", scratch.folder);
    snprintf(catalogue_path, sizeof catalogue_path, "%s/basis.yaml", scratch.folder);
    cr_assert_eq(conf_policy_load(policy_path, catalogue_path, &l.errors, &l.policy), 0);
    return l;
}

static void unload(struct loading *l)
{
    conf_errors_deinit(&l->errors);
    l->policy = conf_policy_free(l->policy);
}

static const struct broken {
    const char *text;
    int line, column;
    const char *key;
    const char *says;
} broken_policies[] = {
    { HEAD, 1, 1, "rules", "is missing; expected a list of rules" },
    { PURPOSES KINDS "rules: []\n", 1, 1, "secret_markers", "is missing" },
    { HEAD "rules: []\nrulez: []\n", 5, 1, "rulez", "did you mean \"rules\"" },
    { HEAD "rules: {}\n", 4, 8, "rules", "expected a list" },
    { HEAD "rules: [a]\n", 4, 9, "rules[0]", "expected a mapping with id" },
    { HEAD "rules: [{ kinds: [case.open] }]\n", 4, 9, "rules[0].id", "is missing" },
    { HEAD "rules: [{ id: a, kind: [case.open] }]\n", 4, 18, "rules[0].kind", "did you mean \"kinds\"" },
    { HEAD "rules: [{ id: a, kinds: [case.opne] }]\n", 4, 26, "rules[0].kinds[0]", "did you mean \"case.open\"" },
    { HEAD "rules: [{ id: a, kinds: [case.close] }]\n", 4, 26, "rules[0].kinds[0]", "not in kinds: of this file" },
    { HEAD "rules: [{ id: a, kinds: [] }]\n", 4, 25, "rules[0].kinds", "empty list" },
    { HEAD "rules: [{ id: a, kinds: [receipt] }]\n", 4, 26, "rules[0].kinds[0]", "the bus sends itself" },
    { HEAD "rules: [{ id: a, kinds: [17] }]\n", 4, 26, "rules[0].kinds[0]", "from 100 to" },
    { HEAD "rules:\n  - id: a\n    from: { types: [goverment] }\n", 6, 21, "rules[0].from.types[0]", "not a type of organisation" },
    { HEAD "rules: [{ id: a, to: { types: [judical] } }]\n", 4, 32, "rules[0].to.types[0]", "did you mean \"judicial\"" },
    { HEAD "rules: [{ id: a, to: { level: [street] } }]\n", 4, 24, "rules[0].to.level", "did you mean \"levels\"" },
    { HEAD "rules: [{ id: a, to: { levels: [] } }]\n", 4, 32, "rules[0].to.levels", "empty list" },
    { HEAD "rules: [{ id: a, classes: [secret] }]\n", 4, 28, "rules[0].classes[0]", "not a privacy class" },
    { HEAD "rules: [{ id: a, lanes: [fast] }]\n", 4, 26, "rules[0].lanes[0]", "not a lane" },
    { HEAD "rules: [{ id: a, purposes: [HANDEL] }]\n", 4, 29, "rules[0].purposes[0]", "did you mean \"HANDLE\"" },
    { HEAD "rules: [{ id: a, basis: [\"LAW-A#1\", \"LAW-A#9\"] }]\n", 4, 37, "rules[0].basis[1]", "not in the catalogue" },
    { HEAD "rules: [{ id: a, basis: [\"LAW-Z#*\"] }]\n", 4, 26, "rules[0].basis[0]", "not in the catalogue" },
    { HEAD "rules: [{ id: a, basis: [LAW-A] }]\n", 4, 26, "rules[0].basis[0]", "expected LAW#ARTICLE" },
    { HEAD "rules: [{ id: a, basis: [] }]\n", 4, 25, "rules[0].basis", "empty list" },
    { HEAD "rules: [{ id: a, basis: some }]\n", 4, 25, "rules[0].basis", "any or none" },
    { HEAD "rules: [{ id: a, consent: maybe }]\n", 4, 27, "rules[0].consent", "or-duty" },
    { HEAD "rules: [{ id: a, rate: 0 }]\n", 4, 24, "rules[0].rate", "from 1 to" },
    { HEAD "rules: [{ id: a, rate: 1/s }]\n", 4, 24, "rules[0].rate", "whole number" },
    { HEAD "rules: [{ id: a, burst: 5 }]\n", 4, 25, "rules[0].burst", "only with rate" },
    { HEAD "rules: [{ id: a, refuse: yes }]\n", 4, 26, "rules[0].refuse", "true or false" },
    { HEAD "rules:\n  - { id: a, classes: [public] }\n  - { id: a }\n", 6, 11, "rules[1].id", "first in line 5" },
    { HEAD "rules:\n  - { id: a, kinds: [case.open] }\n  - { id: b, kinds: [case.open], classes: [public] }\n", 6, 1, "rules", "can never match: a in line 5" },
    { HEAD "rules:\n  - { id: a }\n  - { id: b }\n", 6, 1, "rules", "can never match" },
    { PURPOSES "kinds: [{ kind: case.open, purposes: [HANDEL] }]\n" SECRET "rules: []\n", 2, 39, "kinds[0].purposes[0]", "did you mean \"HANDLE\"" },
    { PURPOSES "kinds: [{ kind: case.opened, purposes: [HANDLE] }]\n" SECRET "rules: []\n", 2, 17, "kinds[0].kind", "did you mean \"case.open\"" },
    { PURPOSES "kinds:\n  - { kind: 200, purposes: [HANDLE] }\n  - { kind: case.open, purposes: [] }\n" SECRET "rules: []\n", 4, 13, "kinds[1].kind", "first in line 3" },
    { PURPOSES "kinds: [{ kind: case.open, purposes: [], personal_data: [nmae] }]\n" SECRET "rules: []\n", 2, 58, "kinds[0].personal_data[0]", "did you mean \"name\"" },
    { PURPOSES "kinds: [{ kind: case.open, purposes: [], retention: LONG }]\n" SECRET "rules: []\n", 2, 53, "kinds[0].retention", "not in retention:" },
    { PURPOSES "kinds: [{ kind: case.open }]\n" SECRET "rules: []\n", 2, 9, "kinds[0].purposes", "is missing" },
    { "purposes: [{ name: A }, { name: A }]\n" "kinds: []\n" SECRET "rules: []\n", 1, 33, "purposes[1].name", "twice" },
    { HEAD "rules: []\nretention: [{ name: A, days: forever }]\n", 5, 30, "retention[0].days", "whole number" },
    { HEAD "rules: []\nretention: [{ name: A, days: 1 }, { name: A, days: 2 }]\n", 5, 43, "retention[1].name", "first in line 5" },
    { PURPOSES KINDS "secret_markers: { keywords: [ab] }\nrules: []\n", 3, 30, "secret_markers.keywords[0]", "fewer than 3 bytes" },
    { PURPOSES KINDS "secret_markers: { keyword: [abc] }\nrules: []\n", 3, 19, "secret_markers.keyword", "did you mean \"keywords\"" },
    { HEAD "rules: []\norganisations: [{ address: court, type: judicial }]\n", 5, 28, "organisations[0].address", "expected AREA/ORGANISATION" },
    { HEAD "rules: []\norganisations: [{ address: 9901/court, type: judicial }]\n", 5, 28, "organisations[0].address", "6, 9 or 12 digits" },
    { HEAD "rules: []\norganisations: [{ address: 990101/court, type: court }]\n", 5, 48, "organisations[0].type", "not a type of organisation" },
    { HEAD "rules: []\norganisations:\n  - { address: 990101/a, type: gov }\n  - { address: 990101/b, type: gov }\n  - { address: 990101/a, type: social }\n",
      8, 5, "organisations", "first in line 6" },
    { HEAD "rules: []\nrules: []\n", 5, 1, "rules", "given twice" },
    { HEAD "rules: [{ id: &a b }]\n", 4, 15, "rules[0].id", "anchors are not used" },
    { HEAD "rules: [\n", 5, 1, "", "not YAML" },
};

#define CATALOGUE_POLICY HEAD "rules: []\n"
#define LAW "version: \"3\"\nlaws:\n  - { id: L, name: l, in_force: 2020-01-01, " /* line 3 */

static const struct broken broken_catalogues[] = {
    { "laws: []\n", 1, 1, "version", "is missing" },
    { "version: \"3\"\n", 1, 1, "laws", "is missing" },
    { "version: \"3\"\naccepts: [\"2\", \"3\"]\nlaws: []\n", 2, 16, "accepts[1]", "twice" },
    { LAW "articles: [{ about: x }] }\n", 3, 56, "laws[0].articles[0].article", "is missing" },
    { LAW "articles: [{ article: \"a b\" }] }\n", 3, 67, "laws[0].articles[0].article", "expected as in 599" },
    { LAW "articls: [] }\n", 3, 45, "laws[0].articls", "did you mean \"articles\"" },
    { LAW "repealed: 2020-01-01, articles: [] }\n", 3, 55, "laws[0].repealed", "not after in_force" },
    { LAW "repealed: 2021-02-29, articles: [] }\n", 3, 55, "laws[0].repealed", "day of the calendar" },
    { LAW "articles: [{ article: \"1\", duty: ja }] }\n", 3, 78, "laws[0].articles[0].duty", "true or false" },
    { LAW "articles: [{ article: \"1\", repealed: 2019-01-01 }] }\n", 3, 82, "laws[0].articles[0].repealed", "not after in_force" },
    { LAW "articles: [{ article: \"1\" }] }\n  - { id: L, name: m, in_force: 2021-01-01, articles: [{ article: \"1\" }] }\n", 4, 56, "laws", "also in line 3" },
    { LAW "articles: [{ article: \"1\" }, { article: \"1\" }] }\n", 3, 74, "laws", "in force twice" },
    { "version: \"3\"\nlaws: [{ id: A#B, name: l, in_force: 2020-01-01, articles: [] }]\n", 2, 14, "laws[0].id", "found #, @" },
    { "version: \"3\"\nlaws: [{ id: A, name: l, in_force: 1.1.2020, articles: [] }]\n", 2, 36, "laws[0].in_force", "expected a day" },
    { "version: \"3\"\nlaws: [{ id: A, name: l, articles: [{ article: \"1\" }] }]\n", 2, 8, "laws[0].in_force", "is missing" },
};

static void expect_error(const struct broken *b, size_t i, const char *file, struct loading *l)
{
    cr_assert(l->errors.count > 0 && !l->policy, "row %zu of %s loads", i, file);
    const struct conf_error *e = &l->errors.items[0];
    cr_expect(e->line == b->line && e->column == b->column, "row %zu of %s: %d:%d, not %d:%d: %s", i, file, e->line, e->column, b->line, b->column, e->text);
    cr_expect_str_eq(e->key, b->key, "row %zu of %s: key %s, not %s: %s", i, file, e->key, b->key, e->text);
    cr_expect(strstr(e->text, b->says), "row %zu of %s: \"%s\" does not say \"%s\"", i, file, e->text, b->says);
    cr_expect(strstr(e->file, file), "row %zu: %s", i, e->file);
    unload(l);
}

Test(conf_policy, each_error_has_its_place_and_cure)
{
    for (size_t i = 0; i < sizeof broken_policies / sizeof broken_policies[0]; i++) {
        struct loading l = load(broken_policies[i].text, good_catalogue);
        expect_error(&broken_policies[i], i, "policy.yaml", &l);
    }
    for (size_t i = 0; i < sizeof broken_catalogues / sizeof broken_catalogues[0]; i++) {
        struct loading l = load(CATALOGUE_POLICY, broken_catalogues[i].text);
        expect_error(&broken_catalogues[i], i, "basis.yaml", &l);
    }
}

Test(conf_policy, everything_arrives_in_the_tables)
{
    struct loading l = load("purposes: [{ name: A }, { name: B, about: b }]\n"
                            "retention: [{ name: R, days: 30 }]\n"
                            "kinds:\n"
                            "  - { kind: case.open, purposes: [B], personal_data: [name, health], retention: R }\n"
                            "  - { kind: 4711, purposes: [A, B], sealed: true }\n"
                            "secret_markers: { purposes: [TOP], matter_prefixes: [S.S], keywords: [绝密] }\n"
                            "organisations: [{ address: 990101/court, type: judicial }]\n"
                            "rules:\n"
                            "  - { id: a, from: { types: [gov, selfgov], levels: [street] }, to: { levels: [district, community] }, kinds: [4711], purposes: [A],\n"
                            "      classes: [sealed], lanes: [bulk], basis: [\"LAW-A#1\", \"LAW-A#*\", \"LAW-A#1(7)\"], consent: or-duty, rate: 60, burst: 5 }\n"
                            "  - { id: b, refuse: true, basis: none }\n", good_catalogue);
    for (size_t i = 0; i < l.errors.count; i++) conf_error_print(&l.errors.items[i], stderr);
    cr_assert_not_null(l.policy);
    const struct policy_tables *t = conf_policy_tables(l.policy);
    cr_assert(t->purposes_count == 2 && t->kinds_count == 2 && t->rules_count == 2 && t->articles_count == 2 && t->orgs_count == 1);
    cr_expect(t->kinds[0].number == 200 && t->kinds[0].personal_data == (QIAO_PI_NAME | QIAO_PI_HEALTH) && !t->kinds[0].sealed);
    cr_expect(t->kinds[0].has_retention && t->kinds[0].retention_days_max == 30 && t->kinds[0].line == 4);
    cr_expect(t->kinds[1].number == 4711 && t->kinds[1].sealed && !t->kinds[1].has_retention);
    cr_expect(!policy_set_has(&t->kinds[0].purposes, 0) && policy_set_has(&t->kinds[0].purposes, 1));
    const struct policy_rule *a = &t->rules[0], *b = &t->rules[1];
    cr_expect_eq(a->from_types, 1u << QIAO_ORG_TYPE_GOV | 1u << QIAO_ORG_TYPE_SELFGOV);
    cr_expect(a->from_levels == 1u << POLICY_LEVEL_STREET && a->to_types == 0 && a->to_levels == (1u << POLICY_LEVEL_DISTRICT | 1u << POLICY_LEVEL_COMMUNITY));
    cr_expect(a->classes == 1u << 3 && a->lanes == 1u << 2 && a->consent == POLICY_CONSENT_OR_DUTY && a->rate == 60 && a->burst == 5 && a->line == 9);
    cr_expect(!a->any_kind && policy_set_has(&a->kinds, 1) && !policy_set_has(&a->kinds, 0) && !a->any_purpose && policy_set_has(&a->purposes, 0));
    cr_assert(a->basis_need == POLICY_BASIS_LISTED && a->bases_count == 3);
    cr_expect_str_eq(a->bases[0].article, "1");
    cr_expect_null(a->bases[1].article);
    cr_expect(b->refuse && b->any_kind && b->any_purpose && b->basis_need == POLICY_BASIS_NONE && b->line == 11);
    cr_expect_str_eq(t->orgs[0].area, "990101");
    cr_expect_str_eq(t->orgs[0].org, "court");
    cr_expect(t->articles[1].duty && t->articles[1].from_day == 18262 && t->articles[1].until_day == POLICY_DAY_MAX); /* 2020-01-01 */
    cr_expect(t->secret.keywords_count == 1 && t->secret.purposes_count == 1 && t->secret.matter_prefixes_count == 1 && t->secret.line == 6);
    unload(&l);
}

Test(conf_policy, errors_of_the_two_files_are_errors_of_the_configuration)
{
    scratch_write(&scratch, "basis.yaml", good_catalogue, strlen(good_catalogue));
    scratch_write(&scratch, "policy.yaml", HEAD "rules: {}\n", strlen(HEAD "rules: {}\n"));
    struct loaded loaded = scratch_load_text(&scratch, "node: {id: a, area: 990101, store: s}\npolicy: {file: policy.yaml, catalogue: basis.yaml}\n");
    cr_assert_eq(loaded.result, CONF_INVALID);
    cr_expect(strstr(loaded.errors[0].file, "policy.yaml") && strstr(loaded.errors[0].text, "expected a list"));
    cr_expect(loaded.errors[0].line == 4 && loaded.errors[0].column == 8);
    loaded_deinit(&loaded);
    scratch_write(&scratch, "policy.yaml", HEAD "rules: []\n", strlen(HEAD "rules: []\n"));
    loaded = scratch_load_text(&scratch, "node: {id: a, area: 990101, store: s}\npolicy: {file: policy.yaml, catalogue: basis.yaml}\n");
    cr_assert_eq(loaded.result, CONF_OK);
    cr_expect_eq(conf_policy_tables(loaded.conf->policy.read)->kinds_count, 1);
    loaded_deinit(&loaded);
}

Test(conf_policy, with_a_policy_each_member_has_a_type)
{
    scratch_write(&scratch, "basis.yaml", good_catalogue, strlen(good_catalogue));
    scratch_write(&scratch, "policy.yaml", HEAD "rules: []\n", strlen(HEAD "rules: []\n"));
    struct loaded loaded = scratch_load_text(&scratch, "node: {id: a, area: 990101, store: s}\npolicy: {file: policy.yaml, catalogue: basis.yaml}\n"
                                                       "members: [{name: b, type: gov}, {name: c}]\n");
    cr_assert_eq(loaded.result, CONF_INVALID);
    cr_assert_eq(loaded.errors_count, 1);
    cr_expect(loaded.errors[0].line == 3 && loaded.errors[0].column == 33);
    cr_expect_str_eq(loaded.errors[0].key, "members[1].type");
    loaded_deinit(&loaded);
}
