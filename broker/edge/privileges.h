/* Gives up what the process does not need, in two steps: what must happen before there are threads and files, and what can only
 * happen when the last listener is open, because its port is one that only root may take. */
#ifndef EDGE_PRIVILEGES_H
#define EDGE_PRIVILEGES_H

#include "conf/conf.h"

struct privileges_options {
    bool core_dumps;               /* allowed: keys and bodies may then stand in them */
    bool listens;                  /* the listeners of the configuration are going to be opened */
};

/* New files are for the owner only, no core dumps, no gaining of privileges by programs, as many descriptors as the system lets.
 * As root with process.user: from here on everything is done as that user and group, without capabilities; only a port below
 * 1024, if one is configured, keeps the way back open until privileges_drop. To be called before the first thread.
 * False: not possible as configured; the reason was logged. */
bool privileges_reduce(const struct conf *conf, const struct privileges_options *options);

/* Gives up the rest in all threads, and tries whether it is gone. False: it is not; logged. */
bool privileges_drop(const struct conf *conf, const struct privileges_options *options);

#endif
