/* The journal engine: a write-ahead journal in front of another engine, the base. Read store.h and README.md first. */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "store/store.h"

struct journal_tuning {
    const struct store_engine *base;
    uint64_t ring_bytes;         /* size of a new journal file; 0: from bytes_max and the disk */
    size_t table_bytes_max;      /* a checkpoint begins when the table in memory is larger */
    uint64_t table_age_ms_max;   /* or this old */
};

/* What store_engine_journal.open does, with other tuning. For tests and measurements. */
int journal_open(const struct store_options *options, const struct journal_tuning *tuning, struct store **ret_store, char *reterr_text,
                 size_t reterr_size);

#endif
