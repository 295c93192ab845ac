/* A file of administrative areas as a table. */
#ifndef CTL_AREA_FILE_H
#define CTL_AREA_FILE_H

#include "area/load.h"

/* Returns the exit status; errors are printed with file, line and column. *ret_table is the caller's (area_table_free), NULL with errors. */
int area_file_load(const char *path, enum charset charset, struct area_table **ret_table);

#endif
