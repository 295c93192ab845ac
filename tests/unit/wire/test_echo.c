#include "harness.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const urls[] = { "tls+tcp://127.0.0.1:0", "tcp://127.0.0.1:0", "ipc:///tmp/qiao-test-echo", "tls+tcp4://127.0.0.1:0" };

static void echo(struct node *node, struct link *link, struct qiao_bytes bytes)
{
    (void)node;
    link_send(link, bytes.data, bytes.size);
}

/* Sizes from one byte to a megabyte, many waiting at once, budgets that cut anywhere. */
static void send_random_sizes(struct node *client, struct node *server, uint64_t *ret_size, uint64_t *ret_hash)
{
    static uint8_t bytes[1 << 20];
    struct link *link = &client->links[0];
    *ret_size = *ret_hash = 0;
    for (int i = 0; i < 300; i++) {
        size_t size = (size_t)rand() % (i % 40 == 0 ? sizeof bytes : i % 7 == 0 ? 100000 : 600) + 1;
        for (size_t j = 0; j < size; j++)
            bytes[j] = (uint8_t)(rand() >> 5);
        link_send(link, bytes, size);
        *ret_size += size;
        *ret_hash = hash_bytes(*ret_hash, bytes, size);
        if (i % 3 == 0)
            pump((struct node *[]){ client, server }, 2, 0);
    }
}

static void echo_over(const char *pattern)
{
    struct certificates *certificates = certificates_new();
    certificates_issue(certificates, "server", CERTIFICATE_P256, CERTIFICATE_GOOD);
    certificates_issue(certificates, "client", CERTIFICATE_ED25519, CERTIFICATE_GOOD);
    struct node *server = node_new(certificates, "server", false);
    struct node *client = node_new(certificates, "client", false);
    server->received = echo;
    server->budget_bytes = 77777;
    char url[200];
    own_url(pattern, url, sizeof url);
    node_dial(client, wire_endpoint_url(node_listen(server, url)));
    cr_assert(REACHED(client->open_count == 1 && server->open_count == 1, client, server), "%s", url);
    uint64_t size, hash;
    send_random_sizes(client, server, &size, &hash);
    cr_assert(REACHED(client->links[0].received_size >= size, client, server), "%s", url);
    cr_assert(client->links[0].received_size == size && client->links[0].received_hash == hash, "%s", url);
    cr_assert(REACHED(wire_pending(client->links[0].connection) == 0, client, server));
    node_free(client);
    node_free(server);
    certificates_free(certificates);
}

Test(wire_echo, what_is_sent_comes_back_over_tls) { echo_over(urls[0]); }
Test(wire_echo, what_is_sent_comes_back_over_tcp) { echo_over(urls[1]); }
Test(wire_echo, what_is_sent_comes_back_over_ipc) { echo_over(urls[2]); }
Test(wire_echo, what_is_sent_comes_back_over_tls_with_the_family_named) { echo_over(urls[3]); }

Test(wire_echo, the_peer_of_a_local_socket_is_described)
{
    struct node *server = node_new(NULL, NULL, false), *client = node_new(NULL, NULL, false);
    char url[200], expected[100];
    own_url("ipc:///tmp/qiao-test-peer", url, sizeof url);
    node_listen(server, url);
    node_dial(client, url);
    cr_assert(REACHED(server->open_count == 1, server, client));
    const struct wire_peer *peer = &server->links[0].peer;
    snprintf(expected, sizeof expected, "local process %d of user %d", getpid(), (int)getuid());
    cr_assert(peer->local && !peer->tls && !peer->verified && peer->common_name[0] == '\0');
    cr_assert_str_eq(peer->address, expected);
    node_free(client);
    node_free(server);
}
