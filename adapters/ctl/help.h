/* --help, from the table. */
#ifndef CTL_HELP_H
#define CTL_HELP_H

#include "command.h"

#include <stdio.h>

void help_print_all(FILE *file, const struct command_table *table);
/* The commands whose name begins with the word. */
void help_print_group(FILE *file, const char *word, const struct command_table *table);
void help_print_command(FILE *file, const struct command *command, const struct command_table *table);

#endif
