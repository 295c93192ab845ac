/* Rows into a table: everything wrong with them is told before any of it is used. */
#include "area/table_inner.h"

#include <sys/mman.h>

struct order {
    uint64_t code;
    uint32_t row;
};

struct build {
    const struct area_row *rows;
    size_t rows_count;
    struct order *order;           /* owned, in the order of codes, each code once */
    size_t order_count;
    struct area_table *table;
    area_fault_visit visit;
    void *context;
    size_t faults;
    uint32_t *interned;            /* owned: open addressing, where in names; 0: free */
    uint32_t interned_mask;
};

static void fault(struct build *build, size_t row, enum area_fault kind, struct area_code other)
{
    build->faults++;
    build->visit(build->context, row, kind, other);
}

static int by_code(const void *a, const void *b)
{
    const struct order *one = a, *other = b;
    if (one->code != other->code) return one->code < other->code ? -1 : 1;
    return one->row < other->row ? -1 : one->row > other->row;
}

static void sort_rows(struct build *build)
{
    bool sorted = true;
    build->order = base_alloc(build->rows_count * sizeof *build->order);
    for (size_t i = 0; i < build->rows_count; i++) {
        build->order[i] = (struct order){ build->rows[i].code.value, (uint32_t)i };
        sorted &= i == 0 || build->order[i - 1].code < build->order[i].code;
    }
    if (!sorted) qsort(build->order, build->rows_count, sizeof *build->order, by_code);
    for (size_t i = 0; i < build->rows_count; i++) {
        struct order order = build->order[i];
        if (build->order_count > 0 && order.code == build->order[build->order_count - 1].code) fault(build, order.row, AREA_FAULT_DUPLICATE, build->rows[order.row].code);
        else build->order[build->order_count++] = order;
    }
}

/* ---- names ---- */

