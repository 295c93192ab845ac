/* Listeners and dialers. They live as long as the wire: NNG 1.5 does not take well to closing them in use. */
#include "wire/backlog.h"
#include "wire/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SOCKET_PERMISSIONS 0660

/* ---- accepting ---- */

/* With the mutex held. sessions: all of TLS, also of streams that NNG has yet to take apart. It does that on one thread, which a flood of
 * strangers that are turned away could leave behind, with some 40 KiB for each. */
static bool must_park(struct wire *wire, bool failed, size_t sessions)
{
    return failed || wire->handshake_count >= HANDSHAKES_MAX || sessions >= wire->tls_count + LEAVING_MAX;
}

/* One accept is always outstanding, except when it would fail again at once (no file descriptor left) or too many strangers
 * are in the middle of their handshake or on their way out: then the tick comes back to it. */
static void accept_next(struct wire_endpoint *endpoint, bool failed)
{
    struct wire *wire = endpoint->wire;
    size_t sessions = endpoint->address.tls ? tls_context_sessions(wire->tls) : 0;
    pthread_mutex_lock(&wire->mutex);
    bool stop = wire->stopping;
    bool park = !stop && must_park(wire, failed, sessions);
    if (park)
        endpoint->parked = wire->endpoint_parked = true;
    pthread_mutex_unlock(&wire->mutex);
    if (park)
        wire_start_tick(wire);
    else if (!stop)
        nng_stream_listener_accept(endpoint->listener, endpoint->aio);
}

void endpoint_unpark(struct wire_endpoint *endpoint)
{
    struct wire *wire = endpoint->wire;
    pthread_mutex_lock(&wire->mutex);
    bool parked = endpoint->parked;
    endpoint->parked = false;
    pthread_mutex_unlock(&wire->mutex);
    if (parked)
        accept_next(endpoint, false);
}

/* Tells the owner of the last one only: a flood of strangers must not become a flood of news. */
static void turn_away(struct wire_endpoint *endpoint, nng_stream *stream, const char *reason)
{
    struct wire *wire = endpoint->wire;
    char address[sizeof endpoint->refused_address];
    address_describe_peer(stream, endpoint->address.local, address, sizeof address);
    nng_stream_free(stream);
    pthread_mutex_lock(&wire->mutex);
    endpoint->refused = true;
    endpoint->refused_reason = reason;
    memcpy(endpoint->refused_address, address, sizeof address);
    bool tell = wire_mark_endpoint(wire);
    pthread_mutex_unlock(&wire->mutex);
    wire_tell(wire, tell);
}

static bool receive_stranger(struct wire_endpoint *endpoint, nng_stream *stream)
{
    const struct wire_door *door = endpoint->wire->options.door;
    struct wire_source source;
    uint32_t place = 0;
    const char *reason = NULL;
    if (door) {
        address_of_peer(stream, endpoint->address.local, &source);
        reason = door->enter(door->context, &source, &place);
    }
    if (!reason)
        return connection_start(endpoint, stream, place);
    turn_away(endpoint, stream, reason);
    return true;
}

static void on_accept(void *context)
{
    struct wire_endpoint *endpoint = context;
    int rv = nng_aio_result(endpoint->aio);
    if (rv == NNG_ECLOSED || rv == NNG_ECANCELED)
        return;
    bool failed = rv != 0 || !receive_stranger(endpoint, nng_aio_get_output(endpoint->aio, 0));
    accept_next(endpoint, failed);
}

void endpoint_accept(struct wire_endpoint *endpoint)
{
    accept_next(endpoint, false);
}

/* ---- listening ---- */

static int set_listener_tls(struct wire *wire, struct wire_endpoint *endpoint)
{
    nng_tls_config *config = NULL;
    int rv = tls_engine_config(wire->tls, true, NULL, &config);
    if (rv != 0)
        return rv;
    rv = nng_stream_listener_set_ptr(endpoint->listener, NNG_OPT_TLS_CONFIG, config);
    nng_tls_config_free(config); /* the listener holds it */
    return rv;
}

static int prepare_listener(struct wire *wire, struct wire_endpoint *endpoint)
{
    int rv = nng_stream_listener_alloc(&endpoint->listener, endpoint->url);
    if (rv == 0 && endpoint->address.tls)
        rv = set_listener_tls(wire, endpoint);
    if (rv == 0 && endpoint->address.local)
        rv = nng_stream_listener_set_int(endpoint->listener, NNG_OPT_IPC_PERMISSIONS, SOCKET_PERMISSIONS);
    if (rv == 0 && !endpoint->address.local)
        rv = nng_stream_listener_set_bool(endpoint->listener, NNG_OPT_TCP_NODELAY, true);
    if (rv == 0)
        rv = nng_stream_listener_listen(endpoint->listener);
    return rv;
}

/* NNG removes what a killed process left behind, if nobody answers there; but it would remove any other file as well. */
static bool path_is_taken(const struct address *address)
{
    struct stat present;
    return address->local && lstat(address->path, &present) == 0 && !S_ISSOCK(present.st_mode);
}

