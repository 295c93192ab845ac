/* Strangers at a TLS port: they harm nobody else. */
#include "harness.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct certificates *certificates;
static struct node *server, *client;
static const char *url;

static void setup(void)
{
    certificates = certificates_new();
    certificates_issue(certificates, "server", CERTIFICATE_P256, CERTIFICATE_GOOD);
    certificates_issue(certificates, "client", CERTIFICATE_P256, CERTIFICATE_GOOD);
    server = node_new(certificates, "server", false);
    client = node_new(certificates, "client", false);
    url = wire_endpoint_url(node_listen(server, "tls+tcp://127.0.0.1:0"));
}

static void teardown(void)
{
    node_free(client);
    node_free(server);
    certificates_free(certificates);
}

static int connect_raw(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    address.sin_port = htons((uint16_t)strtoul(strrchr(url, ':') + 1, NULL, 10));
    int raw = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(connect(raw, (struct sockaddr *)&address, sizeof address) == 0);
    return raw;
}

static void expect_good_link_works(void)
{
    size_t links = client->link_count;
    double start = now_seconds();
    node_dial(client, url);
    cr_assert(REACHED(client->link_count > links && server->open_count == client->open_count, client, server));
    link_send(&client->links[links], "hello", 5);
    cr_assert(REACHED(server->links[server->link_count - 1].received_size == 5, client, server));
    cr_expect(now_seconds() - start < 3, "took %.1f s", now_seconds() - start);
}

Test(wire_hostile, come_and_go_without_a_word, .init = setup, .fini = teardown)
{
    expect_good_link_works();
    for (int i = 0; i < 300; i++) {
        int raw = connect_raw();
        struct linger reset = { .l_onoff = i % 2 };
        setsockopt(raw, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(raw);
    }
    expect_good_link_works();
    cr_assert(REACHED(server->accept_failed_count >= 100, server, client));
    link_send(&client->links[0], "first", 5);
    cr_assert(REACHED(server->links[0].received_size == 10, server, client));
}

Test(wire_hostile, garbage_is_refused_with_a_reason, .init = setup, .fini = teardown)
{
    uint8_t garbage[3000];
    srand(3);
    for (int i = 0; i < 60; i++) {
        int raw = connect_raw();
        for (size_t j = 0; j < sizeof garbage; j++)
            garbage[j] = (uint8_t)(rand() >> 4);
        if (i % 3 == 0)
            memcpy(garbage, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11); /* begins like a ClientHello */
        if (i % 3 == 1)
            memcpy(garbage, "GET / HTTP/1.1\r\n\r\n", 18);
        cr_assert(send(raw, garbage, sizeof garbage, MSG_NOSIGNAL) > 0);
        cr_assert(REACHED(server->accept_failed_count == (size_t)i + 1, server), "%d", i);
        cr_expect(strlen(server->accept_reason) > 10);
        close(raw);
    }
    expect_good_link_works();
}

Test(wire_hostile, a_handshake_left_hanging_blocks_nobody_and_ends, .init = setup, .fini = teardown, .timeout = 40)
{
    int raw[20];
    for (size_t i = 0; i < 20; i++) {
        raw[i] = connect_raw();
        cr_assert(send(raw[i], "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", i % 10, MSG_NOSIGNAL) >= 0);
    }
    expect_good_link_works();
    cr_assert(server->accept_failed_count == 0);
    cr_assert(REACHED(server->accept_failed_count == 20, server));
    cr_assert(strstr(server->accept_reason, "too long"), "%s", server->accept_reason);
    for (size_t i = 0; i < 20; i++)
        close(raw[i]);
    expect_good_link_works();
}

static SSL *dial_bare(int raw, int version, const char *name)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    if (name) {
        char file[100];
        snprintf(file, sizeof file, "%s.pem", name);
        SSL_CTX_use_certificate_chain_file(context, certificates_path(certificates, file));
        snprintf(file, sizeof file, "%s.key", name);
        SSL_CTX_use_PrivateKey_file(context, certificates_path(certificates, file), SSL_FILETYPE_PEM);
    }
    SSL *session = SSL_new(context);
    SSL_CTX_free(context);
    SSL_set_fd(session, raw);
    SSL_set_connect_state(session);
    return session;
}

/* The foreign client is nonblocking: both sides are driven from here. */
static void expect_refused(int version, const char *name, const char *reason)
{
    int raw = connect_raw();
    size_t before = server->accept_failed_count;
    fcntl(raw, F_SETFL, O_NONBLOCK);
    SSL *session = dial_bare(raw, version, name);
    for (double limit = now_seconds() + 10; server->accept_failed_count == before && now_seconds() < limit;) {
        SSL_do_handshake(session);
        pump(&server, 1, 10);
    }
    cr_expect(server->accept_failed_count == before + 1 && server->link_count == 0);
    cr_expect(strstr(server->accept_reason, reason), "%s", server->accept_reason);
    SSL_free(session);
    close(raw);
}

Test(wire_hostile, no_certificate_is_refused, .init = setup, .fini = teardown)
{
    expect_refused(TLS1_3_VERSION, NULL, "peer did not return a certificate");
}

Test(wire_hostile, tls_1_2_is_refused, .init = setup, .fini = teardown)
{
    expect_refused(TLS1_2_VERSION, "client", "unsupported protocol");
}

/* ThreadSanitizer opens descriptors of its own while they are short, and then the test cannot connect. */
#ifndef __SANITIZE_THREAD__
Test(wire_hostile, running_out_of_file_descriptors_neither_spins_nor_ends_listening, .init = setup, .fini = teardown)
{
    expect_good_link_works();
    struct rlimit before, tight;
    getrlimit(RLIMIT_NOFILE, &before);
    int raw = connect_raw(), spare = dup(raw);
    cr_assert(REACHED(server->open_count == 1, server));
    close(spare);
    tight = before;
    tight.rlim_cur = (rlim_t)spare + 1; /* room for one more: the stranger's own end */
    setrlimit(RLIMIT_NOFILE, &tight);
    int second = connect_raw();
    struct rusage start, end;
    getrusage(RUSAGE_SELF, &start);
    double until = now_seconds() + 1;
    while (now_seconds() < until)
        pump(&server, 1, 1000);
    getrusage(RUSAGE_SELF, &end);
    double cpu = (double)(end.ru_utime.tv_sec - start.ru_utime.tv_sec + end.ru_stime.tv_sec - start.ru_stime.tv_sec) +
                 (double)(end.ru_utime.tv_usec - start.ru_utime.tv_usec + end.ru_stime.tv_usec - start.ru_stime.tv_usec) / 1e6;
    cr_expect(cpu < 0.3, "%.2f s of CPU in one second of waiting", cpu);
    setrlimit(RLIMIT_NOFILE, &before);
    expect_good_link_works();
    close(raw);
    close(second);
}
#endif
