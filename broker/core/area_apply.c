/* Changes of the table of areas take effect: those that wait, when all of them is on disk; those that did before, when the node starts or has read
 * its configuration anew. A neighbour whose table is where a change begins is sent its messages as they came. */
#include "core/state.h"

#include "core/area_changes.h"
#include "core/directory.h"

#include <stdio.h>

/* A change that is on its way to a neighbour as other messages are takes less than that, or is sent twice, which does no harm. */
#define CATCH_UP_MS 10000u

static void digest(void *context, struct qiao_bytes data, uint8_t ret_digest[AREA_VERSION_SIZE])
{
    seal_digest(context, SEAL_SUITE_INT1, data, ret_digest);
}

static void version_of(struct core *core, const struct area_table *table, uint8_t ret_version[AREA_VERSION_SIZE])
{
    area_version(table, digest, (void *)(uintptr_t)core->config.seal, ret_version);
}

/* ---- a change and its messages ---- */

/* False: the store does not show it yet. */
static bool get_message(struct core *core, const struct area_change *change, uint8_t letter, uint32_t part, struct envelope *ret_e, bool *ret_own)
{
    struct key key = area_change_key(letter, change, part);
    struct qiao_bytes value;
    if (!store_get(core->store, key_bytes(&key), &value) || value.size < 2) return false;
    *ret_own = value.data[0];
    return envelope_open(qiao_bytes(value.data + 1, value.size - 1), ret_e) == QIAO_CODE_OK;
}

enum found { FOUND_ALL, FOUND_NOT_YET, FOUND_TOO_MUCH };

static enum found get_parts(struct core *core, const struct area_change *change, struct arena *arena, Qiao__V1__AreaDelta *parts[AREA_DELTA_PARTS_MAX])
{
    struct envelope e;
    bool own;
    for (uint32_t i = 0; i < change->parts; i++) {
        if (!get_message(core, change, 'p', i, &e, &own)) return FOUND_NOT_YET;
        parts[i] = qiao__v1__area_delta__unpack(&arena->protobuf, e.body.size, e.body.data);
        if (!parts[i]) return FOUND_TOO_MUCH;
    }
    return FOUND_ALL;
}

/* The table the change makes, which is the one it promises. NULL, with a sentence. */
static struct area_table *make(struct core *core, const struct area_change *change, Qiao__V1__AreaDelta *const *parts, struct arena *arena, char why[AREA_DELTA_WHY_SIZE])
{
    uint8_t version[AREA_VERSION_SIZE];
    struct area_table *table = area_delta_apply(core->config.areas.table, parts, change->parts, arena, why);
    if (!table) return NULL;
    version_of(core, table, version);
    if (memcmp(version, change->to, AREA_VERSION_SIZE) == 0) return table;
    snprintf(why, AREA_DELTA_WHY_SIZE, "the parts make version %08x and not %08x", get_u32(version), get_u32(change->to));
    return area_table_free(table);
}

static void install(struct core *core, struct area_change *change, struct area_table *table)
{
    area_table_free(core->areas_own);
    core->areas_own = table;
    core->config.areas.table = table;
    memcpy(core->area_version, change->to, AREA_VERSION_SIZE);
    change->in_force = true;
    core->route_key.size = 0;
    doubts_begin(core);
}

/* ---- taking effect ---- */

/* False: the second registrar's word is not on disk yet. */
static bool end_change(struct core *core, struct area_change *change, unsigned code, const char *reason)
{
    struct envelope e;
    bool own;
    if (*change->confirmed_by && !get_message(core, change, 'c', 0, &e, &own)) return false;
    core_trace(core, "%s x the areas' version %08x is given up: %s", core->node, get_u32(change->to), qiao_code_name(code));
    core_notice(core, "areas not changed", *change->registrar ? change->registrar : change->confirmed_by, code, reason);
    if (*change->confirmed_by) org_decided(core, &e, code, reason);
    area_changes_remove(core, change);
    return true;
}

