#include "codec/pb.h"

#include "base/arena.h"
#include "schema/link.pb-c.h"
#include "schema/receipt.pb-c.h"

#include <criterion/criterion.h>
#include <qiao/limits.h>

static const uint64_t numbers[] = { 0, 1, 127, 128, 300, 16383, 16384, UINT32_MAX, 1ull << 32, 1ull << 62, UINT64_MAX };

Test(pb, varints_are_what_protobuf_c_writes)
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        buf_auto own = { 0 };
        uint8_t theirs[64];
        Qiao__V1__Ping ping = QIAO__V1__PING__INIT;
        ping.token = numbers[i];
        size_t size = qiao__v1__ping__pack(&ping, theirs);
        pb_put_varint(&own, 1, numbers[i]);
        cr_assert_eq(own.size, size);
        if (size) cr_assert_arr_eq(own.data, theirs, size);
        if (numbers[i]) cr_assert_eq(own.size, 1 + pb_varint_size(numbers[i]));
    }
}

Test(pb, an_outcome_written_here_is_read_by_protobuf_c_and_back)
{
    buf_auto own = { 0 };
    pb_put_bytes(&own, 1, qiao_bytes("sixteen bytes!!!", 16));
    pb_put_varint(&own, 2, 2);
    pb_put_varint(&own, 3, 201);
    pb_put_string(&own, 4, "not ours");
    pb_put_fixed64(&own, 5, 1700000000000u);
    Qiao__V1__Outcome *outcome = qiao__v1__outcome__unpack(NULL, own.size, own.data);
    cr_assert_not_null(outcome);
    cr_assert_eq(outcome->message_id.len, 16);
    cr_assert_eq((int)outcome->status, 2);
    cr_assert_eq(outcome->code, 201);
    cr_assert_str_eq(outcome->reason, "not ours");
    cr_assert_eq(outcome->at_ms, 1700000000000u);
    uint8_t again[128];
    cr_assert_eq(qiao__v1__outcome__pack(outcome, again), own.size);
    cr_assert_arr_eq(again, own.data, own.size);
    qiao__v1__outcome__free_unpacked(outcome, NULL);
}

Test(pb, fields_come_back_in_order_with_their_types)
{
    buf_auto own = { 0 };
    pb_put_varint(&own, 3, 500);
    pb_put_fixed64(&own, 1000, 7);
    pb_put_bytes(&own, 2, qiao_bytes("xy", 2));
    struct pb_reader r = pb_reader(buf_bytes(&own));
    struct pb_field f;
    cr_assert(pb_next(&r, &f));
    cr_assert(f.number == 3 && f.type == PB_VARINT && f.value == 500);
    cr_assert(pb_next(&r, &f));
    cr_assert(f.number == 1000 && f.type == PB_FIXED64 && f.value == 7);
    cr_assert(pb_next(&r, &f));
    cr_assert(f.number == 2 && f.type == PB_BYTES && f.bytes.size == 2);
    cr_assert_not(pb_next(&r, &f));
    cr_assert_not(r.failed);
}

Test(pb, every_prefix_ends_or_fails_and_never_reads_beyond)
{
    buf_auto own = { 0 };
    pb_put_varint(&own, 1, UINT64_MAX);
    pb_put_fixed64(&own, 2, 1);
    pb_put_bytes(&own, 3, qiao_bytes("some text in a field", 20));
    for (size_t size = 0; size < own.size; size++) {
        uint8_t *copy = base_alloc(size); /* its own block, so that a sanitizer sees one byte too many */
        memcpy(copy, own.data, size);
        struct pb_reader r = pb_reader(qiao_bytes(copy, size));
        struct pb_field f;
        size_t fields = 0;
        while (pb_next(&r, &f)) fields++;
        bool boundary = size == 0 || size == 11 || size == 20;
        cr_assert_eq(r.failed, !boundary, "prefix of %zu", size);
        cr_assert_lt(fields, 3);
        free(copy);
    }
}

