/* A client of the node for the length of one command: connects, waits, listens to Ctrl-C, explains failure. */
#ifndef CTL_SESSION_H
#define CTL_SESSION_H

#include "command.h"

#include <qiao/client.h>

/* Stands first in the context of every command, because it is what the handler's callbacks get. */
struct ctl_session {
    struct qiao_client *client;
    const struct globals *globals;
    bool stop;             /* set by a callback: ctl_session_run returns */
    bool interrupted;      /* SIGINT or SIGTERM came */
    bool child_ended;      /* SIGCHLD came; cleared by who looks after the child */
    bool report_links;     /* tell standard error when the link goes down and comes up again */
    unsigned ups, downs;   /* how often the link came up and went down */
    int signal_fd;
    unsigned down_code;
    char down_reason[256];
};

struct ctl_session_options {
    const char *member;
    const char *outbox;
    const char *sign_with, *sign_key, *sign_passphrase_file; /* the member's own certificate and key, or NULL: its node signs for it */
    uint64_t window_messages;
    uint64_t window_bytes;
    uint64_t delivery_messages;
    bool watch_children;
};

/* Starts dialling. handler must outlive the session, and its link member be ctl_session_link. CTL_OK, or the exit status after a message to
 * standard error. */
int ctl_session_open(struct ctl_session *session, const struct globals *globals, const struct ctl_session_options *options,
                     const struct qiao_client_handler *handler);

/* Waits until the link is up, for the global --timeout. CTL_OK or CTL_NO_NODE with a message. */
int ctl_session_connect(struct ctl_session *session);

/* For the handler. */
void ctl_session_link(void *context, bool up, unsigned code, const char *reason);

/* Dispatches until a callback sets stop, a signal comes, or deadline_ns of the steady clock passes (UINT64_MAX: never).
 * 0, QIAO_CLIENT_TIMEOUT, or what made the client fail. */
int ctl_session_run(struct ctl_session *session, uint64_t deadline_ns);

/* The exit status for a failed call of the client, with a message that names the node and the cure. */
int ctl_session_fail(const struct ctl_session *session, int result);

/* Says goodbye if the link is up, and frees the client. For __attribute__((cleanup)). */
void ctl_session_close(struct ctl_session *session);

#endif