static bool can_begin(const struct core *core, const struct area_change *change)
{
    const struct area_changes *changes = core->area_changes;
    bool can = memcmp(core->area_version, change->from, AREA_VERSION_SIZE) == 0;
    for (size_t i = 0; i < changes->count && !can; i++)
        can = changes->items[i].applied_at_ms == 0 && changes->items[i].number < change->number && memcmp(changes->items[i].to, change->from, AREA_VERSION_SIZE) == 0;
    return can;
}

/* The table went another way than these begin. */
static void end_others(struct core *core)
{
    struct area_changes *changes = core->area_changes;
    for (size_t i = 0; i < changes->count;) {
        struct area_change *change = &changes->items[i];
        bool ends = change->applied_at_ms == 0 && !can_begin(core, change);
        if (!ends || !end_change(core, change, QIAO_CODE_AREA_BASE, "another change took effect before it")) i++;
    }
}

static void take_effect(struct core *core, struct area_change *change, struct area_table *table, const struct envelope *word)
{
    install(core, change, table);
    change->applied_at_ms = core->wall_ms;
    area_change_put(core, change);
    core_trace(core, "%s . the areas are at version %08x", core->node, get_u32(core->area_version));
    core_notice(core, "areas changed", change->registrar, QIAO_CODE_OK, change->confirmed_by);
    org_decided(core, word, QIAO_CODE_OK, "");
    directory_changed(core);
    end_others(core);
}

/* True: the change has ended, one way or the other. */
static bool try_change(struct core *core, struct area_change *change)
{
    Qiao__V1__AreaDelta *parts[AREA_DELTA_PARTS_MAX];
    char why[AREA_DELTA_WHY_SIZE] = "more than can be decoded at once";
    struct envelope word;
    struct arena arena;
    bool own, ended = false;
    arena_init(&arena, AREA_DELTA_MEMORY_MAX);
    enum found found = get_message(core, change, 'c', 0, &word, &own) ? get_parts(core, change, &arena, parts) : FOUND_NOT_YET;
    struct area_table *table = found == FOUND_ALL ? make(core, change, parts, &arena, why) : NULL;
    if (table) {
        take_effect(core, change, table, &word);
        ended = true;
    } else if (found != FOUND_NOT_YET) {
        ended = end_change(core, change, QIAO_CODE_AREA_DELTA, why);
    }
    arena_deinit(&arena);
    return ended;
}

void areas_apply(struct core *core)
{
    struct area_changes *changes = core->area_changes;
    for (size_t i = 0; i < changes->count;) {
        struct area_change *change = &changes->items[i];
        bool due = change->applied_at_ms == 0 && *change->confirmed_by && area_change_is_whole(change) && memcmp(change->from, core->area_version, AREA_VERSION_SIZE) == 0;
        i = due && try_change(core, change) ? 0 : i + 1; /* others may follow it */
    }
}

/* ---- the table of the configuration ---- */

/* False: its messages are not what they were when it took effect. */
static bool apply_again(struct core *core, struct area_change *change)
{
    Qiao__V1__AreaDelta *parts[AREA_DELTA_PARTS_MAX];
    char why[AREA_DELTA_WHY_SIZE];
    struct arena arena;
    arena_init(&arena, AREA_DELTA_MEMORY_MAX);
    struct area_table *table = get_parts(core, change, &arena, parts) == FOUND_ALL ? make(core, change, parts, &arena, why) : NULL;
    if (table) install(core, change, table);
    arena_deinit(&arena);
    return table != NULL;
}

bool areas_use(struct core *core, const struct area_table *table)
{
    struct area_changes *changes = core->area_changes;
    bool sound = true;
    core->areas_own = area_table_free(core->areas_own);
    core->config.areas.table = table;
    memset(core->area_version, 0, AREA_VERSION_SIZE);
    if (table) version_of(core, table, core->area_version);
    doubts_begin(core);
    for (size_t i = 0; i < changes->count; i++) {
        struct area_change *change = &changes->items[i];
        bool follows = table && change->applied_at_ms != 0 && memcmp(change->from, core->area_version, AREA_VERSION_SIZE) == 0;
        change->in_force = false;
        if (follows && sound) sound = apply_again(core, change);
    }
    return sound;
}

bool areas_load(struct core *core)
{
    arena_init(&core->area_arena, 16u * 1024u * 1024u);
    doubts_load(core);
    return area_changes_load(core) && areas_use(core, core->config.areas.table);
}

