/* One process, one thread that decides. node_pump is the way of a message through the process. */
#include "node.h"

#include "codec/frame.h"
#include "core/core.h"
#include "edge/cadence.h"
#include "edge/committer.h"
#include "edge/dialers.h"
#include "edge/door.h"
#include "edge/log.h"
#include "edge/manager.h"
#include "edge/notices.h"
#include "edge/privileges.h"
#include "edge/seccomp.h"
#include "edge/settings.h"
#include "edge/workers.h"
#include "wire/wire.h"

#include <qiao/version.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

/* What one turn of the loop takes from all connections together. */
#define READ_BUDGET (1024u * 1024u)
/* A batch this large waits for the one before it: until then nothing more is read, and the transport holds peers back. */
#define FILLING_MAX (4u * 1024u * 1024u)
/* More waiting for a peer than any credit explains: it does not read. */
#define PENDING_MAX (4u * QIAO_CREDIT_BYTES_MAX / 2u)
#define FULL_RETRY_MS 200u
#define SLOT_MASK ((1u << 20) - 1)

/* A stream as the shell knows it. */
struct stream {
    struct node *node;
    struct wire_connection *wire;
    struct core_connection_id id;
    struct frame_reader reader;
    struct dialer *dialer;         /* of a stream this node dialled */
    uint64_t unproven_bytes;
    bool proved;                   /* the link is up: it is known who sends */
};

struct node {
    const struct node_options *options;
    const struct conf *conf;
    struct conf *reloaded;         /* owned, after SIGHUP */
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t tick, full_retry, shutdown_limit, company;
    uv_signal_t terminate, interrupt, hang_up;
    struct wire *wire;
    struct store *store;
    struct committer *committer;
    struct core *core;
    struct keyring *keyring;       /* NULL: a node without a certificate signs nothing */
    struct workers workers;
    struct cadence cadence;
    struct dialers *dialers;
    struct stream **streams;       /* by slot of the core's connection id */
    size_t streams_capacity, streams_count;
    const struct store_batch *batch; /* under commit */
    struct door *door;
    struct manager manager;
    bool stopping;
    int status;
};

static void node_pump(struct node *node);
static void on_tick(uv_timer_t *timer);
static void on_full_retry(uv_timer_t *timer);
static void reload_as_asked(struct node *node);

static uint64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t now_us(void)
{
    return uv_hrtime() / 1000;
}

static uint64_t monotonic_ms(void)
{
    return uv_hrtime() / 1000000;
}

static void step(struct node *node, struct core_event event)
{
    event.now_ms = monotonic_ms();
    event.wall_ms = wall_ms();
    core_step(node->core, &event);
}

static void fail(struct node *node, const char *event, const char *reason)
{
    log_event(LOG_LEVEL_ERROR, event, "reason", reason, NULL);
    node->status = 1;
    uv_stop(&node->loop);
}

/* ---- the wire reports ---- */

static void remember(struct node *node, struct stream *stream)
{
    size_t slot = stream->id.value & SLOT_MASK;
    if (slot >= node->streams_capacity) {
        size_t capacity = node->streams_capacity ? node->streams_capacity * 2 : 64;
        while (capacity <= slot) capacity *= 2;
        node->streams = base_realloc(node->streams, capacity * sizeof(struct stream *));
        memset(node->streams + node->streams_capacity, 0, (capacity - node->streams_capacity) * sizeof(struct stream *));
        node->streams_capacity = capacity;
    }
    node->streams[slot] = stream;
    node->streams_count++;
}

static void on_connected(void *context, struct wire_endpoint *endpoint, struct wire_connection *connection, const struct wire_peer *peer)
{
    struct node *node = context;
    struct dialer *dialer = wire_endpoint_user(endpoint);
    struct core_connection_id id = { 0 };
    if (!node->stopping) id = core_connection_new(node->core);
    if (id.value == 0) {
        notice(LOG_LEVEL_WARNING, "connection refused", peer->address, "too many connections: see limits.connections_max");
        if (dialer) dialer_failed(dialer);
        wire_close(connection, true);
        return;
    }
    struct stream *stream = base_zalloc(sizeof *stream);
    *stream = (struct stream){ .node = node, .wire = connection, .id = id, .dialer = dialer };
    struct core_identity identity = { .verified = peer->tls && peer->verified, .local = !peer->tls };
    memcpy(identity.common_name, peer->common_name, sizeof identity.common_name);
    wire_set_user(connection, stream);
    remember(node, stream);
    step(node, (struct core_event){ .type = CORE_CONNECTED, .connection = id, .identity = &identity, .dialled = dialer ? dialer_node(dialer) : NULL });
}

