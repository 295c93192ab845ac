/* Who may link, and where each lane goes on. */
#include "core/drain.h"

#include <stdio.h>

static void refuse(struct core *core, struct connection *c, const char *reason)
{
    core_trace(core, "%s < %s%s: hello refused: %s", core->node, c->link.peer.node, c->link.peer.org, reason);
    core_notice(core, "hello refused", c->link.peer.node[0] ? c->link.peer.node : c->link.peer.org, QIAO_CODE_LINK_IDENTITY, reason);
    connection_drop(core, c, QIAO_CODE_LINK_IDENTITY, reason);
}

static struct peer *find_link(struct core *core, const char *node)
{
    for (size_t i = 0; i < core->links_count; i++)
        if (&core->peers[i] != core->waiting && strcmp(core->peers[i].name, node) == 0) return &core->peers[i];
    return NULL;
}

/* The certificate names the node. On this host's own plain transports there is none, and the host vouches. */
static bool is_node(const struct connection *c, const char *node)
{
    return c->identity.verified ? strcmp(c->identity.common_name, node) == 0 : c->identity.local;
}

static bool is_member(const struct core *core, const struct connection *c, const char *org)
{
    char name[QIAO_AREA_SIZE_MAX + QIAO_ORG_SIZE_MAX + 2];
    snprintf(name, sizeof name, "%s/%s", core->area, org);
    return c->identity.verified ? strcmp(c->identity.common_name, name) == 0 : c->identity.local && core->config.local_members_any;
}

static const char *check_node(struct core *core, struct connection *c, struct peer **ret_peer)
{
    const struct link_hello *hello = &c->link.peer;
    struct peer *peer = find_link(core, hello->node);
    if (!peer) return "node is not among this node's links";
    if (!is_node(c, hello->node)) return "certificate does not name this node";
    if (c->dialled && strcmp(c->dialled, hello->node) != 0) return "another node answers than the one configured";
    if (strcmp(peer->area, hello->area) != 0) return "node has another area than configured";
    if (peer->role != hello->role) return "node has another role than configured";
    *ret_peer = peer;
    return NULL;
}

static const char *check_member(struct core *core, struct connection *c, struct peer **ret_peer)
{
    const struct link_hello *hello = &c->link.peer;
    *ret_peer = NULL;
    if (hello->org[0] == '\0') return c->identity.verified || c->identity.local ? NULL : "a tool must come locally or with a certificate";
    struct peer *peer = route_member(core, qiao_bytes_from_string(hello->org));
    if (!peer) return "organisation is not a member of this node";
    if (!is_member(core, c, hello->org)) return "certificate does not name this member";
    *ret_peer = peer;
    return NULL;
}

static struct stream *find_stream(struct core *core, struct peer *peer, uint64_t incarnation)
{
    for (struct stream *s = peer->streams; s; s = s->next)
        if (s->incarnation == incarnation) return s;
    struct stream *s = base_zalloc(sizeof *s);
    s->incarnation = incarnation;
    for (unsigned lane = 0; lane < LINK_LANES; lane++) {
        struct key key = key_received(peer->number, incarnation, lane);
        struct qiao_bytes value;
        if (store_get(core->store, key_bytes(&key), &value) && (value.size == 16 || value.size == WATERMARK_SIZE)) s->received[lane] = s->durable[lane] = get_u64(value.data);
        else continue;
        if (value.size == WATERMARK_SIZE) memcpy(s->chain[lane].bytes, value.data + 16, SEAL_DIGEST_SIZE);
        s->chain_durable[lane] = s->chain[lane];
    }
    s->next = peer->streams;
    peer->streams = s;
    return s;
}

static void drop_parts(struct stream *stream)
{
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) link_part_deinit(&stream->parts[lane]);
}

void stream_free(struct stream *stream)
{
    drop_parts(stream);
    free(stream);
}

static bool is_idle(const struct stream *s)
{
    bool parts = false;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) parts |= s->parts[lane].size > 0;
    return !s->connection && !parts && memcmp(s->received, s->durable, sizeof s->received) == 0;
}

