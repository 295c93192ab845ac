#include "area/record.h"

static struct qiao_bytes bytes_of(const char *text) { return qiao_bytes_from_string(text); }

static bool read_code(const char *text, struct area_code *ret_code)
{
    return area_code_read_unit(bytes_of(text), ret_code) == AREA_CODE_FAULT_NONE;
}

static bool read_level(const char *text, enum area_level *ret_level)
{
    for (enum area_level level = AREA_LEVEL_PROVINCE; level <= AREA_LEVEL_COMMUNITY; level++) {
        *ret_level = level;
        if (strcmp(text, area_level_name(level)) == 0) return true;
    }
    return false;
}

static bool read_day(const char *text, int32_t *ret_day)
{
    *ret_day = AREA_DAY_NONE;
    return !*text || area_day_read(bytes_of(text), ret_day);
}

static bool read_relation(const char *text, enum area_relation *ret_relation)
{
    for (enum area_relation r = AREA_RELATION_MERGE; r <= AREA_RELATION_RESUBORDINATE; r++) {
        *ret_relation = r;
        if (strcmp(text, area_relation_name(r)) == 0) return true;
    }
    return false;
}

static const char *read_successors(const Qiao__V1__AreaRecord *record, struct arena *arena, struct area_row *row)
{
    if (record->n_successors > AREA_SUCCESSORS_MAX) return "has too many successors";
    struct area_successor *successors = arena_alloc(arena, record->n_successors * sizeof *successors);
    if (!successors) return "is one row too many";
    for (size_t i = 0; i < record->n_successors; i++) {
        const Qiao__V1__AreaSuccessor *from = record->successors[i];
        if (!read_code(from->code, &successors[i].code)) return "has a successor that is no area code";
        if (!read_relation(from->relation, &successors[i].relation)) return "has a successor of a relation that is not known";
        if (from->share > AREA_SHARE_WHOLE) return "has a successor whose share is more than the whole";
        successors[i].share = (uint16_t)from->share;
    }
    row->successors = successors;
    row->successors_count = record->n_successors;
    return NULL;
}

/* What reads as a code is one, as in files. */
static const char *read_aliases(const Qiao__V1__AreaRecord *record, struct arena *arena, struct area_row *row)
{
    struct area_code *codes = arena_alloc(arena, AREA_SUCCESSORS_MAX * sizeof *codes);
    uint8_t *names = arena_alloc(arena, AREA_ALIASES_SIZE_MAX);
    size_t size = 0, codes_count = 0;
    if (!codes || !names) return "is one row too many";
    for (size_t i = 0; i < record->n_aliases; i++) {
        struct qiao_bytes alias = bytes_of(record->aliases[i]);
        struct area_code code;
        if (area_code_read(alias, &code) == AREA_CODE_FAULT_NONE) {
            if (codes_count == AREA_SUCCESSORS_MAX) return "has too many other codes";
            codes[codes_count++] = code;
            continue;
        }
        if (alias.size == 0 || size + alias.size + 1 > AREA_ALIASES_SIZE_MAX || memchr(alias.data, '\n', alias.size)) return "has other names that are too long, or none";
        memcpy(names + size, alias.data, alias.size);
        size += alias.size;
        names[size++] = '\n';
    }
    row->codes = codes;
    row->codes_count = codes_count;
    row->aliases = qiao_bytes(names, size);
    return NULL;
}

const char *area_record_read(const Qiao__V1__AreaRecord *record, struct arena *arena, struct area_row *ret_row)
{
    struct area_row row = { .name = bytes_of(record->name), .parent_is_given = record->parent_is_given };
    const char *wrong = NULL;
    if (!read_code(record->code, &row.code)) return "is no area code";
    if (row.name.size > AREA_NAME_SIZE_MAX || strchr(record->name, '\n')) return "has a name that is too long, or of two lines";
    if (!read_level(record->level, &row.level)) return "has no level";
    if (row.parent_is_given && !read_code(record->parent, &row.parent)) return "has a parent that is no area code";
    if (!read_day(record->valid_from, &row.valid_from) || !read_day(record->valid_to, &row.valid_to)) return "has a day that is none";
    wrong = read_successors(record, arena, &row);
    if (!wrong && record->n_aliases > 0) wrong = read_aliases(record, arena, &row);
    *ret_row = row;
    return wrong;
}
