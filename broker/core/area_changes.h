/* Changes of the table of areas as one node keeps them (schema/area.proto): parts of those that wait for the second registrar, and those that
 * took effect. The node's table is the one of its configuration, changed by all of these that fit, in order; so after a restart, with the same
 * file or a newer one, it is where it was.
 *
 *   'V' 's' number(8)          packed AreaChange
 *   'V' 'p' number(8) part(1)  a part: from a member of this node and not signed yet (1), envelope
 *   'V' 'c' number(8)          the second registrar's word: the same
 *   'V' 'o' ...                area_doubts.c */
#ifndef CORE_AREA_CHANGES_H
#define CORE_AREA_CHANGES_H

#include "area/delta.h"
#include "core/keys.h"

#include "schema/area.pb-c.h"

#define AREA_CHANGES_OPEN_MAX 8u
#define AREA_CHANGES_MAX 72u         /* with those that took effect */
#define AREA_OFFICE_SIZE (QIAO_AREA_SIZE_MAX + QIAO_ORG_SIZE_MAX + 2)

struct core;

struct area_change {
    uint64_t number;               /* in the order in which they came, and may take effect */
    uint8_t from[AREA_VERSION_SIZE], to[AREA_VERSION_SIZE];
    uint32_t parts;                /* 0: none has come yet */
    uint64_t have;                 /* bit by bit */
    char registrar[AREA_OFFICE_SIZE], confirmed_by[AREA_OFFICE_SIZE]; /* "" until they have spoken */
    uint64_t since_ms, until_ms, applied_at_ms;
    bool in_force;                 /* the table in force was made with it */
};

struct area_changes {
    struct area_change items[AREA_CHANGES_MAX]; /* in order */
    size_t count;
    uint64_t last_number;
    bool sound;                    /* while they are loaded */
};

bool area_change_is_whole(const struct area_change *change);
size_t area_changes_open(const struct area_changes *changes);
/* NULL: none with these versions, that waits or that took effect. */
struct area_change *area_changes_find(struct area_changes *changes, const uint8_t *from, const uint8_t *to, bool applied);
/* A new one behind the others. NULL: there is no room, nor one that could go. */
struct area_change *area_changes_add(struct core *core, const uint8_t *from, const uint8_t *to);
void area_changes_remove(struct core *core, struct area_change *change); /* its records too */
void area_change_put(struct core *core, const struct area_change *change);
Qiao__V1__AreaChange area_change_tell(const struct area_change *change); /* borrows from it */

struct key area_change_key(uint8_t letter, const struct area_change *change, uint32_t part);
bool area_changes_load(struct core *core);
const char *area_changes_check_record(struct qiao_bytes key, struct qiao_bytes value); /* NULL: sound */

#endif
