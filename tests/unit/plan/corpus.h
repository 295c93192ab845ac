/* A file of the corpus: several configuration files in one, each behind "#@ NAME", with "#! CLASS" at the end of a line that has a defect. */
#ifndef TESTS_PLAN_CORPUS_H
#define TESTS_PLAN_CORPUS_H

#include "unit/conf/scratch.h"
#include "plan/plan.h"

enum { CORPUS_FILES_MAX = 16, CORPUS_MARKS_MAX = 16 };

struct corpus_case {
    struct scratch scratch;
    char names[CORPUS_FILES_MAX][64];
    size_t files_count;
    struct corpus_mark {
        size_t file;               /* in names */
        int line;
        char class[32];
        bool found;
    } marks[CORPUS_MARKS_MAX];
    size_t marks_count;
    struct plan_check *check;
};

/* Writes the parts into a folder and looks at the node's configurations among them, node.yaml first; where there is none, a district with
 * a street below and a city above, and five members. */
void corpus_open(struct corpus_case *c, const char *path);
void corpus_close(struct corpus_case *c);
/* What was found and not marked, and what was marked and not found, one a line; "" if all is as it should be. The caller frees. */
char *corpus_differences(struct corpus_case *c);

#endif
