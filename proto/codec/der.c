#include "codec/der.h"

static bool read_length(struct der_reader *reader, size_t *ret_length)
{
    const uint8_t *at = reader->at;
    size_t left = (size_t)(reader->end - at);
    if (left == 0) return false;
    size_t count = *at < 0x80 ? 0 : *at & 0x7fu, length = *at < 0x80 ? *at : 0;
    if (*at >= 0x80 && (count == 0 || count > 4 || left < 1 + count || at[1] == 0)) return false; /* indefinite, huge, cut off, not the shortest */
    for (size_t i = 0; i < count; i++) length = length << 8 | at[1 + i];
    if (count > 0 && length < 0x80) return false;
    reader->at = at + 1 + count;
    *ret_length = length;
    return length <= left - 1 - count;
}

bool der_next(struct der_reader *reader, struct der_item *ret_item)
{
    size_t length;
    *ret_item = (struct der_item){ 0 };
    if (reader->failed || reader->at == reader->end) return false;
    const uint8_t *start = reader->at++;
    reader->failed = (*start & 0x1fu) == 0x1fu || !read_length(reader, &length);
    if (reader->failed) return false;
    *ret_item = (struct der_item){ *start, qiao_bytes(start, (size_t)(reader->at - start) + length), qiao_bytes(reader->at, length) };
    reader->at += length;
    return true;
}

bool der_expect(struct der_reader *reader, uint8_t tag, struct der_item *ret_item)
{
    if (der_next(reader, ret_item) && ret_item->tag == tag) return true;
    reader->failed = true;
    *ret_item = (struct der_item){ 0 };
    return false;
}

struct der_reader der_enter(struct der_reader *reader, uint8_t tag)
{
    struct der_item item;
    if (der_expect(reader, tag, &item)) return der_reader(item.content);
    return (struct der_reader){ NULL, NULL, true };
}

static size_t length_bytes(size_t size)
{
    size_t count = 0;
    if (size < 0x80) return 0;
    for (; size > 0; size >>= 8) count++;
    return count;
}

size_t der_size(size_t content_size) { return 2 + length_bytes(content_size) + content_size; }

void der_put_head(struct buf *buf, uint8_t tag, size_t content_size)
{
    size_t count = length_bytes(content_size);
    uint8_t head[2 + sizeof content_size] = { tag, (uint8_t)(count ? 0x80 | count : content_size) };
    for (size_t i = 0; i < count; i++) head[2 + i] = (uint8_t)(content_size >> 8 * (count - 1 - i));
    buf_append(buf, head, 2 + count);
}

void der_put(struct buf *buf, uint8_t tag, struct qiao_bytes content)
{
    der_put_head(buf, tag, content.size);
    buf_append(buf, content.data, content.size);
}
