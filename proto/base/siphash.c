#include "base/siphash.h"

struct state { uint64_t v0, v1, v2, v3; };

static uint64_t rotate(uint64_t x, unsigned bits) { return x << bits | x >> (64 - bits); }

static uint64_t little_endian(const uint8_t *bytes, size_t count)
{
    uint64_t word = 0;
    for (size_t i = 0; i < count; i++) word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

static void rounds(struct state *s, unsigned count)
{
    while (count-- > 0) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 = rotate(s->v2, 32);
    }
}

static void add(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    rounds(s, 2);
    s->v0 ^= word;
}

uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE], struct qiao_bytes bytes)
{
    uint64_t k0 = little_endian(key, 8), k1 = little_endian(key + 8, 8);
    struct state s = { k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u };
    size_t whole = bytes.size & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) add(&s, little_endian(bytes.data + i, 8));
    add(&s, (uint64_t)bytes.size << 56 | (bytes.size > whole ? little_endian(bytes.data + whole, bytes.size - whole) : 0));
    s.v2 ^= 0xff;
    rounds(&s, 4);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
