/* What wire.c, endpoint.c and stream.c share.
 *
 * Two kinds of threads: the owner's, and NNG's, which run the callbacks. `wire.mutex` guards everything marked so below. It is
 * the innermost lock: nothing of NNG, OpenSSL or the owner is called with it held. Everything else belongs to the owner. */
#ifndef WIRE_INTERNAL_H
#define WIRE_INTERNAL_H

#include "wire/address.h"
#include "wire/ring.h"
#include "wire/tls_engine.h"
#include "wire/wire.h"

#include <nng/nng.h>
#include <pthread.h>

#define REASON_SIZE 192

enum {
    HANDSHAKE_TIMEOUT_MS = 10000, /* unless the owner says otherwise */
    HANDSHAKE_TIMEOUT_CROWDED_MS = 2000, /* with HANDSHAKES_MAX under way */
    HANDSHAKES_MAX = 512,
    LEAVING_MAX = 128, /* TLS streams that are over and not yet taken apart */
    DIAL_TIMEOUT_MS = 10000,
    DRAIN_TIMEOUT_MS = 30000, /* wire_close: for what is queued */
    LINGER_TIMEOUT_MS = 2000, /* after it: for the peer to close too */
    FAREWELL_MS = 200,        /* for the peer to read why it was refused */
    LINGER_QUIET_MS = 100,    /* over tcp: without a byte from the peer */
    TICK_MS = 100,            /* at least, and how late a deadline may be; */
    TICK_MS_MAX = 1000,       /* each costs up to a millisecond of a processor: NNG 1.5 waits for the end of it awake */
};

struct wire {
    struct wire_options options;
    struct tls_context *tls; /* NULL: none */
    struct wire_endpoint *endpoints;
    nng_aio *tick;

    pthread_mutex_t mutex;
    /* guarded */
    struct wire_connection *connections;
    struct wire_connection *ready_first, *ready_last;
    size_t ready_count;
    size_t deadline_count;  /* connections with a deadline */
    int64_t nearest_ms;     /* none of them is before this */
    int64_t tick_at_ms;     /* when the tick comes that is under way */
    size_t handshake_count; /* TLS streams not yet up */
    size_t tls_count;       /* all TLS streams among the connections */
    uint32_t handshake_ms;
    bool endpoint_ready;    /* some endpoint has news */
    bool endpoint_parked;   /* some listener waits for the tick to accept again */
    bool notified;
    bool ticking;
    bool stopping;
};

struct wire_endpoint {
    struct wire *wire;
    struct wire_endpoint *next;
    struct address address;
    char url[320];
    void *user;
    nng_stream_listener *listener; /* one of the two */
    nng_stream_dialer *dialer;
    nng_aio *aio; /* accept or dial */
    /* guarded */
    bool parked;
    bool dialing;
    bool dial_failed;
    bool refused;                /* somebody, at the door, and why */
    char refused_address[128];
    const char *refused_reason;
    char reason[REASON_SIZE];
};

struct outgoing {
    struct outgoing *next;
    uint8_t *bytes;
    size_t size, capacity;
};

enum closing { STAY_OPEN, DRAIN, LINGER, GONE };

struct wire_connection {
    struct wire *wire;
    struct wire_endpoint *endpoint;
    nng_stream *stream;
    nng_aio *receive;
    nng_aio *send; /* NULL over TLS: the engine fetches what is to be sent */
    void *user;
    struct wire_peer peer; /* written before `up` */
    enum closing closing;
    int64_t linger_limit_ms;
    bool reported; /* the owner knows of it */
    bool farewell; /* the owner knows that it is over; it only stays for the peer to read the reason */
    bool paused;
    uint32_t place;  /* at the door; 0: none */
    bool proved;
    bool reset_seen;     /* the receive callback's own */
    uint8_t unused_byte; /* the buffer of a watched stream's receive */

    /* guarded */
    struct wire_connection *next, *previous; /* all connections */
    struct wire_connection *ready_next;
    struct ring ring;
    struct outgoing *out_first, *out_last;
    size_t out_offset;  /* of out_first: already sent */
    size_t out_flying;  /* buffers given to NNG, or to the engine */
    size_t pending_size;
    int64_t deadline_ms; /* 0: none */
    const char *deadline_reason;
    bool ready;
    bool starting;      /* NNG's thread is still handling it: the owner must not see it, for it might free it */
    bool up;
    bool stalled;       /* nobody reads because the ring is full */
    bool receive_large; /* tcp, ipc: the last read was big */
    bool drain_awaited;
    bool send_failed;
    bool ended;
    bool receive_over; /* no receive will complete any more */
    char reason[REASON_SIZE];
};

/* wire.c */
int64_t wire_now_ms(void);
/* Puts a connection on the ready list. With the mutex held; then, without it, wire_tell if the answer is true. */
bool wire_mark_ready(struct wire *wire, struct wire_connection *connection);
bool wire_mark_endpoint(struct wire *wire);
void wire_tell(struct wire *wire, bool needed);
/* Starts the tick if something waits for it. Without the mutex. */
void wire_start_tick(struct wire *wire);

/* endpoint.c */
int endpoint_listen(struct wire *wire, struct wire_endpoint *endpoint, char *reterr_text, size_t reterr_size);
int endpoint_prepare_dialer(struct wire *wire, struct wire_endpoint *endpoint, const char *server_name, char *reterr_text, size_t reterr_size);
/* Starts accepting. */
void endpoint_accept(struct wire_endpoint *endpoint);
/* Accepts again after a pause. */
void endpoint_unpark(struct wire_endpoint *endpoint);
struct wire_endpoint *endpoint_free(struct wire_endpoint *endpoint);

/* stream.c */
/* Takes over a fresh stream, and its place at the door or 0; from NNG's threads. Frees the stream and answers false if that is
 * impossible. */
bool connection_start(struct wire_endpoint *endpoint, nng_stream *stream, uint32_t place);
/* Reports what happened to one connection. Spends the budget. May free it. */
void connection_poll(struct wire_connection *connection, const struct wire_handler *handler, void *context, size_t *budget_bytes);
/* Ends it for good, waiting for NNG's callbacks. */
struct wire_connection *connection_free(struct wire_connection *connection);
/* With the mutex held. The first reason stays. */
void connection_end(struct wire_connection *connection, const char *reason);
void connection_set_deadline(struct wire_connection *connection, int64_t deadline_ms, const char *reason);

#endif
