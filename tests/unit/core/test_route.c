/* Which way a message takes: configuration, what neighbours tell, links that are down. */
#include "core/directory.h"
#include "core/route.h"
#include "schema/link.pb-c.h"
#include "store/array.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *services[] = { "notary" };
static const char *seats[] = { "duty" };

/* street-1 of district 990101: a parent, two communities, a lateral street of another district, one member. */
static const struct core_peer_config peers[] = {
    { .name = "district", .area = "990101", .role = LINK_ROLE_PARENT_NODE }, { .name = "one", .area = "990101001001", .role = LINK_ROLE_CHILD_NODE },
    { .name = "two", .area = "990101001002", .role = LINK_ROLE_CHILD_NODE },  { .name = "street-9", .area = "990102009", .role = LINK_ROLE_PEER_NODE },
    { .name = "office", .member = true, .services = (char *const *)(uintptr_t)services, .services_count = 1, .seats = (char *const *)(uintptr_t)seats, .seats_count = 1 },
};

struct world {
    struct store *store;
    struct core *core;
};

static void init(struct world *w)
{
    char error[128];
    struct store_options options = { .version = 1 };
    struct core_config config = { .node = "street-1", .area = "990101001", .peers = peers, .peers_count = 5, .seal = &seal_null, .seed = 1, .connections_max = 4, .reroute_after_ms = 1000 };
    cr_assert_eq(store_engine_array.open(&options, &w->store, error, sizeof error), STORE_OK);
    cr_assert_eq(core_new(&config, w->store, 1, 1700000000000u, &w->core, error, sizeof error), 0);
}

static void deinit(struct world *w)
{
    core_free(w->core);
    store_close(w->store);
}

static struct peer *peer_of(struct world *w, const char *name)
{
    for (size_t i = 0; i < w->core->peers_count; i++)
        if (strcmp(w->core->peers[i].name, name) == 0) return &w->core->peers[i];
    cr_assert_fail("%s", name);
    return NULL;
}

/* The neighbour tells of one thing: area, path behind its own name, service, hole. */
static void tells(struct world *w, const char *name, const char *area, const char *behind, const char *service, bool hole)
{
    struct connection c = { .peer = peer_of(w, name) };
    char *path[] = { (char *)(uintptr_t)name, (char *)(uintptr_t)behind };
    Qiao__V1__Route route = QIAO__V1__ROUTE__INIT, *list = &route;
    Qiao__V1__Routes routes = QIAO__V1__ROUTES__INIT;
    uint8_t packed[512];
    route.area = (char *)(uintptr_t)area;
    route.path = path;
    route.n_path = behind ? 2 : 1;
    route.service = (char *)(uintptr_t)service;
    route.hole = hole;
    routes.routes = &list;
    routes.n_routes = 1;
    directory_take(w->core, &c, qiao_bytes(packed, qiao__v1__routes__pack(&routes, packed)));
}

static void dies(struct world *w, const char *name)
{
    peer_of(w, name)->dead = true;
    directory_changed(w->core);
}

/* The next hop's name, or the code's. */
static const char *way(struct world *w, const char *area, const char *org, const char *from)
{
    buf_auto raw = { 0 };
    address_write(&raw, qiao_bytes_from_string(area), qiao_bytes_from_string(org), qiao_bytes(NULL, 0));
    struct address to = { .area = qiao_bytes_from_string(area), .org = qiao_bytes_from_string(org), .raw = buf_bytes(&raw) };
    struct route_query query = { .to = &to, .from = from ? peer_of(w, from) : NULL };
    unsigned code = route_find(w->core, &query);
    return code == QIAO_CODE_OK ? w->core->targets[0]->name : qiao_code_name(code);
}

static const char *service(struct world *w, const char *name)
{
    struct address to = { .service = qiao_bytes_from_string(name) };
    struct route_query query = { .to = &to, .sender_area = qiao_bytes_from_string("990101001001") };
    unsigned code = route_find(w->core, &query);
    return code == QIAO_CODE_OK ? w->core->targets[0]->name : qiao_code_name(code);
}

Test(route, the_configuration_goes_without_a_word_from_anybody)
{
    struct world w;
    init(&w);
    cr_expect_str_eq(way(&w, "990101001", "office", NULL), "office");
    cr_expect_str_eq(way(&w, "990101001", "nobody", NULL), "UNKNOWN_MEMBER");
    cr_expect_str_eq(way(&w, "990101001002", "office", NULL), "two");
    cr_expect_str_eq(way(&w, "990102009004", "office", NULL), "street-9");
    cr_expect_str_eq(way(&w, "990103001", "office", NULL), "district");
    cr_expect_str_eq(way(&w, "990101001777", "office", NULL), "NO_ROUTE");
    deinit(&w);
}

