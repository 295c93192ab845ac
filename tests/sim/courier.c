/* Somebody who carries bundles between two neighbours: writes pages at one, walks for a while, loses some, mixes others up or gives them
 * twice, and has the other take them. Links live on meanwhile, or do not. */
#include "courier.h"

#include "schema/admin.pb-c.h"

#define LOOK_MS 20u
#define TRIP_MS_MAX 60000u
#define PAGES_MAX 12u

enum state { RESTING, WRITING, WALKING, GIVING };

struct courier {
    struct sim *sim;
    enum state state;
    uint32_t from, to;             /* nodes */
    uint64_t began_ms, walks_until_ms;
    struct session session;
    int pipe;                      /* or -1 */
    bool asked;
    uint32_t request;
    struct buf pages[PAGES_MAX];
    uint32_t order[2 * PAGES_MAX]; /* pages in the order they are given */
    uint32_t pages_count, order_count, given;
    uint64_t next[QIAO_LANES];
};

static const uint64_t never_blocked;

static struct sim_node *node_here(const struct courier *c)
{
    return &c->sim->nodes[c->state == WRITING ? c->from : c->to];
}

/* ---- its session ---- */

static void flush(struct courier *c)
{
    if (c->pipe >= 0 && c->session.out.size > 0)
        pipe_send(c->sim, c->pipe, pipe_end_of(c->sim, c->pipe, SIM_END_COURIER, 0), c->session.out.data, c->session.out.size);
    c->session.out.size = 0;
}

static void hang_up(struct courier *c)
{
    if (c->pipe < 0) return;
    int pipe = c->pipe;
    c->pipe = -1;
    session_deinit(&c->session);
    pipe_close(c->sim, pipe, pipe_end_of(c->sim, pipe, SIM_END_COURIER, 0));
}

static void rest(struct courier *c)
{
    hang_up(c);
    for (uint32_t i = 0; i < c->pages_count; i++) c->pages[i].size = 0;
    c->pages_count = c->order_count = c->given = 0;
    c->state = RESTING;
}

static void walk(struct courier *c)
{
    struct sim *sim = c->sim;
    hang_up(c);
    c->state = WALKING;
    c->walks_until_ms = sim->now_ms + sim_random(sim, sim_chance(sim, 30) ? 20000 : 300);
    for (uint32_t i = 0; i < c->pages_count; i++) {
        if (sim_chance(sim, 5)) continue; /* lost on the way */
        c->order[c->order_count++] = i;
        if (sim_chance(sim, 20)) c->order[c->order_count++] = (uint32_t)sim_random(sim, i + 1);
    }
}

/* ---- answers ---- */

static void take_page(struct courier *c, const Qiao__V1__AdminReply *reply)
{
    const Qiao__V1__BundleExportReply *page = reply->bundle_export;
    if (reply->code == QIAO_CODE_OK) {
        buf_append(&c->pages[c->pages_count++], page->wrapped.data, page->wrapped.len);
        for (size_t lane = 0; lane < QIAO_LANES && lane < page->n_next; lane++) c->next[lane] = page->next[lane];
        if (page->more && c->pages_count < PAGES_MAX) return;
    }
    if (c->pages_count > 0) walk(c);
    else rest(c);
}

/* What a node may say of a page that was written by its neighbour. */
static bool may_be_refused(unsigned code)
{
    static const unsigned codes[] = { QIAO_CODE_BUSY, QIAO_CODE_BUNDLE_GAP, QIAO_CODE_LINK_REPLACED, QIAO_CODE_LINK_SHUTDOWN };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i] == code) return true;
    return false;
}

static void page_was_given(struct courier *c, const Qiao__V1__AdminReply *reply)
{
    if (reply->code == QIAO_CODE_OK) c->sim->counts.bundles++;
    else if (!may_be_refused(reply->code))
        sim_fail(c->sim, "%s does not take a page of %s: %s %s", node_here(c)->name, c->sim->nodes[c->from].name, qiao_code_name(reply->code), reply->reason);
    if (++c->given >= c->order_count) rest(c);
}

static void take_reply(void *context, struct qiao_bytes packed)
{
    struct courier *c = context;
    Qiao__V1__AdminReply *reply = qiao__v1__admin_reply__unpack(NULL, packed.size, packed.data);
    if (!reply) {
        sim_fail(c->sim, "%s answers a courier with what cannot be read", node_here(c)->name);
        return;
    }
    if (reply->id == c->request) {
        c->asked = false;
        bool writes = c->state == WRITING;
        sim_trace(c->sim, "courier: %s %s page %u: %s", node_here(c)->name, writes ? "writes" : "takes", writes ? c->pages_count : c->order[c->given], qiao_code_name(reply->code));
        if (c->state == WRITING) take_page(c, reply);
        else if (c->state == GIVING) page_was_given(c, reply);
    }
    qiao__v1__admin_reply__free_unpacked(reply, NULL);
}

/* ---- questions ---- */

