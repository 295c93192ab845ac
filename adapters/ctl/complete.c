#include "complete.h"

#include <string.h>

/* How a single quote is written inside single quotes. */
static const char sh_quote[] = "'\\''";
static const char fish_quote[] = "\\'";

static void print_escaped(FILE *file, const char *text, const char *quote, const char *backslashed)
{
    for (; *text; text++) {
        if (*text == '\'') {
            fputs(quote, file);
            continue;
        }
        if (strchr(backslashed, *text))
            fputc('\\', file);
        fputc(*text, file);
    }
}

static bool takes_value(const struct option_spec *spec)
{
    return spec->type != OPTION_FLAG;
}

static bool takes_file(const struct option_spec *spec)
{
    return spec->type == OPTION_FILE || spec->type == OPTION_FILES;
}

static size_t first_word_size(const struct command *command)
{
    return strcspn(command->name, " ");
}

/* Whether the command is the first of the table that begins with its first word. */
static bool is_first_of_word(const struct command_table *table, size_t at)
{
    size_t size = first_word_size(table->commands[at]);

    for (size_t i = 0; i < at; i++)
        if (first_word_size(table->commands[i]) == size && memcmp(table->commands[i]->name, table->commands[at]->name, size) == 0)
            return false;
    return true;
}

static bool is_group(const struct command *command)
{
    return command->name[first_word_size(command)] != '\0';
}

static const char *second_word(const struct command *command)
{
    return command->name + first_word_size(command) + 1;
}

static bool same_group(const struct command *a, const struct command *b)
{
    size_t size = first_word_size(a);

    return is_group(a) && is_group(b) && first_word_size(b) == size && memcmp(a->name, b->name, size) == 0;
}

/* ---- bash ---- */

/* A line of `case "$previous"` for what follows an option. */
static void bash_print_values(FILE *file, const struct option_spec *specs, size_t count, const char *indent)
{
    for (size_t i = 0; i < count; i++) {
        const struct option_spec *spec = &specs[i];
        if (!takes_value(spec))
            continue;
        fprintf(file, "%s--%s", indent, spec->name);
        if (spec->letter)
            fprintf(file, "|-%c", spec->letter);
        fputs(") ", file);
        if (spec->type == OPTION_CHOICE) {
            fputs("COMPREPLY=($(compgen -W '", file);
            for (size_t j = 0; spec->choices[j]; j++)
                fprintf(file, "%s%s", j ? " " : "", spec->choices[j]);
            fputs("' -- \"$current\")); ", file);
        } else if (takes_file(spec) || spec->type == OPTION_DIRECTORY) {
            fprintf(file, "COMPREPLY=($(compgen -%c -- \"$current\")); ", takes_file(spec) ? 'f' : 'd');
        }
        fputs("return ;;\n", file);
    }
}

static void bash_print_names(FILE *file, const struct option_spec *specs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fprintf(file, " --%s", specs[i].name);
}

/* Options whose value is not a command word. */
static void bash_print_skipped(FILE *file, const struct command_table *table)
{
    fputs("      ", file);
    for (size_t i = 0; i < table->global_count; i++)
        if (takes_value(&table->globals[i])) {
            fprintf(file, "--%s|", table->globals[i].name);
            if (table->globals[i].letter)
                fprintf(file, "-%c|", table->globals[i].letter);
        }
    for (size_t i = 0; i < table->count; i++)
        for (size_t j = 0; j < table->commands[i]->option_count; j++)
            if (takes_value(&table->commands[i]->options[j]))
                fprintf(file, "--%s|", table->commands[i]->options[j].name);
    fputs("--) i=$((i + 1)) ;;\n", file);
}

static void bash_print_command(FILE *file, const struct command *command)
{
    fprintf(file, "    '%s'|'%s '*)\n      case \"$previous\" in\n", command->name, command->name);
    bash_print_values(file, command->options, command->option_count, "        ");
    fputs("      esac\n      options=\"$options", file);
    bash_print_names(file, command->options, command->option_count);
    fputs("\"\n      words='", file);
    for (size_t i = 0; command->words && command->words[i]; i++)
        fprintf(file, "%s%s", i ? " " : "", command->words[i]);
    fputs("' ;;\n", file);
}

static void bash_print_group(FILE *file, const struct command_table *table, size_t at)
{
    const struct command *command = table->commands[at];

    fprintf(file, "    '%.*s') words='", (int)first_word_size(command), command->name);
    for (size_t i = at; i < table->count; i++)
        if (same_group(command, table->commands[i]))
            fprintf(file, " %s", second_word(table->commands[i]));
    fputs("' ;;\n", file);
}

