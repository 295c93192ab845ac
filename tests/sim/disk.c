/* Disks made of arrays: a commit takes time, may find the disk full, and may be torn off by a crash. */
#include "sim.h"

static void seal(struct sim *sim, struct sim_node *node)
{
    node->committing = core_seal(node->core);
    if (node->committing) ways_sealed(sim, node);
    if (node->committing && core_prepare(node->core) < 0) sim_fail(sim, "%s cannot sign", node->name);
}

void disk_begin(struct sim *sim, struct sim_node *node)
{
    if (node->refused) return;
    seal(sim, node);
    if (!node->committing || node->hold_commits) return;
    uint64_t ms = node->disk_ms_min + sim_random(sim, node->disk_ms_max - node->disk_ms_min + 1);
    sim_at(sim, ms, SIM_COMMIT, node->index, node->life, 0);
}

void disk_commit(struct sim *sim, struct sim_node *node)
{
    struct store_stat stat;
    if (!node->committing && node->refused) seal(sim, node);
    node->refused = false;
    if (!node->committing) return;
    int result = store_commit(node->store, node->committing);
    if (result != STORE_OK && result != STORE_FULL) {
        sim_fail(sim, "%s: commit failed with %d", node->name, result);
        return;
    }
    if (result == STORE_OK) {
        sim->counts.commits++;
        checks_committed(sim, node, node->committing);
        ways_committed(sim, node, node->committing);
        node->committing = NULL;
    } else {
        node->committing = NULL;
        node->refused = true;
        sim_at(sim, 50 + sim_random(sim, 100), SIM_COMMIT, node->index, node->life, 0);
    }
    node->store->engine->stat(node->store, &stat);
    struct core_event event = { .type = CORE_STORED, .stored = result, .stat = &stat };
    node_step(sim, node, &event);
    node_settle(sim, node);
    if (node->stalled && node->core) node_settle(sim, node);
}

void disk_release(struct sim *sim, struct sim_node *node)
{
    node->hold_commits = false;
    if (node->committing) sim_at(sim, 1, SIM_COMMIT, node->index, node->life, 0);
}

void disk_crash(struct sim *sim, struct sim_node *node)
{
    bool durable = node->torn == SIM_TORN_DURABLE || (node->torn == SIM_TORN_BY_CHANCE && sim_chance(sim, 50));
    if (node->committing && durable && store_commit(node->store, node->committing) == STORE_OK) {
        checks_committed(sim, node, node->committing);
        ways_committed(sim, node, node->committing);
    }
    node->committing = NULL;
    node->refused = false;
    struct store_array_faults faults = *store_array_faults(node->store);
    struct store *survived = store_array_clone(node->store);
    assert(survived);
    store_close(node->store);
    node->store = survived;
    *store_array_faults(node->store) = faults;
}
