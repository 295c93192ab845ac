/* What became of a message after it was handed on is asked of the node that took it, which asks the next one. Each answers with its own
 * part and those behind it. Nobody waits longer than its asker does: what cannot be had in time is named as missing. */
#include "core/admin.h"
#include "core/prove.h"

#include <stdio.h>

#define QUESTIONS_MAX 64u
#define TIME_MS 8000u            /* a tool waits 10 s by default */
#define MARGIN_MS 400u           /* for the way back */
#define QUESTIONS_PER_SECOND 200u /* from one neighbour */

/* Open: put to a neighbour, whose answer somebody waits for. */
struct question {
    uint32_t number;               /* 0: this place is free */
    struct core_connection_id from, to;
    uint32_t request;              /* the asker's number */
    uint64_t deadline_ms;
    char name[QIAO_NAME_SIZE_MAX + 1]; /* of the neighbour */
    struct buf dossier;            /* owned */
};

void ask_deinit(struct core *core)
{
    for (size_t i = 0; core->questions && i < QUESTIONS_MAX; i++) buf_deinit(&core->questions[i].dossier);
    free(core->questions);
}

static void answer(struct core *core, struct connection *c, uint32_t request, const struct buf *dossier, const char *missing, const char *why)
{
    Qiao__V1__AdminReply reply = QIAO__V1__ADMIN_REPLY__INIT;
    Qiao__V1__ProofReply proof = QIAO__V1__PROOF_REPLY__INIT;
    reply.id = request;
    reply.last = true;
    reply.what_case = QIAO__V1__ADMIN_REPLY__WHAT_PROOF;
    reply.proof = &proof;
    proof.dossier = (ProtobufCBinaryData){ dossier->size, dossier->data };
    proof.missing = (char *)(uintptr_t)missing;
    proof.why_missing = (char *)(uintptr_t)why;
    admin_reply(core, c, &reply);
}

static struct question *free_question(struct core *core)
{
    if (!core->questions) core->questions = base_zalloc(QUESTIONS_MAX * sizeof *core->questions);
    for (size_t i = 0; i < QUESTIONS_MAX; i++)
        if (core->questions[i].number == 0) return &core->questions[i];
    return NULL;
}

static void put_question(struct core *core, struct connection *to, uint32_t number, const struct prove_name *name, uint32_t hops, uint32_t time_ms)
{
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    Qiao__V1__CustodyRequest custody = QIAO__V1__CUSTODY_REQUEST__INIT;
    buf_auto packed = { 0 };
    struct prove_name copy = *name;
    request.id = number;
    request.what_case = QIAO__V1__ADMIN_REQUEST__WHAT_CUSTODY;
    request.custody = &custody;
    custody.leaf = (ProtobufCBinaryData){ SEAL_DIGEST_SIZE, copy.leaf.bytes };
    custody.root = (ProtobufCBinaryData){ SEAL_DIGEST_SIZE, copy.root.bytes };
    custody.hops = hops;
    custody.time_ms = time_ms;
    size_t size = qiao__v1__admin_request__get_packed_size(&request);
    qiao__v1__admin_request__pack(&request, buf_reserve(&packed, size));
    packed.size = size;
    link_send_frame(&to->link, FRAME_ADMIN_REQUEST, buf_bytes(&packed), core->now_ms, connection_out(core, to));
}

/* How far a question may still go. */
struct reach {
    uint32_t hops, time_ms;
};

/* Answers with the dossier and this node's own part of the custody, after the nodes behind it have answered. Takes the dossier. */
static void go_on(struct core *core, struct connection *c, uint32_t request, struct buf *dossier, const struct prove_name *name, struct reach reach)
{
    struct prove_hop hop = prove_custody(core, name, dossier);
    struct connection *to = hop.peer ? hop.peer->out : NULL;
    const char *why = hop.why_missing;
    if (dossier->size > DOSSIER_SIZE_MAX) {
        admin_refuse(core, c, request, QIAO_CODE_TOO_LARGE, "the dossier does not fit a frame");
        return;
    }
    if (!why && hop.peer && (!to || to->closing || to->link.state != LINK_STATE_UP)) why = "its link is down";
    if (!why && hop.peer && (reach.hops == 0 || reach.time_ms <= MARGIN_MS)) why = "the way is too long for the time there is";
    struct question *q = !why && hop.peer ? free_question(core) : NULL;
    if (!q) {
        if (hop.peer && !why) why = "too many questions are open here";
        answer(core, c, request, dossier, why ? hop.peer->name : "", why ? why : "");
        return;
    }
    core->questions_last = core->questions_last == UINT32_MAX ? 1 : core->questions_last + 1;
    *q = (struct question){ .number = core->questions_last, .from = c->id, .to = to->id, .request = request, .deadline_ms = core->now_ms + reach.time_ms, .dossier = *dossier };
    snprintf(q->name, sizeof q->name, "%s", hop.peer->name);
    *dossier = (struct buf){ 0 };
    put_question(core, to, q->number, name, reach.hops - 1, reach.time_ms - MARGIN_MS);
}

