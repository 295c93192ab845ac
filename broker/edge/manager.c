#include "edge/manager.h"

#include "edge/log.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A new socket each time, as sd_notify does: it works after the manager was restarted too, and nothing is held open for years. */
static void tell(const struct manager *manager, const char *state)
{
    if (manager->address_size == 0) return;
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ssize_t sent = descriptor < 0 ? -1 : sendto(descriptor, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&manager->address, manager->address_size);
    if (sent < 0) log_event(LOG_LEVEL_WARNING, "service manager not told", "state", state, "reason", strerror(errno), NULL);
    if (descriptor >= 0) close(descriptor);
}

/* "/path", or "@name" in the abstract namespace (unix(7)), whose first byte is 0 and whose size is without a last one. */
static void read_address(struct manager *manager, const char *text)
{
    size_t size = text ? strlen(text) : 0;
    if (size == 0) return;
    if ((text[0] != '/' && text[0] != '@') || size < 2 || size >= sizeof manager->address.sun_path) {
        log_event(LOG_LEVEL_WARNING, "service manager not told", "reason", "NOTIFY_SOCKET is neither a path nor a name behind @ that fits a socket's address", NULL);
        return;
    }
    manager->address.sun_family = AF_UNIX;
    memcpy(manager->address.sun_path, text, size);
    if (text[0] == '@') manager->address.sun_path[0] = '\0';
    manager->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + (text[0] == '/'));
}

static void on_watchdog(uv_timer_t *timer)
{
    tell(timer->data, "WATCHDOG=1");
}

static uint64_t read_number(const char *name)
{
    const char *text = getenv(name);
    char *end = NULL;
    errno = 0;
    unsigned long long number = text && *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    return errno == 0 && end && *end == '\0' ? number : 0;
}

/* sd_watchdog_enabled(3): meant for this process, or for whichever. */
static uint64_t read_watchdog_ms(void)
{
    uint64_t process = read_number("WATCHDOG_PID");
    return process != 0 && process != (uint64_t)getpid() ? 0 : read_number("WATCHDOG_USEC") / 1000;
}

void manager_init(struct manager *manager, uv_loop_t *loop)
{
    *manager = (struct manager){ 0 };
    read_address(manager, getenv("NOTIFY_SOCKET"));
    uv_timer_init(loop, &manager->watchdog);
    manager->watchdog.data = manager;
    uint64_t watchdog_ms = manager->address_size > 0 ? read_watchdog_ms() : 0;
    if (watchdog_ms > 1) uv_timer_start(&manager->watchdog, on_watchdog, watchdog_ms / 2, watchdog_ms / 2);
}

void manager_ready(struct manager *manager)
{
    tell(manager, "READY=1");
}

void manager_reloading(struct manager *manager)
{
    struct timespec now;
    char state[64];
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    tell(manager, state);
}

void manager_stopping(struct manager *manager)
{
    tell(manager, "STOPPING=1");
}
