/* What leads from one table to another, as messages carry it (schema/area.proto): made of two tables, applied to one. */
#ifndef AREA_DELTA_H
#define AREA_DELTA_H

#include "area/version.h"
#include "base/arena.h"

#include <schema/area.pb-c.h>

#define AREA_DELTA_PARTS_MAX 64u
#define AREA_DELTA_PART_SIZE_MAX (256u * 1024u) /* packed */
/* Of what the parts of one change take when they are decoded. */
#define AREA_DELTA_MEMORY_MAX (192u * 1024u * 1024u)
#define AREA_DELTA_WHY_SIZE 256u

/* Told of each code of which the tables do not say the same, in the order of codes; AREA_NONE: not there. False ends it. */
typedef bool (*area_difference_visit)(void *context, uint32_t before, uint32_t after);
void area_compare(const struct area_table *old, const struct area_table *new, area_difference_visit visit, void *context);

struct area_delta {
    Qiao__V1__AreaDelta *parts;    /* whole: with versions and numbers */
    size_t parts_count;            /* 0: the tables say the same */
    size_t changed, removed;
};

/* Everything is the arena's, which has no bound. False: more than AREA_DELTA_PARTS_MAX parts. */
bool area_delta_make(const struct area_table *old, const struct area_table *new, area_digest digest, void *context, struct arena *arena, struct area_delta *ret_delta);

/* NULL, or why this can be part of no delta, whatever table it meets. */
const char *area_delta_check(const Qiao__V1__AreaDelta *part);

/* A new table; the old one stays. NULL, with a sentence, if the parts do not fit it. Whether it is the one they promise, its version says. */
struct area_table *area_delta_apply(const struct area_table *table, Qiao__V1__AreaDelta *const *parts, size_t parts_count, struct arena *arena,
                                    char reterr_why[AREA_DELTA_WHY_SIZE]);

#endif
