#include "core_world.h"

#include "base/prng.h"
#include "core/keys.h"
#include "schema/admin.pb-c.h"

#include <qiao/client.h>

#define WALL_MS 1700000000000u

static void settle(struct world *w);
static void check_promises(struct world *w);

/* ---- the node ---- */

/* FUZZ_TRACE=1 in the environment shows what the node decides. */
static void print_trace(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "%s\n", line);
}

static bool start_core(struct world *w)
{
    static const struct core_peer_config peers[] = {
        { .name = "street", .area = "990101001", .role = LINK_ROLE_CHILD_NODE }, { .name = "province", .area = "99", .role = LINK_ROLE_PARENT_NODE },
        { .name = "desk", .member = true }, { .name = "office", .member = true },
    };
    struct core_config config = {
        .node = "district", .area = "990101", .peers = peers, .peers_count = 4, .seal = &seal_null, .local_members_any = true, .seed = ++w->starts,
        .link_window_messages = 8, .link_window_bytes = 4096, .member_window_messages = 4, .member_window_bytes = 2048, .connections_max = 8,
        .delivery_attempts_max = 3, .crash_within_ms = 1000,
        .dead_letters_max = 100, .dead_letter_bytes_max = 1u << 20, .retry_ms_min = 10, .retry_ms_max = 1000, .heartbeat_ms = 5000, .silence_ms = 20000, .handshake_ms = 3000,
        .trace = getenv("FUZZ_TRACE") ? print_trace : NULL,
    };
    char error[128] = "";
    return core_new(&config, w->store, w->now_ms, WALL_MS + w->now_ms, &w->core, error, sizeof error) == 0;
}

bool world_init(struct world *w, struct choices *choices, struct store *store)
{
    *w = (struct world){ .choices = choices, .store = store, .now_ms = 1000 };
    for (unsigned who = 0; who < WHO_COUNT; who++) {
        w->callers[who].incarnation = 100 + who;
        for (unsigned lane = 0; lane < QIAO_LANES; lane++) w->callers[who].outboxes[lane].next = 1;
    }
    return start_core(w);
}

static void close_caller(struct caller *caller)
{
    if (caller->open) link_deinit(&caller->link);
    caller->open = false;
    caller->in.size = caller->out.size = 0;
}

void world_deinit(struct world *w)
{
    core_free(w->core);
    store_close(w->store);
    for (unsigned who = 0; who < WHO_COUNT; who++) {
        struct caller *caller = &w->callers[who];
        close_caller(caller);
        buf_deinit(&caller->in);
        buf_deinit(&caller->out);
        for (unsigned lane = 0; lane < QIAO_LANES; lane++)
            for (size_t i = 0; i < LETTERS_MAX; i++) buf_deinit(&caller->outboxes[lane].letters[i].raw);
    }
}

static void step(struct world *w, struct core_event *event)
{
    event->now_ms = w->now_ms;
    event->wall_ms = WALL_MS + w->now_ms;
    core_step(w->core, event);
}

/* ---- the disk ---- */

void world_commit_begin(struct world *w)
{
    if (!w->committing) {
        w->committing = core_seal(w->core);
        FUZZ_CHECK(!w->committing || core_prepare(w->core) == 0);
    }
}

void world_commit_end(struct world *w, bool full)
{
    struct store_stat stat;
    if (!w->committing) return;
    store_array_faults(w->store)->full = full;
    int result = store_commit(w->store, w->committing);
    FUZZ_CHECK(result == (full ? STORE_FULL : STORE_OK));
    store_stat(w->store, &stat);
    struct core_event event = { .type = CORE_STORED, .stored = result, .stat = &stat };
    step(w, &event);
    w->committing = NULL;
    settle(w);
    if (result == STORE_OK) check_promises(w);
}

bool world_restart(struct world *w)
{
    struct store *store = store_array_clone(w->store);
    w->core = core_free(w->core);
    w->committing = NULL;
    store_close(w->store);
    w->store = store;
    store_array_faults(w->store)->full = false;
    for (unsigned who = 0; who < WHO_COUNT; who++) close_caller(&w->callers[who]);
    return start_core(w);
}

/* ---- promises ---- */