void complete_print_bash(FILE *file, const struct command_table *table)
{
    fputs("# bash completion for qiao; made by: qiao completion bash\n"
          "_qiao() {\n"
          "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\" command='' options='' words='' i\n"
          "  COMPREPLY=()\n"
          "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
          "    case \"${COMP_WORDS[i]}\" in\n",
          file);
    bash_print_skipped(file, table);
    fputs("      -*) ;;\n"
          "      *) command=\"${command:+$command }${COMP_WORDS[i]}\" ;;\n"
          "    esac\n"
          "  done\n"
          "  options='",
          file);
    bash_print_names(file, table->globals, table->global_count);
    fputs("'\n  case \"$command\" in\n    '') words='", file);
    for (size_t i = 0; i < table->count; i++)
        if (is_first_of_word(table, i))
            fprintf(file, " %.*s", (int)first_word_size(table->commands[i]), table->commands[i]->name);
    fputs("' ;;\n", file);
    for (size_t i = 0; i < table->count; i++) {
        bash_print_command(file, table->commands[i]);
        if (is_group(table->commands[i]) && is_first_of_word(table, i))
            bash_print_group(file, table, i);
    }
    fputs("  esac\n  case \"$previous\" in\n", file);
    bash_print_values(file, table->globals, table->global_count, "    ");
    fputs("  esac\n"
          "  case \"$current\" in\n"
          "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$current\")) ;;\n"
          "    *) COMPREPLY=($(compgen -W \"$words\" -- \"$current\")) ;;\n"
          "  esac\n"
          "}\n"
          "complete -F _qiao qiao\n",
          file);
}

/* ---- zsh ---- */

static void zsh_print_option(FILE *file, const struct option_spec *spec)
{
    if (spec->letter)
        fprintf(file, " '(-%c --%s)'{-%c,--%s}'[", spec->letter, spec->name, spec->letter, spec->name);
    else
        fprintf(file, " '%s--%s[", spec->type == OPTION_FILES ? "*" : "", spec->name);
    print_escaped(file, spec->help, sh_quote, "[]:\\");
    fputc(']', file);
    if (spec->type == OPTION_CHOICE) {
        fprintf(file, ":%s:(", spec->name);
        for (size_t i = 0; spec->choices[i]; i++)
            fprintf(file, "%s%s", i ? " " : "", spec->choices[i]);
        fputc(')', file);
    } else if (takes_value(spec)) {
        fprintf(file, ":%s:%s", spec->placeholder,
                takes_file(spec) ? "_files" : spec->type == OPTION_DIRECTORY ? "_files -/" : " ");
    }
    fputs("'", file);
}

static void zsh_print_command(FILE *file, const struct command *command, const char *word, size_t word_size)
{
    fprintf(file, "      %.*s) _arguments -s $globals", (int)word_size, word);
    for (size_t i = 0; i < command->option_count; i++)
        zsh_print_option(file, &command->options[i]);
    if (command->words) {
        fputs(" '1:word:(", file);
        for (size_t i = 0; command->words[i]; i++)
            fprintf(file, "%s%s", i ? " " : "", command->words[i]);
        fputs(")'", file);
    }
    fputs(" ;;\n", file);
}

static void zsh_print_group(FILE *file, const struct command_table *table, size_t at)
{
    const struct command *first = table->commands[at];

    fprintf(file, "      %.*s)\n        if (( CURRENT == 2 )); then\n          names=(", (int)first_word_size(first), first->name);
    for (size_t i = at; i < table->count; i++)
        if (same_group(first, table->commands[i])) {
            fprintf(file, " '%s:", second_word(table->commands[i]));
            print_escaped(file, table->commands[i]->summary, sh_quote, ":\\");
            fputs("'", file);
        }
    fputs(" )\n          _describe command names\n        else\n          shift words; (( CURRENT-- ))\n          case $words[1] in\n", file);
    for (size_t i = at; i < table->count; i++)
        if (same_group(first, table->commands[i]))
            zsh_print_command(file, table->commands[i], second_word(table->commands[i]), strlen(second_word(table->commands[i])));
    fputs("          esac\n        fi ;;\n", file);
}

