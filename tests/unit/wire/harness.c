#include "harness.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *each = bytes;
    if (hash == 0)
        hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ each[i]) * 1099511628211u;
    return hash;
}

static void fail(const char *what, const char *text)
{
    fprintf(stderr, "%s: %s\n", what, text);
    abort();
}

static void on_notify(void *context)
{
    struct node *node = context;
    uint64_t one = 1;
    if (write(node->wake, &one, sizeof one) != sizeof one)
        fail("notify", "eventfd");
}

struct node *node_new_with(const struct wire_options *options)
{
    struct node *node = calloc(1, sizeof *node);
    char error[256] = "";
    struct wire_options own = *options;
    own.notify = on_notify;
    own.context = node;
    node->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    node->budget_bytes = 1 << 20;
    if (wire_new(&own, &node->wire, error, sizeof error) != 0)
        fail("wire_new", error);
    return node;
}

struct node *node_new(struct certificates *certificates, const char *name, bool crl)
{
    struct wire_options options = { 0 };
    struct wire_tls tls = { 0 };
    if (name) {
        char certificate[150], key[150];
        snprintf(certificate, sizeof certificate, "%s.pem", name);
        snprintf(key, sizeof key, "%s.key", name);
        tls.certificate_file = certificates_path(certificates, certificate);
        tls.key_file = certificates_path(certificates, key);
        tls.ca_file = certificates_path(certificates, "ca.pem");
        tls.crl_file = crl ? certificates_path(certificates, "crl.pem") : NULL;
        options.tls = &tls;
    }
    return node_new_with(&options);
}

struct node *node_free(struct node *node)
{
    wire_free(node->wire);
    close(node->wake);
    free(node);
    return NULL;
}

struct wire_endpoint *node_listen(struct node *node, const char *url)
{
    struct wire_endpoint *endpoint = NULL;
    char error[256] = "";
    if (wire_listen(node->wire, url, node, &endpoint, error, sizeof error) != 0)
        fail("wire_listen", error);
    return endpoint;
}

struct wire_endpoint *node_dial(struct node *node, const char *url)
{
    struct wire_endpoint *endpoint = NULL;
    char error[256] = "";
    if (wire_dialer(node->wire, url, NULL, node, &endpoint, error, sizeof error) != 0)
        fail("wire_dialer", error);
    wire_dial(endpoint);
    return endpoint;
}

void own_url(const char *url, char *text, size_t size)
{
    if (strncmp(url, "ipc:", 4) == 0)
        snprintf(text, size, "%s-%d", url, (int)getpid());
    else
        snprintf(text, size, "%s", url);
}

static void on_connected(void *context, struct wire_endpoint *endpoint, struct wire_connection *connection, const struct wire_peer *peer)
{
    struct node *node = context;
    if (node->link_count == LINKS_MAX)
        fail("harness", "too many links");
    struct link *link = &node->links[node->link_count++];
    *link = (struct link){ .connection = connection, .endpoint = endpoint, .peer = *peer };
    wire_set_user(connection, link);
    node->open_count++;
}

static void on_dial_failed(void *context, struct wire_endpoint *endpoint, const char *reason)
{
    struct node *node = context;
    (void)endpoint;
    node->dial_failed_count++;
    snprintf(node->dial_reason, sizeof node->dial_reason, "%s", reason);
}

static void on_accept_failed(void *context, struct wire_endpoint *endpoint, const char *address, const char *reason)
{
    struct node *node = context;
    (void)endpoint, (void)address;
    node->accept_failed_count++;
    snprintf(node->accept_reason, sizeof node->accept_reason, "%s", reason);
}

static void on_received(void *context, struct wire_connection *connection, struct qiao_bytes bytes)
{
    struct node *node = context;
    struct link *link = wire_user(connection);
    if (node->received) {
        node->received(node, link, bytes);
        return;
    }
    link->received_size += bytes.size;
    link->received_hash = hash_bytes(link->received_hash, bytes.data, bytes.size);
}

static void on_closed(void *context, struct wire_connection *connection, const char *reason)
{
    struct node *node = context;
    struct link *link = wire_user(connection);
    link->connection = NULL;
    snprintf(link->reason, sizeof link->reason, "%s", reason);
    node->open_count--;
}

static const struct wire_handler handler = {
    .connected = on_connected,
    .dial_failed = on_dial_failed,
    .received = on_received,
    .closed = on_closed,
    .accept_failed = on_accept_failed,
};

static void work(struct node *node)
{
    uint64_t count;
    if (read(node->wake, &count, sizeof count) < 0 && !node->more)
        return;
    node->more = wire_poll(node->wire, &handler, node, node->budget_bytes);
}

void pump(struct node *const *nodes, size_t count, int timeout_ms)
{
    struct pollfd waiting[8];
    for (size_t i = 0; i < count; i++) {
        waiting[i] = (struct pollfd){ .fd = nodes[i]->wake, .events = POLLIN };
        if (nodes[i]->more)
            timeout_ms = 0;
    }
    poll(waiting, count, timeout_ms);
    for (size_t i = 0; i < count; i++)
        work(nodes[i]);
}

void link_send(struct link *link, const void *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        fail("harness", "memory");
    memcpy(copy, bytes, size);
    wire_send(link->connection, copy, size);
}
