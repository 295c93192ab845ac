/* DER (ITU-T X.690 10), item by item, without building a tree: what sealed containers are written in. Only what has one
 * encoding is taken: definite lengths in their shortest form, tags of one byte. */
#ifndef CODEC_DER_H
#define CODEC_DER_H

#include "base/buf.h"

enum der_tag {
    DER_INTEGER = 0x02, DER_BIT_STRING = 0x03, DER_OCTET_STRING = 0x04, DER_OID = 0x06, DER_SEQUENCE = 0x30, DER_SET = 0x31,
    DER_CONTEXT = 0x80, /* | number: [number] IMPLICIT of something primitive */
    DER_CONTEXT_CONSTRUCTED = 0xa0
};

struct der_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed; /* set when the bytes are not valid, or not what was expected */
};

struct der_item {
    uint8_t tag;
    struct qiao_bytes whole;   /* with tag and length */
    struct qiao_bytes content;
};

static inline struct der_reader der_reader(struct qiao_bytes bytes)
{
    return (struct der_reader){ bytes.data, bytes.size ? bytes.data + bytes.size : bytes.data, false };
}

static inline bool der_at_end(const struct der_reader *reader) { return !reader->failed && reader->at == reader->end; }

/* The tag of the next item without reading it, 0 at the end or after a failure. */
static inline uint8_t der_peek(const struct der_reader *reader) { return reader->failed || reader->at == reader->end ? 0 : *reader->at; }

/* The next item, or false at the end or on failure (then failed is set). */
bool der_next(struct der_reader *reader, struct der_item *ret_item);
/* The next item, which must have this tag; any other thing is a failure, and *ret_item is empty. */
bool der_expect(struct der_reader *reader, uint8_t tag, struct der_item *ret_item);
/* The same, for what is inside of it; a reader that has failed if it is not there. */
struct der_reader der_enter(struct der_reader *reader, uint8_t tag);

size_t der_size(size_t content_size); /* with tag and length */
void der_put_head(struct buf *buf, uint8_t tag, size_t content_size);
void der_put(struct buf *buf, uint8_t tag, struct qiao_bytes content);

#endif
