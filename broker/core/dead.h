/* Dead letters as they lie in the store, under 'Z'. */
#ifndef CORE_DEAD_H
#define CORE_DEAD_H

#include "base/buf.h"

struct dead_record {
    unsigned code;             /* why: enum qiao_code */
    uint32_t attempts;
    uint64_t first_ms, last_ms; /* wall time of the first and the last failed delivery */
    struct qiao_bytes reason;  /* the member's last words, may be empty; at most 64 KiB */
    struct qiao_bytes message; /* the envelope as it was delivered */
};

/* Appends. */
void dead_record_write(struct buf *out, const struct dead_record *record);
/* Borrows bytes. False: not a dead letter. */
bool dead_record_read(struct qiao_bytes bytes, struct dead_record *ret_record);
/* For core_check_record. */
const char *dead_check_record(struct qiao_bytes key, struct qiao_bytes value);

#endif
