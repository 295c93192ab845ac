/* TLS for NNG by OpenSSL. NNG's own engine in Debian 12 is mbedTLS: TLS 1.2, no Ed25519, no name of the peer.
 *
 * NNG's TLS layer tells its user neither when the handshake is done nor, reliably, that the stream has died: the news is lost
 * when it comes while no receive is outstanding (1.5 to 1.10). Therefore a stream is watched: ONE receive, started right after
 * tls_engine_attach, stays outstanding for the life of the stream; its buffer is not used. The engine puts decrypted bytes
 * directly where the watch wants them, and the receive completes when the peer has ended the stream. After a failure (a bad
 * certificate) the stream stays open until nng_stream_close, so that the peer can still read what was wrong.
 *
 * Bytes to be sent are fetched from the watch too, not given to nng_stream_send: that would wake one of NNG's threads each time,
 * only to say that they have been taken. */
#ifndef WIRE_TLS_ENGINE_H
#define WIRE_TLS_ENGINE_H

#include "wire/tls_context.h"

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_identity {
    char common_name[128];   /* "" if the subject has none */
    uint8_t fingerprint[32]; /* SHA-256 of the certificate */
};

/* Called with NNG's lock of the stream held, on any thread, never two at a time: must not call NNG. No call comes after
 * nng_stream_close has returned. */
struct tls_watch {
    void *context;
    /* The handshake is done and the peer's certificate checked. */
    void (*up)(void *context, const struct tls_identity *peer);
    /* Where to put decrypted bytes. 0: no room, the stream is held back until tls_engine_resume. Followed by one commit. */
    size_t (*reserve)(void *context, uint8_t **ret_space);
    void (*commit)(void *context, size_t size);
    /* The next bytes to be sent; 0: none. They stay where they are until sent has been called for them. */
    size_t (*outgoing)(void *context, const uint8_t **ret_bytes);
    /* That many of them, at least one, have been taken. */
    void (*sent)(void *context, size_t size);
    /* No more bytes will come; comes at most once. */
    void (*ended)(void *context, const char *reason);
};

/* Starts NNG if need be and makes this its TLS engine. 0, or an NNG error. Any thread, any number of times. */
int tls_engine_register(void);

/* A configuration to give to a listener or dialer; nng_tls_config_free it. server_name NULL: the peer's name is not checked. 0 or
 * an NNG error. */
int tls_engine_config(struct tls_context *context, bool server, const char *server_name, nng_tls_config **ret_config);

/* Watches a stream that has just been accepted or dialled. The watch is copied. 0 or an NNG error. */
int tls_engine_attach(nng_stream *stream, const struct tls_watch *watch);
/* There is room again after reserve answered 0. */
void tls_engine_resume(nng_stream *stream);
/* There is something to be sent after outgoing answered 0. What cannot go at once is fetched later. */
void tls_engine_send(nng_stream *stream);
/* Tells the peer that nothing more will be sent; goes out behind everything sent before. */
void tls_engine_shutdown(nng_stream *stream);

#endif
