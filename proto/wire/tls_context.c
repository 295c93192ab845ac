/* What a TLS connection of ours may be: version 1.3, both sides with a certificate of our CA, no resumption. */
#include "wire/tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A full record with its overhead must fit NNG's 16 KiB send buffer in one piece: a record that is split costs a second wake-up
 * of an NNG thread for its last few bytes. */
#define RECORD_SIZE_MAX 16128

/* At least 128 bits (RFC 7919's ffdhe2048, which is among OpenSSL's defaults, has 103 to 112), and nothing that costs milliseconds a
 * handshake. With ML-KEM (FIPS 203) first where OpenSSL has it, from 3.5: what is recorded today is not read by a later machine. */
#define GROUPS "X25519:P-256:P-384"
#define GROUPS_HYBRID "X25519MLKEM768:" GROUPS
#define SECURITY_LEVEL 2 /* 112 bits, for the RSA keys of other authorities; whatever the system's openssl.cnf says */
#define CHAIN_SIZE_MAX (32 * 1024) /* of a peer's certificates, before it has proved anything: some 20 of them */

struct tls_context {
    pthread_mutex_t mutex;
    pthread_cond_t released;
    unsigned references;
    size_t sessions;
    SSL_CTX *material;
};

static int refuse(char *reterr_text, size_t reterr_size, const char *what, const char *file)
{
    unsigned long code = ERR_peek_last_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;
    snprintf(reterr_text, reterr_size, "%s%s%s: %s", what, file ? " " : "", file ? file : "", why ? why : "not usable");
    ERR_clear_error();
    return WIRE_E_TLS;
}

/* Never lets OpenSSL ask a terminal. */
static int give_passphrase(char *buffer, int size, int writing, void *passphrase)
{
    (void)writing;
    size_t length = passphrase ? strlen(passphrase) : 0;
    if (length == 0 || length > (size_t)size)
        return -1;
    memcpy(buffer, passphrase, length);
    return (int)length;
}

