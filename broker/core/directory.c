#include "core/directory.h"

#include "core/explain.h"
#include "core/route.h"

#include "schema/link.pb-c.h"

#define PATH_MAX_NODES QIAO_HOPS_MAX

bool area_covers(const char *area, struct qiao_bytes code)
{
    size_t size = strlen(area);
    return code.size >= size && memcmp(code.data, area, size) == 0;
}

static bool is_below(const char *area, const char *above)
{
    return strlen(area) > strlen(above) && area_covers(above, qiao_bytes_from_string(area));
}

bool member_offers(const struct peer *member, struct qiao_bytes service)
{
    for (size_t i = 0; i < member->services_count; i++)
        if (qiao_bytes_equal(qiao_bytes_from_string(member->services[i]), service)) return true;
    return false;
}

bool directory_hole(const struct peer *peer, const char *way, struct qiao_bytes area)
{
    for (size_t i = 0; i < peer->learned_count; i++)
        if (peer->learned[i].hole && strlen(peer->learned[i].area) > strlen(way) && area_covers(peer->learned[i].area, area)) return true;
    return false;
}

/* ---- the sorted table ---- */

static void add_way(struct directory *d, struct route_way way)
{
    if (d->count == d->capacity) {
        d->capacity = d->capacity ? d->capacity * 2 : 32;
        d->ways = base_realloc(d->ways, d->capacity * sizeof *d->ways);
    }
    d->ways[d->count++] = way;
}

static int compare_ways(const void *a, const void *b)
{
    const struct route_way *left = a, *right = b;
    int order = strcmp(left->service, right->service);
    if (order == 0) order = strcmp(left->area, right->area);
    if (order == 0) order = strcmp(left->peer->name, right->peer->name);
    return order ? order : (left->learned != NULL) - (right->learned != NULL);
}

static void add_hole(struct directory *d, const char *area)
{
    if (d->holes_count == d->holes_capacity) {
        d->holes_capacity = d->holes_capacity ? d->holes_capacity * 2 : 16;
        d->holes = base_realloc(d->holes, d->holes_capacity * sizeof *d->holes);
    }
    d->holes[d->holes_count++] = area;
}

static int compare_holes(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static void sort_holes(struct directory *d)
{
    size_t kept = 0;
    if (d->holes_count > 0) qsort(d->holes, d->holes_count, sizeof *d->holes, compare_holes);
    for (size_t i = 0; i < d->holes_count; i++)
        if (kept == 0 || strcmp(d->holes[kept - 1], d->holes[i]) != 0) d->holes[kept++] = d->holes[i];
    d->holes_count = kept;
}

static void sort_ways(struct core *core)
{
    struct directory *d = &core->directory;
    if (!d->stale) return;
    d->stale = false;
    d->count = d->holes_count = 0;
    for (size_t i = 0; i < core->links_count; i++) {
        struct peer *peer = &core->peers[i];
        if (peer == core->waiting) continue;
        add_way(d, (struct route_way){ peer->role == LINK_ROLE_PARENT_NODE ? "" : peer->area, "", peer, NULL });
        for (size_t k = 0; k < peer->learned_count; k++) {
            if (peer->learned[k].hole) add_hole(d, peer->learned[k].area);
            else add_way(d, (struct route_way){ peer->learned[k].area, peer->learned[k].service, peer, &peer->learned[k] });
        }
    }
    sort_holes(d);
    if (d->count > 0) qsort(d->ways, d->count, sizeof *d->ways, compare_ways);
    for (d->areas = 0; d->areas < d->count && d->ways[d->areas].service[0] == '\0';) d->areas++;
}

static int compare_text(const char *text, struct qiao_bytes bytes)
{
    size_t size = strlen(text), common = size < bytes.size ? size : bytes.size;
    int order = common ? memcmp(text, bytes.data, common) : 0;
    return order ? order : (size > bytes.size) - (size < bytes.size);
}

static const char *key_of(const struct route_way *way, bool service) { return service ? way->service : way->area; }

static const struct route_way *find(const struct directory *d, size_t low, size_t end, struct qiao_bytes key, bool service, size_t *ret_count)
{
    size_t high = end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_text(key_of(&d->ways[middle], service), key) < 0) low = middle + 1;
        else high = middle;
    }
    *ret_count = 0;
    while (low + *ret_count < end && compare_text(key_of(&d->ways[low + *ret_count], service), key) == 0) ++*ret_count;
    return d->ways + low;
}

