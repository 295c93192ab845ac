#include "help.h"

#include <string.h>

#define LINE_WIDTH 100

static void print_names(FILE *file, const char *word, const struct command_table *table)
{
    size_t size = strlen(word);

    for (size_t i = 0; i < table->count; i++) {
        const struct command *command = table->commands[i];
        char usage[64];
        if (strncmp(command->name, word, size) != 0)
            continue;
        snprintf(usage, sizeof(usage), "%s%s%s", command->name, *command->arguments ? " " : "", command->arguments);
        fprintf(file, "  %-24s %s\n", usage, command->summary);
    }
}

void help_print_all(FILE *file, const struct command_table *table)
{
    fputs("Usage: qiao [OPTION…] COMMAND [OPTION…] [ARGUMENT]\n\n"
          "Sends, receives and looks into the federated message bus through a node (qiaod).\n\nCommands:\n",
          file);
    print_names(file, "", table);
    fputs("\nOptions of every command:\n", file);
    options_print_help(file, table->globals, table->global_count);
    fputs("\nExit status: 0 done, 1 the answer is no, 2 wrong use, 3 the node cannot be reached.\n"
          "qiao COMMAND --help explains a command.\n",
          file);
}

void help_print_group(FILE *file, const char *word, const struct command_table *table)
{
    fprintf(file, "Usage: qiao %s COMMAND [OPTION…] [ARGUMENT]\n\nCommands:\n", word);
    print_names(file, word, table);
}

/* Fills lines; an empty line separates paragraphs. */
static void print_paragraphs(FILE *file, const char *text)
{
    size_t column = 0;

    while (*text) {
        size_t size = strcspn(text, " \n");
        if (column && column + 1 + size > LINE_WIDTH) {
            fputc('\n', file);
            column = 0;
        }
        if (column && size)
            column += (size_t)fprintf(file, " ");
        column += fwrite(text, 1, size, file);
        text += size;
        if (*text == '\n') {
            fputc('\n', file);
            column = 0;
        }
        if (*text)
            text++;
    }
    fputc('\n', file);
}

void help_print_command(FILE *file, const struct command *command, const struct command_table *table)
{
    fprintf(file, "Usage: qiao %s [OPTION…]%s%s\n\n", command->name, *command->arguments ? " " : "", command->arguments);
    print_paragraphs(file, command->text);
    if (command->example)
        fprintf(file, "\nExample:\n  %s\n", command->example);
    if (command->option_count) {
        fputs("\nOptions:\n", file);
        options_print_help(file, command->options, command->option_count);
    }
    fputs("\nOptions of every command:\n", file);
    options_print_help(file, table->globals, table->global_count);
}
