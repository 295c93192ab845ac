/* Every defect of the broken files is found, by its class and at its line, and nothing else; nothing is found in the good ones. */
#include "corpus.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct corpus {
    unsigned files, classes;       /* classes: a bit each */
};

static void look_at(struct corpus *corpus, const char *folder, const char *name)
{
    static struct corpus_case c;
    char path[512];
    snprintf(path, sizeof path, "%s/%s/%s", CORPUS, folder, name);
    corpus_open(&c, path);
    char *text = corpus_differences(&c);
    cr_expect(text[0] == '\0', "%s/%s:\n%s", folder, name, text);
    for (size_t i = 0; i < plan_findings_count(c.check); i++) corpus->classes |= 1u << plan_finding_at(c.check, i)->class;
    corpus->files++;
    free(text);
    corpus_close(&c);
}

static struct corpus look_through(const char *folder)
{
    struct corpus corpus = { 0 };
    struct dirent **entries;
    char path[512];
    snprintf(path, sizeof path, "%s/%s", CORPUS, folder);
    int count = scandir(path, &entries, NULL, alphasort);
    cr_assert(count > 2);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.') look_at(&corpus, folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return corpus;
}

Test(plan_corpus, every_defect_is_found_at_its_line)
{
    struct corpus corpus = look_through("broken");
    cr_expect_geq(corpus.files, 40);
    cr_expect_eq(corpus.classes, (1u << PLAN_CLASSES) - 1, "every class is in the corpus: %x", corpus.classes);
}

Test(plan_corpus, nothing_is_found_where_nothing_is_wrong)
{
    struct corpus corpus = look_through("good");
    cr_expect_geq(corpus.files, 15);
}

Test(plan_corpus, a_file_that_is_not_there_is_told_apart_from_one_that_is_wrong)
{
    struct plan_check *check;
    const char *file = CORPUS "/nowhere.yaml";
    cr_assert_eq(plan_check_new(&file, 1, &check), 0);
    cr_expect(plan_is_unreadable(check) && plan_has_errors(check));
    plan_check_free(check);
}

/* ---- the demo's configurations, filled in as conf/demo/run.sh does ---- */

static void fill(char *text, size_t size, const char *mark, const char *value)
{
    static char copy[16384];
    for (char *at; (at = strstr(text, mark));) {
        snprintf(copy, sizeof copy, "%s", at + strlen(mark));
        snprintf(at, size - (size_t)(at - text), "%s%s", value, copy);
    }
}

static void render(const struct scratch *scratch, const char *template, const char *name, const char *node, const char *area, const char *children, const char *street, const char *street_area)
{
    static char text[16384];
    char path[512];
    snprintf(path, sizeof path, "%s/demo/%s.yaml.in", SHIPPED, template);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    text[fread(text, 1, sizeof text / 2, file)] = '\0';
    fclose(file);
    const struct { const char *mark, *value; } marks[] = {
        { "@CHILDREN@", children }, { "@DIR@", scratch->folder }, { "@RUN@", "/run" }, { "@PORT_DISTRICT@", "7700" }, { "@PORT@", "7701" }, { "@NODE@", node }, { "@AREA@", area },
        { "@STREET@", street }, { "@STREET_AREA@", street_area },
    };
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) fill(text, sizeof text, marks[i].mark, marks[i].value);
    scratch_write(scratch, name, text, strlen(text));
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "pki/%s.%s", node, i ? "key" : "crt");
        scratch_write(scratch, path, "", 0);
    }
    scratch_write(scratch, "pki/ca.crt", "", 0);
}

Test(plan_corpus, the_demo_has_nothing_wrong)
{
    struct scratch scratch;
    struct plan_check *check;
    char paths[4][256];
    const char *files[4];
    static const char *const names[] = { "district.yaml", "anlan.yaml", "heping.yaml", "community.yaml" };
    scratch_init(&scratch);
    render(&scratch, "district", names[0], "district-anhe", "990101", "", "", "");
    render(&scratch, "street", names[1], "street-anlan", "990101001", "  - { node: one, area: \"990101001001\", role: child }", "", "");
    render(&scratch, "street", names[2], "street-heping", "990101002", "", "", "");
    render(&scratch, "community", names[3], "one", "990101001001", "", "street-anlan", "990101001");
    for (int i = 0; i < 4; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%s", scratch.folder, names[i]);
        files[i] = paths[i];
    }
    cr_assert_eq(plan_check_new(files, 4, &check), 0);
    for (size_t i = 0; i < plan_findings_count(check); i++) cr_expect(false, "%s:%d: %s", plan_finding_at(check, i)->file, plan_finding_at(check, i)->line, plan_finding_at(check, i)->text);
    plan_check_free(check);
    scratch_deinit(&scratch);
}
