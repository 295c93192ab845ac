#include "edge/gate.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Addresses remembered: rows of a few, found by hash. 256 KiB, touched as it fills. */
#define ROWS 1024u
#define ROW_SIZE 4u
#define ENTRIES (ROWS * ROW_SIZE)
#define TOKEN 1000u /* a handshake; buckets count thousandths, so that a millisecond at a rate of one a second is one */

struct bucket {
    uint64_t tokens;
    uint64_t filled_at_ms;
};

struct entry {
    uint8_t key[GATE_ADDRESS_SIZE];
    struct bucket bucket;
    uint64_t used_at_ms;
    uint32_t open, unproven;
    bool taken;
    bool proved;      /* a peer has proved itself from here since the entry was made */
};

struct gate {
    struct gate_limits limits;
    uint64_t seed;
    struct bucket shared, local; /* of all addresses, and of this machine */
    struct entry *entries; /* and behind them one for all addresses that find their row full of others with open connections */
};

/* What must stay in the shared bucket, in quarters of it. */
enum standing { STANDING_BUSY, STANDING_CALM, STANDING_KNOWN };
static const unsigned left_quarters[] = { [STANDING_BUSY] = 2, [STANDING_CALM] = 1, [STANDING_KNOWN] = 0 };

static void fill(struct bucket *bucket, uint32_t per_second, uint64_t now_ms)
{
    uint64_t full = (uint64_t)per_second * TOKEN;
    uint64_t elapsed_ms = now_ms - bucket->filled_at_ms;
    uint64_t gained = elapsed_ms >= 1000 ? full : elapsed_ms * per_second;
    bucket->tokens = bucket->tokens + gained < full ? bucket->tokens + gained : full;
    bucket->filled_at_ms = now_ms;
}

/* ---- the table of addresses ---- */

/* splitmix64's finisher (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static void make_key(const uint8_t *address, uint8_t key[GATE_ADDRESS_SIZE])
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    memcpy(key, address, GATE_ADDRESS_SIZE);
    if (memcmp(address, mapped, sizeof mapped) != 0) memset(key + 8, 0, 8);
}

static struct entry *row_of(struct gate *gate, const uint8_t key[GATE_ADDRESS_SIZE])
{
    uint64_t halves[2];
    memcpy(halves, key, sizeof halves);
    return &gate->entries[mix(mix(halves[0] ^ gate->seed) + halves[1]) % ROWS * ROW_SIZE];
}

/* Of two entries that may both go, the one that is missed less. */
static bool is_worth_less(const struct entry *a, const struct entry *b)
{
    if (a->taken != b->taken) return !a->taken;
    if (a->proved != b->proved) return !a->proved;
    return a->used_at_ms < b->used_at_ms;
}

static struct entry *find(struct gate *gate, const uint8_t *address, uint64_t now_ms)
{
    uint8_t key[GATE_ADDRESS_SIZE];
    make_key(address, key);
    struct entry *row = row_of(gate, key), *replaced = NULL;
    for (struct entry *e = row; e < row + ROW_SIZE; e++) {
        if (e->taken && memcmp(e->key, key, sizeof key) == 0) return e;
        if (e->open == 0 && (!replaced || is_worth_less(e, replaced))) replaced = e;
    }
    if (!replaced) return &gate->entries[ENTRIES];
    *replaced = (struct entry){ .taken = true, .bucket = { (uint64_t)gate->limits.handshakes_per_address_max * TOKEN, now_ms } };
    memcpy(replaced->key, key, sizeof key);
    return replaced;
}

/* ---- entering and leaving ---- */

static bool take(struct gate *gate, struct bucket *bucket, enum standing standing, uint64_t now_ms)
{
    fill(bucket, gate->limits.handshakes_per_second_max, now_ms);
    uint64_t left = (uint64_t)gate->limits.handshakes_per_second_max * left_quarters[standing] / 4 * TOKEN;
    if (bucket->tokens < left + TOKEN) return false;
    bucket->tokens -= TOKEN;
    return true;
}

