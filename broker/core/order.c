/* Order within a case when ways change. What goes where there may be other ways carries the id of the message before it of the same sender,
 * recipient, case and lane (schema Transit.after). The destination's node takes a message only when it has the one before, or knows how that
 * ended; what came too early waits on disk. By induction a member gets the messages of a case in the order in which their origin took them.
 * Messages to one area set are a chain as well; but who has joined it since never had the one before, so a notice waits for a minute at most.
 *
 * 'G' 'c' chain(16)                          origin: id of the last message
 * 'G' 'h' after(16) peer(2) id(16)           destination: when it came (8), tag of its source (4), the message as it came; empty: it has ended */
#include "core/order.h"

#include "base/siphash.h"

#include <qiao/client.h>

/* Messages that wait for one before them. More are delivered as they come, and people are told. */
#define HELD_BACK_MAX 4096u

#define HELD_HEAD_SIZE 12u
/* What is to an area set waits no longer. */
#define NOTICE_WAIT_MS 60000u

struct held_back {
    struct qiao_id after;          /* with its source (id_of_source) */
    struct qiao_id before;         /* the same without, while the store is loaded */
    uint16_t number;               /* of the member */
    struct key key;
    uint64_t since_ms;             /* time of day */
    bool notice;                   /* to an area set */
    bool ready;
};

/* ---- at the origin ---- */

static struct qiao_id chain_of(const struct core *core, const struct peer *member, const struct header *h)
{
    buf_auto words = { 0 };
    struct qiao_id chain;
    uint8_t head[5];
    put_u16(head, member->number);
    head[2] = (uint8_t)h->lane;
    head[3] = (uint8_t)h->destination.area.size;
    head[4] = (uint8_t)h->destination.org.size;
    buf_append(&words, head, sizeof head);
    buf_append(&words, h->destination.area.data, h->destination.area.size);
    buf_append(&words, h->destination.org.data, h->destination.org.size);
    buf_append(&words, h->case_id.data, h->case_id.size);
    put_u64(chain.bytes, siphash(core->secret, buf_bytes(&words)));
    buf_append(&words, "", 1);
    put_u64(chain.bytes + 8, siphash(core->secret, buf_bytes(&words)));
    return chain;
}

static bool last_of(struct core *core, const struct qiao_id *chain, const struct key *key, struct qiao_id *ret_last)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct chain_end *end = chain_set_find(&core->batches[core->filling ^ i].chains, chain);
        if (end) *ret_last = end->last;
        if (end) return true;
    }
    struct qiao_bytes value;
    if (!store_get(core->store, key_bytes(key), &value) || value.size != QIAO_ID_SIZE) return false;
    memcpy(ret_last->bytes, value.data, QIAO_ID_SIZE);
    return true;
}

void order_begin(struct core *core, const struct peer *member, const struct envelope *e)
{
    const struct header *h = &e->header;
    if (!core->note.shared || h->case_id.size == 0 || h->destination.service.size > 0) return;
    struct qiao_id chain = chain_of(core, member, h);
    struct key key = { .bytes = { 'G', 'c' }, .size = 2 + QIAO_ID_SIZE };
    memcpy(key.bytes + 2, chain.bytes, QIAO_ID_SIZE);
    if (last_of(core, &chain, &key, &core->after)) core->note.after = qiao_bytes(core->after.bytes, QIAO_ID_SIZE);
    chain_set_put(&core_batch(core)->chains, &chain, &h->id);
    batch_put(core, &key, qiao_bytes(h->id.bytes, QIAO_ID_SIZE));
}

/* ---- at the destination ---- */

static void await_all(struct core *core)
{
    static const uint8_t no_digest[FINGERPRINT_SIZE];
    id_set_clear(&core->awaited);
    for (size_t i = 0; i < core->held_back_count; i++) id_set_add(&core->awaited, &core->held_back[i].after, core->held_back[i].number, no_digest);
}

static void add(struct core *core, const struct held_back *h)
{
    if (core->held_back_count == core->held_back_capacity) {
        core->held_back_capacity = core->held_back_capacity ? core->held_back_capacity * 2 : 16;
        core->held_back = base_realloc(core->held_back, core->held_back_capacity * sizeof *core->held_back);
    }
    core->held_back[core->held_back_count++] = *h;
}

static bool is_held(const struct core *core, const struct key *key)
{
    for (size_t i = 0; i < core->held_back_count; i++)
        if (qiao_bytes_equal(key_bytes(&core->held_back[i].key), key_bytes(key))) return true;
    return false;
}

bool order_waits(const struct core *core, const struct qiao_id *id, uint16_t number)
{
    for (size_t i = 0; i < core->held_back_count; i++)
        if (core->held_back[i].number == number && memcmp(core->held_back[i].key.bytes + 20, id->bytes, QIAO_ID_SIZE) == 0) return true;
    return false;
}

static bool is_notice_to_set(const struct envelope *e)
{
    struct qiao_bytes root;
    return address_is_set(&e->header.destination, &root);
}

