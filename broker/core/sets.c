/* An area set where there may be several ways: every copy of the message says which part of the set it is for (schema Share), and parts that
 * are under way at the same time have no area in common. So nobody gets it by two ways, whatever nodes believe of one another, and what one
 * way cannot bring goes another without anybody else: a part belongs to whoever has it in custody, as a message to one recipient does.
 *
 * Who divides a part knows areas by what neighbours tell (directory.c), each with a path. Each area it knows of is given to the node it
 * belongs to, with all that lies in it and in no smaller one that is known: that node knows better. The paths are laid into one tree, which
 * goes with the message: nodes on the way follow it, since two nodes that chose for themselves could send it over one edge twice. So while
 * the federation rests each edge is crossed once at most. If everything goes through one neighbour, that one divides.
 *
 * A flood with duplicates suppressed would need no tables, but crosses most edges twice; a tree agreed on by all nodes would lose what is
 * under way while it changes. Copies of what may be in a lost neighbour's custody (reroute.c) are recognised by their id and recipient. */
#include "core/sets.h"

#include "core/directory.h"
#include "core/route.h"

#include "codec/share.h"

#include <stdio.h>

#define NOWHERE SIZE_MAX

enum mark_kind {
    MARK_EXCEPT,             /* others have it, and all in it */
    MARK_OWN,                /* this node's area */
    MARK_WAY,                /* somebody else's, with a path to it */
    MARK_LOST,               /* known, but nobody tells of a way to just this area */
    MARK_BASE,               /* the region itself: what lies in no area that is known */
    /* What becomes of them: */
    MARK_WAITS,              /* there is no way now */
    MARK_NOTHING,            /* there is nothing */
    MARK_JOINS,              /* goes with the area around it */
};

/* An area within a region that is being divided. */
struct mark {
    struct qiao_bytes area;
    enum mark_kind kind;
    struct peer *first;
    struct qiao_bytes path;  /* nodes, from the neighbour on */
    unsigned length;
    size_t cover;            /* the next larger one around it */
    size_t inside;           /* the last of those whose cover this one is, which are chained by */
    size_t beside;
};

/* A region and who answers for it. */
struct piece {
    struct qiao_bytes area;
    size_t excepts, excepts_count; /* in split.excepts */
    struct peer *first;
    struct qiao_bytes path;
    unsigned length;
    size_t node;
};

/* Of the tree. */
struct tree_node {
    struct qiao_bytes name;
    size_t above;            /* NOWHERE: it is a neighbour */
    struct peer *first;
    struct buf regions;      /* of the share being written */
    bool needed;             /* in it, */
    uint64_t branch;         /* as this one */
};

struct split {
    struct core *core;
    const struct set_query *query;
    struct mark *marks;
    size_t marks_count, marks_capacity;
    struct piece *pieces;
    size_t pieces_count, pieces_capacity;
    struct qiao_bytes *excepts;
    size_t excepts_count, excepts_capacity;
    struct tree_node *nodes;
    size_t nodes_count, nodes_capacity;
    size_t *index;           /* open addressing by name: 1 + node */
    size_t index_size;
    bool lone;               /* one region is all there is to divide */
    bool here;               /* this node's members are in it */
    bool inside;             /* a region lies in this node's area */
};

static bool lies_in(struct qiao_bytes area, struct qiao_bytes around)
{
    return area.size >= around.size && (around.size == 0 || memcmp(area.data, around.data, around.size) == 0);
}

static void *grown(void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) return items;
    *capacity = *capacity ? *capacity * 2 : 16;
    return base_realloc(items, *capacity * size);
}

/* ---- the tree ---- */

static size_t slot_of(const struct split *s, struct qiao_bytes name)
{
    size_t at = (size_t)hash_of_area(name) & (s->index_size - 1);
    while (s->index[at] && !qiao_bytes_equal(s->nodes[s->index[at] - 1].name, name)) at = (at + 1) & (s->index_size - 1);
    return at;
}

