/* The last message of each case that a batch has begun a way for, until the batch is on disk (order.c). */
#ifndef CORE_CHAINS_H
#define CORE_CHAINS_H

#include <qiao/id.h>
#include <stdbool.h>
#include <stddef.h>

struct chain_end {
    struct qiao_id chain, last;
    bool used;
};

struct chain_set {
    struct chain_end *ends;        /* open addressing: chains are hashes with the node's secret */
    size_t capacity, count;
};

const struct chain_end *chain_set_find(const struct chain_set *set, const struct qiao_id *chain); /* NULL: none */
void chain_set_put(struct chain_set *set, const struct qiao_id *chain, const struct qiao_id *last);
void chain_set_merge(struct chain_set *set, const struct chain_set *other); /* the other's go last */
void chain_set_clear(struct chain_set *set);
void chain_set_deinit(struct chain_set *set);

#endif
