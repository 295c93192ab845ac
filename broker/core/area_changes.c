#include "core/area_changes.h"

#include "core/state.h"

#include <stdio.h>

#define KEY_SIZE 10u /* of a change and of the second registrar's word */

struct key area_change_key(uint8_t letter, const struct area_change *change, uint32_t part)
{
    struct key key = { .bytes = { 'V', letter }, .size = letter == 'p' ? KEY_SIZE + 1 : KEY_SIZE };
    put_u64(key.bytes + 2, change->number);
    if (letter == 'p') key.bytes[KEY_SIZE] = (uint8_t)part;
    return key;
}

bool area_change_is_whole(const struct area_change *change)
{
    return change->parts > 0 && change->have == UINT64_MAX >> (AREA_DELTA_PARTS_MAX - change->parts);
}

size_t area_changes_open(const struct area_changes *changes)
{
    size_t open = 0;
    for (size_t i = 0; i < changes->count; i++) open += changes->items[i].applied_at_ms == 0;
    return open;
}

struct area_change *area_changes_find(struct area_changes *changes, const uint8_t *from, const uint8_t *to, bool applied)
{
    for (size_t i = changes->count; i > 0; i--) {
        struct area_change *change = &changes->items[i - 1];
        bool same = memcmp(change->from, from, AREA_VERSION_SIZE) == 0 && memcmp(change->to, to, AREA_VERSION_SIZE) == 0;
        if (same && (change->applied_at_ms != 0) == applied) return change;
    }
    return NULL;
}

/* The oldest that took effect and without which the table would be the same: the file has it by now. */
static bool make_room(struct core *core)
{
    struct area_changes *changes = core->area_changes;
    for (size_t i = 0; changes->count == AREA_CHANGES_MAX && i < changes->count; i++) {
        struct area_change *change = &changes->items[i];
        if (change->applied_at_ms == 0 || change->in_force) continue;
        area_changes_remove(core, change);
    }
    return changes->count < AREA_CHANGES_MAX;
}

struct area_change *area_changes_add(struct core *core, const uint8_t *from, const uint8_t *to)
{
    struct area_changes *changes = core->area_changes;
    if (area_changes_open(changes) == AREA_CHANGES_OPEN_MAX || !make_room(core)) return NULL;
    struct area_change *change = &changes->items[changes->count++];
    *change = (struct area_change){ .number = ++changes->last_number, .since_ms = core->wall_ms };
    memcpy(change->from, from, AREA_VERSION_SIZE);
    memcpy(change->to, to, AREA_VERSION_SIZE);
    return change;
}

void area_changes_remove(struct core *core, struct area_change *change)
{
    struct area_changes *changes = core->area_changes;
    size_t index = (size_t)(change - changes->items);
    struct key record = area_change_key('s', change, 0), word = area_change_key('c', change, 0);
    struct key first = area_change_key('p', change, 0), end = area_change_key('p', change, UINT8_MAX);
    batch_remove(core, &record);
    batch_remove(core, &word);
    batch_remove_range(core, &first, &end);
    memmove(change, change + 1, (changes->count - index - 1) * sizeof *change);
    changes->count--;
}

/* ---- as bytes ---- */

Qiao__V1__AreaChange area_change_tell(const struct area_change *change)
{
    Qiao__V1__AreaChange record = QIAO__V1__AREA_CHANGE__INIT;
    record.from = (ProtobufCBinaryData){ AREA_VERSION_SIZE, (uint8_t *)change->from };
    record.to = (ProtobufCBinaryData){ AREA_VERSION_SIZE, (uint8_t *)change->to };
    record.parts = change->parts;
    record.have = change->have;
    record.registrar = (char *)change->registrar;
    record.confirmed_by = (char *)change->confirmed_by;
    record.since_ms = change->since_ms;
    record.until_ms = change->until_ms;
    record.applied_at_ms = change->applied_at_ms;
    return record;
}

void area_change_put(struct core *core, const struct area_change *change)
{
    Qiao__V1__AreaChange record = area_change_tell(change);
    struct key key = area_change_key('s', change, 0);
    buf_auto packed = { 0 };
    size_t size = qiao__v1__area_change__get_packed_size(&record);
    qiao__v1__area_change__pack(&record, buf_reserve(&packed, size));
    packed.size = size;
    batch_put(core, &key, buf_bytes(&packed));
}

static bool read_office(const char *text, char ret_office[AREA_OFFICE_SIZE])
{
    int size = snprintf(ret_office, AREA_OFFICE_SIZE, "%s", text);
    return size >= 0 && (size_t)size < AREA_OFFICE_SIZE;
}

static bool read_change(const Qiao__V1__AreaChange *record, struct area_change *change)
{
    if (record->from.len != AREA_VERSION_SIZE || record->to.len != AREA_VERSION_SIZE || record->parts > AREA_DELTA_PARTS_MAX) return false;
    memcpy(change->from, record->from.data, AREA_VERSION_SIZE);
    memcpy(change->to, record->to.data, AREA_VERSION_SIZE);
    change->parts = record->parts;
    change->have = record->have;
    change->since_ms = record->since_ms;
    change->until_ms = record->until_ms;
    change->applied_at_ms = record->applied_at_ms;
    bool fits = record->parts == 0 ? record->have == 0 : record->have <= UINT64_MAX >> (AREA_DELTA_PARTS_MAX - record->parts);
    return fits && read_office(record->registrar, change->registrar) && read_office(record->confirmed_by, change->confirmed_by);
}

static bool read_record(struct qiao_bytes key, struct qiao_bytes value, struct area_change *ret_change)
{
    Qiao__V1__AreaChange *record = key.size == KEY_SIZE && pb_depth_ok(value) ? qiao__v1__area_change__unpack(NULL, value.size, value.data) : NULL;
    *ret_change = (struct area_change){ 0 };
    bool sound = record && read_change(record, ret_change);
    if (record) qiao__v1__area_change__free_unpacked(record, NULL);
    if (sound) ret_change->number = get_u64(key.data + 2);
    return sound && ret_change->number > 0;
}

const char *area_changes_check_record(struct qiao_bytes key, struct qiao_bytes value)
{
    struct area_change change;
    struct envelope e;
    if (key.size > 1 && key.data[1] == 's') return read_record(key, value, &change) ? NULL : "not a change of the table of areas";
    bool receipt = key.size == 2 + QIAO_ID_SIZE && key.data[1] == 'o';
    if (receipt) return envelope_open(value, &e) == QIAO_CODE_OK && e.header.kind == QIAO_KIND_RECEIPT ? NULL : "not a receipt";
    bool part = key.size == KEY_SIZE + 1 && key.data[1] == 'p', word = key.size == KEY_SIZE && key.data[1] == 'c';
    bool sound = (part || word) && value.size > 1 && envelope_open(qiao_bytes(value.data + 1, value.size - 1), &e) == QIAO_CODE_OK;
    return sound ? NULL : "not a message about the table of areas";
}

static bool load_one(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct area_changes *changes = ((struct core *)context)->area_changes;
    changes->sound = changes->count < AREA_CHANGES_MAX && read_record(key, value, &changes->items[changes->count]);
    if (changes->sound) changes->last_number = changes->items[changes->count++].number;
    return changes->sound;
}

bool area_changes_load(struct core *core)
{
    core->area_changes = base_zalloc(sizeof *core->area_changes);
    core->area_changes->sound = true;
    store_scan(core->store, qiao_bytes("Vs", 2), qiao_bytes("Vt", 2), load_one, core);
    return core->area_changes->sound;
}
