/* What the node's table says about an area code, and about itself. */
#include "core/admin.h"

#include "area/tell.h"
#include "core/area_changes.h"

/* What the arena has no room for is left out: a node has few neighbours. */
static void tell_peers(struct core *core, Qiao__V1__AreaReply *area)
{
    area->peers = arena_alloc(&core->arena, (core->links_count + 1) * sizeof *area->peers);
    for (size_t i = 0; area->peers && i < core->links_count; i++) {
        const struct peer *peer = &core->peers[i];
        Qiao__V1__AreaPeer *told = peer == core->waiting ? NULL : arena_alloc(&core->arena, sizeof *told);
        if (!told) continue;
        *told = (Qiao__V1__AreaPeer)QIAO__V1__AREA_PEER__INIT;
        told->node = peer->name;
        told->up = peer->out != NULL;
        if (peer->areas_known) told->version = (ProtobufCBinaryData){ AREA_VERSION_SIZE, (uint8_t *)peer->areas };
        area->peers[area->n_peers++] = told;
    }
}

static void tell_changes(struct core *core, Qiao__V1__AreaReply *area)
{
    const struct area_changes *changes = core->area_changes;
    area->changes = arena_alloc(&core->arena, (changes->count + 1) * sizeof *area->changes);
    for (size_t i = 0; area->changes && i < changes->count; i++) {
        Qiao__V1__AreaChange *told = changes->items[i].applied_at_ms ? NULL : arena_alloc(&core->arena, sizeof *told);
        if (!told) continue;
        *told = area_change_tell(&changes->items[i]);
        area->changes[area->n_changes++] = told;
    }
}

static void answer(struct core *core, struct connection *c, uint32_t id, Qiao__V1__AreaReply *area)
{
    const struct core_areas *areas = &core->config.areas;
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    area->areas = areas->table ? area_table_count(areas->table) : 0;
    area->memory_bytes = areas->table ? area_table_bytes(areas->table) : 0;
    area->accept_old_days = areas->accept_old_days;
    if (core->areas_triage) area->triage = core->areas_triage;
    if (areas->table) area->version = (ProtobufCBinaryData){ AREA_VERSION_SIZE, core->area_version };
    tell_peers(core, area);
    tell_changes(core, area);
    reply.id = id;
    reply.last = true;
    reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_AREA;
    reply.area = area;
    admin_reply(core, c, &reply);
}

void ask_area(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    const struct core_areas *areas = &core->config.areas;
    Qiao__V1__AreaReply area = QIAO__V1__AREA_REPLY__INIT;
    struct area_code code;
    uint64_t sent_ms = request->area->sent_at_ms ? request->area->sent_at_ms : core->wall_ms;
    if (*request->area->code && area_code_read_unit(qiao_bytes_from_string(request->area->code), &code) != AREA_CODE_FAULT_NONE) {
        admin_refuse(core, c, request->id, QIAO_CODE_ADMIN_REQUEST, "this is no area code: 6, 9 or 12 digits");
        return;
    }
    if (*request->area->code && !areas->table) {
        admin_refuse(core, c, request->id, QIAO_CODE_NOT_FOUND, "this node has no table of areas (areas.file)");
        return;
    }
    if (*request->area->code)
        area_tell_resolution(areas->table, code, area_day_of(sent_ms), area_day_of(core->wall_ms), areas->accept_old_days, &core->arena, &area);
    answer(core, c, request->id, &area);
}