const struct route_way *directory_area(struct core *core, struct qiao_bytes area, size_t *ret_count)
{
    sort_ways(core);
    return find(&core->directory, 0, core->directory.areas, area, false, ret_count);
}

const struct route_way *directory_areas(struct core *core, size_t *ret_count)
{
    sort_ways(core);
    *ret_count = core->directory.areas;
    return core->directory.ways;
}

const struct route_way *directory_service(struct core *core, struct qiao_bytes service, size_t *ret_count)
{
    sort_ways(core);
    return find(&core->directory, core->directory.areas, core->directory.count, service, true, ret_count);
}

void directory_changed(struct core *core)
{
    core->directory.stale = true;
    core->directory.version++;
    core->route_key.size = 0;
    explain_routes_changed(core);
    if (core->directory.due_ms == LINK_NEVER) core->directory.due_ms = core->now_ms;
}

/* ---- as bytes ---- */

static void put_path(struct buf *buf, const char *path)
{
    while (*path) {
        size_t size = strcspn(path, " ");
        pb_put_bytes(buf, 2, qiao_bytes(path, size));
        path += size;
        path += *path == ' ';
    }
}

/* first: the path's first node, NULL: it stands in path. */
static void put_one(struct buf *out, const char *first, const struct learned *l)
{
    buf_auto one = { 0 };
    pb_put_string(&one, 1, l->area);
    if (first) pb_put_string(&one, 2, first);
    put_path(&one, l->path);
    pb_put_string(&one, 3, l->service);
    pb_put_varint(&one, 4, l->hole);
    pb_put_varint(&one, 5, l->withdrawn);
    if (out->size + one.size > ROUTES_SIZE_MAX - 64) return;
    pb_put_bytes_head(out, 1, one.size);
    buf_append(out, one.data, one.size);
}

/* ---- what comes in ---- */

static bool in_path(const char *path, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = path; *at; at += strcspn(at, " "), at += *at == ' ')
        if (strcspn(at, " ") == size && memcmp(at, name, size) == 0) return true;
    return false;
}

static bool is_believed(const struct core *core, const struct peer *peer, const struct learned *l)
{
    bool own = area_covers(peer->area, qiao_bytes_from_string(l->area)), child = peer->role == LINK_ROLE_CHILD_NODE;
    if (l->hole) return l->area[0] && strcmp(l->area, peer->area) != 0 && !area_covers(l->area, qiao_bytes_from_string(core->area)); /* only its own ways are the fewer for it */
    if (l->service[0]) return l->area[0] && (!child || own);
    if (strcmp(l->area, core->area) == 0) return false;
    return !child || !area_covers(l->area, qiao_bytes_from_string(core->area));
}

static bool name_ok(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size <= QIAO_NAME_SIZE_MAX && !strchr(name, ' ');
}

static bool read_path(const Qiao__V1__Route *route, const struct peer *peer, struct learned *l)
{
    buf_auto path = { 0 };
    if (route->n_path == 0 || route->n_path > PATH_MAX_NODES || strcmp(route->path[0], peer->name) != 0) return false;
    for (size_t i = 0; i < route->n_path; i++) {
        if (!name_ok(route->path[i])) return false;
        if (i > 0) buf_append(&path, " ", 1);
        buf_append(&path, route->path[i], strlen(route->path[i]));
    }
    buf_append(&path, "", 1);
    l->path = base_strdup((const char *)path.data);
    l->length = (uint8_t)route->n_path;
    return true;
}

/* False: the neighbour breaks the form; what is merely not believed is left out. */
static bool read_route(const struct core *core, const struct peer *peer, const Qiao__V1__Route *route, struct learned *l, bool *ret_believed)
{
    size_t area = strlen(route->area), service = strlen(route->service);
    *l = (struct learned){ .hole = route->hole, .withdrawn = route->withdrawn };
    if (area > QIAO_AREA_SIZE_MAX || service > QIAO_SERVICE_SIZE_MAX || !read_path(route, peer, l)) return false;
    memcpy(l->area, route->area, area);
    memcpy(l->service, route->service, service);
    *ret_believed = is_believed(core, peer, l) && !in_path(l->path, core->node);
    return true;
}

static bool is_same(const struct learned *a, const struct learned *b)
{
    return a->hole == b->hole && strcmp(a->area, b->area) == 0 && strcmp(a->service, b->service) == 0;
}

