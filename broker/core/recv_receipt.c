/* Receipts that have come back to the node of the sender: each message ends once, then the member is told. */
#include "core/state.h"

#include "proof/decider.h"

#include <qiao/client.h>

/* In id sets: the message's outcome was taken in this batch. Peers' numbers are lower. */
#define ENDED_NUMBER 0xfffeu
/* The same for one recipient of an area set. */
#define PAIR_NUMBER 0xfffdu

struct parsed {
    struct qiao_id id;
    unsigned status, code;
    uint64_t at_ms;
    struct qiao_bytes leaf;
};

/* A receipt on its way into the origin's records. */
struct taking {
    struct core *core;
    const struct peer *member;
    const struct envelope *e;
    const struct seal_identity *signer; /* NULL: this node itself, or nobody signs here */
    struct qiao_bytes recipient, area;  /* serialised address, and the area in it */
    uint32_t copies;                    /* outcomes of copies, which the sender knows nothing of */
    bool doubtful;                      /* one is of a message that was sent here, by whom the table of areas does not know */
};

static bool parse_outcome(struct qiao_bytes bytes, uint64_t receipt_ms, struct parsed *ret)
{
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    bool has_id = false;
    *ret = (struct parsed){ .at_ms = receipt_ms };
    while (pb_next(&r, &f)) {
        if (f.number == 1 && f.type == PB_BYTES && f.bytes.size == QIAO_ID_SIZE) {
            memcpy(ret->id.bytes, f.bytes.data, QIAO_ID_SIZE);
            has_id = true;
        }
        if (f.number == 2 && f.type == PB_VARINT) ret->status = (unsigned)f.value;
        if (f.number == 3 && f.type == PB_VARINT) ret->code = (unsigned)f.value;
        if (f.number == 5 && f.type == PB_FIXED64) ret->at_ms = f.value;
        if (f.number == 6 && f.type == PB_BYTES) ret->leaf = f.bytes;
    }
    return !r.failed && has_id && ret->status >= QIAO_OUTCOME_ACCEPTED && ret->status <= QIAO_OUTCOME_DEAD && ret->code <= UINT16_MAX;
}

static void put_record(struct core *core, const struct key *key, const struct message_record *record)
{
    uint8_t value[MESSAGE_RECORD_SIZE];
    batch_put(core, key, record_write(record, value));
}

/* Names a (message, recipient) in id sets: the id with the recipient's hash over it. */
static struct qiao_id id_of_pair(const struct qiao_id *id, struct qiao_bytes recipient)
{
    struct qiao_id pair = *id;
    uint64_t low = 0xcbf29ce484222325u, high = 0x84222325cbf29ce4u;
    for (size_t i = 0; i < recipient.size; i++) {
        low = (low ^ recipient.data[i]) * 0x100000001b3u;
        high = (high + recipient.data[i]) * 0x9e3779b97f4a7c15u;
    }
    put_u64(pair.bytes, get_u64(pair.bytes) ^ low);
    put_u64(pair.bytes + 8, get_u64(pair.bytes + 8) ^ high);
    return pair;
}

/* True the first time in the batches that are not stored yet. */
static bool first_in_batches(struct core *core, const struct qiao_id *id, uint16_t number)
{
    static const uint8_t no_digest[FINGERPRINT_SIZE] = { 0 };
    for (int i = 0; i < 2; i++)
        if (id_set_find(&core->batches[i].seen, id, number)) return false;
    id_set_add(&core_batch(core)->seen, id, number, no_digest);
    return true;
}

/* An area set has an outcome each recipient; the origin record itself stays open. */
static bool take_of_set(struct core *core, const struct parsed *p, struct qiao_bytes recipient, struct message_record *record)
{
    struct key key = key_recipient(&p->id, recipient);
    struct qiao_bytes value;
    struct qiao_id pair = id_of_pair(&p->id, recipient);
    if (store_get(core->store, key_bytes(&key), &value) || !first_in_batches(core, &pair, PAIR_NUMBER)) return false;
    put_record(core, &key, record);
    return true;
}

