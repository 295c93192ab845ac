/* A page is a session with the neighbour that lasts for one page and has no line. To write one, the session sends into memory; to take one,
 * it is given what the neighbour's session wrote. So sequences, signatures, custody receipts and taking twice are what they are on links;
 * and like a newer link, it takes over from the one there is. */
#include "core/bundle.h"

#include "core/job.h"
#include "proof/bundle.h"

#include <stdio.h>

#define PAGE_SIZE 262144u
#define PAGE_SIZE_MIN 1024u
/* With one more frame behind the last byte of credit in each lane, and certificates, it still can be wrapped. */
#define PAGE_SIZE_MAX (SEAL_WRAP_SIZE_MAX / 4)
#define CERTIFICATES_MAX 256u
#define SESSIONS_MAX 4u
#define NEVER_MS (UINT64_MAX / 4)

struct bundle {
    struct core_connection_id asker;
    uint32_t request;
    bool importing;
    bool fed;                      /* importing: all frames were given to it */
    bool answered;
    struct seal_key_id to;         /* exporting */
    uint64_t until[QIAO_LANES];    /* importing: durable when the page is taken */
    uint32_t messages, known;
    uint64_t made_at_ms;
};

static struct peer *neighbour(struct core *core, const char *name)
{
    for (size_t i = 0; i < core->links_count; i++)
        if (strcmp(core->peers[i].name, name) == 0) return &core->peers[i];
    return NULL;
}

static void answer(struct core *core, struct bundle *b, const Qiao__V1__AdminReply *reply)
{
    struct connection *asker = core_connection(core, b->asker);
    b->answered = true;
    if (asker && !asker->closing) admin_reply(core, asker, reply);
}

static void refuse(struct core *core, struct core_connection_id asker, uint32_t request, unsigned code, const char *reason)
{
    struct connection *c = core_connection(core, asker);
    if (c && !c->closing) admin_refuse(core, c, request, code, reason);
}

void bundle_ended(struct core *core, struct connection *session, unsigned code, const char *reason)
{
    struct bundle *b = session->bundle;
    if (b->answered) return;
    b->answered = true;
    if (code == QIAO_CODE_LINK_SEQUENCE && b->importing) refuse(core, b->asker, b->request, QIAO_CODE_BUNDLE_GAP, qiao_code_text(QIAO_CODE_BUNDLE_GAP));
    else refuse(core, b->asker, b->request, code, reason);
}

void bundle_free(struct core *core, struct connection *session)
{
    core->bundles--;
    free(session->bundle);
}

/* ---- the neighbour as it was last seen: 'J' ---- */

void bundle_load(struct core *core)
{
    for (size_t i = 0; i < core->links_count; i++) {
        struct key key = key_neighbour(core->peers[i].number);
        struct qiao_bytes value;
        if (!store_get(core->store, key_bytes(&key), &value) || value.size != NEIGHBOUR_SIZE) continue;
        memcpy(core->peers[i].last_key.bytes, value.data, SEAL_KEY_ID_SIZE);
        core->peers[i].last_incarnation = get_u64(value.data + SEAL_KEY_ID_SIZE);
    }
}

void bundle_note(struct core *core, const struct connection *c)
{
    struct peer *peer = c->peer;
    uint8_t value[NEIGHBOUR_SIZE];
    struct key key = key_neighbour(peer->number);
    bool same = peer->last_incarnation == c->link.peer.incarnation && memcmp(&peer->last_key, &c->link.peer_key_id, sizeof peer->last_key) == 0;
    if (peer->member || c->link.peer_suite == SEAL_SUITE_NONE || same) return;
    peer->last_key = c->link.peer_key_id;
    peer->last_incarnation = c->link.peer.incarnation;
    memcpy(value, peer->last_key.bytes, SEAL_KEY_ID_SIZE);
    put_u64(value + SEAL_KEY_ID_SIZE, peer->last_incarnation);
    batch_put(core, &key, qiao_bytes(value, sizeof value));
    jobs_keep_key(core, &peer->last_key);
}

/* ---- sessions ---- */

