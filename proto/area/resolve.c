#include "area/resolve.h"

/* Areas one old area may pass through; a table is refused cycles, but not long chains. */
#define STEPS_MAX 1024u

const char *area_answer_name(enum area_answer answer)
{
    static const char *const names[] = {
#define X(name, text) #name,
        AREA_ANSWER_MAP(X)
#undef X
    };
    return names[answer];
}

const char *area_answer_text(enum area_answer answer)
{
    static const char *const texts[] = {
#define X(name, text) text,
        AREA_ANSWER_MAP(X)
#undef X
    };
    return texts[answer];
}

static void add_candidate(struct area_resolution *resolution, struct area_code code)
{
    for (size_t i = 0; i < resolution->candidates_count; i++)
        if (area_code_is_same(resolution->candidates[i], code)) return;
    if (resolution->candidates_count < AREA_CANDIDATES_MAX) resolution->candidates[resolution->candidates_count++] = code;
}

/* The areas in force that took over, over any number of changes. */
static void follow(const struct area_table *table, uint32_t from, int32_t day, struct area_resolution *resolution)
{
    uint32_t open[AREA_SUCCESSORS_MAX], open_count = 0, steps = 0;
    open[open_count++] = from;
    while (open_count > 0 && steps++ < STEPS_MAX) {
        uint32_t area = open[--open_count];
        if (!area_is_over(table, area, day)) {
            add_candidate(resolution, area_code_of(table, area));
            continue;
        }
        size_t count = area_successors_count(table, area);
        for (size_t i = 0; i < count && open_count < AREA_SUCCESSORS_MAX; i++) open[open_count++] = area_successor_at(table, area, i);
    }
}

/* The unit above the old area as it is now; one that was itself divided passes the question on to its own. */
static struct area_code parent_now(const struct area_table *table, uint32_t area, int32_t day)
{
    for (uint32_t parent = area_parent(table, area); parent != AREA_NONE; parent = area_parent(table, parent)) {
        struct area_resolution found = { 0 };
        follow(table, parent, day, &found);
        if (found.candidates_count == 1) return found.candidates[0];
    }
    return (struct area_code){ 0 };
}

static enum area_answer resolve_over(const struct area_table *table, uint32_t area, bool exact, int32_t now_day, struct area_resolution *resolution)
{
    follow(table, area, now_day, resolution);
    if (resolution->candidates_count == 0) return AREA_ANSWER_VOID;
    if (resolution->candidates_count == 1 && exact) {
        resolution->code = resolution->candidates[0];
        return AREA_ANSWER_SUCCESSOR;
    }
    resolution->parent = parent_now(table, area, now_day);
    return AREA_ANSWER_AMBIGUOUS;
}

void area_resolve(const struct area_table *table, struct area_code code, int32_t sent_day, int32_t now_day, uint32_t accept_old_days,
                  struct area_resolution *ret_resolution)
{
    *ret_resolution = (struct area_resolution){ .answer = AREA_ANSWER_UNKNOWN, .code = code };
    if (area_is_always_valid(table, code)) {
        ret_resolution->asked = code;
        ret_resolution->answer = AREA_ANSWER_CURRENT;
        return;
    }
    uint32_t area = area_find_known(table, code);
    bool exact = area != AREA_NONE;
    if (!exact) area = area_find_nearest(table, area_code_above(code));
    if (area == AREA_NONE) return;
    ret_resolution->asked = area_code_of(table, area);
    if (exact) ret_resolution->code = ret_resolution->asked;
    if (!area_is_over(table, area, now_day)) {
        if (exact) ret_resolution->answer = area_is_valid(table, area, now_day) ? AREA_ANSWER_CURRENT : AREA_ANSWER_NOT_YET;
        return;
    }
    ret_resolution->code = (struct area_code){ 0 };
    if ((int64_t)sent_day - area_last_day(table, area) > (int64_t)accept_old_days) ret_resolution->answer = AREA_ANSWER_TOO_OLD;
    else ret_resolution->answer = resolve_over(table, area, exact, now_day, ret_resolution);
}

bool area_took_over(const struct area_table *table, struct area_code before, struct area_code now)
{
    uint32_t from = area_find_known(table, before), open[AREA_SUCCESSORS_MAX], open_count = 0, steps = 0;
    if (from != AREA_NONE) open[open_count++] = from;
    while (open_count > 0 && steps++ < STEPS_MAX) {
        uint32_t area = open[--open_count];
        if (area_code_is_same(area_code_of(table, area), now)) return true;
        size_t count = area_successors_count(table, area);
        for (size_t i = 0; i < count && open_count < AREA_SUCCESSORS_MAX; i++) open[open_count++] = area_successor_at(table, area, i);
    }
    return false;
}

bool area_may_answer(const struct area_table *table, struct area_code before, struct area_code now)
{
    uint32_t area = area_find_known(table, before);
    bool exact = area != AREA_NONE;
    if (!exact) area = area_find_nearest(table, before);
    if (area == AREA_NONE) return false;
    if (exact && area_took_over(table, before, now)) return true;
    uint32_t parent = area_last_day(table, area) == AREA_DAY_NONE ? AREA_NONE : area_parent(table, area);
    for (; parent != AREA_NONE; parent = area_parent(table, parent))
        if (area_took_over(table, area_code_of(table, parent), now)) return true;
    return false;
}
