/* The second opinion about area sets: the decision, and the share that went along with it, must give every point to exactly the neighbour that
 * division.c says, by that branch; members, and why neighbours lost, likewise. Where nobody has told that the federation is a graph, a set goes
 * along the tree: by the words of core/route.c. */
#include "division.h"

#include "core/route.h"

#include <stdio.h>

/* ---- comparing ---- */

static bool is_chosen(const Qiao__V1__Decision *decision, const char *name, bool member)
{
    for (size_t i = 0; i < decision->n_chosen; i++)
        if (decision->chosen[i]->member == member && strcmp(decision->chosen[i]->name, name) == 0) return true;
    return false;
}

static size_t chosen_of_kind(const Qiao__V1__Decision *decision, bool member)
{
    size_t count = 0;
    for (size_t i = 0; i < decision->n_chosen; i++) count += decision->chosen[i]->member == member;
    return count;
}

static bool all_members_chosen(const struct question *q, const Qiao__V1__Decision *decision)
{
    for (uint32_t i = 0; i < q->known->members_count; i++)
        if (!is_chosen(decision, q->known->members[i], true)) return false;
    return chosen_of_kind(decision, true) == q->known->members_count;
}

static bool one_member_chosen(const struct question *q, const Qiao__V1__Decision *decision)
{
    bool one = false;
    for (uint32_t i = 0; i < q->known->members_count; i++) one |= is_chosen(decision, q->known->members[i], true);
    return one && decision->n_chosen == 1;
}

typedef Qiao__V1__LostReason (*lost_reason)(const void *context, const struct neighbour *neighbour);

static bool is_lost_as(const Qiao__V1__Decision *decision, const char *name, Qiao__V1__LostReason reason)
{
    for (size_t i = 0; i < decision->n_lost; i++)
        if (strcmp(decision->lost[i]->name, name) == 0) return decision->lost[i]->lost == reason;
    return reason == QIAO__V1__LOST_REASON__LOST_OTHER_AREA;
}

/* Each neighbour that was not chosen lost, and for that reason. */
static bool lost_agree(const struct question *q, const Qiao__V1__Decision *decision, lost_reason reason, const void *context)
{
    size_t lost = 0;
    for (uint32_t i = 0; i < q->known->neighbours_count; i++) {
        const struct neighbour *n = &q->known->neighbours[i];
        if (is_chosen(decision, n->name, false)) continue;
        lost++;
        if (!is_lost_as(decision, n->name, reason(context, n))) return false;
    }
    return decision->lost_count == lost;
}

/* How long the smallest area around the point is, of those in the text; SIZE_MAX: there is none. */
static size_t longest_around(const char *areas, const char *point)
{
    char area[QIAO_AREA_SIZE_MAX + 1];
    size_t longest = SIZE_MAX;
    for (const char *at = areas; *at; at += strcspn(at, ","), at += strspn(at, ", ")) {
        size_t size = strcspn(at, "/");
        snprintf(area, sizeof area, "%.*s", (int)size, at);
        if (around(area, point) && (longest == SIZE_MAX || size > longest)) longest = size;
    }
    return longest;
}

/* There may have been no room for more. */
static bool is_cut(const char *areas)
{
    return strlen(areas) + QIAO_AREA_SIZE_MAX + 8 >= EXPLAIN_AREAS_SIZE;
}

/* Of all that are named, the smallest area around the point is this neighbour's. What is excepted does not stand in the text: it says only where
 * something goes, not what stays. */
static bool text_gives(const Qiao__V1__Decision *decision, const struct point *point)
{
    const Qiao__V1__RouteChoice *best = NULL;
    size_t best_size = 0;
    bool twice = false;
    for (size_t i = 0; i < decision->n_chosen; i++) {
        const Qiao__V1__RouteChoice *choice = decision->chosen[i];
        size_t size = longest_around(choice->areas, point->area);
        if (is_cut(choice->areas)) return true;
        if (size == SIZE_MAX || (best && size < best_size)) continue;
        twice = best && size == best_size;
        best = choice;
        best_size = size;
    }
    return best && !twice && is_text(point->first, best->name);
}

/* Each area that is named is one that this neighbour is given. */
static bool text_is_given(const struct division *d, const Qiao__V1__RouteChoice *choice)
{
    for (const char *at = choice->areas; *at; at += strcspn(at, ","), at += strspn(at, ", ")) {
        size_t size = strcspn(at, "/");
        bool given = false;
        for (size_t i = 0; i < d->points_count && !given; i++) {
            const struct point *p = &d->points[i];
            given = strlen(p->area) == size && memcmp(p->area, at, size) == 0 && is_text(p->first, choice->name);
        }
        if (!given) return false;
    }
    return true;
}