void ask_proof(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    buf_auto dossier = { 0 };
    struct qiao_id id;
    struct prove_name name;
    const char *reason;
    bool named;
    if (request->proof->id.len != QIAO_ID_SIZE) {
        admin_refuse(core, c, request->id, QIAO_CODE_ADMIN_REQUEST, "a message id has 16 bytes");
        return;
    }
    memcpy(id.bytes, request->proof->id.data, QIAO_ID_SIZE);
    unsigned code = prove_origin(core, &id, &dossier, &name, &named, &reason);
    if (code != QIAO_CODE_OK) admin_refuse(core, c, request->id, code, reason);
    else if (!named) answer(core, c, request->id, &dossier, "", "");
    else go_on(core, c, request->id, &dossier, &name, (struct reach){ QIAO_HOPS_MAX, TIME_MS });
}

bool asks_too_much(struct core *core, struct connection *c)
{
    if (!c->peer || c->peer->member) return false;
    if (core->now_ms - c->asked_since_ms >= 1000) {
        c->asked_since_ms = core->now_ms;
        c->asked = 0;
    }
    return c->asked++ >= QUESTIONS_PER_SECOND;
}

void ask_custody(struct core *core, struct connection *c, const Qiao__V1__AdminRequest *request)
{
    const Qiao__V1__CustodyRequest *wanted = request->custody;
    buf_auto dossier = { 0 };
    struct prove_name name;
    if (wanted->leaf.len != SEAL_DIGEST_SIZE || wanted->root.len != SEAL_DIGEST_SIZE) {
        admin_refuse(core, c, request->id, QIAO_CODE_ADMIN_REQUEST, "leaf and root have 32 bytes each");
        return;
    }
    if (asks_too_much(core, c)) {
        admin_refuse(core, c, request->id, QIAO_CODE_BUSY, "more questions a second than are answered");
        return;
    }
    memcpy(name.leaf.bytes, wanted->leaf.data, SEAL_DIGEST_SIZE);
    memcpy(name.root.bytes, wanted->root.data, SEAL_DIGEST_SIZE);
    struct reach reach = { wanted->hops < QIAO_HOPS_MAX ? wanted->hops : QIAO_HOPS_MAX, wanted->time_ms < TIME_MS ? wanted->time_ms : TIME_MS };
    go_on(core, c, request->id, &dossier, &name, reach);
}

/* ---- answers ---- */

static void close_question(struct core *core, struct question *q, const char *missing, const char *why)
{
    struct connection *from = core_connection(core, q->from);
    if (from && !from->closing && from->link.state == LINK_STATE_UP) answer(core, from, q->request, &q->dossier, missing, why);
    buf_deinit(&q->dossier);
    *q = (struct question){ 0 };
}

/* A neighbour adds custody and certificates, and nothing else. False: it is no part of a dossier, or too large. */
static bool take_parts(struct buf *dossier, struct qiao_bytes parts)
{
    struct pb_reader r = pb_reader(parts);
    struct pb_field f;
    size_t before = dossier->size;
    while (pb_next(&r, &f) && dossier->size <= DOSSIER_SIZE_MAX)
        if (f.type == PB_BYTES && (f.number == 3 || f.number == 5)) pb_put_bytes(dossier, f.number, f.bytes);
    if (!r.failed && dossier->size <= DOSSIER_SIZE_MAX) return true;
    dossier->size = before;
    return false;
}

static struct question *find_question(struct core *core, const struct connection *c, uint32_t number)
{
    for (size_t i = 0; core->questions && number != 0 && i < QUESTIONS_MAX; i++)
        if (core->questions[i].number == number && core->questions[i].to.value == c->id.value) return &core->questions[i];
    return NULL;
}

void ask_replied(struct core *core, struct connection *c, struct qiao_bytes payload)
{
    arena_reset(&core->arena);
    Qiao__V1__AdminReply *reply = pb_depth_ok(payload) ? qiao__v1__admin_reply__unpack(&core->arena.protobuf, payload.size, payload.data) : NULL;
    if (!reply || ask_way_replied(core, c, reply)) return;
    struct question *q = find_question(core, c, reply->id);
    if (!q) return; /* too late, or never asked */
    if (reply->code != 0 || reply->what_case != QIAO__V1__ADMIN_REPLY__WHAT_PROOF) {
        close_question(core, q, q->name, reply->code ? qiao_code_text(reply->code) : "it answered something else");
        return;
    }
    const ProtobufCBinaryData *parts = &reply->proof->dossier;
    bool taken = take_parts(&q->dossier, qiao_bytes(parts->data, parts->len));
    if (taken) close_question(core, q, reply->proof->missing, reply->proof->why_missing);
    else close_question(core, q, q->name, "its answer cannot be read, or does not fit");
}

void ask_tick(struct core *core)
{
    for (size_t i = 0; core->questions && i < QUESTIONS_MAX; i++) {
        struct question *q = &core->questions[i];
        if (q->number != 0 && q->deadline_ms <= core->now_ms) close_question(core, q, q->name, "it did not answer in time");
    }
}

uint64_t ask_deadline_ms(const struct core *core)
{
    uint64_t deadline = LINK_NEVER;
    for (size_t i = 0; core->questions && i < QUESTIONS_MAX; i++) {
        const struct question *q = &core->questions[i];
        if (q->number != 0 && q->deadline_ms < deadline) deadline = q->deadline_ms;
    }
    return deadline;
}
