/* A configuration looked at before it is in force. Includes nothing of the broker, so that the command may include it. */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* ---- what would become of real messages ---- */

struct plan_rehearsal;

/* Messages of one kind to one place that would go another way, or none. */
struct plan_change {
    size_t count;
    char what[224];            /* "case.open 990101001/urban-management" */
    char before[512], after[512]; /* "housing (rule housing-first, rules.yaml:12)", "refused: ROUTE_DENIED" */
};

/* Both configurations must be sound: positive if one is not. Negative: -errno. */
int plan_rehearsal_new(const char *before_file, const char *after_file, struct plan_rehearsal **ret_rehearsal);
struct plan_rehearsal *plan_rehearsal_free(struct plan_rehearsal *rehearsal); /* returns NULL */
/* One header as the node kept it, and the member or neighbour it came from, and when (milliseconds since 1970). */
void plan_rehearse(struct plan_rehearsal *rehearsal, const void *header, size_t size, const char *from, uint64_t at_ms);

/* Keys that differ and come into force with a restart only, one a line; "" if there are none. */
const char *plan_restart_keys(const struct plan_rehearsal *rehearsal);
size_t plan_rehearsed(const struct plan_rehearsal *rehearsal); /* headers */
size_t plan_changed(const struct plan_rehearsal *rehearsal);   /* of these, messages that would fare otherwise */
/* The most frequent first. */
size_t plan_changes_count(const struct plan_rehearsal *rehearsal);
const struct plan_change *plan_change_at(const struct plan_rehearsal *rehearsal, size_t i);

/* ---- files ---- */

/* A configuration's own files, below its folder: itself, its conf.d, its rules, policy and catalogue. */
struct plan_files {
    struct plan_file {
        char *path;
        char *relative;        /* to the folder; "" for the configuration itself */
    } *items;
    size_t count;
};

/* Positive if the configuration is not sound. Negative: -errno. The caller deinits in every case. */
int plan_files_init(struct plan_files *files, const char *configuration);
void plan_files_deinit(struct plan_files *files);

#endif
