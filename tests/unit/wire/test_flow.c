/* Holding back, closing down, coming and going. */
#include "harness.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct pair {
    struct certificates *certificates;
    struct node *server, *client;
    struct wire_endpoint *listener, *dialer;
};

static struct pair connect_pair(const char *pattern)
{
    struct pair pair = { .certificates = certificates_new() };
    certificates_issue(pair.certificates, "server", CERTIFICATE_P256, CERTIFICATE_GOOD);
    certificates_issue(pair.certificates, "client", CERTIFICATE_P256, CERTIFICATE_GOOD);
    pair.server = node_new(pair.certificates, "server", false);
    pair.client = node_new(pair.certificates, "client", false);
    char url[200];
    own_url(pattern, url, sizeof url);
    pair.listener = node_listen(pair.server, url);
    pair.dialer = node_dial(pair.client, wire_endpoint_url(pair.listener));
    cr_assert(REACHED(pair.client->open_count == 1 && pair.server->open_count == 1, pair.client, pair.server));
    return pair;
}

static void free_pair(struct pair *pair)
{
    node_free(pair->client);
    node_free(pair->server);
    certificates_free(pair->certificates);
}

#define PIECE_SIZE ((size_t)100000)
#define PENDING_MAX (8 * PIECE_SIZE)

static uint64_t send_while_allowed(struct link *link, uint64_t *hash, unsigned *pieces, unsigned pieces_max)
{
    static uint8_t piece[PIECE_SIZE];
    uint64_t sent = 0;
    while (*pieces < pieces_max && wire_pending(link->connection) + PIECE_SIZE <= PENDING_MAX) {
        memset(piece, (int)(*pieces)++, PIECE_SIZE);
        *hash = hash_bytes(*hash, piece, PIECE_SIZE);
        link_send(link, piece, PIECE_SIZE);
        sent += PIECE_SIZE;
    }
    return sent;
}

/* A receiver that does not read holds the sender back; when it goes on, all of it arrives. */
static void hold_back_over(const char *pattern)
{
    struct pair pair = connect_pair(pattern);
    struct link *sender = &pair.client->links[0], *receiver = &pair.server->links[0];
    uint64_t hash = 0, sent = 0;
    unsigned pieces = 0;
    wire_pause(receiver->connection, true);
    /* What a paused stream takes in are socket buffers and one ring: 32 MB are more. */
    for (double quiet_since = now_seconds(); now_seconds() - quiet_since < 0.5;) {
        uint64_t more = send_while_allowed(sender, &hash, &pieces, 320);
        if (more > 0)
            quiet_since = now_seconds();
        sent += more;
        pump((struct node *[]){ pair.client, pair.server }, 2, 20);
    }
    cr_assert(pieces < 320, "the sender was never held back");
    cr_assert(receiver->received_size == 0 && wire_pending(sender->connection) > 0);
    wire_pause(receiver->connection, false);
    while (pieces < 320) {
        sent += send_while_allowed(sender, &hash, &pieces, 320);
        pump((struct node *[]){ pair.client, pair.server }, 2, 100);
    }
    cr_assert(REACHED(receiver->received_size >= sent, pair.client, pair.server));
    cr_assert(receiver->received_size == sent && receiver->received_hash == hash);
    free_pair(&pair);
}

Test(wire_flow, a_paused_receiver_holds_the_sender_back_over_tls) { hold_back_over("tls+tcp://127.0.0.1:0"); }
Test(wire_flow, a_paused_receiver_holds_the_sender_back_over_tcp) { hold_back_over("tcp://127.0.0.1:0"); }
Test(wire_flow, a_paused_receiver_holds_the_sender_back_over_ipc) { hold_back_over("ipc:///tmp/qiao-test-hold"); }

Test(wire_flow, both_directions_at_once_do_not_block_each_other)
{
    struct pair pair = connect_pair("tls+tcp://127.0.0.1:0");
    struct link *a = &pair.client->links[0], *b = &pair.server->links[0];
    uint64_t hash_a = 0, hash_b = 0;
    unsigned pieces_a = 0, pieces_b = 0;
    double limit = now_seconds() + 20;
    while ((a->received_size < 200 * PIECE_SIZE || b->received_size < 200 * PIECE_SIZE) && now_seconds() < limit) {
        send_while_allowed(a, &hash_a, &pieces_a, 200);
        send_while_allowed(b, &hash_b, &pieces_b, 200);
        pump((struct node *[]){ pair.client, pair.server }, 2, 100);
    }
    cr_assert(a->received_hash == hash_b && b->received_hash == hash_a);
    free_pair(&pair);
}

Test(wire_flow, links_are_opened_and_cut_two_hundred_times)
{
    struct pair pair = connect_pair("tls+tcp://127.0.0.1:0");
    uint8_t word[900] = { 1 };
    for (size_t i = 0; i < 200; i++) {
        struct link *mine = &pair.client->links[i], *theirs = &pair.server->links[i];
        link_send(mine, word, sizeof word);
        if (i % 2 == 0)
            cr_assert(REACHED(theirs->received_size > 0, pair.client, pair.server));
        wire_close(i % 3 == 0 ? theirs->connection : mine->connection, i % 4 < 2);
        cr_assert(REACHED(!mine->connection && !theirs->connection, pair.client, pair.server), "round %zu", i);
        wire_dial(pair.dialer);
        cr_assert(REACHED(pair.client->open_count == 1 && pair.server->open_count == 1, pair.client, pair.server), "round %zu", i);
    }
    free_pair(&pair);
}

Test(wire_flow, two_hundred_links_live_side_by_side)
{
    struct pair pair = connect_pair("tls+tcp://127.0.0.1:0");
    for (size_t i = 1; i < 200; i++)
        node_dial(pair.client, wire_endpoint_url(pair.listener));
    cr_assert(REACHED(pair.client->open_count == 200 && pair.server->open_count == 200, pair.client, pair.server));
    uint8_t bytes[5000];
    for (size_t i = 0; i < 200; i++) {
        memset(bytes, (int)i, sizeof bytes);
        link_send(&pair.client->links[i], bytes, sizeof bytes);
    }
    size_t done = 0;
    for (double limit = now_seconds() + 20; done < 200 && now_seconds() < limit;) {
        pump((struct node *[]){ pair.client, pair.server }, 2, 100);
        done = 0;
        for (size_t i = 0; i < 200; i++)
            done += pair.server->links[i].received_size == sizeof bytes;
    }
    cr_assert(done == 200);
    free_pair(&pair); /* with everything open */
}
