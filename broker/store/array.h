/* The array engine: a store whose disk is a field. For tests and the simulator. */
#ifndef STORE_ARRAY_H
#define STORE_ARRAY_H

#include "store/store.h"

extern const struct store_engine store_engine_array;

/* What the next commits meet. Zero means a healthy disk. */
struct store_array_faults {
    bool full;              /* commit answers STORE_FULL */
    uint64_t bytes_max;     /* as store_options.bytes_max, changeable while running; 0: none */
};

struct store_array_faults *store_array_faults(struct store *store);

/* A second store with the same committed content: what a restarted process finds. Owned by the caller. */
struct store *store_array_clone(struct store *store);

/* SHA-less content digest (FNV-1a 64 over keys and values in order), to compare two stores in tests. */
uint64_t store_array_digest(struct store *store);

#endif
