/* A verdict as people write it: accept, refuse:NOT_COMPETENT:reason, retry:500. */
#ifndef CTL_VERDICT_H
#define CTL_VERDICT_H

#include <qiao/client.h>

struct verdict {
    enum qiao_verdict verdict;
    unsigned code;
    const char *reason;        /* "" without one; points into the text that was read */
    uint64_t retry_after_ms;   /* 0: the node decides */
};

/* CTL_OK, or CTL_WRONG_USE after a message. */
int verdict_read(const char *text, struct verdict *ret_verdict);

#endif
