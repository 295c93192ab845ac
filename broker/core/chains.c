#include "core/chains.h"

#include "base/buf.h"

/* Of a burst of cases, this much is kept. */
#define KEPT_MAX 4096u

static struct chain_end *place_of(const struct chain_set *set, const struct qiao_id *chain)
{
    size_t at = (size_t)get_u64(chain->bytes) & (set->capacity - 1);
    while (set->ends[at].used && !qiao_id_equal(&set->ends[at].chain, chain)) at = (at + 1) & (set->capacity - 1);
    return &set->ends[at];
}

const struct chain_end *chain_set_find(const struct chain_set *set, const struct qiao_id *chain)
{
    const struct chain_end *end = set->count > 0 ? place_of(set, chain) : NULL;
    return end && end->used ? end : NULL;
}

static void grow(struct chain_set *set)
{
    struct chain_set larger = { .capacity = set->capacity ? set->capacity * 2 : 64 };
    larger.ends = base_zalloc(larger.capacity * sizeof *larger.ends);
    chain_set_merge(&larger, set);
    free(set->ends);
    *set = larger;
}

void chain_set_put(struct chain_set *set, const struct qiao_id *chain, const struct qiao_id *last)
{
    if (2 * set->count >= set->capacity) grow(set);
    struct chain_end *end = place_of(set, chain);
    set->count += !end->used;
    *end = (struct chain_end){ *chain, *last, true };
}

void chain_set_merge(struct chain_set *set, const struct chain_set *other)
{
    for (size_t i = 0; i < other->capacity; i++)
        if (other->ends[i].used) chain_set_put(set, &other->ends[i].chain, &other->ends[i].last);
}

void chain_set_clear(struct chain_set *set)
{
    if (set->capacity > KEPT_MAX) chain_set_deinit(set);
    else if (set->count > 0) memset(set->ends, 0, set->capacity * sizeof *set->ends);
    set->count = 0;
}

void chain_set_deinit(struct chain_set *set)
{
    free(set->ends);
    *set = (struct chain_set){ 0 };
}
