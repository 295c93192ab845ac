/* A session on a wire: dialling, waiting, dispatching. */
#include "base/prng.h"
#include "sdk/files.h"
#include "sdk/outbox.h"
#include "sdk/session.h"

#include "seal/keyring.h"
#include "wire/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define REDIAL_MS_MIN 20u
#define REDIAL_MS_MAX 2000u /* of a thousand that come back at once most are turned away at first: they must not stay away for long */
/* What one dispatch takes from the wire before the caller gets a turn. */
#define READ_BUDGET (1024u * 1024u)

struct qiao_client {
    struct qiao_client_handler handler;
    struct session session;
    struct outbox *outbox;
    struct files files;
    struct wire *wire;
    struct wire_endpoint *dialer;
    struct wire_connection *connection;
    struct frame_reader reader;
    struct wire_tls tls;
    struct keyring *keyring;       /* NULL: the node signs for this member */
    char *member, *node;
    int event_fd;
    bool stopped, refused;
    bool dialling;
    bool dispatching;
    bool asked;                    /* for something that goes out with the next dispatch */
    uint64_t redial_at_ms;
    uint64_t redial_ms, redial_ms_max;
    struct prng prng;            /* for the pauses between dials */
    qiao_admin_reply admin_reply;
    void *admin_context;
};

static uint64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- the wire reports ---- */

static void send_out(struct qiao_client *c)
{
    size_t size;
    if (!c->connection || c->session.out.size == 0) return;
    uint8_t *data = buf_take(&c->session.out, &size);
    wire_send(c->connection, data, size);
}

static void on_connected(void *context, struct wire_endpoint *endpoint, struct wire_connection *connection, const struct wire_peer *peer)
{
    struct qiao_client *c = context;
    uint8_t nonce[32];
    (void)endpoint;
    (void)peer;
    while (getrandom(nonce, sizeof nonce, 0) != sizeof nonce) { }
    c->connection = connection;
    c->dialling = false;
    c->session.wall_ms = wall_ms();
    session_connected(&c->session, nonce, monotonic_ms());
}

/* A random part of the pause keeps a thousand members from coming back in step. */
static void dial_later(struct qiao_client *c)
{
    c->dialling = false;
    c->redial_at_ms = monotonic_ms() + c->redial_ms / 2 + prng_below(&c->prng, c->redial_ms / 2 + 1);
    c->redial_ms = c->redial_ms * 2 > c->redial_ms_max ? c->redial_ms_max : c->redial_ms * 2;
}

static void on_dial_failed(void *context, struct wire_endpoint *endpoint, const char *reason)
{
    struct qiao_client *c = context;
    (void)endpoint;
    snprintf(c->session.error, sizeof c->session.error, "%s: %s", c->node, reason);
    dial_later(c);
}

static bool on_frame(void *context, const struct frame *frame)
{
    struct qiao_client *c = context;
    session_receive(&c->session, monotonic_ms(), frame);
    if (session_is_up(&c->session)) c->redial_ms = REDIAL_MS_MIN;
    return c->session.connected && !c->session.goodbye;
}

static void on_received(void *context, struct wire_connection *connection, struct qiao_bytes bytes)
{
    struct qiao_client *c = context;
    if (connection != c->connection || c->session.goodbye) return;
    unsigned code = frame_reader_feed(&c->reader, bytes, &c->session.link.frame_size_max, on_frame, c);
    if (code == QIAO_CODE_OK) {
        link_progress(&c->session.link, monotonic_ms());
        return;
    }
    c->session.code = code;
    snprintf(c->session.reason, sizeof c->session.reason, "%s", qiao_code_text(code));
    c->session.goodbye = true;
}

static void on_closed(void *context, struct wire_connection *connection, const char *reason)
{
    struct qiao_client *c = context;
    if (connection != c->connection) return;
    c->connection = NULL;
    if (!c->session.goodbye) snprintf(c->session.reason, sizeof c->session.reason, "%s", reason);
    if (c->session.reason[0]) snprintf(c->session.error, sizeof c->session.error, "%s: %s", c->node, c->session.reason);
    c->refused |= c->session.refused;
    session_disconnected(&c->session);
    frame_reader_deinit(&c->reader);
    dial_later(c);
}