Test(route, a_link_that_is_given_up_is_gone_around)
{
    struct world w;
    init(&w);
    tells(&w, "district", "990101001001", "street-2", "", false);
    cr_expect_str_eq(way(&w, "990101001001", "office", NULL), "one", "a child's own area goes first");
    dies(&w, "one");
    cr_expect_str_eq(way(&w, "990101001001", "office", NULL), "district");
    cr_expect_str_eq(way(&w, "990101001001", "office", "district"), "one", "not back: it waits for the child");
    dies(&w, "two");
    cr_expect_str_eq(way(&w, "990101001002", "office", NULL), "two", "no other way: it waits there");
    deinit(&w);
}

Test(route, what_is_withdrawn_is_known_to_exist)
{
    struct world w;
    init(&w);
    tells(&w, "street-9", "990105", "far", "", false);
    cr_expect_str_eq(way(&w, "990105001", "office", NULL), "street-9");
    tells(&w, "street-9", "990106", "far", "", false);
    dies(&w, "district");
    cr_expect_str_eq(way(&w, "990105001", "office", "district"), CORE_WAITING_NAME);
    deinit(&w);
}

/* There may be other ways, so order and copies are looked after (order.c, reroute.c). */
static bool is_shared(struct world *w, const char *area)
{
    (void)way(w, area, "office", NULL);
    return w->core->route_note.shared;
}

Test(route, what_was_withdrawn_stays_marked_when_the_parent_takes_everything)
{
    struct world w;
    init(&w);
    cr_expect(!is_shared(&w, "990105001"));
    tells(&w, "district", "990105", NULL, "", false);
    cr_expect(is_shared(&w, "990105001"));
    tells(&w, "district", "990106", NULL, "", false);
    cr_expect_str_eq(way(&w, "990105001", "office", NULL), "district");
    cr_expect(is_shared(&w, "990105001"));
    cr_expect(!is_shared(&w, "990107001"), "nobody ever named it");
    deinit(&w);
}

Test(route, a_hole_in_a_neighbours_area_is_gone_around)
{
    struct world w;
    init(&w);
    tells(&w, "street-9", "990102009004", NULL, "", true);
    cr_expect_str_eq(way(&w, "990102009004", "office", NULL), "district");
    cr_expect_str_eq(way(&w, "990102009005", "office", NULL), "street-9");
    deinit(&w);
}

Test(route, a_hole_in_what_lies_elsewhere_exists)
{
    struct world w;
    init(&w);
    tells(&w, "district", "990105001", "far", "", true);
    cr_expect_str_eq(way(&w, "990105002", "office", NULL), "district");
    cr_expect_str_eq(way(&w, "990105001", "office", NULL), CORE_WAITING_NAME);
    tells(&w, "district", "990101", "far", "", true);
    cr_expect_eq(peer_of(&w, "district")->learned_count, 0, "its own area, and one around this node's");
    deinit(&w);
}

Test(route, a_child_does_not_attract_what_is_not_its_own)
{
    struct world w;
    init(&w);
    tells(&w, "one", "990101", NULL, "", false);
    cr_expect_eq(peer_of(&w, "one")->learned_count, 0, "an area above this node's");
    tells(&w, "one", "", NULL, "", false);
    cr_expect_eq(peer_of(&w, "one")->learned_count, 0, "everything");
    tells(&w, "one", "990101001002", NULL, "", false);
    cr_expect_str_eq(way(&w, "990101001002", "office", NULL), "two", "another child's area");
    tells(&w, "one", "990105", "street-1", "", false);
    cr_expect_str_eq(way(&w, "990105001", "office", NULL), "district", "a way through this node is none");
    tells(&w, "one", "990105", NULL, "mediation", false);
    cr_expect_str_eq(service(&w, "mediation"), "district", "services of another area");
    deinit(&w);
}

Test(route, services_go_to_the_nearest_provider)
{
    struct world w;
    init(&w);
    cr_expect_str_eq(service(&w, "notary"), "office");
    tells(&w, "two", "990101001002", NULL, "mediation", false);
    cr_expect_str_eq(service(&w, "mediation"), "two");
    cr_expect_str_eq(service(&w, "surgery"), "district", "nobody here: whoever stands above knows more");
    deinit(&w);
}

Test(route, a_seat_that_does_not_exist_is_refused)
{
    struct world w;
    init(&w);
    struct address to = { .area = qiao_bytes_from_string("990101001"), .org = qiao_bytes_from_string("office"), .seat = qiao_bytes_from_string("duty") };
    struct route_query query = { .to = &to };
    cr_expect_eq(route_find(w.core, &query), QIAO_CODE_OK);
    to.seat = qiao_bytes_from_string("nobody");
    to.raw = qiao_bytes_from_string("another address");
    cr_expect_eq(route_find(w.core, &query), QIAO_CODE_UNKNOWN_SEAT);
    deinit(&w);
}

/* ---- what is told on ---- */

struct heard {
    const char *area;
    size_t behind;                 /* nodes on the path behind the neighbour */
    bool hole;
};

