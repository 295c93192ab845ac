/* A file of administrative areas as a table. */
#ifndef CTL_AREA_FILE_H
#define CTL_AREA_FILE_H

#include "area/load.h"
#include "area/version.h"

/* Returns the exit status; errors are printed with file, line and column. *ret_table is the caller's (area_table_free), NULL with errors. */
int area_file_load(const char *path, enum charset charset, struct area_table **ret_table);

#define AREA_FILE_VERSION_TEXT_SIZE (2 * AREA_VERSION_SIZE + 1)
/* The version that nodes with this table tell each other, as hexadecimal digits. */
void area_file_version_text(const uint8_t version[AREA_VERSION_SIZE], char ret_text[AREA_FILE_VERSION_TEXT_SIZE]);
/* What area_version is given: SHA-256, as at nodes. */
void area_file_digest(void *context, struct qiao_bytes data, uint8_t ret_digest[AREA_VERSION_SIZE]);

#endif
