/* What the node's table says about an area code, and about itself. */
#include "core/admin.h"

#include "area/tell.h"

static void answer(struct core *core, struct connection *c, uint32_t id, Qiao__V1__AreaReply *area)
{
    const struct core_areas *areas = &core->config.areas;
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    area->areas = areas->table ? area_table_count(areas->table) : 0;
    area->memory_bytes = areas->table ? area_table_bytes(areas->table) : 0;
    area->accept_old_days = areas->accept_old_days;
    if (core->areas_triage) area->triage = core->areas_triage;
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
