/* qiao plan: a configuration looked at before it is in force, and what would become of real messages. */
#include "admin.h"
#include "command.h"
#include "planned.h"
#include "text.h"
#include "versions.h"

#include "plan/plan.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plan_values {
    struct option_list with;
    const char *current;
    const char *out;
    bool offline;
};

#define AT(member) .offset = offsetof(struct plan_values, member)

static const struct option_spec plan_options[] = {
    { .name = "with", .letter = 'w', .type = OPTION_FILES, AT(with), .placeholder = "FILE", .help = "the configuration of another node of the federation; may be given again" },
    { .name = "current", .type = OPTION_FILE, AT(current), .placeholder = "FILE", .help = "the configuration in force, if the node's own file lies elsewhere here" },
    { .name = "out", .letter = 'o', .type = OPTION_FILE, AT(out), .placeholder = "FILE", .help = "where to write the plan for qiao apply; left out: FILE.plan" },
    { .name = "offline", .type = OPTION_FLAG, AT(offline), .help = "look at the files only; ask no node, write no plan" },
};

#undef AT

struct planning {
    const struct globals *globals;
    const struct plan_values *options;
    struct plan_rehearsal *rehearsal;
    char current[4096];
    const char *wanted;
    uint32_t next;
};

static int print_findings(const struct globals *globals, const struct plan_check *check);
static int rehearse(struct planning *p);
static int print_changes(const struct planning *p);

static int check_files(const struct globals *globals, const struct plan_values *options, const char *file, struct planned *planned)
{
    const char *files[1 + OPTION_LIST_MAX] = { file };
    struct plan_check *check;
    int status;

    for (size_t i = 0; i < options->with.count; i++)
        files[i + 1] = options->with.items[i];
    if (plan_check_new(files, options->with.count + 1, &check) < 0)
        return command_fail(CTL_NO, "out of memory");
    status = print_findings(globals, check);
    planned->has_errors = plan_has_errors(check);
    if (!status && plan_has_errors(check))
        status = plan_is_unreadable(check) ? CTL_WRONG_USE : CTL_NO;
    plan_check_free(check);
    return status;
}

static int write_plan(const struct planning *p, struct planned *planned)
{
    char standard[4096];
    const char *path = p->options->out;

    if (!path)
        snprintf(standard, sizeof(standard), "%.4000s.plan", p->wanted);
    if (!planned_describe(planned, p->current, p->wanted))
        return CTL_NO;
    snprintf(planned->restart, sizeof(planned->restart), "%s", plan_restart_keys(p->rehearsal));
    planned->headers = plan_rehearsed(p->rehearsal);
    planned->changed = plan_changed(p->rehearsal);
    if (!planned_write(planned, path ? path : standard))
        return CTL_NO;
    if (p->globals->json)
        return planned_print_json(planned) ? CTL_OK : CTL_NO;
    if (planned->restart[0])
        printf("in force with a restart only: %s\n", planned->restart);
    printf("plan %s: qiao apply %s\n", planned->id, path ? path : standard);
    return CTL_OK;
}

static int run_plan(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    struct planning p = { .globals = globals, .options = values, .wanted = arguments[0] };
    struct planned planned = { 0 };
    int status = check_files(globals, p.options, arguments[0], &planned);

    (void)argument_count;
    if (status || p.options->offline)
        return status;
    status = rehearse(&p);
    if (!status)
        status = print_changes(&p);
    if (!status)
        status = write_plan(&p, &planned);
    plan_rehearsal_free(p.rehearsal);
    return status;
}

/* ---- findings ---- */

static bool print_json(const struct plan_finding *f)
{
    json_t *line = json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:s}", "class", plan_class_name(f->class), "severity", f->warning ? "warning" : "error", "file", f->file,
                             "line", f->line, "column", f->column, "key", f->key, "text", f->text);
    bool printed = line && json_dumpf(line, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF;

    json_decref(line);
    return printed;
}

