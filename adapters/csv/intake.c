#include "intake.h"

#include "base/durable.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A path that is too long becomes the empty one, which no call finds. */
static void join(char path[PATH_MAX], const char *folder, const char *name)
{
    if (snprintf(path, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
        path[0] = 0;
}

static void path_of_copy(char path[PATH_MAX], const char *state, const struct digest *digest)
{
    char text[DIGEST_TEXT_SIZE];
    digest_format(digest, text);
    snprintf(path, PATH_MAX, "%s/work/%s", state, text);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define CLOSED __attribute__((cleanup(close_fd))) int

static void close_folder(DIR **folder)
{
    if (*folder)
        closedir(*folder);
}

/* Renames without overwriting; a name that is taken gets ".2", ".3", … */
static int move_into(const char *path, const char *folder, const char *name)
{
    for (unsigned i = 1; i < 10000; i++) {
        char target[PATH_MAX];
        int size = i == 1 ? snprintf(target, sizeof target, "%s/%s", folder, name) : snprintf(target, sizeof target, "%s/%s.%u", folder, name, i);
        if (size < 0 || (size_t)size >= sizeof target)
            return -ENAMETOOLONG;
        if (renameat2(AT_FDCWD, path, AT_FDCWD, target, RENAME_NOREPLACE) == 0)
            return durable_sync_folder(folder);
        if (errno != EEXIST)
            return -errno;
    }
    return -EEXIST;
}

static int for_each_name(const char *path, int (*each)(const char *folder, const char *name, void *context), void *context)
{
    __attribute__((cleanup(close_folder))) DIR *folder = opendir(path);
    if (!folder)
        return -errno;
    int r = 0;
    for (struct dirent *entry; r == 0 && (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            r = each(path, entry->d_name, context);
    return r;
}

static int put_back(const char *folder, const char *name, void *context)
{
    char path[PATH_MAX];
    join(path, folder, name);
    return move_into(path, context, name);
}

int intake_prepare(const char *drop, const char *state)
{
    char leaving[PATH_MAX], work[PATH_MAX];
    join(leaving, drop, ".leaving");
    join(work, state, "work");
    int r = durable_make_folder(leaving);
    if (r == 0)
        r = durable_make_folder(work);
    return r < 0 ? r : for_each_name(leaving, put_back, (void *)(uintptr_t)drop);
}

/* A read lease is refused while anybody has the file open for writing. Where leases are not to be had, the caller's waiting must do. */
static bool is_being_written(int fd)
{
    if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
        fcntl(fd, F_SETLEASE, F_UNLCK);
        return false;
    }
    return errno == EAGAIN;
}

static bool same_state(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int copy_content(int from, const char *path, uint64_t bytes_max, struct digest *ret_digest)
{
    struct stat before, after;
    CLOSED to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (to < 0 || fstat(from, &before) < 0)
        return -errno;
    uint64_t size;
    int r = digest_file(from, to, bytes_max, ret_digest, &size);
    if (r == -EFBIG)
        return INTAKE_TOO_LARGE;
    if (r < 0)
        return r;
    if (fsync(to) < 0 || fstat(from, &after) < 0)
        return -errno;
    return same_state(&before, &after) && size == (uint64_t)after.st_size && !is_being_written(from) ? INTAKE_OK : INTAKE_WRITING;
}

static int open_source(const char *path, int *ret_fd)
{
    struct stat status;
    *ret_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*ret_fd < 0)
        return errno == ENOENT ? INTAKE_GONE : errno == ELOOP || errno == ENXIO ? INTAKE_NO_FILE : -errno;
    if (fstat(*ret_fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return INTAKE_NO_FILE;
    return is_being_written(*ret_fd) ? INTAKE_WRITING : INTAKE_OK;
}

int intake_copy(const char *drop, const char *name, const char *state, uint64_t bytes_max, struct digest *ret_digest)
{
    char source[PATH_MAX], begun[PATH_MAX], finished[PATH_MAX], work[PATH_MAX];
    join(source, drop, name);
    join(work, state, "work");
    join(begun, work, "begun");
    CLOSED from = -1;
    int r = open_source(source, &from);
    if (r == 0)
        r = copy_content(from, begun, bytes_max, ret_digest);
    if (r != 0)
        return r;
    path_of_copy(finished, state, ret_digest);
    if (rename(begun, finished) < 0)
        return -errno;
    return durable_sync_folder(work);
}

int intake_open_copy(const char *state, const struct digest *digest)
{
    char path[PATH_MAX];
    path_of_copy(path, state, digest);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int intake_remove_copy(const char *state, const struct digest *digest)
{
    char path[PATH_MAX];
    path_of_copy(path, state, digest);
    return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

struct sweep {
    bool (*keep)(void *context, const struct digest *digest);
    void *context;
};

static int sweep_one(const char *folder, const char *name, void *context)
{
    const struct sweep *sweep = context;
    struct digest digest;
    if (digest_parse(name, &digest) && sweep->keep(sweep->context, &digest))
        return 0;
    char path[PATH_MAX];
    join(path, folder, name);
    return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int intake_sweep(const char *state, bool (*keep)(void *context, const struct digest *digest), void *context)
{
    char work[PATH_MAX];
    join(work, state, "work");
    struct sweep sweep = { keep, context };
    return for_each_name(work, sweep_one, &sweep);
}

static int has_digest(const char *path, const struct digest *digest)
{
    CLOSED fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? INTAKE_GONE : -errno;
    struct digest now;
    uint64_t size;
    int r = digest_file(fd, -1, UINT64_MAX, &now, &size);
    return r < 0 ? r : digest_equal(&now, digest) ? INTAKE_OK : INTAKE_CHANGED;
}

/* First out of everybody's sight, then looked at: between the look and the move nobody can change what the name means. */
int intake_retire(const char *drop, const char *name, const struct digest *digest, const char *folder)
{
    char source[PATH_MAX], aside[PATH_MAX];
    join(source, drop, name);
    int size = snprintf(aside, sizeof aside, "%s/.leaving/%s", drop, name);
    if (size < 0 || (size_t)size >= sizeof aside)
        return -ENAMETOOLONG;
    if (rename(source, aside) < 0)
        return errno == ENOENT ? INTAKE_GONE : -errno;
    int r = has_digest(aside, digest);
    if (r == INTAKE_OK)
        return move_into(aside, folder, name);
    if (r != INTAKE_CHANGED)
        return r;
    r = move_into(aside, drop, name);
    return r < 0 ? r : INTAKE_CHANGED;
}

int intake_set_aside(const char *drop, const char *name, const char *folder)
{
    char source[PATH_MAX];
    join(source, drop, name);
    int r = move_into(source, folder, name);
    return r == -ENOENT ? INTAKE_GONE : r;
}