static bool read_origin(struct world *w, uint8_t number, struct message_record *ret_record)
{
    struct qiao_id id = mail_id(number);
    struct key key = key_origin(&id);
    struct qiao_bytes value;
    return store_get(w->store, key_bytes(&key), &value) && record_read(value, ret_record);
}

/* What was acknowledged is on disk, and its outcome is for ever. */
static void check_promises(struct world *w)
{
    for (uint8_t number = 0; number < NUMBERS; number++) {
        struct fate *fate = &w->fates[number];
        struct message_record record;
        if (!fate->acknowledged) continue;
        FUZZ_CHECK(read_origin(w, number, &record));
        if (fate->outcome) FUZZ_CHECK(record.outcome == fate->outcome && record.code == fate->code);
        fate->outcome = record.outcome;
        fate->code = record.code;
    }
}

static void acknowledged(struct world *w, struct caller *caller, struct outbox *outbox, uint64_t sequence)
{
    size_t gone = 0;
    while (gone < outbox->count && outbox->letters[gone].sequence <= sequence) {
        struct letter *letter = &outbox->letters[gone++];
        if (letter->promised && !caller->raving) w->fates[letter->number].acknowledged = true;
    }
    if (gone == 0) return;
    struct letter old[LETTERS_MAX];
    memcpy(old, outbox->letters, sizeof old);
    for (size_t i = 0; i < LETTERS_MAX; i++) outbox->letters[i] = old[(i + gone) % LETTERS_MAX];
    outbox->count -= gone;
    outbox->sent = outbox->sent > gone ? outbox->sent - gone : 0;
}

/* The number whose id this is, or 255. */
static uint8_t number_of(struct qiao_bytes id)
{
    uint8_t number = id.size == QIAO_ID_SIZE ? id.data[QIAO_ID_SIZE - 1] : 255;
    struct qiao_id full = mail_id(number);
    return qiao_bytes_equal(id, qiao_bytes(full.bytes, QIAO_ID_SIZE)) ? number : 255;
}

static void check_outcome(struct world *w, struct qiao_bytes bytes)
{
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    struct message_record record;
    uint8_t number = 255;
    unsigned status = 0, code = 0;
    while (pb_next(&r, &f)) {
        if (f.number == 1) number = number_of(f.bytes);
        if (f.number == 2) status = (unsigned)f.value;
        if (f.number == 3) code = (unsigned)f.value;
    }
    FUZZ_CHECK(!r.failed && status >= QIAO_OUTCOME_ACCEPTED && status <= QIAO_OUTCOME_DEAD);
    if (number >= NUMBERS || !w->fates[number].submitted || w->fates[number].conflicting || w->fates[number].set) return;
    if (!read_origin(w, number, &record)) return; /* forged for a message that never was */
    FUZZ_CHECK(record.outcome == status && record.code == code);
}

static void take_receipts(struct world *w, const struct batch_view *batch)
{
    struct pb_reader r = pb_reader(batch->payload);
    struct qiao_bytes raw;
    struct envelope e;
    while (run_next(&r, &raw)) {
        if (raw.size == 0) continue;
        FUZZ_CHECK(envelope_open(raw, &e) == QIAO_CODE_OK && e.header.kind == QIAO_KIND_RECEIPT);
        struct pb_reader outcomes = pb_reader(e.body);
        struct pb_field f;
        while (pb_next(&outcomes, &f))
            if (f.number == 4 && f.type == PB_BYTES) check_outcome(w, f.bytes);
        FUZZ_CHECK(!outcomes.failed);
    }
}

/* ---- callers ---- */

static void send_letters(struct world *w, struct caller *caller)
{
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        struct outbox *outbox = &caller->outboxes[lane];
        while (outbox->sent < outbox->count && link_can_send(&caller->link, lane)) {
            struct letter *letter = &outbox->letters[outbox->sent];
            buf_auto entries = { 0 };
            if (letter->sequence != caller->link.tx[lane].next) break;
            mail_entry(&entries, buf_bytes(&letter->raw));
            link_send_batch(&caller->link, lane, letter->sequence, 1, buf_bytes(&entries), w->now_ms, &caller->out);
            outbox->sent++;
        }
    }
}

