/* The second opinion about area sets, first half: who is given what lies at each point, by the words of core/sets.c and core/directory.h and by
 * code that shares nothing with them. */
#include "division.h"

#include "core/route.h"

#include <stdio.h>

/* ---- what the copy was for ---- */

static bool is_usable_now(const struct division *d, struct qiao_bytes name)
{
    const struct knowledge *k = d->q->known;
    for (uint32_t i = 0; i < k->neighbours_count; i++)
        if (is_text(name, k->neighbours[i].name)) return !k->neighbours[i].dead && !is_text(name, d->q->from);
    return false;
}

/* Nodes behind this one keep what the share gives them, as long as the neighbour on the way there can be used. */
static void read_branch(struct division *d, struct share_branch *b)
{
    struct share_region region;
    size_t number = d->branches_count++;
    bool passed = number > 0 && !d->again && (b->above == 0 ? is_usable_now(d, b->node) : d->branches[b->above].passed);
    d->branches[number] = (struct branch){ b->node, b->above, passed };
    while (share_next_region(&b->rest, &region)) {
        d->overflow |= d->regions_count == DIVISION_REGIONS_MAX;
        if (d->overflow) return;
        struct region *r = &d->regions[d->regions_count++];
        *r = (struct region){ .excepts = region.rest, .branch = number, .passed = passed, .here = region.here };
        copy_area(r->area, region.area);
    }
}

static void read_share(struct division *d)
{
    struct share_branch b;
    const struct arrival *a = d->q->arrival;
    struct pb_reader r = pb_reader(a ? buf_bytes(&a->share) : qiao_bytes(NULL, 0));
    while (a && share_next_branch(&r, &b) && !d->overflow) {
        d->overflow |= d->branches_count == DIVISION_BRANCHES_MAX || (d->branches_count > 0 && b.above >= d->branches_count);
        if (!d->overflow) read_branch(d, &b);
    }
    if (d->branches_count > 0) return;
    struct region *all = &d->regions[d->regions_count++];
    snprintf(all->area, sizeof all->area, "%.*s", (int)QIAO_AREA_SIZE_MAX, d->root); /* for all of the set */
    all->excepts = pb_reader(qiao_bytes(NULL, 0));
}

bool division_is_in(const struct region *region, const char *area)
{
    char except[QIAO_AREA_SIZE_MAX + 1];
    struct qiao_bytes bytes;
    struct pb_reader r = region->excepts;
    if (!around(region->area, area)) return false;
    while (share_next_except(&r, &bytes)) {
        copy_area(except, bytes);
        if (around(except, area)) return false;
    }
    return true;
}

/* ---- points ---- */

static void add_point(struct division *d, const struct region *region, const char *area)
{
    for (size_t i = 0; i < d->points_count; i++)
        if (d->points[i].region == region && strcmp(d->points[i].area, area) == 0) return;
    d->overflow |= d->points_count == DIVISION_POINTS_MAX;
    if (d->overflow) return;
    struct point *p = &d->points[d->points_count++];
    *p = (struct point){ .region = region };
    snprintf(p->area, sizeof p->area, "%s", area);
}

/* What lies in no region is a point too: nobody may be given it by this copy. */
static void add_points_at(struct division *d, const char *area)
{
    bool given = false;
    for (size_t i = 0; i < d->regions_count; i++) {
        const struct region *region = &d->regions[i];
        if (region->here || !division_is_in(region, area)) continue;
        add_point(d, region, area);
        given = true;
    }
    if (!given) add_point(d, NULL, area);
}

/* All areas that anybody here has a word for. */
static void add_points(struct division *d)
{
    char area[QIAO_AREA_SIZE_MAX + 1];
    const struct question *q = d->q;
    const struct knowledge *k = q->known;
    for (uint32_t i = 0; i < q->sim->nodes_count; i++) add_points_at(d, q->sim->nodes[i].area);
    for (uint32_t i = 0; i < k->neighbours_count; i++) add_points_at(d, k->neighbours[i].area);
    for (uint32_t i = 0; i < k->told_count; i++)
        if (!k->told[i].service[0]) add_points_at(d, k->told[i].area);
    for (size_t i = 0; i < d->regions_count; i++) {
        struct qiao_bytes except;
        struct pb_reader r = d->regions[i].excepts;
        add_points_at(d, d->regions[i].area);
        while (share_next_except(&r, &except)) {
            copy_area(area, except);
            add_points_at(d, area);
        }
    }
}

/* ---- who is given what lies at a point ---- */

typedef void (*way_visit)(void *context, const struct way *way);

/* All ways to somewhere around the point, told or configured, whether they can be used or not. */
static void each_way(const struct division *d, const char *to, way_visit visit, void *context)
{
    const struct question *q = d->q;
    for (uint32_t i = 0; i < q->known->neighbours_count; i++) {
        const struct neighbour *n = &q->known->neighbours[i];
        bool off = n->dead || strcmp(n->name, q->from) == 0;
        struct way way = { .neighbour = n, .area = n->role == LINK_ROLE_PARENT_NODE ? "" : n->area, .length = 1, .usable = !off };
        if (around(way.area, to)) visit(context, &way);
        for (uint32_t k = 0; k < n->told_count; k++) {
            const struct told *t = &q->known->told[n->told_first + k];
            way = (struct way){ .neighbour = n, .area = t->area, .path = t->path, .length = t->length, .usable = !off && !t->withdrawn };
            if (!t->hole && !t->service[0] && around(t->area, to)) visit(context, &way);
        }
    }
}

