/* A configuration's files as a whole: digest, numbered copies of what was in force before, and putting other files into their place. */
#ifndef CTL_VERSIONS_H
#define CTL_VERSIONS_H

#include "plan/plan.h"

#define VERSIONS_DIGEST_SIZE 65 /* hexadecimal, with its end */

/* SHA-256 over names and contents in order. False, after saying why, if a file cannot be read. */
bool versions_digest(const struct plan_files *files, char ret_digest[VERSIONS_DIGEST_SIZE]);

/* Copies the files to a new folder "versions/NNNN" beside the configuration; 0 after saying why not. */
unsigned versions_keep(const char *configuration, const struct plan_files *files);

/* Puts the files in the places they have beside the configuration, each at once: a name never stands for half a file. What they refer to
 * comes before the configuration itself. False after saying why not. */
bool versions_install(const char *configuration, const struct plan_files *files);

/* Puts the newest kept version back into force and takes it from the kept ones. 0 after saying why not. */
unsigned versions_restore(const char *configuration);

#endif
