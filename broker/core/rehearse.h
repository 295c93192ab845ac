/* What a node of this configuration would do with a message, from its header alone. For a core that carries no traffic; no rate is used up. */
#ifndef CORE_REHEARSE_H
#define CORE_REHEARSE_H

#include "core/core.h"

struct core_rehearsal {
    unsigned code;                 /* QIAO_CODE_OK, or why it would be refused */
    char destination[192];         /* as its sender addressed it, or where a rule sends it */
    char targets[192];             /* members and neighbours it goes to: "housing, street-anlan" */
    char copies[256];              /* the same of copies: "inspection (990101/inspection), …" */
    char rule[160];                /* "housing-first, rules.yaml:12", or "" */
    bool held;                     /* first, by the rule */
    uint32_t kind;
};

/* wall_ms: when it was decided about. */
void core_rehearse(struct core *core, struct qiao_bytes header, const char *from, uint64_t wall_ms, struct core_rehearsal *ret_rehearsal);

#endif
