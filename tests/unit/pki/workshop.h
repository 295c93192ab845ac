/* A folder to work in, qiao pki called in this process with its output caught, and other programs to judge the results. */
#ifndef TESTS_PKI_WORKSHOP_H
#define TESTS_PKI_WORKSHOP_H

#include <stddef.h>

extern char workshop_out[65536]; /* of the last run: what it wrote to stdout */
extern char workshop_err[65536];

/* Makes the folder and goes there. */
void workshop_enter(void);
void workshop_leave(void);
/* Runs "qiao pki <line>"; words are separated by spaces, ' keeps words together. Returns the exit status. */
int pki(const char *line);
/* Runs a shell command; returns its exit status. Output goes to workshop_out. */
int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Contents of a file; good until the workshop is left. */
const char *slurp(const char *path);
unsigned mode_of(const char *path);

#endif