static int refuse_listening(struct wire_endpoint *endpoint, int rv, char *reterr_text, size_t reterr_size)
{
    snprintf(reterr_text, reterr_size, "cannot listen on %s: %s", endpoint->url, nng_strerror(rv));
    return rv == NNG_ENOMEM ? -ENOMEM : WIRE_E_BIND;
}

static void read_port(struct wire_endpoint *endpoint)
{
    int port = 0;
    if (endpoint->address.local || nng_stream_listener_get_int(endpoint->listener, NNG_OPT_TCP_BOUND_PORT, &port) != 0)
        return;
    endpoint->address.port = (unsigned)port;
    address_format(&endpoint->address, endpoint->url, sizeof endpoint->url);
}

int endpoint_listen(struct wire *wire, struct wire_endpoint *endpoint, char *reterr_text, size_t reterr_size)
{
    if (path_is_taken(&endpoint->address)) {
        snprintf(reterr_text, reterr_size, "cannot listen on %s: there is a file of that name that is not a socket", endpoint->url);
        return WIRE_E_BIND;
    }
    int rv = nng_aio_alloc(&endpoint->aio, on_accept, endpoint);
    if (rv == 0)
        rv = prepare_listener(wire, endpoint);
    if (rv != 0)
        return refuse_listening(endpoint, rv, reterr_text, reterr_size);
    nng_aio_set_timeout(endpoint->aio, NNG_DURATION_INFINITE);
    read_port(endpoint);
    if (!endpoint->address.local)
        backlog_widen(endpoint->address.port);
    return 0;
}

/* ---- dialling ---- */

static void dial_failed(struct wire_endpoint *endpoint, const char *reason)
{
    struct wire *wire = endpoint->wire;
    pthread_mutex_lock(&wire->mutex);
    endpoint->dialing = false;
    endpoint->dial_failed = true;
    snprintf(endpoint->reason, sizeof endpoint->reason, "%s", reason);
    bool tell = wire_mark_endpoint(wire);
    pthread_mutex_unlock(&wire->mutex);
    wire_tell(wire, tell);
}

static void on_dial(void *context)
{
    struct wire_endpoint *endpoint = context;
    int rv = nng_aio_result(endpoint->aio);
    if (rv != 0) {
        dial_failed(endpoint, nng_strerror(rv));
        return;
    }
    pthread_mutex_lock(&endpoint->wire->mutex);
    endpoint->dialing = false;
    pthread_mutex_unlock(&endpoint->wire->mutex);
    if (!connection_start(endpoint, nng_aio_get_output(endpoint->aio, 0), 0))
        dial_failed(endpoint, "out of memory");
}

static int set_dialer_tls(struct wire *wire, struct wire_endpoint *endpoint, const char *server_name)
{
    nng_tls_config *config = NULL;
    int rv = tls_engine_config(wire->tls, false, server_name, &config);
    if (rv != 0)
        return rv;
    rv = nng_stream_dialer_set_ptr(endpoint->dialer, NNG_OPT_TLS_CONFIG, config);
    nng_tls_config_free(config);
    return rv;
}

int endpoint_prepare_dialer(struct wire *wire, struct wire_endpoint *endpoint, const char *server_name, char *reterr_text, size_t reterr_size)
{
    int rv = nng_aio_alloc(&endpoint->aio, on_dial, endpoint);
    if (rv == 0)
        rv = nng_stream_dialer_alloc(&endpoint->dialer, endpoint->url);
    if (rv == 0 && endpoint->address.tls)
        rv = set_dialer_tls(wire, endpoint, server_name);
    /* Frames are whole when they are handed over; waiting for more would cost 40 ms a hop. */
    if (rv == 0 && !endpoint->address.local)
        rv = nng_stream_dialer_set_bool(endpoint->dialer, NNG_OPT_TCP_NODELAY, true);
    if (rv != 0) {
        snprintf(reterr_text, reterr_size, "cannot dial %s: %s", endpoint->url, nng_strerror(rv));
        return rv == NNG_ENOMEM ? -ENOMEM : WIRE_E_ADDRESS;
    }
    nng_aio_set_timeout(endpoint->aio, DIAL_TIMEOUT_MS);
    return 0;
}

void wire_dial(struct wire_endpoint *endpoint)
{
    pthread_mutex_lock(&endpoint->wire->mutex);
    bool start = endpoint->dialer && !endpoint->dialing;
    endpoint->dialing = true;
    pthread_mutex_unlock(&endpoint->wire->mutex);
    if (start) {
        nng_aio_wait(endpoint->aio); /* the callback of the last attempt may be on its last lines */
        nng_stream_dialer_dial(endpoint->dialer, endpoint->aio);
    }
}

/* ---- the end ---- */

struct wire_endpoint *endpoint_free(struct wire_endpoint *endpoint)
{
    if (endpoint->listener)
        nng_stream_listener_close(endpoint->listener);
    if (endpoint->dialer)
        nng_stream_dialer_close(endpoint->dialer);
    if (endpoint->aio)
        nng_aio_stop(endpoint->aio);
    nng_stream_listener_free(endpoint->listener);
    nng_stream_dialer_free(endpoint->dialer);
    nng_aio_free(endpoint->aio);
    free(endpoint);
    return NULL;
}
