/* A set of (message id, number): what the batches not yet stored have met. Open addressing, keyed by a seed so that chosen ids
 * cannot pile up in one place. */
#ifndef CORE_IDS_H
#define CORE_IDS_H

#include <qiao/id.h>
#include <stddef.h>

struct id_entry {
    struct qiao_id id;
    uint16_t number;
    bool used;
    uint8_t digest[4];
};

struct id_set {
    struct id_entry *entries;
    size_t capacity, count;
    uint64_t seed;
};

/* NULL if absent. */
const struct id_entry *id_set_find(const struct id_set *set, const struct qiao_id *id, uint16_t number);
void id_set_add(struct id_set *set, const struct qiao_id *id, uint16_t number, const uint8_t digest[4]);
/* Adds what is in other. */
void id_set_merge(struct id_set *set, const struct id_set *other);
void id_set_clear(struct id_set *set);
void id_set_deinit(struct id_set *set);

#endif
