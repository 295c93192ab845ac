#include "disk_faults.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct disk_faults disk_faults;

#define PAGE 4096u

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset);
ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset);
ssize_t writev(int fd, const struct iovec *parts, int count);
int fdatasync(int fd);

static int take(_Atomic int *fault)
{
    return atomic_exchange(fault, 0);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    int is_meta = (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
    int error = is_meta ? take(&disk_faults.meta_write_errno) : size >= PAGE ? take(&disk_faults.data_write_errno) : 0;

    if (error) {
        errno = error;
        return -1;
    }
    if (!is_meta && size > PAGE && take(&disk_faults.short_write))
        size = PAGE;
    if (is_meta)
        atomic_fetch_add(&disk_faults.syncs, 1);
    return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset)
{
    return pwrite(fd, bytes, size, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    int error = count > 1 ? take(&disk_faults.data_write_errno) : 0;

    if (error) {
        errno = error;
        return -1;
    }
    if (count > 1 && take(&disk_faults.short_write))
        count = 1;
    return syscall(SYS_writev, fd, parts, count);
}

int fdatasync(int fd)
{
    int error = take(&disk_faults.sync_errno);

    if (error) {
        errno = error;
        return -1;
    }
    atomic_fetch_add(&disk_faults.syncs, 1);
    return (int)syscall(SYS_fdatasync, fd);
}
