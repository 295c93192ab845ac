#include "histogram.h"

#include <math.h>

/* The smallest value of a bucket and how many values share it. */
static void bucket_range(unsigned bucket, uint64_t *ret_first_ns, uint64_t *ret_width_ns)
{
    unsigned exponent = bucket >> HISTOGRAM_SUB_BITS;
    uint64_t sub = bucket & ((1u << HISTOGRAM_SUB_BITS) - 1);

    *ret_width_ns = exponent ? UINT64_C(1) << (exponent - 1) : 1;
    *ret_first_ns = exponent ? (sub + (1u << HISTOGRAM_SUB_BITS)) << (exponent - 1) : sub;
}

uint64_t histogram_percentile_ns(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)ceil((double)histogram->count * share), seen = 0;

    if (!histogram->count)
        return 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t first, width;
        seen += histogram->buckets[i];
        if (!seen || seen < wanted)
            continue;
        bucket_range(i, &first, &width);
        return first + width / 2 < histogram->max_ns ? first + width / 2 : histogram->max_ns;
    }
    return histogram->max_ns;
}

static double in_ms(double value_ns)
{
    return round(value_ns / 1000) / 1000;
}

json_t *histogram_to_json(const struct histogram *histogram)
{
    double mean_ns = histogram->count ? (double)histogram->sum_ns / (double)histogram->count : 0;

    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:I}", "p50", in_ms((double)histogram_percentile_ns(histogram, 0.5)), "p90",
                     in_ms((double)histogram_percentile_ns(histogram, 0.9)), "p99", in_ms((double)histogram_percentile_ns(histogram, 0.99)),
                     "p999", in_ms((double)histogram_percentile_ns(histogram, 0.999)), "max", in_ms((double)histogram->max_ns), "mean",
                     in_ms(mean_ns), "count", (json_int_t)histogram->count);
}
