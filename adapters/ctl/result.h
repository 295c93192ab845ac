/* What a command made, in a file or on standard output. */
#ifndef CTL_RESULT_H
#define CTL_RESULT_H

#include "command.h"

#include <qiao/bytes.h>
#include <sys/types.h>

/* path NULL: standard output, but no unreadable bytes on a terminal. A file that is there is replaced; a new one gets mode, less the umask.
 * CTL_OK, or CTL_NO after a message; then no half a file is left. */
int result_write(const char *path, struct qiao_bytes bytes, mode_t mode);

#endif
