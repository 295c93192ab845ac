/* The parts of a proof that this node's store holds: what it signed, the outcome it was told or decided itself, and the receipt of the
 * node that took the message from it. */
#include "core/prove.h"

#include <qiao/client.h>

/* schema/dossier.proto */
enum { MESSAGE_ID = 1, ORIGIN = 2, CUSTODY = 3, OUTCOME = 4, CERTIFICATES = 5, VERSION = 6 };

/* ---- signed headers ---- */

static void put_certificate(struct core *core, const struct seal_key_id *id, struct buf *dossier)
{
    const struct seal *seal = core->config.seal;
    buf_auto der = { 0 };
    struct key key = key_certificate(id);
    struct qiao_bytes kept;
    if (seal->certificate(seal->context, id, &der)) pb_put_bytes(dossier, CERTIFICATES, buf_bytes(&der));
    else if (store_get(core->store, key_bytes(&key), &kept)) pb_put_bytes(dossier, CERTIFICATES, kept);
}

/* Appends a SignedHeader as field `number` of out. False: the proof's path does not fit its group. */
static bool put_signed(struct core *core, struct buf *out, uint32_t number, struct qiao_bytes header, const struct proof *p, struct prove_name *ret_name)
{
    const struct seal *seal = core->config.seal;
    enum seal_suite suite = (enum seal_suite)p->suite;
    buf_auto one = { 0 };
    if (suite >= SEAL_SUITES) return false;
    merkle_leaf(seal, suite, header, &ret_name->leaf);
    if (!merkle_root_of_path(seal, suite, &ret_name->leaf, p->leaf_index, p->group_size, p->path, p->path_count, PROOF_PATH_STRIDE, &ret_name->root)) return false;
    pb_put_bytes(&one, 1, header);
    pb_put_bytes(&one, 2, qiao_bytes(ret_name->leaf.bytes, SEAL_DIGEST_SIZE));
    pb_put_varint(&one, 3, p->suite);
    pb_put_bytes(&one, 4, qiao_bytes(p->key_id.bytes, SEAL_KEY_ID_SIZE));
    pb_put_fixed64(&one, 5, p->signed_at_ms);
    pb_put_varint(&one, 6, p->group_size);
    pb_put_varint(&one, 7, p->leaf_index);
    for (unsigned i = 0; i < p->path_count; i++) pb_put_bytes(&one, 8, qiao_bytes(p->path + (size_t)PROOF_PATH_STRIDE * i, SEAL_DIGEST_SIZE));
    pb_put_bytes(&one, 9, qiao_bytes(ret_name->root.bytes, SEAL_DIGEST_SIZE));
    pb_put_bytes(&one, 10, p->signature);
    pb_put_bytes(out, number, buf_bytes(&one));
    return true;
}

/* ---- the origin ---- */

/* Layout of 'H': sign.c. */
#define EVIDENCE_HEAD_SIZE 15u
#define EVIDENCE_GROUP_SIZE 98u

struct evidence {
    struct qiao_bytes header;
    struct buf proof;              /* a Proof field with the path; owned */
};

/* Moves over one header; size 0 when there is none. */
static struct qiao_bytes next_header(struct qiao_bytes *rest)
{
    uint32_t size = rest->size >= 4 ? get_u32(rest->data) : 0;
    if (size == 0 || size > rest->size - 4) return qiao_bytes(NULL, 0);
    struct qiao_bytes header = qiao_bytes(rest->data + 4, size);
    *rest = qiao_bytes(header.data + size, rest->size - 4 - size);
    return header;
}