static const struct wire_handler wire_handler = {
    .connected = on_connected, .dial_failed = on_dial_failed, .received = on_received, .closed = on_closed,
};

/* May be called on any thread. */
static void wake(void *context)
{
    struct qiao_client *c = context;
    uint64_t one = 1;
    while (write(c->event_fd, &one, sizeof one) < 0 && errno == EINTR) { }
}

/* The caller wants something of the node: who watches the descriptor is to dispatch, also where nothing comes from there. */
static void ask(struct qiao_client *c)
{
    if (!c->asked && !c->dispatching) wake(c);
    c->asked = true;
}

static void on_admin_reply(void *context, struct qiao_bytes packed)
{
    struct qiao_client *c = context;
    if (c->admin_reply) c->admin_reply(c->admin_context, packed);
}

static void on_file_ended(void *context, const struct attachment_ref *ref, bool fetched, unsigned code)
{
    struct qiao_client *c = context;
    struct qiao_attachment attachment = { .size = ref->size, .suite = ref->suite };
    char *path = files_end(&c->files, ref, fetched, &code);
    memcpy(attachment.digest, ref->digest, sizeof attachment.digest);
    if (fetched && c->handler.fetched) c->handler.fetched(c->session.context, &attachment, path, code);
    if (!fetched && c->handler.attached) c->handler.attached(c->session.context, &attachment, code);
    free(path);
}

static bool on_file_read(void *context, const struct attachment_ref *ref, bool fetched, uint32_t index, uint8_t *ret_data, size_t size)
{
    struct qiao_client *c = context;
    return files_read(&c->files, ref, fetched, index, ret_data, size);
}

static bool on_file_write(void *context, const struct attachment_ref *ref, uint32_t index, struct qiao_bytes data)
{
    struct qiao_client *c = context;
    return files_write(&c->files, ref, index, data);
}

/* ---- life ---- */

static char *copy_text(const char *text)
{
    return text ? base_strdup(text) : NULL;
}

static int open_wire(struct qiao_client *c, const struct qiao_client_options *o, char *reterr_text, size_t reterr_size)
{
    c->tls = (struct wire_tls){ copy_text(o->certificate_file), copy_text(o->key_file), copy_text(o->ca_file), NULL, NULL };
    struct wire_options options = { .notify = wake, .context = c, .tls = o->certificate_file ? &c->tls : NULL, .allow_plain_tcp = false, .owns_nng = o->owns_nng };
    int result = wire_new(&options, &c->wire, reterr_text, reterr_size);
    if (result == 0) result = wire_dialer(c->wire, c->node, NULL, c, &c->dialer, reterr_text, reterr_size);
    return result > 0 ? QIAO_CLIENT_INVALID : result;
}

/* The first line of the file; false if there is none. */
static bool read_passphrase(const char *path, char *passphrase, size_t size)
{
    FILE *file = fopen(path, "re");
    bool read = file && fgets(passphrase, (int)size, file);
    if (file) fclose(file);
    if (read) passphrase[strcspn(passphrase, "\r\n")] = '\0';
    return read;
}

static int open_keys(struct qiao_client *c, const struct qiao_client_options *o, char *reterr_text, size_t reterr_size)
{
    char passphrase[256];
    struct keyring_options options = {
        .certificate_file = o->sign_certificate_file, .key_file = o->sign_key_file, .ca_file = o->ca_file, .passphrase = o->sign_passphrase_file ? passphrase : NULL,
        .accepted = 1u << SEAL_SUITE_INT1 | 1u << SEAL_SUITE_GM1,
    };
    if (!o->sign_certificate_file && !o->sign_key_file) return 0;
    if (!options.certificate_file || !options.key_file || !options.ca_file || !c->member) {
        snprintf(reterr_text, reterr_size, "who signs needs a certificate, its key, the federation's CA and a member's name");
        return QIAO_CLIENT_INVALID;
    }
    if (o->sign_passphrase_file && !read_passphrase(o->sign_passphrase_file, passphrase, sizeof passphrase)) {
        snprintf(reterr_text, reterr_size, "%s: a passphrase is expected in the first line", o->sign_passphrase_file);
        return QIAO_CLIENT_INVALID;
    }
    int result = keyring_new(&options, &c->keyring, reterr_text, reterr_size);
    explicit_bzero(passphrase, sizeof passphrase);
    return result > 0 ? QIAO_CLIENT_INVALID : result;
}

