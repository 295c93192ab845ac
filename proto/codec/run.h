/* Runs: messages with consecutive sequences as they lie in the store and in a batch frame.
 *
 *   stored run:  count (4) | how many are empty (4) | earliest expiry in ms, 0 for none (8) | entries          (integers big endian)
 *   entries:     protobuf field 1 (Batch.envelopes) once a message; an empty one stands for a message that has ended
 */
#ifndef CODEC_RUN_H
#define CODEC_RUN_H

#include "codec/pb.h"

#define RUN_HEAD_SIZE 16u

struct run_view {
    uint32_t count;
    uint32_t ended;          /* empty entries */
    uint64_t expires_at_ms;
    struct qiao_bytes entries;
};

/* False if the stored value is not a run. */
bool run_open(struct qiao_bytes value, struct run_view *ret_run);

/* Walks entries: each call gives the next envelope. */
static inline bool run_next(struct pb_reader *reader, struct qiao_bytes *ret_envelope)
{
    struct pb_field f;
    while (pb_next(reader, &f)) {
        if (f.number != 1 || f.type != PB_BYTES) continue;
        *ret_envelope = f.bytes;
        return true;
    }
    return false;
}

/* Building: an empty head first, entries behind it, the head filled in at the end. */
void run_begin(struct buf *buf);
void run_put_head(struct buf *buf, uint32_t count, uint32_t ended, uint64_t expires_at_ms);

/* Payload of a BATCH frame as a view. */
struct batch_view {
    unsigned lane;
    uint64_t first_sequence;
    uint32_t count;
    struct qiao_bytes payload; /* walk it with run_next */
};

/* False unless lane, sequence and count are there and count is the number of envelopes. */
bool batch_open(struct qiao_bytes payload, struct batch_view *ret_batch);
/* Appends the fields of a Batch except the envelopes, which the caller appends as entries. */
void batch_put_fields(struct buf *buf, unsigned lane, uint64_t first_sequence, uint32_t count);

#endif