static struct connection *open_session(struct core *core, struct peer *peer, const struct bundle *bundle)
{
    struct core_connection_id id = core->bundles < SESSIONS_MAX ? core_connection_new(core) : (struct core_connection_id){ 0 };
    struct connection *s = core_connection(core, id);
    if (!s) return NULL;
    const struct link_options options = {
        .role = role_of_node_to(peer), .node = core->node, .area = core->area, .incarnation = core->incarnation, .seal = core->config.seal,
        .heartbeat_ms = NEVER_MS, .silence_ms = NEVER_MS, .handshake_ms = NEVER_MS, .wall_ms = core->wall_ms, .mute = bundle->importing,
    };
    s->bundle = base_zalloc(sizeof *s->bundle);
    *s->bundle = *bundle;
    core->bundles++;
    link_init(&s->link, &options, core->now_ms);
    s->started = s->granted = true;
    s->peer = peer;
    return s;
}

static void adopt(struct core *core, struct connection *s, uint64_t incarnation, unsigned suite, const struct seal_key_id *key_id, const struct link_resume theirs[LINK_LANES])
{
    struct link_hello hello = { .role = s->peer->role, .incarnation = incarnation };
    struct link_resume own[LINK_LANES];
    snprintf(hello.node, sizeof hello.node, "%s", s->peer->name);
    snprintf(hello.area, sizeof hello.area, "%s", s->peer->area);
    recv_resume(core, s->peer, incarnation, own);
    link_adopt(&s->link, &hello, suite, key_id, theirs, own, core->now_ms);
    recv_up(core, s);
}

/* ---- writing a page ---- */

/* Each lane from where the asker's last page ended, if that is still a place where a run begins. */
static void go_to(struct connection *s, const Qiao__V1__BundleExportRequest *wanted, struct core *core)
{
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        struct queue *q = &s->peer->queues[lane];
        struct link_tx *tx = &s->link.tx[lane];
        uint64_t from = lane < wanted->n_from ? wanted->from[lane] : 0;
        if (from > q->head && queue_begins(core, s->peer, lane, from)) {
            q->sent = tx->next = from;
            tx->acked = from - 1;
        }
        uint64_t size = wanted->size_max ? wanted->size_max : PAGE_SIZE;
        link_take_credit(tx, QIAO_CREDIT_MESSAGES_MAX, size < PAGE_SIZE_MIN ? PAGE_SIZE_MIN : size > PAGE_SIZE_MAX ? PAGE_SIZE_MAX : size);
    }
}

struct gathering {
    struct core *core;
    struct buf certificates;
    struct seal_key_id seen[CERTIFICATES_MAX];
    unsigned count;
    uint32_t messages;
    bool receipts;
};

static void gather_key(struct gathering *g, const struct seal_key_id *id)
{
    buf_auto certificate = { 0 };
    const struct seal *seal = g->core->config.seal;
    for (unsigned i = 0; i < g->count; i++)
        if (memcmp(&g->seen[i], id, sizeof *id) == 0) return;
    if (g->count == CERTIFICATES_MAX || !seal->certificate(seal->context, id, &certificate)) return;
    g->seen[g->count++] = *id;
    bundle_put_certificate(&g->certificates, buf_bytes(&certificate));
}

static bool gather(void *context, const struct frame *frame)
{
    struct gathering *g = context;
    struct batch_view view;
    struct group_batch batch;
    g->receipts |= frame->type == FRAME_ACK;
    if (frame->type != FRAME_BATCH || !batch_open(frame->payload, &view)) return true;
    g->messages += view.count;
    if (!group_open(g->core->config.seal, view.payload, view.count, false, &batch)) return true;
    for (uint32_t i = 0; i < batch.units_count; i++)
        if (batch.units[i].proof.suite != SEAL_SUITE_NONE) gather_key(g, &batch.units[i].proof.key_id);
    group_batch_deinit(&batch);
    return true;
}

static void write_page(struct core *core, const struct connection *s, const struct gathering *g, struct buf *out)
{
    struct bundle_page page = {
        .from = qiao_bytes_from_string(core->node), .area = qiao_bytes_from_string(core->area), .incarnation = core->incarnation,
        .to = qiao_bytes_from_string(s->peer->name), .to_incarnation = s->stream->incarnation, .made_at_ms = core->wall_ms,
        .certificates = buf_bytes(&g->certificates), .frames = buf_bytes(&s->out),
    };
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        const struct queue *q = &s->peer->queues[lane];
        page.lanes[lane] = (struct bundle_lane){ s->stream->durable[lane], q->head, qiao_bytes(q->chain.bytes, q->chain_unknown ? 0 : SEAL_DIGEST_SIZE) };
    }
    bundle_page_write(&page, out);
}

