/* NNG's engine interface on top of OpenSSL: first the handshake, then bytes in, bytes out, then what NNG wants to configure. */
#include "wire/tls_engine.h"

#include <nng/supplemental/tls/engine.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENGINE_NAME "openssl-qiao"
#define RECORD_SIZE_MAX 16128 /* as in tls_context.c: one record fits NNG's send buffer */

struct nng_tls_engine_conn { /* lives in NNG's memory, guarded by NNG's lock of the stream */
    struct tls_context *context; /* of the session */
    SSL *session;
    void *transport;
    bool watched;
    bool up;
    bool closed; /* by this side */
    bool ended;
    bool said_goodbye;   /* close_notify made */
    bool goodbye_unsent; /* but NNG's buffer was full */
    struct tls_watch watch;
};

struct nng_tls_engine_config { /* lives in NNG's memory */
    struct tls_context *context;
    bool server;
    char *server_name;
};

/* What the call that goes through NNG to the engine on this very thread is about: NNG has no door for it. */
enum errand { ERRAND_NONE, ERRAND_ATTACH, ERRAND_RESUME, ERRAND_SEND, ERRAND_SHUTDOWN };
static _Thread_local enum errand errand;
static _Thread_local const struct tls_watch *errand_watch;
static _Thread_local struct tls_context *errand_context;

/* ---- the end, and its reason ---- */

static void end(struct nng_tls_engine_conn *conn, const char *reason)
{
    if (conn->ended)
        return;
    conn->ended = true;
    if (conn->watched && conn->watch.ended)
        conn->watch.ended(conn->watch.context, reason);
}

static void describe_failure(SSL *session, char *text, size_t size)
{
    long verdict = SSL_get_verify_result(session);
    unsigned long code = ERR_peek_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;
    if (verdict != X509_V_OK)
        snprintf(text, size, "the certificate of the peer was refused: %s", X509_verify_cert_error_string(verdict));
    else if (code && ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET)
        snprintf(text, size, "the peer refused the connection: %s", why ? why : "TLS alert");
    else
        snprintf(text, size, "TLS failed: %s", why ? why : "connection lost");
}

/* An error would make NNG close the transport this instant, and the reset that follows would take our alert with it: the peer
 * would never read why. A watched stream is closed by who watches it. */
static int failed(const struct nng_tls_engine_conn *conn)
{
    return conn->watched ? NNG_EAGAIN : NNG_ECRYPTO;
}

/* Turns OpenSSL's answer into NNG's. */
static int outcome(struct nng_tls_engine_conn *conn, int answer)
{
    int kind = SSL_get_error(conn->session, answer);
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
        return NNG_EAGAIN;
    if (kind == SSL_ERROR_ZERO_RETURN) {
        end(conn, "closed by the peer");
        return NNG_ECONNSHUT;
    }
    char reason[192];
    describe_failure(conn->session, reason, sizeof reason);
    ERR_clear_error();
    end(conn, reason);
    return failed(conn);
}

/* ---- handshake ---- */

static void read_identity(SSL *session, struct tls_identity *ret)
{
    memset(ret, 0, sizeof *ret);
    X509 *certificate = SSL_get0_peer_certificate(session);
    if (!certificate)
        return;
    int length = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, ret->common_name,
                                           (int)sizeof ret->common_name);
    /* A name with a NUL inside or cut off is not a name to be trusted. */
    if (length < 0 || (size_t)length != strlen(ret->common_name) || (size_t)length >= sizeof ret->common_name - 1)
        ret->common_name[0] = '\0';
    unsigned size = sizeof ret->fingerprint;
    X509_digest(certificate, EVP_sha256(), ret->fingerprint, &size);
}

static int conn_handshake(struct nng_tls_engine_conn *conn)
{
    if (conn->closed)
        return NNG_ECLOSED;
    if (conn->ended)
        return failed(conn);
    if (conn->up)
        return 0;
    ERR_clear_error();
    int answer = SSL_do_handshake(conn->session);
    if (answer != 1)
        return outcome(conn, answer);
    conn->up = true;
    if (conn->watched) {
        struct tls_identity peer;
        read_identity(conn->session, &peer);
        conn->watch.up(conn->watch.context, &peer);
    }
    return 0;
}

/* ---- goodbye ---- */

