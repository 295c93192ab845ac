#include "suggest.h"

#include <stdint.h>
#include <string.h>

#define WORD_SIZE_MAX 64u

void conf_suggest(struct conf_suggestion *suggestion, const char *candidate)
{
    size_t size = strlen(candidate);
    size_t near = size <= 3 ? 1 : size <= 8 ? 2 : size / 3;
    size_t distance = conf_edit_distance(suggestion->word, candidate);
    if (distance > near || (suggestion->best && distance >= suggestion->distance))
        return;
    suggestion->best = candidate;
    suggestion->distance = distance;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

size_t conf_edit_distance(const char *a, const char *b)
{
    size_t a_size = strlen(a), b_size = strlen(b);
    if (a_size > WORD_SIZE_MAX || b_size > WORD_SIZE_MAX)
        return SIZE_MAX;
    size_t rows[3][WORD_SIZE_MAX + 1];
    for (size_t j = 0; j <= b_size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a_size % 3][b_size];
}
