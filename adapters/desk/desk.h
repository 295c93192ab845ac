/* The decision table and the configuration around it. */
#ifndef DESK_DESK_H
#define DESK_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct decision {
    char *matter;       /* shell pattern over matter codes: "WASTE.*" */
    bool accept;
    unsigned code;      /* of a refusal, qiao/err.h */
    char *reason;       /* of a refusal */
};

struct desk_config {
    char *node, *member;
    char *certificate, *key, *ca;
    char *register_folder, *register_file;
    unsigned log_level;
    struct decision *decisions;
    size_t decisions_count;
};

/* Problems go to problems_to as "file:line:column: key: text". False if there was any. */
bool desk_config_load(struct desk_config *config, const char *path, FILE *problems_to);
void desk_config_deinit(struct desk_config *config);
void desk_config_help(FILE *out);

/* The first decision whose pattern fits; the last one always does. */
const struct decision *desk_decide(const struct desk_config *config, const char *matter);

#endif