static void tells_all(struct world *w, const char *name, const struct heard *heard, size_t count)
{
    static Qiao__V1__Route routes[ROUTES_MAX];
    static Qiao__V1__Route *list[ROUTES_MAX];
    static char *path[QIAO_HOPS_MAX];
    Qiao__V1__Routes all = { .base = PROTOBUF_C_MESSAGE_INIT(&qiao__v1__routes__descriptor), .n_routes = count, .routes = list };
    struct connection c = { .peer = peer_of(w, name) };
    buf_auto packed = { 0 };
    path[0] = (char *)(uintptr_t)name;
    for (size_t i = 1; i < QIAO_HOPS_MAX; i++) path[i] = (char *)(uintptr_t)"far";
    for (size_t i = 0; i < count; i++) {
        routes[i] = (Qiao__V1__Route)QIAO__V1__ROUTE__INIT;
        routes[i].area = (char *)(uintptr_t)heard[i].area;
        routes[i].path = path;
        routes[i].n_path = 1 + heard[i].behind;
        routes[i].hole = heard[i].hole;
        list[i] = &routes[i];
    }
    packed.data = base_realloc(packed.data, qiao__v1__routes__get_packed_size(&all));
    directory_take(w->core, &c, qiao_bytes(packed.data, qiao__v1__routes__pack(&all, packed.data)));
}

static Qiao__V1__Routes *told(struct world *w, const char *name)
{
    struct peer *peer = peer_of(w, name);
    struct connection c = { .peer = peer, .dirty = true };
    c.link.peer.features = LINK_FEATURE_ROUTES;
    peer->out = &c;
    peer->told_at_ms = 0;
    directory_changed(w->core);
    w->core->directory.due_ms = w->core->now_ms;
    directory_tick(w->core);
    peer->out = NULL;
    buf_deinit(&c.out);
    Qiao__V1__Routes *routes = qiao__v1__routes__unpack(NULL, peer->told.size, peer->told.data);
    cr_assert_not_null(routes);
    return routes;
}

static const Qiao__V1__Route *route_to(const Qiao__V1__Routes *routes, const char *area)
{
    for (size_t i = 0; i < routes->n_routes; i++)
        if (strcmp(routes->routes[i]->area, area) == 0) return routes->routes[i];
    return NULL;
}

Test(route, a_hole_is_passed_on_with_what_is_around_it)
{
    static const struct heard heard[] = { { "990105", 1, false }, { "990105001", 0, true } };
    static const char *const whom[] = { "street-9", "one" };
    struct world w;
    init(&w);
    tells_all(&w, "district", heard, 2);
    for (size_t i = 0; i < 2; i++) {
        Qiao__V1__Routes *routes = told(&w, whom[i]);
        const Qiao__V1__Route *whole = route_to(routes, "990105"), *part = route_to(routes, "990105001");
        cr_expect(whole && !whole->hole && whole->n_path == 3);
        cr_expect(part && part->hole);
        qiao__v1__routes__free_unpacked(routes, NULL);
    }
    deinit(&w);
}

Test(route, another_way_to_a_part_is_told_with_its_path)
{
    static const struct heard district[] = { { "990105", 1, false }, { "990105001", 0, true } }, street[] = { { "990105", 4, false } };
    struct world w;
    init(&w);
    tells_all(&w, "district", district, 2);
    tells_all(&w, "street-9", street, 1);
    Qiao__V1__Routes *routes = told(&w, "one");
    const Qiao__V1__Route *whole = route_to(routes, "990105"), *part = route_to(routes, "990105001");
    cr_expect(whole && whole->n_path == 3);
    cr_expect(part && !part->hole && part->n_path == 6);
    qiao__v1__routes__free_unpacked(routes, NULL);
    deinit(&w);
}

Test(route, a_path_that_is_full_is_not_told_on)
{
    static const struct heard heard[] = { { "990105", QIAO_HOPS_MAX - 1, false }, { "990106", QIAO_HOPS_MAX - 2, false } };
    struct world w;
    init(&w);
    tells_all(&w, "district", heard, 2);
    cr_expect_str_eq(way(&w, "990105", "office", NULL), "district");
    Qiao__V1__Routes *routes = told(&w, "street-9");
    const Qiao__V1__Route *longest = route_to(routes, "990106");
    cr_expect_null(route_to(routes, "990105"));
    cr_expect(longest && longest->n_path == QIAO_HOPS_MAX);
    qiao__v1__routes__free_unpacked(routes, NULL);
    deinit(&w);
}

Test(route, no_more_is_told_than_a_neighbour_takes)
{
    static struct heard heard[ROUTES_MAX];
    static char areas[ROUTES_MAX][8];
    struct world w;
    init(&w);
    for (size_t i = 0; i < ROUTES_MAX; i++) {
        snprintf(areas[i], sizeof areas[i], "98%04zu", i);
        heard[i].area = areas[i];
    }
    tells_all(&w, "district", heard, ROUTES_MAX);
    cr_assert_eq(peer_of(&w, "district")->learned_count, ROUTES_MAX);
    Qiao__V1__Routes *routes = told(&w, "street-9");
    cr_expect_eq(routes->n_routes, ROUTES_MAX);
    qiao__v1__routes__free_unpacked(routes, NULL);
    deinit(&w);
}
