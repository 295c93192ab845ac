#include "complete.h"
#include "text.h"

#include <qiao/version.h>
#include <string.h>

/* roff reads "-" as a hyphen, "\" as a command and a line that begins with "." or "'" as a request. */
static void print_roff(FILE *file, const char *text)
{
    size_t size = strlen(text);
    bool line_start = true;

    while (size) {
        uint32_t point = 0;
        size_t length = text_utf8_next(text, size, &point);
        if (line_start && (*text == '.' || *text == '\''))
            fputs("\\&", file);
        if (point > 0x7f)
            fprintf(file, "\\[u%04X]", (unsigned)point);
        else if (*text == '-')
            fputs("\\-", file);
        else if (*text == '\'')
            fputs("\\(aq", file);
        else if (*text == '"')
            fputs("\\(dq", file);
        else if (*text == '\\')
            fputs("\\e", file);
        else
            fputc(*text, file);
        line_start = *text == '\n';
        length = length ? length : 1;
        text += length;
        size -= length;
    }
}

static void print_paragraphs(FILE *file, const char *text)
{
    const char *end;

    while ((end = strstr(text, "\n\n"))) {
        for (; text < end; text++) {
            char letter[2] = { *text, '\0' };
            print_roff(file, letter);
        }
        fputs("\n.PP\n", file);
        text = end + 2;
    }
    print_roff(file, text);
    fputc('\n', file);
}

static void print_option(FILE *file, const struct option_spec *spec)
{
    fputs(".TP\n", file);
    if (spec->letter)
        fprintf(file, "\\fB\\-%c\\fR, ", spec->letter);
    fputs("\\fB\\-\\-", file);
    print_roff(file, spec->name);
    fputs("\\fR", file);
    if (spec->type == OPTION_CHOICE) {
        fputc(' ', file);
        for (size_t i = 0; spec->choices[i]; i++)
            fprintf(file, "%s\\fB%s\\fR", i ? "|" : "", spec->choices[i]);
    } else if (spec->type != OPTION_FLAG) {
        fprintf(file, " \\fI%s\\fR", spec->placeholder);
    }
    fputc('\n', file);
    print_roff(file, spec->help);
    if (spec->required)
        fputs(" (required)", file);
    fputs(spec->type == OPTION_FILES ? ". Can be given again.\n" : ".\n", file);
    if (spec->standard) {
        fputs("Without it: ", file);
        print_roff(file, spec->standard);
        fputs(".\n", file);
    }
    if (spec->environment)
        fprintf(file, "Taken from the environment variable\n.B %s\nif not given.\n", spec->environment);
}

static void print_command(FILE *file, const struct command *command)
{
    fputs(".SS \\(dqqiao ", file);
    print_roff(file, command->name);
    if (*command->arguments) {
        fputc(' ', file);
        print_roff(file, command->arguments);
    }
    fputs("\\(dq\n", file);
    print_roff(file, command->summary);
    fputs(".\n.PP\n", file);
    print_paragraphs(file, command->text);
    for (size_t i = 0; i < command->option_count; i++)
        print_option(file, &command->options[i]);
    if (command->example) {
        fputs(".PP\nExample:\n.PP\n.RS\n.nf\n", file);
        print_roff(file, command->example);
        fputs("\n.fi\n.RE\n", file);
    }
}

void man_print(FILE *file, const struct command_table *table)
{
    fprintf(file,
            ".\\\" Made by: qiao man\n"
            ".TH QIAO 1 \"\" \"Qiao %s\" \"User Commands\"\n"
            ".SH NAME\nqiao \\- send, receive and look into the federated message bus\n"
            ".SH SYNOPSIS\n.B qiao\n[\\fIoption\\fR ...] \\fIcommand\\fR [\\fIoption\\fR ...] [\\fIargument\\fR]\n"
            ".SH DESCRIPTION\n"
            ".B qiao\nis a customer of a Qiao node (qiaod): it submits and receives messages as a member, and asks the node what is up, where\n"
            "messages would go and how they ended.\n"
            ".SH OPTIONS\nThese may stand before or after the command.\n",
            QIAO_VERSION);
    for (size_t i = 0; i < table->global_count; i++)
        print_option(file, &table->globals[i]);
    fputs(".SH COMMANDS\n", file);
    for (size_t i = 0; i < table->count; i++)
        print_command(file, table->commands[i]);
    fputs(".SH \"EXIT STATUS\"\n"
          ".TP\n.B 0\nDone; the answer is yes.\n"
          ".TP\n.B 1\nThe answer is no, or the work could not be done.\n"
          ".TP\n.B 2\nWrong use: an option, argument or command is not valid.\n"
          ".TP\n.B 3\nThe node cannot be reached, or will not have this client.\n"
          ".SH ENVIRONMENT\n"
          ".TP\n.B NO_COLOR\nIf set, nothing is printed in colour. Colours are used on a terminal only.\n"
          ".SH \"SEE ALSO\"\n.BR qiaod (8)\n",
          file);
}