static void index_nodes(struct split *s)
{
    if (2 * (s->nodes_count + 1) < s->index_size) return;
    s->index_size = s->index_size ? s->index_size * 2 : 64;
    free(s->index);
    s->index = base_zalloc(s->index_size * sizeof *s->index);
    for (size_t i = 0; i < s->nodes_count; i++) s->index[slot_of(s, s->nodes[i].name)] = i + 1;
}

/* Where it stands already it stays. */
static size_t node_at(struct split *s, struct qiao_bytes name, size_t above, struct peer *first)
{
    index_nodes(s);
    size_t slot = slot_of(s, name);
    if (s->index[slot]) return s->index[slot] - 1;
    s->nodes = grown(s->nodes, s->nodes_count, &s->nodes_capacity, sizeof *s->nodes);
    s->nodes[s->nodes_count] = (struct tree_node){ .name = name, .above = above, .first = first };
    s->index[slot] = ++s->nodes_count;
    return s->nodes_count - 1;
}

static struct qiao_bytes first_name(struct qiao_bytes path)
{
    const uint8_t *space = memchr(path.data, ' ', path.size);
    return qiao_bytes(path.data, space ? (size_t)(space - path.data) : path.size);
}

static struct qiao_bytes behind(struct qiao_bytes path, size_t size)
{
    size_t skip = size < path.size ? size + 1 : size;
    return qiao_bytes(path.data + skip, path.size - skip);
}

/* The path begins at its last node that stands in the tree. */
static void lay_path(struct split *s, struct piece *p)
{
    size_t above = NOWHERE;
    for (struct qiao_bytes rest = p->path; rest.size > 0;) {
        struct qiao_bytes name = first_name(rest);
        above = node_at(s, name, above, above == NOWHERE ? p->first : s->nodes[above].first);
        rest = behind(rest, name.size);
    }
    p->node = above;
    p->first = s->nodes[above].first;
}

static int by_length(const void *a, const void *b)
{
    const struct piece *left = a, *right = b;
    if (left->length != right->length) return left->length < right->length ? -1 : 1;
    size_t common = left->area.size < right->area.size ? left->area.size : right->area.size;
    int order = common ? memcmp(left->area.data, right->area.data, common) : 0;
    return order ? order : (left->area.size > right->area.size) - (left->area.size < right->area.size);
}

/* ---- dividing a region ---- */

static struct mark *add_mark(struct split *s, struct qiao_bytes area, enum mark_kind kind)
{
    s->marks = grown(s->marks, s->marks_count, &s->marks_capacity, sizeof *s->marks);
    struct mark *m = &s->marks[s->marks_count++];
    *m = (struct mark){ .area = area, .kind = kind, .cover = NOWHERE, .inside = NOWHERE, .beside = NOWHERE };
    return m;
}

static bool is_usable(const struct split *s, const struct route_way *way)
{
    return way->peer != s->query->from && !way->peer->dead && !(way->learned && way->learned->withdrawn);
}

static unsigned length_of(const struct route_way *way) { return way->learned ? way->learned->length : 1; }

static bool is_better(const struct core *core, const struct route_way *a, const struct route_way *b)
{
    if (!b) return true;
    enum route_rank left = route_rank(core, a->peer, a->area), right = route_rank(core, b->peer, b->area);
    if (left != right) return left < right;
    if (length_of(a) != length_of(b)) return length_of(a) < length_of(b);
    return strcmp(a->peer->name, b->peer->name) < 0;
}

static struct qiao_bytes path_of(const struct peer *peer, const struct learned *learned)
{
    return qiao_bytes_from_string(learned ? learned->path : peer->name);
}

/* All ways to one area. */
static void mark_area(struct split *s, const struct route_way *ways, size_t count)
{
    const struct route_way *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (is_usable(s, &ways[i]) && is_better(s->core, &ways[i], best)) best = &ways[i];
    struct mark *m = add_mark(s, qiao_bytes_from_string(ways->area), best ? MARK_WAY : MARK_LOST);
    if (!best) return;
    m->first = best->peer;
    m->path = path_of(best->peer, best->learned);
    m->length = length_of(best);
}

