/* A configuration looked at before it is in force. Includes nothing of the broker, so that the command may include it. */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>

/* X(name, text, what it is) */
#define PLAN_CLASS_MAP(X)                                                                                   \
    X(INVALID, "invalid", "a value or a file that cannot be used")                                          \
    X(UNKNOWN, "unknown", "a key, a kind or a word that does not exist")                                    \
    X(DUPLICATE, "duplicate", "the same twice")                                                             \
    X(SHADOWED, "shadowed", "a rule that an earlier one takes everything from")                             \
    X(NEVER, "never-matches", "a condition that no message can meet here")                                  \
    X(UNREACHABLE, "unreachable", "an organisation or a node that is not there, or that nothing can reach") \
    X(UNKNOWN_AREA, "unknown-area", "an area that is not there")                                            \
    X(BLACK_HOLE, "black-hole", "a message goes in and nowhere out")                                        \
    X(LOOP, "loop", "a message comes back to where it was")                                                 \
    X(IMPOSSIBLE, "impossible-lane", "a lane or a class on which this cannot travel")

enum plan_class {
#define X(name, text, what) PLAN_##name,
    PLAN_CLASS_MAP(X)
#undef X
    PLAN_CLASSES
};

const char *plan_class_name(enum plan_class class);

struct plan_finding {
    enum plan_class class;
    bool warning;              /* else an error */
    char file[256];
    int line, column;          /* from 1; 0: the file as a whole */
    char key[128];             /* "rules[2].when.to" */
    char text[512];            /* what was found, and the cure */
};

struct plan_check;

/* Reads the configurations: the first is the one in question, others are of other nodes of the federation. Findings are about all of them.
 * Negative: -errno (out of memory). */
int plan_check_new(const char *const *files, size_t count, struct plan_check **ret_check);
struct plan_check *plan_check_free(struct plan_check *check); /* returns NULL */

size_t plan_findings_count(const struct plan_check *check);
const struct plan_finding *plan_finding_at(const struct plan_check *check, size_t i);
bool plan_has_errors(const struct plan_check *check);
/* A file could not be read at all. */
bool plan_is_unreadable(const struct plan_check *check);

#endif
