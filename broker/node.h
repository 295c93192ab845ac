/* The shell around the core: loop, wire, store thread. */
#ifndef NODE_H
#define NODE_H

#include "conf/conf.h"

struct node_options {
    const struct conf *conf;      /* borrowed until node_run returns */
    const char *conf_path;        /* read again on SIGHUP */
    bool trace;                   /* one line a decision to standard error */
    bool core_dumps;              /* allowed */
    int ready_fd;                 /* a line "ready" is written and the descriptor closed when links and members may come; -1: none */
};

/* Runs until SIGTERM or SIGINT. Returns an exit status: 0 stopped as asked, 1 could not start or go on (reported). */
int node_run(const struct node_options *options);

#endif