/* A second call makes sense only to push out what did not fit: once it is out, OpenSSL would read instead. */
static void say_goodbye(struct nng_tls_engine_conn *conn)
{
    if (!conn->up || conn->ended || (conn->said_goodbye && !conn->goodbye_unsent))
        return;
    ERR_clear_error();
    conn->said_goodbye = true;
    conn->goodbye_unsent = SSL_shutdown(conn->session) < 0;
    ERR_clear_error();
}

/* ---- bytes out of a watched stream ---- */

/* As many records as fit NNG's buffer. When that has gone out NNG asks for received bytes, which is when the rest goes. What OpenSSL
 * could not write whole must come to it again unchanged: the watch keeps it. */
static void drain_watch(struct nng_tls_engine_conn *conn)
{
    const uint8_t *bytes;
    size_t size, written;
    while (conn->up && !conn->closed && !conn->ended && !conn->said_goodbye && (size = conn->watch.outgoing(conn->watch.context, &bytes)) > 0) {
        ERR_clear_error();
        int answer = SSL_write_ex(conn->session, bytes, size < RECORD_SIZE_MAX ? size : RECORD_SIZE_MAX, &written);
        if (answer != 1) {
            outcome(conn, answer);
            return;
        }
        conn->watch.sent(conn->watch.context, written);
    }
}

/* ---- bytes in ---- */

/* Reads as long as there is room and something decrypted without more input. */
static int fill_watch(struct nng_tls_engine_conn *conn)
{
    for (;;) {
        uint8_t *space = NULL;
        size_t room = conn->watch.reserve(conn->watch.context, &space);
        if (room == 0)
            return NNG_EAGAIN;
        size_t size = 0;
        ERR_clear_error();
        int answer = SSL_read_ex(conn->session, space, room, &size);
        conn->watch.commit(conn->watch.context, answer == 1 ? size : 0);
        if (answer != 1)
            return outcome(conn, answer);
    }
}

static int conn_recv(struct nng_tls_engine_conn *conn, uint8_t *buffer, size_t *size)
{
    int rv = conn_handshake(conn);
    if (rv != 0)
        return rv;
    if (conn->goodbye_unsent)
        say_goodbye(conn);
    if (conn->watched) {
        drain_watch(conn);
        return fill_watch(conn);
    }
    ERR_clear_error();
    int answer = SSL_read_ex(conn->session, buffer, *size, size);
    return answer == 1 ? 0 : outcome(conn, answer);
}

/* ---- bytes out ---- */

/* What nng_stream_send gives: nothing, for a stream that is watched. */
static int conn_send(struct nng_tls_engine_conn *conn, const uint8_t *buffer, size_t *size)
{
    int rv = conn_handshake(conn);
    if (rv != 0)
        return rv;
    ERR_clear_error();
    int answer = SSL_write_ex(conn->session, buffer, *size < RECORD_SIZE_MAX ? *size : RECORD_SIZE_MAX, size);
    return answer == 1 ? 0 : outcome(conn, answer);
}

/* ---- errands: calls of this module's users, inside NNG's lock ---- */

static bool conn_verified(struct nng_tls_engine_conn *conn)
{
    switch (errand) {
    case ERRAND_ATTACH:
        conn->watch = *errand_watch;
        conn->watched = true;
        break;
    case ERRAND_RESUME:
        if (conn->up && !conn->closed && !conn->ended)
            fill_watch(conn);
        break;
    case ERRAND_SEND:
        drain_watch(conn);
        break;
    case ERRAND_SHUTDOWN:
        if (!conn->closed)
            say_goodbye(conn);
        break;
    case ERRAND_NONE:
        break;
    }
    errand = ERRAND_NONE;
    return conn->up && SSL_get_verify_result(conn->session) == X509_V_OK && SSL_get0_peer_certificate(conn->session);
}

static int run_errand(nng_stream *stream, enum errand which)
{
    bool verified;
    errand = which;
    int rv = nng_stream_get_bool(stream, NNG_OPT_TLS_VERIFIED, &verified);
    bool done = errand == ERRAND_NONE;
    errand = ERRAND_NONE;
    return rv == 0 && !done ? NNG_ENOTSUP : rv;
}

