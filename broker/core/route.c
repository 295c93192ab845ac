/* Where to: own members; else the best way to the destination's area; services to the nearest provider, going up the tree. */
#include "core/route.h"

#include "core/directory.h"
#include "core/sets.h"

#include "schema/explain.pb-c.h"

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

/* ---- ways to an area ---- */

enum route_rank route_rank(const struct core *core, const struct peer *peer, const char *area)
{
    struct qiao_bytes code = qiao_bytes_from_string(area);
    bool own = area_covers(peer->area, code), ours = area_covers(core->area, code);
    if (!area[0]) return peer->role == LINK_ROLE_PARENT_NODE ? ROUTE_PARENT : ROUTE_LATERAL_PARENT;
    return own || (!ours && peer->role != LINK_ROLE_CHILD_NODE) ? ROUTE_NAMED : ROUTE_BEYOND;
}

/* ROUTE_IS_CHOSEN here means only that nothing speaks against it. */
static enum route_reason fault_of(const struct route_way *way, struct qiao_bytes area, const struct peer *except)
{
    if (way->peer == except) return ROUTE_CAME_FROM;
    if (way->peer->dead) return ROUTE_IS_DOWN;
    if (way->learned && way->learned->withdrawn) return ROUTE_IS_WITHDRAWN;
    return directory_hole(way->peer, way->area, area) ? ROUTE_IS_HOLE : ROUTE_IS_CHOSEN;
}

/* Why b loses to a; ROUTE_IS_CHOSEN: it does not. */
static enum route_reason compare(const struct route_candidate *a, const struct route_candidate *b)
{
    bool a_usable = route_is_usable(a->reason), b_usable = route_is_usable(b->reason);
    if (a_usable != b_usable) return a_usable ? b->reason : ROUTE_IS_CHOSEN;
    if (a->rank != b->rank) return a->rank < b->rank ? ROUTE_IS_LATER : ROUTE_IS_CHOSEN;
    if (a->prefix != b->prefix) return a->prefix > b->prefix ? ROUTE_IS_WIDER : ROUTE_IS_CHOSEN;
    bool a_child = a->peer->role == LINK_ROLE_CHILD_NODE, b_child = b->peer->role == LINK_ROLE_CHILD_NODE;
    if (a_child != b_child) return a_child ? ROUTE_IS_LATER : ROUTE_IS_CHOSEN;
    if (a->length != b->length) return a->length < b->length ? ROUTE_IS_LONGER : ROUTE_IS_CHOSEN;
    return strcmp(a->peer->name, b->peer->name) <= 0 ? ROUTE_IS_LONGER : ROUTE_IS_CHOSEN;
}

/* Of one neighbour: what it says it can reach tells the path, what is configured does not. */
static bool is_kept(const struct route_candidate *old, const struct route_candidate *fresh)
{
    bool same = old->rank == fresh->rank && old->prefix == fresh->prefix && old->reason == fresh->reason;
    return same ? old->learned || !fresh->learned : compare(old, fresh) != ROUTE_IS_CHOSEN;
}

static void add_candidate(struct route_candidates *all, struct route_candidate fresh)
{
    size_t at = 0;
    while (at < all->count && all->items[at].peer != fresh.peer) at++;
    if (at == ROUTE_CANDIDATES_MAX) return;
    if (at < all->count && is_kept(&all->items[at], &fresh)) return;
    all->items[at] = fresh;
    if (at == all->count) all->count++;
}

static void sort_candidates(struct route_candidates *all)
{
    for (size_t i = 1; i < all->count; i++)
        for (size_t k = i; k > 0 && compare(&all->items[k - 1], &all->items[k]) == ROUTE_IS_CHOSEN; k--) {
            struct route_candidate better = all->items[k];
            all->items[k] = all->items[k - 1];
            all->items[k - 1] = better;
        }
    for (size_t i = 1; i < all->count; i++)
        if (all->items[i].reason == ROUTE_IS_CHOSEN) all->items[i].reason = compare(&all->items[0], &all->items[i]);
}