static void on_dial_failed(void *context, struct wire_endpoint *endpoint, const char *reason)
{
    (void)context;
    struct dialer *dialer = wire_endpoint_user(endpoint);
    notice(LOG_LEVEL_WARNING, "dial failed", dialer_node(dialer), reason);
    dialer_failed(dialer);
}

static void on_accept_failed(void *context, struct wire_endpoint *endpoint, const char *address, const char *reason)
{
    (void)context;
    (void)endpoint;
    notice(LOG_LEVEL_WARNING, "connection refused", address, reason);
}

static bool on_frame(void *context, const struct frame *frame)
{
    struct stream *stream = context;
    step(stream->node, (struct core_event){ .type = CORE_FRAME, .connection = stream->id, .frame = frame });
    return core_frame_size_max(stream->node->core, stream->id) != NULL;
}

/* A stranger may say who it is, and no more: a code once it has sent more than that takes. */
static unsigned watch_stranger(struct stream *stream, size_t size)
{
    const size_t *frame_size_max = core_frame_size_max(stream->node->core, stream->id);
    if (stream->proved || !frame_size_max) return QIAO_CODE_OK;
    stream->unproven_bytes += size;
    stream->proved = *frame_size_max > QIAO_FRAME_SIZE_MAX_BEFORE_UP;
    if (stream->proved) wire_proved(stream->wire);
    return stream->proved || stream->unproven_bytes <= stream->node->conf->limits.unproven_bytes_max ? QIAO_CODE_OK : QIAO_CODE_FRAME_SIZE;
}

static void on_received(void *context, struct wire_connection *connection, struct qiao_bytes bytes)
{
    struct node *node = context;
    struct stream *stream = wire_user(connection);
    const size_t *size_max = stream ? core_frame_size_max(node->core, stream->id) : NULL;
    if (!size_max) return; /* on its way out */
    unsigned code = frame_reader_feed(&stream->reader, bytes, size_max, on_frame, stream);
    if (code == QIAO_CODE_OK) code = watch_stranger(stream, bytes.size);
    if (code != QIAO_CODE_OK) step(node, (struct core_event){ .type = CORE_REJECTED, .connection = stream->id, .code = code });
    else if (stream->reader.partial.size > 0) step(node, (struct core_event){ .type = CORE_PROGRESS, .connection = stream->id });
}

static void on_closed(void *context, struct wire_connection *connection, const char *reason)
{
    struct node *node = context;
    struct stream *stream = wire_user(connection);
    (void)reason;
    if (!stream) return;
    step(node, (struct core_event){ .type = CORE_CLOSED, .connection = stream->id });
    node->streams[stream->id.value & SLOT_MASK] = NULL;
    node->streams_count--;
    if (stream->dialer) dialer_ended(stream->dialer);
    frame_reader_deinit(&stream->reader);
    free(stream);
}

static const struct wire_handler wire_handler = {
    .connected = on_connected, .dial_failed = on_dial_failed, .accept_failed = on_accept_failed, .received = on_received, .closed = on_closed,
};

/* ---- the river ---- */

static void take_commit(struct node *node)
{
    int result;
    struct store_stat stat;
    if (!node->batch || !committer_take(node->committer, &result)) return;
    if (result == -ENOKEY) {
        fail(node, "key failed", "the own key cannot sign any more: see trust.key or tls.key");
        return;
    }
    if (result < 0 || result > STORE_FULL) {
        fail(node, "store failed", result < 0 ? strerror(-result) : "damaged");
        return;
    }
    store_stat(node->store, &stat);
    cadence_ended(&node->cadence, result == STORE_OK && !stat.working, now_us());
    step(node, (struct core_event){ .type = CORE_STORED, .stored = result, .stat = &stat });
    node->batch = NULL;
    if (result == STORE_OK) return;
    notice(LOG_LEVEL_ERROR, "store full", node->conf->node.store, "nothing new is taken until there is room; nothing acknowledged is lost");
    uv_timer_start(&node->full_retry, on_full_retry, FULL_RETRY_MS, 0);
}