static void come_up(struct world *w, struct caller *caller)
{
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        struct outbox *outbox = &caller->outboxes[lane];
        acknowledged(w, caller, outbox, caller->link.tx[lane].acked);
        outbox->sent = 0;
        if (outbox->count == 0 && outbox->next < caller->link.tx[lane].next) outbox->next = caller->link.tx[lane].next;
    }
}

static void caller_accept(struct world *w, struct caller *caller)
{
    struct link_resume resume[LINK_LANES];
    for (unsigned lane = 0; lane < LINK_LANES; lane++) {
        const struct outbox *outbox = lane < QIAO_LANES ? &caller->outboxes[lane] : NULL;
        resume[lane] = (struct link_resume){ .received = caller->received[lane], .next = outbox ? (outbox->count ? outbox->letters[0].sequence : outbox->next) : 1 };
    }
    link_accept(&caller->link, resume, w->now_ms, &caller->out);
}

static void take_batch(struct world *w, struct caller *caller, const struct link_event *event)
{
    const struct batch_view *batch = &event->batch;
    uint64_t ack[LINK_LANES] = { 0 };
    bool member = caller->link.options.role == LINK_ROLE_MEMBER_ONLY;
    if (batch->lane == LINK_LANE_RECEIPTS && event->skip == 0 && !caller->raving) take_receipts(w, batch);
    if (member && batch->lane != LINK_LANE_RECEIPTS) {
        caller->deliveries[caller->deliveries_count++ % DELIVERIES_MAX] = (struct delivery){ batch->lane, batch->first_sequence, batch->count };
        return;
    }
    caller->received[batch->lane] = batch->first_sequence + batch->count - 1;
    ack[batch->lane] = caller->received[batch->lane];
    link_send_ack(&caller->link, ack, false, 0, w->now_ms, &caller->out);
}

struct hearing {
    struct world *world;
    struct caller *caller;
};

static void hear(void *context, const struct frame *frame)
{
    struct hearing *h = context;
    struct caller *caller = h->caller;
    struct link_event event;
    link_receive(&caller->link, h->world->now_ms, frame, &caller->out, &event);
    if (event.type == LINK_PEER_HELLO) caller_accept(h->world, caller);
    if (event.type == LINK_UP) come_up(h->world, caller);
    if (event.type == LINK_BATCH) take_batch(h->world, caller, &event);
    for (unsigned lane = 0; event.type == LINK_ACKED && lane < QIAO_LANES; lane++)
        acknowledged(h->world, caller, &caller->outboxes[lane], caller->link.tx[lane].acked);
    /* The node keeps to the protocol with everybody who does. */
    FUZZ_CHECK(event.type != LINK_CLOSED || frame->type == FRAME_CLOSE || caller->raving);
}

static struct caller *find_caller(struct world *w, struct core_connection_id id)
{
    for (unsigned who = 0; who < WHO_COUNT; who++)
        if (w->callers[who].open && w->callers[who].id.value == id.value) return &w->callers[who];
    return NULL;
}

/* Takes what the core has to say and gives it to the callers. */
static void settle(struct world *w)
{
    struct core_output output;
    while (core_next_output(w->core, &output)) {
        struct caller *caller = find_caller(w, output.connection);
        FUZZ_CHECK(caller && output.size < 2 * QIAO_FRAME_SIZE_MAX);
        buf_append(&caller->in, output.data, output.size);
        free(output.data);
        mail_frames(&caller->in, QIAO_FRAME_SIZE_MAX, hear, &(struct hearing){ w, caller });
        if (!output.close) continue;
        struct core_event event = { .type = CORE_CLOSED, .connection = output.connection };
        close_caller(caller);
        step(w, &event);
    }
    FUZZ_CHECK(core_wants_seal(w->core) || core_filling_bytes(w->core) == 0 || w->committing);
}

void world_hang_up(struct world *w, unsigned who)
{
    struct caller *caller = &w->callers[who];
    if (!caller->open) return;
    struct core_event event = { .type = CORE_CLOSED, .connection = caller->id };
    close_caller(caller);
    step(w, &event);
    settle(w);
}