static bool read_group(struct core *core, const uint8_t *group, struct qiao_bytes headers, uint32_t index, struct evidence *ret)
{
    struct merkle_hash nodes[3 * PROOF_GROUP_MAX];
    const struct merkle_hash *path[64];
    uint32_t count = get_u32(group + 4);
    struct proof head = { .suite = group[17], .signature = qiao_bytes(group + 34, SEAL_SIGNATURE_SIZE), .group_size = count, .signed_at_ms = get_u64(group + 9) };
    if (head.suite >= SEAL_SUITES) return false;
    memcpy(head.key_id.bytes, group + 18, SEAL_KEY_ID_SIZE);
    for (uint32_t i = 0; i < count; i++) {
        struct qiao_bytes header = next_header(&headers);
        if (header.size == 0) return false;
        if (i == index) ret->header = header;
        merkle_leaf(core->config.seal, (enum seal_suite)head.suite, header, &nodes[i]);
    }
    merkle_build(core->config.seal, (enum seal_suite)head.suite, nodes, count);
    unsigned path_count = merkle_path(nodes, count, index, path);
    proof_put_single(&ret->proof, &head, index, path, path_count);
    return true;
}

/* The header and proof of the index-th message that was signed with the run of this evidence. */
static bool read_evidence(struct core *core, struct qiao_bytes value, uint32_t index, struct evidence *ret)
{
    if (value.size < EVIDENCE_HEAD_SIZE) return false;
    uint32_t groups = get_u32(value.data + 11);
    if (groups > (value.size - EVIDENCE_HEAD_SIZE) / EVIDENCE_GROUP_SIZE) return false;
    size_t groups_end = EVIDENCE_HEAD_SIZE + (size_t)groups * EVIDENCE_GROUP_SIZE;
    struct qiao_bytes headers = qiao_bytes(value.data + groups_end, value.size - groups_end);
    for (uint32_t i = 0; i < groups; i++) {
        const uint8_t *group = value.data + EVIDENCE_HEAD_SIZE + (size_t)i * EVIDENCE_GROUP_SIZE;
        uint32_t count = get_u32(group + 4);
        if (count == 0 || count > PROOF_GROUP_MAX) return false;
        if (index < count) return read_group(core, group, headers, index, ret);
        index -= count;
        for (uint32_t k = 0; k < count; k++)
            if (next_header(&headers).size == 0) return false;
    }
    return false;
}

static bool read_own_proof(const struct buf *field, struct proof *ret_proof)
{
    struct pb_reader r = pb_reader(buf_bytes(field));
    struct pb_field f;
    return pb_next(&r, &f) && f.type == PB_BYTES && proof_read(f.bytes, ret_proof);
}

/* ---- the outcome ---- */

static bool put_kept_outcome(struct core *core, const struct message_record *record, struct buf *dossier)
{
    struct key key = key_origin(&record->receipt);
    struct qiao_bytes value;
    struct envelope_parts parts;
    struct proof proof;
    struct prove_name name;
    buf_auto one = { 0 };
    key.bytes[0] = 'S';
    if (!store_get(core->store, key_bytes(&key), &value) || !envelope_split(value, &parts) || !proof_read(parts.proof, &proof)) return false;
    if (!put_signed(core, &one, 1, parts.header, &proof, &name)) return false;
    pb_put_bytes(&one, 2, parts.body);
    pb_put_bytes(dossier, OUTCOME, buf_bytes(&one));
    put_certificate(core, &proof.key_id, dossier);
    return true;
}

static void make_receipt(struct core *core, const struct qiao_id *id, const struct message_record *record, struct qiao_bytes recipient, struct buf *body)
{
    buf_auto one = { 0 };
    pb_put_bytes(&one, 1, qiao_bytes(id->bytes, QIAO_ID_SIZE));
    pb_put_varint(&one, 2, record->outcome);
    pb_put_varint(&one, 3, record->code);
    pb_put_fixed64(&one, 5, record->at_ms);
    pb_put_bytes(&one, 6, qiao_bytes(record->leaf, LEAF_SIZE));
    pb_put_bytes(body, 1, recipient);
    pb_put_fixed64(body, 2, record->at_ms);
    pb_put_string(body, 3, core->node);
    pb_put_bytes(body, 4, buf_bytes(&one));
}