static struct core_job *wrap_job(struct core *core, const struct connection *s, const struct gathering *g)
{
    struct core_job *job = job_new(core, s);
    job->type = JOB_WRAP;
    job->connection = s->bundle->asker;
    job->request = s->bundle->request;
    job->key_id = s->bundle->to;
    job->messages = g->messages;
    job->receipts = g->receipts;
    snprintf(job->receiver, sizeof job->receiver, "%s", s->peer->name);
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        job->next_sequence[lane] = s->peer->queues[lane].sent;
        job->more |= s->peer->queues[lane].sent < s->peer->queues[lane].committed;
    }
    return job;
}

/* The custody receipts are signed: the page is whole. */
static void export_look(struct core *core, struct connection *s)
{
    struct gathering g = { .core = core };
    struct frame_reader reader = { { 0 } };
    if (s->signing || custody_deadline_ms(core, s) != LINK_NEVER) return;
    frame_reader_feed(&reader, buf_bytes(&s->out), &s->link.frame_size_max, gather, &g);
    struct core_job *job = wrap_job(core, s, &g);
    if (g.messages == 0 && !g.receipts && !job->more) {
        core_job_free(job);
        connection_drop(core, s, QIAO_CODE_NOT_FOUND, "nothing waits for this neighbour, and nothing of it is to be receipted");
    } else {
        write_page(core, s, &g, &job->payload);
        jobs_add(core, job);
        s->bundle->answered = true; /* the job will */
        connection_drop(core, s, QIAO_CODE_OK, "a page of a bundle is written");
    }
    buf_deinit(&g.certificates);
    frame_reader_deinit(&reader);
}

static const char *why_no_export(const struct core *core, const struct peer *peer, const struct connection *asker)
{
    if (asker->peer) return "bundles are for the node's operator: ask without being a member";
    if (!peer) return "no link of this node has that name";
    if (!core_signs(core)) return "this node has no key: bundles are signed";
    return core->shutting_down ? "node is shutting down" : NULL;
}

void bundle_export(struct core *core, struct connection *asker, const Qiao__V1__AdminRequest *request)
{
    const Qiao__V1__BundleExportRequest *wanted = request->bundle_export;
    static const struct seal_key_id nobody;
    struct link_resume theirs[LINK_LANES];
    const struct seal *seal = core->config.seal;
    struct peer *peer = neighbour(core, wanted->peer);
    const char *wrong = why_no_export(core, peer, asker);
    struct bundle bundle = { .asker = asker->id, .request = request->id };
    unsigned code = wrong ? QIAO_CODE_NOT_ALLOWED : QIAO_CODE_OK;
    if (!wrong) bundle.to = peer->last_key;
    if (!wrong && wanted->certificate.len > 0) code = seal->learn(seal->context, qiao_bytes(wanted->certificate.data, wanted->certificate.len), &bundle.to);
    else if (!wrong && memcmp(&bundle.to, &nobody, sizeof nobody) == 0) wrong = "this neighbour was never seen: give its certificate with --certificate";
    struct connection *s = !wrong && code == QIAO_CODE_OK ? open_session(core, peer, &bundle) : NULL;
    if (!s) {
        if (!wrong && code == QIAO_CODE_OK) code = QIAO_CODE_BUSY;
        admin_refuse(core, asker, request->id, code ? code : QIAO_CODE_UNKNOWN_KEY, wrong ? wrong : qiao_code_text(code));
        return;
    }
    recv_resume(core, peer, peer->last_incarnation, theirs);
    for (unsigned lane = 0; lane < LINK_LANES; lane++) theirs[lane] = (struct link_resume){ .next = theirs[lane].received + 1 }; /* it says nothing now */
    adopt(core, s, peer->last_incarnation, seal->suite, &bundle.to, theirs);
    if (s->closing) return;
    go_to(s, wanted, core);
    queue_pump(core, peer);
}

