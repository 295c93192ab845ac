/* Taking files out of the drop folder. What is read is a copy of our own, so that a file that is overwritten meanwhile cannot give half
 * old and half new rows; what leaves the drop folder is what was read, as its digest tells, and nothing that took its name since. */
#ifndef CSV_INTAKE_H
#define CSV_INTAKE_H

#include "digest.h"

#include <stddef.h>
#include <stdint.h>

enum intake_result {
    INTAKE_OK = 0,
    INTAKE_WRITING = 1,    /* open for writing elsewhere, or changed while it was copied: look again later */
    INTAKE_GONE = 2,
    INTAKE_TOO_LARGE = 3,
    INTAKE_NO_FILE = 4,    /* a folder, device or link */
    INTAKE_CHANGED = 5     /* the name now belongs to other content, which is in the drop folder again */
};

/* Makes the folders state/work and drop/.leaving and puts what a crash left in the latter back into drop. 0 or -errno. */
int intake_prepare(const char *drop, const char *state);

/* Copies drop/name to state/work/DIGEST and makes the copy durable. An intake_result or -errno. */
int intake_copy(const char *drop, const char *name, const char *state, uint64_t bytes_max, struct digest *ret_digest);

/* The copy of a file. open: a descriptor or -errno. remove: it need not exist. */
int intake_open_copy(const char *state, const struct digest *digest);
int intake_remove_copy(const char *state, const struct digest *digest);
/* Removes copies for which keep says no, and whatever else is in state/work. */
int intake_sweep(const char *state, bool (*keep)(void *context, const struct digest *digest), void *context);

/* Moves drop/name into folder if its content still has the digest; a name that is taken there gets an addition. */
int intake_retire(const char *drop, const char *name, const struct digest *digest, const char *folder);
/* The same whatever the content: for files that cannot be taken. */
int intake_set_aside(const char *drop, const char *name, const char *folder);

#endif
