/* Outcomes of whom this node's table of areas does not know. Mail for a voided area goes to the one that took over as soon as some node on
 * its way has heard of that; the sender's node may hear of it later than of the outcome, and until then may not believe it: anybody could
 * say so. So the receipt is kept, and judged again when the table is another one.
 *
 * 'V' 'o' id(16): the receipt as it came, with a proof that stands alone. */
#include "core/state.h"

/* The oldest give way. */
#define DOUBTS_MAX 1024u
/* Looked at in one tick: each has a signature to be checked. */
#define A_TICK 64u

static struct key key_of(const struct qiao_id *id)
{
    struct key key = { .bytes = { 'V', 'o' }, .size = 2 + QIAO_ID_SIZE };
    memcpy(key.bytes + 2, id->bytes, QIAO_ID_SIZE);
    return key;
}

struct some {
    struct qiao_id ids[A_TICK];
    size_t count, most;
};

static bool take_id(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct some *some = context;
    (void)value;
    if (key.size == 2 + QIAO_ID_SIZE) memcpy(some->ids[some->count++].bytes, key.data + 2, QIAO_ID_SIZE);
    return some->count < some->most;
}

/* In order of their ids, from this one on. */
static struct some some_from(struct core *core, const struct qiao_id *id, size_t most)
{
    struct some some = { .most = most };
    struct key from = key_of(id);
    store_scan(core->store, key_bytes(&from), qiao_bytes("Vp", 2), take_id, &some);
    return some;
}

void doubts_keep(struct core *core, const struct envelope *e, const struct origin *origin)
{
    struct key key = key_of(&e->header.id);
    struct qiao_bytes value;
    if (store_get(core->store, key_bytes(&key), &value)) return;
    if (core->doubts_count >= DOUBTS_MAX) {
        struct some oldest = some_from(core, &(struct qiao_id){ { 0 } }, 1);
        struct key gone = key_of(&oldest.ids[0]);
        if (oldest.count == 0) return; /* so many in one batch */
        batch_remove(core, &gone);
        core->doubts_count--;
    }
    receipt_put(core, &key, e, origin);
    core->doubts_count++;
}

/* True: still in doubt. What cannot be judged any more, since its signature is not taken or its member is gone, is not. */
static bool judge_again(struct core *core, struct qiao_bytes raw)
{
    struct envelope e;
    struct group_batch batch;
    buf_auto entry = { 0 };
    if (envelope_open(raw, &e) != QIAO_CODE_OK) return false;
    struct peer *member = route_member(core, e.header.destination.org);
    pb_put_bytes(&entry, 1, raw);
    if (!member || !group_open(core->config.seal, buf_bytes(&entry), 1, true, &batch)) return false;
    core->doubting = true;
    struct origin origin = { .form = ORIGIN_SINGLE, .batch = &batch };
    bool doubtful = batch.messages[0].code == QIAO_CODE_OK && recv_receipt(core, member, &e, &origin, false);
    core->doubting = false;
    group_batch_deinit(&batch);
    return doubtful;
}

static void look_at(struct core *core, const struct qiao_id *id)
{
    struct key key = key_of(id);
    struct qiao_bytes value;
    if (!store_get(core->store, key_bytes(&key), &value) || judge_again(core, value)) return;
    batch_remove(core, &key);
    if (core->doubts_count > 0) core->doubts_count--; /* the table may change again before it is off the disk */
}

static bool follows(struct qiao_id *id)
{
    for (size_t i = QIAO_ID_SIZE; i-- > 0;)
        if (++id->bytes[i] != 0) return true;
    return false;
}

void doubts_look(struct core *core)
{
    if (!core->doubts_due) return;
    struct some some = some_from(core, &core->doubts_at, A_TICK);
    for (size_t i = 0; i < some.count; i++) look_at(core, &some.ids[i]);
    core->doubts_due = some.count == A_TICK;
    if (some.count > 0) core->doubts_at = some.ids[some.count - 1];
    if (core->doubts_due) core->doubts_due = follows(&core->doubts_at);
}

void doubts_begin(struct core *core)
{
    core->doubts_due = core->doubts_count > 0;
    core->doubts_at = (struct qiao_id){ { 0 } };
}

static bool count_one(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    (void)key;
    (void)value;
    ++*(size_t *)context;
    return true;
}

void doubts_load(struct core *core)
{
    store_scan(core->store, qiao_bytes("Vo", 2), qiao_bytes("Vp", 2), count_one, &core->doubts_count);
    doubts_begin(core);
}
