/* A plan as a file: which files were looked at, and what was in force then. */
#ifndef CTL_PLANNED_H
#define CTL_PLANNED_H

#include "versions.h"

struct planned {
    char id[17];
    char configuration[4096];  /* in force, where the new files go */
    char wanted[4096];         /* the new one */
    char before[VERSIONS_DIGEST_SIZE], after[VERSIONS_DIGEST_SIZE]; /* of all files of each */
    char restart[1024];        /* keys that need one, or "" */
    bool has_errors;
    size_t headers, changed;   /* rehearsed */
};

/* Fills names, digests and id from the files. These return false after saying why not. */
bool planned_describe(struct planned *planned, const char *configuration, const char *wanted);
bool planned_write(const struct planned *planned, const char *path);
bool planned_read(struct planned *planned, const char *path);
bool planned_print_json(const struct planned *planned);

#endif
