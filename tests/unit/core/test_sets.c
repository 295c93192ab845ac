/* How a message to an area set is divided: nothing left out, nothing given twice, and all of it fits beside the message. */
#include "codec/share.h"
#include "core/directory.h"
#include "core/sets.h"
#include "store/array.h"

#include <criterion/criterion.h>
#include <qiao/err.h>
#include <stdio.h>
#include <string.h>

/* hub between two lateral neighbours, with a child, and below a parent that is the way to all that nobody knows of. */
static const struct core_peer_config peers[] = {
    { .name = "above", .area = "770000", .role = LINK_ROLE_PARENT_NODE }, { .name = "left", .area = "990102", .role = LINK_ROLE_PEER_NODE },
    { .name = "right", .area = "990103", .role = LINK_ROLE_PEER_NODE },   { .name = "below", .area = "990101001", .role = LINK_ROLE_CHILD_NODE },
    { .name = "office", .member = true },
};

struct world {
    struct store *store;
    struct core *core;
    struct buf routes;             /* what a neighbour is about to tell */
};

static void init(struct world *w)
{
    char error[128];
    struct store_options options = { .version = 1 };
    struct core_config config = { .node = "hub", .area = "990101", .peers = peers, .peers_count = 5, .seal = &seal_null, .seed = 1, .connections_max = 4, .reroute_after_ms = 1000 };
    *w = (struct world){ 0 };
    cr_assert_eq(store_engine_array.open(&options, &w->store, error, sizeof error), STORE_OK);
    cr_assert_eq(core_new(&config, w->store, 1, 1700000000000u, &w->core, error, sizeof error), 0);
}

static void deinit(struct world *w)
{
    buf_deinit(&w->routes);
    core_free(w->core);
    store_close(w->store);
}

static struct qiao_bytes text(const char *string) { return qiao_bytes_from_string(string); }

static struct peer *peer_of(struct world *w, const char *name)
{
    for (size_t i = 0; i < w->core->peers_count; i++)
        if (strcmp(w->core->peers[i].name, name) == 0) return &w->core->peers[i];
    cr_assert_fail("%s", name);
    return NULL;
}

/* The path is `first` and what follows it. */
static void add_route(struct world *w, const char *area, const char *first, const char *then)
{
    buf_auto route = { 0 };
    pb_put_string(&route, 1, area);
    pb_put_string(&route, 2, first);
    if (then) pb_put_string(&route, 2, then);
    pb_put_bytes(&w->routes, 1, buf_bytes(&route));
}

static void tell(struct world *w, const char *name)
{
    struct connection c = { .peer = peer_of(w, name) };
    directory_take(w->core, &c, buf_bytes(&w->routes));
    w->routes.size = 0;
}

static unsigned split(struct world *w, const char *root, const struct buf *share)
{
    return sets_split(w->core, &(struct set_query){ .root = text(root), .share = share ? buf_bytes(share) : qiao_bytes(NULL, 0) });
}

static bool lies_in(struct qiao_bytes area, struct qiao_bytes around)
{
    return area.size >= around.size && (around.size == 0 || memcmp(area.data, around.data, around.size) == 0);
}

static bool has(struct share_region *region, struct qiao_bytes area)
{
    struct qiao_bytes except;
    struct pb_reader r = region->rest;
    bool in = lies_in(area, region->area);
    while (share_next_except(&r, &except)) in &= !lies_in(area, except);
    return in;
}

/* To how many the area is given; *ret_node: the last node that is to answer for it. */
static uint32_t count_of(struct world *w, const char *area, char ret_node[QIAO_NAME_SIZE_MAX + 1])
{
    uint32_t count = 0;
    for (size_t i = 0; i < w->core->set_parts_count; i++) {
        struct share_branch b;
        struct share_region region;
        struct pb_reader r = pb_reader(set_part_share(w->core, i));
        while (share_next_branch(&r, &b))
            while (share_next_region(&b.rest, &region)) {
                if (!has(&region, text(area))) continue;
                count++;
                snprintf(ret_node, QIAO_NAME_SIZE_MAX + 1, "%.*s", (int)b.node.size, (const char *)b.node.data);
            }
    }
    return count;
}

static void expect_given(struct world *w, const char *area, const char *node)
{
    char to[QIAO_NAME_SIZE_MAX + 1] = "";
    cr_expect_eq(count_of(w, area, to), 1, "%s is given %u times", area, count_of(w, area, to));
    cr_expect_str_eq(to, node, "%s", area);
}

/* hub passes 990104 on to far behind left, and divides 990103. */
static void put_share(struct buf *share)
{
    struct buf none = { 0 };
    buf_auto own = { 0 };
    buf_auto far = { 0 };
    share_put_region(&own, text("990103"), false, &none);
    share_put_region(&far, text("990104"), false, &none);
    share_put_branch(share, text("hub"), 0, &own);
    share_put_branch(share, text("left"), 0, &none);
    share_put_branch(share, text("far"), 1, &far);
}

Test(sets, each_area_goes_to_its_node_with_what_lies_in_it)
{
    struct world w;
    init(&w);
    add_route(&w, "990102", "left", NULL);
    add_route(&w, "990104", "left", "far");
    add_route(&w, "990104001", "left", "near");
    tell(&w, "left");
    add_route(&w, "990103", "right", NULL);
    tell(&w, "right");
    cr_assert_eq(split(&w, "99", NULL), QIAO_CODE_OK);
    cr_expect(w.core->set_here);
    expect_given(&w, "990102007", "left");
    expect_given(&w, "990104005", "far");
    expect_given(&w, "990104001005", "near");
    expect_given(&w, "990103", "right");
    expect_given(&w, "995555", "above"); /* nobody knows of it here */
    char to[QIAO_NAME_SIZE_MAX + 1];
    cr_expect_eq(count_of(&w, "990101", to), 0, "its own");
    cr_expect_eq(count_of(&w, "990101003", to), 0, "nothing lies there");
    expect_given(&w, "990101001", "below");
    deinit(&w);
}

