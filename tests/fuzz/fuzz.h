/* What the fuzzers share: reading an input as a row of choices, and checks that end the process. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <qiao/bytes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise of the code under test. */
#define FUZZ_CHECK(condition)                                                                  \
    do {                                                                                       \
        if (condition) break;                                                                  \
        fprintf(stderr, "%s:%d: promise broken: %s\n", __FILE__, __LINE__, #condition);        \
        abort();                                                                               \
    } while (0)

/* An input that is used up from the front. Behind its end everything is 0. */
struct choices {
    const uint8_t *at;
    size_t left;
};

static inline struct choices choices(const uint8_t *data, size_t size) { return (struct choices){ data, size }; }

static inline struct qiao_bytes choose_bytes(struct choices *c, size_t size)
{
    if (size > c->left) size = c->left;
    struct qiao_bytes bytes = qiao_bytes(c->at, size);
    c->at += size;
    c->left -= size;
    return bytes;
}

static inline uint8_t choose(struct choices *c)
{
    struct qiao_bytes one = choose_bytes(c, 1);
    return one.size ? one.data[0] : 0;
}

static inline unsigned choose_below(struct choices *c, unsigned bound) { return choose(c) % bound; }

static inline uint64_t choose_number(struct choices *c, size_t size)
{
    struct qiao_bytes bytes = choose_bytes(c, size);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.size; i++) value = value << 8 | bytes.data[i];
    return value;
}

/* Up to 255 bytes, their number told by the first. */
static inline struct qiao_bytes choose_sized(struct choices *c) { return choose_bytes(c, choose(c)); }

#endif
