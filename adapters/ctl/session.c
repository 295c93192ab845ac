#include "session.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* How long a command that has what it wanted waits for the goodbye. */
#define CLOSE_MS 2000

static int watch_signals(struct ctl_session *session, bool children);
static int wait_for_event(struct ctl_session *session, uint64_t deadline_ns);
static void read_signals(struct ctl_session *session);

int ctl_session_open(struct ctl_session *session, const struct globals *globals, const struct ctl_session_options *options,
                     const struct qiao_client_handler *handler)
{
    const struct qiao_client_options client_options = {
        .node = globals->node,
        .member = options->member,
        .certificate_file = globals->certificate_file,
        .key_file = globals->key_file,
        .ca_file = globals->ca_file,
        .outbox = options->outbox,
        .sign_certificate_file = options->sign_with,
        .sign_key_file = options->sign_key,
        .sign_passphrase_file = options->sign_passphrase_file,
        .window_messages = (uint32_t)options->window_messages,
        .window_bytes = options->window_bytes,
        .delivery_messages = (uint32_t)options->delivery_messages,
        .owns_nng = true,
    };
    char error[512] = "";
    int result;

    session->globals = globals;
    session->signal_fd = -1;
    if (!globals->node)
        return command_fail(CTL_WRONG_USE, "which node? Give --node URL or set QIAO_NODE, for example to ipc:///run/qiao/node");
    /* Before the client starts threads, so that they inherit the mask and signals come to our descriptor only. */
    result = watch_signals(session, options->watch_children);
    if (result)
        return command_fail(CTL_NO, "cannot listen to signals: %s", strerror(-result));
    result = qiao_client_new(&client_options, handler, session, &session->client, error, sizeof(error));
    if (result == QIAO_CLIENT_INVALID || result == -EINVAL)
        return command_fail(CTL_WRONG_USE, "cannot use node %s: %s", globals->node, error);
    if (result)
        return command_fail(CTL_NO, "cannot start a client of %s: %s", globals->node, *error ? error : strerror(result < 0 ? -result : EIO));
    return CTL_OK;
}

static int watch_signals(struct ctl_session *session, bool children)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    if (children)
        sigaddset(&signals, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &signals, NULL))
        return -errno;
    session->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    return session->signal_fd < 0 ? -errno : 0;
}

int ctl_session_connect(struct ctl_session *session)
{
    uint64_t deadline_ns = clock_deadline_ns(session->globals->timeout_ms);

    while (!qiao_client_is_up(session->client)) {
        int result = ctl_session_run(session, deadline_ns);
        if (result)
            return ctl_session_fail(session, result);
        if (session->interrupted)
            return CTL_NO_NODE;
    }
    return CTL_OK;
}

/* The first time up is what everybody expects. */
static void report_link(const struct ctl_session *session, bool up, unsigned code, const char *reason)
{
    if (session->ups + session->downs < 2)
        return;
    if (!*reason && code)
        reason = qiao_code_text(code);
    fprintf(stderr, "qiao: link to %s is %s%s%s\n", session->globals->node, up ? "up again" : "down", up || !*reason ? "" : ": ", up ? "" : reason);
}

void ctl_session_link(void *context, bool up, unsigned code, const char *reason)
{
    struct ctl_session *session = context;

    session->stop = true; /* whoever waits looks at the link again */
    if (up) {
        session->ups++;
    } else {
        session->downs++;
        session->down_code = code;
        snprintf(session->down_reason, sizeof(session->down_reason), "%s", reason ? reason : "");
    }
    if (session->report_links)
        report_link(session, up, code, reason ? reason : "");
}

int ctl_session_run(struct ctl_session *session, uint64_t deadline_ns)
{
    session->stop = false;
    for (;;) {
        int result = qiao_client_dispatch(session->client);
        if (result)
            return result;
        if (session->stop || session->interrupted || session->child_ended)
            return 0;
        if (clock_steady_ns() >= deadline_ns) {
            read_signals(session); /* who is always late, as a bench that cannot keep its rate, never waits below */
            return QIAO_CLIENT_TIMEOUT;
        }
        result = wait_for_event(session, deadline_ns);
        if (result)
            return result;
    }
}

static void read_signals(struct ctl_session *session)
{
    struct signalfd_siginfo info;

    while (read(session->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            session->child_ended = true;
        else
            session->interrupted = true;
    }
}

/* Sleeps in nanoseconds, not milliseconds: a bench at a fixed rate would be late by half a millisecond otherwise. */
static int wait_for_event(struct ctl_session *session, uint64_t deadline_ns)
{
    struct pollfd polls[2] = { { qiao_client_fd(session->client), POLLIN, 0 }, { session->signal_fd, POLLIN, 0 } };
    int timeout_ms = qiao_client_timeout_ms(session->client);
    uint64_t now_ns = clock_steady_ns(), wait_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    struct timespec wait;

    if (timeout_ms >= 0 && (uint64_t)timeout_ms * CLOCK_NS_PER_MS < wait_ns)
        wait_ns = (uint64_t)timeout_ms * CLOCK_NS_PER_MS;
    wait.tv_sec = (time_t)(wait_ns / CLOCK_NS_PER_S);
    wait.tv_nsec = (long)(wait_ns % CLOCK_NS_PER_S);
    if (ppoll(polls, 2, deadline_ns == UINT64_MAX && timeout_ms < 0 ? NULL : &wait, NULL) < 0)
        return errno == EINTR ? 0 : -errno;
    if (polls[1].revents)
        read_signals(session);
    return 0;
}

int ctl_session_fail(const struct ctl_session *session, int result)
{
    const char *node = session->globals->node, *error = qiao_client_error(session->client);

    if (result == QIAO_CLIENT_REFUSED)
        return command_fail(CTL_NO_NODE, "the node at %s will not have this client: %s", node, error);
    if (result == QIAO_CLIENT_INVALID)
        return command_fail(CTL_WRONG_USE, "%s", error);
    if (result < 0)
        return command_fail(CTL_NO, "%s", error && *error ? error : strerror(-result));
    if (*session->down_reason)
        error = session->down_reason;
    return command_fail(CTL_NO_NODE, "cannot reach the node at %s%s%s. Is qiaod running there? Choose another with --node or QIAO_NODE", node,
                        error && *error ? ": " : "", error && *error ? error : "");
}

void ctl_session_close(struct ctl_session *session)
{
    session->report_links = false; /* that the link now goes down is no news */
    if (session->client && qiao_client_is_up(session->client))
        qiao_client_close(session->client, CLOSE_MS);
    session->client = qiao_client_free(session->client);
    if (session->signal_fd >= 0)
        close(session->signal_fd);
    session->signal_fd = -1;
}
