/* Names in a folder that have just been closed after writing or moved into place, told by inotify. */
#ifndef CSV_WATCH_H
#define CSV_WATCH_H

#include <stdbool.h>

/* A descriptor that becomes readable, or -errno. */
int watch_open(const char *folder);

/* Reads what has come without waiting. True if events were lost: the folder must be looked through. */
bool watch_read(int fd, void (*each)(void *context, const char *name), void *context);

#endif
