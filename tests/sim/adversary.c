/* The adversary's connections, what it overhears, and the book of what it tried. */
#include "adversary.h"

#include "core/keys.h"

#include <stdio.h>

/* Between two looks at what is to be done; a try whose effect has not been told of for this long is made again. */
#define LOOK_MS 20u
#define AGAIN_MS 2500u

static const uint64_t never_blocked;

struct sim_node *adversary_node(const struct adversary *a)
{
    return &a->sim->nodes[a->at];
}

uint64_t adversary_random(struct adversary *a, uint64_t below)
{
    return below ? prng_below(&a->prng, below) : 0;
}

/* ---- connections ---- */

void adversary_flush(struct adversary *a, int visitor)
{
    struct visitor *v = &a->visitors[visitor];
    if (v->pipe >= 0 && v->out.size > 0 && !v->silent) pipe_send(a->sim, v->pipe, pipe_end_of(a->sim, v->pipe, SIM_END_ADVERSARY, (uint32_t)visitor), v->out.data, v->out.size);
    v->out.size = 0;
}

static void forget(struct visitor *v)
{
    uint64_t next = v->link.tx[QIAO_LANE_NORMAL].next;
    if (next > v->sent + 1) v->sent = next - 1;
    link_deinit(&v->link);
    v->pipe = -1;
    v->out.size = 0;
    v->keeps_auth = v->silent = false;
}

void adversary_hang_up(struct adversary *a, int visitor)
{
    struct visitor *v = &a->visitors[visitor];
    if (v->pipe < 0) return;
    int pipe = v->pipe;
    forget(v);
    pipe_close(a->sim, pipe, pipe_end_of(a->sim, pipe, SIM_END_ADVERSARY, (uint32_t)visitor));
}

static void connect_node(struct adversary *a, struct core_connection_id id, const char *common_name)
{
    struct core_identity identity = { .verified = common_name != NULL };
    struct core_event event = { .type = CORE_CONNECTED, .connection = id, .identity = &identity };
    snprintf(identity.common_name, sizeof identity.common_name, "%s", common_name ? common_name : "");
    node_step(a->sim, adversary_node(a), &event);
}

bool adversary_dial(struct adversary *a, int visitor, const struct disguise *d)
{
    struct visitor *v = &a->visitors[visitor];
    struct sim_node *node = adversary_node(a);
    struct sim_end own = { .kind = SIM_END_ADVERSARY, .index = (uint32_t)visitor }, other = { .kind = SIM_END_NODE, .index = a->at };
    adversary_hang_up(a, visitor);
    if (!node->core) return false;
    other.connection = core_connection_new(node->core);
    if (!other.connection.value) return false;
    v->pipe = pipe_open(a->sim, own, other, &never_blocked);
    v->keeps_auth = d->keeps_auth;
    if (visitor == THIEF) v->incarnation = prng_next(&a->prng);
    struct link_options options = {
        .dialer = true, .role = d->role, .node = d->node, .area = d->area, .org = d->org, .incarnation = v->incarnation, .seal = d->seal, .wants_events = visitor == MOLE,
        .credit_messages = 64, .credit_bytes = 64 * 1024, .heartbeat_ms = 1000, .silence_ms = 4000, .handshake_ms = 2000,
    };
    prng_fill(&a->prng, options.nonce, sizeof options.nonce);
    link_init(&v->link, &options, a->sim->now_ms);
    link_start(&v->link, a->sim->now_ms, &v->out);
    connect_node(a, other.connection, d->common_name);
    node_settle(a->sim, node);
    return true;
}

static bool dial_as_itself(struct adversary *a, int visitor)
{
    const struct disguise harbour = { "harbour", "harbour", HARBOUR_AREA, NULL, LINK_ROLE_PEER_NODE, &a->keys.seal, false };
    const struct disguise mole = { a->mole_name, NULL, adversary_node(a)->area, "mole", LINK_ROLE_MEMBER_ONLY, &a->mole.seal, false };
    const struct disguise plain = { a->mole_name, NULL, adversary_node(a)->area, "mole", LINK_ROLE_MEMBER_ONLY, &seal_null, false };
    bool dialled = adversary_dial(a, visitor, visitor == MOLE ? &mole : visitor == PLAIN ? &plain : &harbour);
    if (dialled) adversary_flush(a, visitor);
    return dialled;
}