/* Signs one message of this node, in a group of its own. */
static bool sign_alone(struct core *core, struct qiao_bytes header, uint8_t signature[SEAL_SIGNATURE_SIZE], struct proof *ret_proof)
{
    const struct seal *seal = core->config.seal;
    uint8_t statement[PROOF_STATEMENT_SIZE];
    struct merkle_hash leaf;
    *ret_proof = (struct proof){ .suite = seal->suite, .group_size = 1, .signed_at_ms = core->wall_ms };
    merkle_leaf(seal, seal->suite, header, &leaf);
    proof_statement(statement, seal->suite, core->wall_ms, 1, &leaf);
    ret_proof->signature = qiao_bytes(signature, SEAL_SIGNATURE_SIZE);
    return seal->sign(seal->context, qiao_bytes(statement, sizeof statement), &ret_proof->key_id, signature) == 0;
}

/* What this node decided itself it told its member without a signature: it is signed when somebody asks. */
static bool put_own_outcome(struct core *core, const struct qiao_id *id, const struct message_record *record, struct qiao_bytes source, struct qiao_bytes destination,
                            struct buf *dossier)
{
    buf_auto body = { 0 };
    buf_auto raw = { 0 };
    buf_auto one = { 0 };
    uint8_t digest[SEAL_DIGEST_SIZE], signature[SEAL_SIGNATURE_SIZE];
    struct envelope_parts parts;
    struct proof proof;
    struct prove_name name;
    make_receipt(core, id, record, destination, &body);
    seal_digest(core->config.seal, SEAL_SUITE_NONE, buf_bytes(&body), digest);
    struct envelope_draft draft = {
        .id = core_new_id(core), .kind = QIAO_KIND_RECEIPT, .source = destination, .destination = source, .sent_at_ms = core->wall_ms,
        .body = buf_bytes(&body), .body_digest = qiao_bytes(digest, sizeof digest),
    };
    envelope_write(&raw, &draft);
    if (!envelope_split(buf_bytes(&raw), &parts) || !sign_alone(core, parts.header, signature, &proof)) return false;
    if (!put_signed(core, &one, 1, parts.header, &proof, &name)) return false;
    pb_put_bytes(&one, 2, buf_bytes(&body));
    pb_put_bytes(dossier, OUTCOME, buf_bytes(&one));
    put_certificate(core, &proof.key_id, dossier);
    return true;
}

static const struct peer *peer_of_number(const struct core *core, uint16_t number)
{
    for (size_t i = 0; i < core->peers_count; i++)
        if (core->peers[i].number == number) return &core->peers[i];
    return NULL;
}

static const char no_receipt[] = "its outcome came without a signature";

static unsigned put_outcome(struct core *core, const struct qiao_id *id, const struct message_record *record, struct qiao_bytes header, bool handed_on,
                            struct buf *dossier, const char **ret_reason)
{
    static const struct qiao_id none;
    const struct peer *member = peer_of_number(core, record->peer);
    struct envelope e = { 0 };
    buf_auto raw = { 0 };
    *ret_reason = no_receipt;
    if (record->outcome == QIAO_OUTCOME_NONE) return QIAO_CODE_OK;
    if (memcmp(&record->receipt, &none, sizeof none) != 0) return put_kept_outcome(core, record, dossier) ? QIAO_CODE_OK : QIAO_CODE_NOT_FOUND;
    if (handed_on || !member) return QIAO_CODE_NOT_FOUND;
    struct qiao_bytes source = buf_bytes(&member->address), destination = source;
    pb_put_bytes(&raw, 1, header);
    if (header.size > 0 && envelope_open(buf_bytes(&raw), &e) != QIAO_CODE_MALFORMED) destination = e.header.destination.raw;
    *ret_reason = "the own key cannot sign";
    return put_own_outcome(core, id, record, source, destination, dossier) ? QIAO_CODE_OK : QIAO_CODE_NOT_FOUND;
}

/* Whether the message was in the custody of another node: only then somebody else may have decided. */
static bool was_handed_on(struct core *core, const struct prove_name *name)
{
    buf_auto unused = { 0 };
    return prove_custody(core, name, &unused).peer != NULL;
}

