/* The file of administrative areas, read into the table of proto/area. */
#ifndef CONF_AREAS_H
#define CONF_AREAS_H

#include "errors.h"

/* What is wrong goes to errors, and *ret_table is NULL then. Negative: -errno. */
int conf_areas_load(const char *file, const char *charset, struct conf_errors *errors, struct area_table **ret_table);
void conf_areas_free(struct area_table *table);

#endif
