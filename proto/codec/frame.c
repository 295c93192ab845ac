#include "codec/frame.h"

#include <qiao/err.h>

enum frame_result frame_parse(struct qiao_bytes bytes, size_t size_max, struct frame *ret_frame, size_t *ret_size, unsigned *ret_code)
{
    static const uint8_t magic[2] = { 'Q', 'i' };
    size_t seen = bytes.size < 2 ? bytes.size : 2;
    *ret_size = FRAME_HEAD_SIZE;
    *ret_code = QIAO_CODE_FRAME_MAGIC;
    if (seen > 0 && memcmp(bytes.data, magic, seen) != 0) return FRAME_REJECT;
    *ret_code = QIAO_CODE_FRAME_VERSION;
    if (bytes.size > 2 && bytes.data[2] != FRAME_VERSION) return FRAME_REJECT;
    *ret_code = QIAO_CODE_FRAME_TYPE;
    if (bytes.size > 3 && (bytes.data[3] == 0 || bytes.data[3] >= FRAME_TYPE_COUNT)) return FRAME_REJECT;
    if (bytes.size < FRAME_HEAD_SIZE) {
        *ret_code = QIAO_CODE_OK;
        return FRAME_MORE;
    }
    uint32_t payload_size = get_u32(bytes.data + 4);
    *ret_code = QIAO_CODE_FRAME_SIZE;
    if (payload_size > size_max - FRAME_HEAD_SIZE) return FRAME_REJECT;
    *ret_code = QIAO_CODE_OK;
    *ret_size = FRAME_HEAD_SIZE + payload_size;
    if (bytes.size < *ret_size) return FRAME_MORE;
    *ret_frame = (struct frame){ (enum frame_type)bytes.data[3], qiao_bytes(bytes.data + FRAME_HEAD_SIZE, payload_size) };
    return FRAME_READY;
}

size_t frame_begin(struct buf *buf, enum frame_type type)
{
    size_t mark = buf->size;
    uint8_t *head = buf_reserve(buf, FRAME_HEAD_SIZE);
    head[0] = 'Q';
    head[1] = 'i';
    head[2] = FRAME_VERSION;
    head[3] = (uint8_t)type;
    put_u32(head + 4, 0);
    buf->size += FRAME_HEAD_SIZE;
    return mark;
}

void frame_end(struct buf *buf, size_t mark)
{
    put_u32(buf->data + mark + 4, (uint32_t)(buf->size - mark - FRAME_HEAD_SIZE));
}

/* Completes the frame that began in an earlier call with as little copying as it needs. */
static unsigned feed_partial(struct frame_reader *reader, struct qiao_bytes *bytes, const size_t *size_max, frame_visit visit, void *context, bool *go_on)
{
    while (reader->partial.size > 0) {
        struct frame frame;
        size_t need;
        unsigned code;
        enum frame_result result = frame_parse(buf_bytes(&reader->partial), *size_max, &frame, &need, &code);
        if (result == FRAME_REJECT) return code;
        if (result == FRAME_READY) {
            *go_on = visit(context, &frame);
            buf_clear(&reader->partial, 4096);
            break;
        }
        if (bytes->size == 0) break;
        size_t part = need - reader->partial.size;
        if (part > bytes->size) part = bytes->size;
        buf_append(&reader->partial, bytes->data, part);
        *bytes = qiao_bytes(bytes->data + part, bytes->size - part);
    }
    return QIAO_CODE_OK;
}

unsigned frame_reader_feed(struct frame_reader *reader, struct qiao_bytes bytes, const size_t *size_max, frame_visit visit, void *context)
{
    bool go_on = true;
    unsigned code = feed_partial(reader, &bytes, size_max, visit, context, &go_on);
    while (code == QIAO_CODE_OK && go_on && bytes.size > 0) {
        struct frame frame;
        size_t size;
        enum frame_result result = frame_parse(bytes, *size_max, &frame, &size, &code);
        if (result == FRAME_MORE) {
            buf_append(&reader->partial, bytes.data, bytes.size);
            break;
        }
        if (result == FRAME_REJECT) break;
        go_on = visit(context, &frame);
        bytes = qiao_bytes(bytes.data + size, bytes.size - size);
    }
    return code;
}

void frame_reader_deinit(struct frame_reader *reader)
{
    buf_deinit(&reader->partial);
}
