/* Building the state of a node from its configuration and its store, and taking it down. */
#include "core/directory.h"
#include "core/explain.h"
#include "core/held.h"
#include "core/kept.h"
#include "core/lanes.h"
#include "core/order.h"
#include "core/sets.h"

#include <stdio.h>

static void load_incarnation(struct core *core)
{
    struct key key = key_named('M', "incarnation");
    struct qiao_bytes value;
    if (store_get(core->store, key_bytes(&key), &value) && value.size == 8) {
        core->incarnation = get_u64(value.data);
        return;
    }
    core->incarnation = prng_next(&core->prng) | 1;
    batch_put_number(core, &key, core->incarnation);
}

/* False if it is not one, or lacks although the store is not new: an older version wrote it. */
static bool load_secret(struct core *core)
{
    struct key key = key_named('M', "secret"), incarnation = key_named('M', "incarnation");
    struct qiao_bytes value;
    if (!store_get(core->store, key_bytes(&key), &value) && store_get(core->store, key_bytes(&incarnation), &value)) return false;
    bool kept = store_get(core->store, key_bytes(&key), &value);
    if (kept && value.size != sizeof core->secret) return false;
    memcpy(core->secret, kept ? value.data : core->config.secret, sizeof core->secret);
    if (!kept) batch_put(core, &key, qiao_bytes(core->secret, sizeof core->secret));
    return true;
}

struct numbers {
    uint16_t last;
};

static bool visit_number(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    (void)key;
    struct numbers *numbers = context;
    if (value.size == 2 && get_u16(value.data) > numbers->last) numbers->last = get_u16(value.data);
    return true;
}

/* Peers keep their number when the configuration changes: keys of queues are made of it. */
static int number_peers(struct core *core)
{
    struct numbers numbers = { 0 };
    store_scan(core->store, qiao_bytes("P", 1), qiao_bytes("Q", 1), visit_number, &numbers);
    for (size_t i = 0; i < core->peers_count; i++) {
        struct peer *peer = &core->peers[i];
        char name[QIAO_NAME_SIZE_MAX + 16];
        snprintf(name, sizeof name, "%s/%s", peer->member ? "member" : "node", peer->name);
        struct key key = key_named('P', name);
        struct qiao_bytes value;
        if (store_get(core->store, key_bytes(&key), &value)) {
            if (value.size != 2) return STORE_CORRUPT;
            peer->number = get_u16(value.data);
            continue;
        }
        if (numbers.last == PEER_NUMBER_MAX) return STORE_CORRUPT;
        uint8_t number[2];
        peer->number = ++numbers.last;
        put_u16(number, peer->number);
        batch_put(core, &key, qiao_bytes(number, sizeof number));
    }
    return 0;
}

/* A client without a durable outbox is a new stream each time it starts. Its watermarks are no longer needed once nothing of it
 * can come again; message ids catch what comes all the same. */
#define STREAM_KEPT_MS (35ull * 24 * 3600 * 1000)

static bool visit_received(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct core *core = context;
    struct key copy = { .size = key.size };
    if (key.size > sizeof copy.bytes || (value.size != 16 && value.size != WATERMARK_SIZE) || get_u64(value.data + 8) + STREAM_KEPT_MS > core->wall_ms) return true;
    memcpy(copy.bytes, key.data, key.size);
    batch_remove(core, &copy);
    return true;
}

static void forget_old_streams(struct core *core)
{
    store_scan(core->store, qiao_bytes("W", 1), qiao_bytes("X", 1), visit_received, core);
}

static char **copy_texts(char *const *texts, size_t count)
{
    char **copy = base_zalloc(count * sizeof *copy);
    for (size_t i = 0; i < count; i++) copy[i] = base_strdup(texts[i]);
    return copy;
}

