/* Which files are known, who may have them, what they may take, and how long they stay. */
#include "core/state.h"

#include <qiao/client.h>

#define RECORD_HEAD_SIZE 38u
/* A file that is referenced again is kept longer; not written anew for less than this. */
#define EXTEND_MS (24ull * 3600 * 1000)
/* After a start: what was asked for and is under way comes first, and is not asked for twice. */
#define BEGIN_MS 2000u
/* Files let go of in one look: what one takes out of the store can be a quarter of a GiB. */
#define COLLECT_MOST 4u

static uint64_t charged(uint64_t size)
{
    return (uint64_t)attachment_chunks(size) * QIAO_ATTACHMENT_CHUNK_SIZE;
}

static struct attachment_ref ref_at(const struct header *h, unsigned i)
{
    struct attachment_ref ref = { .size = 0 };
    bool read = attachment_ref_read(h->attachments[i], &ref);
    assert(read); /* envelope_open has looked */
    return ref;
}

static struct peer *member_of_number(struct core *core, uint16_t number)
{
    for (size_t i = core->links_count; number && i < core->peers_count; i++)
        if (core->peers[i].number == number) return &core->peers[i];
    return NULL;
}

/* ---- records ---- */

/* state(1) reserved(1) suite(1) payer(2) size(8) since(8) until(8) spare(1) digest is in the key; source address */
static struct qiao_bytes write_record(const struct attachment_record *r, uint8_t out[RECORD_HEAD_SIZE + ATTACHMENT_SOURCE_MAX])
{
    memset(out, 0, RECORD_HEAD_SIZE);
    out[0] = (uint8_t)r->state;
    out[1] = r->reserved;
    out[2] = (uint8_t)r->ref.suite;
    put_u16(out + 3, r->payer);
    put_u64(out + 5, r->ref.size);
    put_u64(out + 13, r->since_ms);
    put_u64(out + 21, r->until_ms);
    memcpy(out + RECORD_HEAD_SIZE, r->source, r->source_size);
    return qiao_bytes(out, RECORD_HEAD_SIZE + r->source_size);
}

bool attachment_record_sound(struct qiao_bytes v)
{
    if (v.size < RECORD_HEAD_SIZE || v.size > RECORD_HEAD_SIZE + ATTACHMENT_SOURCE_MAX) return false;
    uint64_t size = get_u64(v.data + 5);
    return v.data[0] > ATTACHMENT_UNKNOWN && v.data[0] <= ATTACHMENT_GONE && v.data[1] <= 1 && v.data[2] <= 2 && size > 0 && size <= QIAO_ATTACHMENT_SIZE_MAX;
}

static bool read_record(const uint8_t digest[ATTACHMENT_DIGEST_SIZE], struct qiao_bytes bytes, struct attachment_record *r)
{
    if (!attachment_record_sound(bytes)) return false;
    *r = (struct attachment_record){
        .state = (enum attachment_state)bytes.data[0], .reserved = bytes.data[1], .payer = get_u16(bytes.data + 3),
        .ref = { .size = get_u64(bytes.data + 5), .suite = bytes.data[2] }, .since_ms = get_u64(bytes.data + 13), .until_ms = get_u64(bytes.data + 21),
        .source_size = (uint8_t)(bytes.size - RECORD_HEAD_SIZE),
    };
    memcpy(r->ref.digest, digest, ATTACHMENT_DIGEST_SIZE);
    memcpy(r->source, bytes.data + RECORD_HEAD_SIZE, r->source_size);
    return true;
}

static struct qiao_id place_id(const uint8_t digest[ATTACHMENT_DIGEST_SIZE])
{
    struct qiao_id id;
    memcpy(id.bytes, digest, sizeof id.bytes);
    return id;
}

/* Digests that begin alike are of one suite's making only by an attack on it; the wrong one is simply not found. */
static struct attachment_record *find_change(const struct attachment_changes *changes, const uint8_t digest[ATTACHMENT_DIGEST_SIZE])
{
    struct qiao_id id = place_id(digest);
    const struct id_entry *entry = changes->count > 0 ? id_set_find(&changes->places, &id, 0) : NULL;
    struct attachment_record *record = entry ? &changes->records[get_u32(entry->digest)] : NULL;
    return record && memcmp(record->ref.digest, digest, ATTACHMENT_DIGEST_SIZE) == 0 ? record : NULL;
}