/* ---- what comes ---- */

static void accept_hello(struct adversary *a, int visitor)
{
    struct visitor *v = &a->visitors[visitor];
    struct link_resume resume[LINK_LANES];
    size_t before = v->out.size;
    for (unsigned lane = 0; lane < LINK_LANES; lane++) resume[lane] = (struct link_resume){ .received = v->received[lane], .next = 1 };
    link_accept(&v->link, resume, a->sim->now_ms, &v->out);
    if (visitor == HARBOUR) {
        a->auth.size = 0;
        buf_append(&a->auth, v->out.data + before, v->out.size - before);
    }
    if (!v->keeps_auth) return;
    v->out.size = before;
    buf_append(&v->out, a->auth.data, a->auth.size);
}

static void take_batch(struct adversary *a, int visitor, const struct link_event *event)
{
    struct visitor *v = &a->visitors[visitor];
    const struct batch_view *view = &event->batch;
    struct group_batch batch;
    uint64_t ack[LINK_LANES] = { 0 };
    if (event->skip < view->count) v->received[view->lane] = view->first_sequence + view->count - 1;
    if (visitor != HARBOUR) {
        ack[view->lane] = v->received[view->lane];
        link_send_ack(&v->link, ack, false, 0, a->sim->now_ms, &v->out);
        adversary_flush(a, visitor);
        return;
    }
    if (!group_open(&a->keys.seal, view->payload, view->count, false, &batch)) {
        sim_fail(a->sim, "%s sends a group that is not whole", adversary_node(a)->name);
        return;
    }
    for (uint32_t i = 0; i < batch.units_count; i++)
        if (batch.units[i].first >= event->skip) custody_chain_add(&a->keys.seal, SEAL_SUITE_INT1, &v->chain[view->lane], batch.units[i].count, &batch.units[i].hash);
    group_batch_deinit(&batch);
    words_acknowledge(a, view->lane);
}

static void show_keys(struct adversary *a, int visitor)
{
    struct visitor *v = &a->visitors[visitor];
    buf_auto packed = { 0 };
    const struct sim_keys *const all[] = { &a->keys, &a->quarry, &a->mole };
    if (a->withholds_keys) return;
    for (size_t i = 0; !a->shows_nothing && i < sizeof all / sizeof all[0]; i++) pb_put_bytes(&packed, 1, qiao_bytes(all[i]->known[0].bytes, all[i]->known[0].size));
    link_send_frame(&v->link, FRAME_KEYS, buf_bytes(&packed), a->sim->now_ms, &v->out);
}

static bool visit_frame(void *context, const struct frame *frame)
{
    struct { struct adversary *a; int visitor; } *c = context;
    struct adversary *a = c->a;
    struct visitor *v = &a->visitors[c->visitor];
    struct link_event event;
    if (frame->type == FRAME_HELLO) {
        a->node_hello.size = 0;
        size_t mark = frame_begin(&a->node_hello, FRAME_HELLO);
        buf_append(&a->node_hello, frame->payload.data, frame->payload.size);
        frame_end(&a->node_hello, mark);
    }
    link_receive(&v->link, a->sim->now_ms, frame, &v->out, &event);
    if (event.type == LINK_PEER_HELLO) accept_hello(a, c->visitor);
    if (event.type == LINK_BATCH) take_batch(a, c->visitor, &event);
    if (event.type == LINK_KEYS_WANTED) show_keys(a, c->visitor);
    if (event.type == LINK_ACKED && a->waits_for_ack) a->done = true;
    return v->pipe >= 0;
}

void adversary_feed(struct sim *sim, struct sim_end *end, struct qiao_bytes bytes)
{
    struct adversary *a = sim->adversary;
    int visitor = (int)end->index;
    struct { struct adversary *a; int visitor; } context = { a, visitor };
    struct visitor *v = &a->visitors[visitor];
    unsigned code = frame_reader_feed(&end->reader, bytes, &v->link.frame_size_max, visit_frame, &context);
    if (code != 0) sim_fail(sim, "%s sends what is no frame", adversary_node(a)->name);
    adversary_flush(a, visitor);
}

