/* A decision as bytes. */
#ifndef CORE_EXPLAIN_DECISION_H
#define CORE_EXPLAIN_DECISION_H

#include "core/state.h"

struct explain_question {
    const struct peer *from;       /* NULL: this node */
    const struct header *header;
    unsigned code;
    bool routed;
    const char *configuration;
    struct qiao_bytes reason;
};

/* Appends the packed Decision of schema/explain.proto, with core->targets as what was chosen. The same question with the same table gives the
 * same bytes. */
void explain_pack(struct core *core, const struct explain_question *question, struct buf *out);

#endif