int tls_engine_attach(nng_stream *stream, const struct tls_watch *watch)
{
    errand_watch = watch;
    return run_errand(stream, ERRAND_ATTACH);
}

void tls_engine_resume(nng_stream *stream)
{
    run_errand(stream, ERRAND_RESUME);
}

void tls_engine_send(nng_stream *stream)
{
    run_errand(stream, ERRAND_SEND);
}

void tls_engine_shutdown(nng_stream *stream)
{
    run_errand(stream, ERRAND_SHUTDOWN);
}

/* ---- OpenSSL's transport: NNG's buffers ---- */

static int bio_answer(BIO *bio, int rv, size_t size)
{
    BIO_clear_retry_flags(bio);
    return rv == 0 ? (int)size : -1;
}

/* NNG starts its next read, which wakes another thread, in the moment its 16 KiB buffer is empty; that thread then waits for the
 * lock of the stream while this one decrypts. Leaving one byte of a full buffer for last lets this thread finish first. */
#define TRANSPORT_READ_MAX 16383

static int bio_read(BIO *bio, char *buffer, int size)
{
    size_t count = size < TRANSPORT_READ_MAX ? (size_t)size : TRANSPORT_READ_MAX;
    int rv = nng_tls_engine_recv(BIO_get_data(bio), (uint8_t *)buffer, &count);
    int answer = bio_answer(bio, rv, count);
    if (rv == NNG_EAGAIN)
        BIO_set_retry_read(bio);
    return answer;
}

static int bio_write(BIO *bio, const char *buffer, int size)
{
    size_t count = (size_t)size;
    int rv = nng_tls_engine_send(BIO_get_data(bio), (const uint8_t *)buffer, &count);
    int answer = bio_answer(bio, rv, count);
    if (rv == NNG_EAGAIN)
        BIO_set_retry_write(bio);
    return answer;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH; /* NNG sends by itself */
}

static BIO_METHOD *transport_method; /* made once, kept */
static pthread_once_t transport_method_once = PTHREAD_ONCE_INIT;

static void make_transport_method(void)
{
    transport_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "nng");
    if (!transport_method)
        return;
    BIO_meth_set_read(transport_method, bio_read);
    BIO_meth_set_write(transport_method, bio_write);
    BIO_meth_set_ctrl(transport_method, bio_control);
}

/* ---- connection: begin and end ---- */

static int conn_init(struct nng_tls_engine_conn *conn, void *transport, struct nng_tls_engine_config *config)
{
    if (!config->context) /* NNG's default configuration: no certificates */
        return NNG_ENOTSUP;
    BIO *bio = BIO_new(transport_method);
    SSL *session = tls_context_session(config->context);
    if (!bio || !session || (config->server_name && (SSL_set1_host(session, config->server_name) != 1 ||
                                                     SSL_set_tlsext_host_name(session, config->server_name) != 1))) {
        BIO_free(bio);
        tls_context_session_free(config->context, session);
        return NNG_ENOMEM;
    }
    BIO_set_data(bio, transport);
    BIO_set_init(bio, 1);
    SSL_set_bio(session, bio, bio);
    if (config->server)
        SSL_set_accept_state(session);
    else
        SSL_set_connect_state(session);
    conn->context = config->context;
    conn->session = session;
    conn->transport = transport;
    return 0;
}

/* The last call of NNG that may reach the watch. */
static void conn_close(struct nng_tls_engine_conn *conn)
{
    if (conn->closed)
        return;
    conn->closed = true;
    conn->watched = false;
    say_goodbye(conn);
}

/* Also called for a connection that never began. */
static void conn_fini(struct nng_tls_engine_conn *conn)
{
    tls_context_session_free(conn->context, conn->session);
    conn->session = NULL;
}

/* ---- configuration ---- */

static int config_init(struct nng_tls_engine_config *config, nng_tls_mode mode)
{
    config->server = mode == NNG_TLS_MODE_SERVER;
    config->context = errand_context ? tls_context_ref(errand_context) : NULL;
    return 0;
}

static void config_fini(struct nng_tls_engine_config *config)
{
    free(config->server_name);
    if (config->context)
        tls_context_unref(config->context); /* last: the context may be freed from here on */
}

static int config_server(struct nng_tls_engine_config *config, const char *name)
{
    char *copy = name ? strdup(name) : NULL;
    if (name && !copy)
        return NNG_ENOMEM;
    free(config->server_name);
    config->server_name = copy;
    return 0;
}