static void send_request(struct courier *c, Qiao__V1__AdminRequest *request)
{
    buf_auto packed = { 0 };
    request->id = ++c->request;
    size_t size = qiao__v1__admin_request__get_packed_size(request);
    qiao__v1__admin_request__pack(request, buf_reserve(&packed, size));
    packed.size = size;
    link_send_frame(&c->session.link, FRAME_ADMIN_REQUEST, buf_bytes(&packed), c->sim->now_ms, &c->session.out);
    c->asked = true;
    flush(c);
}

static void ask(struct courier *c)
{
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    Qiao__V1__BundleExportRequest export = QIAO__V1__BUNDLE_EXPORT_REQUEST__INIT;
    Qiao__V1__BundleImportRequest import = QIAO__V1__BUNDLE_IMPORT_REQUEST__INIT;
    buf_auto certificate = { 0 };
    if (c->state == WRITING) {
        const struct sim_node *to = &c->sim->nodes[c->to];
        sim_keys_certificate(&to->keys, to->name, to->area, false, &certificate);
        request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_BUNDLE_EXPORT;
        request.bundle_export = &export;
        export.peer = (char *)(uintptr_t)to->name;
        export.certificate = (ProtobufCBinaryData){ certificate.size, certificate.data };
        export.n_from = QIAO_LANES;
        export.from = c->next;
        export.size_max = 2048;
    } else {
        const struct buf *page = &c->pages[c->order[c->given]];
        request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_BUNDLE_IMPORT;
        request.bundle_import = &import;
        import.wrapped = (ProtobufCBinaryData){ page->size, page->data };
    }
    send_request(c, &request);
}

static void dial(struct courier *c)
{
    static const struct qiao_client_handler handler = { 0 };
    struct session_options options = { .seal = &seal_null, .incarnation = 1, .delivery_messages = 1, .heartbeat_ms = 1000, .silence_ms = 4000, .handshake_ms = 2000 };
    struct sim *sim = c->sim;
    struct sim_node *node = node_here(c);
    struct sim_end own = { .kind = SIM_END_COURIER }, other = { .kind = SIM_END_NODE, .index = node->index };
    uint8_t nonce[32];
    if (node->core) other.connection = core_connection_new(node->core);
    if (!other.connection.value) return;
    c->pipe = pipe_open(sim, own, other, &never_blocked);
    c->asked = false;
    node_connect(sim, node, other.connection, "courier", NULL);
    node_settle(sim, node);
    session_init(&c->session, &options, &handler, NULL, NULL);
    c->session.admin_reply = take_reply;
    c->session.admin_context = c;
    prng_fill(&sim->prng, nonce, sizeof nonce);
    session_connected(&c->session, nonce, sim->now_ms);
    flush(c);
}

/* ---- what the world calls ---- */

static bool visit_frame(void *context, const struct frame *frame)
{
    struct courier *c = context;
    session_receive(&c->session, c->sim->now_ms, frame);
    return c->pipe >= 0;
}

void courier_feed(struct sim *sim, struct sim_end *end, struct qiao_bytes bytes)
{
    struct courier *c = sim->courier;
    unsigned code = frame_reader_feed(&end->reader, bytes, &c->session.link.frame_size_max, visit_frame, c);
    if (code != 0) sim_fail(sim, "a courier is sent what is no frame");
    flush(c);
}

void courier_eof(struct sim *sim)
{
    hang_up(sim->courier);
}

void courier_look(struct sim *sim)
{
    struct courier *c = sim->courier;
    if (c->state != RESTING && sim->now_ms > c->began_ms + TRIP_MS_MAX) rest(c);
    if (c->state == WALKING && sim->now_ms >= c->walks_until_ms) c->state = GIVING;
    if (c->state == GIVING && c->given >= c->order_count) rest(c);
    if (c->state == WRITING || c->state == GIVING) {
        if (c->pipe < 0) dial(c);
        else if (session_is_up(&c->session) && !c->asked) ask(c);
        if (c->pipe >= 0 && c->session.goodbye) hang_up(c);
    }
    if (c->state != RESTING) sim_at(sim, LOOK_MS, SIM_COURIER, 0, 0, 0);
}

void courier_send(struct sim *sim, uint32_t from, uint32_t to)
{
    struct courier *c = sim->courier;
    if (!sim->trust || (c && c->state != RESTING)) return;
    if (!c) {
        c = sim->courier = base_zalloc(sizeof *c);
        c->sim = sim;
        c->pipe = -1;
    }
    sim_trace(sim, "courier: from %s to %s", sim->nodes[from].name, sim->nodes[to].name);
    c->from = from;
    c->to = to;
    c->state = WRITING;
    c->began_ms = sim->now_ms;
    memset(c->next, 0, sizeof c->next);
    courier_look(sim);
}

bool courier_is_resting(const struct sim *sim)
{
    return !sim->courier || sim->courier->state == RESTING;
}

struct courier *courier_free(struct courier *c)
{
    if (!c) return NULL;
    if (c->pipe >= 0) session_deinit(&c->session);
    for (uint32_t i = 0; i < PAGES_MAX; i++) buf_deinit(&c->pages[i]);
    free(c);
    return NULL;
}
