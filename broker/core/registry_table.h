/* What the register holds in memory, and its records in the store:
 *   'N' 'O' org id       packed OrgRecord
 *   'N' 'W' number(8)    packed OrgWaiting, in order of arrival */
#ifndef CORE_REGISTRY_TABLE_H
#define CORE_REGISTRY_TABLE_H

#include "base/arena.h"
#include "core/registry.h"

struct registrar {
    char *office;                  /* area/org */
    char *seat;                    /* or NULL: any */
};

struct registry {
    struct registrar *registrars;
    size_t registrars_count;
    bool required;
    uint64_t confirm_within_ms;
    struct organisation **organisations; /* in order of ids */
    struct organisation **by_code; /* those with a code, in its order; the one that is not closed first */
    size_t count, by_code_count, capacity;
    struct registry_waiting *waiting; /* in order of arrival */
    size_t waiting_count, waiting_capacity;
    uint64_t last_number;
    uint64_t changes;
    struct arena arena;            /* decoding of one message and what it is about */
};

/* The organisation with this code that is not closed, or NULL. */
const struct organisation *registry_find_code(const struct registry *registry, const char *code);
const struct organisation *registry_find_name(const struct registry *registry, const char *name); /* not closed */

/* Takes the place of what was known of the organisation. Strings are copied. False: no room or not sound. */
bool registry_set(struct registry *registry, const Qiao__V1__OrgRecord *record);
void registry_put(const struct registry *registry, const char *id, const struct registry_sink *sink); /* its record */

/* Number 0: it comes last, and gets one. NULL: what stands in raw is no message of the register. */
struct registry_waiting *registry_add_waiting(struct registry *registry, uint64_t number, struct qiao_bytes raw, uint64_t since_ms, uint64_t until_ms, bool for_version);
void registry_put_waiting(const struct registry_waiting *waiting, const struct registry_sink *sink);
/* Out of table and store; *ret_raw is the caller's. */
void registry_take_waiting(struct registry *registry, size_t index, struct buf *ret_raw, const struct registry_sink *sink);

#endif