void world_connect(struct world *w, unsigned who)
{
    static const struct { const char *common_name, *node, *area, *org; enum link_role role; bool verified, local, dialled; } people[WHO_COUNT] = {
        { "", NULL, NULL, "desk", LINK_ROLE_MEMBER_ONLY, false, true, false },
        { "990101/office", NULL, NULL, "office", LINK_ROLE_MEMBER_ONLY, true, false, false },
        { "", NULL, NULL, NULL, LINK_ROLE_MEMBER_ONLY, false, true, false },
        { "street", "street", "990101001", NULL, LINK_ROLE_CHILD_NODE, true, false, false },
        { "province", "province", "99", NULL, LINK_ROLE_PARENT_NODE, true, false, true },
        { "stranger", "street", "990101001", "desk", LINK_ROLE_PEER_NODE, false, false, false },
    };
    struct caller *caller = &w->callers[who];
    world_hang_up(w, who);
    caller->id = core_connection_new(w->core);
    if (caller->id.value == 0) return;
    struct link_options options = {
        .dialer = !people[who].dialled, .role = people[who].role, .node = people[who].node, .area = people[who].area, .org = people[who].org,
        .incarnation = caller->incarnation, .wants_deliveries = who != WHO_TOOL, .wants_events = true, .nonce = { (uint8_t)(who + 1) }, .seal = &seal_null,
        .credit_messages = 64, .credit_bytes = 65536, .heartbeat_ms = 5000, .silence_ms = 600000, .handshake_ms = 600000,
    };
    struct core_identity identity = { .verified = people[who].verified, .local = people[who].local };
    snprintf(identity.common_name, sizeof identity.common_name, "%s", people[who].common_name);
    struct core_event event = { .type = CORE_CONNECTED, .connection = caller->id, .identity = &identity, .dialled = people[who].dialled ? people[who].node : NULL };
    link_init(&caller->link, &options, w->now_ms);
    caller->open = true;
    if (options.dialer) link_start(&caller->link, w->now_ms, &caller->out);
    step(w, &event);
    settle(w);
}

struct speaking {
    struct world *world;
    struct core_connection_id id;
};

static void speak(void *context, const struct frame *frame)
{
    struct speaking *s = context;
    struct core_event event = { .type = CORE_FRAME, .connection = s->id, .frame = frame };
    const size_t *size_max = core_frame_size_max(s->world->core, s->id);
    if (size_max && frame->payload.size + FRAME_HEAD_SIZE <= *size_max) step(s->world, &event);
}

void world_exchange(struct world *w)
{
    for (unsigned who = 0; who < WHO_COUNT; who++) {
        struct caller *caller = &w->callers[who];
        if (!caller->open) continue;
        send_letters(w, caller);
        mail_frames(&caller->out, QIAO_FRAME_SIZE_MAX, speak, &(struct speaking){ w, caller->id });
        settle(w);
    }
}

/* ---- what callers do ---- */

/* A letter that bears the id of another: who of the two gets which answer is not told apart here. */
static void note_collision(struct world *w, const struct envelope *e, unsigned own_number)
{
    uint8_t number = number_of(qiao_bytes(e->header.id.bytes, QIAO_ID_SIZE));
    if (number != own_number && number < NUMBERS) w->fates[number].conflicting = true;
}

static void note(struct world *w, struct letter *letter)
{
    struct fate *fate = &w->fates[letter->number];
    struct envelope e;
    struct qiao_bytes root;
    uint64_t digest = 1;
    for (size_t i = 0; i < letter->raw.size; i++) digest = (digest ^ letter->raw.data[i]) * 0x100000001b3u;
    unsigned code = envelope_open(buf_bytes(&letter->raw), &e);
    struct qiao_id id = mail_id(letter->number);
    note_collision(w, &e, letter->number);
    if (code == QIAO_CODE_MALFORMED || !qiao_id_equal(&e.header.id, &id)) return; /* goes into quarantine, or is another */
    letter->promised = code == QIAO_CODE_OK;
    fate->conflicting |= fate->submitted && fate->digest != digest;
    fate->set |= address_is_set(&e.header.destination, &root);
    fate->submitted = true;
    fate->digest = digest;
}

