#include "core/explain_search.h"

/* Read at once; less than a millisecond. */
#define SLICE_SIZE (2u * 1024u * 1024u)
/* Ids tell when they were made (UUIDv7), by a clock that may be off. */
#define CLOCK_MS (3600u * 1000u)
/* Records that are still read behind the first hit: recipients of an area set may not fit into one. */
#define RECORDS_BEHIND 16u

/* Records of this log are not older than the moment, or not on disk yet. */
static bool is_since(struct core *core, uint64_t number, uint64_t at_ms)
{
    struct key key = key_number('y', number);
    struct explain_record record;
    struct qiao_bytes value;
    return !store_get(core->store, key_bytes(&key), &value) || !explain_open(value, &record) || record.at_ms >= at_ms;
}

static uint64_t first_since(struct core *core, uint64_t low, uint64_t high, uint64_t at_ms)
{
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (is_since(core, middle, at_ms)) high = middle;
        else low = middle + 1;
    }
    return low;
}

bool explain_search_begin(struct core *core, const struct qiao_id *id, uint64_t source, struct explain_search *search)
{
    uint64_t first, next, made_ms = get_u64(id->bytes) >> 16;
    if (!explain_range(core, &first, &next)) return false;
    *search = (struct explain_search){ .id = *id, .source = source, .end = next };
    search->at = search->start = first_since(core, first, next, made_ms > CLOCK_MS ? made_ms - CLOCK_MS : 0);
    return true;
}

static void take_hit(struct explain_search *search, uint64_t number, const struct explain_record *record, const struct explain_stretch *stretch, uint32_t i)
{
    if (search->source != 0 && search->source != stretch->source) return;
    if (search->hits_count == 0 && search->end > number + RECORDS_BEHIND) search->end = number + RECORDS_BEHIND;
    if (search->hits_count++ >= EXPLAIN_HITS_MAX) return;
    search->hits[search->hits_count - 1] = (struct explain_hit){
        .record = number, .at_ms = record->at_ms, .name = stretch->name, .peer = stretch->peer, .source = stretch->source, .tag = stretch->tag,
        .sequence = stretch->first ? stretch->first + i : 0,
    };
}

static bool read_record(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct explain_search *search = context;
    struct explain_record record;
    struct explain_stretch stretch;
    if (key.size != 9 || !explain_open(value, &record)) return true; /* check-store tells */
    struct qiao_bytes rest = record.stretches;
    search->at = get_u64(key.data + 1) + 1;
    search->bytes += value.size;
    while (explain_next(&record, &rest, &stretch))
        for (uint32_t i = 0; i < stretch.count; i++)
            if (explain_is(&stretch, i, &search->id)) take_hit(search, search->at - 1, &record, &stretch, i);
    return search->bytes < SLICE_SIZE && search->at < search->end;
}

bool explain_search_go(struct core *core, struct explain_search *search)
{
    struct key from = key_number('y', search->at), to = key_number('y', search->end);
    search->bytes = 0;
    if (search->at < search->end) store_scan(core->store, key_bytes(&from), key_bytes(&to), read_record, search);
    if (search->at < search->end && search->bytes >= SLICE_SIZE) return false;
    if (search->hits_count > 0 || search->around) return true;
    search->around = true;
    search->at = 1;
    search->end = search->start;
    return search->end <= 1;
}