/* It is configured as the way to everything, and nearest to its own area; NULL: there is none that can be used. */
static const struct neighbour *usable_parent(const struct division *d)
{
    const struct knowledge *k = d->q->known;
    for (uint32_t i = 0; i < k->neighbours_count; i++) {
        const struct neighbour *n = &k->neighbours[i];
        if (n->role == LINK_ROLE_PARENT_NODE && !n->dead && strcmp(n->name, d->q->from) != 0) return n;
    }
    return NULL;
}

struct finding {
    const struct division *d;
    const char *to;                /* the point */
    size_t size, size_min;         /* areas must be shorter than this, or just so long; and at least so long */
    bool other;                    /* somebody has a way, besides who the copy came from */
    struct way best;
    const char *known;             /* the smallest area around the point */
};

static struct place goes(const struct way *way, size_t size, bool alone)
{
    const char *path = way->path && !alone ? way->path : way->neighbour->name;
    return (struct place){ .kind = PLACE_GOES, .size = size, .first = way->neighbour, .path = path, .length = alone ? 1 : way->length };
}

static struct place waits(size_t size)
{
    return (struct place){ .kind = PLACE_WAITS, .size = size, .path = CORE_WAITING_NAME, .length = 1 };
}

static void add_known(struct finding *f, const char *area)
{
    size_t size = strlen(area);
    bool fits = size > 0 && size < f->size && size >= f->size_min && around(area, f->to);
    if (fits && (!f->known || size > strlen(f->known))) f->known = area;
}

static void visit_known(void *context, const struct way *way) { add_known(context, way->area); }

/* The smallest area around the point that somebody has a way to, or had one; this node's own; and the parent's, as long as it can be used. */
static const char *smallest_known(const struct division *d, const char *to, size_t size, size_t size_min)
{
    struct finding f = { .d = d, .to = to, .size = size, .size_min = size_min };
    const struct neighbour *parent = usable_parent(d);
    each_way(d, to, visit_known, &f);
    add_known(&f, d->q->node->area);
    if (parent) add_known(&f, parent->area);
    return f.known;
}

/* To one area: who may speak for it first, then the shorter path, then the name. */
static void visit_exact(void *context, const struct way *way)
{
    struct finding *f = context;
    if (!way->usable || strlen(way->area) != f->size) return;
    int kinds = f->best.neighbour ? ways_kind(f->d->q, way) - ways_kind(f->d->q, &f->best) : -1;
    bool shorter = kinds == 0 && way->length < f->best.length;
    bool named = kinds == 0 && way->length == f->best.length && strcmp(way->neighbour->name, f->best.neighbour->name) < 0;
    if (kinds < 0 || shorter || named) f->best = *way;
}

static bool find_exact(const struct division *d, const char *to, size_t size, struct place *ret_place)
{
    struct finding f = { .d = d, .to = to, .size = size };
    const struct neighbour *parent = usable_parent(d);
    each_way(d, to, visit_exact, &f);
    if (parent && strlen(parent->area) == size && around(parent->area, to)) f.best = (struct way){ .neighbour = parent, .area = parent->area, .length = 1 };
    if (f.best.neighbour) *ret_place = goes(&f.best, size, false);
    return f.best.neighbour != NULL;
}

static void visit_around(void *context, const struct way *told)
{
    struct finding *f = context;
    const struct question *q = f->d->q;
    struct way way = *told;
    bool below = f->to[0] && around(q->node->area, f->to);
    if (below && strlen(way.area) <= strlen(q->node->area)) return; /* of that nobody around or above this node knows better */
    f->other |= strcmp(way.neighbour->name, q->from) != 0;
    way.usable = way.usable && !ways_has_hole(q, way.neighbour, way.area, f->to);
    if (way.usable && (!f->best.neighbour || ways_is_better(q, &way, &f->best))) f->best = way;
}

/* "Somebody around it may know more. What is known to exist waits otherwise; of what lies in no area that is known, there is nothing." */
static struct place ask_around(const struct division *d, const char *area, bool known)
{
    struct finding f = { .d = d, .to = area };
    each_way(d, area, visit_around, &f);
    if (f.best.neighbour) return goes(&f.best, strlen(area), f.best.area[0] == '\0');
    return known || f.other ? waits(strlen(area)) : (struct place){ .size = strlen(area) };
}

static struct place place_of(const struct division *d, const struct region *region, const char *point, size_t below);

/* Somebody had a way to just this area once, and nobody has now. */
static struct place place_lost(const struct division *d, const struct region *region, const char *area)
{
    size_t size = strlen(area);
    if (size > strlen(region->area)) {
        struct place cover = place_of(d, region, area, size);
        bool joins = cover.kind == PLACE_WAITS || (cover.kind == PLACE_GOES && !ways_has_hole(d->q, cover.first, "", area));
        if (joins) return cover;
    }
    return ask_around(d, area, true);
}

