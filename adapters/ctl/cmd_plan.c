/* qiao plan: a configuration looked at before it is in force. */
#include "command.h"
#include "text.h"

#include "plan/plan.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct plan_values {
    struct option_list with;
};

static const struct option_spec plan_options[] = {
    { .name = "with", .letter = 'w', .type = OPTION_FILES, .offset = offsetof(struct plan_values, with), .placeholder = "FILE",
      .help = "the configuration of another node of the federation; may be given again" },
};

static int print_findings(const struct globals *globals, const struct plan_check *check);

static int run_plan(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    const struct plan_values *options = values;
    const char *files[1 + OPTION_LIST_MAX];
    struct plan_check *check;
    int status;

    (void)argument_count;
    files[0] = arguments[0];
    for (size_t i = 0; i < options->with.count; i++)
        files[i + 1] = options->with.items[i];
    if (plan_check_new(files, options->with.count + 1, &check) < 0)
        return command_fail(CTL_NO, "out of memory");
    status = print_findings(globals, check);
    if (!status && plan_has_errors(check))
        status = plan_is_unreadable(check) ? CTL_WRONG_USE : CTL_NO;
    plan_check_free(check);
    return status;
}

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

const struct command command_plan = {
    .name = "plan",
    .arguments = "FILE",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "look at a configuration before it is in force",
    .text = "Reads a node's configuration with its rules, its policy and its catalogue, and tells what cannot be meant, each with file, line and a "
            "cure: rules that an earlier one takes everything from, conditions that nothing meets, organisations and areas that are not there, "
            "messages that would go nowhere or come back, the same twice, and lanes on which something cannot travel.\n\n"
            "With the configurations of other nodes (--with) links, ways and rules are followed from node to node. Nothing is asked of a node and "
            "nothing is changed. Exit status 1 means that there are errors, 2 that a file cannot be read.",
    .example = "qiao plan node.yaml --with street-anlan.yaml --with street-heping.yaml",
    .options = plan_options,
    .option_count = sizeof(plan_options) / sizeof(plan_options[0]),
    .values_size = sizeof(struct plan_values),
    .run = run_plan,
};