static void set_policy(SSL_CTX *material)
{
    SSL_CTX_set_min_proto_version(material, TLS1_3_VERSION);
    SSL_CTX_set_max_proto_version(material, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(material, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
    SSL_CTX_set_security_level(material, SECURITY_LEVEL);
    if (SSL_CTX_set1_groups_list(material, GROUPS_HYBRID) != 1)
        SSL_CTX_set1_groups_list(material, GROUPS);
    ERR_clear_error();
    SSL_CTX_set_max_cert_list(material, CHAIN_SIZE_MAX);
    SSL_CTX_set_verify(material, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_mode(material, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(material, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_num_tickets(material, 0);
    SSL_CTX_set_session_cache_mode(material, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_send_fragment(material, RECORD_SIZE_MAX);
    SSL_CTX_set_read_ahead(material, 1); /* a whole buffer of NNG's at a time, not a record's header and then its body */
}

static int load_identity(SSL_CTX *material, const struct wire_tls *files, char *reterr_text, size_t reterr_size)
{
    SSL_CTX_set_default_passwd_cb(material, give_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(material, (void *)files->passphrase);
    int rc = 0;
    if (SSL_CTX_use_certificate_chain_file(material, files->certificate_file) != 1)
        rc = refuse(reterr_text, reterr_size, "certificate", files->certificate_file);
    else if (SSL_CTX_use_PrivateKey_file(material, files->key_file, SSL_FILETYPE_PEM) != 1)
        rc = refuse(reterr_text, reterr_size, "key", files->key_file);
    else if (SSL_CTX_check_private_key(material) != 1)
        rc = refuse(reterr_text, reterr_size, "key does not belong to the certificate:", files->key_file);
    SSL_CTX_set_default_passwd_cb_userdata(material, NULL);
    return rc;
}

static int load_trust(SSL_CTX *material, const struct wire_tls *files, char *reterr_text, size_t reterr_size)
{
    if (SSL_CTX_load_verify_file(material, files->ca_file) != 1)
        return refuse(reterr_text, reterr_size, "CA", files->ca_file);
    if (!files->crl_file)
        return 0;
    X509_STORE *store = SSL_CTX_get_cert_store(material);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (!lookup || X509_load_crl_file(lookup, files->crl_file, X509_FILETYPE_PEM) < 1)
        return refuse(reterr_text, reterr_size, "CRL", files->crl_file);
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    return 0;
}

static int load(const struct wire_tls *files, SSL_CTX **ret_material, char *reterr_text, size_t reterr_size)
{
    if (!files->certificate_file || !files->key_file || !files->ca_file) {
        snprintf(reterr_text, reterr_size, "TLS needs a certificate, a key and a CA");
        return WIRE_E_TLS;
    }
    ERR_clear_error();
    SSL_CTX *material = SSL_CTX_new(TLS_method());
    if (!material)
        return -ENOMEM;
    set_policy(material);
    int rc = load_identity(material, files, reterr_text, reterr_size);
    if (rc == 0)
        rc = load_trust(material, files, reterr_text, reterr_size);
    if (rc != 0) {
        SSL_CTX_free(material);
        return rc;
    }
    *ret_material = material;
    return 0;
}

int tls_context_new(const struct wire_tls *files, struct tls_context **ret_context, char *reterr_text, size_t reterr_size)
{
    SSL_CTX *material = NULL;
    int rc = load(files, &material, reterr_text, reterr_size);
    if (rc != 0)
        return rc;
    struct tls_context *context = calloc(1, sizeof *context);
    if (!context) {
        SSL_CTX_free(material);
        return -ENOMEM;
    }
    pthread_mutex_init(&context->mutex, NULL);
    pthread_cond_init(&context->released, NULL);
    context->references = 1;
    context->material = material;
    *ret_context = context;
    return 0;
}

int tls_context_reload(struct tls_context *context, const struct wire_tls *files, char *reterr_text, size_t reterr_size)
{
    SSL_CTX *fresh = NULL;
    int rc = load(files, &fresh, reterr_text, reterr_size);
    if (rc != 0)
        return rc;
    pthread_mutex_lock(&context->mutex);
    SSL_CTX *old = context->material;
    context->material = fresh;
    pthread_mutex_unlock(&context->mutex);
    SSL_CTX_free(old); /* sessions in use keep their own reference */
    return 0;
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
    pthread_mutex_lock(&context->mutex);
    context->references++;
    pthread_mutex_unlock(&context->mutex);
    return context;
}

void tls_context_unref(struct tls_context *context)
{
    pthread_mutex_lock(&context->mutex);
    context->references--;
    pthread_cond_signal(&context->released); /* with the mutex held: the one who waits frees both */
    pthread_mutex_unlock(&context->mutex);
}

struct tls_context *tls_context_free(struct tls_context *context)
{
    if (!context)
        return NULL;
    pthread_mutex_lock(&context->mutex);
    while (context->references > 1)
        pthread_cond_wait(&context->released, &context->mutex);
    pthread_mutex_unlock(&context->mutex);
    SSL_CTX_free(context->material);
    pthread_cond_destroy(&context->released);
    pthread_mutex_destroy(&context->mutex);
    free(context);
    return NULL;
}

SSL *tls_context_session(struct tls_context *context)
{
    pthread_mutex_lock(&context->mutex);
    SSL *session = SSL_new(context->material);
    context->sessions += session != NULL;
    context->references += session != NULL;
    pthread_mutex_unlock(&context->mutex);
    return session;
}

void tls_context_session_free(struct tls_context *context, SSL *session)
{
    if (!session)
        return;
    SSL_free(session);
    pthread_mutex_lock(&context->mutex);
    context->sessions--;
    pthread_mutex_unlock(&context->mutex);
    tls_context_unref(context);
}

size_t tls_context_sessions(struct tls_context *context)
{
    pthread_mutex_lock(&context->mutex);
    size_t sessions = context->sessions;
    pthread_mutex_unlock(&context->mutex);
    return sessions;
}
