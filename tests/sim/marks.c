#include "marks.h"

static void enter(struct sim *sim, uint32_t number)
{
    uint64_t at = explain_mark(&sim->messages[number].id);
    while (sim->marks[at % sim->marks_size] != 0) at++;
    sim->marks[at % sim->marks_size] = number + 1;
}

void marks_add(struct sim *sim, uint32_t number)
{
    if (number < sim->marks_size / 2) {
        enter(sim, number);
        return;
    }
    free(sim->marks);
    sim->marks_size = sim->marks_size ? sim->marks_size * 2 : 512;
    sim->marks = base_zalloc(sim->marks_size * sizeof *sim->marks);
    for (uint32_t i = 0; i <= number; i++) enter(sim, i);
}

uint32_t marks_find(const struct sim *sim, const struct explain_stretch *stretch, uint32_t i)
{
    if (sim->marks_size == 0) return sim->messages_count;
    for (uint64_t at = get_u64(stretch->marks + (size_t)i * EXPLAIN_MARK_SIZE);; at++) {
        uint32_t number = sim->marks[at % sim->marks_size];
        if (number == 0) return sim->messages_count;
        if (explain_is(stretch, i, &sim->messages[number - 1].id)) return number - 1;
    }
}