void complete_print_zsh(FILE *file, const struct command_table *table)
{
    fputs("#compdef qiao\n"
          "# zsh completion for qiao; made by: qiao completion zsh\n"
          "_qiao() {\n"
          "  local curcontext=\"$curcontext\" state line\n"
          "  local -a globals names\n"
          "  typeset -A opt_args\n"
          "  globals=(",
          file);
    for (size_t i = 0; i < table->global_count; i++)
        zsh_print_option(file, &table->globals[i]);
    fputs(" )\n  _arguments -C -s $globals '1: :->command' '*:: :->rest'\n  case $state in\n  command)\n    names=(", file);
    for (size_t i = 0; i < table->count; i++) {
        const struct command *command = table->commands[i];
        if (!is_first_of_word(table, i))
            continue;
        fprintf(file, " '%.*s:", (int)first_word_size(command), command->name);
        print_escaped(file, is_group(command) ? "several commands" : command->summary, sh_quote, ":\\");
        fputs("'", file);
    }
    fputs(" )\n    _describe command names ;;\n  rest)\n    case $words[1] in\n", file);
    for (size_t i = 0; i < table->count; i++)
        if (!is_group(table->commands[i]))
            zsh_print_command(file, table->commands[i], table->commands[i]->name, strlen(table->commands[i]->name));
        else if (is_first_of_word(table, i))
            zsh_print_group(file, table, i);
    fputs("    esac ;;\n  esac\n}\nif [ \"$funcstack[1]\" = _qiao ]; then _qiao \"$@\"; else compdef _qiao qiao; fi\n", file);
}

/* ---- fish ---- */

static void fish_print_option(FILE *file, const struct option_spec *spec, const char *condition)
{
    fputs("complete -c qiao", file);
    if (*condition)
        fprintf(file, " -n '%s'", condition);
    fprintf(file, " -l %s", spec->name);
    if (spec->letter)
        fprintf(file, " -s %c", spec->letter);
    if (takes_file(spec) || spec->type == OPTION_DIRECTORY)
        fputs(" -r -F", file);
    else if (takes_value(spec))
        fputs(" -x", file);
    if (spec->type == OPTION_CHOICE) {
        fputs(" -a '", file);
        for (size_t i = 0; spec->choices[i]; i++)
            fprintf(file, "%s%s", i ? " " : "", spec->choices[i]);
        fputc('\'', file);
    }
    fputs(" -d '", file);
    print_escaped(file, spec->help, fish_quote, "\\");
    fputs("'\n", file);
}

static void fish_print_word(FILE *file, const char *word, size_t word_size, const char *condition, const char *summary)
{
    fprintf(file, "complete -c qiao -n '%s' -a %.*s -d '", condition, (int)word_size, word);
    print_escaped(file, summary, fish_quote, "\\");
    fputs("'\n", file);
}

/* When the options of a command are wanted: its word was seen, and not as the second word of a group. */
static void fish_condition(const struct command_table *table, const struct command *command, char *condition, size_t size)
{
    size_t used = (size_t)snprintf(condition, size, "__fish_seen_subcommand_from %.*s", (int)first_word_size(command), command->name);

    if (is_group(command)) {
        snprintf(condition + used, size - used, "; and __fish_seen_subcommand_from %s", second_word(command));
        return;
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct command *other = table->commands[i];
        if (is_group(other) && strcmp(second_word(other), command->name) == 0)
            snprintf(condition + used, size - used, "; and not __fish_seen_subcommand_from %.*s", (int)first_word_size(other), other->name);
    }
}

static void fish_print_command(FILE *file, const struct command_table *table, size_t at)
{
    const struct command *command = table->commands[at];
    char condition[200];

    if (is_first_of_word(table, at))
        fish_print_word(file, command->name, first_word_size(command), "__fish_use_subcommand", is_group(command) ? "several commands" : command->summary);
    if (is_group(command)) {
        snprintf(condition, sizeof(condition), "__fish_seen_subcommand_from %.*s; and test (count (commandline -opc)) -eq 2",
                 (int)first_word_size(command), command->name);
        fish_print_word(file, second_word(command), strlen(second_word(command)), condition, command->summary);
    }
    fish_condition(table, command, condition, sizeof(condition));
    for (size_t i = 0; command->words && command->words[i]; i++)
        fish_print_word(file, command->words[i], strlen(command->words[i]), condition, "");
    for (size_t i = 0; i < command->option_count; i++)
        fish_print_option(file, &command->options[i], condition);
}

void complete_print_fish(FILE *file, const struct command_table *table)
{
    fputs("# fish completion for qiao; made by: qiao completion fish\ncomplete -c qiao -f\n", file);
    for (size_t i = 0; i < table->global_count; i++)
        fish_print_option(file, &table->globals[i], "");
    for (size_t i = 0; i < table->count; i++)
        fish_print_command(file, table, i);
}