void adversary_eof(struct sim *sim, struct sim_end *end)
{
    adversary_hang_up(sim->adversary, (int)end->index);
}

/* ---- what is overheard at the node ---- */

/* The other end of a pipe, if it is an honest node. */
static const struct sim_end *honest_end(const struct sim *sim, const struct sim_end *end)
{
    for (uint32_t i = 0; i < sim->pipes_count; i++) {
        const struct sim_pipe *pipe = sim->pipes[i];
        for (unsigned e = 0; pipe->used && e < 2; e++)
            if (&pipe->ends[e] == end && pipe->ends[!e].kind == SIM_END_NODE) return &pipe->ends[!e];
    }
    return NULL;
}

static void keep_hello(struct adversary *a, const struct sim_end *from, const struct frame *frame)
{
    a->neighbour = from->index;
    a->neighbour_hello.size = 0;
    size_t mark = frame_begin(&a->neighbour_hello, FRAME_HELLO);
    buf_append(&a->neighbour_hello, frame->payload.data, frame->payload.size);
    frame_end(&a->neighbour_hello, mark);
}

void adversary_overhear(struct sim *sim, const struct sim_node *node, const struct sim_end *end, const struct frame *frame)
{
    struct adversary *a = sim->adversary;
    struct batch_view view;
    struct pb_reader r;
    struct qiao_bytes raw;
    if (!a || node->index != a->at || (frame->type != FRAME_BATCH && frame->type != FRAME_HELLO)) return;
    const struct sim_end *from = honest_end(sim, end);
    if (from && frame->type == FRAME_HELLO) keep_hello(a, from, frame);
    if (!from || frame->type != FRAME_BATCH || !batch_open(frame->payload, &view)) return;
    struct overheard *o = &a->overheard[a->overheard_count++ % OVERHEARD_MAX];
    *o = (struct overheard){ .lane = view.lane, .first = view.first_sequence, .count = view.count, .entries = o->entries };
    o->entries.size = 0;
    r = pb_reader(view.payload);
    while (run_next(&r, &raw)) words_put_entry(&o->entries, raw);
}

uint64_t adversary_neighbours_life(const struct adversary *a)
{
    const struct sim *sim = a->sim;
    uint64_t life = 0;
    for (uint32_t i = 0; i < sim->pipes_count; i++) {
        const struct sim_pipe *pipe = sim->pipes[i];
        for (unsigned e = 0; pipe->used && e < 2; e++) {
            bool theirs = pipe->ends[e].kind == SIM_END_NODE && pipe->ends[e].index == a->at && pipe->ends[!e].kind == SIM_END_NODE && pipe->ends[!e].index == a->neighbour;
            if (theirs && life) return 0;
            if (theirs) life = pipe->life;
        }
    }
    return life;
}

/* ---- the book ---- */

/* The neighbour's only pipe is the one it had when a thief said its hello: nobody else can have taken over. */
static void check_honest_link(struct adversary *a, const char *event, const char *peer, unsigned code)
{
    if (!a->honest_life || code != QIAO_CODE_LINK_REPLACED || strcmp(event, "link down") != 0 || strcmp(peer, a->sim->nodes[a->neighbour].name) != 0) return;
    if (adversary_neighbours_life(a) == a->honest_life) sim_fail(a->sim, "a hello without proof cut the link of %s", peer);
}

void adversary_notice(void *context, const char *event, const char *peer, unsigned code, const char *reason)
{
    struct adversary *a = ((struct sim *)context)->adversary;
    const struct act *act = a->act;
    if (a->sim->options.print_trace) sim_trace(a->sim, "%s notices: %s %s %s %s", adversary_node(a)->name, event, peer, qiao_code_name(code), reason);
    check_honest_link(a, event, peer, code);
    if (!act || !act->event || a->tries == 0) return;
    if (strcmp(act->event, event) == 0 && code == act->code && (!a->expected_peer || strcmp(a->expected_peer, peer) == 0)) a->done = true;
}

static void give_up(struct adversary *a)
{
    a->act = NULL;
    a->twist = TWIST_NONE;
    a->honest_life = 0;
    a->withholds_keys = a->shows_nothing = a->waits_for_ack = false;
    adversary_hang_up(a, THIEF);
}

