/* qiao completion, qiao man: documents made from the command table. */
#include "complete.h"

#include <string.h>

static const char *const shells[] = { "bash", "zsh", "fish", NULL };

static int run_completion(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    static void (*const printers[])(FILE *file, const struct command_table *table) = { complete_print_bash, complete_print_zsh, complete_print_fish };

    (void)globals;
    (void)values;
    (void)argument_count;
    for (size_t i = 0; shells[i]; i++)
        if (strcmp(shells[i], arguments[0]) == 0) {
            printers[i](stdout, command_table());
            return CTL_OK;
        }
    return command_fail(CTL_WRONG_USE, "\"%.40s\" is no shell known here; use bash, zsh or fish", arguments[0]);
}

static int run_man(const struct globals *globals, const void *values, int argument_count, char **arguments)
{
    (void)globals;
    (void)values;
    (void)argument_count;
    (void)arguments;
    man_print(stdout, command_table());
    return CTL_OK;
}

const struct command command_completion = {
    .name = "completion",
    .arguments = "bash|zsh|fish",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "print the completion of a shell",
    .text = "The packages install it. By hand: source <(qiao completion bash), or write it where your shell looks.",
    .example = "qiao completion bash > ~/.local/share/bash-completion/completions/qiao",
    .words = shells,
    .run = run_completion,
};

const struct command command_man = {
    .name = "man",
    .arguments = "",
    .summary = "print the manual page",
    .text = "In roff, for man -l or for installation as qiao(1).",
    .example = "qiao man | man -l -",
    .run = run_man,
};