static bool neighbours_agree(const struct division *d, const Qiao__V1__Decision *decision)
{
    for (size_t i = 0; i < d->points_count; i++)
        if (d->points[i].first.size > 0 && !text_gives(decision, &d->points[i])) return false;
    for (size_t i = 0; i < decision->n_chosen; i++) {
        const Qiao__V1__RouteChoice *choice = decision->chosen[i];
        if (!choice->member && (!choice->areas[0] || !text_is_given(d, choice))) return false;
    }
    return true;
}

/* ---- the share that went to one of them ---- */

static bool hangs_right(const struct division *d, const struct branch *branches, size_t number)
{
    struct qiao_bytes up = division_above(d, branches[number].name);
    if (number == 0) return up.size == 0;
    return branches[number].above < number && qiao_bytes_equal(up, branches[branches[number].above].name);
}

/* How often the branch's node is given the point. */
static size_t times_in(const struct share_branch *branch, const char *point)
{
    struct share_region region;
    size_t times = 0;
    for (struct pb_reader r = branch->rest; share_next_region(&r, &region);) {
        struct region one = { .excepts = region.rest };
        copy_area(one.area, region.area);
        times += division_is_in(&one, point);
    }
    return times;
}

static size_t times_expected(const struct division *d, struct qiao_bytes holder, struct qiao_bytes first, const char *point)
{
    size_t times = 0;
    for (size_t i = 0; i < d->points_count; i++) {
        const struct point *p = &d->points[i];
        times += strcmp(p->area, point) == 0 && qiao_bytes_equal(p->holder, holder) && qiao_bytes_equal(p->first, first);
    }
    return times;
}

/* *given grows by the points that it should have. */
static bool branch_agrees(const struct division *d, const struct share_branch *b, struct qiao_bytes first, size_t *given)
{
    for (size_t i = 0; i < d->points_count; i++) {
        const struct point *p = &d->points[i];
        size_t times = times_in(b, p->area);
        if (times != times_expected(d, b->node, first, p->area)) return false;
        *given += qiao_bytes_equal(p->holder, b->node) && qiao_bytes_equal(p->first, first);
    }
    return true;
}

/* Branch by branch: it is given its points and no others, and hangs where it should; and no branch is missing. */
static bool copy_agrees(const struct division *d)
{
    struct share_branch b;
    struct branch branches[DIVISION_BRANCHES_MAX];
    struct pb_reader r = pb_reader(buf_bytes(&d->q->copy->share));
    size_t count = 0, given = 0, expected = 0;
    for (; share_next_branch(&r, &b) && count < DIVISION_BRANCHES_MAX; count++) {
        branches[count] = (struct branch){ b.node, b.above, false };
        if (!hangs_right(d, branches, count) || !branch_agrees(d, &b, branches[0].name, &given)) return false;
    }
    uint32_t to = d->q->copy->to;
    bool right = count > 0 && is_text(branches[0].name, to == WAYS_WAITING ? CORE_WAITING_NAME : d->q->sim->nodes[to].name);
    for (size_t i = 0; i < d->points_count && right; i++) expected += qiao_bytes_equal(d->points[i].first, branches[0].name);
    return right && given == expected;
}

/* ---- agreeing, where it was divided ---- */

/* Does the neighbour know of anything in it? */
static bool has_some(const struct division *d, const struct neighbour *n)
{
    bool some = around(n->area, d->root) || around(d->root, n->area);
    for (uint32_t i = 0; i < n->told_count && !some; i++) {
        const struct told *t = &d->q->known->told[n->told_first + i];
        some = !t->service[0] && !t->hole && !t->withdrawn && around(d->root, t->area);
    }
    return some;
}

static Qiao__V1__LostReason lost_undivided(const void *context, const struct neighbour *n)
{
    const struct division *d = context;
    if (strcmp(n->name, d->q->from) == 0) return QIAO__V1__LOST_REASON__LOST_CAME_FROM;
    return n->dead ? QIAO__V1__LOST_REASON__LOST_DOWN : QIAO__V1__LOST_REASON__LOST_OTHER_AREA;
}

static Qiao__V1__LostReason lost_divided(const void *context, const struct neighbour *n)
{
    Qiao__V1__LostReason reason = lost_undivided(context, n);
    return reason == QIAO__V1__LOST_REASON__LOST_OTHER_AREA && has_some(context, n) ? QIAO__V1__LOST_REASON__LOST_LONGER : reason;
}

static bool goes_on(const struct division *d)
{
    for (size_t i = 0; i < d->points_count; i++)
        if (d->points[i].first.size > 0) return true;
    return false;
}