static void end_act(struct adversary *a)
{
    sim_trace(a->sim, "adversary: %s, told of", a->act->name);
    a->counts[a->act - adversary_acts]++;
    a->sim->counts.hostile++;
    give_up(a);
}

void adversary_try(struct adversary *a, const struct act *act)
{
    if (a->act) return;
    a->act = act;
    a->done = false;
    a->tries = 0;
    a->expected_peer = act->visitor == MOLE || act->visitor == PLAIN ? "mole" : "harbour";
}

static bool is_up(const struct adversary *a, int visitor)
{
    return a->visitors[visitor].pipe >= 0 && a->visitors[visitor].link.state == LINK_STATE_UP;
}

static uint64_t life_of(const struct adversary *a, int visitor)
{
    return a->sim->pipes[a->visitors[visitor].pipe]->life;
}

static void go_on(struct adversary *a)
{
    const struct act *act = a->act;
    bool due = a->tries == 0 || a->sim->now_ms >= a->tried_ms + AGAIN_MS;
    if (!due || (act->visitor < VISITORS && !is_up(a, act->visitor))) return;
    bool lost = act->visitor < VISITORS && a->tries > 0 && life_of(a, act->visitor) != a->tried_life;
    bool hurries = act->event && strcmp(act->event, "outcome not believed") == 0; /* about a message under way, which may end before */
    if (!act->how(a)) {
        /* Nothing to do it with; or no more, and what was sent may have been lost with its link, or have come too late. */
        if (a->tries == 0 || lost || hurries) give_up(a);
        return;
    }
    a->tried_life = act->visitor < VISITORS ? life_of(a, act->visitor) : 0;
    if (a->tries == 0) sim_trace(a->sim, "adversary: %s", act->name);
    a->tries++;
    a->tried_ms = a->sim->now_ms;
}

/* Does the node perhaps have what an earlier link brought last, and only not say so yet because it is on no disk? Then it would take
 * anything new under that sequence for the same again. */
static bool is_in_doubt(const struct visitor *v)
{
    return v->link.state == LINK_STATE_UP && v->link.tx[QIAO_LANE_NORMAL].next <= v->sent;
}

static void begin_anew(struct adversary *a, int visitor)
{
    struct visitor *v = &a->visitors[visitor];
    adversary_hang_up(a, visitor);
    v->incarnation = prng_next(&a->prng);
    v->sent = 0;
}

static void keep_links(struct adversary *a)
{
    for (int visitor = 0; visitor < THIEF; visitor++) {
        struct visitor *v = &a->visitors[visitor];
        struct link_event event;
        if (v->pipe < 0) {
            if (adversary_random(a, 4) == 0) dial_as_itself(a, visitor);
            continue;
        }
        link_tick(&v->link, a->sim->now_ms, &v->out, &event);
        adversary_flush(a, visitor);
        if (event.type == LINK_CLOSED) adversary_hang_up(a, visitor);
        else if (is_in_doubt(v)) begin_anew(a, visitor);
    }
}

void adversary_look(struct sim *sim)
{
    struct adversary *a = sim->adversary;
    if (a->act && a->done) end_act(a);
    keep_links(a);
    if (a->act) go_on(a);
    sim_at(sim, LOOK_MS, SIM_ADVERSARY, 0, 0, 0);
}

void adversary_step(struct sim *sim)
{
    struct adversary *a = sim->adversary;
    if (a && !a->act) adversary_try(a, &adversary_acts[adversary_random(a, adversary_acts_count)]);
}

bool adversary_is_quiet(const struct sim *sim)
{
    const struct adversary *a = sim->adversary;
    return !a || (!a->act && is_up(a, HARBOUR) && is_up(a, MOLE) && is_up(a, PLAIN));
}

void adversary_final(struct sim *sim)
{
    const struct adversary *a = sim->adversary;
    if (a && a->act) sim_fail(sim, "nobody was told: %s, tried %u times at %s", a->act->name, a->tries, adversary_node(a)->name);
}

/* ---- the promises ---- */

bool adversary_is_at(const struct sim *sim, const struct sim_node *node)
{
    return sim->adversary && sim->adversary->at == node->index;
}

