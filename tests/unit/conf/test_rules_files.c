/* Rules files with one thing wrong: place, key and cure. And what a sound one becomes. */
#include "scratch.h"

#include "conf/rules.h"

#include <criterion/criterion.h>
#include <qiao/err.h>
#include <qiao/kind.h>
#include <string.h>

static struct scratch scratch;
static void setup(void) { scratch_init(&scratch); }
static void teardown(void) { scratch_deinit(&scratch); }

TestSuite(conf_rules, .init = setup, .fini = teardown);

struct loading {
    struct conf_errors errors;
    struct conf_rules *rules;
};

static struct loading load(const char *text)
{
    struct loading l = { 0 };
    char path[128];
    scratch_write(&scratch, "rules.yaml", text, strlen(text));
    snprintf(path, sizeof path, "%s/rules.yaml", scratch.folder);
    cr_assert_eq(conf_rules_load(path, &l.errors, &l.rules), 0);
    return l;
}

static void unload(struct loading *l)
{
    conf_errors_deinit(&l->errors);
    l->rules = conf_rules_free(l->rules);
}

#define A "rules:\n  - name: a\n"

static const struct broken {
    const char *text;
    int line, column;
    const char *key;
    const char *says;
} rows[] = {
    { "# nothing\n", 0, 0, "", "expected a mapping with rules" },
    { "rules: {}\n", 1, 8, "rules", "expected a list" },
    { "rulez: []\nrules: []\n", 1, 1, "rulez", "did you mean \"rules\"" },
    { "rules: [{ do: { to: 990101/a } }]\n", 1, 9, "rules[0].name", "is missing" },
    { A, 2, 5, "rules[0].do", "is missing" },
    { A "    do: { to: 990101/b }\n  - name: a\n    do: { to: 990101/c }\n", 4, 11, "rules[1].name", "first in line 2" },
    { A "    wen: {}\n    do: { to: 990101/b }\n", 3, 5, "rules[0].wen", "did you mean \"when\"" },
    { A "    when: { knid: case.open }\n    do: { to: 990101/b }\n", 3, 13, "rules[0].when.knid", "did you mean \"kind\"" },
    { A "    when: { kind: case.opem }\n    do: { to: 990101/b }\n", 3, 19, "rules[0].when.kind", "did you mean \"case.open\"" },
    { A "    when: { kind: receipt }\n    do: { to: 990101/b }\n", 3, 19, "rules[0].when.kind", "the bus sends itself" },
    { A "    when: { kind: 12 }\n    do: { to: 990101/b }\n", 3, 19, "rules[0].when.kind", "from 100" },
    { A "    when: { kind: \"casse.*\" }\n    do: { to: 990101/b }\n", 3, 19, "rules[0].when.kind", "no kind's name begins" },
    { A "    when: { kind: [] }\n    do: { to: 990101/b }\n", 3, 19, "rules[0].when.kind", "empty list" },
    { A "    when: { lane: fast }\n    do: { to: 990101/b }\n", 3, 19, "rules[0].when.lane", "not a lane" },
    { A "    when: { class: confidental }\n    do: { to: 990101/b }\n", 3, 20, "rules[0].when.class", "did you mean \"confidential\"" },
    { A "    when: { status: real }\n    do: { to: 990101/b }\n", 3, 21, "rules[0].when.status", "not a status" },
    { A "    when: { hop: middle }\n    do: { to: 990101/b }\n", 3, 18, "rules[0].when.hop", "not a place on the way" },
    { A "    when: { matter: \"NO*ISE\" }\n    do: { to: 990101/b }\n", 3, 21, "rules[0].when.matter", "* at the end only" },
    { A "    when: { from: 9901 }\n    do: { to: 990101/b }\n", 3, 19, "rules[0].when.from", "expected AREA" },
    { A "    when: { from: \"99*01/a\" }\n    do: { to: 990101/b }\n", 3, 19, "rules[0].when.from", "expected AREA" },
    { A "    when: { from: type:goverment }\n    do: { to: 990101/b }\n", 3, 19, "rules[0].when.from", "not a type of organisation" },
    { A "    do: {}\n", 3, 9, "rules[0].do", "found nothing to do" },
    { A "    do: { too: 990101/b }\n", 3, 11, "rules[0].do.too", "did you mean \"to\"" },
    { A "    do: { to: b }\n", 3, 15, "rules[0].do.to", "expected AREA/ORGANISATION" },
    { A "    do: { to: 990101/b* }\n", 3, 15, "rules[0].do.to", "expected AREA/ORGANISATION" },
    { A "    do: { to: \"990101/b#\" }\n", 3, 15, "rules[0].do.to", "expected AREA/ORGANISATION" },
    { A "    do: { to: 990101/b, refuse: { reason: x } }\n", 3, 9, "rules[0].do", "refuse beside others" },
    { A "    do: { refuse: {} }\n", 3, 19, "rules[0].do.refuse.reason", "is missing" },
    { A "    do: { refuse: { code: NOT_COMPETENTT, reason: x } }\n", 3, 27, "rules[0].do.refuse.code", "did you mean \"NOT_COMPETENT\"" },
    { A "    do: { refuse: { code: FRAME_SIZE, reason: x } }\n", 3, 27, "rules[0].do.refuse.code", "no code of a refused message" },
    { A "    do: { rate: { burst: 3 } }\n", 3, 17, "rules[0].do.rate.per_s", "is missing" },
    { A "    do: { rate: { per_s: 0 } }\n", 3, 26, "rules[0].do.rate.per_s", "from 1" },
    { A "    do: { rate: { per_s: 3, by: kind } }\n", 3, 33, "rules[0].do.rate.by", "not source or destination" },
    { A "    do: { hold: { for: 1h } }\n", 3, 17, "rules[0].do.hold.until", "is missing" },
    { A "    do: { hold: { until: \"25:00\" } }\n", 3, 26, "rules[0].do.hold.until", "time of day" },
    { A "    do: { hold: { until: release, for: 3 weeks } }\n", 3, 40, "rules[0].do.hold.for", "90s, 30m, 12h or 3d" },
    { A "    do: { hold: { until: release, then: drop } }\n", 3, 41, "rules[0].do.hold.then", "not refuse or deliver" },
    { A "    do: { hold: { until: release }, copy: 990101/b }\n", 3, 9, "rules[0].do", "hold beside copy" },
    { A "    do: { lane: quick }\n", 3, 17, "rules[0].do.lane", "not a lane" },
    { A "    when: { hop: transit }\n    do: { to: 990101/b }\n", 3, 18, "rules[0].when.hop", "only where a message begins" },
};

