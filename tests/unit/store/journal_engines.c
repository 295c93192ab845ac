/* The journal engine as the tests want it. Only open is used: the store it makes is one of store_engine_journal. */
#include "store/array.h"
#include "store/journal.h"
#include "support.h"

#define MIB (1024u * 1024u)

static int open_over_array(const struct store_options *options, struct store **ret_store, char *reterr_text, size_t reterr_size)
{
    static const struct journal_tuning tuning = { &store_engine_array, 32 * MIB, 8 * MIB, 60000 };

    return journal_open(options, &tuning, ret_store, reterr_text, reterr_size);
}

static int open_hasty(const struct store_options *options, struct store **ret_store, char *reterr_text, size_t reterr_size)
{
    static const struct journal_tuning tuning = { &store_engine_lmdb, 32 * MIB, 30000, 60000 };

    return journal_open(options, &tuning, ret_store, reterr_text, reterr_size);
}

const struct store_engine test_journal_over_array = { .name = "journal over array", .open = open_over_array };
const struct store_engine test_journal_hasty = { .name = "hasty journal", .open = open_hasty };
