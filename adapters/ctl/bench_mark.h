/* What a bench message carries about itself: in the first 32 bytes of its body, and, for receipts, which have no body, in its id. */
#ifndef CTL_BENCH_MARK_H
#define CTL_BENCH_MARK_H

#include <qiao/bytes.h>
#include <qiao/id.h>
#include <stdbool.h>
#include <stdint.h>

#define BENCH_MARK_SIZE 32
#define BENCH_SEQUENCES_MAX (UINT64_C(1) << 30) /* messages of a run */
#define BENCH_CASES_MAX (1u << 20)
#define BENCH_RUN_MAX ((1u << 22) - 1)          /* a run id has 22 bits, so that it fits into a message id */

struct bench_mark {
    uint32_t run;
    uint64_t sequence;      /* from 0 */
    uint32_t case_number;   /* from 0 */
    uint32_t case_sequence; /* from 1 */
    uint64_t intended_ns;   /* when it was meant to be sent, since 1970 */
};

void bench_mark_write(const struct bench_mark *mark, uint8_t bytes[BENCH_MARK_SIZE]);
/* False if these are not the first bytes of a bench message. */
bool bench_mark_read(struct qiao_bytes body, struct bench_mark *ret_mark);

/* A UUIDv7 whose time has the 12 bits below the millisecond of RFC 9562 section 6.2 method 3, and whose other bits hold run and sequence:
 * nothing has to be remembered for a message until its receipt comes. */
struct qiao_id bench_id_make(uint32_t run, uint64_t sequence, uint64_t intended_ns);
void bench_id_read(const struct qiao_id *id, uint32_t *ret_run, uint64_t *ret_sequence, uint64_t *ret_intended_ns);

#endif