/* Streams of clients that have gone and whose watermarks are on disk need no memory. */
static void forget_streams(struct peer *peer)
{
    struct stream **at = &peer->streams;
    while (*at) {
        struct stream *s = *at;
        if (!is_idle(s)) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        stream_free(s);
    }
}

void recv_resume(struct core *core, struct peer *peer, uint64_t incarnation, struct link_resume ret_resume[LINK_LANES])
{
    const struct stream *stream = find_stream(core, peer, incarnation);
    for (unsigned lane = 0; lane < LINK_LANES; lane++) {
        ret_resume[lane] = (struct link_resume){ .received = stream->durable[lane], .next = peer->queues[lane].head };
        memcpy(ret_resume[lane].chain, peer->queues[lane].chain.bytes, SEAL_DIGEST_SIZE);
    }
}

/* What has come of a batch: over the connection that is still there, or the one before. */
static const struct link_part *part_of(const struct stream *stream, unsigned lane)
{
    return stream->connection ? &stream->connection->link.rx[lane].part : &stream->parts[lane];
}

/* Anybody can say the hello of a peer whose words were overheard: the link it has stays until the new one is proved (recv_up). */
void recv_hello(struct core *core, struct connection *c)
{
    struct peer *peer = NULL;
    const char *wrong = c->link.peer.role == LINK_ROLE_MEMBER_ONLY ? check_member(core, c, &peer) : check_node(core, c, &peer);
    if (!wrong && core->shutting_down) wrong = "node is shutting down";
    if (wrong) {
        refuse(core, c, wrong);
        return;
    }
    struct link_resume resume[LINK_LANES];
    for (unsigned lane = 0; lane < LINK_LANES; lane++) resume[lane] = (struct link_resume){ .next = 1 };
    c->peer = peer;
    if (peer) {
        c->link.options.role = role_of_node_to(peer);
        forget_streams(peer);
        recv_resume(core, peer, c->link.peer.incarnation, resume);
        c->link.options.pace_limit = peer->pace_limit;
        for (unsigned lane = 0; lane < QIAO_LANES; lane++) resume[lane].part = part_of(find_stream(core, peer, c->link.peer.incarnation), lane);
    }
    c->granted = c->link.options.credit_bytes > 0;
    link_accept(&c->link, resume, core->now_ms, connection_out(core, c));
}

/* Since the handshake told the peer where the lane goes on, another of its sessions acknowledged more: empty places close the gap. */
static void fill_gap(struct core *core, struct connection *c, unsigned lane, uint64_t next)
{
    buf_auto empty = { 0 };
    struct link_tx *tx = &c->link.tx[lane];
    while (tx->next < next) {
        uint64_t count = next - tx->next < QIAO_BATCH_MESSAGES_MAX ? next - tx->next : QIAO_BATCH_MESSAGES_MAX;
        empty.size = 0;
        for (uint64_t i = 0; i < count; i++) pb_put_bytes_head(&empty, 1, 0);
        link_send_whole(&c->link, lane, tx->next, (uint32_t)count, buf_bytes(&empty), core->now_ms, connection_out(core, c));
    }
}

/* What the peer has of ordered lanes is let go; what was sent and is not there is sent again. */
static void resume_lane(struct core *core, struct connection *c, unsigned lane)
{
    struct queue *q = &c->peer->queues[lane];
    struct link_tx *tx = &c->link.tx[lane];
    /* Between nodes that sign, what the peer says it has comes again until its custody receipt is here; it recognises what it has. */
    bool jump = tx->acked >= q->tail;
    uint64_t head = q->head;
    if (jump) core_notice(core, "store is older", c->peer->name, QIAO_CODE_LINK_SEQUENCE, "the peer has sequences that were never given here: what waited for it is let go");
    if (!custody_is_on(core, c) || jump) queue_acked(core, c->peer, lane, tx->acked);
    q->chain_unknown |= jump || (!c->peer->member && q->head != head);
    q->sent = q->head;
    if (tx->next < q->head) {
        fill_gap(core, c, lane, q->head);
        return;
    }
    tx->acked = q->head - 1;
    tx->next = q->head;
}

