/* A row as it travels (schema/area.proto), into a row to build a table from. The other way is area_tell. */
#ifndef AREA_RECORD_H
#define AREA_RECORD_H

#include "area/table.h"
#include "base/arena.h"

#include <schema/area.pb-c.h>

#define AREA_ALIASES_SIZE_MAX 2000u

/* Lists and aliases are the arena's, the name is the record's. NULL, or what is wrong with the record, to be put behind its code. */
const char *area_record_read(const Qiao__V1__AreaRecord *record, struct arena *arena, struct area_row *ret_row);

#endif
