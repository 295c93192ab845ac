/* A mapped row as a message of kind case.open. The same row gives the same bytes. */
#ifndef CSV_PACK_H
#define CSV_PACK_H

#include "map.h"

#include <qiao/client.h>

struct packed {
    struct qiao_message message;  /* borrows from here and from the record */
    struct text body;
    struct text address;          /* the destination, taken apart */
};

/* first_seen_ms is the time of sending: it must be the same when the row is sent again. expires_at_ms 0: never. */
void pack_case(const struct map *map, const struct map_record *record, const struct qiao_id *id, uint64_t first_seen_ms, uint64_t expires_at_ms,
               struct packed *packed);
void packed_deinit(struct packed *packed);

/* One JSON object on one line, for people and the conformance kit. */
void pack_json(const struct map *map, const struct map_record *record, uint64_t row, uint64_t line, struct text *json);

#endif
