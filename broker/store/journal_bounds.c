#include "journal_bounds.h"

#define HEAD_SIZE 8u

/* Keeps the order of keys, but for keys that differ behind it. */
static uint64_t head_of(struct qiao_bytes key)
{
    uint64_t head = 0;

    for (size_t i = 0; i < HEAD_SIZE; i++)
        head = head << 8 | (i < key.size ? key.data[i] : 0);
    return head;
}

bool bounds_exclude(const struct bounds *bounds, struct qiao_bytes key)
{
    return key.size && head_of(key) > atomic_load_explicit(&bounds->heads[key.data[0]], memory_order_relaxed);
}

void bounds_raise(struct bounds *bounds, struct qiao_bytes key)
{
    uint64_t head = head_of(key);

    if (key.size && head > atomic_load_explicit(&bounds->heads[key.data[0]], memory_order_relaxed))
        atomic_store_explicit(&bounds->heads[key.data[0]], head, memory_order_relaxed);
}

static bool take_first(void *context, struct qiao_bytes key, struct qiao_bytes value)
{
    (void)value;
    *(uint64_t *)context = head_of(key);
    return false;
}

/* The head of the first key whose head is this or more; 0 at the end. Zeros at the end are left out, or a short key would be before
 * the head made of it. */
static uint64_t seek(struct store *base, uint64_t head)
{
    uint8_t from[HEAD_SIZE];
    uint64_t found = 0;
    size_t size = 0;

    for (uint64_t rest = head; rest; rest <<= 8)
        from[size++] = (uint8_t)(rest >> 56);
    store_scan(base, qiao_bytes(from, size), qiao_bytes(NULL, 0), take_first, &found);
    return found;
}

/* Scans go forward only, so the last key is found by halving what may lie behind the last one met. */
static uint64_t last_in(struct store *base, uint64_t low, uint64_t high)
{
    while (low < high) {
        uint64_t middle = low + (high - low) / 2 + 1, found = seek(base, middle);
        if (found >= middle && found <= high)
            low = found;
        else
            high = middle - 1;
    }
    return low;
}

void bounds_init(struct bounds *bounds, struct store *base)
{
    for (uint64_t first = 0; first < 256; first++) {
        uint64_t low = first << 56, high = low | UINT64_MAX >> 8, found = seek(base, low);
        bool has = found >= low && found <= high;
        atomic_init(&bounds->heads[first], has ? last_in(base, found, high) : 0);
    }
}