bool adversary_is_in(const struct sim *sim, const char *area)
{
    return sim->adversary && strncmp(adversary_node(sim->adversary)->area, area, strlen(area)) == 0;
}

/* Under somebody else's id, but its own source. */
static bool is_of_harbour(const struct sim *sim, const struct sim_node *node, struct qiao_bytes key)
{
    buf_auto source = { 0 };
    uint8_t secret[SIPHASH_KEY_SIZE];
    if (key.size != DESTINATION_KEY_SIZE) return false;
    address_write(&source, qiao_bytes_from_string(HARBOUR_AREA), qiao_bytes_from_string("gate"), qiao_bytes(NULL, 0));
    node_secret(sim, node, secret);
    return get_u32(key.data + key.size - TAG_SIZE) == source_tag(secret, &(struct header){ .source.raw = buf_bytes(&source) });
}

bool adversary_record(struct sim *sim, const struct sim_node *node, struct qiao_bytes key, const struct message_record *record)
{
    struct qiao_id id;
    bool destination = key.data[0] == 'D';
    memcpy(id.bytes, key.data + 1, QIAO_ID_SIZE);
    if (!sim->adversary || !words_are_hostile(&id)) return sim->adversary && destination && is_of_harbour(sim, node, key);
    if (destination) sim_fail(sim, "%s took a hostile message for a member", node->name);
    if (record->outcome == QIAO_OUTCOME_ACCEPTED) sim_fail(sim, "%s has a hostile message as accepted", node->name);
    return true;
}

bool adversary_sent(const struct sim *sim, const struct qiao_delivery *delivery)
{
    return sim->adversary && strcmp(delivery->message.source.area, HARBOUR_AREA) == 0;
}

/* ---- beginning and end ---- */

static int sign_noise(void *context, struct qiao_bytes message, struct seal_key_id *ret_key_id, uint8_t ret_signature[SEAL_SIGNATURE_SIZE])
{
    const struct sim_keys *keys = context;
    (void)message;
    *ret_key_id = keys->known[0].id;
    memset(ret_signature, 0x5a, SEAL_SIGNATURE_SIZE);
    return 0;
}

void adversary_new(struct sim *sim, uint32_t at)
{
    struct adversary *a = base_zalloc(sizeof *a);
    a->sim = sim;
    a->at = at;
    prng_init(&a->prng, sim->options.seed ^ 0xbadu);
    snprintf(a->mole_name, sizeof a->mole_name, "%.32s/mole", sim->nodes[at].area);
    sim_keys_start(&a->keys, sim, "harbour", HARBOUR_AREA, false);
    sim_keys_start(&a->quarry, sim, "quarry", QUARRY_AREA, false);
    sim_keys_start(&a->mole, sim, a->mole_name, sim->nodes[at].area, true);
    a->broken = a->keys.seal;
    a->broken.sign = sign_noise;
    a->counts = base_zalloc(adversary_acts_count * sizeof *a->counts);
    for (int visitor = 0; visitor < VISITORS; visitor++) a->visitors[visitor] = (struct visitor){ .pipe = -1, .incarnation = prng_next(&a->prng) };
    sim->adversary = a;
    sim->trust = true;
    sim_at(sim, LOOK_MS, SIM_ADVERSARY, 0, 0, 0);
}

struct adversary *adversary_free(struct adversary *a)
{
    if (!a) return NULL;
    for (int visitor = 0; visitor < VISITORS; visitor++) {
        link_deinit(&a->visitors[visitor].link);
        buf_deinit(&a->visitors[visitor].out);
    }
    for (unsigned i = 0; i < OVERHEARD_MAX; i++) buf_deinit(&a->overheard[i].entries);
    buf_deinit(&a->auth);
    buf_deinit(&a->node_hello);
    buf_deinit(&a->neighbour_hello);
    free(a->counts);
    free(a);
    return NULL;
}

size_t adversary_add_peers(const struct sim *sim, const struct sim_node *node, struct core_peer_config *peers, size_t count)
{
    if (!adversary_is_at(sim, node)) return count;
    peers[count++] = (struct core_peer_config){ .name = "harbour", .area = HARBOUR_AREA, .role = LINK_ROLE_PEER_NODE };
    peers[count++] = (struct core_peer_config){ .name = "mole", .member = true };
    return count;
}
