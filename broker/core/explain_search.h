/* Where is a message in the log of decisions? The log is read in slices: a search never keeps the node from its work. */
#ifndef CORE_EXPLAIN_SEARCH_H
#define CORE_EXPLAIN_SEARCH_H

#include "core/explain.h"

#define EXPLAIN_HITS_MAX 64u

struct explain_hit {
    uint64_t record, at_ms;
    struct qiao_id name;           /* of the decision */
    uint16_t peer;                 /* number; 0: it went to nobody */
    uint64_t source;               /* start of the digest of its sender's address */
    uint32_t tag;                  /* of the sender: keys.h */
    uint64_t sequence;
};

struct explain_search {
    struct qiao_id id;
    uint64_t source;               /* only messages of this sender; 0: of all */
    uint64_t start;                /* record in which one of this age is to be expected */
    uint64_t at, end;              /* records that are still to be read */
    bool around;                   /* behind start there was nothing: from the first to it */
    size_t hits_count;             /* those beyond EXPLAIN_HITS_MAX are not kept */
    struct explain_hit hits[EXPLAIN_HITS_MAX];
    size_t bytes;                  /* read in this slice */
};

/* False: this node writes nothing down. */
bool explain_search_begin(struct core *core, const struct qiao_id *id, uint64_t source, struct explain_search *ret_search);
/* Reads a slice. True: it is done. */
bool explain_search_go(struct core *core, struct explain_search *search);

#endif
