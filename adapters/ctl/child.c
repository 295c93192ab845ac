#include "child.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* A file in memory, not a pipe: a child that does not read cannot hold us up. The descriptor, or -errno. */
static int text_as_file(const char *text, size_t size)
{
    int fd = memfd_create("qiao-message", MFD_CLOEXEC), error;

    if (fd < 0)
        return -errno;
    while (size) {
        ssize_t written = write(fd, text, size);
        if (written < 0)
            break;
        text += written;
        size -= (size_t)written;
    }
    if (size == 0 && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    error = errno;
    close(fd);
    return -error;
}

/* The parent blocks the signals it reads from a descriptor; the child must not inherit that. */
static int spawn(pid_t *ret_pid, const char *command, int input_fd)
{
    char shell[] = "sh", option[] = "-c";
    char *const arguments[] = { shell, option, (char *)command, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int error;

    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    error = posix_spawn_file_actions_adddup2(&actions, input_fd, STDIN_FILENO);
    if (!error)
        error = posix_spawn(ret_pid, "/bin/sh", &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -error;
}

int child_start(struct child *child, const char *command, const char *text, size_t text_size)
{
    int fd = text_as_file(text, text_size), result;

    if (fd < 0)
        return fd;
    result = spawn(&child->pid, command, fd);
    close(fd);
    if (result)
        child->pid = 0;
    return result;
}

static int status_of(int wait_status)
{
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -WTERMSIG(wait_status);
}

bool child_finished(struct child *child, int *ret_status)
{
    int wait_status;

    if (!child->pid || waitpid(child->pid, &wait_status, WNOHANG) != child->pid)
        return false;
    child->pid = 0;
    *ret_status = status_of(wait_status);
    return true;
}

void child_stop(struct child *child)
{
    if (!child->pid)
        return;
    kill(child->pid, SIGTERM);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    child->pid = 0;
}