Test(conf_rules, what_is_wrong_is_told_with_its_place_and_its_cure)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct loading l = load(rows[i].text);
        cr_expect(l.rules == NULL && l.errors.count == 1, "row %zu: %zu errors", i, l.errors.count);
        if (l.errors.count == 1) {
            const struct conf_error *e = &l.errors.items[0];
            cr_expect(e->line == rows[i].line && e->column == rows[i].column, "row %zu: %d:%d, expected %d:%d", i, e->line, e->column, rows[i].line, rows[i].column);
            cr_expect_str_eq(e->key, rows[i].key, "row %zu: %s", i, e->key);
            cr_expect(strstr(e->text, rows[i].says), "row %zu: %s", i, e->text);
        }
        unload(&l);
    }
}

Test(conf_rules, a_sound_file_becomes_a_table)
{
    struct loading l = load("rules:\n"
                            "  - name: housing\n"
                            "    about: repairs go to the housing office\n"
                            "    when: { kind: [\"case.*\"], matter: \"HOUSING.*\", to: [990101001/office, type:gov], lane: [normal, bulk] }\n"
                            "    do: { to: \"990101001/housing#duty\", copy: [990101/inspection], rate: { per_s: 5, burst: 9, by: destination } }\n"
                            "  - { name: stop, do: { refuse: { code: NOT_COMPETENT, reason: ask the court } } }\n");
    cr_assert(l.rules, "%s", l.errors.count ? l.errors.items[0].text : "");
    const struct rules_tables *t = conf_rules_tables(l.rules);
    const struct rule *a = &t->rules[0], *b = &t->rules[1];
    cr_assert_eq(t->count, 2);
    cr_expect(a->kinds_count == 3 && a->kinds[0] == QIAO_KIND_CASE_OPEN && a->kinds[2] == QIAO_KIND_CASE_CLOSE);
    cr_expect(a->matters_count == 1 && a->matters[0].prefix && a->matters[0].size == 8);
    cr_expect(a->to_count == 2 && a->to[0].form == RULE_ADDRESS_ORG && a->to[1].form == RULE_ADDRESS_TYPE);
    cr_expect(a->lanes == 5 && a->line == 2);
    cr_expect(a->redirect->area.size == 9 && a->redirect->org.size == 7 && a->redirect->seat.size == 4);
    cr_expect(a->copies_count == 1 && a->copies[0].line == 5 && a->copies[0].seat.size == 0);
    cr_expect(a->rate_per_s == 5 && a->rate_burst == 9 && a->rate_by == RULE_RATE_BY_DESTINATION);
    cr_expect(b->refuses && b->code == QIAO_CODE_NOT_COMPETENT && b->line == 6);
    unload(&l);
}

Test(conf_rules, a_node_does_not_start_on_rules_it_cannot_read)
{
    const char *text = "node: { id: n, area: \"990101\", store: /tmp/x }\nmembers: [{ name: desk, drills: true }]\nrules: { file: rules.yaml }\n";
    scratch_write(&scratch, "rules.yaml", "rules: [{ name: a }]\n", 21);
    struct loaded broken = scratch_load_text(&scratch, text);
    cr_expect(broken.result == CONF_INVALID && broken.errors_count == 1 && strstr(broken.errors[0].file, "rules.yaml") && broken.errors[0].line == 1);
    loaded_deinit(&broken);
    scratch_write(&scratch, "rules.yaml", "rules: [{ name: a, do: { to: 990101/b } }]\n", 43);
    struct loaded sound = scratch_load_text(&scratch, text);
    cr_assert_eq(sound.result, CONF_OK);
    cr_expect(sound.conf->rules.read && sound.conf->members[0].drills);
    loaded_deinit(&sound);
}

Test(conf_rules, the_sample_is_sound)
{
    struct conf_errors errors = { 0 };
    struct conf_rules *rules = NULL;
    cr_assert_eq(conf_rules_load(SHIPPED "/rules/sample.yaml", &errors, &rules), 0);
    cr_expect(rules && errors.count == 0, "%s", errors.count ? errors.items[0].text : "");
    conf_errors_deinit(&errors);
    conf_rules_free(rules);
}
