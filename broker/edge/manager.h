/* Tells the service manager how the node is: the protocol of sd_notify(3), datagrams to the socket named by NOTIFY_SOCKET. Without that
 * variable every call does nothing. */
#ifndef EDGE_MANAGER_H
#define EDGE_MANAGER_H

#include <sys/socket.h>
#include <sys/un.h>
#include <uv.h>

struct manager {
    struct sockaddr_un address;
    socklen_t address_size;        /* 0: nobody wants to know */
    uv_timer_t watchdog;
};

/* Reads the environment. If a watchdog is on, it is fed from the loop, twice in its time: a loop that hangs is noticed. The timer is
 * closed by the loop's walk. */
void manager_init(struct manager *manager, uv_loop_t *loop);
/* Started, or done with a reload. */
void manager_ready(struct manager *manager);
void manager_reloading(struct manager *manager);
void manager_stopping(struct manager *manager);

#endif
