#include "result.h"

#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool write_all(int fd, struct qiao_bytes bytes)
{
    while (bytes.size) {
        ssize_t written = write(fd, bytes.data, bytes.size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes = qiao_bytes(bytes.data + written, bytes.size - (size_t)written);
    }
    return true;
}

static int write_file(const char *path, struct qiao_bytes bytes, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    bool written = fd >= 0 && write_all(fd, bytes);
    int failure = written ? 0 : errno;

    if (fd >= 0 && close(fd) && written) {
        failure = errno;
        written = false;
    }
    if (written)
        return CTL_OK;
    if (fd >= 0)
        unlink(path);
    return command_fail(CTL_NO, "cannot write %s: %s", path, strerror(failure));
}

int result_write(const char *path, struct qiao_bytes bytes, mode_t mode)
{
    if (path)
        return write_file(path, bytes, mode);
    if (isatty(STDOUT_FILENO) && !text_is_utf8((const char *)bytes.data, bytes.size))
        return command_fail(CTL_NO, "the result is not text: give --output FILE, or let standard output go elsewhere than to a terminal");
    if (!write_all(STDOUT_FILENO, bytes))
        return command_fail(CTL_NO, "cannot write to standard output: %s", strerror(errno));
    return CTL_OK;
}