void order_hold(struct core *core, const struct peer *member, const struct envelope *e, const struct qiao_id *after, uint32_t tag, bool ended)
{
    buf_auto value = { 0 };
    uint8_t head[HELD_HEAD_SIZE];
    struct held_back h = { .after = *after, .number = member->number, .since_ms = core->wall_ms, .key = { .bytes = { 'G', 'h' }, .size = 36 } };
    memcpy(h.key.bytes + 2, after->bytes, QIAO_ID_SIZE);
    put_u16(h.key.bytes + 18, member->number);
    memcpy(h.key.bytes + 20, e->header.id.bytes, QIAO_ID_SIZE);
    if (is_held(core, &h.key)) return;
    h.notice = is_notice_to_set(e);
    put_u64(head, core->wall_ms);
    put_u32(head + 8, tag);
    buf_append(&value, head, sizeof head);
    if (!ended) buf_append(&value, e->raw.data, e->raw.size);
    batch_put(core, &h.key, buf_bytes(&value));
    core_trace(core, "%s = a message for %s waits for the one before it", core->node, member->name);
    add(core, &h);
    await_all(core);
}

bool order_is_full(const struct core *core)
{
    return core->held_back_count >= HELD_BACK_MAX;
}

void order_came(struct core *core, const struct qiao_id *whose, uint16_t number)
{
    if (core->held_back_count == 0 || !id_set_find(&core->awaited, whose, number)) return;
    for (size_t i = 0; i < core->held_back_count; i++)
        core->held_back[i].ready |= core->held_back[i].number == number && qiao_id_equal(&core->held_back[i].after, whose);
}

/* False: not on disk yet. */
static bool release(struct core *core, const struct held_back *h, bool in_order)
{
    struct qiao_bytes value;
    struct envelope e;
    struct peer *member = NULL;
    for (size_t i = core->links_count; i < core->peers_count; i++)
        if (core->peers[i].number == h->number) member = &core->peers[i];
    if (!store_get(core->store, key_bytes(&h->key), &value)) return false;
    struct qiao_bytes raw = qiao_bytes(value.data + HELD_HEAD_SIZE, value.size - HELD_HEAD_SIZE);
    struct qiao_id own;
    memcpy(own.bytes, h->key.bytes + 20, QIAO_ID_SIZE);
    own = id_of_source(&own, get_u32(value.data + 8));
    if (raw.size > 0 && member && envelope_open(raw, &e) != QIAO_CODE_MALFORMED) {
        if (!in_order) core_notice(core, "order given up", member->name, QIAO_CODE_OK, "the message before it in its case has not come in time");
        accept_held_back(core, &e, member);
    }
    order_came(core, &own, h->number); /* it has come: now, or as another copy before; or it has ended */
    batch_remove(core, &h->key);
    return true;
}

static bool is_late(const struct core *core, const struct held_back *h)
{
    uint64_t most_ms = core->config.order_wait_ms;
    if (h->notice && (most_ms == 0 || most_ms > NOTICE_WAIT_MS)) most_ms = NOTICE_WAIT_MS;
    return most_ms > 0 && core->wall_ms > h->since_ms + most_ms;
}

void order_release(struct core *core)
{
    bool any = false;
    for (size_t i = 0; i < core->held_back_count && !core->busy && !core->refused;) {
        struct held_back h = core->held_back[i];
        if ((!h.ready && !is_late(core, &h)) || !release(core, &h, h.ready)) {
            i++;
            continue;
        }
        core->held_back[i] = core->held_back[--core->held_back_count];
        any = true;
    }
    if (any) await_all(core);
}

static bool load_one(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct core *core = context;
    struct held_back h = { .key = { .size = key.size } };
    if (key.size != 36 || value.size < HELD_HEAD_SIZE) return true;
    memcpy(h.key.bytes, key.data, key.size);
    memcpy(h.after.bytes, key.data + 2, QIAO_ID_SIZE);
    h.number = get_u16(key.data + 18);
    h.since_ms = get_u64(value.data);
    struct envelope e;
    h.notice = value.size > HELD_HEAD_SIZE && envelope_open(qiao_bytes(value.data + HELD_HEAD_SIZE, value.size - HELD_HEAD_SIZE), &e) == QIAO_CODE_OK && is_notice_to_set(&e);
    uint32_t tag = get_u32(value.data + 8);
    struct qiao_id before = id_of_source(&h.after, tag); /* twice is back */
    h.ready = accept_has_record(core, h.number, &before, tag);
    h.before = before;
    add(core, &h);
    return true;
}

void order_load(struct core *core)
{
    store_scan(core->store, qiao_bytes("Gh", 2), qiao_bytes("Gi", 2), load_one, core);
    for (size_t i = 0; i < core->held_back_count; i++) core->held_back[i].ready &= !order_waits(core, &core->held_back[i].before, core->held_back[i].number);
    await_all(core);
}

void order_deinit(struct core *core)
{
    free(core->held_back);
    id_set_deinit(&core->awaited);
    id_set_deinit(&core->copied);
}
