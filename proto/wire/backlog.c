#include "wire/backlog.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#define BACKLOG 1024 /* the kernel takes less if net.core.somaxconn says so */
/* Listeners are among the first files of a process. */
#define FILES_MAX 4096

static bool listens_on(int fd, unsigned port)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = { 0 };
    socklen_t size = sizeof address, flag_size = sizeof(int);
    int listens = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &flag_size) != 0 || !listens || getsockname(fd, &address.any, &size) != 0)
        return false;
    if (address.any.sa_family == AF_INET)
        return ntohs(address.v4.sin_port) == port;
    return address.any.sa_family == AF_INET6 && ntohs(address.v6.sin6_port) == port;
}

/* NNG does not give its listener's socket away, but it is a file of this process. */
void backlog_widen(unsigned port)
{
    for (int fd = 0; fd < FILES_MAX; fd++)
        if (listens_on(fd, port))
            (void)listen(fd, BACKLOG); /* where it fails, it stays as it is */
}