static void up_node(struct core *core, struct connection *c)
{
    struct peer *peer = c->peer;
    if (peer->out && peer->out != c) connection_drop(core, peer->out, QIAO_CODE_LINK_REPLACED, "a newer link of the same peer took over");
    peer->out = c;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) resume_lane(core, c, lane);
    if (!c->bundle) drain_up(core, peer);
    reroute_up(core, peer);
}

static void up_member(struct core *core, struct connection *c)
{
    struct peer *peer = c->peer;
    struct connection *old = c->link.peer.wants_deliveries ? peer->out : NULL;
    if (old && old != c) {
        if (peer->receipts == old && c->link.peer.wants_events) peer->receipts = NULL; /* this session takes them: nobody else is to be asked */
        connection_drop(core, old, QIAO_CODE_LINK_REPLACED, "a newer session of the same member took over");
    }
    if (c->link.peer.wants_events) {
        /* One session takes receipts for good; others of the same member (a person's `qiao send --wait`) get copies. */
        bool replaces = peer->receipts && c->link.peer.wants_deliveries && !peer->receipts->link.peer.wants_deliveries;
        peer->listeners++;
        if (!peer->receipts || replaces) {
            peer->receipts = c;
            resume_lane(core, c, LINK_LANE_RECEIPTS);
        }
    }
    if (!c->link.peer.wants_deliveries) return;
    peer->out = c;
    deliver_session(core, peer);
}

/* A peer may know of sequences that this node has forgotten (a backup was restored), but not of any number it likes: sequences
 * would run out. A member keeps none of the receipts' sequences. */
#define JUMP_MAX (1ull << 40)
/* Sequences that another session let go of while this one shook hands. More than this is not filled but dialled anew. */
#define GAP_MAX (1ull << 20)

static bool claims_are_sound(const struct connection *c)
{
    for (unsigned lane = 0; lane < LINK_LANES; lane++) {
        const struct queue *q = &c->peer->queues[lane];
        const struct link_tx *tx = &c->link.tx[lane];
        bool counted = !c->peer->member || lane == LINK_LANE_RECEIPTS;
        if (counted && tx->acked >= q->tail + (c->peer->member ? 0 : JUMP_MAX)) return false;
        if (counted && q->head > tx->next && q->head - tx->next > GAP_MAX) return false;
    }
    return true;
}

/* The peer is proved now: its stream goes on here, and what came over an older link is judged no more. */
static void take_over_stream(struct core *core, struct connection *c)
{
    struct stream *stream = find_stream(core, c->peer, c->link.peer.incarnation);
    struct connection *old = stream->connection;
    if (old) connection_drop(core, old, QIAO_CODE_LINK_REPLACED, "a newer link of the same peer took over");
    c->stream = stream;
    stream->connection = c;
    for (struct stream *s = c->peer->streams; s; s = s->next) drop_parts(s); /* the link has its own; and of an older store no more will come */
}

void recv_up(struct core *core, struct connection *c)
{
    struct peer *peer = c->peer;
    if (peer && !claims_are_sound(c)) {
        connection_drop(core, c, QIAO_CODE_LINK_SEQUENCE, "claims sequences that were never given");
        return;
    }
    if (peer) take_over_stream(core, c);
    core_trace(core, "%s = %s: link is up", core->node, peer ? peer->name : "a tool");
    if (!peer) return;
    core_notice(core, "link up", peer->name, QIAO_CODE_OK, "");
    /* Frames taken from an earlier connection and not yet stored come again; they are known. */
    for (unsigned lane = 0; lane < LINK_LANES; lane++)
        if (c->link.rx[lane].next <= c->stream->received[lane]) c->link.rx[lane].next = c->stream->received[lane] + 1;
    peer->connections++;
    c->up = true;
    peer->since_ms = core->wall_ms;
    peer->last_code = QIAO_CODE_OK;
    if (peer->member) up_member(core, c);
    else up_node(core, c);
    bundle_note(core, c);
    custody_up(core, c);
    if (c->credit_changed) connection_tell_credit(core, c);
    watch_link(core, peer, true, QIAO_CODE_OK);
    queue_pump(core, peer);
}
