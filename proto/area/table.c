/* Lookups. */
#include "area/table_inner.h"

static uint64_t bit_of(uint64_t position)
{
    return UINT64_C(1) << (position & ((1u << AREA_RUN_BITS) - 1));
}

/* NULL: no area of that run is there. */
static const struct area_run *find_run(const struct area_table *table, uint64_t run)
{
    uint32_t distance = 0;
    for (uint32_t i = area_run_home(table, run);; i = area_run_next(table, i), distance++) {
        const struct area_run *there = &table->runs[i];
        if (there->present == 0) return NULL;
        if (there->run_and_first >> AREA_RUN_SHIFT == run) return there;
        if (area_run_distance(table, there, i) < distance) return NULL; /* it would have given way */
    }
}

/* The areas of a run are numbered in a row: how many of them stand before this one is what it is behind the first. */
uint32_t area_find(const struct area_table *table, struct area_code code)
{
    uint64_t position = area_position(code.value), bit = bit_of(position);
    const struct area_run *run = find_run(table, position >> AREA_RUN_BITS);
    if (!run || !(run->present & bit)) return AREA_NONE;
    return (uint32_t)(run->run_and_first & (AREA_DAYS_BIT - 1)) + (uint32_t)__builtin_popcountll(run->present & (bit - 1));
}

bool area_is_always_valid(const struct area_table *table, struct area_code code)
{
    uint64_t position = area_position(code.value);
    const struct area_run *run = find_run(table, position >> AREA_RUN_BITS);
    return run && (run->present & bit_of(position)) && !(run->run_and_first & AREA_DAYS_BIT);
}

uint32_t area_find_known(const struct area_table *table, struct area_code code)
{
    uint32_t found = area_find(table, code), low = 0, high = table->codes_count;
    while (found == AREA_NONE && low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct area_other_code *other = &table->other_codes[middle];
        if (other->code == code.value) found = other->area;
        else if (other->code < code.value) low = middle + 1;
        else high = middle;
    }
    return found;
}

uint32_t area_find_nearest(const struct area_table *table, struct area_code code)
{
    uint32_t found = AREA_NONE;
    for (; found == AREA_NONE && code.value != 0; code = area_code_above(code)) found = area_find_known(table, code);
    return found;
}

size_t area_table_count(const struct area_table *table)
{
    return table->count;
}

uint32_t area_at(const struct area_table *table, size_t rank)
{
    assert(rank < table->count);
    return (uint32_t)rank;
}

size_t area_table_bytes(const struct area_table *table)
{
    return sizeof *table + table->count * sizeof *table->areas + table->runs_size * sizeof *table->runs + table->names.capacity
        + table->mores_count * sizeof *table->mores + table->successors_count * sizeof *table->successors
        + table->codes_count * (sizeof *table->codes + sizeof *table->other_codes);
}

uint32_t area_parent(const struct area_table *table, uint32_t area)
{
    return table->areas[area].parent;
}

struct area_code area_code_of(const struct area_table *table, uint32_t area)
{
    return (struct area_code){ area_value(&table->areas[area]) };
}

static int32_t day_from(uint16_t stored)
{
    return stored ? stored + AREA_DAY_MIN - 1 : AREA_DAY_NONE;
}

bool area_is_over(const struct area_table *table, uint32_t area, int32_t day)
{
    return table->areas[area].valid_to != 0 && day_from(table->areas[area].valid_to) < day;
}

bool area_is_valid(const struct area_table *table, uint32_t area, int32_t day)
{
    return day_from(table->areas[area].valid_from) <= day && !area_is_over(table, area, day);
}

int32_t area_last_day(const struct area_table *table, uint32_t area)
{
    return day_from(table->areas[area].valid_to);
}

static const struct area_more *more_of(const struct area_table *table, uint32_t area)
{
    static const struct area_more none;
    uint32_t more = table->areas[area].more;
    return more ? &table->mores[more - 1] : &none;
}

size_t area_changes_count(const struct area_table *table)
{
    return table->mores_count;
}

uint32_t area_change_at(const struct area_table *table, size_t which)
{
    return table->mores[which].area;
}

size_t area_successors_count(const struct area_table *table, uint32_t area)
{
    return more_of(table, area)->successors_count;
}

uint32_t area_successor_at(const struct area_table *table, uint32_t area, size_t which)
{
    return table->successors[more_of(table, area)->successors + which].area;
}

void area_row_of(const struct area_table *table, uint32_t number, struct area_room *room, struct area_row *ret_row)
{
    const struct area *area = &table->areas[number];
    const struct area_more *more = more_of(table, number);
    const uint8_t *name = table->names.data + area->name, *aliases = table->names.data + more->aliases;
    *ret_row = (struct area_row){
        .code = area_code_of(table, number), .parent_is_given = (area->code & AREA_GIVEN_BIT) != 0, .level = (enum area_level)(area->code >> AREA_CODE_BITS & 7),
        .valid_from = day_from(area->valid_from), .valid_to = day_from(area->valid_to), .name = qiao_bytes(name + 1, name[0]),
        .aliases = qiao_bytes(aliases + 2, get_u16(aliases)),
        .successors = room->successors, .successors_count = more->successors_count, .codes = room->codes, .codes_count = more->codes_count,
    };
    if (area->parent != AREA_NONE) ret_row->parent = area_code_of(table, area->parent);
    for (size_t i = 0; i < more->successors_count; i++) {
        const struct area_relation_row *relation = &table->successors[more->successors + i];
        room->successors[i] = (struct area_successor){ area_code_of(table, relation->area), (enum area_relation)relation->relation, relation->share };
    }
    if (more->codes_count > 0) memcpy(room->codes, table->codes + more->codes, more->codes_count * sizeof *room->codes);
}

static bool successors_are_same(const struct area_row *a, const struct area_row *b)
{
    bool same = a->successors_count == b->successors_count;
    for (size_t i = 0; same && i < a->successors_count; i++) {
        const struct area_successor *one = &a->successors[i], *other = &b->successors[i];
        same = area_code_is_same(one->code, other->code) && one->relation == other->relation && one->share == other->share;
    }
    return same;
}

bool area_rows_are_same(const struct area_row *a, const struct area_row *b)
{
    bool same = area_code_is_same(a->code, b->code) && a->parent_is_given == b->parent_is_given && a->level == b->level
        && (!a->parent_is_given || area_code_is_same(a->parent, b->parent)) && a->valid_from == b->valid_from && a->valid_to == b->valid_to
        && qiao_bytes_equal(a->name, b->name) && qiao_bytes_equal(a->aliases, b->aliases) && a->codes_count == b->codes_count && successors_are_same(a, b);
    for (size_t i = 0; same && i < a->codes_count; i++) same = area_code_is_same(a->codes[i], b->codes[i]);
    return same;
}

struct area_table *area_table_free(struct area_table *table)
{
    if (!table) return NULL;
    free(table->areas);
    free(table->runs);
    buf_deinit(&table->names);
    free(table->mores);
    free(table->successors);
    free(table->codes);
    free(table->other_codes);
    free(table);
    return NULL;
}
