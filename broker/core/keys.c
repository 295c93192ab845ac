#include "core/keys.h"

struct key key_lane(uint8_t prefix, uint16_t peer, unsigned lane)
{
    struct key key = { .size = 4 };
    key.bytes[0] = prefix;
    put_u16(key.bytes + 1, peer);
    key.bytes[3] = (uint8_t)lane;
    return key;
}

struct key key_sequence(uint8_t prefix, uint16_t peer, unsigned lane, uint64_t sequence)
{
    struct key key = key_lane(prefix, peer, lane);
    put_u64(key.bytes + 4, sequence);
    key.size = 12;
    return key;
}

struct key key_neighbour(uint16_t peer)
{
    struct key key = { .bytes = { 'J' }, .size = 3 };
    put_u16(key.bytes + 1, peer);
    return key;
}

struct key key_run(uint16_t peer, unsigned lane, uint64_t first)
{
    return key_sequence('Q', peer, lane, first);
}

struct key key_number(uint8_t prefix, uint64_t number)
{
    struct key key = { .bytes = { prefix }, .size = 9 };
    put_u64(key.bytes + 1, number);
    return key;
}

struct key key_received(uint16_t peer, uint64_t incarnation, unsigned lane)
{
    struct key key = { .bytes = { 'W' }, .size = 12 };
    put_u16(key.bytes + 1, peer);
    put_u64(key.bytes + 3, incarnation);
    key.bytes[11] = (uint8_t)lane;
    return key;
}

static void key_add(struct key *key, const void *data, size_t size)
{
    assert(size <= sizeof key->bytes - key->size);
    memcpy(key->bytes + key->size, data, size);
    key->size += size;
}

struct key key_origin(const struct qiao_id *id)
{
    struct key key = { .bytes = { 'O' }, .size = 1 };
    key_add(&key, id->bytes, QIAO_ID_SIZE);
    return key;
}

struct key key_place(const uint8_t hash[SEAL_DIGEST_SIZE], uint16_t peer)
{
    struct key key = { .bytes = { 'I' }, .size = 1 };
    uint8_t number[2];
    put_u16(number, peer);
    key_add(&key, hash, 16);
    key_add(&key, number, sizeof number);
    return key;
}

struct key key_destination(const struct qiao_id *id, uint16_t peer, uint32_t tag)
{
    struct key key = { .bytes = { 'D' }, .size = 1 };
    uint8_t number[2 + TAG_SIZE];
    put_u16(number, peer);
    put_u32(number + 2, tag);
    key_add(&key, id->bytes, QIAO_ID_SIZE);
    key_add(&key, number, sizeof number);
    return key;
}

struct key key_certificate(const struct seal_key_id *id)
{
    struct key key = { .bytes = { 'K' }, .size = 1 };
    key_add(&key, id->bytes, sizeof id->bytes);
    return key;
}

/* Longer recipients than fit are cut: area and org come first and are what tells recipients apart. */
struct key key_recipient(const struct qiao_id *id, struct qiao_bytes recipient)
{
    struct key key = { .bytes = { 'R' }, .size = 1 };
    size_t room = sizeof key.bytes - 1 - QIAO_ID_SIZE;
    key_add(&key, id->bytes, QIAO_ID_SIZE);
    key_add(&key, recipient.data, recipient.size < room ? recipient.size : room);
    return key;
}

struct key key_case(struct qiao_bytes case_id, const struct qiao_id *id)
{
    struct key key = { .bytes = { 'E' }, .size = 1 };
    key_add(&key, case_id.data, case_id.size);
    key_add(&key, "", 1);
    if (id) key_add(&key, id->bytes, QIAO_ID_SIZE);
    return key;
}

struct key key_named(uint8_t prefix, const char *name)
{
    struct key key = { .bytes = { prefix }, .size = 1 };
    key_add(&key, name, strlen(name));
    return key;
}

struct key key_chunk(const uint8_t digest[32], uint32_t index)
{
    struct key key = { .bytes = { 'F' }, .size = 1 };
    uint8_t number[4];
    put_u32(number, index);
    key_add(&key, digest, 32);
    key_add(&key, number, sizeof number);
    return key;
}

struct key key_attachment(uint8_t letter, const uint8_t digest[32])
{
    struct key key = { .bytes = { 'f', letter }, .size = 2 };
    key_add(&key, digest, 32);
    return key;
}

