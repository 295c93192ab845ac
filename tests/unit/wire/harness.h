/* Owners for wires under test. They look at a wire only after it has notified them, so a lost notification is a timeout. */
#ifndef WIRE_HARNESS_H
#define WIRE_HARNESS_H

#include "support/certificates.h"
#include "wire/wire.h"

#define LINKS_MAX 2048

struct node;

struct link {
    struct wire_connection *connection; /* NULL after closed */
    struct wire_endpoint *endpoint;
    struct wire_peer peer;
    uint64_t received_size;
    uint64_t received_hash;
    char reason[192];
};

struct node {
    struct wire *wire;
    int wake;
    size_t budget_bytes;
    struct link links[LINKS_MAX];
    size_t link_count, open_count, dial_failed_count, accept_failed_count;
    char dial_reason[192], accept_reason[192];
    void (*received)(struct node *node, struct link *link, struct qiao_bytes bytes); /* or NULL */
    bool more;
};

/* name NULL: no TLS. Uses <name>.pem of certificates. Aborts on an error. */
struct node *node_new(struct certificates *certificates, const char *name, bool crl);
struct node *node_new_with(const struct wire_options *options);
struct node *node_free(struct node *node);

struct wire_endpoint *node_listen(struct node *node, const char *url);
/* Prepares a dialer and dials once. */
struct wire_endpoint *node_dial(struct node *node, const char *url);

/* The same URL, the path of a local socket with this process's number behind it. */
void own_url(const char *url, char *text, size_t size);

/* Lets all nodes do what there is to do, sleeping until the first notification for at most timeout_ms. */
void pump(struct node *const *nodes, size_t count, int timeout_ms);

/* A copy of the bytes into a fresh buffer, sent. */
void link_send(struct link *link, const void *bytes, size_t size);
/* FNV-1a, continued. Start with hash 0. */
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size);
double now_seconds(void);

/* Pumps until the condition holds. False after 20 s. */
#define REACHED(condition, ...)                                                                        \
    ({                                                                                                 \
        struct node *const nodes_[] = { __VA_ARGS__ };                                                 \
        double limit_ = now_seconds() + 20;                                                            \
        while (!(condition) && now_seconds() < limit_)                                                 \
            pump(nodes_, sizeof nodes_ / sizeof *nodes_, 500);                                         \
        (condition);                                                                                   \
    })

#endif