/* The parent is configured as the way to everything; here its own area counts. */
static void mark_parent(struct split *s, const struct share_region *region)
{
    for (size_t i = 0; i < s->core->links_count; i++) {
        struct peer *peer = &s->core->peers[i];
        struct qiao_bytes area = qiao_bytes_from_string(peer->area);
        if (peer == s->core->waiting || peer->role != LINK_ROLE_PARENT_NODE || peer == s->query->from || peer->dead || !lies_in(area, region->area)) continue;
        *add_mark(s, area, MARK_WAY) = (struct mark){ area, MARK_WAY, peer, qiao_bytes_from_string(peer->name), 1, NOWHERE, NOWHERE, NOWHERE };
    }
}

static void mark_known(struct split *s, const struct share_region *region)
{
    size_t count;
    const struct route_way *ways = directory_areas(s->core, &count);
    for (size_t i = 0, same; i < count; i += same) {
        for (same = 1; i + same < count && strcmp(ways[i + same].area, ways[i].area) == 0;) same++;
        struct qiao_bytes area = qiao_bytes_from_string(ways[i].area);
        if (area.size > 0 && lies_in(area, region->area)) mark_area(s, &ways[i], same);
    }
    mark_parent(s, region);
}

static int by_area(const void *a, const void *b)
{
    const struct mark *left = a, *right = b;
    size_t common = left->area.size < right->area.size ? left->area.size : right->area.size;
    int order = common ? memcmp(left->area.data, right->area.data, common) : 0;
    if (order) return order;
    if (left->area.size != right->area.size) return left->area.size < right->area.size ? -1 : 1;
    return left->kind != right->kind ? (left->kind > right->kind) - (left->kind < right->kind) : (left->length > right->length) - (left->length < right->length);
}

/* Of one area the first in order of kinds counts; each finds the one around it. */
static void order_marks(struct split *s)
{
    size_t kept = 0;
    qsort(s->marks, s->marks_count, sizeof *s->marks, by_area);
    for (size_t i = 0; i < s->marks_count; i++)
        if (kept == 0 || !qiao_bytes_equal(s->marks[kept - 1].area, s->marks[i].area)) s->marks[kept++] = s->marks[i];
    s->marks_count = kept;
    for (size_t i = 1; i < kept; i++) {
        size_t cover = i - 1;
        while (cover != NOWHERE && !lies_in(s->marks[i].area, s->marks[cover].area)) cover = s->marks[cover].cover;
        s->marks[i].cover = cover;
    }
}

/* Somebody around it may know more. What is known to exist waits otherwise; of what lies in no area that is known, there is nothing. */
static void ask_around(struct split *s, struct mark *m)
{
    struct route_candidates found;
    m->kind = m->kind == MARK_LOST ? MARK_WAITS : MARK_NOTHING;
    route_candidates(s->core, m->area, s->query->from, &found);
    for (size_t i = 0; i < found.count && m->kind != MARK_WAY; i++) {
        const struct route_candidate *c = &found.items[i];
        if (c->reason != ROUTE_CAME_FROM) m->kind = MARK_WAITS;
        if (!route_is_usable(c->reason)) continue;
        bool named = c->learned && c->prefix > 0;
        m->kind = MARK_WAY;
        m->first = c->peer;
        m->path = path_of(c->peer, named ? c->learned : NULL);
        m->length = named ? c->length : 1;
    }
}

/* Does who has the area around it have this one too? */
static bool joins(const struct mark *cover, const struct mark *m)
{
    return cover && (cover->kind == MARK_WAITS || (cover->kind == MARK_WAY && !directory_hole(cover->first, "", m->area)));
}

static void settle_mark(struct split *s, struct mark *m)
{
    while (m->cover != NOWHERE && s->marks[m->cover].kind == MARK_JOINS) m->cover = s->marks[m->cover].cover;
    const struct mark *cover = m->cover == NOWHERE ? NULL : &s->marks[m->cover];
    if (cover && cover->kind == MARK_EXCEPT) m->kind = MARK_JOINS;
    else if (m->kind == MARK_BASE && s->query->again) m->kind = MARK_WAITS;
    else if (m->kind == MARK_BASE || (m->kind == MARK_LOST && !joins(cover, m))) ask_around(s, m);
    else if (m->kind == MARK_LOST) m->kind = MARK_JOINS;
}