void areas_deinit(struct core *core)
{
    area_table_free(core->areas_own);
    free(core->area_changes);
    arena_deinit(&core->area_arena);
}

/* ---- neighbours that are behind ---- */

static bool is_at(const struct peer *peer, const uint8_t *version)
{
    return peer->areas_known && memcmp(peer->areas, version, AREA_VERSION_SIZE) == 0;
}

/* The newest that begins where the neighbour is. */
static struct area_change *change_for(struct core *core, const struct peer *peer)
{
    struct area_changes *changes = core->area_changes;
    if (!core->config.areas.table || is_at(peer, core->area_version)) return NULL;
    for (size_t i = changes->count; i > 0; i--)
        if (changes->items[i - 1].applied_at_ms != 0 && is_at(peer, changes->items[i - 1].from)) return &changes->items[i - 1];
    return NULL;
}

void areas_heard(struct core *core, struct peer *peer, struct qiao_bytes version)
{
    bool known = version.size == AREA_VERSION_SIZE, same = known && is_at(peer, version.data);
    peer->areas_known = known;
    if (known) memcpy(peer->areas, version.data, AREA_VERSION_SIZE);
    if (!same) peer->areas_due_ms = 0;
    if (change_for(core, peer) && peer->areas_due_ms == 0) peer->areas_due_ms = core->now_ms + CATCH_UP_MS;
}

static void send_on(struct core *core, struct peer *peer, const struct area_change *change, uint8_t letter, uint32_t part)
{
    struct envelope e;
    struct group_batch batch;
    buf_auto entry = { 0 };
    bool own;
    if (!get_message(core, change, letter, part, &e, &own)) return;
    pb_put_bytes(&entry, 1, e.raw);
    bool single = !own && core_checks(core) && group_open(core->config.seal, buf_bytes(&entry), 1, false, &batch);
    struct origin origin = single ? (struct origin){ .form = ORIGIN_SINGLE, .batch = &batch } : own ? origin_own : origin_plain;
    core->own_place = (struct own_place){ 0 };
    core->note = (struct transit_note){ 0 };
    core->rerouted_from.size = 0;
    queue_append(core, peer, e.header.lane, &e, &origin);
    if (single) group_batch_deinit(&batch);
}

static void catch_up(struct core *core, struct peer *peer)
{
    const struct area_change *change = change_for(core, peer);
    peer->areas_due_ms = LINK_NEVER; /* once, until it is elsewhere or has come again */
    if (!change || !peer->out) return;
    core_trace(core, "%s > %s: what leads to the areas' version %08x", core->node, peer->name, get_u32(change->to));
    for (uint32_t i = 0; i < change->parts; i++) send_on(core, peer, change, 'p', i);
    send_on(core, peer, change, 'c', 0);
}

/* ---- time ---- */

static void give_up(struct core *core)
{
    struct area_changes *changes = core->area_changes;
    for (size_t i = 0; i < changes->count;) {
        struct area_change *change = &changes->items[i];
        bool late = change->applied_at_ms == 0 && change->until_ms <= core->wall_ms;
        bool whole = area_change_is_whole(change);
        if (!late || !end_change(core, change, QIAO_CODE_ORG_DUAL_CONTROL, whole ? "no second registrar has confirmed it in time" : "not all of its parts came in time")) i++;
    }
}

void areas_tick(struct core *core)
{
    give_up(core);
    areas_apply(core);
    doubts_look(core);
    for (size_t i = 0; i < core->links_count; i++)
        if (core->peers[i].areas_due_ms != 0 && core->peers[i].areas_due_ms <= core->now_ms) catch_up(core, &core->peers[i]);
}

uint64_t areas_deadline_ms(const struct core *core)
{
    uint64_t deadline = area_changes_open(core->area_changes) > 0 ? core->tick_ms : LINK_NEVER;
    if (core->doubts_due) deadline = core->now_ms;
    for (size_t i = 0; i < core->links_count; i++)
        if (core->peers[i].areas_due_ms != 0 && core->peers[i].areas_due_ms < deadline) deadline = core->peers[i].areas_due_ms;
    return deadline;
}
