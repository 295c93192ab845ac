/* The core's work on signatures, on libuv's thread pool. */
#ifndef EDGE_WORKERS_H
#define EDGE_WORKERS_H

#include "core/core.h"

#include <uv.h>

struct workers {
    uv_loop_t *loop;
    void (*done)(void *context, struct core_job *job); /* on the loop's thread; the job is the callee's */
    void *context;
    size_t under_way;
};

/* Hands everything the core has ready to the pool. */
void workers_start(struct workers *workers, struct core *core);
/* Waits for what is under way and frees it; done is not called any more. */
void workers_stop(struct workers *workers);

#endif