void bundle_wrapped(struct core *core, const struct core_job *job)
{
    struct bundle b = { .asker = job->connection, .request = job->request };
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    Qiao__V1__BundleExportReply page = QIAO__V1__BUNDLE_EXPORT_REPLY__INIT;
    const struct peer *peer = neighbour(core, job->receiver);
    bool is_peers = !job->identity.member && strcmp(job->identity.name, peer->name) == 0 && strcmp(job->identity.area, peer->area) == 0;
    if (job->code != QIAO_CODE_OK || !is_peers) {
        refuse(core, b.asker, b.request, job->code ? job->code : QIAO_CODE_LINK_IDENTITY, job->code ? qiao_code_text(job->code) : "the certificate is not this neighbour's");
        return;
    }
    page.wrapped = (ProtobufCBinaryData){ job->result.size, job->result.data };
    page.n_next = QIAO_LANES;
    page.next = (uint64_t *)(uintptr_t)job->next_sequence;
    page.more = job->more;
    page.messages = job->messages;
    page.receipts = job->receipts;
    reply.id = job->request;
    reply.last = true;
    reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_BUNDLE_EXPORT;
    reply.bundle_export = &page;
    answer(core, &b, &reply);
}

/* ---- taking a page ---- */

static const char *why_no_import(const struct core *core, const struct connection *asker)
{
    if (asker->link.peer.role != LINK_ROLE_MEMBER_ONLY || asker->peer) return "bundles are for the node's operator: ask without being a member";
    if (!core_signs(core)) return "this node has no key: bundles are encrypted for it";
    return core->shutting_down ? "node is shutting down" : NULL;
}

bool bundle_import(struct core *core, struct connection *asker, struct qiao_bytes payload)
{
    struct pb_reader r = pb_reader(payload), inner;
    struct pb_field f, wrapped = { 0 };
    uint32_t id = 0;
    bool is_import = false;
    while (pb_next(&r, &f)) {
        if (f.number == 1 && f.type == PB_VARINT) id = (uint32_t)f.value;
        if (f.number != 51 || f.type != PB_BYTES) continue;
        is_import = true;
        inner = pb_reader(f.bytes);
        while (pb_next(&inner, &f))
            if (f.number == 1 && f.type == PB_BYTES) wrapped = f;
    }
    if (!is_import || r.failed) return false;
    const char *wrong = why_no_import(core, asker);
    if (wrong || core->busy || core->bundles >= SESSIONS_MAX) {
        admin_refuse(core, asker, id, wrong ? QIAO_CODE_NOT_ALLOWED : QIAO_CODE_BUSY, wrong ? wrong : qiao_code_text(QIAO_CODE_BUSY));
        return true;
    }
    struct core_job *job = job_new(core, asker);
    job->type = JOB_UNWRAP;
    job->request = id;
    job->at_ms = core->wall_ms;
    buf_append(&job->payload, wrapped.bytes.data, wrapped.bytes.size);
    jobs_add(core, job);
    return true;
}

static bool is_text(struct qiao_bytes bytes, const char *text)
{
    return qiao_bytes_equal(bytes, qiao_bytes_from_string(text));
}

/* The sender of the page if it may be one, else why not. */
static struct peer *sender_of(struct core *core, const struct core_job *job, const struct bundle_page *page, const char **ret_wrong)
{
    struct peer *peer = NULL;
    for (size_t i = 0; i < core->links_count && !peer; i++)
        if (is_text(page->from, core->peers[i].name)) peer = &core->peers[i];
    bool is_signers = peer && !job->identity.member && strcmp(job->identity.name, peer->name) == 0 && strcmp(job->identity.area, peer->area) == 0;
    *ret_wrong = !is_text(page->to, core->node) ? "the bundle is for another node"
                 : !peer                        ? "the bundle comes from a node that is not among this node's links"
                 : !is_signers                  ? "the bundle is signed by somebody else than its sender"
                                                : NULL;
    return peer;
}

