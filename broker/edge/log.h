/* Log lines to standard error: logfmt or JSON, with syslog priority prefixes when the service manager reads them. */
#ifndef EDGE_LOG_H
#define EDGE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Names as in the configuration; NULL: info, logfmt. */
void log_configure(const char *level, const char *format, const char *node);

/* event: what happened, a fixed name. Then key, value pairs of strings, ended by NULL. Values are quoted as needed. */
void log_event(enum log_level level, const char *event, ...) __attribute__((sentinel));

#endif