static int open_outbox(struct qiao_client *c, const struct qiao_client_options *o, char *reterr_text, size_t reterr_size)
{
    struct session_options options = {
        .member = c->member, .seal = c->keyring ? keyring_seal(c->keyring) : &seal_openssl_digest,
        .window_messages = o->window_messages ? o->window_messages : 4096,
        .window_bytes = o->window_bytes ? o->window_bytes : 8u << 20,
        .delivery_messages = o->delivery_messages ? o->delivery_messages : 4096,
        .heartbeat_ms = 10000, .silence_ms = 35000, .handshake_ms = 10000,
    };
    struct session_outbox calls = { 0 };
    if (o->outbox) {
        int result = outbox_new(o->outbox, &c->outbox, reterr_text, reterr_size);
        if (result != 0) return result;
        calls = outbox_calls(c->outbox);
        options.incarnation = outbox_incarnation(c->outbox);
        options.area = outbox_area(c->outbox);
    }
    while (!o->outbox && options.incarnation == 0)
        while (getrandom(&options.incarnation, sizeof options.incarnation, 0) != sizeof options.incarnation) { }
    session_init(&c->session, &options, &c->handler, NULL, &calls);
    c->session.admin_reply = on_admin_reply;
    c->session.admin_context = c;
    c->session.files.calls = (struct session_files_calls){ c, on_file_read, on_file_write, on_file_ended };
    return c->outbox ? outbox_restore(c->outbox, &c->session) : 0;
}

int qiao_client_new(const struct qiao_client_options *o, const struct qiao_client_handler *handler, void *context, struct qiao_client **ret_client,
                    char *reterr_text, size_t reterr_size)
{
    const char *node = o->node ? o->node : getenv("QIAO_NODE");
    if (!node || !*node) {
        snprintf(reterr_text, reterr_size, "no node given: set QIAO_NODE, for example ipc:///run/qiao/node");
        return QIAO_CLIENT_INVALID;
    }
    struct qiao_client *c = base_zalloc(sizeof *c);
    c->handler = *handler;
    c->node = base_strdup(node);
    c->member = copy_text(o->member);
    c->redial_ms = REDIAL_MS_MIN;
    c->redial_ms_max = o->redial_ms_max ? o->redial_ms_max : REDIAL_MS_MAX;
    uint64_t seed;
    while (getrandom(&seed, sizeof seed, 0) != sizeof seed) { }
    prng_init(&c->prng, seed);
    c->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int result = c->event_fd < 0 ? -errno : open_keys(c, o, reterr_text, reterr_size);
    if (result == 0) result = open_outbox(c, o, reterr_text, reterr_size);
    c->session.context = context;
    if (result == 0) result = open_wire(c, o, reterr_text, reterr_size);
    if (result != 0) {
        qiao_client_free(c);
        return result;
    }
    *ret_client = c;
    return 0;
}

struct qiao_client *qiao_client_free(struct qiao_client *c)
{
    if (!c) return NULL;
    c->wire = wire_free(c->wire);
    static const struct qiao_client_handler silent;
    c->handler = silent; /* no callbacks while it goes */
    session_deinit(&c->session);
    files_deinit(&c->files);
    c->outbox = outbox_free(c->outbox);
    c->keyring = keyring_free(c->keyring);
    frame_reader_deinit(&c->reader);
    if (c->event_fd >= 0) close(c->event_fd);
    free((void *)c->tls.certificate_file);
    free((void *)c->tls.key_file);
    free((void *)c->tls.ca_file);
    free(c->node);
    free(c->member);
    free(c);
    return NULL;
}

/* ---- work ---- */