/* Both sides always prove themselves; nothing less can be asked for. */
static int config_auth(struct nng_tls_engine_config *config, nng_tls_auth_mode mode)
{
    (void)config;
    return mode == NNG_TLS_AUTH_MODE_REQUIRED ? 0 : NNG_ENOTSUP;
}

/* Certificates come from the tls_context, which can be reloaded; NNG's setters cannot. */
static int config_ca_chain(struct nng_tls_engine_config *config, const char *certificates, const char *crl)
{
    (void)config, (void)certificates, (void)crl;
    return NNG_ENOTSUP;
}

static int config_own_cert(struct nng_tls_engine_config *config, const char *certificate, const char *key, const char *passphrase)
{
    (void)config, (void)certificate, (void)key, (void)passphrase;
    return NNG_ENOTSUP;
}

static int config_version(struct nng_tls_engine_config *config, nng_tls_version lowest, nng_tls_version highest)
{
    (void)config;
    return lowest <= NNG_TLS_1_3 && highest >= NNG_TLS_1_3 ? 0 : NNG_ENOTSUP;
}

int tls_engine_config(struct tls_context *context, bool server, const char *server_name, nng_tls_config **ret_config)
{
    nng_tls_config *config = NULL;
    errand_context = context;
    int rv = nng_tls_config_alloc(&config, server ? NNG_TLS_MODE_SERVER : NNG_TLS_MODE_CLIENT);
    errand_context = NULL;
    if (rv == 0 && server_name && (rv = nng_tls_config_server_name(config, server_name)) != 0)
        nng_tls_config_free(config);
    if (rv == 0)
        *ret_config = config;
    return rv;
}

/* ---- registration ---- */

#if NNG_MINOR_VERSION >= 6
#define ENGINE_HAS_PSK
static int config_psk(struct nng_tls_engine_config *config, const char *identity, const uint8_t *key, size_t size)
{
    (void)config, (void)identity, (void)key, (void)size;
    return NNG_ENOTSUP;
}
#endif

#if NNG_MINOR_VERSION >= 9
#define ENGINE_HAS_NAMES
static char *conn_peer_cn(struct nng_tls_engine_conn *conn)
{
    struct tls_identity peer;
    read_identity(conn->session, &peer);
    return strdup(peer.common_name);
}

static char **conn_peer_alt_names(struct nng_tls_engine_conn *conn)
{
    (void)conn;
    return calloc(1, sizeof(char *)); /* none: who the peer is, is its common name */
}
#endif

static nng_tls_engine_conn_ops conn_operations = {
    .size = sizeof(struct nng_tls_engine_conn),
    .init = conn_init,
    .fini = conn_fini,
    .close = conn_close,
    .handshake = conn_handshake,
    .recv = conn_recv,
    .send = conn_send,
    .verified = conn_verified,
#ifdef ENGINE_HAS_NAMES
    .peer_cn = conn_peer_cn,
    .peer_alt_names = conn_peer_alt_names,
#endif
};

static nng_tls_engine_config_ops config_operations = {
    .size = sizeof(struct nng_tls_engine_config),
    .init = config_init,
    .fini = config_fini,
    .server = config_server,
    .auth = config_auth,
    .ca_chain = config_ca_chain,
    .own_cert = config_own_cert,
    .version = config_version,
#ifdef ENGINE_HAS_PSK
    .psk = config_psk,
#endif
};

static const nng_tls_engine engine = {
    .version = NNG_TLS_ENGINE_VERSION,
    .config_ops = &config_operations,
    .conn_ops = &conn_operations,
    .name = ENGINE_NAME,
    .description = "OpenSSL, TLS 1.3, mutual authentication",
    .fips_mode = false,
};

int tls_engine_register(void)
{
    nng_tls_engine_name(); /* starts NNG, which installs its packaged engine: ours must come after that */
    pthread_once(&transport_method_once, make_transport_method);
    if (!transport_method)
        return NNG_ENOMEM;
    int rv = nng_tls_engine_register(&engine);
    if (rv == 0 && strcmp(nng_tls_engine_name(), ENGINE_NAME) != 0)
        rv = NNG_ESTATE;
    return rv;
}
