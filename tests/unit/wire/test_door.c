/* The door of a listener: asked before TLS, told of every end, and deaf to those this side dials. */
#include "harness.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
    pthread_mutex_t mutex;
    uint32_t entered, left, left_proved, proved, limit;
    struct wire_source last;
} seen = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static const char *enter(void *context, const struct wire_source *source, uint32_t *ret_place)
{
    (void)context;
    pthread_mutex_lock(&seen.mutex);
    bool open = seen.entered < seen.limit;
    seen.entered += open;
    seen.last = *source;
    *ret_place = open ? seen.entered : 0;
    pthread_mutex_unlock(&seen.mutex);
    return open ? NULL : "the house is full";
}

static void proved(void *context, uint32_t place)
{
    (void)context;
    pthread_mutex_lock(&seen.mutex);
    seen.proved += place > 0;
    pthread_mutex_unlock(&seen.mutex);
}

static void leave(void *context, uint32_t place, bool was_proved)
{
    (void)context;
    pthread_mutex_lock(&seen.mutex);
    seen.left += place > 0;
    seen.left_proved += was_proved;
    pthread_mutex_unlock(&seen.mutex);
}

/* The wire's threads count while the test looks. */
static uint32_t count_of(const uint32_t *counter)
{
    pthread_mutex_lock(&seen.mutex);
    uint32_t value = *counter;
    pthread_mutex_unlock(&seen.mutex);
    return value;
}

static const struct wire_door door = { .enter = enter, .proved = proved, .leave = leave };
static struct certificates *certificates;
static struct node *server, *client;

static void setup(void)
{
    certificates = certificates_new();
    certificates_issue(certificates, "server", CERTIFICATE_P256, CERTIFICATE_GOOD);
    certificates_issue(certificates, "client", CERTIFICATE_P256, CERTIFICATE_GOOD);
    struct wire_tls tls = { .certificate_file = certificates_path(certificates, "server.pem"), .key_file = certificates_path(certificates, "server.key"),
                            .ca_file = certificates_path(certificates, "ca.pem") };
    server = node_new_with(&(struct wire_options){ .tls = &tls, .door = &door, .handshake_ms = 300 });
    client = node_new(certificates, "client", false);
    seen.limit = 2;
}

static void teardown(void)
{
    node_free(client);
    server = node_free(server);
    certificates_free(certificates);
}

static int connect_raw(const char *url)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    address.sin_port = htons((uint16_t)strtoul(strrchr(url, ':') + 1, NULL, 10));
    int raw = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(connect(raw, (struct sockaddr *)&address, sizeof address) == 0);
    return raw;
}

Test(wire_door, who_is_refused_costs_no_handshake, .init = setup, .fini = teardown)
{
    const char *url = wire_endpoint_url(node_listen(server, "tls+tcp://127.0.0.1:0"));
    node_dial(client, url);
    cr_assert(REACHED(server->open_count == 1 && client->open_count == 1, client, server));
    static const uint8_t loopback[16] = { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 };
    cr_expect(memcmp(seen.last.address, loopback, 16) == 0 && !seen.last.local);
    wire_proved(server->links[0].connection);
    wire_proved(server->links[0].connection);
    cr_expect(count_of(&seen.proved) == 1, "told once");
    wire_proved(client->links[0].connection);
    cr_expect(count_of(&seen.proved) == 1, "who was dialled did not come through the door");

    int raw = connect_raw(url);
    int refused = connect_raw(url);
    char byte;
    cr_expect(recv(refused, &byte, 1, 0) <= 0, "closed without a word");
    cr_assert(REACHED(server->accept_failed_count >= 1, server));
    cr_expect(strcmp(server->accept_reason, "the house is full") == 0, "%s", server->accept_reason);
    close(refused);
    /* The one that came in and says nothing is given up after handshake_ms, and has left the door. */
    cr_assert(REACHED(count_of(&seen.left) == 1, server));
    cr_expect(strstr(server->accept_reason, "too long"), "%s", server->accept_reason);
    close(raw);
    wire_close(server->links[0].connection, true);
    cr_assert(REACHED(server->open_count == 0, server, client));
    cr_assert(REACHED(count_of(&seen.left) == 2 && count_of(&seen.left_proved) == 1, server, client));
}

Test(wire_door, local_ones_are_told_as_such, .init = setup, .fini = teardown)
{
    char url[100];
    own_url("ipc:///tmp/qiao-door", url, sizeof url);
    node_listen(server, url);
    node_dial(client, url);
    cr_assert(REACHED(server->open_count == 1, client, server));
    cr_expect(seen.last.local && count_of(&seen.entered) == 1);
}

/* A drop a second would keep a timeout of silence from ever coming: the limit is on the whole. */
Test(wire_door, a_dripping_handshake_ends_in_time, .init = setup, .fini = teardown)
{
    const char *url = wire_endpoint_url(node_listen(server, "tls+tcp://127.0.0.1:0"));
    static const uint8_t hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    int raw = connect_raw(url);
    double start = now_seconds();
    struct node *nodes[] = { server };
    for (size_t i = 0; server->accept_failed_count == 0 && now_seconds() - start < 10; i++) {
        send(raw, hello + (i < sizeof hello ? i : sizeof hello - 1), 1, MSG_NOSIGNAL);
        pump(nodes, 1, 20);
    }
    cr_expect(server->accept_failed_count == 1 && now_seconds() - start < 5, "%.1f s", now_seconds() - start);
    cr_expect(now_seconds() - start > 0.25, "not before it is due: %.2f s", now_seconds() - start);
    close(raw);
}

/* Whoever is in the middle of it when the wire is freed leaves the door too. */
Test(wire_door, the_end_of_the_wire_empties_the_house, .init = setup)
{
    const char *url = wire_endpoint_url(node_listen(server, "tls+tcp://127.0.0.1:0"));
    node_dial(client, url);
    cr_assert(REACHED(server->open_count == 1, client, server));
    int raw = connect_raw(url);
    cr_assert(REACHED(count_of(&seen.entered) == 2, server));
    teardown();
    cr_expect(count_of(&seen.left) == 2);
    close(raw);
}

/* Of a listening socket the kernel tells the room of its backlog as tcpi_sacked (Linux, net/ipv4/tcp.c: tcp_get_info). */
static unsigned backlog_of(const char *url)
{
    in_port_t port = htons((uint16_t)strtoul(strrchr(url, ':') + 1, NULL, 10));
    for (int fd = 3; fd < 1024; fd++) {
        struct sockaddr_in address = { 0 };
        struct tcp_info info = { 0 };
        socklen_t address_size = sizeof address, info_size = sizeof info;
        if (getsockname(fd, (struct sockaddr *)&address, &address_size) != 0 || address.sin_family != AF_INET || address.sin_port != port) continue;
        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &info_size) == 0 && info.tcpi_state == TCP_LISTEN) return info.tcpi_sacked;
    }
    return 0;
}

/* Whom the kernel has no room for it forgets, and they try again a second later, then three, then seven. */
Test(wire_door, a_thousand_may_come_at_once, .init = setup, .fini = teardown)
{
    unsigned most = 0;
    FILE *file = fopen("/proc/sys/net/core/somaxconn", "re");
    cr_assert(file && fscanf(file, "%u", &most) == 1);
    fclose(file);
    unsigned room = backlog_of(wire_endpoint_url(node_listen(server, "tls+tcp://127.0.0.1:0")));
    cr_assert(room >= (most < 1024 ? most : 1024), "room for %u", room);
}
