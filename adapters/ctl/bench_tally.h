/* What bench recv knows: plain bytes in one mapping, of a file if it shall outlive the process. A kill -9 loses nothing of it. */
#ifndef CTL_BENCH_TALLY_H
#define CTL_BENCH_TALLY_H

#include "bench_mark.h"
#include "histogram.h"

#include <jansson.h>

struct bench_tally {
    uint64_t layout;            /* tells a file of another version apart */
    uint32_t run;               /* valid once has_run is set */
    uint32_t has_run;
    uint64_t received;          /* different messages of the run */
    uint64_t duplicates;        /* messages that had come before */
    uint64_t foreign;           /* of another run, or no bench messages */
    uint64_t order_violations;  /* first arrivals with a smaller case sequence than an earlier arrival of the case */
    uint64_t bytes;             /* bodies of the different messages */
    uint64_t sequence_max;
    uint64_t first_ns, last_ns; /* when the first and the last different message came, since 1970 */
    struct histogram latency;   /* from the intended send time to here */
    uint32_t case_last[BENCH_CASES_MAX];
    uint8_t seen[BENCH_SEQUENCES_MAX / 8]; /* pages that are not touched take no memory */
};

/* Maps a tally, empty or as an earlier process left it in file (NULL: memory only). 0 with *ret_tally, or -errno; -EINVAL: the file is not
 * a tally of this version. */
int bench_tally_open(const char *file, struct bench_tally **ret_tally);
struct bench_tally *bench_tally_close(struct bench_tally *tally);

enum bench_arrival { BENCH_NEW, BENCH_DUPLICATE, BENCH_FOREIGN };

/* Counts one delivery. The first bench message decides the run unless it was set before. now_ns since 1970. */
enum bench_arrival bench_tally_add(struct bench_tally *tally, struct qiao_bytes body, uint64_t now_ns);

/* How many of the first `expected` messages have not come. */
uint64_t bench_tally_lost(const struct bench_tally *tally, uint64_t expected);

/* The summary. New reference, NULL without memory. */
json_t *bench_tally_to_json(const struct bench_tally *tally, uint64_t expected);

#endif
