/* A stream cut into any pieces gives the same frames and the same refusal as the stream in one piece. */
#include "fuzz.h"

#include "codec/frame.h"

#include <qiao/err.h>
#include <qiao/limits.h>

struct story {
    size_t size_max;
    size_t larger_after;   /* frames until the link is up and allows more */
    size_t stop_after;     /* frames until the visitor has enough; 0: never */
    size_t frames;
    uint64_t digest;
    unsigned code;
};

static void add(struct story *s, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) s->digest = (s->digest ^ bytes[i]) * 0x100000001b3u;
}

static bool visit(void *context, const struct frame *frame)
{
    struct story *s = context;
    FUZZ_CHECK(frame->type >= FRAME_HELLO && frame->type < FRAME_TYPE_COUNT);
    FUZZ_CHECK(frame->payload.size + FRAME_HEAD_SIZE <= s->size_max);
    add(s, &frame->type, sizeof frame->type);
    add(s, &frame->payload.size, sizeof frame->payload.size);
    add(s, frame->payload.data, frame->payload.size);
    if (++s->frames == s->larger_after) s->size_max *= 4;
    return s->frames != s->stop_after;
}

static struct story read_whole(struct story s, struct qiao_bytes stream)
{
    struct frame_reader reader = { { 0 } };
    s.code = frame_reader_feed(&reader, stream, &s.size_max, visit, &s);
    FUZZ_CHECK(s.code <= QIAO_CODE_FRAME_TYPE);
    frame_reader_deinit(&reader);
    return s;
}

static struct story read_in_pieces(struct story s, struct choices *stream, uint64_t pieces)
{
    struct frame_reader reader = { { 0 } };
    while (stream->left > 0 && s.code == QIAO_CODE_OK && (s.stop_after == 0 || s.frames < s.stop_after)) {
        pieces = pieces * 6364136223846793005u + 1442695040888963407u;
        struct qiao_bytes piece = choose_bytes(stream, 1 + (pieces >> 40) % (pieces >> 63 ? 7 : 300));
        s.code = frame_reader_feed(&reader, piece, &s.size_max, visit, &s);
        FUZZ_CHECK(reader.partial.size < s.size_max);
    }
    frame_reader_deinit(&reader);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices c = choices(data, size);
    uint64_t pieces = choose_number(&c, 2);
    struct story start = { .size_max = 16u << choose_below(&c, 10), .larger_after = choose_below(&c, 4), .stop_after = choose_below(&c, 8), .digest = 1 };
    struct story whole = read_whole(start, qiao_bytes(c.at, c.left));
    struct story parts = read_in_pieces(start, &c, pieces);
    FUZZ_CHECK(whole.frames == parts.frames && whole.digest == parts.digest && whole.code == parts.code);
    return 0;
}