static void send_outputs(struct node *node)
{
    struct core_output output;
    while (core_next_output(node->core, &output)) {
        struct stream *stream = node->streams[output.connection.value & SLOT_MASK];
        assert(stream && stream->id.value == output.connection.value);
        if (output.data) wire_send(stream->wire, output.data, output.size);
        bool stuck = wire_pending(stream->wire) > PENDING_MAX;
        if (stuck) notice(LOG_LEVEL_WARNING, "connection closed", "a peer", "it asks but does not read");
        if (output.close || stuck) wire_close(stream->wire, stuck);
    }
}

static bool waits_for_company(struct node *node, const struct cadence_batch *batch)
{
    uint32_t wait_ms = cadence_wait_ms(&node->cadence, batch, now_us());
    if (wait_ms == 0) return false;
    uv_update_time(&node->loop);
    bool waits = uv_is_active((const uv_handle_t *)&node->company);
    if (!waits || uv_timer_get_due_in(&node->company) > wait_ms) uv_timer_start(&node->company, on_tick, wait_ms, 0);
    return true;
}

/* Waking the thread and being woken by it takes longer than many a commit. */
static void commit_here(struct node *node)
{
    committer_run(node->committer, node->batch);
    take_commit(node);
    if (core_wants_seal(node->core)) uv_async_send(&node->wake);
}

static void start_commit(struct node *node)
{
    size_t filling = core_filling_bytes(node->core);
    struct cadence_batch about = {
        .bytes = filling, .urgent = core_is_urgent(node->core), .signs = core_wants_signature(node->core), .closed = node->stopping || filling >= FILLING_MAX,
    };
    if (node->batch || !core_wants_seal(node->core) || uv_is_active((const uv_handle_t *)&node->full_retry) || waits_for_company(node, &about)) return;
    node->batch = core_seal(node->core);
    cadence_begins(&node->cadence, &about, now_us());
    if (cadence_is_brief(&node->cadence, &about)) commit_here(node);
    else committer_start(node->committer, node->batch);
}

static void on_tick(uv_timer_t *timer)
{
    struct node *node = timer->data;
    step(node, (struct core_event){ .type = CORE_TICK });
    node_pump(node);
}

static void set_timer(struct node *node)
{
    uint64_t deadline = core_deadline_ms(node->core), now = monotonic_ms();
    if (deadline == LINK_NEVER) {
        uv_timer_stop(&node->tick);
        return;
    }
    uv_update_time(&node->loop);
    uv_timer_start(&node->tick, on_tick, deadline > now ? deadline - now : 1, 0);
}

static bool is_quiet(const struct node *node)
{
    return !node->batch && !core_wants_seal(node->core) && node->streams_count == 0;
}

static void node_pump(struct node *node)
{
    /* The disk is kept busy and what it released leaves, before anything new is read. */
    take_commit(node);
    start_commit(node);
    send_outputs(node);
    size_t budget = core_filling_bytes(node->core) < FILLING_MAX ? READ_BUDGET : 0;
    bool more = wire_poll(node->wire, &wire_handler, node, budget);
    start_commit(node);
    send_outputs(node);
    reload_as_asked(node);
    workers_start(&node->workers, node->core);
    set_timer(node);
    if (more && budget > 0) uv_async_send(&node->wake);
    if (node->stopping && is_quiet(node)) uv_stop(&node->loop);
}

static void on_wake(uv_async_t *async)
{
    node_pump(async->data);
}

/* Any thread: the wire's, the committer's. */
static void wake(void *context)
{
    struct node *node = context;
    uv_async_send(&node->wake);
}

static int prepare(void *context)
{
    struct node *node = context;
    return core_prepare(node->core) < 0 ? -ENOKEY : 0;
}

static void on_job(void *context, struct core_job *job)
{
    struct node *node = context;
    step(node, (struct core_event){ .type = CORE_JOB_DONE, .job = job });
    uv_async_send(&node->wake);
}

static void on_full_retry(uv_timer_t *timer)
{
    struct node *node = timer->data;
    store_refresh(node->store);
    node_pump(node);
}

/* ---- signals ---- */

static void on_shutdown_limit(uv_timer_t *timer)
{
    struct node *node = timer->data;
    log_event(LOG_LEVEL_WARNING, "shutdown cut short", "reason", "limits.shutdown_ms has passed", NULL);
    uv_stop(&node->loop);
}

static void on_terminate(uv_signal_t *signal, int number)
{
    struct node *node = signal->data;
    if (node->stopping) return;
    log_event(LOG_LEVEL_INFO, "stopping", "signal", number == SIGINT ? "INT" : "TERM", NULL);
    manager_stopping(&node->manager);
    node->stopping = true;
    dialers_stop(node->dialers);
    uv_timer_start(&node->shutdown_limit, on_shutdown_limit, node->conf->limits.shutdown_ms, 0);
    step(node, (struct core_event){ .type = CORE_SHUTDOWN });
    node_pump(node);
}