static void note_change(struct attachment_changes *changes, const struct attachment_record *record)
{
    struct attachment_record *old = find_change(changes, record->ref.digest);
    struct qiao_id id = place_id(record->ref.digest);
    uint8_t place[FINGERPRINT_SIZE];
    if (old) {
        *old = *record;
        return;
    }
    if (changes->count == changes->capacity) {
        changes->capacity = changes->capacity ? changes->capacity * 2 : 8;
        changes->records = base_realloc(changes->records, changes->capacity * sizeof *changes->records);
    }
    put_u32(place, (uint32_t)changes->count);
    changes->records[changes->count++] = *record;
    id_set_add(&changes->places, &id, 0, place);
}

void attach_changes_absorb(struct attachment_changes *into, struct attachment_changes *from)
{
    for (size_t i = 0; i < from->count; i++) note_change(into, &from->records[i]);
    attach_changes_clear(from);
}

void attach_changes_clear(struct attachment_changes *changes)
{
    changes->count = 0;
    id_set_clear(&changes->places);
}

void attach_changes_deinit(struct attachment_changes *changes)
{
    free(changes->records);
    id_set_deinit(&changes->places);
}

bool attach_find(struct core *core, const uint8_t digest[ATTACHMENT_DIGEST_SIZE], struct attachment_record *ret_record, bool *ret_stored)
{
    const struct attachment_record *change = find_change(&core_batch(core)->attachments, digest);
    struct key key = key_attachment('a', digest);
    struct qiao_bytes value;
    if (!change) change = find_change(&core->batches[core->filling ^ 1].attachments, digest);
    if (ret_stored) *ret_stored = !change;
    if (change) *ret_record = *change;
    else if (!store_get(core->store, key_bytes(&key), &value) || !read_record(digest, value, ret_record)) return false;
    return ret_record->state != ATTACHMENT_UNKNOWN;
}

void attach_put(struct core *core, const struct attachment_record *record)
{
    uint8_t value[RECORD_HEAD_SIZE + ATTACHMENT_SOURCE_MAX];
    struct key key = key_attachment('a', record->ref.digest);
    batch_put(core, &key, write_record(record, value));
    note_change(&core_batch(core)->attachments, record);
}

/* ---- keeping ---- */

static void keep_until(struct core *core, struct attachment_record *record, uint64_t until_ms)
{
    struct key old = key_attachment_end(record->until_ms, record->ref.digest), key = key_attachment_end(until_ms, record->ref.digest);
    if (record->until_ms) batch_remove(core, &old);
    record->until_ms = until_ms;
    batch_put(core, &key, qiao_bytes("", 1));
    if (core->attachments.collect_ms == 0 || until_ms < core->attachments.collect_ms) core->attachments.collect_ms = until_ms;
}

static void unreserve(struct core *core, struct attachment_record *record)
{
    struct peer *payer = member_of_number(core, record->payer);
    uint64_t bytes = charged(record->ref.size);
    if (record->reserved) core->attachments.bytes -= bytes;
    if (payer) payer->attachment_bytes -= bytes;
    record->reserved = false;
    record->payer = 0;
}

bool attach_reserve(struct core *core, struct attachment_record *record)
{
    uint64_t bytes = charged(record->ref.size), most = core->config.attachment_bytes_max;
    if (record->reserved) return true;
    if (most && core->attachments.bytes + bytes > most) return false;
    core->attachments.bytes += bytes;
    return record->reserved = true;
}

static void remove_family(struct core *core, uint8_t letter, const uint8_t digest[ATTACHMENT_DIGEST_SIZE])
{
    struct key from = key_attachment(letter, digest), to = from;
    key_end_of_family(&to);
    batch_remove_range(core, &from, &to);
}

/* Its chunks, and everything that is known of it. */
static void let_go(struct core *core, struct attachment_record *record)
{
    struct key from = key_chunk(record->ref.digest, 0), to = key_chunk(record->ref.digest, UINT32_MAX), end = key_attachment_end(record->until_ms, record->ref.digest);
    struct fetch *fetch = attach_fetch_find(core, record->ref.digest);
    if (fetch) attach_fetch_drop(core, fetch);
    unreserve(core, record);
    batch_remove_range(core, &from, &to);
    for (const char *letter = "agmpw"; *letter; letter++) remove_family(core, (uint8_t)*letter, record->ref.digest);
    batch_remove(core, &end);
    record->state = ATTACHMENT_UNKNOWN;
    note_change(&core_batch(core)->attachments, record);
}

