#include "edge/seccomp.h"

#include "edge/log.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* Found by strace over the end-to-end tests, on Debian 12 (glibc 2.36), and widened to the neighbours that other versions of glibc, libuv and
 * NNG use for the same. A call the architecture does not have is passed over by libseccomp. */
static const char *const allowed[] = {
    /* bytes of connections and files */
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2", "lseek", "_llseek", "close",
    "recvfrom", "recvmsg", "recvmmsg", "sendto", "sendmsg", "sendmmsg", "accept", "accept4", "connect", "bind", "shutdown",
    "getpeername", "getsockname", "getsockopt", "setsockopt", "socketpair", "pipe", "pipe2", "dup", "dup2", "dup3", "fcntl", "fcntl64",
    /* the store, and reading the configuration and certificates again */
    "open", "openat", "stat", "stat64", "lstat", "lstat64", "fstat", "fstat64", "fstatat64", "newfstatat", "statx", "statfs", "statfs64", "fstatfs", "fstatfs64",
    "access", "faccessat", "readlink", "readlinkat", "getcwd", "getdents", "getdents64", "unlink", "unlinkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat",
    "ftruncate", "ftruncate64", "fallocate", "fsync", "fdatasync", "sync_file_range", "msync", "fadvise64", "fadvise64_64", "flock",
    /* waiting and time */
    "poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
    "eventfd", "eventfd2", "timerfd_create", "timerfd_settime", "clock_gettime", "clock_gettime64", "clock_getres", "clock_nanosleep", "clock_nanosleep_time64",
    "nanosleep", "gettimeofday", "time", "restart_syscall",
    /* memory and threads */
    "brk", "munmap", "mremap", "madvise", "futex", "futex_time64", "futex_waitv", "set_robust_list", "rseq", "membarrier", "sched_yield", "sched_getaffinity",
    "getcpu", "exit", "exit_group",
    /* signals */
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "rt_sigpending", "sigaltstack",
    /* what it is and where */
    "getpid", "getppid", "gettid", "getuid", "getuid32", "geteuid", "geteuid32", "getgid", "getgid32", "getegid", "getegid32", "uname", "sysinfo", "getrusage", "getrandom",
};

/* Only with such arguments. */
static const struct {
    const char *name;
    unsigned count;
    struct scmp_arg_cmp arguments[1];
} conditional[] = {
    /* No memory that can be written and run: shared objects of name services are still loaded. */
    { "mmap", 1, { { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } } },
    { "mmap", 1, { { 2, SCMP_CMP_MASKED_EQ, PROT_WRITE, 0 } } },
    { "mmap2", 1, { { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } } },
    { "mmap2", 1, { { 2, SCMP_CMP_MASKED_EQ, PROT_WRITE, 0 } } },
    { "mprotect", 1, { { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } } },
    { "clone", 1, { { 0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD } } },
    { "socket", 1, { { 0, SCMP_CMP_EQ, AF_UNIX, 0 } } },
    { "socket", 1, { { 0, SCMP_CMP_EQ, AF_INET, 0 } } },
    { "socket", 1, { { 0, SCMP_CMP_EQ, AF_INET6, 0 } } },
    { "socket", 1, { { 0, SCMP_CMP_EQ, AF_NETLINK, 0 } } }, /* getaddrinfo asks which addresses this machine has */
    { "prctl", 1, { { 0, SCMP_CMP_EQ, PR_SET_NAME, 0 } } },
    { "prlimit64", 1, { { 2, SCMP_CMP_EQ, 0, 0 } } },
    { "ioctl", 1, { { 1, SCMP_CMP_EQ, FIONREAD, 0 } } },
    { "ioctl", 1, { { 1, SCMP_CMP_EQ, FIONBIO, 0 } } },
    { "ioctl", 1, { { 1, SCMP_CMP_EQ, TCGETS, 0 } } },
};