/* Is the recipient one of those the message was sent to? Of an area set only the root is known, by its hash. Who has a provider of a
 * service this node cannot know: any node may answer for its own area, and its signature says who did. */
static bool is_addressed(const struct core *core, struct qiao_bytes area, const struct message_record *record)
{
    uint8_t set[QIAO_AREA_SIZE_MAX + 3];
    if (hash_of_area(area) == record->area_hash || record->flags & RECORD_SERVICE) return true;
    if (!(record->flags & RECORD_SET)) return areas_answers_for(core, area, record->area_hash);
    if (area.size > QIAO_AREA_SIZE_MAX) return false;
    for (size_t size = 0; size <= area.size; size++) {
        memcpy(set, area.data, size);
        memcpy(set + size, "/**", 3);
        if (hash_of_area(qiao_bytes(set, size + 3)) == record->area_hash) return true;
    }
    return false;
}

/* Who may say what: proof/decider.h. An outcome is about the header that was signed here, or it is about another message. */
static bool is_entitled(struct taking *t, const struct parsed *p, const struct message_record *record)
{
    static const uint8_t no_leaf[LEAF_SIZE];
    if (!t->signer || memcmp(record->leaf, no_leaf, LEAF_SIZE) == 0) return true;
    if (p->leaf.size != LEAF_SIZE || memcmp(p->leaf.data, record->leaf, LEAF_SIZE) != 0) return false;
    if (!is_addressed(t->core, t->area, record)) {
        t->doubtful |= t->core->config.areas.table != NULL;
        return false;
    }
    struct qiao_bytes signer = qiao_bytes_from_string(t->signer->area);
    bool instead = !(record->flags & RECORD_SET) && is_addressed(t->core, signer, record); /* of the area in the header, which was voided */
    return decider_is_entitled(p->status, p->code, instead || qiao_bytes_equal(signer, t->area));
}

/* True if this outcome is the first for the message, and the sender's to know. */
static bool take(struct taking *t, const struct parsed *p)
{
    struct core *core = t->core;
    struct key key = key_origin(&p->id);
    struct qiao_bytes value;
    struct message_record record;
    if (!store_get(core->store, key_bytes(&key), &value) || !record_read(value, &record)) return false;
    if (record.peer != t->member->number || record.outcome != QIAO_OUTCOME_NONE) return false;
    if (!is_entitled(t, p, &record)) {
        core_notice(core, "outcome not believed", t->signer->name, QIAO_CODE_FORGED, "its signer may not decide this message, or means another");
        return false;
    }
    bool set = record.flags & RECORD_SET;
    record.outcome = (uint8_t)p->status;
    record.code = (uint16_t)p->code;
    record.at_ms = p->at_ms;
    if (t->signer) record.receipt = t->e->header.id;
    if (set) return take_of_set(core, p, t->recipient, &record);
    if (!first_in_batches(core, &p->id, ENDED_NUMBER)) return false;
    put_record(core, &key, &record);
    if (!(record.flags & RECORD_COPY)) return true;
    t->copies++;
    core->counters.outcomes[p->status]++;
    return false;
}

void receipt_put(struct core *core, const struct key *key, const struct envelope *e, const struct origin *origin)
{
    buf_auto value = { 0 };
    buf_append(&value, e->raw.data, e->raw.size);
    if (origin->batch->units[origin->batch->messages[origin->message].unit].whole) group_put_single(&value, origin->batch, origin->message);
    batch_put(core, key, buf_bytes(&value));
}

static void keep_receipt(struct core *core, const struct envelope *e, const struct origin *origin)
{
    struct key key = key_origin(&e->header.id);
    key.bytes[0] = 'S';
    receipt_put(core, &key, e, origin);
}