int qiao_client_submit(struct qiao_client *c, const struct qiao_message *message, struct qiao_id *ret_id)
{
    if (c->refused) return QIAO_CLIENT_REFUSED;
    if (!c->session.area[0] && !(message->source.area && message->source.area[0])) {
        snprintf(c->session.error, sizeof c->session.error, "%s: not reached yet, so the own area is not known", c->node);
        return QIAO_CLIENT_UNREACHABLE;
    }
    int result = session_submit(&c->session, message, wall_ms(), ret_id);
    if (result == QIAO_CLIENT_OK) ask(c); /* of what is refused nothing goes out: who tries again at every event would never rest */
    return result;
}

int qiao_client_flush(struct qiao_client *c)
{
    c->session.wall_ms = wall_ms();
    int result = session_flush(&c->session, monotonic_ms());
    send_out(c);
    return result;
}

int qiao_client_attach(struct qiao_client *c, const char *path, struct qiao_attachment *ret_attachment)
{
    struct attachment_ref ref = { .suite = c->session.connected && c->session.link.peer_suite == SEAL_SUITE_GM1 ? SEAL_SUITE_GM1 : SEAL_SUITE_NONE };
    uint8_t *leaves;
    int result = files_offer(&c->files, c->session.options.seal, path, &ref, &leaves);
    if (result < 0) snprintf(c->session.error, sizeof c->session.error, "%s: %s", path, strerror(-result));
    if (result > 0) snprintf(c->session.error, sizeof c->session.error, "%s is empty, or larger than 256 MiB", path);
    if (result != 0) return result;
    *ret_attachment = (struct qiao_attachment){ .size = ref.size, .suite = ref.suite };
    memcpy(ret_attachment->digest, ref.digest, sizeof ret_attachment->digest);
    session_offer(&c->session, &ref, leaves, monotonic_ms());
    ask(c);
    return QIAO_CLIENT_OK;
}

int qiao_client_fetch(struct qiao_client *c, const struct qiao_attachment *attachment, const char *path)
{
    struct attachment_ref ref = { .size = attachment->size, .suite = attachment->suite };
    uint32_t there;
    memcpy(ref.digest, attachment->digest, sizeof ref.digest);
    if (ref.size == 0 || ref.size > QIAO_ATTACHMENT_SIZE_MAX || ref.suite > 2) return QIAO_CLIENT_INVALID;
    int result = files_fetch(&c->files, path, &ref, &there);
    if (result < 0) snprintf(c->session.error, sizeof c->session.error, "%s.part: %s", path, strerror(-result));
    if (result != 0) return result;
    session_fetch(&c->session, &ref, there, monotonic_ms());
    ask(c);
    return QIAO_CLIENT_OK;
}

size_t qiao_client_files(const struct qiao_client *c)
{
    return c->session.files.count;
}

size_t qiao_client_unacknowledged(const struct qiao_client *c)
{
    return c->session.unacknowledged;
}

void qiao_client_explain(struct qiao_client *c, unsigned code, const char *reason, uint64_t retry_after_ms)
{
    c->session.explain.code = code;
    c->session.explain.retry_after_ms = retry_after_ms;
    snprintf(c->session.explain.reason, sizeof c->session.explain.reason, "%s", reason ? reason : "");
}

int qiao_client_verdict(struct qiao_client *c, uint64_t token, enum qiao_verdict verdict, unsigned code, const char *reason, uint64_t retry_after_ms)
{
    if ((unsigned)verdict > QIAO_VERDICT_LATER) return QIAO_CLIENT_INVALID;
    session_verdict(&c->session, token, verdict, code, reason, retry_after_ms);
    ask(c);
    return QIAO_CLIENT_OK;
}

int qiao_client_fd(const struct qiao_client *c)
{
    return c->event_fd;
}

int qiao_client_timeout_ms(struct qiao_client *c)
{
    uint64_t now = monotonic_ms(), due = session_deadline_ms(&c->session);
    if (!c->connection && !c->dialling && !c->refused && c->redial_at_ms < due) due = c->redial_at_ms;
    if (c->session.receipts_ready) return 0;
    if (due == LINK_NEVER) return -1;
    return due <= now ? 0 : due - now > 60000 ? 60000 : (int)(due - now);
}

