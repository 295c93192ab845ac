#include "area/delta.h"

#include "area/record.h"
#include "area/tell.h"
#include "base/buf.h"

#include <stdio.h>

/* ---- two tables ---- */

static bool is_changed(const struct area_table *old, uint32_t before, const struct area_table *new, uint32_t after)
{
    struct area_room rooms[2];
    struct area_row rows[2];
    area_row_of(old, before, &rooms[0], &rows[0]);
    area_row_of(new, after, &rooms[1], &rows[1]);
    return !area_rows_are_same(&rows[0], &rows[1]);
}

static uint64_t value_at(const struct area_table *table, size_t rank)
{
    return rank < area_table_count(table) ? area_code_of(table, area_at(table, rank)).value : UINT64_MAX;
}

/* Both in the order of codes, side by side. */
void area_compare(const struct area_table *old, const struct area_table *new, area_difference_visit visit, void *context)
{
    size_t i = 0, k = 0;
    bool on = true;
    while (on && (i < area_table_count(old) || k < area_table_count(new))) {
        uint64_t before = value_at(old, i), after = value_at(new, k);
        uint32_t one = before <= after ? area_at(old, i) : AREA_NONE, other = after <= before ? area_at(new, k) : AREA_NONE;
        if (one == AREA_NONE || other == AREA_NONE || is_changed(old, one, new, other)) on = visit(context, one, other);
        i += before <= after;
        k += after <= before;
    }
}

/* ---- made ---- */

struct making {
    const struct area_table *old, *new;
    struct arena *arena;
    struct area_delta *delta;
    Qiao__V1__AreaRecord **changed; /* of all parts, one behind the other */
    char **removed;
    uint8_t *versions;             /* from and to */
    size_t size;                   /* of the part being filled, about */
    bool fits;
};

static bool count_difference(void *context, uint32_t before, uint32_t after)
{
    struct making *m = context;
    (void)before;
    m->delta->changed += after != AREA_NONE;
    m->delta->removed += after == AREA_NONE;
    return true;
}

static Qiao__V1__AreaDelta *begin_part(struct making *m)
{
    if (m->delta->parts_count == AREA_DELTA_PARTS_MAX) return NULL;
    Qiao__V1__AreaDelta *part = &m->delta->parts[m->delta->parts_count++];
    *part = (Qiao__V1__AreaDelta)QIAO__V1__AREA_DELTA__INIT;
    part->from = (ProtobufCBinaryData){ AREA_VERSION_SIZE, m->versions };
    part->to = (ProtobufCBinaryData){ AREA_VERSION_SIZE, m->versions + AREA_VERSION_SIZE };
    part->part = (uint32_t)(m->delta->parts_count - 1);
    part->changed = m->changed;
    part->removed = m->removed;
    m->size = 128; /* all but the rows */
    return part;
}

/* The part that takes so many more bytes: the last one, or a new one. NULL: none may begin. */
static Qiao__V1__AreaDelta *part_for(struct making *m, size_t size)
{
    bool full = m->delta->parts_count == 0 || m->size + size > AREA_DELTA_PART_SIZE_MAX;
    Qiao__V1__AreaDelta *part = full ? begin_part(m) : &m->delta->parts[m->delta->parts_count - 1];
    m->size += size;
    return part;
}

static bool put_difference(void *context, uint32_t before, uint32_t after)
{
    struct making *m = context;
    const struct area_table *table = after == AREA_NONE ? m->old : m->new;
    Qiao__V1__AreaRecord *record = area_tell(table, after == AREA_NONE ? before : after, m->arena);
    if (!record->parent_is_given) record->parent = (char *)protobuf_c_empty_string; /* what is worked out does not travel */
    size_t size = 6 + (after == AREA_NONE ? AREA_CODE_DIGITS_MAX : qiao__v1__area_record__get_packed_size(record));
    Qiao__V1__AreaDelta *part = part_for(m, size);
    m->fits = part != NULL;
    if (!part) return false;
    if (after != AREA_NONE) {
        *m->changed++ = record;
        part->n_changed++;
    } else {
        *m->removed++ = record->code;
        part->n_removed++;
    }
    return true;
}

bool area_delta_make(const struct area_table *old, const struct area_table *new, area_digest digest, void *context, struct arena *arena, struct area_delta *ret_delta)
{
    struct making m = { .old = old, .new = new, .arena = arena, .delta = ret_delta, .fits = true };
    *ret_delta = (struct area_delta){ 0 };
    area_compare(old, new, count_difference, &m);
    m.changed = arena_alloc(arena, (ret_delta->changed + 1) * sizeof(Qiao__V1__AreaRecord *));
    m.removed = arena_alloc(arena, (ret_delta->removed + 1) * sizeof(char *));
    m.versions = arena_alloc(arena, 2 * AREA_VERSION_SIZE);
    ret_delta->parts = arena_alloc(arena, AREA_DELTA_PARTS_MAX * sizeof *ret_delta->parts);
    area_version(old, digest, context, m.versions);
    area_version(new, digest, context, m.versions + AREA_VERSION_SIZE);
    area_compare(old, new, put_difference, &m);
    for (size_t i = 0; i < ret_delta->parts_count; i++) ret_delta->parts[i].parts = (uint32_t)ret_delta->parts_count;
    return m.fits;
}