struct collecting {
    uint8_t digests[COLLECT_MOST][ATTACHMENT_DIGEST_SIZE];
    unsigned count;
    uint64_t now_ms, next_ms;
};

static bool visit_end(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct collecting *x = context;
    (void)value;
    if (key.size != ATTACHMENT_END_KEY_SIZE) return true; /* check-store tells */
    uint64_t until_ms = get_u64(key.data + 2);
    if (until_ms > x->now_ms || x->count == COLLECT_MOST) {
        x->next_ms = until_ms;
        return false;
    }
    memcpy(x->digests[x->count++], key.data + 10, ATTACHMENT_DIGEST_SIZE);
    return true;
}

static void collect(struct core *core)
{
    struct collecting x = { .now_ms = core->wall_ms };
    store_scan(core->store, qiao_bytes("fx", 2), qiao_bytes("fy", 2), visit_end, &x);
    for (unsigned i = 0; i < x.count; i++) {
        struct attachment_record record;
        if (attach_find(core, x.digests[i], &record, NULL) && record.until_ms <= core->wall_ms) let_go(core, &record);
    }
    /* What was let go of just now still stands in the store: looked at again, a second later. */
    core->attachments.collect_ms = x.count > 0 ? core->wall_ms + 1000 : x.next_ms;
    if (x.count > 0) attach_pump(core);
}

static bool visit_any(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    (void)key;
    (void)value;
    *(bool *)context = true;
    return false;
}

/* This node waits for a file, or another node waits for one of this node's. */
static bool is_owed_any(const struct core *core)
{
    bool any = false;
    store_scan(core->store, qiao_bytes("fw", 2), qiao_bytes("fx", 2), visit_any, &any);
    store_scan(core->store, qiao_bytes("fp", 2), qiao_bytes("fq", 2), visit_any, &any);
    return any;
}

struct promised {
    struct core *core;
    uint8_t digests[COLLECT_MOST][ATTACHMENT_DIGEST_SIZE];
    unsigned count;
    bool more;
};

static bool visit_promised(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct promised *x = context;
    const uint8_t *digest = key.data + 2;
    struct attachment_record record;
    bool stored;
    (void)value;
    if (key.size < ATTACHMENT_KEY_SIZE || (x->count > 0 && memcmp(x->digests[x->count - 1], digest, ATTACHMENT_DIGEST_SIZE) == 0)) return true;
    if (!attach_find(x->core, digest, &record, &stored) || !stored || record.state == ATTACHMENT_WANTED) return true;
    x->more = x->count == COLLECT_MOST;
    if (!x->more) memcpy(x->digests[x->count++], digest, ATTACHMENT_DIGEST_SIZE);
    return !x->more;
}

/* What was given to those who wait may have been in a batch that a crash took, or that a full disk never let through. */
static void keep_promises(struct core *core)
{
    struct promised x = { .core = core, .more = core->busy || core->refused }; /* there is no room for it now */
    struct attachment_record record;
    if (!x.more) store_scan(core->store, qiao_bytes("fp", 2), qiao_bytes("fq", 2), visit_promised, &x);
    for (unsigned i = 0; i < x.count; i++)
        if (attach_find(core, x.digests[i], &record, NULL)) attach_announce(core, &record);
    if (x.more) core->attachments.begin_ms = core->now_ms + BEGIN_MS;
}

void attach_tick(struct core *core)
{
    if (core->attachments.collect_ms && core->attachments.collect_ms <= core->wall_ms) collect(core);
    attach_fetch_tick(core);
    if (core->attachments.begin_ms == 0 || core->attachments.begin_ms > core->now_ms) return;
    core->attachments.begin_ms = 0;
    attach_pump(core);
    keep_promises(core);
}

uint64_t attach_deadline_ms(const struct core *core)
{
    const struct attachments *a = &core->attachments;
    uint64_t due = a->begin_ms ? a->begin_ms : LINK_NEVER;
    uint64_t collect_ms = a->collect_ms ? core->now_ms + (a->collect_ms > core->wall_ms ? a->collect_ms - core->wall_ms : 0) : LINK_NEVER;
    if (collect_ms < due) due = collect_ms;
    for (size_t i = 0; i < a->fetches_count; i++)
        if (a->fetches[i].due_ms < due) due = a->fetches[i].due_ms;
    return due;
}