static int print_findings(const struct globals *globals, const struct plan_check *check)
{
    size_t count = plan_findings_count(check), warnings = 0;

    for (size_t i = 0; i < count; i++) {
        const struct plan_finding *f = plan_finding_at(check, i);
        warnings += f->warning;
        if (globals->json && !print_json(f))
            return command_fail(CTL_NO, "a finding cannot be written as JSON");
        if (!globals->json)
            printf("%s:%d:%d: %s: %s: %s: %s\n", f->file, f->line, f->column, f->warning ? "warning" : "error", plan_class_name(f->class), f->key, f->text);
    }
    if (!globals->json)
        printf("%zu error%s, %zu warning%s\n", count - warnings, count - warnings == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
    return CTL_OK;
}

/* ---- real messages ---- */

static int set_stage(struct planning *p, const char *configuration)
{
    int result;

    if (p->rehearsal)
        return CTL_OK;
    snprintf(p->current, sizeof(p->current), "%s", p->options->current ? p->options->current : configuration);
    result = plan_rehearsal_new(p->current, p->wanted, &p->rehearsal);
    if (result > 0)
        return command_fail(CTL_NO, "the configuration in force, %s, cannot be read here or has errors; name it with --current", p->current);
    return result == 0 ? CTL_OK : command_fail(CTL_NO, "cannot rehearse: %s", strerror(-result));
}

static int take_headers(void *context, const Qiao__V1__AdminReply *reply)
{
    struct planning *p = context;
    const Qiao__V1__KeptHeadersReply *kept = reply->kept_headers;
    int status;

    if (reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_KEPT_HEADERS)
        return command_fail(CTL_NO, "the node answered something else than headers");
    status = set_stage(p, kept->configuration);
    for (size_t i = 0; !status && i < kept->n_headers; i++)
        plan_rehearse(p->rehearsal, kept->headers[i]->header.data, kept->headers[i]->header.len, kept->headers[i]->from, kept->headers[i]->at_ms);
    p->next = kept->next;
    return status;
}

static int rehearse(struct planning *p)
{
    __attribute__((cleanup(admin_close))) struct admin admin = { 0 };
    int status = admin_open(&admin, p->globals);

    do {
        Qiao__V1__KeptHeadersRequest headers = QIAO__V1__KEPT_HEADERS_REQUEST__INIT;
        Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
        headers.from = p->next;
        request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_KEPT_HEADERS;
        request.kept_headers = &headers;
        if (!status)
            status = admin_ask(&admin, &request, take_headers, p, p->globals->timeout_ms);
    } while (!status && p->next > 0);
    return status;
}

static bool print_change_json(const struct plan_change *c)
{
    json_t *line = json_pack("{s:I, s:s, s:s, s:s}", "count", (json_int_t)c->count, "what", c->what, "before", c->before, "after", c->after);
    bool printed = line && json_dumpf(line, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF;

    json_decref(line);
    return printed;
}

static int print_changes(const struct planning *p)
{
    size_t count = plan_changes_count(p->rehearsal);

    if (!p->globals->json)
        printf("%zu of the node's last %zu messages would fare otherwise%s\n", plan_changed(p->rehearsal), plan_rehearsed(p->rehearsal), count ? ":" : "");
    for (size_t i = 0; i < count; i++) {
        const struct plan_change *c = plan_change_at(p->rehearsal, i);
        if (p->globals->json && !print_change_json(c))
            return command_fail(CTL_NO, "a change cannot be written as JSON");
        if (!p->globals->json)
            printf("  %zu × %s\n      now:  %s\n      then: %s\n", c->count, c->what, c->before, c->after);
    }
    return CTL_OK;
}

const struct command command_plan = {
    .name = "plan",
    .arguments = "FILE",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "look at a configuration before it is in force, and rehearse it",
    .text = "Reads a node's configuration with its rules, its policy and its catalogue, and tells what cannot be meant, each with file, line and a "
            "cure: rules that an earlier one takes everything from, conditions that nothing meets, organisations and areas that are not there, "
            "messages that would go nowhere or come back, the same twice, and lanes on which something cannot travel. With the configurations of "
            "other nodes (--with) links, ways and rules are followed from node to node.\n\n"
            "Then the node is asked for the headers of the messages it decided about last (plan.keep_headers), and what would become of them is "
            "worked out twice: with the configuration in force and with this one. What differs is listed, the most frequent first, and a plan is "
            "written for qiao apply. Nothing is changed. Exit status 1 means that there are errors, 2 that a file cannot be read.",
    .example = "qiao plan new/node.yaml --with street-anlan.yaml",
    .options = plan_options,
    .option_count = sizeof(plan_options) / sizeof(plan_options[0]),
    .values_size = sizeof(struct plan_values),
    .run = run_plan,
};