static bool is_revoked(void *keyring, const struct seal_key_id *id)
{
    return keyring_is_revoked(keyring, id);
}

/* False, with the reason, if the configuration in force stays. */
static bool reload(struct node *node, char *reterr_text, size_t reterr_size)
{
    manager_reloading(&node->manager);
    struct conf *wanted = settings_reload(node->conf, node->options->conf_path, node->wire, node->keyring, reterr_text, reterr_size);
    manager_ready(&node->manager);
    if (!wanted) return false;
    struct core_config limits;
    settings_core(wanted, &limits);
    core_set_limits(node->core, &limits);
    settings_core_deinit(&limits);
    if (node->keyring) core_cut_revoked(node->core, is_revoked, node->keyring);
    door_set_limits(node->door, wanted);
    wire_set_handshake_ms(node->wire, wanted->limits.handshake_ms);
    log_configure(wanted->log.level, wanted->log.format, wanted->node.id);
    node->conf = wanted;
    conf_free(node->reloaded);
    node->reloaded = wanted;
    return true;
}

/* As somebody at this machine asks for it. */
static void reload_as_asked(struct node *node)
{
    char text[1200] = "";
    if (!core_wants_reload(node->core)) return;
    bool in_force = !node->stopping && reload(node, text, sizeof text);
    core_reloaded(node->core, in_force, text);
    send_outputs(node);
}

static void on_hang_up(uv_signal_t *signal, int number)
{
    struct node *node = signal->data;
    (void)number;
    char text[1200];
    if (node->stopping) return;
    reload(node, text, sizeof text);
    node_pump(node);
}

/* ---- start and end ---- */