/* ---- references ---- */

static void ask_elsewhere(struct core *core, struct attachment_record *record, const struct address *source)
{
    buf_auto address = { 0 };
    struct key wanted = key_attachment('w', record->ref.digest);
    address_write(&address, source->area, source->org, qiao_bytes(NULL, 0));
    assert(address.size <= ATTACHMENT_SOURCE_MAX);
    memcpy(record->source, address.data, address.size);
    record->source_size = (uint8_t)address.size;
    batch_put(core, &wanted, qiao_bytes("", 1));
}

static void create(struct core *core, const struct attachment_ref *ref, const struct address *source, struct peer *payer)
{
    struct attachment_record record = { .state = ATTACHMENT_WANTED, .ref = *ref, .since_ms = core->wall_ms };
    if (!payer) ask_elsewhere(core, &record, source);
    attach_reserve(core, &record);
    if (payer) record.payer = payer->number;
    if (payer) payer->attachment_bytes += charged(ref->size);
    keep_until(core, &record, core->wall_ms + core->config.attachment_keep_ms);
    attach_put(core, &record);
}

/* payer: the member who has it; NULL: the node of source has. */
static void refer(struct core *core, const struct attachment_ref *ref, const struct address *source, struct peer *payer)
{
    struct attachment_record record;
    bool known = attach_find(core, ref->digest, &record, NULL);
    uint64_t until_ms = core->wall_ms + core->config.attachment_keep_ms;
    if (known && record.state == ATTACHMENT_GONE) unreserve(core, &record);
    if (!known || record.state == ATTACHMENT_GONE) {
        create(core, ref, source, payer);
        return;
    }
    bool elsewhere = record.state == ATTACHMENT_WANTED && record.payer && !payer; /* an own member owes it, and now somebody else has it */
    if (elsewhere) ask_elsewhere(core, &record, source);
    if (record.until_ms + EXTEND_MS <= until_ms) keep_until(core, &record, until_ms);
    else if (!elsewhere) return;
    attach_put(core, &record);
}

static void grant_member(struct core *core, const struct peer *member, const uint8_t digest[ATTACHMENT_DIGEST_SIZE])
{
    uint8_t number[2];
    put_u16(number, member->number);
    struct key key = key_attachment_for('m', digest, qiao_bytes(number, sizeof number));
    batch_put(core, &key, qiao_bytes("", 1));
}

bool attach_member_may(struct core *core, const struct peer *member, const uint8_t digest[ATTACHMENT_DIGEST_SIZE])
{
    uint8_t number[2];
    struct qiao_bytes value;
    put_u16(number, member->number);
    struct key key = key_attachment_for('m', digest, qiao_bytes(number, sizeof number));
    return store_get(core->store, key_bytes(&key), &value);
}

static void grant_area(struct core *core, struct qiao_bytes area, const uint8_t digest[ATTACHMENT_DIGEST_SIZE])
{
    struct key key = key_attachment_for('g', digest, area);
    batch_put(core, &key, qiao_bytes("", 1));
}

struct asking {
    struct qiao_bytes area;
    bool may;
};

/* The area itself, or a set that it lies in. */
static bool visit_grant(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct asking *x = context;
    struct address granted = { .area = qiao_bytes(key.data + ATTACHMENT_KEY_SIZE, key.size - ATTACHMENT_KEY_SIZE) };
    struct qiao_bytes root;
    (void)value;
    if (address_is_set(&granted, &root)) x->may = x->area.size >= root.size && memcmp(x->area.data, root.data, root.size) == 0;
    else x->may = qiao_bytes_equal(x->area, granted.area);
    return !x->may;
}

bool attach_area_may(struct core *core, struct qiao_bytes area, const uint8_t digest[ATTACHMENT_DIGEST_SIZE])
{
    struct asking x = { .area = area };
    struct key from = key_attachment('g', digest), to = from;
    key_end_of_family(&to);
    store_scan(core->store, key_bytes(&from), key_bytes(&to), visit_grant, &x);
    return x.may;
}