/* What the neighbour told before and tells no more. */
static void keep_withdrawn(struct learned *old, struct learned *fresh, size_t *count)
{
    bool told = old->hole || *count >= ROUTES_MAX;
    for (size_t i = 0; i < *count && !told; i++) told = is_same(old, &fresh[i]);
    if (told) {
        free(old->path);
        return;
    }
    fresh[*count] = *old;
    fresh[(*count)++].withdrawn = true;
}

static void replace(struct core *core, struct peer *peer, struct learned *fresh, size_t count)
{
    for (size_t i = 0; i < peer->learned_count; i++) keep_withdrawn(&peer->learned[i], fresh, &count);
    free(peer->learned);
    peer->learned = fresh;
    peer->learned_count = count;
    directory_changed(core);
}

static void hear_of_graph(struct core *core)
{
    uint8_t yes = 1;
    struct key key = { .bytes = { 'G', 'g' }, .size = 2 };
    if (core->graph) return;
    core->graph = true;
    core_trace(core, "%s = the federation is a graph", core->node);
    batch_put(core, &key, qiao_bytes(&yes, 1));
}

/* False: it breaks the form. What it told before is taken over as far as it is still told, or withdrawn. */
static bool take(struct core *core, struct peer *peer, struct qiao_bytes payload, bool live)
{
    Qiao__V1__Routes *routes = payload.size <= ROUTES_SIZE_MAX && pb_depth_ok(payload) ? qiao__v1__routes__unpack(&core->arena.protobuf, payload.size, payload.data) : NULL;
    bool sound = routes && routes->n_routes <= ROUTES_MAX;
    struct learned *fresh = sound ? base_zalloc((routes->n_routes + peer->learned_count + 1) * sizeof *fresh) : NULL;
    size_t count = 0;
    for (size_t i = 0; sound && i < routes->n_routes; i++) {
        bool believed = false;
        sound = read_route(core, peer, routes->routes[i], &fresh[count], &believed);
        if (sound && believed) count++;
        else free(fresh[count].path);
    }
    if (!sound) {
        for (size_t i = 0; i < count; i++) free(fresh[i].path);
        free(fresh);
        return false;
    }
    if (routes->graph) hear_of_graph(core);
    if (live) areas_heard(core, peer, qiao_bytes(routes->areas.data, routes->areas.len));
    replace(core, peer, fresh, count);
    return true;
}

static struct key key_routes(const struct peer *peer)
{
    struct key key = { .bytes = { 'G', 'l' }, .size = 4 };
    put_u16(key.bytes + 2, peer->number);
    return key;
}

/* With what was withdrawn: after a restart too the area is known to exist. */
static void save(struct core *core, const struct peer *peer)
{
    buf_auto all = { 0 };
    struct key key = key_routes(peer);
    for (size_t i = 0; i < peer->learned_count; i++) put_one(&all, NULL, &peer->learned[i]);
    batch_put(core, &key, buf_bytes(&all));
}

void directory_take(struct core *core, struct connection *c, struct qiao_bytes payload)
{
    arena_reset(&core->arena);
    if (!c->peer || c->peer->member || !take(core, c->peer, payload, true)) {
        core->counters.rejected_frames++;
        connection_drop(core, c, QIAO_CODE_FRAME_BODY, "routes are not valid");
        return;
    }
    core_trace(core, "%s < %s: %zu routes", core->node, c->peer->name, c->peer->learned_count);
    save(core, c->peer);
}

/* What a neighbour told before this node stopped counts until it says otherwise. */
bool directory_load(struct core *core)
{
    struct qiao_bytes value;
    for (size_t i = 0; i < core->links_count; i++) {
        struct key key = key_routes(&core->peers[i]);
        arena_reset(&core->arena);
        if (store_get(core->store, key_bytes(&key), &value) && !take(core, &core->peers[i], value, false)) return false;
    }
    return true;
}

/* ---- what goes out ---- */

/* What is too much is left out: the neighbour would take all of it for a broken frame. */
static void put_route(struct core *core, struct buf *out, const char *area, const char *path, const char *service, bool hole)
{
    struct learned l = { .hole = hole, .path = (char *)(uintptr_t)path };
    if (core->directory.told == ROUTES_MAX) return;
    core->directory.told++;
    memcpy(l.area, area, strlen(area));
    memcpy(l.service, service, strlen(service));
    put_one(out, core->node, &l);
}

static const char *path_of(const struct peer *peer, const struct learned *learned)
{
    return learned ? learned->path : peer->name;
}

/* The way that is told of: the one this node would take itself, and that does not lead through the neighbour. The neighbour whose area is
 * around it is told of another way than through itself: it may not know that it exists. */
