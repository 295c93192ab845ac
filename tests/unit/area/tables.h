/* Small tables from CSV, for tests. */
#ifndef AREA_TABLES_H
#define AREA_TABLES_H

#include "area/load.h"
#include "area/resolve.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct area_code code_of(const char *text);
int32_t day_of(const char *text);
/* Fails the test if there are errors. */
struct area_table *table_of(const char *csv);
/* "LINE:COLUMN: text" of every error, a line each; "" and a table freed again if there are none. */
const char *errors_of(const char *csv);

#endif