static void feed(struct core *core, struct connection *s, struct qiao_bytes frames)
{
    struct bundle *b = s->bundle;
    struct frame frame;
    size_t size;
    unsigned code;
    while (frames.size > 0 && !s->closing) {
        struct link_event event;
        bool whole = frame_parse(frames, s->link.frame_size_max, &frame, &size, &code) == FRAME_READY;
        if (!whole || (frame.type != FRAME_BATCH && frame.type != FRAME_ACK)) {
            connection_drop(core, s, QIAO_CODE_BUNDLE, "a page of the bundle holds what is no message and no receipt");
            return;
        }
        link_receive(&s->link, core->now_ms, &frame, &s->out, &event);
        if (event.type == LINK_BATCH) {
            uint64_t last = event.batch.first_sequence + event.batch.count - 1;
            if (last > b->until[event.batch.lane]) b->until[event.batch.lane] = last;
            b->messages += event.batch.count;
            b->known += event.skip;
        }
        core_handle(core, s, &event);
        frames = qiao_bytes(frames.data + size, frames.size - size);
    }
}

static void import_look(struct core *core, struct connection *s)
{
    struct bundle *b = s->bundle;
    bool done = b->fed && !s->checks_first && !s->verifying && !s->verify_next;
    for (unsigned lane = 0; done && lane < QIAO_LANES; lane++) done = s->stream->durable[lane] >= b->until[lane];
    if (!done) return;
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    Qiao__V1__BundleImportReply taken = QIAO__V1__BUNDLE_IMPORT_REPLY__INIT;
    taken.from = s->peer->name;
    taken.messages = b->messages;
    taken.known = b->known;
    taken.made_at_ms = b->made_at_ms;
    reply.id = b->request;
    reply.last = true;
    reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_BUNDLE_IMPORT;
    reply.bundle_import = &taken;
    answer(core, b, &reply);
    connection_drop(core, s, QIAO_CODE_OK, "a page of a bundle is taken");
}

static void take_page(struct core *core, struct peer *peer, const struct core_job *job, const struct bundle_page *page)
{
    struct link_resume theirs[LINK_LANES] = { [LINK_LANE_RECEIPTS] = { .next = 1 } };
    struct bundle bundle = { .asker = job->connection, .request = job->request, .importing = true, .made_at_ms = page->made_at_ms };
    struct qiao_bytes certificate;
    struct seal_key_id id;
    size_t at = 0;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        const struct bundle_lane *from = &page->lanes[lane];
        theirs[lane] = (struct link_resume){ .received = page->to_incarnation == core->incarnation ? from->received : 0, .next = from->next ? from->next : 1 };
        if (from->next_chain.size == SEAL_DIGEST_SIZE) memcpy(theirs[lane].chain, from->next_chain.data, SEAL_DIGEST_SIZE);
    }
    for (unsigned count = 0; count < CERTIFICATES_MAX && bundle_next_certificate(page, &at, &certificate); count++)
        core->config.seal->learn(core->config.seal->context, certificate, &id);
    struct connection *s = open_session(core, peer, &bundle);
    if (!s) {
        refuse(core, bundle.asker, bundle.request, QIAO_CODE_BUSY, qiao_code_text(QIAO_CODE_BUSY));
        return;
    }
    adopt(core, s, page->incarnation, job->suite, &job->key_id, theirs);
    if (!s->closing) feed(core, s, page->frames);
    if (s->closing) return;
    s->bundle->fed = true;
}

void bundle_unwrapped(struct core *core, const struct core_job *job)
{
    struct bundle_page page;
    const char *wrong = NULL;
    if (job->code != QIAO_CODE_OK) {
        core_notice(core, "bundle refused", job->identity.name, job->code, qiao_code_text(job->code));
        refuse(core, job->connection, job->request, job->code, qiao_code_text(job->code));
        return;
    }
    struct peer *peer = bundle_page_read(buf_bytes(&job->result), &page) ? sender_of(core, job, &page, &wrong) : NULL;
    if (!peer && !wrong) wrong = qiao_code_text(QIAO_CODE_BUNDLE);
    if (wrong) {
        core_notice(core, "bundle refused", job->identity.name, QIAO_CODE_BUNDLE, wrong);
        refuse(core, job->connection, job->request, QIAO_CODE_BUNDLE, wrong);
        return;
    }
    take_page(core, peer, job, &page);
}

void bundle_look(struct core *core)
{
    for (size_t i = 0; core->bundles > 0 && i < core->connections_capacity; i++) {
        struct connection *c = core->connections[i];
        if (!c || !c->bundle || c->closing) continue;
        if (c->bundle->importing) import_look(core, c);
        else export_look(core, c);
    }
}