static bool way_to_tell(struct core *core, const struct peer *to, struct qiao_bytes area, struct route_candidate *ret_way)
{
    struct route_candidates found;
    route_candidates(core, area, area_covers(to->area, area) ? to : NULL, &found);
    *ret_way = found.items[0];
    if (found.count == 0 || ret_way->reason != ROUTE_IS_CHOSEN || ret_way->peer == to || ret_way->length >= PATH_MAX_NODES) return false;
    return !in_path(path_of(ret_way->peer, ret_way->learned), to->name);
}

static void put_area(struct core *core, const struct peer *to, const char *area, struct buf *out)
{
    struct route_candidate way;
    struct qiao_bytes code = qiao_bytes_from_string(area);
    if (!way_to_tell(core, to, code, &way) || way.prefix != code.size) return;
    if (area[0] == '\0' && !way.learned) return; /* where it ends is not known: it could end here */
    put_route(core, out, area, path_of(way.peer, way.learned), "", false);
}

static bool is_told(const struct core *core, const struct peer *to, const char *area)
{
    return strcmp(area, core->area) != 0 && strcmp(area, to->area) != 0 && (to->role != LINK_ROLE_PARENT_NODE || area[0] != '\0');
}

/* Does this node tell of an area around it? What lies around the neighbour itself does not matter there: it knows better. */
static bool is_part(struct core *core, const struct peer *to, struct qiao_bytes area)
{
    size_t count, prefix = area_covers(to->area, area) ? strlen(to->area) + 1 : 1, own = strlen(core->area);
    if (own >= prefix && own < area.size && area_covers(core->area, area)) return true;
    for (; prefix < area.size; prefix++) {
        (void)directory_area(core, qiao_bytes(area.data, prefix), &count);
        if (count > 0) return true;
    }
    return false;
}

/* The parent knows that what lies below is reached from here: of that only what is reached on another way is told to it. */
static bool goes_without_saying(const struct core *core, const struct peer *to, const char *area, const struct route_candidate *way)
{
    return to->role == LINK_ROLE_PARENT_NODE && is_below(area, core->area) && way->length <= 1 && area_covers(way->peer->area, qiao_bytes_from_string(area));
}

/* An area that is told of stands for all that lies in it. A part that this node knows of and cannot reach, or only through this neighbour, is
 * taken out: a hole. To one that somebody else has taken out another way leads than to what is around it: that way is told, so that nobody
 * takes the path of the whole for its own. */
static void put_part(struct core *core, const struct peer *to, const char *area, bool somebodys_hole, struct buf *out)
{
    struct route_candidate way;
    struct qiao_bytes code = qiao_bytes_from_string(area);
    if (!way_to_tell(core, to, code, &way)) put_route(core, out, area, "", "", true);
    else if ((way.prefix == code.size || somebodys_hole) && !goes_without_saying(core, to, area, &way)) put_route(core, out, area, path_of(way.peer, way.learned), "", false);
}

static void put_one_area(struct core *core, const struct peer *to, const char *area, bool somebodys_hole, struct buf *out)
{
    if (!is_told(core, to, area)) return;
    if (is_part(core, to, qiao_bytes_from_string(area))) put_part(core, to, area, somebodys_hole, out);
    else put_area(core, to, area, out);
}

static bool has_parent(const struct core *core)
{
    for (size_t i = 0; i < core->links_count; i++)
        if (core->peers[i].role == LINK_ROLE_PARENT_NODE) return true;
    return false;
}

/* All that have a way or a hole, in order. */
static void put_areas(struct core *core, const struct peer *to, struct buf *out)
{
    size_t count, hole = 0;
    if (to->role == LINK_ROLE_CHILD_NODE && !has_parent(core)) put_route(core, out, "", "", "", false); /* the root */
    (void)directory_area(core, qiao_bytes("", 0), &count); /* sorts */
    const struct directory *d = &core->directory;
    put_route(core, out, core->area, "", "", false);
    for (size_t i = 0; i < d->areas; i++) {
        const char *area = d->ways[i].area;
        if (i > 0 && strcmp(area, d->ways[i - 1].area) == 0) continue;
        for (; hole < d->holes_count && strcmp(d->holes[hole], area) < 0; hole++) put_one_area(core, to, d->holes[hole], true, out);
        bool somebodys_hole = hole < d->holes_count && strcmp(d->holes[hole], area) == 0;
        put_one_area(core, to, area, somebodys_hole, out);
        hole += somebodys_hole;
    }
    for (; hole < d->holes_count; hole++) put_one_area(core, to, d->holes[hole], true, out);
}

