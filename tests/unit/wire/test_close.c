#include "harness.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MUCH ((size_t)3 << 20)

static struct certificates *certificates;
static struct node *server, *client;

static void open_link(const char *pattern)
{
    char url[200];
    certificates = certificates_new();
    certificates_issue(certificates, "server", CERTIFICATE_P256, CERTIFICATE_GOOD);
    certificates_issue(certificates, "client", CERTIFICATE_P256, CERTIFICATE_GOOD);
    server = node_new(certificates, "server", false);
    client = node_new(certificates, "client", false);
    own_url(pattern, url, sizeof url);
    node_dial(client, wire_endpoint_url(node_listen(server, url)));
    cr_assert(REACHED(client->open_count == 1 && server->open_count == 1, client, server));
}

static void close_all(void)
{
    node_free(client);
    node_free(server);
    certificates_free(certificates);
}

static void send_much(void)
{
    uint8_t *much = malloc(MUCH);
    memset(much, 9, MUCH);
    wire_send(client->links[0].connection, much, MUCH);
}

/* The other side is busy talking too: what it says must not destroy what is still on its way to it. */
static void close_softly_over(const char *pattern)
{
    open_link(pattern);
    static const uint8_t chatter[50000];
    for (int i = 0; i < 20; i++)
        link_send(&server->links[0], chatter, sizeof chatter);
    send_much();
    wire_close(client->links[0].connection, false);
    cr_assert(REACHED(client->open_count == 0 && server->open_count == 0, client, server));
    cr_assert(server->links[0].received_size == MUCH, "%zu of %zu", (size_t)server->links[0].received_size, MUCH);
    cr_assert_str_eq(server->links[0].reason, "closed by the peer");
    close_all();
}

Test(wire_close, softly_sends_what_is_queued_over_tls) { close_softly_over("tls+tcp://127.0.0.1:0"); }
Test(wire_close, softly_sends_what_is_queued_over_tcp) { close_softly_over("tcp://127.0.0.1:0"); }
Test(wire_close, softly_sends_what_is_queued_over_ipc) { close_softly_over("ipc:///tmp/qiao-test-soft"); }

Test(wire_close, at_once_does_not_wait_for_a_peer_that_does_not_read)
{
    open_link("tls+tcp://127.0.0.1:0");
    wire_pause(server->links[0].connection, true);
    for (int i = 0; i < 10; i++)
        send_much();
    wire_close(client->links[0].connection, true);
    cr_assert(client->open_count == 1, "closed comes from wire_poll only");
    cr_assert(REACHED(client->open_count == 0, client));
    cr_assert_str_eq(client->links[0].reason, "closed here");
    wire_pause(server->links[0].connection, false);
    cr_assert(REACHED(server->open_count == 0, server));
    close_all();
}

Test(wire_close, what_arrived_before_the_end_is_delivered_after_a_pause)
{
    open_link("tcp://127.0.0.1:0");
    wire_pause(server->links[0].connection, true);
    link_send(&client->links[0], "last words", 10);
    wire_close(client->links[0].connection, false);
    cr_assert(REACHED(client->open_count == 0, client, server));
    cr_assert(server->open_count == 1);
    wire_pause(server->links[0].connection, false);
    cr_assert(REACHED(server->open_count == 0, server));
    cr_assert(server->links[0].received_size == 10);
    close_all();
}

Test(wire_close, bytes_for_a_closing_link_are_not_delivered)
{
    open_link("tls+tcp://127.0.0.1:0");
    wire_close(server->links[0].connection, false);
    send_much();
    cr_assert(REACHED(client->open_count == 0 && server->open_count == 0, client, server));
    cr_assert(server->links[0].received_size == 0);
    close_all();
}

/* The peer process dies without a word, while nothing is said, and while this side is not reading. */
static void survive_killed_peer(const char *pattern, bool paused)
{
    int told[2];
    char url[200];
    certificates = certificates_new();
    certificates_issue(certificates, "server", CERTIFICATE_P256, CERTIFICATE_GOOD);
    certificates_issue(certificates, "client", CERTIFICATE_P256, CERTIFICATE_GOOD);
    cr_assert(pipe(told) == 0);
    own_url(pattern, url, sizeof url);
    pid_t peer = fork(); /* before NNG has threads here */
    if (peer == 0) {
        char theirs[300] = "";
        if (read(told[0], theirs, sizeof theirs - 1) <= 0)
            _exit(1);
        struct node *dying = node_new(certificates, "client", false);
        node_dial(dying, theirs);
        while (dying->open_count == 0)
            pump(&dying, 1, 100);
        static const uint8_t much[1 << 20];
        link_send(&dying->links[0], much, paused ? sizeof much : 100);
        for (;;)
            pump(&dying, 1, 1000);
    }
    server = node_new(certificates, "server", false);
    const char *real = wire_endpoint_url(node_listen(server, url));
    cr_assert(write(told[1], real, strlen(real)) > 0);
    cr_assert(REACHED(server->open_count == 1, server));
    if (paused)
        wire_pause(server->links[0].connection, true);
    else
        cr_assert(REACHED(server->links[0].received_size == 100, server));
    kill(peer, SIGKILL);
    waitpid(peer, NULL, 0);
    if (paused)
        wire_pause(server->links[0].connection, false);
    cr_assert(REACHED(server->open_count == 0, server), "the end was never noticed");
    node_free(server);
    certificates_free(certificates);
}

Test(wire_close, a_killed_peer_is_noticed_over_tls) { survive_killed_peer("tls+tcp://127.0.0.1:0", false); }
Test(wire_close, a_killed_peer_is_noticed_over_tls_after_a_pause) { survive_killed_peer("tls+tcp://127.0.0.1:0", true); }
Test(wire_close, a_killed_peer_is_noticed_over_tcp) { survive_killed_peer("tcp://127.0.0.1:0", false); }
Test(wire_close, a_killed_peer_is_noticed_over_tcp_after_a_pause) { survive_killed_peer("tcp://127.0.0.1:0", true); }
Test(wire_close, a_killed_peer_is_noticed_over_ipc_after_a_pause) { survive_killed_peer("ipc:///tmp/qiao-test-killed", true); }
