#include "watch.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

int watch_open(const char *folder)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (inotify_add_watch(fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

bool watch_read(int fd, void (*each)(void *context, const char *name), void *context)
{
    _Alignas(struct inotify_event) char buffer[16384];
    bool lost = false;
    ssize_t size;
    while ((size = read(fd, buffer, sizeof buffer)) > 0)
        for (size_t at = 0; at < (size_t)size;) {
            struct inotify_event event;
            memcpy(&event, buffer + at, sizeof event);
            if (event.mask & (IN_Q_OVERFLOW | IN_IGNORED))
                lost = true;
            else if (event.len > 0 && !(event.mask & IN_ISDIR))
                each(context, buffer + at + offsetof(struct inotify_event, name));
            at += sizeof event + event.len;
        }
    return lost;
}
