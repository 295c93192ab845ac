/* Counts of durations in buckets that grow with the value: at most 1/64 wide, so percentiles are within 1.6 % up to 2^42 ns (73 minutes).
 * Fixed size, no memory of its own, plain bytes that may be mapped from a file. */
#ifndef CTL_HISTOGRAM_H
#define CTL_HISTOGRAM_H

#include <jansson.h>
#include <stdint.h>

#define HISTOGRAM_SUB_BITS 6
#define HISTOGRAM_VALUE_BITS 42
#define HISTOGRAM_BUCKETS ((HISTOGRAM_VALUE_BITS - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
    uint64_t count;
    uint64_t sum_ns;
    uint64_t max_ns;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(uint64_t value_ns)
{
    unsigned exponent;

    if (value_ns < (1u << HISTOGRAM_SUB_BITS))
        return (unsigned)value_ns;
    if (value_ns >> HISTOGRAM_VALUE_BITS)
        return HISTOGRAM_BUCKETS - 1;
    exponent = 63u - (unsigned)__builtin_clzll(value_ns) - HISTOGRAM_SUB_BITS;
    return ((exponent + 1) << HISTOGRAM_SUB_BITS) + (unsigned)((value_ns >> exponent) & ((1u << HISTOGRAM_SUB_BITS) - 1));
}

static inline void histogram_add(struct histogram *histogram, uint64_t value_ns)
{
    histogram->count++;
    histogram->sum_ns += value_ns;
    if (value_ns > histogram->max_ns)
        histogram->max_ns = value_ns;
    histogram->buckets[histogram_bucket(value_ns)]++;
}

/* The value that `share` (0 to 1) of the counted values do not exceed; the middle of its bucket, never above the maximum. 0 if empty. */
uint64_t histogram_percentile_ns(const struct histogram *histogram, double share);

/* {"p50": …, "p90", "p99", "p999", "max", "mean", "count"} in milliseconds. New reference, NULL without memory. */
json_t *histogram_to_json(const struct histogram *histogram);

#endif