static bool has_before(const struct header *h, unsigned i, const struct attachment_ref *ref)
{
    for (unsigned k = 0; k < i; k++) {
        struct attachment_ref other = ref_at(h, k);
        if (memcmp(other.digest, ref->digest, ATTACHMENT_DIGEST_SIZE) == 0) return true;
    }
    return false;
}

unsigned attach_check(struct core *core, const struct peer *from, const struct header *h)
{
    const struct core_config *config = &core->config;
    uint64_t more = 0;
    if (h->attachments_count == 0) return QIAO_CODE_OK;
    if (h->privacy == QIAO_PRIVACY_SEALED) return QIAO_CODE_ATTACHMENT_PLAIN;
    for (unsigned i = 0; i < h->attachments_count; i++) {
        struct attachment_ref ref = ref_at(h, i);
        struct attachment_record record;
        bool here = attach_find(core, ref.digest, &record, NULL) && record.state != ATTACHMENT_GONE;
        if (here && (record.ref.size != ref.size || record.ref.suite != ref.suite)) return QIAO_CODE_CONFLICT;
        if (!here && !has_before(h, i, &ref)) more += charged(ref.size);
    }
    if (more == 0) return QIAO_CODE_OK;
    if (config->attachment_bytes_per_member && from->attachment_bytes + more > config->attachment_bytes_per_member) return QIAO_CODE_QUOTA;
    return config->attachment_bytes_max && core->attachments.bytes + more > config->attachment_bytes_max ? QIAO_CODE_QUOTA : QIAO_CODE_OK;
}

void attach_sent(struct core *core, const struct peer *from, const struct header *h)
{
    /* Of a service it is not known yet which node has the provider: any may ask. */
    struct qiao_bytes area = h->destination.area.size > 0 ? h->destination.area : qiao_bytes_from_string("/**");
    bool leaves_node = !qiao_bytes_equal(h->destination.area, qiao_bytes_from_string(core->area));
    for (unsigned i = 0; i < h->attachments_count; i++) {
        struct attachment_ref ref = ref_at(h, i);
        refer(core, &ref, &h->source, member_of_number(core, from->number));
        grant_member(core, from, ref.digest);
        if (leaves_node) grant_area(core, area, ref.digest);
    }
}

void attach_delivered(struct core *core, const struct peer *member, const struct header *h)
{
    bool came_in = !qiao_bytes_equal(h->source.area, qiao_bytes_from_string(core->area));
    for (unsigned i = 0; i < h->attachments_count; i++) {
        struct attachment_ref ref = ref_at(h, i);
        if (came_in) refer(core, &ref, &h->source, NULL);
        grant_member(core, member, ref.digest);
    }
}

void attach_stored(struct core *core, struct batch *batch)
{
    bool wanted = false;
    for (size_t i = 0; i < batch->attachments.count; i++) {
        const struct attachment_record *record = &batch->attachments.records[i];
        if (record->state == ATTACHMENT_WHOLE || record->state == ATTACHMENT_GONE) attach_announce(core, record);
        wanted |= record->state == ATTACHMENT_WANTED && record->payer == 0;
    }
    attach_changes_clear(&batch->attachments); /* from here on the store shows them */
    if (wanted) attach_pump(core);
}

/* ---- starting ---- */

static bool load_record(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct core *core = context;
    struct attachment_record record;
    if (key.size != ATTACHMENT_KEY_SIZE || !read_record(key.data + 2, value, &record)) {
        core->attachments.bytes = UINT64_MAX;
        return false;
    }
    struct peer *payer = member_of_number(core, record.payer);
    if (record.reserved) core->attachments.bytes += charged(record.ref.size);
    if (payer) payer->attachment_bytes += charged(record.ref.size);
    return true;
}

bool attach_load(struct core *core)
{
    struct collecting x = { .now_ms = 0 };
    store_scan(core->store, qiao_bytes("fa", 2), qiao_bytes("fb", 2), load_record, core);
    if (core->attachments.bytes == UINT64_MAX) return false;
    store_scan(core->store, qiao_bytes("fx", 2), qiao_bytes("fy", 2), visit_end, &x);
    core->attachments.collect_ms = x.next_ms;
    if (is_owed_any(core)) core->attachments.begin_ms = core->now_ms + BEGIN_MS;
    return true;
}

void attach_deinit(struct core *core)
{
    while (core->attachments.fetches_count > 0) attach_fetch_drop(core, &core->attachments.fetches[0]);
}
