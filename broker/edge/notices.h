/* What operators are told about peers, at most once in ten seconds for the same event and peer. */
#ifndef EDGE_NOTICES_H
#define EDGE_NOTICES_H

#include "edge/log.h"

void notice(enum log_level level, const char *event, const char *peer, const char *reason);

/* Callbacks for the core. */
void notice_core(void *context, const char *event, const char *peer, unsigned code, const char *reason);
void notice_trace(void *context, const char *line);

#endif