Test(pb, broken_bytes_fail)
{
    static const struct { const char *bytes; size_t size; } broken[] = {
        { "\x00\x01", 2 },                                             /* field number 0 */
        { "\x0b\x0c", 2 },                                             /* a group */
        { "\x0c", 1 },                                                 /* the end of a group */
        { "\x0e\x00", 2 },                                             /* wire type 6 */
        { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11 },        /* 65 bits */
        { "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12 },    /* eleven bytes */
        { "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 },        /* a length beyond everything */
        { "\x0a\x05" "abcd", 6 },                                      /* one byte short */
        { "\xff\xff\xff\xff\xff\x01\x00", 7 },                         /* a tag of more than 32 bits */
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct pb_reader r = pb_reader(qiao_bytes(broken[i].bytes, broken[i].size));
        struct pb_field f;
        while (pb_next(&r, &f)) continue;
        cr_assert(r.failed, "case %zu", i);
        cr_assert_not(pb_next(&r, &f), "a failed reader stays failed");
    }
}

static void nest(struct buf *buf, unsigned depth)
{
    buf_append(buf, "\x0a\x00", 2);
    for (unsigned i = 0; i < depth; i++) {
        buf_auto outer = { 0 };
        pb_put_bytes(&outer, 1, buf_bytes(buf));
        buf->size = 0;
        buf_append(buf, outer.data, outer.size);
    }
}

Test(pb, nesting_is_bounded)
{
    for (unsigned depth = 0; depth < 40; depth++) {
        buf_auto buf = { 0 };
        nest(&buf, depth);
        if (depth < QIAO_PROTOBUF_DEPTH_MAX) cr_assert(pb_depth_ok(buf_bytes(&buf)), "depth %u", depth);
        if (depth > QIAO_PROTOBUF_DEPTH_MAX) cr_assert_not(pb_depth_ok(buf_bytes(&buf)), "depth %u", depth);
    }
}

/* A level that does not begin with a nested message must not hide what is behind it. */
Test(pb, nesting_behind_a_plain_field_is_seen_too)
{
    buf_auto buf = { 0 };
    buf_append(&buf, "\x0a\x00", 2);
    for (unsigned i = 0; i < 30; i++) {
        buf_auto outer = { 0 };
        pb_put_varint(&outer, 2, 1);
        pb_put_bytes(&outer, 1, buf_bytes(&buf));
        buf.size = 0;
        buf_append(&buf, outer.data, outer.size);
    }
    cr_assert_not(pb_depth_ok(buf_bytes(&buf)));
}

Test(utf8, good_text_is_good)
{
    static const char *const good[] = { "", "plain", "桥", "é", "\xf0\x9f\x8c\x89", "\xef\xbf\xbd", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf" };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) cr_assert(utf8_valid(qiao_bytes_from_string(good[i])), "case %zu", i);
}

Test(utf8, bad_text_is_bad)
{
    static const char *const bad[] = {
        "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xfe", "\xc3", "\xe6\xa1", "\xf0\x9f\x8c", "a\xc3(", "\xe6\xa1(",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) cr_assert_not(utf8_valid(qiao_bytes_from_string(bad[i])), "case %zu", i);
}

Test(utf8, text_is_plain_exactly_if_each_byte_is)
{
    uint8_t text[40];
    uint64_t random = 3;
    for (unsigned round = 0; round < 20000; round++) {
        size_t size = round % sizeof text;
        bool plain = true;
        for (size_t i = 0; i < size; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            bool rare = (random >> 40) % 32 == 0;
            text[i] = (uint8_t)(rare ? (random >> 50) % 2 ? 0 : 0x80 | random >> 33 : 1 + (random >> 33) % 127);
            plain &= text[i] > 0 && text[i] < 0x80;
        }
        cr_assert_eq(text_is_plain(qiao_bytes(text, size)), plain);
    }
}

/* Both from the same bytes to their end: the short way in the header and the long one. */
static bool read_alike(struct qiao_bytes bytes)
{
    struct pb_reader a = pb_reader(bytes), b = a;
    struct pb_field x = { 0 }, y = { 0 };
    for (bool more = true; more;) {
        more = pb_next(&a, &x);
        if (pb_next_any(&b, &y) != more || a.failed != b.failed) return false;
        if (!more) return true;
        if (x.number != y.number || x.type != y.type || x.value != y.value || x.bytes.data != y.bytes.data || x.bytes.size != y.bytes.size || a.at != b.at) return false;
    }
    return true;
}

Test(pb, fields_are_the_same_by_the_short_way_and_the_long)
{
    uint8_t bytes[24];
    uint64_t random = 9;
    for (unsigned round = 0; round < 300000; round++) {
        size_t size = round % sizeof bytes;
        for (size_t i = 0; i < size; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = (uint8_t)((random >> 60) % 4 == 0 ? random >> 33 : (random >> 33) % 32); /* small ones make fields that hold together */
        }
        cr_assert(read_alike(qiao_bytes(bytes, size)), "round %u", round);
    }
}