/* ---- taken ---- */

const char *area_delta_check(const Qiao__V1__AreaDelta *part)
{
    if (part->from.len != AREA_VERSION_SIZE || part->to.len != AREA_VERSION_SIZE) return "a version of a table has 32 bytes";
    if (memcmp(part->from.data, part->to.data, AREA_VERSION_SIZE) == 0) return "it begins and ends at one version";
    if (part->parts == 0 || part->parts > AREA_DELTA_PARTS_MAX || part->part >= part->parts) return "there is no such part";
    return part->n_changed + part->n_removed > 0 ? NULL : "it changes nothing";
}

struct applying {
    const struct area_table *table;
    struct arena *arena;
    struct area_row *rows;         /* owned */
    size_t rows_count;
    uint8_t *gone;                 /* owned: by rank, rows of the old table that do not stay */
    char *why;
};

static bool fail(struct applying *a, const char *code, const char *what)
{
    snprintf(a->why, AREA_DELTA_WHY_SIZE, "area %.20s %s", code, what);
    return false;
}

/* Ranks are numbers: areas lie in the order of codes. */
static bool take_changed(struct applying *a, const Qiao__V1__AreaRecord *record)
{
    struct area_row *row = &a->rows[a->rows_count];
    const char *wrong = area_record_read(record, a->arena, row);
    if (wrong) return fail(a, record->code, wrong);
    uint32_t before = area_find(a->table, row->code);
    if (before != AREA_NONE) a->gone[before] = 1;
    a->rows_count++;
    return true;
}

static bool take_removed(struct applying *a, const char *text)
{
    struct area_code code;
    uint32_t before = area_code_read_unit(qiao_bytes_from_string(text), &code) == AREA_CODE_FAULT_NONE ? area_find(a->table, code) : AREA_NONE;
    if (before == AREA_NONE) return fail(a, text, "is to be removed and is not in the table");
    a->gone[before] = 1;
    return true;
}

static bool take_part(struct applying *a, const Qiao__V1__AreaDelta *part)
{
    for (size_t i = 0; i < part->n_changed; i++)
        if (!take_changed(a, part->changed[i])) return false;
    for (size_t i = 0; i < part->n_removed; i++)
        if (!take_removed(a, part->removed[i])) return false;
    return true;
}

static const void *keep(struct applying *a, const void *items, size_t size)
{
    void *copy = arena_alloc(a->arena, size);
    return copy ? memcpy(copy, items, size) : NULL;
}

static bool keep_row(struct applying *a, uint32_t area)
{
    struct area_room room;
    struct area_row *row = &a->rows[a->rows_count++];
    area_row_of(a->table, area, &room, row);
    if (row->successors_count > 0) row->successors = keep(a, room.successors, row->successors_count * sizeof *room.successors);
    if (row->codes_count > 0) row->codes = keep(a, room.codes, row->codes_count * sizeof *room.codes);
    return (row->successors_count == 0 || row->successors) && (row->codes_count == 0 || row->codes);
}

static void fail_row(void *context, size_t row, enum area_fault fault, struct area_code other)
{
    struct applying *a = context;
    char code[AREA_CODE_DIGITS_MAX + 1], known[AREA_CODE_DIGITS_MAX + 1], text[200];
    if (*a->why) return;
    area_code_write(a->rows[row].code, code);
    area_code_write(other, known);
    const char *format = area_fault_text(fault), *place = strstr(format, "%s");
    int before = place ? (int)(place - format) : (int)strlen(format);
    snprintf(text, sizeof text, "%.*s%s%s", before, format, place ? known : "", place ? place + 2 : "");
    fail(a, code, text);
}

struct area_table *area_delta_apply(const struct area_table *table, Qiao__V1__AreaDelta *const *parts, size_t parts_count, struct arena *arena,
                                    char reterr_why[AREA_DELTA_WHY_SIZE])
{
    size_t count = area_table_count(table), changed = 0;
    for (size_t i = 0; i < parts_count; i++) changed += parts[i]->n_changed;
    struct applying a = { .table = table, .arena = arena, .why = reterr_why, .gone = base_zalloc(count + 1) };
    a.rows = base_zalloc((count + changed + 1) * sizeof *a.rows);
    bool good = true;
    reterr_why[0] = '\0';
    for (size_t i = 0; good && i < parts_count; i++) good = take_part(&a, parts[i]);
    for (uint32_t i = 0; good && i < count; i++)
        if (!a.gone[i] && !keep_row(&a, i)) good = fail(&a, "", "is one row too many");
    struct area_table *new = good ? area_table_new(a.rows, a.rows_count, fail_row, &a) : NULL;
    free(a.rows);
    free(a.gone);
    return new;
}