static struct letter *add_letter(struct caller *caller, unsigned lane)
{
    struct outbox *outbox = &caller->outboxes[lane];
    if (outbox->count == LETTERS_MAX) return NULL;
    struct letter *letter = &outbox->letters[outbox->count++];
    letter->raw.size = 0;
    letter->promised = false;
    letter->sequence = outbox->next++;
    return letter;
}

void world_write(struct world *w, unsigned who, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned shape = choose(w->choices);
        struct letter *letter = add_letter(&w->callers[who], shape & 1);
        bool member = who == WHO_DESK || who == WHO_OFFICE;
        if (!letter) return;
        letter->number = (uint8_t)(who == WHO_DESK ? shape >> 4 : who == WHO_OFFICE ? 16 + (shape >> 4) : 64 + (shape >> 2));
        mail_envelope(w->choices, letter->number, shape & 2 ? 200 : 500, shape & 8 ? -1 : member ? (int)who : 2, &seal_null, &letter->raw);
        if ((shape & 12) == 12 && choose_below(w->choices, 4) == 0) letter->raw.data[choose(w->choices) % letter->raw.size] ^= choose(w->choices);
        if (member) note(w, letter);
    }
}

void world_receipt(struct world *w, unsigned who)
{
    struct letter *letter = add_letter(&w->callers[who], 0);
    struct envelope e;
    if (!letter) return;
    mail_receipt(w->choices, &seal_null, &letter->raw);
    envelope_open(buf_bytes(&letter->raw), &e);
    note_collision(w, &e, NUMBERS);
}

/* About something that was delivered, or about anything. */
void world_verdict(struct world *w, unsigned who)
{
    struct caller *caller = &w->callers[who];
    struct choices *c = w->choices;
    buf_auto payload = { 0 };
    buf_auto one = { 0 };
    unsigned shape = choose(c);
    struct delivery d = caller->deliveries[choose_below(c, DELIVERIES_MAX)];
    if (!caller->open || caller->link.state != LINK_STATE_UP) return;
    if (d.count == 0 || (shape & 15) == 15) d = (struct delivery){ choose_below(c, 5), choose_number(c, 1 + choose_below(c, 8)), choose(c) };
    pb_put_varint(&one, 1, d.lane);
    pb_put_varint(&one, 2, d.first + (d.count ? choose_below(c, 3) % d.count : 0));
    pb_put_varint(&one, 3, shape & 64 ? d.count : 1);
    pb_put_varint(&one, 4, shape >> 4 & 3);
    pb_put_varint(&one, 5, choose(c));
    pb_put_bytes(&one, 6, choose_bytes(c, shape & 7));
    pb_put_varint(&one, 7, shape & 128 ? choose_number(c, 2) : 0);
    pb_put_bytes(&payload, 1, buf_bytes(&one));
    if (who >= WHO_TOOL || (shape & 15) == 15 || (shape >> 4 & 3) == 3) caller->raving = true;
    link_send_frame(&caller->link, FRAME_VERDICTS, buf_bytes(&payload), w->now_ms, &caller->out);
}

void world_rave(struct world *w, unsigned who)
{
    struct caller *caller = &w->callers[who];
    struct frame frame = { (enum frame_type)(1 + choose_below(w->choices, FRAME_TYPE_COUNT - 1)), choose_sized(w->choices) };
    struct core_event event = { .type = CORE_FRAME, .connection = caller->id, .frame = &frame };
    if (!caller->open) return;
    caller->raving = true;
    if (choose_below(w->choices, 16) == 15) event = (struct core_event){ .type = CORE_REJECTED, .connection = caller->id, .code = QIAO_CODE_FRAME_MAGIC };
    step(w, &event);
    settle(w);
}