/* Tried first by newer libraries, which fall back when told that there is no such call. clone3 has its flags where a filter cannot see them. */
static const char *const unknown[] = { "clone3", "faccessat2", "openat2", "fchmodat2", "close_range", "io_uring_setup", "io_uring_enter", "io_uring_register" };

/* Nothing here has a use for it. */
static const char *const deadly[] = {
    "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "mount", "umount", "umount2", "move_mount",
    "open_tree", "fsopen", "fsmount", "mount_setattr", "pivot_root", "chroot", "unshare", "setns", "bpf", "perf_event_open", "userfaultfd", "init_module",
    "finit_module", "delete_module", "kexec_load", "kexec_file_load", "add_key", "request_key", "keyctl", "reboot", "swapon", "swapoff", "settimeofday",
    "clock_settime", "personality", "setuid", "setgid", "setresuid", "setresgid", "setgroups", "capset", "open_by_handle_at", "name_to_handle_at", "iopl", "ioperm",
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static bool fail(int error)
{
    log_event(LOG_LEVEL_ERROR, "system calls not restricted", "reason", strerror(-error), "cure", "process.seccomp: off, if this kernel has no seccomp", NULL);
    return false;
}

/* A name this version of libseccomp does not know is one its kernel headers did not have: it cannot be on a list then, and is refused like
 * everything that is not. */
static int add(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned count, const struct scmp_arg_cmp *arguments)
{
    int number = seccomp_syscall_resolve_name(name);
    int result = number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(filter, action, number, count, arguments);
    return result == -EDOM || result == -EEXIST ? 0 : result;
}

static int add_all(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++) result = add(filter, action, names[i], 0, NULL);
    return result;
}

static int load(scmp_filter_ctx filter)
{
    int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    /* A tree, not a list: more than a hundred comparisons at each call would cost as much as some calls. */
    if (result == 0) result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    return result == 0 ? seccomp_load(filter) : result;
}

static bool is_off(const char *mode)
{
    return SANITIZED || strcmp(mode, "off") == 0;
}

bool syscalls_prepare(const char *mode)
{
    static const char *const names[] = { "io_uring_setup", "io_uring_enter", "io_uring_register" };
    if (is_off(mode)) return true;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int result = filter ? add_all(filter, SCMP_ACT_ERRNO(ENOSYS), names, COUNT(names)) : -ENOMEM;
    if (result == 0) result = load(filter);
    seccomp_release(filter);
    return result == 0 || fail(result);
}

static int fill(scmp_filter_ctx filter, bool enforce)
{
    int result = add_all(filter, SCMP_ACT_ALLOW, allowed, COUNT(allowed));
    for (size_t i = 0; result == 0 && i < COUNT(conditional); i++)
        result = add(filter, SCMP_ACT_ALLOW, conditional[i].name, conditional[i].count, conditional[i].arguments);
    struct scmp_arg_cmp own_process = { 0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0 };
    if (result == 0) result = add(filter, SCMP_ACT_ALLOW, "tgkill", 1, &own_process); /* abort(3) */
    if (result == 0) result = add_all(filter, SCMP_ACT_ERRNO(ENOSYS), unknown, COUNT(unknown));
    if (result == 0 && enforce) result = add_all(filter, SCMP_ACT_KILL_PROCESS, deadly, COUNT(deadly));
    return result;
}

bool syscalls_restrict(const char *mode)
{
    if (is_off(mode)) {
        log_event(LOG_LEVEL_WARNING, "system calls not restricted", "reason", SANITIZED ? "this is a build with a sanitizer" : "process.seccomp is off", NULL);
        return true;
    }
    bool enforce = strcmp(mode, "enforce") == 0;
    scmp_filter_ctx filter = seccomp_init(enforce ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_LOG);
    int result = filter ? fill(filter, enforce) : -ENOMEM;
    if (result == 0) result = load(filter);
    seccomp_release(filter);
    return result == 0 || fail(result);
}