/* The one neighbour that everything goes to; NULL: there are several, or none. */
static struct peer *only_way(const struct split *s)
{
    struct peer *only = NULL;
    for (size_t i = 0; i < s->marks_count; i++) {
        if (s->marks[i].kind != MARK_WAY) continue;
        if (only && only != s->marks[i].first) return NULL;
        only = s->marks[i].first;
    }
    return only;
}

/* Then it divides for itself. */
static void leave_to(struct split *s, struct peer *only)
{
    for (size_t i = 0; i < s->marks_count; i++) {
        struct mark *m = &s->marks[i];
        while (m->cover != NOWHERE && s->marks[m->cover].kind == MARK_JOINS) m->cover = s->marks[m->cover].cover;
        if (m->kind != MARK_WAY) continue;
        m->path = qiao_bytes_from_string(only->name);
        m->length = 1;
        if (m->cover != NOWHERE && s->marks[m->cover].kind == MARK_WAY) m->kind = MARK_JOINS;
    }
}

static void put_piece(struct split *s, const struct mark *m)
{
    s->pieces = grown(s->pieces, s->pieces_count, &s->pieces_capacity, sizeof *s->pieces);
    struct piece *p = &s->pieces[s->pieces_count++];
    *p = (struct piece){ .area = m->area, .excepts = s->excepts_count, .node = NOWHERE, .first = s->core->waiting, .path = qiao_bytes_from_string(CORE_WAITING_NAME), .length = 1 };
    for (size_t i = m->inside; i != NOWHERE; i = s->marks[i].beside) {
        s->excepts = grown(s->excepts, s->excepts_count, &s->excepts_capacity, sizeof *s->excepts);
        s->excepts[s->excepts_count++] = s->marks[i].area;
        p->excepts_count++;
    }
    if (m->kind != MARK_WAY) return;
    p->first = m->first;
    p->path = m->path;
    p->length = m->length;
}

static void put_pieces(struct split *s)
{
    for (size_t i = 0; i < s->marks_count; i++) {
        struct mark *m = &s->marks[i];
        if (m->kind == MARK_JOINS || m->cover == NOWHERE) continue;
        m->beside = s->marks[m->cover].inside;
        s->marks[m->cover].inside = i;
    }
    for (size_t i = 0; i < s->marks_count; i++) {
        const struct mark *m = &s->marks[i];
        s->here |= m->kind == MARK_OWN;
        if (m->kind == MARK_WAY || m->kind == MARK_WAITS || (m->kind == MARK_OWN && s->query->again)) put_piece(s, m);
    }
}

static void divide(struct split *s, const struct share_region *region)
{
    struct qiao_bytes area, own = qiao_bytes_from_string(s->core->area);
    struct pb_reader r = region->rest;
    s->inside |= area_covers(s->core->area, region->area);
    s->marks_count = 0;
    add_mark(s, region->area, MARK_BASE);
    while (share_next_except(&r, &area))
        if (lies_in(area, region->area)) add_mark(s, area, MARK_EXCEPT);
    if (lies_in(own, region->area)) add_mark(s, own, MARK_OWN);
    if (!region->here && !s->query->again) mark_known(s, region);
    order_marks(s);
    if (region->here) {
        for (size_t i = 0; i < s->marks_count; i++) s->here |= s->marks[i].kind == MARK_OWN;
        return;
    }
    for (size_t i = 0; i < s->marks_count; i++) settle_mark(s, &s->marks[i]);
    struct peer *only = s->lone ? only_way(s) : NULL;
    if (only) leave_to(s, only);
    put_pieces(s);
}

/* ---- what came with the message ---- */

static struct peer *neighbour(const struct split *s, struct qiao_bytes name)
{
    for (size_t i = 0; i < s->core->links_count && !s->query->again; i++) {
        struct peer *peer = &s->core->peers[i];
        if (!peer->dead && peer != s->core->waiting && peer != s->query->from && qiao_bytes_equal(qiao_bytes_from_string(peer->name), name)) return peer;
    }
    return NULL;
}

