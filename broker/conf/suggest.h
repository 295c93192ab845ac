/* "did you mean": the nearest of some words. */
#ifndef CONF_SUGGEST_H
#define CONF_SUGGEST_H

#include <stddef.h>

/* Best candidate so far. Start with best NULL. */
struct conf_suggestion {
    const char *word;
    const char *best;
    size_t distance;
};

/* Keeps candidate if it is near enough to word to be a slip, and nearer than the best so far. */
void conf_suggest(struct conf_suggestion *suggestion, const char *candidate);
/* Insertions, removals, changes and swaps of neighbours from one word to the other. Words beyond 64 bytes count as far away. */
size_t conf_edit_distance(const char *a, const char *b);

#endif