static unsigned prove_signed(struct core *core, const struct qiao_id *id, const struct message_record *record, struct buf *dossier, struct prove_name *ret_name,
                             const char **ret_reason)
{
    struct key key = key_number('H', record->evidence);
    struct evidence evidence = { 0 };
    struct qiao_bytes value;
    struct proof proof;
    *ret_reason = "the record of what was signed is not in the store";
    unsigned code = QIAO_CODE_NOT_FOUND;
    if (store_get(core->store, key_bytes(&key), &value) && read_evidence(core, value, record->evidence_index, &evidence) && read_own_proof(&evidence.proof, &proof) &&
        put_signed(core, dossier, ORIGIN, evidence.header, &proof, ret_name)) {
        put_certificate(core, &proof.key_id, dossier);
        code = put_outcome(core, id, record, evidence.header, was_handed_on(core, ret_name), dossier, ret_reason);
    }
    buf_deinit(&evidence.proof);
    return code;
}

/* A member that has keys signed its message itself: header and proof are kept as they came. */
static unsigned prove_own_words(struct core *core, const struct qiao_id *id, const struct message_record *record, struct buf *dossier, struct prove_name *ret_name,
                                bool *ret_is_named, const char **ret_reason)
{
    struct key key = key_origin(id);
    struct qiao_bytes value;
    struct envelope_parts parts;
    struct proof proof;
    key.bytes[0] = 'm';
    if (!store_get(core->store, key_bytes(&key), &value)) return QIAO_CODE_NOT_FOUND;
    *ret_reason = "the record of what the member signed is damaged";
    if (!envelope_split(value, &parts) || !proof_read(parts.proof, &proof) || !put_signed(core, dossier, ORIGIN, parts.header, &proof, ret_name)) return QIAO_CODE_NOT_FOUND;
    put_certificate(core, &proof.key_id, dossier);
    *ret_is_named = true;
    return put_outcome(core, id, record, parts.header, was_handed_on(core, ret_name), dossier, ret_reason);
}

unsigned prove_origin(struct core *core, const struct qiao_id *id, struct buf *dossier, struct prove_name *ret_name, bool *ret_is_named, const char **ret_reason)
{
    struct key key = key_origin(id);
    struct qiao_bytes value;
    struct message_record record;
    *ret_is_named = false;
    *ret_reason = "this node is not the origin of such a message";
    if (!store_get(core->store, key_bytes(&key), &value) || !record_read(value, &record)) return QIAO_CODE_NOT_FOUND;
    *ret_reason = "this node signs nothing: there is no proof";
    if (!core_signs(core)) return QIAO_CODE_NOT_FOUND;
    *ret_reason = "messages to area sets have an outcome for each recipient: they cannot be proved as one";
    if (record.flags & RECORD_SET) return QIAO_CODE_NOT_ALLOWED;
    pb_put_varint(dossier, VERSION, 1);
    pb_put_bytes(dossier, MESSAGE_ID, qiao_bytes(id->bytes, QIAO_ID_SIZE));
    *ret_is_named = record.evidence != 0;
    if (*ret_is_named) return prove_signed(core, id, &record, dossier, ret_name, ret_reason);
    *ret_reason = "the record of what was signed is not in the store";
    unsigned code = prove_own_words(core, id, &record, dossier, ret_name, ret_is_named, ret_reason);
    if (code == QIAO_CODE_OK || *ret_is_named) return code;
    if (record.outcome != QIAO_OUTCOME_REFUSED && record.outcome != QIAO_OUTCOME_EXPIRED) return QIAO_CODE_NOT_FOUND;
    return put_outcome(core, id, &record, qiao_bytes(NULL, 0), false, dossier, ret_reason);
}

/* ---- custody ---- */

/* Units behind the message under one receipt: more would not fit a frame. */
#define UNITS_MAX 65536u

struct place {
    uint16_t peer;
    unsigned lane;
    uint64_t first;                /* of the run */
    uint32_t unit;                 /* of the run's */
    bool found;
};

