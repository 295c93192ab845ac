/* What a table says about a code, as the answer that nodes and `qiao area` give (schema/admin.proto). */
#ifndef AREA_TELL_H
#define AREA_TELL_H

#include "area/resolve.h"
#include "base/arena.h"

#include <schema/admin.pb-c.h>

/* The row of an area; texts and lists are the arena's. */
Qiao__V1__AreaRecord *area_tell(const struct area_table *table, uint32_t area, struct arena *arena);

/* Fills the answer about a code as of the day of sending, for delivery on now_day: what becomes of it, and the row that decided. */
void area_tell_resolution(const struct area_table *table, struct area_code code, int32_t sent_day, int32_t now_day, uint32_t accept_old_days,
                          struct arena *arena, Qiao__V1__AreaReply *reply);

#endif
