/* Shell completion and the manual page, from the table. */
#ifndef CTL_COMPLETE_H
#define CTL_COMPLETE_H

#include "command.h"

#include <stdio.h>

void complete_print_bash(FILE *file, const struct command_table *table);
void complete_print_zsh(FILE *file, const struct command_table *table);
void complete_print_fish(FILE *file, const struct command_table *table);

void man_print(FILE *file, const struct command_table *table);

#endif
