/* The certificates in use, behind one handle that stays while what it holds is replaced. */
#ifndef WIRE_TLS_CONTEXT_H
#define WIRE_TLS_CONTEXT_H

#include "wire/wire.h"

#include <openssl/ssl.h>

struct tls_context;

/* Reads certificate, key, CA and CRL. 0, -ENOMEM, or WIRE_E_TLS with a sentence in reterr_text. */
int tls_context_new(const struct wire_tls *files, struct tls_context **ret_context, char *reterr_text, size_t reterr_size);
/* Reads again. Sessions started later use the new material; on an error the old one stays. Any thread. */
int tls_context_reload(struct tls_context *context, const struct wire_tls *files, char *reterr_text, size_t reterr_size);

/* For those who use it besides its owner. Any thread. */
struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_unref(struct tls_context *context);
/* Waits until nobody else uses it: NNG takes streams apart on a thread of its own, and a process must not leave main, which ends
 * OpenSSL, while that goes on. Returns NULL. */
struct tls_context *tls_context_free(struct tls_context *context);

/* A session with the material of this moment, or NULL without memory; the context stays as long as it. Any thread. */
SSL *tls_context_session(struct tls_context *context);
/* NULL: nothing. */
void tls_context_session_free(struct tls_context *context, SSL *session);
/* Sessions made and not yet freed. */
size_t tls_context_sessions(struct tls_context *context);

#endif
