/* Which system calls the process may make (seccomp(2)), by libseccomp. */
#ifndef EDGE_SECCOMP_H
#define EDGE_SECCOMP_H

#include <stdbool.h>

/* mode: as process.seccomp, "off", "log" or "enforce". Sanitizers make calls of their own: in a build with one it is always off. */

/* To be called before the loop and the first thread: no io_uring, whose work passes by every filter. libuv has it on from 1.45 and does
 * without where it is not. False: the kernel or libseccomp cannot; logged. */
bool syscalls_prepare(const char *mode);
/* Everything is open and running: from here on, in every thread, only what such a broker does. What it never does and who has taken
 * it over would try ends the process (SIGSYS); other calls that are not on the list fail with EPERM. "log" lets everything
 * pass and has the kernel's audit log say what would not have. */
bool syscalls_restrict(const char *mode);

#endif