static void start_loop(struct node *node)
{
    uv_loop_init(&node->loop);
    uv_async_init(&node->loop, &node->wake, on_wake);
    uv_timer_init(&node->loop, &node->tick);
    uv_timer_init(&node->loop, &node->full_retry);
    uv_timer_init(&node->loop, &node->shutdown_limit);
    uv_timer_init(&node->loop, &node->company);
    uv_signal_init(&node->loop, &node->terminate);
    uv_signal_init(&node->loop, &node->interrupt);
    uv_signal_init(&node->loop, &node->hang_up);
    node->company.data = node->wake.data = node->tick.data = node->full_retry.data = node->shutdown_limit.data = node;
    node->terminate.data = node->interrupt.data = node->hang_up.data = node;
    uv_signal_start(&node->terminate, on_terminate, SIGTERM);
    uv_signal_start(&node->interrupt, on_terminate, SIGINT);
    uv_signal_start(&node->hang_up, on_hang_up, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    node->workers = (struct workers){ .loop = &node->loop, .done = on_job, .context = node };
}

static bool start_store(struct node *node)
{
    char text[512] = "";
    const struct committer_calls calls = { .prepare = prepare, .done = wake, .context = node };
    struct store_options options = { .path = node->conf->node.store, .bytes_max = node->conf->limits.store_bytes_max, .version = QIAO_STORE_VERSION };
    if (store_engine_journal.open(&options, &node->store, text, sizeof text) == 0 && committer_new(node->store, &calls, &node->committer) == 0) return true;
    log_event(LOG_LEVEL_ERROR, "store cannot be opened", "path", options.path, "reason", text, NULL);
    return false;
}

/* A receipt a link costs the peer a check as well. */
#define CUSTODY_INTERVAL_MS 10u
#define SIGNATURES_A_CUSTODY_INTERVAL 200u

static void use_keys(struct node *node, struct core_config *config)
{
    uint64_t us = settings_signature_us(node->keyring);
    config->seal = keyring_seal(node->keyring);
    config->custody_interval_ms = (uint32_t)(us * SIGNATURES_A_CUSTODY_INTERVAL / 1000);
    if (config->custody_interval_ms < CUSTODY_INTERVAL_MS) config->custody_interval_ms = CUSTODY_INTERVAL_MS;
    if (config->custody_interval_ms > 100) config->custody_interval_ms = 100;
}

static bool start_core(struct node *node)
{
    char text[512] = "";
    struct core_config config;
    if (settings_keyring(node->conf, &node->keyring, text, sizeof text) != 0) {
        log_event(LOG_LEVEL_ERROR, "keys cannot be used", "reason", text, NULL);
        return false;
    }
    settings_core(node->conf, &config);
    if (node->keyring) use_keys(node, &config);
    cadence_init(&node->cadence, node->keyring ? settings_signature_us(node->keyring) : 0);
    config.trace = node->options->trace ? notice_trace : NULL;
    config.notice = notice_core;
    while (getrandom(&config.seed, sizeof config.seed, 0) != sizeof config.seed) { }
    while (getrandom(config.secret, sizeof config.secret, 0) != sizeof config.secret) { }
    int result = core_new(&config, node->store, monotonic_ms(), wall_ms(), &node->core, text, sizeof text);
    settings_core_deinit(&config);
    if (result != 0) log_event(LOG_LEVEL_ERROR, "state cannot be built", "reason", text, NULL);
    return result == 0;
}

static bool start_wire(struct node *node)
{
    const struct conf *conf = node->conf;
    char text[512] = "";
    struct wire_tls tls;
    struct wire_options options = {
        .notify = wake, .context = node, .tls = settings_tls(conf, &tls), .allow_plain_tcp = conf->allow.plain_tcp, .owns_nng = true,
        .handshake_ms = conf->limits.handshake_ms,
    };
    int result = door_new(conf, &node->door);
    options.door = result == 0 ? door_for_wire(node->door) : NULL;
    if (result == 0) result = wire_new(&options, &node->wire, text, sizeof text);
    for (size_t i = 0; result == 0 && i < conf->listen_count; i++) {
        struct wire_endpoint *endpoint;
        result = wire_listen(node->wire, conf->listen[i], NULL, &endpoint, text, sizeof text);
        if (result == 0) log_event(LOG_LEVEL_INFO, "listening", "url", wire_endpoint_url(endpoint), NULL);
    }
    if (result == 0) result = dialers_new(&node->loop, node->wire, conf, &node->dialers, text, sizeof text);
    if (result != 0) log_event(LOG_LEVEL_ERROR, "cannot listen or dial", "reason", text, NULL);
    return result == 0;
}

static bool confine(const struct node *node)
{
    struct privileges_options privileges = { .core_dumps = node->options->core_dumps, .listens = true };
    return privileges_drop(node->conf, &privileges) && syscalls_restrict(node->conf->process.seccomp);
}

static void tell_ready(int fd)
{
    if (fd < 0) return;
    while (write(fd, "ready\n", 6) < 0 && errno == EINTR) { }
    close(fd);
}

static void close_handle(uv_handle_t *handle, void *argument)
{
    (void)argument;
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static void stop(struct node *node)
{
    node->dialers = dialers_free(node->dialers);
    node->wire = wire_free(node->wire);
    node->door = door_free(node->door);
    for (size_t i = 0; i < node->streams_capacity; i++) {
        if (!node->streams[i]) continue;
        frame_reader_deinit(&node->streams[i]->reader);
        free(node->streams[i]);
    }
    free(node->streams);
    node->committer = committer_free(node->committer);
    uv_walk(&node->loop, close_handle, NULL); /* while jobs end below, nobody else is to be called: a wake may still be on its way */
    node->core = core_free(node->core);
    workers_stop(&node->workers); /* behind the core, which looks through the jobs of its connections */
    node->keyring = keyring_free(node->keyring);
    node->store = store_close(node->store);
    uv_run(&node->loop, UV_RUN_DEFAULT);
    uv_loop_close(&node->loop);
    conf_free(node->reloaded);
}

int node_run(const struct node_options *options)
{
    struct node node = { .options = options, .conf = options->conf };
    log_configure(node.conf->log.level, node.conf->log.format, node.conf->node.id);
    struct privileges_options privileges = { .core_dumps = options->core_dumps, .listens = true };
    if (!privileges_reduce(node.conf, &privileges) || !syscalls_prepare(node.conf->process.seccomp)) return 1;
    start_loop(&node);
    manager_init(&node.manager, &node.loop);
    if (start_store(&node) && start_core(&node) && start_wire(&node) && confine(&node)) {
        log_event(LOG_LEVEL_INFO, "ready", "area", node.conf->node.area, NULL);
        tell_ready(options->ready_fd);
        manager_ready(&node.manager);
        node_pump(&node);
        uv_run(&node.loop, UV_RUN_DEFAULT);
        log_event(LOG_LEVEL_INFO, "stopped", NULL);
    } else {
        node.status = 1;
    }
    stop(&node);
    return node.status;
}
