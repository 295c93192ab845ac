#include "codec/run.h"

#include <qiao/limits.h>

bool run_open(struct qiao_bytes value, struct run_view *ret_run)
{
    if (value.size < RUN_HEAD_SIZE) return false;
    ret_run->count = get_u32(value.data);
    ret_run->ended = get_u32(value.data + 4);
    ret_run->expires_at_ms = get_u64(value.data + 8);
    ret_run->entries = qiao_bytes(value.data + RUN_HEAD_SIZE, value.size - RUN_HEAD_SIZE);
    return ret_run->count > 0;
}

void run_begin(struct buf *buf)
{
    static const uint8_t empty[RUN_HEAD_SIZE];
    buf_append(buf, empty, sizeof empty);
}

void run_put_head(struct buf *buf, uint32_t count, uint32_t ended, uint64_t expires_at_ms)
{
    put_u32(buf->data, count);
    put_u32(buf->data + 4, ended);
    put_u64(buf->data + 8, expires_at_ms);
}

bool batch_open(struct qiao_bytes payload, struct batch_view *ret_batch)
{
    struct batch_view batch = { .payload = payload };
    struct pb_reader r = pb_reader(payload);
    struct pb_field f;
    uint64_t lane = 0, count = 0, seen = 0;
    while (pb_next(&r, &f)) {
        if (f.number == 1 && f.type != PB_BYTES) return false;
        seen += f.number == 1;
        if (f.number > 1 && f.number < 5 && f.type != PB_VARINT) return false;
        if (f.number == 2) lane = f.value;
        if (f.number == 3) batch.first_sequence = f.value;
        if (f.number == 4) count = f.value;
    }
    if (r.failed || lane > QIAO_LANES || batch.first_sequence == 0) return false;
    if (count != seen || count == 0 || count > QIAO_BATCH_MESSAGES_MAX) return false;
    if (batch.first_sequence > UINT64_MAX / 2) return false;
    batch.lane = (unsigned)lane;
    batch.count = (uint32_t)count;
    *ret_batch = batch;
    return true;
}

void batch_put_fields(struct buf *buf, unsigned lane, uint64_t first_sequence, uint32_t count)
{
    pb_put_varint(buf, 2, lane);
    pb_put_varint(buf, 3, first_sequence);
    pb_put_varint(buf, 4, count);
}