Test(sets, what_one_neighbour_gets_alone_it_divides_itself)
{
    struct world w;
    init(&w);
    add_route(&w, "990104", "left", "far");
    add_route(&w, "990104001", "left", "near");
    tell(&w, "left");
    cr_assert_eq(split(&w, "990104", NULL), QIAO_CODE_OK);
    cr_expect(!w.core->set_here);
    cr_expect_eq(w.core->targets_count, 1);
    expect_given(&w, "990104005", "left");
    expect_given(&w, "990104001005", "left");
    deinit(&w);
}

Test(sets, what_nobody_names_goes_to_whoever_has_the_area_around_it)
{
    struct world w;
    init(&w);
    cr_assert_eq(split(&w, "990101001004", NULL), QIAO_CODE_OK);
    expect_given(&w, "990101001004", "below");
    cr_assert_eq(split(&w, "990101002", NULL), QIAO_CODE_UNKNOWN_MEMBER, "in its own area, and no child's");
    deinit(&w);
}

Test(sets, what_a_lost_neighbour_alone_knew_of_goes_up_unless_that_is_no_way_either)
{
    struct world w;
    init(&w);
    add_route(&w, "990104", "left", "far");
    tell(&w, "left");
    peer_of(&w, "left")->dead = true;
    directory_changed(w.core);
    cr_assert_eq(split(&w, "990104", NULL), QIAO_CODE_OK);
    expect_given(&w, "990104", "above");
    peer_of(&w, "above")->dead = true;
    directory_changed(w.core);
    cr_assert_eq(split(&w, "990104", NULL), QIAO_CODE_OK);
    expect_given(&w, "990104", CORE_WAITING_NAME);
    deinit(&w);
}

Test(sets, what_was_here_before_waits_but_for_what_is_of_this_node)
{
    struct world w;
    buf_auto share = { 0 };
    init(&w);
    put_share(&share);
    struct set_query query = { .root = text("99"), .from = peer_of(&w, "right"), .again = true };
    cr_assert_eq(sets_split(w.core, &query), QIAO_CODE_OK);
    cr_expect(w.core->set_here);
    expect_given(&w, "990104", CORE_WAITING_NAME);
    query.share = buf_bytes(&share);
    cr_assert_eq(sets_split(w.core, &query), QIAO_CODE_OK);
    cr_expect(!w.core->set_here);
    expect_given(&w, "990103", CORE_WAITING_NAME);
    expect_given(&w, "990104", CORE_WAITING_NAME);
    deinit(&w);
}

Test(sets, what_is_for_others_is_passed_on_unless_the_link_was_given_up)
{
    struct world w;
    buf_auto share = { 0 };
    init(&w);
    put_share(&share);
    add_route(&w, "990103", "right", NULL);
    add_route(&w, "990104", "right", "other");
    tell(&w, "right");
    cr_assert_eq(split(&w, "99", &share), QIAO_CODE_OK);
    cr_expect(!w.core->set_here, "its own area is not in it");
    expect_given(&w, "990103", "right");
    expect_given(&w, "990104", "far");
    peer_of(&w, "left")->dead = true;
    directory_changed(w.core);
    cr_assert_eq(split(&w, "99", &share), QIAO_CODE_OK);
    cr_expect_eq(w.core->targets_count, 1);
    expect_given(&w, "990103", "right");
    expect_given(&w, "990104", "other");
    peer_of(&w, "right")->dead = true;
    peer_of(&w, "above")->dead = true;
    directory_changed(w.core);
    cr_assert_eq(split(&w, "99", &share), QIAO_CODE_OK);
    expect_given(&w, "990103", CORE_WAITING_NAME);
    expect_given(&w, "990104", CORE_WAITING_NAME);
    deinit(&w);
}

/* Exceptions that do not fit are dropped: what lies there may come twice, but it comes. */
Test(sets, parts_of_a_large_set_fit_beside_the_message_and_leave_nothing_out)
{
    enum { COUNT = 1500 };
    struct world w;
    char area[16], node[16], to[QIAO_NAME_SIZE_MAX + 1];
    init(&w);
    for (unsigned side = 0; side < 2; side++) {
        for (unsigned i = 0; i < COUNT; i++) {
            snprintf(area, sizeof area, "98%u%03u%03u", side + 1, i / 10, i % 10);
            snprintf(node, sizeof node, "node-%u-%u", side, i);
            add_route(&w, area, side ? "right" : "left", node);
        }
        tell(&w, side ? "right" : "left");
    }
    cr_assert_eq(split(&w, "98", NULL), QIAO_CODE_OK);
    cr_expect_gt(w.core->set_parts_count, 2 * COUNT * 20 / QIAO_SHARE_SIZE_MAX);
    for (size_t i = 0; i < w.core->set_parts_count; i++) cr_expect(share_is_sound(set_part_share(w.core, i)), "part %zu", i);
    for (unsigned i = 0; i < 2 * COUNT; i++) {
        snprintf(area, sizeof area, "98%u%03u%03u", i / COUNT + 1, i % COUNT / 10, i % 10);
        uint32_t count = count_of(&w, area, to);
        cr_assert(count == 1 || count == 2, "%s is given %u times", area, count);
    }
    deinit(&w);
}