/* "Each area it knows of is given to the node it belongs to, with all that lies in it and in no smaller one that is known." Of the areas around
 * the point only those shorter than `below` count. A copy that was here before waits, and nothing is asked. */
static struct place place_of(const struct division *d, const struct region *region, const char *point, size_t below)
{
    char area[QIAO_AREA_SIZE_MAX + 1];
    struct place place;
    const char *own = d->q->node->area, *known = smallest_known(d, point, below, strlen(region->area));
    snprintf(area, sizeof area, "%s", known ? known : region->area);
    bool is_own = known && strcmp(area, own) == 0;
    if (d->again) return waits(around(region->area, own) && around(own, point) ? strlen(own) : strlen(region->area));
    if (is_own) return (struct place){ .kind = PLACE_OWN, .size = strlen(area) };
    if (!known) return ask_around(d, area, false);
    return find_exact(d, point, strlen(area), &place) ? place : place_lost(d, region, area);
}

/* "If everything goes through one neighbour, that one divides." */
static void leave_to_one(struct division *d)
{
    const struct neighbour *only = NULL;
    if (d->regions_count != 1) return;
    for (size_t i = 0; i < d->points_count; i++) {
        const struct place *place = &d->points[i].place;
        if (place->kind == PLACE_GOES && only && place->first != only) return;
        if (place->kind == PLACE_GOES) only = place->first;
    }
    for (size_t i = 0; i < d->points_count; i++) {
        struct place *place = &d->points[i].place;
        if (place->kind != PLACE_GOES) continue;
        place->path = only->name;
        place->length = 1;
    }
}

/* ---- the tree of paths ---- */

static struct qiao_bytes next_name(const char **path)
{
    size_t size = strcspn(*path, " ");
    struct qiao_bytes name = qiao_bytes(*path, size);
    *path += size;
    *path += **path == ' ';
    return name;
}

static bool find_in_path(const char *path, struct qiao_bytes name, struct qiao_bytes *ret_before)
{
    *ret_before = qiao_bytes(NULL, 0);
    while (*path) {
        struct qiao_bytes next = next_name(&path);
        if (qiao_bytes_equal(next, name)) return true;
        *ret_before = next;
    }
    return false;
}

/* Paths are laid in this order: the shorter first, then by the area they lead to. */
static bool is_laid_before(const struct point *a, const struct point *b)
{
    if (a->place.length != b->place.length) return a->place.length < b->place.length;
    size_t common = a->place.size < b->place.size ? a->place.size : b->place.size;
    int order = memcmp(a->area, b->area, common);
    return order ? order < 0 : a->place.size < b->place.size;
}

struct qiao_bytes division_above(const struct division *d, struct qiao_bytes name)
{
    struct qiao_bytes before, best_before = qiao_bytes(NULL, 0);
    const struct point *best = NULL;
    for (size_t i = 1; i < d->branches_count; i++) {
        const struct branch *b = &d->branches[i];
        if (b->passed && qiao_bytes_equal(b->name, name)) return b->above == 0 ? qiao_bytes(NULL, 0) : d->branches[b->above].name;
    }
    for (size_t i = 0; i < d->points_count; i++) {
        const struct point *p = &d->points[i];
        bool is_path = p->place.kind == PLACE_GOES || p->place.kind == PLACE_WAITS;
        if (!is_path || !find_in_path(p->place.path, name, &before) || (best && !is_laid_before(p, best))) continue;
        best = p;
        best_before = before;
    }
    return best_before;
}

static struct qiao_bytes last_name(const char *path)
{
    struct qiao_bytes name = qiao_bytes(NULL, 0);
    while (*path) name = next_name(&path);
    return name;
}

static void find_holders(struct division *d)
{
    for (size_t i = 0; i < d->points_count; i++) {
        struct point *p = &d->points[i];
        if (p->place.kind == PLACE_PASSED) p->holder = d->branches[p->region->branch].name;
        if (p->place.kind == PLACE_GOES || p->place.kind == PLACE_WAITS) p->holder = last_name(p->place.path);
        p->first = p->holder;
        for (struct qiao_bytes up = p->first; up.size > 0; up = division_above(d, up)) p->first = up;
    }
}

/* ---- all of it ---- */

void divide(struct division *d)
{
    const char *own = d->q->node->area;
    read_share(d);
    for (size_t i = 0; i < d->regions_count && !d->overflow; i++) {
        const struct region *region = &d->regions[i];
        d->here |= !region->passed && division_is_in(region, own);
        d->inside |= !region->passed && around(own, region->area);
    }
    add_points(d);
    for (size_t i = 0; i < d->points_count; i++) {
        struct point *p = &d->points[i];
        if (p->region && p->region->passed) p->place.kind = PLACE_PASSED;
        else if (p->region) p->place = place_of(d, p->region, p->area, SIZE_MAX);
    }
    leave_to_one(d);
    find_holders(d);
}