void route_candidates(struct core *core, struct qiao_bytes area, const struct peer *except, struct route_candidates *ret)
{
    ret->count = 0;
    ret->known = false;
    bool inside = area_covers(core->area, area);
    size_t own_size = strlen(core->area);
    for (size_t prefix = area.size + 1; prefix-- > 0;) {
        size_t count;
        const struct route_way *way = directory_area(core, qiao_bytes(area.data, prefix), &count);
        for (size_t i = 0; i < count; i++, way++) {
            enum route_rank rank = route_rank(core, way->peer, way->area);
            if (inside && prefix <= own_size && area.size > 0) continue; /* what lies below this node, nobody around or above it knows better */
            enum route_reason fault = fault_of(way, area, except);
            ret->known |= prefix > 0 || fault == ROUTE_IS_HOLE;
            add_candidate(ret, (struct route_candidate){ .peer = way->peer, .learned = way->learned, .rank = rank, .reason = fault,
                                                         .prefix = prefix, .length = way->learned ? way->learned->length : 1 });
        }
    }
    sort_candidates(ret);
}

/* Of an area that nobody ever named any node may say that there is none, so there must be one copy of a message to it (reroute.c), and it
 * goes nowhere but up: behind a lateral link that is given up for good nobody would ever answer. */
static bool may_take(struct core *core, const struct route_candidates *found, const struct route_candidate *c)
{
    if (core->graph && !found->known && c->rank == ROUTE_LATERAL_PARENT && parent(core)) return false;
    return route_is_usable(c->reason) || c->reason == ROUTE_IS_DOWN;
}

/* One way, or a place to wait: for a neighbour that is down, or else in core->waiting. */
static unsigned find_way(struct core *core, struct qiao_bytes area, const struct peer *from)
{
    struct route_candidates found;
    route_candidates(core, area, from, &found);
    core->route_area_size = area.size;
    memmove(core->route_area, area.data, area.size);
    const struct route_candidate *best = NULL;
    for (size_t i = 0; i < found.count && !best; i++)
        if (may_take(core, &found, &found.items[i])) best = &found.items[i];
    core->route_note.shared = core->graph && found.known;
    if (!best && !core->route_note.shared) return QIAO_CODE_NO_ROUTE;
    add_target(core, best ? best->peer : core->waiting);
    return QIAO_CODE_OK;
}

/* ---- area sets ---- */

/* On a tree: up until a node stands above or at its root, and on the way and from there down to every child and member inside, but not back
 * to where it came from. So each edge is crossed once, and each member gets it once. Where there may be several ways: sets.c. */
static unsigned find_set(struct core *core, struct qiao_bytes root, const struct peer *from)
{
    bool from_above = from && !from->member && from->role == LINK_ROLE_PARENT_NODE;
    bool inside = area_covers(core->area, root);
    struct peer *up = inside || from_above ? NULL : parent(core);
    if (up) add_target(core, up);
    struct qiao_bytes own = qiao_bytes_from_string(core->area);
    bool root_covers_own = own.size >= root.size && memcmp(own.data, root.data, root.size) == 0;
    for (size_t i = 0; i < core->peers_count; i++) {
        struct peer *peer = &core->peers[i];
        struct qiao_bytes area = qiao_bytes_from_string(peer->area);
        bool below_root = area.size >= root.size && memcmp(area.data, root.data, root.size) == 0;
        bool child = peer->role == LINK_ROLE_CHILD_NODE && peer != from && (below_root || area_covers(peer->area, root));
        if (peer->member ? root_covers_own : child) add_target(core, peer);
    }
    if (core->targets_count > 0) return QIAO_CODE_OK;
    return inside || from_above ? QIAO_CODE_UNKNOWN_MEMBER : QIAO_CODE_NO_ROUTE;
}

/* A message that came without a share is on its way on the tree, and stays there. */
static bool is_divided(const struct core *core, const struct envelope *e)
{
    return e && e->note.share.size > 0 ? true : core->graph && (!e || e->hops == 0);
}

static unsigned divide_set(struct core *core, struct qiao_bytes root, const struct route_query *query)
{
    const struct envelope *e = query->envelope;
    bool again = e && query->from && !query->from->member && !core->moving && envelope_passed(e->raw, qiao_bytes_from_string(core->node), NULL);
    core->route_note.shared = true;
    return sets_split(core, &(struct set_query){ root, e ? e->note.share : qiao_bytes(NULL, 0), query->from, again, e && e->rerouted_from.size > 0 });
}

/* ---- services ---- */

