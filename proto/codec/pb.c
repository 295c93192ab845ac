#include "codec/pb.h"

#include <qiao/limits.h>

static bool read_varint(struct pb_reader *r, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (r->at == r->end) return false;
        uint8_t byte = *r->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return shift < 63 || byte <= 1;
        }
    }
    return false;
}

static bool read_fixed(struct pb_reader *r, size_t size, uint64_t *ret_value)
{
    if ((size_t)(r->end - r->at) < size) return false;
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) value |= (uint64_t)r->at[i] << (8 * i);
    r->at += size;
    *ret_value = value;
    return true;
}

static bool read_bytes(struct pb_reader *r, struct qiao_bytes *ret_bytes)
{
    uint64_t size;
    if (!read_varint(r, &size) || size > (uint64_t)(r->end - r->at)) return false;
    *ret_bytes = qiao_bytes(r->at, (size_t)size);
    r->at += size;
    return true;
}

static bool read_content(struct pb_reader *r, struct pb_field *f)
{
    switch (f->type) {
    case PB_VARINT: return read_varint(r, &f->value);
    case PB_FIXED64: return read_fixed(r, 8, &f->value);
    case PB_BYTES: return read_bytes(r, &f->bytes);
    case PB_FIXED32: return read_fixed(r, 4, &f->value);
    default: return false; /* groups are not used */
    }
}

bool pb_next_any(struct pb_reader *r, struct pb_field *f)
{
    if (r->failed || r->at == r->end) return false;
    uint64_t tag;
    f->value = 0;
    f->bytes = qiao_bytes(NULL, 0);
    r->failed = !read_varint(r, &tag) || tag > UINT32_MAX || tag >> 3 == 0;
    if (r->failed) return false;
    f->number = (uint32_t)(tag >> 3);
    f->type = (enum pb_type)(tag & 7);
    r->failed = !read_content(r, f);
    return !r->failed;
}

/* Every level of nesting costs the sender at least two bytes, so the walk is linear in size times depth. */
static bool depth_ok(struct qiao_bytes bytes, unsigned depth)
{
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    while (pb_next(&r, &f)) {
        if (f.type != PB_BYTES || f.bytes.size < 2) continue;
        struct pb_reader probe = pb_reader(f.bytes);
        struct pb_field first;
        if (!pb_next(&probe, &first)) continue;
        if (depth == 0 || !depth_ok(f.bytes, depth - 1)) return false;
    }
    return true; /* bytes that are no message (a string, a digest) end the descent */
}

bool pb_depth_ok(struct qiao_bytes bytes)
{
    return depth_ok(bytes, QIAO_PROTOBUF_DEPTH_MAX);
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
static size_t utf8_sequence(const uint8_t *at, size_t left)
{
    static const struct { uint8_t first, last, size, low, high; } rows[] = {
        { 0xc2, 0xdf, 2, 0x80, 0xbf }, { 0xe0, 0xe0, 3, 0xa0, 0xbf }, { 0xe1, 0xec, 3, 0x80, 0xbf },
        { 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf }, { 0xf0, 0xf0, 4, 0x90, 0xbf },
        { 0xf1, 0xf3, 4, 0x80, 0xbf }, { 0xf4, 0xf4, 4, 0x80, 0x8f },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (at[0] < rows[i].first || at[0] > rows[i].last) continue;
        if (left < rows[i].size || at[1] < rows[i].low || at[1] > rows[i].high) return 0;
        for (size_t k = 2; k < rows[i].size; k++)
            if ((at[k] & 0xc0) != 0x80) return 0;
        return rows[i].size;
    }
    return 0;
}

#define HIGH_BITS 0x8080808080808080u
#define LOW_BITS 0x0101010101010101u

static uint64_t word_at(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Eight at a time: a byte of 0 borrows from its high bit when 1 is taken from it. */
bool text_is_plain(struct qiao_bytes bytes)
{
    size_t i = 0;
    for (; bytes.size - i >= 8; i += 8) {
        uint64_t word = word_at(bytes.data + i);
        if (((word - LOW_BITS) | word) & HIGH_BITS) return false;
    }
    for (; i < bytes.size; i++)
        if (bytes.data[i] == 0 || bytes.data[i] >= 0x80) return false;
    return true;
}

bool utf8_valid(struct qiao_bytes bytes)
{
    size_t i = 0;
    while (i < bytes.size) {
        if (bytes.data[i] < 0x80) {
            i++;
            continue;
        }
        size_t step = utf8_sequence(bytes.data + i, bytes.size - i);
        if (step == 0) return false;
        i += step;
    }
    return true;
}

size_t pb_varint_size(uint64_t value)
{
    size_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

uint8_t *pb_write_varint(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

static void put_tag_and_value(struct buf *buf, uint32_t number, enum pb_type type, uint64_t value)
{
    uint8_t *start = buf_reserve(buf, 20);
    uint8_t *at = pb_write_varint(start, (uint64_t)number << 3 | type);
    at = pb_write_varint(at, value);
    buf->size += (size_t)(at - start);
}

void pb_put_varint(struct buf *buf, uint32_t number, uint64_t value)
{
    if (value != 0) put_tag_and_value(buf, number, PB_VARINT, value);
}

void pb_put_fixed64(struct buf *buf, uint32_t number, uint64_t value)
{
    if (value == 0) return;
    uint8_t *start = buf_reserve(buf, 18);
    uint8_t *at = pb_write_varint(start, (uint64_t)number << 3 | PB_FIXED64);
    for (int i = 0; i < 8; i++) *at++ = (uint8_t)(value >> (8 * i));
    buf->size += (size_t)(at - start);
}

void pb_put_bytes_head(struct buf *buf, uint32_t number, size_t size)
{
    put_tag_and_value(buf, number, PB_BYTES, size);
}

void pb_put_bytes(struct buf *buf, uint32_t number, struct qiao_bytes bytes)
{
    if (bytes.size == 0) return;
    pb_put_bytes_head(buf, number, bytes.size);
    buf_append(buf, bytes.data, bytes.size);
}

void pb_put_string(struct buf *buf, uint32_t number, const char *string)
{
    if (string) pb_put_bytes(buf, number, qiao_bytes_from_string(string));
}
