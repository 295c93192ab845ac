/* Byte streams between processes: NNG streams (tls+tcp, tcp, ipc) for a single owner thread.
 *
 * NNG calls back on its own threads. Everything here hides that: NNG's threads fill bounded rings and mark connections
 * ready; `notify` is then called once (any thread) and the owner calls wire_poll, which reports what happened.
 * All functions below are for the owner's thread unless they say otherwise.
 *
 * Streams, not SP sockets: both directions of a link flow at their own pace, nothing is dropped when a queue is full
 * (raw REP drops the 65th waiting reply), and a frame costs no request of its own. */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <qiao/bytes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire;
struct wire_connection;
struct wire_endpoint; /* a listener or a dialer */

struct wire_tls {
    const char *certificate_file; /* PEM chain */
    const char *key_file;         /* PEM */
    const char *ca_file;          /* PEM, one or more */
    const char *crl_file;         /* PEM, or NULL */
    const char *passphrase;       /* of the key, or NULL */
};

/* Where a connection to a listener comes from: an IPv6 address, or an IPv4 one in its mapped form (RFC 4291, 2.5.5.2). */
struct wire_source {
    bool local;                    /* ipc: no address */
    uint8_t address[16];
};

/* Asked about each connection that comes to a listener, before a byte of it is read and anything is spent on TLS. */
struct wire_door {
    void *context;
    /* NULL: come in, and *ret_place, if not 0, is given back when the connection has ended. Otherwise a sentence, static, for
     * accept_failed; of many refused at a time the last one is told. Any thread. */
    const char *(*enter)(void *context, const struct wire_source *source, uint32_t *ret_place);
    /* wire_proved was called for it. */
    void (*proved)(void *context, uint32_t place);
    void (*leave)(void *context, uint32_t place, bool proved);
};

struct wire_options {
    void (*notify)(void *context); /* something to poll for; any thread; must not block. Called at most once until wire_poll. */
    void *context;
    const struct wire_tls *tls;    /* NULL: no tls+tcp endpoints. Copied. */
    bool allow_plain_tcp;          /* tcp:// to other than loopback */
    const struct wire_door *door;  /* NULL: everybody may come in. Not copied. */
    uint32_t handshake_ms;         /* TLS must be up within this time; 0: 10 s */
    bool owns_nng;                 /* this process uses NNG for nothing else: its threads may be arranged (task_threads.h) */
    size_t ring_size_max;          /* receive ring of a busy connection, bytes; 0: 256 KiB. An idle one uses at most 4 KiB. */
};

/* Who is at the other end, as the transport knows it. */
struct wire_peer {
    char address[128];             /* for people */
    bool tls;
    bool verified;                 /* certificate chain checked */
    bool local;                    /* ipc */
    char common_name[128];         /* of the certificate's subject, "" without one */
    uint8_t fingerprint[32];       /* SHA-256 of the certificate, zeros without one */
};

enum wire_error { /* positive results */
    WIRE_E_ADDRESS = 1,   /* not a URL of a known transport */
    WIRE_E_PLAIN = 2,     /* tcp:// beyond loopback without allow_plain_tcp */
    WIRE_E_TLS = 3,       /* certificate, key or CA unusable */
    WIRE_E_BIND = 4,      /* address in use or not permitted */
    WIRE_E_NO_TLS = 5,    /* tls+tcp:// without wire_tls */
};

struct wire_handler {
    /* A stream is up (TLS handshake done). endpoint tells which listener or dialer it came from. In TLS 1.3 a dialer is done before
     * the listener has judged its certificate: a refusal comes as closed, with the reason, right after connected. */
    void (*connected)(void *context, struct wire_endpoint *endpoint, struct wire_connection *connection, const struct wire_peer *peer);
    /* A dial attempt failed; the owner decides when to dial again. */
    void (*dial_failed)(void *context, struct wire_endpoint *endpoint, const char *reason);
    /* Bytes came in. Must take all of them: they are gone afterwards. Called repeatedly while there are any, but stops
     * for a connection that is paused. */
    void (*received)(void *context, struct wire_connection *connection, struct qiao_bytes bytes);
    /* The stream ended, for whatever reason; also after wire_close. The last call for this connection, which is freed after it. */
    void (*closed)(void *context, struct wire_connection *connection, const char *reason);
    /* May be NULL. Somebody came to a listener and was refused, or gave up, before connected: wrong certificate, no TLS. */
    void (*accept_failed)(void *context, struct wire_endpoint *endpoint, const char *address, const char *reason);
};

/* Starts NNG's library and registers the OpenSSL TLS engine with it. reterr_text gets a sentence on failure. */
int wire_new(const struct wire_options *options, struct wire **ret_wire, char *reterr_text, size_t reterr_size);

/* Closes everything and waits for NNG's callbacks to end. No handler runs. Returns NULL. */
struct wire *wire_free(struct wire *wire);

/* Reads certificates, key, CA and CRL again; new connections use them, present ones stay. 0 or WIRE_E_TLS: then the old ones stay in use. */
int wire_reload_tls(struct wire *wire, const struct wire_tls *tls, char *reterr_text, size_t reterr_size);

int wire_listen(struct wire *wire, const char *url, void *user, struct wire_endpoint **ret_endpoint, char *reterr_text, size_t reterr_size);
/* The address in use, with the port the system chose for port 0. */
const char *wire_endpoint_url(const struct wire_endpoint *endpoint);
void *wire_endpoint_user(const struct wire_endpoint *endpoint);

/* Prepares a dialer; wire_dial starts one attempt, answered by connected or dial_failed. server_name NULL: the host of the URL is
 * not compared with the certificate (who the peer is, is decided by the link handshake against its common name). */
int wire_dialer(struct wire *wire, const char *url, const char *server_name, void *user, struct wire_endpoint **ret_endpoint, char *reterr_text, size_t reterr_size);
void wire_dial(struct wire_endpoint *endpoint);

/* Reports everything that happened since the last call. budget_bytes bounds what is handed out through received;
 * returns true if more is waiting (call again). */
bool wire_poll(struct wire *wire, const struct wire_handler *handler, void *context, size_t budget_bytes);

/* TLS handshakes from now on must be done within this time. */
void wire_set_handshake_ms(struct wire *wire, uint32_t handshake_ms);
/* The owner knows who the peer is: tells the door. The second time and later it does nothing. */
void wire_proved(struct wire_connection *connection);

void wire_set_user(struct wire_connection *connection, void *user);
void *wire_user(const struct wire_connection *connection);

/* Queues bytes for sending; buffer comes from malloc and is taken always (freed after sending or on close). */
void wire_send(struct wire_connection *connection, uint8_t *buffer, size_t size);
/* Bytes queued and not yet given to the kernel. */
size_t wire_pending(const struct wire_connection *connection);
/* While paused, received is not called and the ring fills until the sender is held back by the transport. */
void wire_pause(struct wire_connection *connection, bool paused);
/* Closes after what is queued has been sent (given up after 30 s without an end), or at once. Nothing is delivered any more; closed is
 * reported by a later wire_poll. */
void wire_close(struct wire_connection *connection, bool at_once);

#endif
