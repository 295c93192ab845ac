/* What became of the area a message is addressed to: the area in force that took over, its old parent's triage if several did, or nobody.
 * The header stays as its origin signed it. Every node with a table resolves anew and comes to the same answer; the first one that sends a
 * message elsewhere stamps its transit part, which no origin signs, with rerouted_from. */
#include "core/state.h"

#include <qiao/client.h>

static void rewrite(struct core *core, const struct header *header, struct area_code code, const char *triage, struct address *ret_to)
{
    struct qiao_bytes root, org = triage ? qiao_bytes_from_string(triage) : header->destination.org;
    size_t size = area_code_write(code, core->rerouted_area);
    bool set = address_is_set(&header->destination, &root);
    if (set) memcpy(core->rerouted_area + size, "/**", 3);
    struct qiao_bytes area = qiao_bytes(core->rerouted_area, size + (set ? 3 : 0));
    core->rerouted_address.size = 0;
    address_write(&core->rerouted_address, area, org, header->destination.seat);
    *ret_to = (struct address){ area, org, triage ? qiao_bytes("", 0) : header->destination.seat, qiao_bytes("", 0), buf_bytes(&core->rerouted_address) };
    core->rerouted_to = area;
    size_t from_size = header->destination.area.size;
    assert(from_size <= sizeof core->rerouted_from_area); /* a code: twelve digits, full-width at most, and the end of a set */
    memcpy(core->rerouted_from_area, header->destination.area.data, from_size);
    core->rerouted_from = qiao_bytes(core->rerouted_from_area, from_size);
    core_trace(core, "%s ~ area %.*s is now %.*s", core->node, (int)header->destination.area.size, (const char *)header->destination.area.data, (int)area.size, (const char *)area.data);
}

/* Of several areas nobody chooses: the unit above the old one has somebody who looks. What is sealed was sealed for somebody else. */
static unsigned to_triage(struct core *core, const struct header *header, struct area_code parent, struct address *ret_to)
{
    struct qiao_bytes root;
    char text[AREA_CODE_DIGITS_MAX + 1];
    bool here = area_code_write(parent, text) > 0 && strcmp(text, core->area) == 0;
    if (parent.value == 0 || address_is_set(&header->destination, &root) || header->privacy == QIAO_PRIVACY_SEALED) return QIAO_CODE_AREA_AMBIGUOUS;
    if (here && !core->areas_triage) return QIAO_CODE_AREA_AMBIGUOUS;
    rewrite(core, header, parent, here ? core->areas_triage : NULL, ret_to);
    return QIAO_CODE_OK;
}

/* False: the code is none of the table's forms, or there is no table. */
static bool resolve(const struct core *core, const struct header *header, struct area_resolution *ret_resolution)
{
    const struct core_areas *areas = &core->config.areas;
    struct qiao_bytes root = header->destination.area;
    struct area_code code;
    if (!areas->table || root.size == 0) return false;
    address_is_set(&header->destination, &root);
    if (area_code_read(root, &code) != AREA_CODE_FAULT_NONE) return false;
    uint64_t sent_ms = header->sent_at_ms ? header->sent_at_ms : core->wall_ms;
    if (sent_ms > core->wall_ms) sent_ms = core->wall_ms; /* nobody writes from tomorrow */
    area_resolve(areas->table, code, area_day_of(sent_ms), area_day_of(core->wall_ms), areas->accept_old_days, ret_resolution);
    return true;
}

static bool is_written(struct area_code code, struct qiao_bytes area)
{
    char text[AREA_CODE_DIGITS_MAX + 1];
    struct qiao_bytes root = area;
    struct address address = { .area = area };
    address_is_set(&address, &root);
    return qiao_bytes_equal(root, qiao_bytes(text, area_code_write(code, text)));
}

unsigned areas_route(struct core *core, const struct header *header, struct address *ret_to)
{
    static const unsigned codes[] = { [AREA_ANSWER_VOID] = QIAO_CODE_AREA_VOID, [AREA_ANSWER_AMBIGUOUS] = QIAO_CODE_AREA_AMBIGUOUS, [AREA_ANSWER_TOO_OLD] = QIAO_CODE_AREA_OLD };
    struct area_resolution resolution;
    *ret_to = header->destination;
    core->rerouted_from = core->rerouted_to = qiao_bytes(NULL, 0);
    if (!resolve(core, header, &resolution) || resolution.answer == AREA_ANSWER_UNKNOWN || resolution.answer == AREA_ANSWER_NOT_YET) return QIAO_CODE_OK;
    if (resolution.code.value != 0) {
        if (!is_written(resolution.code, header->destination.area)) rewrite(core, header, resolution.code, NULL, ret_to);
        return QIAO_CODE_OK;
    }
    if (header->kind == QIAO_KIND_RECEIPT) return QIAO_CODE_OK; /* an outcome goes back to whoever is still there */
    return resolution.answer == AREA_ANSWER_AMBIGUOUS ? to_triage(core, header, resolution.parent, ret_to) : codes[resolution.answer];
}

/* All of a unit go to one address; whether to where it was depends on the day each was sent. */
bool areas_may_part(const struct core *core, const struct group_batch *batch, const struct group_unit *unit)
{
    struct area_resolution resolution;
    struct envelope e;
    if (!core->config.areas.table || unit->count == 0 || envelope_open(batch->messages[unit->first].raw, &e) != QIAO_CODE_OK) return false;
    return resolve(core, &e.header, &resolution) && (resolution.code.value == 0 || resolution.answer == AREA_ANSWER_SUCCESSOR);
}

static bool is_hash_of(struct area_code code, uint64_t hash)
{
    char text[AREA_CODE_DIGITS_MAX + 1];
    return hash_of_area(qiao_bytes(text, area_code_write(code, text))) == hash;
}

/* The message was sent on already where it began, and this outcome names the area in its header. */
static bool is_resolved_to(const struct core *core, struct area_code before, uint64_t hash)
{
    struct area_resolution resolution;
    int32_t today = area_day_of(core->wall_ms);
    area_resolve(core->config.areas.table, before, today, today, UINT32_MAX, &resolution);
    return is_hash_of(resolution.answer == AREA_ANSWER_AMBIGUOUS ? resolution.parent : resolution.code, hash);
}

bool areas_answers_for(const struct core *core, struct qiao_bytes area, uint64_t hash)
{
    const struct area_table *table = core->config.areas.table;
    struct area_code now;
    if (!table || area_code_read(area, &now) != AREA_CODE_FAULT_NONE) return false;
    if (is_resolved_to(core, now, hash)) return true;
    for (size_t i = 0; i < area_changes_count(table); i++) {
        struct area_room room;
        struct area_row row;
        uint32_t before = area_change_at(table, i);
        area_row_of(table, before, &room, &row);
        bool is_it = is_hash_of(row.code, hash);
        for (size_t k = 0; k < row.codes_count; k++) is_it |= is_hash_of(row.codes[k], hash);
        if (is_it && area_may_answer(table, row.code, now)) return true;
    }
    return false;
}
