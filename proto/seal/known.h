/* The certificates that are remembered: found by key id, bounded in number and bytes, the least recently used goes. Not thread-safe. */
#ifndef SEAL_KNOWN_H
#define SEAL_KNOWN_H

#include "seal/certificate.h"

#define KNOWN_BYTES_MAX (64u * 1024u * 1024u) /* of DER, all together */

struct known {
    struct known *bucket_next, *newer, *older;
    struct certificate certificate;
    uint64_t judged_by;            /* trust_number */
    bool revoked;                  /* as judged then */
    size_t der_size;
    uint8_t der[];
};

struct known_table {
    struct known **buckets;
    struct known *newest, *oldest;
    const struct known *pinned;    /* never goes */
    size_t count, count_max, bytes;
};

void known_init(struct known_table *table, size_t count_max);
void known_deinit(struct known_table *table);
/* NULL: not known. Counts as a use. */
struct known *known_find(struct known_table *table, const struct seal_key_id *id);
/* Remembers a certificate that is not known yet; takes its key. Never goes by its own addition. */
struct known *known_add(struct known_table *table, struct certificate *certificate, struct qiao_bytes der);
void known_remove(struct known_table *table, struct known *known);

#endif
