#include "sdk/recent.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

static uint16_t *head_of(const struct recent *r, const struct qiao_id *id)
{
    uint64_t hash = (get_u64(id->bytes) ^ get_u64(id->bytes + 8) * 0x9e3779b97f4a7c15u) * 0xd6e8feb86659fd93u;
    return &r->heads[hash >> 32 & (RECENT_IDS - 1)];
}

bool recent_has(const struct recent *r, const struct qiao_id *id)
{
    if (r->count == 0) return false;
    for (uint16_t at = *head_of(r, id); at != 0; at = r->entries[at - 1].next)
        if (qiao_id_equal(&r->entries[at - 1].id, id)) return true;
    return false;
}

static void unlink_entry(struct recent *r, uint32_t index)
{
    uint16_t *at = head_of(r, &r->entries[index].id);
    while (*at != index + 1) at = &r->entries[*at - 1].next;
    *at = r->entries[index].next;
}

void recent_add(struct recent *r, const struct qiao_id *id)
{
    if (!r->entries) {
        r->entries = base_zalloc(RECENT_IDS * sizeof *r->entries);
        r->heads = base_zalloc(RECENT_IDS * sizeof *r->heads);
    }
    uint32_t index = r->count;
    if (r->count < RECENT_IDS) {
        r->count++;
    } else {
        index = r->oldest;
        r->oldest = (r->oldest + 1) % RECENT_IDS;
        unlink_entry(r, index);
    }
    uint16_t *head = head_of(r, id);
    r->entries[index] = (struct recent_entry){ *id, *head };
    *head = (uint16_t)(index + 1);
}

void recent_deinit(struct recent *r)
{
    free(r->entries);
    free(r->heads);
    *r = (struct recent){ 0 };
}
