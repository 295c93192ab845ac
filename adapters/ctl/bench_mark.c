#include "bench_mark.h"

#include "clock.h"

static const uint8_t magic[4] = { 'Q', 'b', 'c', '1' };

/* Big endian, size bytes. */
static void put(uint8_t *bytes, size_t size, uint64_t number)
{
    while (size) {
        bytes[--size] = (uint8_t)number;
        number >>= 8;
    }
}

static uint64_t get(const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;

    for (size_t i = 0; i < size; i++)
        number = number << 8 | bytes[i];
    return number;
}

void bench_mark_write(const struct bench_mark *mark, uint8_t bytes[BENCH_MARK_SIZE])
{
    memcpy(bytes, magic, sizeof(magic));
    put(bytes + 4, 4, mark->run);
    put(bytes + 8, 8, mark->sequence);
    put(bytes + 16, 4, mark->case_number);
    put(bytes + 20, 4, mark->case_sequence);
    put(bytes + 24, 8, mark->intended_ns);
}

bool bench_mark_read(struct qiao_bytes body, struct bench_mark *ret_mark)
{
    if (body.size < BENCH_MARK_SIZE || memcmp(body.data, magic, sizeof(magic)) != 0)
        return false;
    *ret_mark = (struct bench_mark){
        .run = (uint32_t)get(body.data + 4, 4),
        .sequence = get(body.data + 8, 8),
        .case_number = (uint32_t)get(body.data + 16, 4),
        .case_sequence = (uint32_t)get(body.data + 20, 4),
        .intended_ns = get(body.data + 24, 8),
    };
    return ret_mark->run <= BENCH_RUN_MAX && ret_mark->sequence < BENCH_SEQUENCES_MAX && ret_mark->case_number < BENCH_CASES_MAX;
}

/* 48 bits ms | version 7 | 12 bits of the millisecond | variant | 22 bits run | 40 bits sequence. */
struct qiao_id bench_id_make(uint32_t run, uint64_t sequence, uint64_t intended_ns)
{
    uint64_t fraction = (intended_ns % CLOCK_NS_PER_MS << 12) / CLOCK_NS_PER_MS;
    struct qiao_id id;

    put(id.bytes, 6, intended_ns / CLOCK_NS_PER_MS);
    put(id.bytes + 6, 2, 0x7000 | fraction);
    put(id.bytes + 8, 8, UINT64_C(2) << 62 | (uint64_t)(run & BENCH_RUN_MAX) << 40 | (sequence & ((UINT64_C(1) << 40) - 1)));
    return id;
}

void bench_id_read(const struct qiao_id *id, uint32_t *ret_run, uint64_t *ret_sequence, uint64_t *ret_intended_ns)
{
    uint64_t low = get(id->bytes + 8, 8), fraction = get(id->bytes + 6, 2) & 0xfff;

    *ret_run = (uint32_t)(low >> 40) & BENCH_RUN_MAX;
    *ret_sequence = low & ((UINT64_C(1) << 40) - 1);
    *ret_intended_ns = get(id->bytes, 6) * CLOCK_NS_PER_MS + (fraction * CLOCK_NS_PER_MS >> 12);
}