/* A region of somebody behind this node, with a place in the tree. */
static void pass_on(struct split *s, const struct share_region *region, size_t node)
{
    struct qiao_bytes area;
    struct pb_reader r = region->rest;
    s->pieces = grown(s->pieces, s->pieces_count, &s->pieces_capacity, sizeof *s->pieces);
    struct piece *p = &s->pieces[s->pieces_count++];
    *p = (struct piece){ .area = region->area, .excepts = s->excepts_count, .node = node, .first = s->nodes[node].first };
    while (share_next_except(&r, &area)) {
        s->excepts = grown(s->excepts, s->excepts_count, &s->excepts_capacity, sizeof *s->excepts);
        s->excepts[s->excepts_count++] = area;
        p->excepts_count++;
    }
}

/* The branch's place in the tree; NOWHERE: this node divides what is there. */
static size_t place_of(struct split *s, const struct share_branch *b, size_t number, const size_t *places)
{
    if (number == 0) return NOWHERE;
    size_t above = places[b->above];
    struct peer *first = b->above == 0 ? neighbour(s, b->node) : above == NOWHERE ? NULL : s->nodes[above].first;
    return first ? node_at(s, b->node, above, first) : NOWHERE;
}

static size_t count_regions(struct qiao_bytes share, size_t *ret_branches)
{
    struct share_branch b;
    struct share_region region;
    size_t count = 0;
    *ret_branches = 0;
    for (struct pb_reader r = pb_reader(share); share_next_branch(&r, &b); ++*ret_branches)
        while (share_next_region(&b.rest, &region)) count++;
    return count;
}

static void divide_share(struct split *s)
{
    size_t branches, number = 0;
    s->lone = count_regions(s->query->share, &branches) == 1;
    size_t *places = base_alloc(branches * sizeof *places);
    struct share_branch b;
    struct share_region region;
    for (struct pb_reader r = pb_reader(s->query->share); share_next_branch(&r, &b); number++) {
        places[number] = place_of(s, &b, number, places);
        while (share_next_region(&b.rest, &region))
            if (places[number] == NOWHERE) divide(s, &region);
            else pass_on(s, &region, places[number]);
    }
    free(places);
}

/* ---- as bytes ---- */

/* Exceptions for which there is no room are left out: what lies there may come twice, and is recognised. */
static void put_region(struct split *s, const struct piece *p)
{
    buf_auto excepts = { 0 };
    for (size_t i = 0; i < p->excepts_count && excepts.size < QIAO_SHARE_SIZE_MAX / 2; i++) share_put_except(&excepts, s->excepts[p->excepts + i]);
    share_put_region(&s->nodes[p->node].regions, p->area, false, &excepts);
    for (size_t i = p->node; i != NOWHERE; i = s->nodes[i].above) s->nodes[i].needed = true;
}

/* A node stands behind the one it hangs on. */
static void write_share(struct split *s, struct buf *out)
{
    uint64_t branches = 0;
    for (size_t i = 0; i < s->nodes_count; i++) {
        struct tree_node *node = &s->nodes[i];
        if (!node->needed) continue;
        share_put_branch(out, node->name, node->above == NOWHERE ? 0 : s->nodes[node->above].branch, &node->regions);
        node->branch = branches++;
        node->needed = false;
        node->regions.size = 0;
    }
}

static void tell_part(struct core *core, const struct peer *peer)
{
    char areas[256];
    if (!core->config.trace) return;
    sets_describe(core, peer, areas, sizeof areas);
    core_trace(core, "%s = %s is given %s", core->node, peer->name, areas);
}

static void add_part(struct core *core, struct peer *peer, const struct buf *share)
{
    core->set_parts = grown(core->set_parts, core->set_parts_count, &core->set_parts_capacity, sizeof *core->set_parts);
    core->set_parts[core->set_parts_count++] = (struct set_part){ peer, core->set_shares.size, share->size };
    buf_append(&core->set_shares, share->data, share->size);
}

/* A share too large for one message is cut in two, which then cross the edge one behind the other. */
static void write_parts(struct split *s, struct peer *peer, const size_t *pieces, size_t count)
{
    buf_auto share = { 0 };
    for (size_t i = 0; i < count; i++) put_region(s, &s->pieces[pieces[i]]);
    write_share(s, &share);
    if (share.size <= QIAO_SHARE_SIZE_MAX || count == 1) {
        add_part(s->core, peer, &share);
        return;
    }
    write_parts(s, peer, pieces, count / 2);
    write_parts(s, peer, pieces + count / 2, count - count / 2);
}