/* Digits that two areas share, in whole levels of the area code. */
static size_t common_level(struct qiao_bytes a, const char *b)
{
    size_t size = 0;
    while (size < a.size && b[size] && a.data[size] == (uint8_t)b[size]) size++;
    return size - size % 3;
}

struct provider {
    const char *area;
    size_t level;                  /* shared with where the search begins */
    unsigned length;
};

/* The nearest going up the tree: the smallest area around the sender first; in it whoever stands higher, then the shorter path, then the code. */
static bool is_nearer(const struct provider *a, const struct provider *b)
{
    if (!b->area || a->level != b->level) return !b->area || a->level > b->level;
    if (strlen(a->area) != strlen(b->area)) return strlen(a->area) < strlen(b->area);
    return a->length != b->length ? a->length < b->length : strcmp(a->area, b->area) < 0;
}

static struct peer *own_provider(struct core *core, struct qiao_bytes service)
{
    for (size_t i = core->links_count; i < core->peers_count; i++)
        if (member_offers(&core->peers[i], service)) return &core->peers[i];
    return NULL;
}

static struct provider nearest(struct core *core, struct qiao_bytes service, struct qiao_bytes start, bool anywhere)
{
    struct provider best = { 0 };
    size_t count;
    const struct route_way *way = directory_service(core, service, &count);
    if (own_provider(core, service)) best = (struct provider){ core->area, common_level(start, core->area), 0 };
    for (size_t i = 0; i < count; i++, way++) {
        struct provider other = { way->area, common_level(start, way->area), way->learned->length };
        bool allowed = anywhere || area_covers(core->area, qiao_bytes_from_string(way->area));
        if (allowed && !way->learned->withdrawn && is_nearer(&other, &best)) best = other;
    }
    return best;
}

/* At the provider's node. */
static unsigned find_provider(struct core *core, struct qiao_bytes service)
{
    struct peer *member = own_provider(core, service);
    if (member) add_target(core, member);
    return member ? QIAO_CODE_OK : QIAO_CODE_NO_PROVIDER;
}

/* Below a node that stands above the sender, there is nobody nearer than what it knows; else the parent knows more. */
static unsigned find_service(struct core *core, const struct route_query *query)
{
    struct qiao_bytes start = query->to->area.size > 0 ? query->to->area : query->sender_area;
    struct peer *up = parent(core);
    struct provider best = nearest(core, query->to->service, start, !up);
    if (best.area && strcmp(best.area, core->area) == 0) return find_provider(core, query->to->service);
    if (best.area) {
        size_t size = strlen(best.area);
        memcpy(core->route_pin, best.area, size);
        core->route_note.pin = qiao_bytes(core->route_pin, size);
        /* Known only where the message comes from: that node had not heard of it yet. From here there is nobody. */
        unsigned code = find_way(core, core->route_note.pin, query->from);
        return code == QIAO_CODE_NO_ROUTE ? QIAO_CODE_NO_PROVIDER : code;
    }
    if (!up || up == query->from) return QIAO_CODE_NO_PROVIDER;
    add_target(core, up);
    return QIAO_CODE_OK;
}

/* ---- one destination ---- */

static bool has_seat(const struct peer *member, struct qiao_bytes seat)
{
    bool found = seat.size == 0 || member->seats_count == 0;
    for (size_t i = 0; i < member->seats_count; i++) found |= equals(member->seats[i], seat);
    return found;
}

static unsigned find_one(struct core *core, const struct address *to, const struct peer *from)
{
    if (!equals(core->area, to->area)) return find_way(core, to->area, from);
    struct peer *member = route_member(core, to->org);
    if (!member) return QIAO_CODE_UNKNOWN_MEMBER;
    if (!has_seat(member, to->seat)) return QIAO_CODE_UNKNOWN_SEAT;
    add_target(core, member);
    return QIAO_CODE_OK;
}

static unsigned find(struct core *core, const struct route_query *query)
{
    struct qiao_bytes root;
    const struct address *to = query->to;
    core->targets_count = core->route_area_size = 0;
    core->route_note = (struct transit_note){ 0 };
    core->split = false;
    if (to->service.size > 0 && query->pin.size > 0)
        return equals(core->area, query->pin) ? find_provider(core, to->service) : find_way(core, query->pin, query->from);
    if (to->service.size > 0) return find_service(core, query);
    if (address_is_set(to, &root)) return is_divided(core, query->envelope) ? divide_set(core, root, query) : find_set(core, root, query->from);
    if (to->area.size == 0 || to->org.size == 0) return QIAO_CODE_ADDRESS;
    return find_one(core, to, query->from);
}