static void dial(struct qiao_client *c)
{
    if (c->connection || c->dialling || c->refused || monotonic_ms() < c->redial_at_ms) return;
    c->dialling = true;
    wire_dial(c->dialer);
}

int qiao_client_dispatch(struct qiao_client *c)
{
    uint64_t counter;
    while (read(c->event_fd, &counter, sizeof counter) < 0 && errno == EINTR) { }
    c->dispatching = true;
    dial(c);
    bool more = wire_poll(c->wire, &wire_handler, c, READ_BUDGET);
    session_tick(&c->session, monotonic_ms());
    if (c->outbox && c->session.area[0]) outbox_set_area(c->outbox, c->session.area);
    c->session.wall_ms = wall_ms();
    c->asked = false;
    int result = session_flush(&c->session, monotonic_ms());
    send_out(c);
    c->dispatching = false;
    more |= c->asked; /* by callbacks of the flush */
    if (c->session.goodbye && c->connection) {
        wire_close(c->connection, false);
        more = true;
    }
    if (more) wake(c);
    if (result != 0) return result;
    return c->refused ? QIAO_CLIENT_REFUSED : QIAO_CLIENT_OK;
}

static int remaining_ms(uint64_t start_ms, int timeout_ms)
{
    uint64_t spent = monotonic_ms() - start_ms;
    return timeout_ms < 0 ? -1 : spent >= (uint64_t)timeout_ms ? 0 : timeout_ms - (int)spent;
}

static void wait_for_event(struct qiao_client *c, int timeout_ms)
{
    struct pollfd fd = { .fd = c->event_fd, .events = POLLIN };
    int own = qiao_client_timeout_ms(c);
    if (timeout_ms < 0 || (own >= 0 && own < timeout_ms)) timeout_ms = own;
    poll(&fd, 1, timeout_ms);
}

int qiao_client_run(struct qiao_client *c, int timeout_ms)
{
    uint64_t start = monotonic_ms();
    c->stopped = false;
    for (;;) {
        int result = qiao_client_dispatch(c);
        if (result != 0 || c->stopped) return result;
        int left = remaining_ms(start, timeout_ms);
        if (left == 0) return QIAO_CLIENT_TIMEOUT;
        wait_for_event(c, left);
    }
}

void qiao_client_stop(struct qiao_client *c)
{
    c->stopped = true;
}

void qiao_client_wake(struct qiao_client *c)
{
    c->stopped = true;
    wake(c);
}

int qiao_client_close(struct qiao_client *c, int timeout_ms)
{
    uint64_t start = monotonic_ms();
    int result = qiao_client_dispatch(c);
    while (result == 0 && c->session.unacknowledged > 0 && remaining_ms(start, timeout_ms) != 0) {
        wait_for_event(c, remaining_ms(start, timeout_ms));
        result = qiao_client_dispatch(c);
    }
    if (c->connection && session_is_up(&c->session)) {
        link_close(&c->session.link, QIAO_CODE_OK, "member leaves", &c->session.out);
        send_out(c);
        wire_close(c->connection, false);
        while (c->connection && remaining_ms(start, timeout_ms < 0 || timeout_ms > 1000 ? 1000 : timeout_ms) != 0) {
            wait_for_event(c, 50);
            wire_poll(c->wire, &wire_handler, c, READ_BUDGET);
        }
    }
    if (result != 0) return result;
    return c->session.unacknowledged > 0 ? QIAO_CLIENT_TIMEOUT : QIAO_CLIENT_OK;
}

bool qiao_client_is_up(const struct qiao_client *c)
{
    return session_is_up(&c->session);
}

const char *qiao_client_error(const struct qiao_client *c)
{
    return c->session.error;
}

int qiao_client_admin(struct qiao_client *c, struct qiao_bytes packed_request, qiao_admin_reply reply, void *context)
{
    if (!session_is_up(&c->session)) return QIAO_CLIENT_UNREACHABLE;
    c->admin_reply = reply;
    c->admin_context = context;
    link_send_frame(&c->session.link, FRAME_ADMIN_REQUEST, packed_request, monotonic_ms(), &c->session.out);
    send_out(c);
    return QIAO_CLIENT_OK;
}
