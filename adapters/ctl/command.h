/* A command of `qiao` as one record: what is parsed, printed as help, completed and documented comes from it. */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include "options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ctl_exit {
    CTL_OK = 0,
    CTL_NO = 1,       /* the answer is no, or the work could not be done */
    CTL_WRONG_USE = 2,
    CTL_NO_NODE = 3   /* the node cannot be reached, or will not have us */
};

struct globals {
    const char *node;
    const char *member;
    const char *certificate_file, *key_file, *ca_file;
    uint64_t timeout_ms;
    bool json;
    bool help;
    bool version;
};

struct command {
    const char *name;      /* "case list" */
    const char *arguments; /* "ID", "[FILE]" or "" */
    int arguments_min, arguments_max;
    const char *summary;   /* one line without full stop */
    const char *text;      /* paragraphs separated by an empty line */
    const char *example;   /* one command line, or NULL */
    const char *const *words; /* what the first argument can be, ended by NULL; or NULL */
    const struct option_spec *options;
    size_t option_count;
    size_t values_size;    /* of the struct that the options fill; at most COMMAND_VALUES_SIZE_MAX */
    int (*run)(const struct globals *globals, const void *values, int argument_count, char **arguments);
    int (*run_unparsed)(int argc, char **argv); /* instead of run: argv[0] is the command's name and options are its own business */
};

#define COMMAND_VALUES_SIZE_MAX 512

struct command_table {
    const struct command *const *commands;
    size_t count;
    const struct option_spec *globals;
    size_t global_count;
};

/* The whole table, for the documents made from it. */
const struct command_table *command_table(void);

extern const struct command command_send, command_recv, command_watch, command_status, command_route, command_why, command_trace, command_case_list, command_case_show,
    command_audit_export, command_audit_verify, command_audit_prove, command_audit_gaps,
    command_message, command_attachment_list, command_attachment_fetch,
    command_proof, command_verify, command_seal, command_open, command_org_list, command_org_show, command_org_register, command_org_update, command_org_suspend, command_org_close,
    command_org_confirm, command_bench_send, command_bench_recv, command_completion, command_man;
extern const struct command command_dead_list, command_dead_show, command_dead_retry, command_dead_discard;
extern const struct command command_bundle_export, command_bundle_import, command_bundle_show;
extern const struct command command_area_check, command_area_find, command_area_show, command_area_diff, command_area_status, command_area_publish, command_area_confirm;
extern const struct command command_plan, command_apply, command_rollback, command_held_list, command_held_release, command_held_refuse;

/* "qiao: …" to standard error. Returns status, so that a handler can end with it. */
int __attribute__((format(printf, 2, 3))) command_fail(enum ctl_exit status, const char *format, ...);

#endif