static enum standing standing_of(const struct gate *gate, const struct entry *e)
{
    if (e->proved) return STANDING_KNOWN;
    return e->bucket.tokens * 2 >= (uint64_t)gate->limits.handshakes_per_address_max * TOKEN ? STANDING_CALM : STANDING_BUSY;
}

static enum gate_verdict judge(struct gate *gate, struct entry *e, uint64_t now_ms)
{
    const struct gate_limits *limits = &gate->limits;
    fill(&e->bucket, limits->handshakes_per_address_max, now_ms);
    e->used_at_ms = now_ms;
    if (e->open >= limits->connections_per_address_max) return GATE_ADDRESS_CONNECTIONS;
    if (e->unproven >= limits->unproven_per_address_max) return GATE_ADDRESS_UNPROVEN;
    if (e->bucket.tokens < TOKEN) return GATE_ADDRESS_HANDSHAKES;
    enum standing standing = standing_of(gate, e);
    e->bucket.tokens -= TOKEN; /* for the attempt: who is refused and comes again at once is not calm */
    return take(gate, &gate->shared, standing, now_ms) ? GATE_OPEN : GATE_HANDSHAKES;
}

enum gate_verdict gate_enter(struct gate *gate, const uint8_t *address, uint64_t now_ms, uint32_t *ret_place)
{
    *ret_place = 0;
    if (!address) return take(gate, &gate->local, STANDING_KNOWN, now_ms) ? GATE_OPEN : GATE_HANDSHAKES;
    struct entry *e = find(gate, address, now_ms);
    enum gate_verdict verdict = judge(gate, e, now_ms);
    if (verdict != GATE_OPEN) return verdict;
    e->open++;
    e->unproven++;
    *ret_place = (uint32_t)(e - gate->entries) + 1;
    return GATE_OPEN;
}

static struct entry *entry_at(struct gate *gate, uint32_t place)
{
    assert(place <= ENTRIES + 1);
    return place > 0 ? &gate->entries[place - 1] : NULL;
}

void gate_proved(struct gate *gate, uint32_t place)
{
    struct entry *e = entry_at(gate, place);
    if (!e) return;
    assert(e->unproven > 0);
    e->unproven--;
    e->proved = e != &gate->entries[ENTRIES]; /* one of a crowd speaks for itself only */
}

void gate_leave(struct gate *gate, uint32_t place, bool proved)
{
    struct entry *e = entry_at(gate, place);
    if (!e) return;
    assert(e->open > 0 && (proved || e->unproven > 0));
    e->open--;
    e->unproven -= !proved;
}

/* ---- life ---- */

int gate_new(uint64_t seed, const struct gate_limits *limits, struct gate **ret_gate)
{
    struct gate *gate = calloc(1, sizeof *gate);
    struct entry *entries = calloc(ENTRIES + 1, sizeof *entries);
    if (!gate || !entries) {
        free(gate);
        free(entries);
        return -ENOMEM;
    }
    *gate = (struct gate){ .limits = *limits, .seed = seed, .entries = entries };
    gate->shared.tokens = gate->local.tokens = (uint64_t)limits->handshakes_per_second_max * TOKEN;
    *ret_gate = gate;
    return 0;
}

struct gate *gate_free(struct gate *gate)
{
    if (gate) free(gate->entries);
    free(gate);
    return NULL;
}

void gate_set_limits(struct gate *gate, const struct gate_limits *limits)
{
    gate->limits = *limits;
}

const char *gate_reason(enum gate_verdict verdict)
{
    static const char *const reasons[GATE_VERDICTS] = {
        [GATE_OPEN] = "",
        [GATE_ADDRESS_CONNECTIONS] = "too many connections from this address: see limits.connections_per_address_max",
        [GATE_ADDRESS_UNPROVEN] = "too many connections from this address have not proved who they are: see limits.unproven_per_address_max",
        [GATE_ADDRESS_HANDSHAKES] = "too many new connections from this address in a second: see limits.handshakes_per_address_max",
        [GATE_HANDSHAKES] = "too many new connections in a second: see limits.handshakes_per_second_max",
    };
    return reasons[verdict];
}
