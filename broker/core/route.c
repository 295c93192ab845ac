/* Where to: own members, the child whose area covers the destination, the parent. */
#include "core/route.h"

#include "schema/explain.pb-c.h"

static bool covers(const char *area, struct qiao_bytes code)
{
    size_t size = strlen(area);
    return size > 0 && code.size >= size && memcmp(code.data, area, size) == 0;
}

static bool equals(const char *text, struct qiao_bytes bytes)
{
    return qiao_bytes_equal(qiao_bytes_from_string(text), bytes);
}

struct peer *route_member(struct core *core, struct qiao_bytes org)
{
    size_t low = core->links_count, high = org.size > 0 ? core->peers_count : low;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct peer *peer = &core->peers[middle];
        size_t size = strlen(peer->name);
        int order = memcmp(peer->name, org.data, size < org.size ? size : org.size);
        if (order == 0 && size == org.size) return peer;
        if (order < 0 || (order == 0 && size < org.size)) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

/* The child whose area is the longest prefix of the code. */
static struct peer *child_for(struct core *core, struct qiao_bytes code)
{
    struct peer *best = NULL;
    for (size_t i = 0; i < core->links_count; i++) {
        struct peer *peer = &core->peers[i];
        if (peer->role == LINK_ROLE_PARENT_NODE || !covers(peer->area, code)) continue;
        if (!best || strlen(peer->area) > strlen(best->area)) best = peer;
    }
    return best;
}

static struct peer *parent(struct core *core)
{
    for (size_t i = 0; i < core->links_count; i++)
        if (core->peers[i].role == LINK_ROLE_PARENT_NODE) return &core->peers[i];
    return NULL;
}

static void add_target(struct core *core, struct peer *peer)
{
    core->targets[core->targets_count++] = peer;
}

/* An area set goes up until a node stands above or at its root, and from there down to every child and member inside.
 * Coming from above it only goes down: on a tree each member gets it once. */
static unsigned find_set(struct core *core, struct qiao_bytes root, const struct peer *from)
{
    bool from_above = from && !from->member && from->role == LINK_ROLE_PARENT_NODE;
    bool inside = covers(core->area, root);
    if (!inside && !from_above) {
        struct peer *up = parent(core);
        if (up) add_target(core, up);
        return up ? QIAO_CODE_OK : QIAO_CODE_NO_ROUTE;
    }
    struct qiao_bytes own = qiao_bytes_from_string(core->area);
    bool root_covers_own = own.size >= root.size && memcmp(own.data, root.data, root.size) == 0;
    for (size_t i = 0; i < core->peers_count; i++) {
        struct peer *peer = &core->peers[i];
        struct qiao_bytes area = qiao_bytes_from_string(peer->area);
        bool below_root = area.size >= root.size && memcmp(area.data, root.data, root.size) == 0;
        if (peer->member ? root_covers_own : peer->role == LINK_ROLE_CHILD_NODE && (below_root || covers(peer->area, root))) add_target(core, peer);
    }
    return core->targets_count > 0 ? QIAO_CODE_OK : QIAO_CODE_UNKNOWN_MEMBER;
}

static unsigned find_one(struct core *core, const struct address *to, const struct peer *from)
{
    if (equals(core->area, to->area)) {
        struct peer *member = route_member(core, to->org);
        if (member) add_target(core, member);
        return member ? QIAO_CODE_OK : QIAO_CODE_UNKNOWN_MEMBER;
    }
    struct peer *next = child_for(core, to->area);
    if (!next && !covers(core->area, to->area)) next = parent(core);
    /* Back to where it came from would be a loop: the other side's table disagrees with ours. */
    if (!next || next == from) return QIAO_CODE_NO_ROUTE;
    add_target(core, next);
    return QIAO_CODE_OK;
}

static unsigned find(struct core *core, const struct address *to, const struct peer *from)
{
    struct qiao_bytes root;
    core->targets_count = 0;
    if (to->service.size > 0) return QIAO_CODE_ADDRESS;
    if (address_is_set(to, &root)) return find_set(core, root, from);
    if (to->area.size == 0 || to->org.size == 0) return QIAO_CODE_ADDRESS;
    return find_one(core, to, from);
}

/* Messages come in rows to one destination: the last answer is kept. Peers do not change while the core lives. */
unsigned route_find(struct core *core, const struct address *to, const struct peer *from)
{
    if (core->route_key.size > 0 && core->route_from == from && qiao_bytes_equal(buf_bytes(&core->route_key), to->raw)) return core->route_code;
    core->route_code = find(core, to, from);
    core->route_from = from;
    core->route_key.size = 0;
    buf_append(&core->route_key, to->raw.data, to->raw.size);
    return core->route_code;
}

/* ---- why ---- */

struct explanation {
    const struct address *to;
    const struct peer *from;
    struct qiao_bytes root;
    bool set;                      /* to an area set */
    bool below;                    /* the destination lies at or below this node */
};

static unsigned lost_parent(const struct explanation *x, const struct peer *peer)
{
    if (peer == x->from) return QIAO__V1__LOST_REASON__LOST_CAME_FROM;
    return x->below ? QIAO__V1__LOST_REASON__LOST_BELOW : QIAO__V1__LOST_REASON__LOST_NEARER;
}

static unsigned lost_neighbour(const struct explanation *x, const struct peer *peer)
{
    if (x->set || !covers(peer->area, x->to->area)) return QIAO__V1__LOST_REASON__LOST_OTHER_AREA;
    return peer == x->from ? QIAO__V1__LOST_REASON__LOST_CAME_FROM : QIAO__V1__LOST_REASON__LOST_FARTHER;
}

static bool is_target(const struct core *core, const struct peer *peer)
{
    for (size_t i = 0; i < core->targets_count; i++)
        if (core->targets[i] == peer) return true;
    return false;
}

static void explain_link(const struct core *core, const struct explanation *x, const struct peer *peer, bool chosen, route_visit visit, void *context)
{
    bool parent = peer->role == LINK_ROLE_PARENT_NODE;
    struct route_choice choice = { .peer = peer, .ground = x->set ? QIAO__V1__ROUTE_GROUND__GROUND_SET : QIAO__V1__ROUTE_GROUND__GROUND_AREA };
    if (parent) choice.ground = QIAO__V1__ROUTE_GROUND__GROUND_PARENT;
    if (!chosen || !is_target(core, peer)) choice.lost = parent ? lost_parent(x, peer) : lost_neighbour(x, peer);
    visit(context, &choice);
}

void route_explain(struct core *core, const struct address *to, const struct peer *from, unsigned code, route_visit visit, void *context)
{
    struct explanation x = { .to = to, .from = from };
    x.set = address_is_set(to, &x.root);
    x.below = covers(core->area, x.set ? x.root : to->area);
    for (size_t i = 0; i < core->links_count; i++) explain_link(core, &x, &core->peers[i], code == QIAO_CODE_OK, visit, context);
    for (size_t i = 0; code == QIAO_CODE_OK && i < core->targets_count; i++) {
        struct route_choice choice = { .peer = core->targets[i], .ground = x.set ? QIAO__V1__ROUTE_GROUND__GROUND_SET : QIAO__V1__ROUTE_GROUND__GROUND_MEMBER };
        if (choice.peer->member) visit(context, &choice);
    }
}