static void pack_request(struct choices *c, Qiao__V1__AdminRequest *request, struct buf *out)
{
    Qiao__V1__StatusRequest status = QIAO__V1__STATUS_REQUEST__INIT;
    Qiao__V1__RouteRequest route = QIAO__V1__ROUTE_REQUEST__INIT;
    Qiao__V1__Address to = QIAO__V1__ADDRESS__INIT;
    Qiao__V1__CaseListRequest list = QIAO__V1__CASE_LIST_REQUEST__INIT;
    Qiao__V1__CaseShowRequest show = QIAO__V1__CASE_SHOW_REQUEST__INIT;
    Qiao__V1__MessageRequest message = QIAO__V1__MESSAGE_REQUEST__INIT;
    Qiao__V1__WatchRequest watch = QIAO__V1__WATCH_REQUEST__INIT;
    Qiao__V1__WayRequest way = QIAO__V1__WAY_REQUEST__INIT;
    struct qiao_id id = mail_id(choose(c));
    char text[64];
    snprintf(text, sizeof text, "C%.*s", (int)choose_below(c, 60), "1234567890123456789012345678901234567890123456789012345678901");
    const struct mail_place *place = &mail_places[choose_below(c, MAIL_PLACES)];
    to.area = (char *)place->area;
    to.org = (char *)place->org;
    route.destination = choose_below(c, 8) ? &to : NULL;
    list.most = choose(c);
    list.after = show.case_id = text;
    message.id = (ProtobufCBinaryData){ choose_below(c, 8) ? QIAO_ID_SIZE : 3, id.bytes };
    way.id = message.id;
    way.direction = (Qiao__V1__WayDirection)choose_below(c, 4);
    way.hops = way.time_ms = choose(c);
    if (choose_below(c, 4) == 3) route.header = (ProtobufCBinaryData){ strlen(text), (uint8_t *)text };
    request->id = choose(c);
    switch (choose_below(c, 7)) {
    case 0: request->what_case = QIAO__V1__ADMIN_REQUEST__WHAT_STATUS; request->status = &status; break;
    case 1: request->what_case = QIAO__V1__ADMIN_REQUEST__WHAT_ROUTE; request->route = &route; break;
    case 2: request->what_case = QIAO__V1__ADMIN_REQUEST__WHAT_CASE_LIST; request->case_list = &list; break;
    case 3: request->what_case = QIAO__V1__ADMIN_REQUEST__WHAT_CASE_SHOW; request->case_show = &show; break;
    case 4: request->what_case = QIAO__V1__ADMIN_REQUEST__WHAT_MESSAGE; request->message = &message; break;
    case 5: request->what_case = QIAO__V1__ADMIN_REQUEST__WHAT_WAY; request->way = &way; break;
    default: request->what_case = QIAO__V1__ADMIN_REQUEST__WHAT_WATCH; request->watch = &watch; break;
    }
    size_t size = qiao__v1__admin_request__get_packed_size(request);
    qiao__v1__admin_request__pack(request, buf_reserve(out, size));
    out->size += size;
}

void world_ask(struct world *w, unsigned who)
{
    struct caller *caller = &w->callers[who];
    Qiao__V1__AdminRequest request = QIAO__V1__ADMIN_REQUEST__INIT;
    buf_auto packed = { 0 };
    if (!caller->open || caller->link.state != LINK_STATE_UP) return;
    pack_request(w->choices, &request, &packed);
    if (choose_below(w->choices, 8) == 7) packed.data[choose(w->choices) % packed.size] ^= choose(w->choices);
    if (who > WHO_TOOL) caller->raving = true;
    link_send_frame(&caller->link, FRAME_ADMIN_REQUEST, buf_bytes(&packed), w->now_ms, &caller->out);
}

/* The core is woken when it asked for it, and wants nothing more in that moment. */
void world_pass_time(struct world *w, uint64_t for_ms)
{
    w->now_ms += for_ms;
    for (unsigned i = 0; core_deadline_ms(w->core) <= w->now_ms; i++) {
        struct core_event event = { .type = CORE_TICK };
        FUZZ_CHECK(i < 100);
        step(w, &event);
        settle(w);
    }
}

void world_calm(struct world *w)
{
    for (unsigned who = 0; who < WHO_STRANGER; who++) world_connect(w, who);
    for (unsigned i = 0; i < 12; i++) {
        world_exchange(w);
        world_commit_begin(w);
        world_commit_end(w, false);
        world_pass_time(w, 400);
    }
}

static bool check_record(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    (void)context;
    FUZZ_CHECK(core_check_record(key, value) == NULL);
    return true;
}

void world_check_store(struct world *w)
{
    store_refresh(w->store);
    store_scan(w->store, qiao_bytes("", 0), qiao_bytes("", 0), check_record, NULL);
}