static bool is_offered_before(const struct core *core, const struct peer *member, const char *service)
{
    for (const struct peer *p = core->peers + core->links_count; p < member; p++)
        if (member_offers(p, qiao_bytes_from_string(service))) return true;
    return false;
}

/* A provider behind a link that is down is still the nearest: what is sent to it waits. Only its own node withdraws it. So links that are
 * down count here as others do: around them neighbours would pass ways on that end at the same link, and change them for ever. */
static bool is_shorter(const struct route_way *a, const struct route_way *b)
{
    return !b || a->learned->length < b->learned->length;
}

/* The shortest of the ways to one service in one area. */
static const struct route_way *shortest(const struct directory *d, size_t *at, const struct peer *to)
{
    const struct route_way *best = NULL, *first = &d->ways[*at];
    for (; *at < d->count && strcmp(d->ways[*at].service, first->service) == 0 && strcmp(d->ways[*at].area, first->area) == 0; ++*at) {
        const struct route_way *way = &d->ways[*at];
        bool usable = way->peer != to && !way->learned->withdrawn && way->learned->length < PATH_MAX_NODES && !in_path(way->learned->path, to->name);
        if (usable && is_shorter(way, best)) best = way;
    }
    return best;
}

static void put_services(struct core *core, const struct peer *to, struct buf *out)
{
    const struct directory *d = &core->directory;
    for (size_t i = core->links_count; i < core->peers_count; i++)
        for (size_t k = 0; k < core->peers[i].services_count; k++)
            if (!is_offered_before(core, &core->peers[i], core->peers[i].services[k])) put_route(core, out, core->area, "", core->peers[i].services[k], false);
    for (size_t i = d->areas; i < d->count;) {
        const struct route_way *way = shortest(d, &i, to);
        bool below = way && area_covers(core->area, qiao_bytes_from_string(way->area));
        if (way && (below || to->role == LINK_ROLE_PEER_NODE) && strcmp(way->area, core->area) != 0) put_route(core, out, way->area, way->learned->path, way->service, false);
    }
}

static void tell(struct core *core, struct peer *peer)
{
    buf_auto out = { 0 };
    core->directory.told = 0;
    if (core->graph) put_areas(core, peer, &out);
    if (peer->role != LINK_ROLE_CHILD_NODE) put_services(core, peer, &out);
    pb_put_varint(&out, 2, core->graph);
    if (core->config.areas.table) pb_put_bytes(&out, 3, qiao_bytes(core->area_version, sizeof core->area_version));
    if (qiao_bytes_equal(buf_bytes(&out), buf_bytes(&peer->told))) return;
    link_send_frame(&peer->out->link, FRAME_ROUTES, buf_bytes(&out), core->now_ms, connection_out(core, peer->out));
    core_trace(core, "%s > %s: routes", core->node, peer->name);
    peer->told.size = 0;
    buf_append(&peer->told, out.data, out.size);
    peer->told_at_ms = core->now_ms;
}

void directory_tick(struct core *core)
{
    struct directory *d = &core->directory;
    size_t count;
    if (d->due_ms > core->now_ms) return;
    (void)directory_area(core, qiao_bytes("", 0), &count); /* sorts */
    d->due_ms = LINK_NEVER;
    for (size_t i = 0; i < core->links_count; i++) {
        struct peer *peer = &core->peers[i];
        if (!peer->out || peer->out->closing || !(peer->out->link.peer.features & LINK_FEATURE_ROUTES)) continue;
        uint64_t at = peer->told_at_ms ? peer->told_at_ms + ROUTES_INTERVAL_MS : 0;
        if (at <= core->now_ms) tell(core, peer);
        else if (at < d->due_ms) d->due_ms = at;
    }
}

void directory_init(struct core *core)
{
    struct qiao_bytes value;
    core->directory = (struct directory){ .stale = true, .due_ms = LINK_NEVER };
    for (size_t i = 0; i < core->links_count; i++) core->graph |= &core->peers[i] != core->waiting && core->peers[i].role == LINK_ROLE_PEER_NODE;
    core->graph |= store_get(core->store, qiao_bytes("Gg", 2), &value);
}

void directory_deinit(struct core *core)
{
    free(core->directory.ways);
    free(core->directory.holes);
    for (size_t i = 0; i < core->links_count; i++) {
        struct peer *peer = &core->peers[i];
        for (size_t k = 0; k < peer->learned_count; k++) free(peer->learned[k].path);
        free(peer->learned);
        buf_deinit(&peer->told);
    }
}
