/* Protobuf wire format, field by field, without building a tree: https://protobuf.dev/programming-guides/encoding/
 * For the hot path (envelopes, batches), which must keep bytes exact; everything else goes through protobuf-c. */
#ifndef CODEC_PB_H
#define CODEC_PB_H

#include "base/buf.h"

enum pb_type { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

struct pb_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;          /* set when the bytes are not valid protobuf */
};

struct pb_field {
    uint32_t number;
    enum pb_type type;
    uint64_t value;          /* of VARINT, FIXED64, FIXED32 */
    struct qiao_bytes bytes; /* of BYTES */
};

static inline struct pb_reader pb_reader(struct qiao_bytes bytes)
{
    return (struct pb_reader){ bytes.data, bytes.size ? bytes.data + bytes.size : bytes.data, false }; /* NULL + 0 is not defined */
}

/* As pb_next, for fields of any form. */
bool pb_next_any(struct pb_reader *reader, struct pb_field *ret_field);

/* The next field, or false at the end or on failure (then failed is set). Groups and field number 0 are failures.
 * Here: what nearly every field of a header is, a tag of one or two bytes and a length or value of one. */
static inline bool pb_next(struct pb_reader *reader, struct pb_field *ret_field)
{
    const uint8_t *at = reader->at;
    size_t left = (size_t)(reader->end - at);
    if (left < 3 || reader->failed) return pb_next_any(reader, ret_field);
    size_t head = at[0] < 0x80 ? 1 : 2;
    uint32_t tag = at[0] < 0x80 ? at[0] : (at[0] & 0x7fu) | (uint32_t)at[1] << 7, type = tag & 7;
    uint8_t content = at[head++];
    bool is_bytes = type == PB_BYTES && content <= left - head;
    if (content >= 0x80 || tag < 8 || tag >= 1u << 14 || !(is_bytes || type == PB_VARINT)) return pb_next_any(reader, ret_field);
    ret_field->number = tag >> 3;
    ret_field->type = (enum pb_type)type;
    ret_field->value = is_bytes ? 0 : content;
    ret_field->bytes = is_bytes ? qiao_bytes(at + head, content) : qiao_bytes(NULL, 0);
    reader->at = at + head + ret_field->bytes.size;
    return true;
}

/* True if bytes are well-formed protobuf whose length-delimited fields, read as messages as deep as they parse, nest no
 * deeper than QIAO_PROTOBUF_DEPTH_MAX levels of the generated types. protobuf-c unpacks by recursion without a limit. */
bool pb_depth_ok(struct qiao_bytes bytes);

bool utf8_valid(struct qiao_bytes bytes);
/* True: nothing but ASCII, and no NUL. False: to be looked at more closely. */
bool text_is_plain(struct qiao_bytes bytes);

size_t pb_varint_size(uint64_t value);
uint8_t *pb_write_varint(uint8_t *at, uint64_t value);
void pb_put_varint(struct buf *buf, uint32_t number, uint64_t value);   /* left out when 0, as proto3 does */
void pb_put_fixed64(struct buf *buf, uint32_t number, uint64_t value);  /* the same */
void pb_put_bytes(struct buf *buf, uint32_t number, struct qiao_bytes bytes); /* left out when empty */
void pb_put_string(struct buf *buf, uint32_t number, const char *string);
/* Tag and length only; the content is appended by the caller. */
void pb_put_bytes_head(struct buf *buf, uint32_t number, size_t size);

#endif