static void write_targets(struct split *s)
{
    size_t *mine = base_alloc((s->pieces_count + 1) * sizeof *mine);
    for (size_t i = 0; i < s->core->links_count; i++) {
        struct peer *peer = &s->core->peers[i];
        size_t count = 0;
        for (size_t k = 0; k < s->pieces_count; k++)
            if (s->pieces[k].first == peer) mine[count++] = k;
        if (count == 0) continue;
        s->core->targets[s->core->targets_count++] = peer;
        write_parts(s, peer, mine, count);
        tell_part(s->core, peer);
    }
    free(mine);
}

/* ---- all of it ---- */

static void split_deinit(struct split *s)
{
    for (size_t i = 0; i < s->nodes_count; i++) buf_deinit(&s->nodes[i].regions);
    free(s->marks);
    free(s->pieces);
    free(s->excepts);
    free(s->nodes);
    free(s->index);
}

/* Only who is in the set by its area gets it, also if a neighbour says otherwise. */
static void add_members(struct split *s)
{
    struct core *core = s->core;
    core->set_here = s->here && (s->query->elsewhere || lies_in(qiao_bytes_from_string(core->area), s->query->root));
    for (size_t i = core->links_count; core->set_here && i < core->peers_count; i++) core->targets[core->targets_count++] = &core->peers[i];
}

unsigned sets_split(struct core *core, const struct set_query *query)
{
    struct split s = { .core = core, .query = query, .lone = true };
    struct share_region all = { .area = query->root };
    core->split = true;
    core->targets_count = core->set_parts_count = core->set_shares.size = 0;
    if (query->share.size > 0) divide_share(&s);
    else divide(&s, &all);
    if (s.pieces_count > 0) qsort(s.pieces, s.pieces_count, sizeof *s.pieces, by_length); /* those that have their place have no length */
    for (size_t i = 0; i < s.pieces_count; i++)
        if (s.pieces[i].node == NOWHERE) lay_path(&s, &s.pieces[i]);
    write_targets(&s);
    add_members(&s);
    split_deinit(&s);
    if (core->targets_count > 0) return QIAO_CODE_OK;
    return s.here || s.inside ? QIAO_CODE_UNKNOWN_MEMBER : QIAO_CODE_NO_ROUTE;
}

bool sets_is_here(const struct envelope *e)
{
    struct share_branch b;
    struct share_region region;
    struct pb_reader r = pb_reader(e->note.share);
    return e->note.share.size > 0 && share_next_branch(&r, &b) && share_next_region(&b.rest, &region) && region.here;
}

void sets_write_here(const struct core *core, const struct envelope *e, struct buf *ret_raw)
{
    buf_auto regions = { 0 };
    buf_auto share = { 0 };
    struct buf none = { 0 };
    share_put_region(&regions, qiao_bytes_from_string(core->area), true, &none);
    share_put_branch(&share, qiao_bytes_from_string(core->node), 0, &regions);
    ret_raw->size = 0;
    envelope_put_without_share(ret_raw, e->raw);
    envelope_put_note(ret_raw, &(struct transit_note){ .share = buf_bytes(&share) });
}

void sets_describe(const struct core *core, const struct peer *peer, char *out, size_t size)
{
    size_t used = 0;
    struct share_branch b;
    struct share_region region;
    out[0] = '\0';
    for (size_t i = 0; i < core->set_parts_count; i++) {
        struct pb_reader r = pb_reader(set_part_share(core, i));
        while (core->set_parts[i].peer == peer && share_next_branch(&r, &b))
            while (share_next_region(&b.rest, &region) && used + QIAO_AREA_SIZE_MAX + 8 < size)
                used += (size_t)snprintf(out + used, size - used, "%s%.*s/**", used ? ", " : "", (int)region.area.size, (const char *)region.area.data);
    }
}

void sets_deinit(struct core *core)
{
    free(core->set_parts);
    buf_deinit(&core->set_shares);
}
