#include "durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int durable_make_folder(const char *path)
{
    char part[PATH_MAX];
    if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part)
        return -ENAMETOOLONG;
    for (char *slash = part; (slash = strchr(slash + 1, '/'));) {
        *slash = 0;
        if (mkdir(part, 0750) < 0 && errno != EEXIST)
            return -errno;
        *slash = '/';
    }
    if (mkdir(part, 0750) < 0 && errno != EEXIST)
        return -errno;
    struct stat status;
    if (stat(part, &status) < 0)
        return -errno;
    return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
}

int durable_sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return r;
}

int durable_write(int fd, struct qiao_bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t written = write(fd, bytes.data, bytes.size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        bytes.data += written;
        bytes.size -= (size_t)written;
    }
    return 0;
}

/* Calls each for every whole line and tells where the last one ends. */
static int read_lines(int fd, int (*each)(void *, char *), void *context, off_t *ret_end)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    FILE *stream = copy < 0 ? NULL : fdopen(copy, "r");
    if (!stream)
        return -errno;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    int r = 0;
    *ret_end = 0;
    while (r >= 0 && (size = getline(&line, &capacity, stream)) > 0 && line[size - 1] == '\n') {
        *ret_end += size;
        line[size - 1] = 0;
        r = each ? each(context, line) : 0;
    }
    if (r >= 0 && ferror(stream))
        r = -EIO;
    free(line);
    fclose(stream);
    return r < 0 ? r : 0;
}

static int cut_tail(struct line_file *file, off_t end)
{
    off_t size = lseek(file->fd, 0, SEEK_END);
    if (size < 0)
        return -errno;
    file->fresh = end == 0;
    if (size > end && (ftruncate(file->fd, end) < 0 || fsync(file->fd) < 0))
        return -errno;
    return lseek(file->fd, end, SEEK_SET) < 0 ? -errno : 0;
}

int line_file_open(struct line_file *file, const char *folder, const char *path, int (*each)(void *context, char *line), void *context)
{
    *file = (struct line_file){ .fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640) };
    if (file->fd < 0)
        return -errno;
    off_t end = 0;
    int r = durable_sync_folder(folder);
    if (r == 0)
        r = read_lines(file->fd, each, context, &end);
    if (r == 0)
        r = cut_tail(file, end);
    if (r < 0)
        line_file_close(file);
    return r;
}

/* A short write (disk full) leaves a torn tail behind which the next append must not go. */
int line_file_append(struct line_file *file, struct qiao_bytes lines)
{
    off_t before = lseek(file->fd, 0, SEEK_CUR);
    if (before < 0)
        return -errno;
    int r = durable_write(file->fd, lines);
    if (r < 0 && (ftruncate(file->fd, before) < 0 || lseek(file->fd, before, SEEK_SET) < 0))
        return -errno;
    file->dirty = file->dirty || r == 0;
    return r;
}

int line_file_sync(struct line_file *file)
{
    if (!file->dirty)
        return 0;
    if (fdatasync(file->fd) < 0)
        return -errno;
    file->dirty = false;
    return 0;
}

void line_file_close(struct line_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    *file = (struct line_file){ .fd = -1 };
}
