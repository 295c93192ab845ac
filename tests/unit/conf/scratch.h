/* A folder of its own for a test, with configuration files in it. */
#ifndef TESTS_CONF_SCRATCH_H
#define TESTS_CONF_SCRATCH_H

#include "conf/conf.h"

struct scratch {
    char folder[64];
};

struct loaded {
    struct conf *conf;
    struct conf_error *errors;
    size_t errors_count;
    int result;
};

/* The folder holds empty files c.crt, c.key, ca.crt. */
void scratch_init(struct scratch *scratch);
void scratch_deinit(struct scratch *scratch);
/* name may hold one folder, "conf.d/10-a.yaml"; it is made. */
void scratch_write(const struct scratch *scratch, const char *name, const char *text, size_t size);
struct loaded scratch_load(const struct scratch *scratch, const char *name);
/* Writes node.yaml and loads it. */
struct loaded scratch_load_text(const struct scratch *scratch, const char *text);
void loaded_deinit(struct loaded *loaded);
/* All errors, one a line; the caller frees. */
char *loaded_text(const struct loaded *loaded);

#endif
