/* What cannot be understood or answered is kept as it came, for people to look at; the oldest gives way. */
#include "core/state.h"

/* Messages kept. A peer that sends nothing but rubbish must not fill the disk. */
#define QUARANTINE_MAX 1000u

static bool count_one(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    (void)key;
    (void)value;
    ++*(size_t *)context;
    return true;
}

void quarantine_load(struct core *core)
{
    store_scan(core->store, qiao_bytes("X", 1), qiao_bytes("Y", 1), count_one, &core->quarantined);
}

static bool remove_one(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct core *core = context;
    struct key copy = { .size = key.size };
    (void)value;
    memcpy(copy.bytes, key.data, key.size);
    batch_remove(core, &copy);
    core->quarantine_after = copy;
    core->quarantined--;
    return core->quarantined >= QUARANTINE_MAX;
}

/* Keys are 'X' and a fresh id, so order of keys is order of time. */
void quarantine_add(struct core *core, struct qiao_bytes raw)
{
    static const char withheld[] = "not kept: it could be marked secret (secret_markers of the policy)";
    if (core->config.policy && policy_may_be_secret(core->config.policy, raw)) raw = qiao_bytes(withheld, sizeof withheld - 1);
    struct qiao_id id = core_new_id(core);
    struct key key = key_origin(&id);
    key.bytes[0] = 'X';
    batch_put(core, &key, raw);
    audit_put_aside(core, raw);
    if (++core->quarantined <= QUARANTINE_MAX) return;
    /* Begin behind what was removed last: the store still shows it until the batch is stored. */
    struct key from = core->quarantine_after;
    if (from.size == 0) from.bytes[from.size] = 'X';
    from.size++;
    store_scan(core->store, key_bytes(&from), qiao_bytes("Y", 1), remove_one, core);
}