static void copy_peer(struct core *core, struct peer *peer, const struct core_peer_config *config)
{
    peer->name = base_strdup(config->name);
    peer->member = config->member;
    peer->org = config->org ? base_strdup(config->org) : NULL;
    peer->area = base_strdup(config->member || !config->area ? core->area : config->area);
    peer->role = config->member ? LINK_ROLE_MEMBER_ONLY : config->role;
    peer->file = config->file ? base_strdup(config->file) : NULL;
    peer->line = config->line;
    peer->org_type = config->org_type;
    peer->drills = config->drills;
    peer->drain.own_limit = config->drain_messages_per_s;
    peer->since_ms = core->wall_ms;
    peer->down_since_ms = core->now_ms;
    peer->services_count = config->services_count;
    peer->services = copy_texts(config->services, config->services_count);
    peer->seats_count = config->seats_count;
    peer->seats = copy_texts(config->seats, config->seats_count);
    if (peer->member)
        address_write(&peer->address, qiao_bytes_from_string(core->area), qiao_bytes_from_string(peer->name), qiao_bytes(NULL, 0));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct peer *)a)->name, ((const struct peer *)b)->name);
}

static void copy_peers(struct core *core, const struct core_config *config)
{
    static const struct core_peer_config waiting = { .name = CORE_WAITING_NAME, .area = "" };
    core->peers_count = config->peers_count + 1;
    core->peers = base_zalloc(core->peers_count * sizeof *core->peers);
    size_t at = 0;
    for (int members = 0; members < 2; members++) {
        for (size_t i = 0; i < config->peers_count; i++)
            if (config->peers[i].member == (members == 1)) copy_peer(core, &core->peers[at++], &config->peers[i]);
        if (members) continue;
        core->waiting = &core->peers[at];
        copy_peer(core, &core->peers[at++], &waiting);
        core->links_count = at;
    }
    qsort(core->peers + core->links_count, at - core->links_count, sizeof *core->peers, by_name);
    core->targets = base_zalloc(at * sizeof(struct peer *));
}

static const char damaged[] = "the store's list of peers, their queues, the register of organisations, the changes of the table of areas, the audit log or the log of "
                              "decisions is damaged: qiaod --check-store tells more";
static const char older[] = "the store was written by an older version, which told messages apart in another way: let its queues run empty with that version, then begin a new store";

int core_new(const struct core_config *config, struct store *store, uint64_t now_ms, uint64_t wall_ms, struct core **ret_core, char *reterr_text, size_t reterr_size)
{
    struct core *core = base_zalloc(sizeof *core);
    core->config = *config;
    core->store = store;
    core->now_ms = now_ms;
    core->wall_ms = core->started_ms = wall_ms;
    core->node = base_strdup(config->node);
    core->area = base_strdup(config->area);
    core->dead_letter_contact = base_strdup(config->dead_letter_contact ? config->dead_letter_contact : config->node);
    core->areas_triage = config->areas.triage ? base_strdup(config->areas.triage) : NULL;
    core->configuration = base_strdup(config->configuration ? config->configuration : "");
    kept_set_most(core, config->kept_headers);
    prng_init(&core->prng, config->seed);
    arena_init(&core->arena, 2 * QIAO_FRAME_SIZE_MAX);
    copy_peers(core, config);
    for (int i = 0; i < 2; i++) {
        batch_init(&core->batches[i], core->peers_count);
        core->batches[i].seen.seed = core->awaited.seed = core->copied.seed = core->batches[i].attachments.places.seed = prng_next(&core->prng);
    }
    load_incarnation(core);
    directory_init(core);
    jobs_load_keys(core);
    int result = number_peers(core);
    bool has_secret = load_secret(core);
    if (!has_secret || !audit_load(core)) result = STORE_CORRUPT;
    quarantine_load(core);
    dead_load(core);
    bundle_load(core);
    if (result == 0 && !directory_load(core)) result = STORE_CORRUPT;
    if (result == 0) order_load(core);
    if (result == 0 && !org_load(core)) result = STORE_CORRUPT;
    if (result == 0 && !areas_load(core)) result = STORE_CORRUPT;
    if (result == 0 && !explain_load(core)) result = STORE_CORRUPT;
    core->config.version = NULL; /* taken over */
    if (result == 0 && !held_load(core)) result = STORE_CORRUPT;
    forget_old_streams(core);
    for (size_t i = 0; result == 0 && i < core->peers_count; i++)
        for (unsigned lane = 0; lane < LINK_LANES; lane++)
            if (!queue_load(core, &core->peers[i], lane)) result = STORE_CORRUPT;
    if (result == 0) lanes_load(core);
    if (result == 0 && !attach_load(core)) result = STORE_CORRUPT;
    if (result != 0) {
        snprintf(reterr_text, reterr_size, "%s", has_secret ? damaged : older);
        core_free(core);
        return result;
    }
    *ret_core = core;
    return 0;
}