struct books {
    const struct seal *seal;
    enum seal_suite suite;
    const struct place *place;
    uint64_t at, end;              /* sequences: next to come, one behind the receipt's */
    struct merkle_hash chain;
    struct buf *units;             /* from the message's on */
    uint32_t units_count;
    struct merkle_hash chain_before;
    bool broken;
};

struct receipt_at {
    uint64_t sequence;
    struct qiao_bytes value;
    bool found;
};

/* Key: 'I' hash(16) peer(2); value: lane(1) first(8) unit(4). */
static bool take_place(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct place *p = context;
    if (key.size != 19 || value.size != PLACE_SIZE) return true;
    *p = (struct place){ get_u16(key.data + 17), value.data[0], get_u64(value.data + 1), get_u32(value.data + 9), true };
    return false;
}

static void find_place(struct core *core, const struct merkle_hash *hash, struct place *place)
{
    struct key from = key_place(hash->bytes, 0), to = key_place(hash->bytes, UINT16_MAX);
    if (!place->found) store_scan(core->store, key_bytes(&from), key_bytes(&to), take_place, place);
}

/* False: the message ended in the queue, and the books name nobody's hash there. */
static bool is_there(const struct prove_name *name, const struct place *place, struct qiao_bytes units, uint64_t *ret_first)
{
    uint64_t first = place->first;
    if (place->unit >= units.size / UNIT_SIZE) return false;
    for (uint32_t i = 0; i < place->unit; i++) first += get_u32(units.data + (size_t)i * UNIT_SIZE);
    const uint8_t *hash = units.data + (size_t)place->unit * UNIT_SIZE + 4;
    *ret_first = first;
    return memcmp(hash, name->leaf.bytes, SEAL_DIGEST_SIZE) == 0 || memcmp(hash, name->root.bytes, SEAL_DIGEST_SIZE) == 0;
}

static bool take_first_receipt(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct receipt_at *r = context;
    if (key.size != 12 || value.size <= CUSTODY_RECORD_HEAD_SIZE) return true;
    *r = (struct receipt_at){ key_run_first(key), value, true };
    return false;
}

static bool take_last_receipt(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    take_first_receipt(context, key, value);
    return true;
}

static struct receipt_at receipts_in(struct core *core, const struct place *p, uint64_t from_sequence, uint64_t to_sequence, store_visit visit)
{
    struct receipt_at r = { 0 };
    struct key from = key_sequence('C', p->peer, p->lane, from_sequence), to = key_sequence('C', p->peer, p->lane, to_sequence);
    store_scan(core->store, key_bytes(&from), key_bytes(&to), visit, &r);
    return r;
}

/* The store reads forwards only: steps back get longer until one finds something. */
static struct receipt_at receipt_before(struct core *core, const struct place *p)
{
    struct receipt_at r = { 0 };
    uint64_t to = p->first;
    for (uint64_t step = 256; !r.found && to > 1; step *= 2) {
        uint64_t from = to > step ? to - step : 1;
        r = receipts_in(core, p, from, to, take_last_receipt);
        to = from;
    }
    return r;
}

static void add_unit(struct books *b, uint32_t count, const struct merkle_hash *hash)
{
    pb_put_bytes_head(b->units, 6, 1 + pb_varint_size(count) + 2 + SEAL_DIGEST_SIZE);
    pb_put_varint(b->units, 1, count);
    pb_put_bytes(b->units, 2, qiao_bytes(hash->bytes, SEAL_DIGEST_SIZE));
    b->units_count++;
}

static bool read_run(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    struct books *b = context;
    uint64_t first = key_run_first(key);
    b->broken |= first != b->at || value.size % UNIT_SIZE != 0;
    for (uint32_t i = 0; !b->broken && i < value.size / UNIT_SIZE; i++) {
        struct merkle_hash hash;
        uint32_t count = get_u32(value.data + (size_t)i * UNIT_SIZE);
        memcpy(hash.bytes, value.data + (size_t)i * UNIT_SIZE + 4, SEAL_DIGEST_SIZE);
        bool ours = first == b->place->first && i == b->place->unit;
        if (ours) b->chain_before = b->chain;
        if (ours || b->units_count > 0) add_unit(b, count, &hash);
        custody_chain_add(b->seal, b->suite, &b->chain, count, &hash);
        b->at += count;
        b->broken |= b->units_count > UNITS_MAX;
    }
    return !b->broken && b->at < b->end;
}