static struct qiao_bytes area_of(struct qiao_bytes address)
{
    struct pb_reader r = pb_reader(address);
    struct pb_field f;
    while (pb_next(&r, &f))
        if (f.number == 1 && f.type == PB_BYTES) return f.bytes;
    return qiao_bytes(NULL, 0);
}

/* Forwards only the outcomes that are news; the usual case is all of them, and then the receipt goes on as it came. */
static void pass_on(struct core *core, struct peer *member, const struct envelope *e, const struct origin *origin, struct buf *fresh, uint32_t fresh_count, uint32_t count)
{
    if (fresh_count == count) {
        queue_append(core, member, LINK_LANE_RECEIPTS, e, origin);
        return;
    }
    buf_auto raw = { 0 };
    uint8_t digest[32];
    seal_digest(core->config.seal, core->config.seal->suite, buf_bytes(fresh), digest);
    struct envelope_draft draft = {
        .id = core_new_id(core), .kind = QIAO_KIND_RECEIPT, .source = e->header.source.raw, .destination = e->header.destination.raw,
        .lane = e->header.lane, .sent_at_ms = e->header.sent_at_ms, .body = buf_bytes(fresh), .body_digest = qiao_bytes(digest, sizeof digest),
        .digest_suite = core->config.seal->suite,
    };
    envelope_write(&raw, &draft);
    struct envelope again;
    if (envelope_open(buf_bytes(&raw), &again) == QIAO_CODE_OK) queue_append(core, member, LINK_LANE_RECEIPTS, &again, &origin_plain);
}

static const struct seal_identity *signer_of(const struct origin *origin)
{
    if (!origin->batch) return NULL;
    const struct group_unit *unit = &origin->batch->units[origin->batch->messages[origin->message].unit];
    return unit->proof.suite != SEAL_SUITE_NONE ? &origin->batch->signers[unit->signer] : NULL;
}

bool recv_receipt(struct core *core, struct peer *member, const struct envelope *e, const struct origin *origin, bool settled)
{
    buf_auto fresh = { 0 };
    struct taking t = { .core = core, .member = member, .e = e, .signer = signer_of(origin) };
    uint64_t at_ms = 0;
    uint32_t count = 0, fresh_count = 0;
    struct pb_reader r = pb_reader(e->body);
    struct pb_field f;
    const uint8_t *before = r.at;
    for (; pb_next(&r, &f); before = r.at) {
        struct parsed p;
        bool outcome = f.number == 4 && f.type == PB_BYTES;
        if (f.number == 1 && f.type == PB_BYTES) {
            t.recipient = f.bytes;
            t.area = area_of(f.bytes);
        }
        if (f.number == 2 && f.type == PB_FIXED64) at_ms = f.value;
        count += outcome;
        uint32_t copies = t.copies;
        if (outcome && (!parse_outcome(f.bytes, at_ms, &p) || !(settled || take(&t, &p)))) {
            if (t.copies == copies) core->counters.duplicates++;
            continue;
        }
        fresh_count += outcome;
        if (outcome && !settled) core->counters.outcomes[p.status]++;
        if (outcome && core->watchers) watch_message(core, 3, &(struct header){ .id = p.id, .kind = QIAO_KIND_RECEIPT }, member, p.status, p.code);
        buf_append(&fresh, before, (size_t)(r.at - before));
    }
    uint32_t news = fresh_count + t.copies;
    if (news == 0 && count > 0 && origin->from) core_notice(core, "message came again", origin->from->name, QIAO_CODE_OK, "outcomes that are known, or of messages that are not");
    if (t.doubtful && !core->doubting) doubts_keep(core, e, origin);
    if (r.failed || news == 0) return t.doubtful;
    if (t.signer) keep_receipt(core, e, origin);
    if (t.signer) audit_header(core, true, news, e);
    if (fresh_count > 0) pass_on(core, member, e, origin, &fresh, fresh_count, count);
    return t.doubtful;
}