static void free_peer(struct peer *peer)
{
    free(peer->name);
    free(peer->area);
    free(peer->org);
    free(peer->file);
    free(peer->held);
    for (size_t i = 0; i < peer->services_count; i++) free(peer->services[i]);
    for (size_t i = 0; i < peer->seats_count; i++) free(peer->seats[i]);
    free(peer->services);
    free(peer->seats);
    buf_deinit(&peer->address);
    for (unsigned lane = 0; lane < LINK_LANES; lane++) {
        struct queue *q = &peer->queues[lane];
        for (uint32_t i = 0; i < q->flights_count; i++) free(q->flights[(q->flights_first + i) % q->flights_capacity].bits);
        free(q->flights);
    }
    while (peer->streams) {
        struct stream *next = peer->streams->next;
        stream_free(peer->streams);
        peer->streams = next;
    }
}

static void free_connections(struct core *core)
{
    for (size_t i = 0; i < core->connections_capacity; i++) {
        struct connection *c = core->connections[i];
        if (!c) continue;
        jobs_forget(core, c);
        if (c->started) link_deinit(&c->link);
        if (c->bundle) bundle_free(core, c);
        buf_deinit(&c->out);
        free(c->dialled);
        free(c);
    }
    free(core->connections);
    free(core->dirty);
}

struct core *core_free(struct core *core)
{
    if (!core) return NULL;
    free_connections(core);
    directory_deinit(core);
    order_deinit(core);
    attach_deinit(core);
    for (size_t i = 0; i < core->peers_count; i++) free_peer(&core->peers[i]);
    for (size_t i = 0; i < core->receipts_capacity; i++) {
        buf_deinit(&core->receipts[i].destination);
        buf_deinit(&core->receipts[i].recipient);
        buf_deinit(&core->receipts[i].outcomes);
    }
    for (struct core_job *job; (job = core_next_job(core));) core_job_free(job);
    id_set_deinit(&core->known_keys);
    ask_deinit(core);
    ask_way_deinit(core);
    explain_deinit(core);
    buf_deinit(&core->proof);
    registry_free(core->registry);
    areas_deinit(core);
    free(core->receipts);
    free(core->peers);
    free(core->targets);
    sets_deinit(core);
    for (int i = 0; i < 2; i++) batch_deinit(&core->batches[i]);
    buf_deinit(&core->route_key);
    buf_deinit(&core->scratch);
    arena_deinit(&core->arena);
    buf_deinit(&core->redirected);
    kept_deinit(core);
    held_deinit(core);
    lanes_deinit(core);
    free(core->configuration);
    policy_free(core->config.policy);
    rules_free(core->config.rules);
    free(core->node);
    free(core->area);
    free(core->dead_letter_contact);
    dead_stored(core, DEAD_ALL);
    buf_deinit(&core->dead_owner);
    buf_deinit(&core->dead_told);
    free(core->areas_triage);
    buf_deinit(&core->rerouted_address);
    free(core);
    return NULL;
}