struct key key_attachment_for(uint8_t letter, const uint8_t digest[32], struct qiao_bytes whom)
{
    struct key key = key_attachment(letter, digest);
    key_add(&key, whom.data, whom.size);
    return key;
}

struct key key_attachment_end(uint64_t until_ms, const uint8_t digest[32])
{
    struct key key = { .bytes = { 'f', 'x' }, .size = 2 };
    uint8_t until[8];
    put_u64(until, until_ms);
    key_add(&key, until, sizeof until);
    key_add(&key, digest, 32);
    return key;
}

void key_end_of_family(struct key *key)
{
    key_add(key, "\xff\xff\xff", 3);
}

uint64_t key_run_first(struct qiao_bytes key)
{
    return key.size == 12 ? get_u64(key.data + 4) : 0;
}

struct qiao_bytes record_write(const struct message_record *record, uint8_t out[MESSAGE_RECORD_SIZE])
{
    static const uint8_t no_leaf[LEAF_SIZE];
    out[0] = record->outcome;
    out[1] = record->flags;
    put_u16(out + 2, record->code);
    put_u16(out + 4, record->peer);
    put_u64(out + 6, record->at_ms);
    memcpy(out + 14, record->digest, FINGERPRINT_SIZE);
    memcpy(out + 18, record->leaf, LEAF_SIZE);
    put_u64(out + 34, record->evidence);
    put_u32(out + 42, record->evidence_index);
    memcpy(out + 46, record->receipt.bytes, QIAO_ID_SIZE);
    put_u64(out + 62, record->area_hash);
    return qiao_bytes(out, memcmp(record->leaf, no_leaf, LEAF_SIZE) == 0 ? MESSAGE_RECORD_SIZE_SHORT : MESSAGE_RECORD_SIZE);
}

static uint64_t mix_in(uint64_t hash, struct qiao_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++) hash = (hash ^ bytes.data[i]) * 0x100000001b3u;
    return (hash ^ bytes.size) * 0x100000001b3u;
}

/* Each part under a key that depends on those before it. */
void message_fingerprint(const uint8_t secret[SIPHASH_KEY_SIZE], const struct header *h, uint8_t ret_fingerprint[FINGERPRINT_SIZE])
{
    const struct qiao_bytes parts[] = { h->destination.raw, h->case_id, h->body_digest };
    uint8_t key[SIPHASH_KEY_SIZE];
    memcpy(key, secret, sizeof key);
    uint64_t hash = h->kind;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        put_u64(key, get_u64(secret) ^ hash);
        hash = siphash(key, parts[i]);
    }
    for (unsigned i = 0; i < h->attachments_count; i++) {
        put_u64(key, get_u64(secret) ^ hash);
        hash = siphash(key, h->attachments[i]);
    }
    put_u32(ret_fingerprint, (uint32_t)hash);
}

uint32_t source_tag(const uint8_t secret[SIPHASH_KEY_SIZE], const struct header *h)
{
    return (uint32_t)siphash(secret, h->source.raw);
}

uint64_t hash_of_area(struct qiao_bytes area)
{
    return mix_in(0xcbf29ce484222325u, area);
}

bool record_read(struct qiao_bytes bytes, struct message_record *ret_record)
{
    if ((bytes.size != MESSAGE_RECORD_SIZE && bytes.size != MESSAGE_RECORD_SIZE_SHORT) || bytes.data[0] > 4) return false;
    *ret_record = (struct message_record){ 0 };
    ret_record->outcome = bytes.data[0];
    ret_record->flags = bytes.data[1];
    ret_record->code = get_u16(bytes.data + 2);
    ret_record->peer = get_u16(bytes.data + 4);
    ret_record->at_ms = get_u64(bytes.data + 6);
    memcpy(ret_record->digest, bytes.data + 14, FINGERPRINT_SIZE);
    if (bytes.size == MESSAGE_RECORD_SIZE_SHORT) return true;
    memcpy(ret_record->leaf, bytes.data + 18, LEAF_SIZE);
    ret_record->evidence = get_u64(bytes.data + 34);
    ret_record->evidence_index = get_u32(bytes.data + 42);
    memcpy(ret_record->receipt.bytes, bytes.data + 46, QIAO_ID_SIZE);
    ret_record->area_hash = get_u64(bytes.data + 62);
    return true;
}
