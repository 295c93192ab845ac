/* One shell command at a time that reads a text and ends with a status. */
#ifndef CTL_CHILD_H
#define CTL_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct child {
    pid_t pid; /* 0: none runs */
};

/* Starts sh -c command with text on its standard input. 0 or -errno. SIGCHLD tells when it has ended. */
int child_start(struct child *child, const char *command, const char *text, size_t text_size);

/* Whether it has ended; *ret_status is the exit status, or minus the signal that killed it. */
bool child_finished(struct child *child, int *ret_status);

/* Ends it with SIGTERM if it runs, and waits for it. */
void child_stop(struct child *child);

#endif
