/* A process with the filter: what a broker does still works in every thread, what it never does ends it or is refused. */
#include "edge/seccomp.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FILTERS false
#else
#define FILTERS true
#endif

/* Runs attempt under the filter in a child; its exit status, or minus the signal that ended it. */
static int under(const char *mode, int (*attempt)(void))
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (!syscalls_prepare(mode) || !syscalls_restrict(mode)) _exit(100);
        _exit(attempt());
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return 1;
}

static int trace(void)
{
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    return 1;
}

static int mount_something(void)
{
    mount("none", "/", NULL, MS_REMOUNT | MS_BIND, NULL);
    return 1;
}

static int change_user(void)
{
    syscall(SYS_setresuid, -1, -1, -1); /* by itself: the C library's asks other threads first */
    return 1;
}

static int new_namespace(void)
{
    unshare(CLONE_NEWUSER);
    return 1;
}

Test(seccomp, what_only_an_intruder_does_ends_the_process)
{
    static int (*const attempts[])(void) = { run_program, trace, mount_something, change_user, new_namespace };
    if (!FILTERS) cr_skip("no filter with a sanitizer");
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) cr_expect_eq(under("enforce", attempts[i]), -SIGSYS, "attempt %zu", i);
}

static int refused_with(long result, int error)
{
    return result == -1 && errno == error ? 0 : 1;
}

static int make_process(void) { return refused_with(fork(), EPERM); }
static int listen_anew(void) { return refused_with(listen(socket(AF_INET, SOCK_STREAM, 0), 1), EPERM); }
static int raw_packets(void) { return refused_with(socket(AF_PACKET, SOCK_RAW, 0), EPERM); }
static int change_mode(void) { return refused_with(chmod("/", 0755), EPERM); }
static int signal_others(void) { return refused_with(kill(getppid(), 0), EPERM); }
static int kill_by_thread(void) { return refused_with(syscall(SYS_tgkill, getppid(), getppid(), 0), EPERM); }
static int become_dumpable(void) { return refused_with(syscall(SYS_prctl, 4 /* PR_SET_DUMPABLE */, 1, 0, 0, 0), EPERM); }
static int start_ring(void) { return refused_with(syscall(SYS_io_uring_setup, 8, NULL), ENOSYS); }

static int code_in_data(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED) return 1;
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? 2 : refused_with(mprotect(page, 4096, PROT_READ | PROT_EXEC), EPERM);
}

Test(seccomp, what_is_not_on_the_list_is_refused)
{
    static int (*const attempts[])(void) = { make_process, listen_anew, raw_packets, change_mode, signal_others, kill_by_thread, become_dumpable, start_ring, code_in_data };
    if (!FILTERS) cr_skip("no filter with a sanitizer");
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) cr_expect_eq(under("enforce", attempts[i]), 0, "attempt %zu", i);
}

Test(seccomp, the_early_filter_only_takes_the_ring)
{
    if (!FILTERS) cr_skip("no filter with a sanitizer");
    pid_t child = fork();
    if (child == 0) _exit(syscalls_prepare("enforce") && start_ring() == 0 && access("/", R_OK) == 0 ? 0 : 1);
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect_eq(status, 0);
}

static void *add_one(void *number)
{
    ++*(int *)number;
    return NULL;
}

static int use_threads(void)
{
    pthread_t thread;
    int number = 0;
    if (pthread_create(&thread, NULL, add_one, &number) != 0) return 1;
    return pthread_join(thread, NULL) == 0 && number == 1 ? 0 : 2;
}

static int use_files(void)
{
    char text[8];
    FILE *file = fopen("/proc/self/comm", "re");
    if (!file || !fgets(text, sizeof text, file)) return 1;
    fclose(file);
    void *map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return map != MAP_FAILED && msync(map, 4096, MS_SYNC) == 0 ? 0 : 2;
}

static int use_memory(void)
{
    void *large = malloc(64u << 20);
    void *larger = realloc(large, 128u << 20);
    free(larger);
    return larger ? 0 : 1;
}

static int use_names(void)
{
    struct addrinfo *found = NULL;
    if (getaddrinfo("localhost", "7700", &(struct addrinfo){ .ai_socktype = SOCK_STREAM }, &found) != 0) return 1;
    freeaddrinfo(found);
    return getaddrinfo("no-such-host.invalid", "7700", NULL, &found) != 0 ? 0 : 2; /* refused by name service, not by a signal */
}

Test(seccomp, what_a_broker_does_still_works)
{
    static int (*const attempts[])(void) = { use_threads, use_files, use_memory, use_names };
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) cr_expect_eq(under("enforce", attempts[i]), 0, "attempt %zu", i);
}

static int fail_an_assertion(void)
{
    abort();
}

Test(seccomp, a_failed_assertion_is_still_an_abort)
{
    cr_expect_eq(under("enforce", fail_an_assertion), -SIGABRT);
}

/* Threads that were there before are held to the same list. */
static pthread_barrier_t barrier;

static void *wait_and_exec(void *unused)
{
    pthread_barrier_wait(&barrier);
    run_program();
    return unused;
}

Test(seccomp, every_thread_has_the_filter)
{
    if (!FILTERS) cr_skip("no filter with a sanitizer");
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        pthread_barrier_init(&barrier, NULL, 2);
        if (!syscalls_prepare("enforce") || pthread_create(&thread, NULL, wait_and_exec, NULL) != 0 || !syscalls_restrict("enforce")) _exit(100);
        pthread_barrier_wait(&barrier);
        pthread_join(thread, NULL);
        _exit(1);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "status %x", status);
}

Test(seccomp, off_and_log_let_everything_pass)
{
    cr_expect_eq(under("off", run_program), 0, "the program ran");
    cr_expect_eq(under("log", run_program), 0, "the program ran");
}
