#include "codec/frame.h"

#include <criterion/criterion.h>
#include <qiao/err.h>
#include <qiao/limits.h>

struct seen {
    size_t count;
    enum frame_type types[64];
    struct buf payloads;
    size_t stop_after;
};

static bool see(void *context, const struct frame *frame)
{
    struct seen *seen = context;
    seen->types[seen->count++] = frame->type;
    buf_append(&seen->payloads, frame->payload.data, frame->payload.size);
    return seen->count != seen->stop_after;
}

static void put_frame(struct buf *buf, enum frame_type type, const void *payload, size_t size)
{
    size_t mark = frame_begin(buf, type);
    buf_append(buf, payload, size);
    frame_end(buf, mark);
}

Test(frame, what_is_written_is_read)
{
    buf_auto out = { 0 };
    put_frame(&out, FRAME_BATCH, "hello", 5);
    struct frame frame;
    size_t size;
    unsigned code;
    cr_assert_eq(frame_parse(buf_bytes(&out), 1024, &frame, &size, &code), FRAME_READY);
    cr_assert_eq(frame.type, FRAME_BATCH);
    cr_assert_eq(size, FRAME_HEAD_SIZE + 5);
    cr_assert_eq(frame.payload.size, 5);
    cr_assert_arr_eq(frame.payload.data, "hello", 5);
}

Test(frame, every_prefix_asks_for_more_and_tells_how_much)
{
    buf_auto out = { 0 };
    put_frame(&out, FRAME_PING, "twelve bytes", 12);
    for (size_t size = 0; size < out.size; size++) {
        struct frame frame;
        size_t need;
        unsigned code;
        cr_assert_eq(frame_parse(qiao_bytes(out.data, size), 1024, &frame, &need, &code), FRAME_MORE, "prefix of %zu", size);
        cr_assert_eq(need, size < FRAME_HEAD_SIZE ? FRAME_HEAD_SIZE : out.size);
    }
}

Test(frame, each_wrong_byte_of_the_head_has_its_code)
{
    static const struct { size_t at; uint8_t value; unsigned code; } wrong[] = {
        { 0, 'q', QIAO_CODE_FRAME_MAGIC }, { 1, 'I', QIAO_CODE_FRAME_MAGIC },    { 2, 0, QIAO_CODE_FRAME_VERSION },
        { 2, 2, QIAO_CODE_FRAME_VERSION }, { 3, 0, QIAO_CODE_FRAME_TYPE },       { 3, FRAME_TYPE_COUNT, QIAO_CODE_FRAME_TYPE },
        { 3, 255, QIAO_CODE_FRAME_TYPE },  { 4, 0x80, QIAO_CODE_FRAME_SIZE },    { 6, 0xff, QIAO_CODE_FRAME_SIZE },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        buf_auto out = { 0 };
        struct frame frame;
        size_t size;
        unsigned code;
        put_frame(&out, FRAME_PING, "", 0);
        out.data[wrong[i].at] = wrong[i].value;
        cr_assert_eq(frame_parse(buf_bytes(&out), 1024, &frame, &size, &code), FRAME_REJECT, "case %zu", i);
        cr_assert_eq(code, wrong[i].code, "case %zu: %u", i, code);
        /* It is refused as soon as the wrong byte is there, not when the frame is whole. */
        if (wrong[i].at < 4) cr_assert_eq(frame_parse(qiao_bytes(out.data, wrong[i].at + 1), 1024, &frame, &size, &code), FRAME_REJECT);
    }
}

Test(frame, the_largest_frame_is_taken_and_one_byte_more_is_not)
{
    buf_auto out = { 0 };
    struct frame frame;
    size_t size;
    unsigned code;
    uint8_t *payload = base_zalloc(1000);
    put_frame(&out, FRAME_BATCH, payload, 1000);
    cr_assert_eq(frame_parse(buf_bytes(&out), FRAME_HEAD_SIZE + 1000, &frame, &size, &code), FRAME_READY);
    cr_assert_eq(frame_parse(buf_bytes(&out), FRAME_HEAD_SIZE + 999, &frame, &size, &code), FRAME_REJECT);
    cr_assert_eq(code, QIAO_CODE_FRAME_SIZE);
    free(payload);
}

Test(reader, frames_come_out_whole_however_the_bytes_come)
{
    buf_auto out = { 0 };
    put_frame(&out, FRAME_HELLO, "one", 3);
    put_frame(&out, FRAME_PING, "", 0);
    put_frame(&out, FRAME_BATCH, "three", 5);
    size_t size_max = 1024;
    for (size_t piece = 1; piece <= out.size; piece++) {
        struct frame_reader reader = { 0 };
        struct seen seen = { 0 };
        for (size_t at = 0; at < out.size; at += piece) {
            size_t part = out.size - at < piece ? out.size - at : piece;
            cr_assert_eq(frame_reader_feed(&reader, qiao_bytes(out.data + at, part), &size_max, see, &seen), 0);
        }
        cr_assert_eq(seen.count, 3, "pieces of %zu", piece);
        cr_assert_eq(seen.types[2], FRAME_BATCH);
        cr_assert_eq(seen.payloads.size, 8);
        cr_assert_arr_eq(seen.payloads.data, "onethree", 8);
        cr_assert_eq(reader.partial.size, 0);
        buf_deinit(&seen.payloads);
        frame_reader_deinit(&reader);
    }
}

Test(reader, stops_when_the_visitor_says_so)
{
    buf_auto out = { 0 };
    size_t size_max = 1024;
    struct frame_reader reader = { 0 };
    struct seen seen = { .stop_after = 1 };
    put_frame(&out, FRAME_PING, "", 0);
    put_frame(&out, FRAME_PING, "", 0);
    cr_assert_eq(frame_reader_feed(&reader, buf_bytes(&out), &size_max, see, &seen), 0);
    cr_assert_eq(seen.count, 1);
    frame_reader_deinit(&reader);
    buf_deinit(&seen.payloads);
}

Test(reader, nonsense_is_refused_without_being_kept)
{
    size_t size_max = QIAO_FRAME_SIZE_MAX_BEFORE_UP;
    for (int byte = 0; byte < 256; byte++) {
        struct frame_reader reader = { 0 };
        struct seen seen = { 0 };
        uint8_t bytes[64];
        memset(bytes, byte, sizeof bytes);
        unsigned code = frame_reader_feed(&reader, qiao_bytes(bytes, sizeof bytes), &size_max, see, &seen);
        cr_assert_eq(code, QIAO_CODE_FRAME_MAGIC);
        cr_assert_eq(seen.count, 0);
        cr_assert_eq(reader.partial.capacity, 0);
        frame_reader_deinit(&reader);
    }
}

Test(reader, a_frame_that_is_too_large_is_refused_by_its_head)
{
    size_t size_max = QIAO_FRAME_SIZE_MAX_BEFORE_UP;
    static const uint8_t head[] = { 'Q', 'i', 1, FRAME_BATCH, 0, 1, 0, 0 };
    struct frame_reader reader = { 0 };
    struct seen seen = { 0 };
    unsigned code = 0;
    for (size_t i = 0; i < sizeof head && code == 0; i++) code = frame_reader_feed(&reader, qiao_bytes(head + i, 1), &size_max, see, &seen);
    cr_assert_eq(code, QIAO_CODE_FRAME_SIZE);
    cr_assert_leq(reader.partial.capacity, 1024);
    frame_reader_deinit(&reader);
}