static uint64_t hash_name(struct qiao_bytes name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < name.size; i++) h = (h ^ name.data[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 29;
}

/* Where the name stands, once for all that bear it. */
static uint32_t intern(struct build *build, struct qiao_bytes name)
{
    struct buf *names = &build->table->names;
    if (name.size == 0) return 0;
    uint32_t slot = (uint32_t)hash_name(name) & build->interned_mask;
    for (; build->interned[slot] != 0; slot = (slot + 1) & build->interned_mask) {
        const uint8_t *there = names->data + build->interned[slot];
        if (there[0] == name.size && memcmp(there + 1, name.data, name.size) == 0) return build->interned[slot];
    }
    uint32_t at = (uint32_t)names->size;
    uint8_t size = (uint8_t)name.size;
    buf_append(names, &size, 1);
    buf_append(names, name.data, name.size);
    return build->interned[slot] = at;
}

static void begin_names(struct build *build)
{
    size_t size = 16;
    while (size < build->rows_count * 2) size *= 2;
    build->interned_mask = (uint32_t)(size - 1);
    build->interned = base_zalloc(size * sizeof *build->interned);
    buf_append(&build->table->names, "\0\0", 2); /* no name, no aliases */
}

/* Gives back what growing took too much. */
static void end_names(struct build *build)
{
    struct buf *names = &build->table->names;
    names->data = base_realloc(names->data, names->size);
    names->capacity = names->size;
    free(build->interned);
}

/* ---- areas ---- */

static enum area_level level_of(struct area_code code)
{
    static const uint8_t levels[16] = { [2] = AREA_LEVEL_PROVINCE, [4] = AREA_LEVEL_CITY, [6] = AREA_LEVEL_DISTRICT, [9] = AREA_LEVEL_STREET, [12] = AREA_LEVEL_COMMUNITY };
    return (enum area_level)levels[area_code_digits(code)];
}

/* Cities without districts have six digits like a district (441900), provinces as ministries list them too (110000). */
static bool level_fits(const struct area_row *row)
{
    return row->level == level_of(row->code)
        || (area_code_digits(row->code) == 6 && (row->level == AREA_LEVEL_CITY || row->level == AREA_LEVEL_PROVINCE));
}

static uint16_t store_day(int32_t day)
{
    return day == AREA_DAY_NONE ? 0 : (uint16_t)(day - AREA_DAY_MIN + 1);
}

static const struct area_row *row_at(const struct build *build, uint32_t rank)
{
    return &build->rows[build->order[rank].row];
}

static void put_area(struct build *build, uint32_t rank)
{
    const struct area_row *row = row_at(build, rank);
    enum area_level level = row->level ? row->level : level_of(row->code);
    if (row->level && !level_fits(row)) fault(build, build->order[rank].row, AREA_FAULT_LEVEL, row->code);
    if (row->valid_from != AREA_DAY_NONE && row->valid_to != AREA_DAY_NONE && row->valid_to < row->valid_from)
        fault(build, build->order[rank].row, AREA_FAULT_DAYS, row->code);
    build->table->areas[rank] = (struct area){
        .code = row->code.value | (uint64_t)level << AREA_CODE_BITS, .parent = AREA_NONE, .name = intern(build, row->name),
        .valid_from = store_day(row->valid_from), .valid_to = store_day(row->valid_to),
    };
}

static unsigned level_at(const struct area_table *table, uint32_t number)
{
    return (unsigned)(table->areas[number].code >> AREA_CODE_BITS & 7);
}

/* Of two units of one level, the shorter code: 4419 is above 441900, which is the same city. */
static bool stands_above(const struct area_table *table, uint32_t upper, uint32_t lower)
{
    unsigned up = level_at(table, upper), low = level_at(table, lower);
    return up < low || (up == low && area_code_digits(area_code_of(table, upper)) < area_code_digits(area_code_of(table, lower)));
}

static void put_given_parent(struct build *build, uint32_t rank)
{
    struct area_table *table = build->table;
    const struct area_row *row = row_at(build, rank);
    uint32_t parent = area_find(table, row->parent), index = build->order[rank].row;
    if (parent == AREA_NONE) {
        fault(build, index, AREA_FAULT_PARENT_UNKNOWN, row->parent);
    } else if (!stands_above(table, parent, rank)) {
        fault(build, index, AREA_FAULT_PARENT_LEVEL, row->parent);
    } else {
        table->areas[rank].parent = parent;
        table->areas[rank].code |= AREA_GIVEN_BIT;
    }
}

/* The order of codes is a walk of the tree: the areas whose digits cover this one are a stack. */
static void put_parents(struct build *build)
{
    uint32_t stack[8], depth = 0; /* ranks */
    struct area_table *table = build->table;
    for (uint32_t i = 0; i < table->count; i++) {
        const struct area_row *row = row_at(build, i);
        while (depth > 0 && !area_code_covers(row_at(build, stack[depth - 1])->code, row->code)) depth--;
        if (row->parent_is_given) put_given_parent(build, i);
        else if (depth > 0) table->areas[i].parent = stack[depth - 1];
        if (area_code_digits(row->code) < AREA_CODE_DIGITS_MAX) stack[depth++] = i;
    }
}

/* ---- what few areas have ---- */

static void count_more(struct build *build)
{
    struct area_table *table = build->table;
    for (size_t i = 0; i < build->rows_count; i++) {
        const struct area_row *row = &build->rows[i];
        table->mores_count += row->successors_count > 0 || row->codes_count > 0 || row->aliases.size > 0;
        table->successors_count += (uint32_t)row->successors_count;
        table->codes_count += (uint32_t)row->codes_count;
    }
    table->mores = base_alloc(table->mores_count * sizeof *table->mores);
    table->successors = base_alloc(table->successors_count * sizeof *table->successors);
    table->codes = base_alloc(table->codes_count * sizeof *table->codes);
    table->other_codes = base_alloc(table->codes_count * sizeof *table->other_codes);
    table->mores_count = table->successors_count = table->codes_count = 0;
}

static void put_successors(struct build *build, size_t index, const struct area_row *row)
{
    struct area_table *table = build->table;
    uint32_t first = table->successors_count, shares = 0;
    for (size_t i = 0; i < row->successors_count; i++) {
        const struct area_successor *successor = &row->successors[i];
        uint32_t area = area_find(table, successor->code);
        shares += successor->share;
        if (area == AREA_NONE) fault(build, index, AREA_FAULT_SUCCESSOR_UNKNOWN, successor->code);
        for (uint32_t k = first; k < table->successors_count; k++)
            if (area != AREA_NONE && table->successors[k].area == area) fault(build, index, AREA_FAULT_SUCCESSOR_TWICE, successor->code);
        table->successors[table->successors_count++] = (struct area_relation_row){ area, successor->share, (uint16_t)successor->relation };
    }
    if (shares > AREA_SHARE_WHOLE) fault(build, index, AREA_FAULT_SHARES, row->code);
    if (row->successors_count > 0 && row->valid_to == AREA_DAY_NONE) fault(build, index, AREA_FAULT_SUCCESSOR_OPEN, row->code);
}

static void put_codes(struct build *build, size_t index, uint32_t rank, const struct area_row *row)
{
    struct area_table *table = build->table;
    for (size_t i = 0; i < row->codes_count; i++) {
        if (area_find(table, row->codes[i]) != AREA_NONE) fault(build, index, AREA_FAULT_ALIAS_TAKEN, row->codes[i]);
        table->codes[table->codes_count] = row->codes[i];
        table->other_codes[table->codes_count++] = (struct area_other_code){ row->codes[i].value, rank };
    }
}

static uint32_t put_aliases(struct build *build, const struct area_row *row)
{
    struct buf *names = &build->table->names;
    uint8_t size[2];
    if (row->aliases.size == 0) return 0;
    uint32_t at = (uint32_t)names->size;
    put_u16(size, (uint16_t)row->aliases.size);
    buf_append(names, size, sizeof size);
    buf_append(names, row->aliases.data, row->aliases.size);
    return at;
}

static void put_more(struct build *build, uint32_t rank)
{
    struct area_table *table = build->table;
    size_t index = build->order[rank].row;
    const struct area_row *row = &build->rows[index];
    if (row->successors_count == 0 && row->codes_count == 0 && row->aliases.size == 0) return;
    struct area_more *more = &table->mores[table->mores_count++];
    *more = (struct area_more){ rank, table->successors_count, table->codes_count, put_aliases(build, row), (uint16_t)row->successors_count, (uint16_t)row->codes_count };
    put_successors(build, index, row);
    put_codes(build, index, rank, row);
    table->areas[rank].more = table->mores_count;
}

static int by_other_code(const void *a, const void *b)
{
    const struct area_other_code *one = a, *other = b;
    return one->code < other->code ? -1 : one->code > other->code;
}

static void sort_codes(struct build *build)
{
    struct area_table *table = build->table;
    if (table->codes_count == 0) return;
    qsort(table->other_codes, table->codes_count, sizeof *table->other_codes, by_other_code);
    for (uint32_t i = 1; i < table->codes_count; i++)
        if (table->other_codes[i].code == table->other_codes[i - 1].code)
            fault(build, build->order[table->other_codes[i].area].row, AREA_FAULT_ALIAS_TAKEN, (struct area_code){ table->other_codes[i].code });
}

/* ---- successors must not come back ---- */

struct step {
    uint32_t area;
    uint32_t next;                 /* successor to look at */
};

enum colour { NOT_SEEN, ON_THE_WAY, DONE };

/* Depth first over successors, without recursion: a chain may be as long as the table. */
static void walk(struct build *build, uint8_t *colours, struct step *way, uint32_t from)
{
    size_t depth = 0;
    way[depth++] = (struct step){ from, 0 };
    colours[from] = ON_THE_WAY;
    while (depth > 0) {
        struct step *step = &way[depth - 1];
        if (step->next == area_successors_count(build->table, step->area)) {
            colours[step->area] = DONE;
            depth--;
            continue;
        }
        uint32_t to = area_successor_at(build->table, step->area, step->next++);
        if (colours[to] == ON_THE_WAY) fault(build, build->order[step->area].row, AREA_FAULT_SUCCESSOR_CYCLE, area_code_of(build->table, to));
        if (colours[to] != NOT_SEEN) continue;
        colours[to] = ON_THE_WAY;
        way[depth++] = (struct step){ to, 0 };
    }
}

static void check_cycles(struct build *build)
{
    struct area_table *table = build->table;
    if (table->successors_count == 0) return;
    uint8_t *colours = base_zalloc(table->count);
    struct step *way = base_alloc(((size_t)table->successors_count + 2) * sizeof *way);
    for (uint32_t i = 0; i < table->count; i++)
        if (colours[i] == NOT_SEEN && area_successors_count(table, i) > 0) walk(build, colours, way, i);
    free(colours);
    free(way);
}

/* ---- all of it ---- */

/* Lookups go anywhere: in pages of 2 MiB where the system has them, most of a country's take no walk through page tables. */
static void *large_zalloc(size_t size)
{
    const uintptr_t page = 2u << 20;
    void *memory = base_zalloc(size);
    uintptr_t from = ((uintptr_t)memory + page - 1) / page * page, to = ((uintptr_t)memory + size) / page * page;
    if (from < to) madvise((void *)from, to - from, MADV_HUGEPAGE); /* only advice: whether it is taken is the system's business */
    return memory;
}

static uint64_t run_at(const struct build *build, size_t rank)
{
    return area_position(build->order[rank].code) >> AREA_RUN_BITS;
}

/* Who is nearer to home gives way (P. Celis, "Robin Hood Hashing"): no lookup goes far, whether there is something to find or not. */
static void put_run(struct area_table *table, struct area_run run)
{
    uint32_t distance = 0;
    for (uint32_t i = area_run_home(table, run.run_and_first >> AREA_RUN_SHIFT);; i = area_run_next(table, i), distance++) {
        struct area_run there = table->runs[i];
        uint32_t its_distance = there.present ? area_run_distance(table, &there, i) : 0;
        if (there.present && its_distance >= distance) continue;
        table->runs[i] = run;
        if (!there.present) return;
        run = there;
        distance = its_distance;
    }
}

static void add_to_run(struct area_run *run, const struct area_row *row)
{
    run->present |= UINT64_C(1) << (area_position(row->code.value) & ((1u << AREA_RUN_BITS) - 1));
    if (row->valid_from != AREA_DAY_NONE || row->valid_to != AREA_DAY_NONE) run->run_and_first |= AREA_DAYS_BIT;
}

static void put_runs(struct build *build)
{
    struct area_table *table = build->table;
    uint32_t runs = 0;
    for (uint32_t i = 0; i < table->count; i++) runs += i == 0 || run_at(build, i) != run_at(build, i - 1);
    table->runs_size = runs + runs / 4 + 1;
    table->runs = large_zalloc(table->runs_size * sizeof *table->runs);
    for (uint32_t i = 0, next; i < table->count; i = next) {
        struct area_run run = { run_at(build, i) << AREA_RUN_SHIFT | i, 0 };
        for (next = i; next < table->count && run_at(build, next) == run_at(build, i); next++) add_to_run(&run, row_at(build, next));
        put_run(table, run);
    }
}

static void put_areas(struct build *build)
{
    struct area_table *table = build->table;
    table->count = (uint32_t)build->order_count;
    table->areas = large_zalloc(table->count * sizeof *table->areas);
    put_runs(build);
    begin_names(build);
    for (uint32_t i = 0; i < table->count; i++) put_area(build, i);
    put_parents(build);
    count_more(build);
    for (uint32_t i = 0; i < table->count; i++) put_more(build, i);
    end_names(build);
    sort_codes(build);
    if (build->faults == 0) check_cycles(build);
}

struct area_table *area_table_new(const struct area_row *rows, size_t rows_count, area_fault_visit visit, void *context)
{
    struct build build = { .rows = rows, .rows_count = rows_count, .visit = visit, .context = context };
    if (rows_count > AREAS_MAX) {
        visit(context, AREAS_MAX, AREA_FAULT_TOO_MANY, rows[AREAS_MAX].code);
        return NULL;
    }
    build.table = base_zalloc(sizeof *build.table);
    sort_rows(&build);
    put_areas(&build);
    free(build.order);
    return build.faults > 0 ? area_table_free(build.table) : build.table;
}

const char *area_fault_column(enum area_fault fault)
{
    static const char *const columns[] = {
#define X(name, column, text) column,
        AREA_FAULT_MAP(X)
#undef X
    };
    return columns[fault];
}

const char *area_fault_text(enum area_fault fault)
{
    static const char *const texts[] = {
#define X(name, column, text) text,
        AREA_FAULT_MAP(X)
#undef X
    };
    return texts[fault];
}
