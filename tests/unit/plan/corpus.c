#include "corpus.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char district[] =
    "node: { id: district-anhe, area: \"990101\", store: /var/lib/qiao }\n"
    "listen: [\"ipc:///run/qiao/node\"]\n"
    "links:\n"
    "  - { node: city-anshi, area: \"990100\", role: parent, to: \"ipc:///run/city\" }\n"
    "  - { node: street-anlan, area: \"990101001\", role: child }\n"
    "members:\n"
    "  - { name: hotline, type: gateway }\n"
    "  - { name: housing, type: gov }\n"
    "  - { name: urban-management, type: gov }\n"
    "  - { name: court, type: judicial }\n"
    "  - { name: training, type: gov, drills: true }\n"
    "rules: { file: rules.yaml }\n";

static void take_marks(struct corpus_case *c, size_t file, int line, const char *text)
{
    char *marks = strstr(text, "#! "), *rest = marks ? marks + 3 : NULL, *word;
    while (rest && (word = strtok_r(rest, " \n", &rest))) {
        cr_assert_lt(c->marks_count, CORPUS_MARKS_MAX);
        struct corpus_mark *mark = &c->marks[c->marks_count++];
        mark->file = file;
        snprintf(mark->class, sizeof mark->class, "%s", word);
        mark->line = line;
    }
}

struct part {
    char text[16384];
    size_t size;
    int line;
};

static void end_part(struct corpus_case *c, struct part *part)
{
    if (c->files_count > 0) scratch_write(&c->scratch, c->names[c->files_count - 1], part->text, part->size);
    *part = (struct part){ 0 };
}

static void read_line(struct corpus_case *c, struct part *part, char *line)
{
    if (strncmp(line, "#@ ", 3) == 0) {
        end_part(c, part);
        cr_assert_lt(c->files_count, CORPUS_FILES_MAX);
        line[strcspn(line, "\n")] = '\0';
        snprintf(c->names[c->files_count++], sizeof c->names[0], "%.63s", line + 3);
        return;
    }
    size_t size = strlen(line);
    cr_assert(c->files_count > 0 && part->size + size < sizeof part->text);
    memcpy(part->text + part->size, line, size);
    part->size += size;
    take_marks(c, c->files_count - 1, ++part->line, line);
}

static void split(struct corpus_case *c, const char *path)
{
    static struct part part;
    char line[1024];
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    part = (struct part){ 0 };
    while (fgets(line, sizeof line, file)) read_line(c, &part, line);
    end_part(c, &part);
    fclose(file);
}

static bool is_node(const struct corpus_case *c, const char *name)
{
    char path[256], line[64] = "";
    snprintf(path, sizeof path, "%s/%s", c->scratch.folder, name);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    while (fgets(line, sizeof line, file) && line[0] == '#') { }
    fclose(file);
    return strncmp(line, "node:", 5) == 0;
}

void corpus_open(struct corpus_case *c, const char *path)
{
    char paths[CORPUS_FILES_MAX + 1][256];
    const char *files[CORPUS_FILES_MAX + 1];
    size_t count = 0;
    bool has_node = false;
    memset(c, 0, sizeof *c);
    scratch_init(&c->scratch);
    split(c, path);
    for (size_t i = 0; i < c->files_count; i++) has_node |= strcmp(c->names[i], "node.yaml") == 0;
    if (!has_node) scratch_write(&c->scratch, "node.yaml", district, strlen(district));
    snprintf(paths[count++], sizeof paths[0], "%s/node.yaml", c->scratch.folder);
    for (size_t i = 0; i < c->files_count; i++)
        if (strcmp(c->names[i], "node.yaml") != 0 && is_node(c, c->names[i])) snprintf(paths[count++], sizeof paths[0], "%s/%s", c->scratch.folder, c->names[i]);
    for (size_t i = 0; i < count; i++) files[i] = paths[i];
    cr_assert_eq(plan_check_new(files, count, &c->check), 0);
}

void corpus_close(struct corpus_case *c)
{
    plan_check_free(c->check);
    scratch_deinit(&c->scratch);
}

static bool is_marked(struct corpus_case *c, const struct plan_finding *f)
{
    const char *name = strrchr(f->file, '/');
    for (size_t i = 0; i < c->marks_count; i++) {
        struct corpus_mark *mark = &c->marks[i];
        if (mark->found || mark->line != f->line || strcmp(mark->class, plan_class_name(f->class)) != 0 || strcmp(c->names[mark->file], name ? name + 1 : f->file) != 0) continue;
        mark->found = true;
        return true;
    }
    return false;
}

char *corpus_differences(struct corpus_case *c)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; i < plan_findings_count(c->check); i++) {
        const struct plan_finding *f = plan_finding_at(c->check, i);
        if (!is_marked(c, f)) fprintf(out, "not marked: %s:%d:%d: %s: %s: %s\n", f->file, f->line, f->column, plan_class_name(f->class), f->key, f->text);
    }
    for (size_t i = 0; i < c->marks_count; i++)
        if (!c->marks[i].found) fprintf(out, "not found: %s:%d: %s\n", c->names[c->marks[i].file], c->marks[i].line, c->marks[i].class);
    fclose(out);
    return text;
}