/* Messages come in rows to one destination: the last answer is kept until the directory changes (directory_changed). */
unsigned route_find(struct core *core, const struct route_query *query)
{
    const struct address *to = query->to;
    struct qiao_bytes root;
    bool plain = to->service.size == 0 && !(address_is_set(to, &root) && is_divided(core, query->envelope));
    if (plain && core->route_key.size > 0 && core->route_from == query->from && qiao_bytes_equal(buf_bytes(&core->route_key), to->raw)) return core->route_code;
    core->route_code = find(core, query);
    core->route_from = query->from;
    core->route_key.size = 0;
    if (plain) buf_append(&core->route_key, to->raw.data, to->raw.size);
    return core->route_code;
}

bool route_is_here(struct core *core, const struct envelope *e)
{
    struct qiao_bytes root;
    struct address to;
    if (address_is_set(&e->header.destination, &root)) return sets_is_here(e);
    if (areas_route(core, &e->header, &to) != QIAO_CODE_OK) return false;
    return equals(core->area, to.service.size > 0 ? e->note.pin : to.area);
}

static void wait_instead(struct core *core)
{
    core->targets[0] = core->waiting;
    core->targets_count = 1;
    core->route_key.size = 0;
}

unsigned route_envelope(struct core *core, const struct envelope *e, const struct peer *from)
{
    struct address to;
    core->split = false;
    unsigned code = areas_route(core, &e->header, &to);
    struct route_query query = { &to, e->header.source.area, e->note.pin, from, e };
    if (code == QIAO_CODE_OK) code = route_find(core, &query);
    if (code != QIAO_CODE_OK) core->rerouted_from.size = 0;
    core->note = (struct transit_note){ .pin = core->route_note.pin, .shared = core->route_note.shared && !e->note.shared };
    bool receipt = e->header.kind == QIAO_KIND_RECEIPT; /* whoever sent the message exists, also if nobody has told of it here */
    if (core->split || !core->graph || !(e->note.shared || receipt) || (code == QIAO_CODE_OK && core->targets[0]->member) || route_is_here(core, e)) return code;
    bool again = code == QIAO_CODE_OK && from && !core->moving && envelope_passed(e->raw, qiao_bytes_from_string(core->node), NULL);
    bool elsewhere = code == QIAO_CODE_NO_ROUTE && (receipt || !area_covers(core->area, e->note.pin.size > 0 ? e->note.pin : to.area));
    if (!again && !elsewhere) return code;
    wait_instead(core);
    return QIAO_CODE_OK;
}

/* ---- why ---- */

struct explanation {
    const struct address *to;
    const struct peer *from;
    bool set;                      /* to an area set, */
    struct qiao_bytes root;        /* of this root */
    bool below;                    /* the destination lies at or below this node */
    struct route_candidates found; /* empty for a set */
};

static bool is_target(const struct core *core, const struct peer *peer)
{
    for (size_t i = 0; i < core->targets_count; i++)
        if (core->targets[i] == peer) return true;
    return false;
}

static const struct route_candidate *candidate_of(const struct explanation *x, const struct peer *peer)
{
    for (size_t i = 0; i < x->found.count; i++)
        if (x->found.items[i].peer == peer) return &x->found.items[i];
    return NULL;
}

static unsigned ground_of(const struct explanation *x, const struct peer *peer, const struct route_candidate *c)
{
    if (c && c->prefix > 0) return c->learned ? QIAO__V1__ROUTE_GROUND__GROUND_LEARNED : QIAO__V1__ROUTE_GROUND__GROUND_AREA;
    if (peer->role == LINK_ROLE_PARENT_NODE) return QIAO__V1__ROUTE_GROUND__GROUND_PARENT;
    return x->set ? QIAO__V1__ROUTE_GROUND__GROUND_SET : QIAO__V1__ROUTE_GROUND__GROUND_AREA;
}

/* Of a set that was divided: does the neighbour know of anything in it? */
static bool has_some_of(const struct explanation *x, const struct peer *peer)
{
    size_t size = strlen(peer->area);
    bool some = area_covers(peer->area, x->root) || (size >= x->root.size && memcmp(peer->area, x->root.data, x->root.size) == 0);
    for (size_t i = 0; i < peer->learned_count && !some; i++) {
        const struct learned *l = &peer->learned[i];
        some = !l->service[0] && !l->hole && !l->withdrawn && strlen(l->area) >= x->root.size && memcmp(l->area, x->root.data, x->root.size) == 0;
    }
    return some;
}

