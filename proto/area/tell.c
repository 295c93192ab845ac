#include "area/tell.h"

#include <assert.h>
#include <stdio.h>

static void *take(struct arena *arena, size_t size)
{
    void *memory = arena_alloc(arena, size ? size : 1);
    assert(memory); /* a row is small, and so is the list of who took over */
    return memset(memory, 0, size);
}

static char *tell_code(struct arena *arena, struct area_code code)
{
    char *text = take(arena, AREA_CODE_DIGITS_MAX + 1);
    if (code.value != 0) area_code_write(code, text);
    return text;
}

static char *tell_day(struct arena *arena, int32_t day)
{
    char *text = take(arena, AREA_DAY_SIZE);
    area_day_write(day, text);
    return text;
}

static char *tell_text(struct arena *arena, struct qiao_bytes bytes)
{
    char *text = take(arena, bytes.size + 1);
    if (bytes.size > 0) memcpy(text, bytes.data, bytes.size);
    return text;
}

static void tell_successors(const struct area_row *row, struct arena *arena, Qiao__V1__AreaRecord *record)
{
    record->successors = take(arena, row->successors_count * sizeof *record->successors);
    record->n_successors = row->successors_count;
    for (size_t i = 0; i < row->successors_count; i++) {
        Qiao__V1__AreaSuccessor *successor = record->successors[i] = take(arena, sizeof *successor);
        *successor = (Qiao__V1__AreaSuccessor)QIAO__V1__AREA_SUCCESSOR__INIT;
        successor->code = tell_code(arena, row->successors[i].code);
        successor->relation = tell_text(arena, qiao_bytes_from_string(area_relation_name(row->successors[i].relation)));
        successor->share = row->successors[i].share;
    }
}

/* Other names, each with a line end behind it, and other codes, as one list. */
static void tell_aliases(const struct area_row *row, struct arena *arena, Qiao__V1__AreaRecord *record)
{
    size_t count = row->codes_count;
    for (size_t i = 0; i < row->aliases.size; i++) count += row->aliases.data[i] == '\n';
    record->aliases = take(arena, count * sizeof *record->aliases);
    for (size_t i = 0; i < row->codes_count; i++) record->aliases[record->n_aliases++] = tell_code(arena, row->codes[i]);
    for (size_t from = 0, i = 0; i < row->aliases.size; i++) {
        if (row->aliases.data[i] != '\n') continue;
        record->aliases[record->n_aliases++] = tell_text(arena, qiao_bytes(row->aliases.data + from, i - from));
        from = i + 1;
    }
}

Qiao__V1__AreaRecord *area_tell(const struct area_table *table, uint32_t area, struct arena *arena)
{
    Qiao__V1__AreaRecord *record = take(arena, sizeof *record);
    struct area_room room;
    struct area_row row;
    area_row_of(table, area, &room, &row);
    *record = (Qiao__V1__AreaRecord)QIAO__V1__AREA_RECORD__INIT;
    record->code = tell_code(arena, row.code);
    record->name = tell_text(arena, row.name);
    record->level = tell_text(arena, qiao_bytes_from_string(area_level_name(row.level)));
    record->parent = tell_code(arena, row.parent);
    record->parent_is_given = row.parent_is_given;
    record->valid_from = tell_day(arena, row.valid_from);
    record->valid_to = tell_day(arena, row.valid_to);
    tell_successors(&row, arena, record);
    tell_aliases(&row, arena, record);
    return record;
}

void area_tell_resolution(const struct area_table *table, struct area_code code, int32_t sent_day, int32_t now_day, uint32_t accept_old_days,
                          struct arena *arena, Qiao__V1__AreaReply *reply)
{
    struct area_resolution resolution;
    area_resolve(table, code, sent_day, now_day, accept_old_days, &resolution);
    reply->answer = tell_text(arena, qiao_bytes_from_string(area_answer_name(resolution.answer)));
    reply->explanation = tell_text(arena, qiao_bytes_from_string(area_answer_text(resolution.answer)));
    reply->code = tell_code(arena, code);
    reply->deliver_to = tell_code(arena, resolution.code);
    reply->decides = tell_code(arena, resolution.parent);
    reply->candidates = take(arena, resolution.candidates_count * sizeof *reply->candidates);
    if (resolution.answer == AREA_ANSWER_AMBIGUOUS)
        for (size_t i = 0; i < resolution.candidates_count; i++) reply->candidates[reply->n_candidates++] = tell_code(arena, resolution.candidates[i]);
    if (resolution.asked.value != 0) reply->area = area_tell(table, area_find(table, resolution.asked), arena);
}
