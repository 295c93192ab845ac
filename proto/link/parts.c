#include "link/parts.h"

#include "link/link.h"

/* Memory of a batch that came or went in parts is kept for the next one up to this size. */
#define KEEP_SIZE (64u * 1024u)
#define PART_SIZE_MAX (256u * 1024u)

void link_part_deinit(struct link_part *part)
{
    buf_deinit(&part->bytes);
    *part = (struct link_part){ 0 };
}

struct link_part link_part_copy(const struct link_part *part)
{
    struct link_part copy = *part;
    copy.bytes = (struct buf){ 0 };
    if (part->size > 0) buf_append(&copy.bytes, part->bytes.data, part->bytes.size);
    return copy;
}

struct link_part link_part_take(struct link_part *from)
{
    struct link_part part = *from;
    *from = (struct link_part){ 0 };
    return part;
}

/* ---- as sender ---- */

size_t parts_held(const struct link *link, unsigned lane, uint64_t first_sequence, uint32_t count, struct qiao_bytes payload)
{
    const struct link_held *held = &link->tx[lane].held;
    uint8_t digest[SEAL_DIGEST_SIZE];
    if (held->size != payload.size || held->first_sequence != first_sequence || held->count != count) return 0;
    seal_digest(link->options.seal, SEAL_SUITE_INT1, qiao_bytes(payload.data, held->bytes), digest);
    return memcmp(digest, held->digest, sizeof digest) == 0 ? held->bytes : 0;
}

/* Part { lane = 1, first_sequence = 2, count = 3, size = 4, offset = 5, bytes = 6 } */
size_t parts_send(struct link *link, unsigned lane, size_t size_max, struct buf *out)
{
    struct link_rest *rest = &link->tx[lane].rest;
    size_t left = rest->payload.size - rest->sent, most = size_max < PART_SIZE_MAX ? size_max : PART_SIZE_MAX;
    size_t part = left < most ? left : most, before = out->size;
    size_t mark = frame_begin(out, FRAME_PART);
    pb_put_varint(out, 1, lane);
    pb_put_varint(out, 2, rest->first_sequence);
    pb_put_varint(out, 3, rest->count);
    pb_put_varint(out, 4, rest->payload.size);
    pb_put_varint(out, 5, rest->sent);
    pb_put_bytes(out, 6, qiao_bytes(rest->payload.data + rest->sent, part));
    frame_end(out, mark);
    rest->sent += part;
    if (rest->sent == rest->payload.size) buf_clear(&rest->payload, KEEP_SIZE);
    return out->size - before;
}

/* ---- as receiver ---- */

enum { PART_FIELDS = 7 };

static bool read_part(struct qiao_bytes frame, uint64_t values[PART_FIELDS], struct qiao_bytes *ret_bytes)
{
    struct pb_reader r = pb_reader(frame);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.number >= PART_FIELDS) continue;
        if (f.type != (f.number == 6 ? PB_BYTES : PB_VARINT)) return false;
        values[f.number] = f.value;
        if (f.number == 6) *ret_bytes = f.bytes;
    }
    return !r.failed && ret_bytes->size > 0;
}

static bool fits(const uint64_t values[PART_FIELDS], size_t bytes)
{
    if (values[1] >= QIAO_LANES || values[2] == 0 || values[2] > UINT64_MAX / 2 || values[3] == 0 || values[3] > QIAO_BATCH_MESSAGES_MAX) return false;
    return values[4] <= QIAO_FRAME_SIZE_MAX - FRAME_HEAD_SIZE && values[5] < values[4] && bytes <= values[4] - values[5];
}

unsigned parts_receive(struct link *link, struct qiao_bytes frame, struct qiao_bytes *ret_whole)
{
    uint64_t values[PART_FIELDS] = { 0 };
    struct qiao_bytes bytes = { 0 };
    *ret_whole = (struct qiao_bytes){ 0 };
    if (!read_part(frame, values, &bytes) || !fits(values, bytes.size)) return QIAO_CODE_FRAME_BODY;
    struct link_part *part = &link->rx[values[1]].part;
    if (values[5] == 0) {
        buf_clear(&part->bytes, KEEP_SIZE);
        *part = (struct link_part){ .first_sequence = values[2], .count = (uint32_t)values[3], .size = values[4], .bytes = part->bytes };
    }
    bool follows = part->size == values[4] && part->first_sequence == values[2] && part->count == values[3] && part->bytes.size == values[5];
    if (!follows) return QIAO_CODE_LINK_SEQUENCE;
    buf_append(&part->bytes, bytes.data, bytes.size);
    if (part->bytes.size < part->size) return QIAO_CODE_OK;
    part->size = 0;
    *ret_whole = buf_bytes(&part->bytes);
    return QIAO_CODE_OK;
}