/* Without parts it is for this node alone. */
static unsigned lost_of_set(const struct core *core, const struct explanation *x, const struct peer *peer)
{
    if (peer->dead) return QIAO__V1__LOST_REASON__LOST_DOWN;
    return core->set_parts_count > 0 && has_some_of(x, peer) ? QIAO__V1__LOST_REASON__LOST_LONGER : QIAO__V1__LOST_REASON__LOST_OTHER_AREA;
}

static unsigned lost_of(const struct core *core, const struct explanation *x, const struct peer *peer, const struct route_candidate *c)
{
    static const unsigned reasons[ROUTE_REASONS] = {
        [ROUTE_IS_DOWN] = QIAO__V1__LOST_REASON__LOST_DOWN, [ROUTE_IS_WITHDRAWN] = QIAO__V1__LOST_REASON__LOST_WITHDRAWN, [ROUTE_IS_HOLE] = QIAO__V1__LOST_REASON__LOST_HOLE,
        [ROUTE_CAME_FROM] = QIAO__V1__LOST_REASON__LOST_CAME_FROM, [ROUTE_IS_LATER] = QIAO__V1__LOST_REASON__LOST_LATER, [ROUTE_IS_WIDER] = QIAO__V1__LOST_REASON__LOST_FARTHER,
        [ROUTE_IS_LONGER] = QIAO__V1__LOST_REASON__LOST_LONGER, [ROUTE_IS_CHOSEN] = QIAO__V1__LOST_REASON__LOST_WAITS,
    };
    bool only_up = peer->role == LINK_ROLE_PARENT_NODE && (!c || c->prefix == 0);
    if (x->set && peer == x->from) return QIAO__V1__LOST_REASON__LOST_CAME_FROM;
    if (core->split) return lost_of_set(core, x, peer);
    if (only_up && peer == x->from) return QIAO__V1__LOST_REASON__LOST_CAME_FROM;
    if (only_up) return x->below ? QIAO__V1__LOST_REASON__LOST_BELOW : QIAO__V1__LOST_REASON__LOST_NEARER;
    return c ? reasons[c->reason] : QIAO__V1__LOST_REASON__LOST_OTHER_AREA;
}

static void explain_link(const struct core *core, const struct explanation *x, const struct peer *peer, bool chosen, route_visit visit, void *context)
{
    const struct route_candidate *c = candidate_of(x, peer);
    char areas[EXPLAIN_AREAS_SIZE] = "";
    struct route_choice choice = { .peer = peer, .ground = core->split ? QIAO__V1__ROUTE_GROUND__GROUND_SET : ground_of(x, peer, c), .path = c && c->learned ? c->learned->path : "", .areas = areas };
    bool is_chosen = chosen && is_target(core, peer);
    if (peer == core->waiting && !is_chosen) return;
    if (!is_chosen) choice.lost = lost_of(core, x, peer, c);
    else if (core->split) sets_describe(core, peer, areas, sizeof areas);
    visit(context, &choice);
}

void route_explain(struct core *core, const struct address *to, const struct peer *from, unsigned code, route_visit visit, void *context)
{
    struct explanation x = { .to = to, .from = from };
    struct qiao_bytes area = to->area;
    x.set = address_is_set(to, &x.root);
    if (to->service.size > 0) area = qiao_bytes(core->route_area, core->route_area_size);
    if (!x.set) route_candidates(core, area, from, &x.found);
    x.below = area_covers(core->area, x.set ? x.root : area);
    for (size_t i = 0; i < core->links_count; i++) explain_link(core, &x, &core->peers[i], code == QIAO_CODE_OK, visit, context);
    for (size_t i = 0; code == QIAO_CODE_OK && i < core->targets_count; i++) {
        struct route_choice choice = { .peer = core->targets[i], .ground = x.set ? QIAO__V1__ROUTE_GROUND__GROUND_SET : QIAO__V1__ROUTE_GROUND__GROUND_MEMBER, .path = "", .areas = "" };
        if (choice.peer->member) visit(context, &choice);
    }
}