/* 'C': custody.c. */
static void put_receipt(struct core *core, const struct peer *peer, const struct books *b, const struct receipt_at *r, struct buf *dossier)
{
    buf_auto one = { 0 };
    const uint8_t *at = r->value.data;
    struct seal_key_id key_id;
    memcpy(key_id.bytes, at + 9, SEAL_KEY_ID_SIZE);
    pb_put_string(&one, 1, peer->name);
    pb_put_string(&one, 2, core->node);
    pb_put_varint(&one, 3, b->place->lane);
    pb_put_varint(&one, 4, r->sequence);
    pb_put_bytes(&one, 5, qiao_bytes(b->chain_before.bytes, SEAL_DIGEST_SIZE));
    buf_append(&one, b->units->data, b->units->size);
    pb_put_bytes(&one, 7, qiao_bytes(at + 25, SEAL_DIGEST_SIZE));
    pb_put_fixed64(&one, 8, get_u64(at));
    pb_put_varint(&one, 9, get_u64(at + 57));
    pb_put_bytes(&one, 10, qiao_bytes(at + 65, SEAL_DIGEST_SIZE));
    pb_put_varint(&one, 11, b->suite);
    pb_put_bytes(&one, 12, qiao_bytes(key_id.bytes, SEAL_KEY_ID_SIZE));
    pb_put_bytes(&one, 13, qiao_bytes(at + CUSTODY_RECORD_HEAD_SIZE, r->value.size - CUSTODY_RECORD_HEAD_SIZE));
    pb_put_bytes(dossier, CUSTODY, buf_bytes(&one));
    put_certificate(core, &key_id, dossier);
}

/* Why the receipt for the message at this place cannot be shown, or NULL: it was appended. */
static const char *prove_receipt(struct core *core, const struct peer *peer, const struct place *place, uint64_t sequence, struct buf *dossier)
{
    buf_auto units = { 0 };
    struct receipt_at r = receipts_in(core, place, sequence, SEQUENCE_MAX, take_first_receipt), before = receipt_before(core, place);
    if (!r.found) return "it has not signed for the message yet";
    struct books b = { .seal = core->config.seal, .suite = (enum seal_suite)r.value.data[8], .place = place, .units = &units, .at = before.sequence + 1, .end = r.sequence + 1 };
    if (before.found) memcpy(b.chain.bytes, before.value.data + 25, SEAL_DIGEST_SIZE);
    struct key from = key_sequence('L', place->peer, place->lane, b.at), to = key_sequence('L', place->peer, place->lane, b.end);
    if (b.suite < SEAL_SUITES) store_scan(core->store, key_bytes(&from), key_bytes(&to), read_run, &b);
    if (b.broken || b.at != b.end || b.units_count == 0) return "the books of what was sent to it have a gap";
    if (memcmp(b.chain.bytes, r.value.data + 25, SEAL_DIGEST_SIZE) != 0) return "the books of what was sent to it begin after the chain did";
    put_receipt(core, peer, &b, &r, dossier);
    return NULL;
}

struct prove_hop prove_custody(struct core *core, const struct prove_name *name, struct buf *dossier)
{
    struct place place = { 0 };
    struct qiao_bytes units;
    uint64_t sequence;
    find_place(core, &name->leaf, &place);
    find_place(core, &name->root, &place);
    struct key key = key_sequence('L', place.peer, place.lane, place.first);
    if (!place.found || !store_get(core->store, key_bytes(&key), &units) || !is_there(name, &place, units, &sequence)) return (struct prove_hop){ NULL, NULL };
    const struct peer *peer = peer_of_number(core, place.peer);
    if (!peer || peer->member) return (struct prove_hop){ NULL, NULL };
    return (struct prove_hop){ peer, prove_receipt(core, peer, &place, sequence, dossier) };
}