/* Nobody is given anything. */
static bool refusal_agrees(const struct division *d, const Qiao__V1__Decision *decision)
{
    unsigned code = d->here || d->inside ? QIAO_CODE_UNKNOWN_MEMBER : QIAO_CODE_NO_ROUTE;
    return decision->code == code && decision->chosen_count == 0 && lost_agree(d->q, decision, lost_undivided, d);
}

/* What a neighbour gave is decided about twice: what others are given, and then what this node's members are. A member that has to wait for
 * another message of the case gets it later, and alone. */
static bool agrees_divided(const struct question *q, const char *root, const Qiao__V1__Decision *decision)
{
    struct division d = { .q = q, .again = q->from[0] && q->arrival && q->arrival->passed };
    snprintf(d.root, sizeof d.root, "%s", root);
    divide(&d);
    if (d.overflow) return false;
    bool on = goes_on(&d), here = d.here && around(root, q->node->area) && q->known->members_count > 0;
    bool members = chosen_of_kind(decision, true) > 0, neighbours = chosen_of_kind(decision, false) > 0;
    bool sent_here = !q->arrival, late = q->arrival && !q->from[0];
    if (!on && !here) return refusal_agrees(&d, decision);
    if (decision->code != QIAO_CODE_OK || (members && !here) || (neighbours && !on)) return false;
    if (late) return one_member_chosen(q, decision) && lost_agree(q, decision, lost_undivided, &d);
    if (sent_here ? members != here || neighbours != on : members == neighbours) return false;
    if (members && !all_members_chosen(q, decision)) return false;
    if (neighbours && !neighbours_agree(&d, decision)) return false;
    return lost_agree(q, decision, neighbours ? lost_divided : lost_undivided, &d) && (!q->copy || copy_agrees(&d));
}

/* ---- agreeing, on the tree ---- */

static const struct neighbour *parent_of(const struct knowledge *k)
{
    for (uint32_t i = 0; i < k->neighbours_count; i++)
        if (k->neighbours[i].role == LINK_ROLE_PARENT_NODE) return &k->neighbours[i];
    return NULL;
}

struct on_tree {
    const struct question *q;
    const char *root;
};

/* "Up until a node stands above or at its root, and on the way and from there down to every child inside, but not back." */
static bool is_given(const struct on_tree *t, const struct neighbour *n)
{
    const struct neighbour *up = parent_of(t->q->known);
    bool back = strcmp(n->name, t->q->from) == 0, from_above = up && strcmp(up->name, t->q->from) == 0;
    if (n->role == LINK_ROLE_PARENT_NODE) return !from_above && !around(t->q->node->area, t->root);
    return n->role == LINK_ROLE_CHILD_NODE && !back && (around(t->root, n->area) || around(n->area, t->root));
}

static Qiao__V1__LostReason lost_on_tree(const void *context, const struct neighbour *n)
{
    const struct on_tree *t = context;
    if (strcmp(n->name, t->q->from) == 0) return QIAO__V1__LOST_REASON__LOST_CAME_FROM;
    if (n->role != LINK_ROLE_PARENT_NODE) return QIAO__V1__LOST_REASON__LOST_OTHER_AREA;
    return around(t->q->node->area, t->root) ? QIAO__V1__LOST_REASON__LOST_BELOW : QIAO__V1__LOST_REASON__LOST_NEARER;
}

static bool agrees_on_tree(const struct question *q, const char *root, const Qiao__V1__Decision *decision)
{
    struct on_tree t = { q, root };
    const struct neighbour *up = parent_of(q->known);
    bool above = around(q->node->area, root) || (up && strcmp(up->name, q->from) == 0);
    size_t given = 0, members = around(root, q->node->area) ? q->known->members_count : 0;
    for (uint32_t i = 0; i < q->known->neighbours_count; i++) {
        const struct neighbour *n = &q->known->neighbours[i];
        if (!is_given(&t, n)) continue;
        if (!is_chosen(decision, n->name, false)) return false;
        given++;
    }
    unsigned code = given + members > 0 ? QIAO_CODE_OK : above ? QIAO_CODE_UNKNOWN_MEMBER : QIAO_CODE_NO_ROUTE;
    if (decision->code != code || decision->n_chosen != given + members) return false;
    return (members == 0 || all_members_chosen(q, decision)) && lost_agree(q, decision, lost_on_tree, &t);
}

/* "A message that came without a share is on its way on the tree, and stays there." */
bool set_ways_agree(const struct question *q, const Qiao__V1__Decision *decision)
{
    char root[SIM_TEXT_SIZE];
    size_t size = strlen(q->message->area);
    snprintf(root, sizeof root, "%.*s", size > 3 ? (int)size - 3 : 0, q->message->area);
    bool divided = q->arrival ? q->arrival->share.size > 0 : q->known->graph;
    return divided ? agrees_divided(q, root, decision) : agrees_on_tree(q, root, decision);
}
