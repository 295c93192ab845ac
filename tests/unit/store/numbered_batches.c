#include "numbered_batches.h"
#include "support.h"
#include <criterion/criterion.h>
#include <stdio.h>

#define RECORDS_PER_BATCH 6u
#define KEPT_BATCHES 40u

static const struct qiao_bytes none;

static size_t size_of(unsigned batch, unsigned record)
{
    return 20 + batch * 7919u % 200u + (record == 0 ? batch * 104729u % 120000u : 0);
}

int numbered_commit(struct store *store, unsigned batch)
{
    static uint8_t values[RECORDS_PER_BATCH][130000];
    char keys[RECORDS_PER_BATCH][32], from[32], to[32];
    struct store_op ops[RECORDS_PER_BATCH + 1];
    struct store_batch whole = { ops, RECORDS_PER_BATCH + 1 };

    for (unsigned i = 0; i < RECORDS_PER_BATCH; i++) {
        size_t size = size_of(batch, i);
        snprintf(keys[i], sizeof(keys[i]), "b%010u.%u", batch, i);
        memcpy(values[i], filled(batch + i, size).data, size);
        ops[i] = (struct store_op){ STORE_PUT, text(keys[i]), qiao_bytes(values[i], size) };
    }
    snprintf(from, sizeof(from), "b");
    snprintf(to, sizeof(to), "b%010u", batch > KEPT_BATCHES ? batch - KEPT_BATCHES + 1 : 0);
    ops[RECORDS_PER_BATCH] = (struct store_op){ STORE_REMOVE_RANGE, text(from), text(to) };
    return store_commit(store, &whole);
}

static unsigned records_of(struct store *store, unsigned batch)
{
    struct qiao_bytes value;
    unsigned found = 0;
    char key[32];

    for (unsigned i = 0; i < RECORDS_PER_BATCH; i++) {
        snprintf(key, sizeof(key), "b%010u.%u", batch, i);
        if (!store_get(store, text(key), &value))
            continue;
        cr_assert(is_filled(value, batch + i, size_of(batch, i)), "%s", key);
        found++;
    }
    return found;
}

unsigned numbered_check(struct store *store, unsigned last)
{
    unsigned found = records_of(store, last + 1), newest = found ? last + 1 : last;
    unsigned oldest = newest > KEPT_BATCHES ? newest - KEPT_BATCHES + 1 : 1;

    cr_assert(found == 0 || found == RECORDS_PER_BATCH, "batch %u by half: %u", last + 1, found);
    for (unsigned batch = oldest; batch <= newest; batch++)
        cr_assert_eq(records_of(store, batch), RECORDS_PER_BATCH, "batch %u of %u", batch, newest);
    cr_assert_eq(count(store, none, none), (newest - oldest + 1) * RECORDS_PER_BATCH);
    return newest;
}
