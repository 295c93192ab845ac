#include "planned.h"

#include "command.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool digest_of(const char *configuration, char digest[VERSIONS_DIGEST_SIZE])
{
    struct plan_files files;
    int result = plan_files_init(&files, configuration);
    bool done = result == 0 && versions_digest(&files, digest);

    if (result != 0)
        command_fail(CTL_NO, "%s cannot be read, or has errors: see qiao plan --offline", configuration);
    plan_files_deinit(&files);
    return done;
}

static bool full_path(const char *path, char out[4096])
{
    if (realpath(path, out))
        return true;
    command_fail(CTL_NO, "%s cannot be found: %s", path, strerror(errno));
    return false;
}

bool planned_describe(struct planned *p, const char *configuration, const char *wanted)
{
    if (!full_path(configuration, p->configuration) || !full_path(wanted, p->wanted) || !digest_of(p->configuration, p->before) || !digest_of(p->wanted, p->after))
        return false;
    snprintf(p->id, sizeof(p->id), "%.8s%.8s", p->before, p->after);
    return true;
}

static json_t *as_json(const struct planned *p)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I}", "plan", p->id, "configuration", p->configuration, "wanted", p->wanted, "before", p->before, "after",
                     p->after, "restart", p->restart, "errors", p->has_errors, "headers", (json_int_t)p->headers, "changed", (json_int_t)p->changed);
}

bool planned_write(const struct planned *p, const char *path)
{
    json_t *json = as_json(p);
    bool written = json && json_dump_file(json, path, JSON_INDENT(2)) == 0;

    json_decref(json);
    if (!written)
        command_fail(CTL_NO, "%s cannot be written: %s", path, strerror(errno));
    return written;
}

bool planned_print_json(const struct planned *p)
{
    json_t *json = as_json(p);
    bool printed = json && json_dumpf(json, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF;

    json_decref(json);
    return printed;
}

bool planned_read(struct planned *p, const char *path)
{
    json_error_t error;
    json_t *json = json_load_file(path, 0, &error);
    const char *id, *configuration, *wanted, *before, *after, *restart;
    int has_errors;
    bool sound = json && json_unpack(json, "{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "plan", &id, "configuration", &configuration, "wanted", &wanted, "before", &before, "after",
                                     &after, "restart", &restart, "errors", &has_errors) == 0;

    *p = (struct planned){ 0 };
    if (!sound) {
        command_fail(CTL_NO, "%s is no plan of qiao plan: %s", path, json ? "a value is missing" : error.text);
    } else {
        snprintf(p->id, sizeof(p->id), "%s", id);
        snprintf(p->configuration, sizeof(p->configuration), "%s", configuration);
        snprintf(p->wanted, sizeof(p->wanted), "%s", wanted);
        snprintf(p->before, sizeof(p->before), "%s", before);
        snprintf(p->after, sizeof(p->after), "%s", after);
        snprintf(p->restart, sizeof(p->restart), "%s", restart);
        p->has_errors = has_errors;
    }
    json_decref(json);
    return sound;
}
