/* Files that are as they should be after a power cut. Functions return 0 or -errno. */
#ifndef BASE_DURABLE_H
#define BASE_DURABLE_H

#include <qiao/bytes.h>
#include <stdbool.h>
#include <stddef.h>

/* Makes the folder and those above it, mode 0750. */
int durable_make_folder(const char *path);
/* Syncs the folder, so that names made or moved in it stay. */
int durable_sync_folder(const char *path);
/* Writes everything, over short writes and interruptions. */
int durable_write(int fd, struct qiao_bytes bytes);

/* A file of lines to which whole lines are appended. What stands after its last line end is the torn tail of a crash: cut off on opening. */
struct line_file {
    int fd;        /* -1 while closed */
    bool dirty;    /* written and not yet synced */
    bool fresh;    /* was empty when opened */
};

/* Opens or makes the file and calls each (may be NULL) for every line in it, without its line end; the line may be changed in place.
 * folder is synced when the file is made. A negative result of each ends it and is returned. */
int line_file_open(struct line_file *file, const char *folder, const char *path, int (*each)(void *context, char *line), void *context);
/* line holds one or more lines, each with its line end. */
int line_file_append(struct line_file *file, struct qiao_bytes lines);
int line_file_sync(struct line_file *file);
void line_file_close(struct line_file *file);

#endif
