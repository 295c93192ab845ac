#include "harness.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const struct {
    const char *url;
    bool plain_allowed;
    int expected;
} cases[] = {
    { "tcp://127.0.0.1:0", false, 0 },
    { "tcp://localhost:0", false, 0 },
    { "tcp4://127.0.0.1:0", false, 0 },
    { "tcp://0.0.0.0:0", false, WIRE_E_PLAIN },
    { "tcp://*:0", false, WIRE_E_PLAIN },
    { "tcp://:0", false, WIRE_E_PLAIN },
    { "tcp://192.0.2.7:1", false, WIRE_E_PLAIN },
    { "tcp://127.0.0.1.example:1", false, WIRE_E_PLAIN },
    { "tcp://0.0.0.0:0", true, 0 },
    { "tls+tcp://127.0.0.1:0", false, WIRE_E_NO_TLS },
    { "tcp://192.0.2.7:1", true, WIRE_E_BIND },
    { "", false, WIRE_E_ADDRESS },
    { "tcp", false, WIRE_E_ADDRESS },
    { "http://127.0.0.1:80", false, WIRE_E_ADDRESS },
    { "inproc://x", false, WIRE_E_ADDRESS },
    { "tcp://127.0.0.1", false, WIRE_E_ADDRESS },
    { "tcp://127.0.0.1:", false, WIRE_E_ADDRESS },
    { "tcp://127.0.0.1:65536", false, WIRE_E_ADDRESS },
    { "tcp://127.0.0.1:99999999999999999999", false, WIRE_E_ADDRESS },
    { "tcp://127.0.0.1:-1", false, WIRE_E_ADDRESS },
    { "tcp://127.0.0.1:80x", false, WIRE_E_ADDRESS },
    { "tcp://127.0.0.1:80/path", false, WIRE_E_ADDRESS },
    { "tcp://::1:80", false, WIRE_E_ADDRESS },
    { "tcp://[::1:80", false, WIRE_E_ADDRESS },
    { "tcp://[::1]80", false, WIRE_E_ADDRESS },
    { "ipc://", false, WIRE_E_ADDRESS },
    { "ipc:///no/such/directory/socket", false, WIRE_E_BIND },
    { "ipc:///0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345", false, WIRE_E_ADDRESS },
};

Test(wire_address, each_url_is_accepted_or_refused_for_its_own_reason)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wire_options options = { .allow_plain_tcp = cases[i].plain_allowed };
        struct node *node = node_new_with(&options);
        struct wire_endpoint *endpoint = NULL;
        char error[256] = "";
        int rc = wire_listen(node->wire, cases[i].url, NULL, &endpoint, error, sizeof error);
        cr_expect(rc == cases[i].expected, "%s: %d instead of %d (%s)", cases[i].url, rc, cases[i].expected, error);
        cr_expect((rc == 0) == (endpoint != NULL) && (rc == 0) == (error[0] == '\0'), "%s", cases[i].url);
        node_free(node);
    }
}

Test(wire_address, port_0_is_replaced_by_the_real_one)
{
    struct node *node = node_new(NULL, NULL, false);
    struct wire_endpoint *endpoint = node_listen(node, "tcp://127.0.0.1:0");
    unsigned port = 0;
    cr_assert(sscanf(wire_endpoint_url(endpoint), "tcp://127.0.0.1:%u", &port) == 1 && port > 0);
    cr_assert(wire_endpoint_user(endpoint) == node);
    struct wire_endpoint *second = NULL;
    char error[256] = "";
    cr_assert(wire_listen(node->wire, wire_endpoint_url(endpoint), NULL, &second, error, sizeof error) == WIRE_E_BIND);
    cr_assert(strstr(error, "in use"), "%s", error);
    node_free(node);
}

Test(wire_address, dialling_port_0_or_nobody_is_refused)
{
    struct node *node = node_new(NULL, NULL, false);
    struct wire_endpoint *endpoint = NULL;
    char error[256] = "";
    cr_assert(wire_dialer(node->wire, "tcp://127.0.0.1:0", NULL, NULL, &endpoint, error, sizeof error) == WIRE_E_ADDRESS);
    cr_assert(wire_dialer(node->wire, "tcp://*:5", NULL, NULL, &endpoint, error, sizeof error) == WIRE_E_ADDRESS);
    node_dial(node, "ipc:///tmp/qiao-nobody-listens-here");
    cr_assert(REACHED(node->dial_failed_count == 1, node));
    cr_assert(node->dial_reason[0] != '\0');
    node_free(node);
}

static void leave_stale_socket(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert(bind(stale, (struct sockaddr *)&address, sizeof address) == 0 && listen(stale, 1) == 0);
    close(stale); /* as after kill -9: the name stays */
}

Test(wire_address, a_socket_left_by_a_killed_process_does_not_prevent_listening)
{
    struct certificates *place = certificates_new();
    const char *path = certificates_path(place, "socket");
    char url[300];
    snprintf(url, sizeof url, "ipc://%s", path);
    leave_stale_socket(path);
    struct node *node = node_new(NULL, NULL, false);
    node_listen(node, url);
    struct stat present;
    cr_assert(stat(path, &present) == 0 && (present.st_mode & 0777) == 0660);
    struct node *other = node_new(NULL, NULL, false);
    struct wire_endpoint *endpoint = NULL;
    char error[256] = "";
    cr_assert(wire_listen(other->wire, url, NULL, &endpoint, error, sizeof error) == WIRE_E_BIND, "a living listener was robbed");
    node_dial(other, url);
    cr_assert(REACHED(node->open_count == 1 && other->open_count == 1, node, other));
    node_free(other);
    node_free(node);
    cr_assert(stat(path, &present) != 0, "the socket is removed at the end");
    certificates_free(place);
}

Test(wire_address, a_file_that_is_no_socket_is_never_removed)
{
    struct certificates *place = certificates_new();
    struct node *node = node_new(NULL, NULL, false);
    char url[300], error[256] = "";
    snprintf(url, sizeof url, "ipc://%s", certificates_path(place, "ca.pem"));
    struct wire_endpoint *endpoint = NULL;
    cr_assert(wire_listen(node->wire, url, NULL, &endpoint, error, sizeof error) == WIRE_E_BIND);
    cr_assert(access(certificates_path(place, "ca.pem"), F_OK) == 0);
    node_free(node);
    certificates_free(place);
}
