#include "base/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>

const char *const charset_names[] = { "UTF-8", "GB18030", NULL };

struct charset_decoder {
    bool is_utf_8;
    iconv_t converter;             /* of others */
};

const char *charset_fault_code(enum charset_fault fault)
{
    static const char *const codes[] = {
#define X(name, code, text) code,
        CHARSET_FAULT_MAP(X)
#undef X
    };
    return codes[fault];
}

const char *charset_fault_text(enum charset_fault fault)
{
    static const char *const texts[] = {
#define X(name, code, text) text,
        CHARSET_FAULT_MAP(X)
#undef X
    };
    return texts[fault];
}

struct charset_decoder *charset_decoder_new(enum charset charset)
{
    struct charset_decoder *decoder = malloc(sizeof *decoder);
    if (!decoder)
        return NULL;
    decoder->is_utf_8 = charset == CHARSET_UTF_8;
    decoder->converter = decoder->is_utf_8 ? (iconv_t)-1 : iconv_open("UTF-8", charset_names[charset]);
    if (decoder->is_utf_8 || decoder->converter != (iconv_t)-1)
        return decoder;
    free(decoder);
    return NULL;
}

struct charset_decoder *charset_decoder_free(struct charset_decoder *decoder)
{
    if (decoder && !decoder->is_utf_8)
        iconv_close(decoder->converter);
    free(decoder);
    return NULL;
}

/* Line ends and tabs are text; every other control character is a broken export or an attempt on a terminal. */
static enum charset_fault check_decoded(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t c = data[i], next = i + 1 < size ? data[i + 1] : 0;
        /* Past U+10FFFF, and surrogates: what the C library makes of GB18030 may hold them. */
        if (c > 0xf4 || (c == 0xf4 && next > 0x8f) || (c == 0xed && next > 0x9f))
            return CHARSET_FAULT_INVALID;
        if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f)
            return CHARSET_FAULT_CONTROL;
        if (c == 0xc2 && next < 0xa0)
            return CHARSET_FAULT_CONTROL;
        if (c == 0xef && i + 2 < size && next == 0xbf && data[i + 2] == 0xbd)
            return CHARSET_FAULT_REPLACEMENT;
    }
    return CHARSET_FAULT_NONE;
}

static enum charset_fault convert(struct charset_decoder *decoder, struct qiao_bytes bytes, struct buf *text, size_t *ret_at)
{
    char *in = (char *)(uintptr_t)bytes.data;
    size_t in_left = bytes.size;
    iconv(decoder->converter, NULL, NULL, NULL, NULL);
    while (in_left > 0) {
        char block[1024];
        char *out = block;
        size_t out_left = sizeof block;
        size_t irreversible = iconv(decoder->converter, &in, &in_left, &out, &out_left);
        buf_append(text, block, sizeof block - out_left);
        *ret_at = bytes.size - in_left;
        if ((irreversible == (size_t)-1 && errno != E2BIG) || (irreversible != (size_t)-1 && irreversible > 0))
            return CHARSET_FAULT_INVALID;
    }
    return CHARSET_FAULT_NONE;
}

/* Bytes of the character at the front of bytes if it is whole and the shortest form (RFC 3629, 4), else 0. */
static size_t utf_8_size(const uint8_t *c, size_t left)
{
    size_t size = c[0] < 0x80 ? 1 : c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
    if (size > left || (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90)) return 0;
    for (size_t i = 1; i < size; i++)
        if ((c[i] & 0xc0) != 0x80) return 0;
    return size;
}

/* UTF-8 needs no conversion; the C library's takes ten times as long. */
static enum charset_fault copy(struct qiao_bytes bytes, struct buf *text, size_t *ret_at)
{
    for (size_t size; *ret_at < bytes.size; *ret_at += size)
        if ((size = utf_8_size(bytes.data + *ret_at, bytes.size - *ret_at)) == 0) return CHARSET_FAULT_INVALID;
    buf_append(text, bytes.data, bytes.size);
    return CHARSET_FAULT_NONE;
}

enum charset_fault charset_decode(struct charset_decoder *decoder, struct qiao_bytes bytes, struct buf *text, size_t *ret_at)
{
    size_t before = text->size;
    *ret_at = 0;
    enum charset_fault fault = decoder->is_utf_8 ? copy(bytes, text, ret_at) : convert(decoder, bytes, text, ret_at);
    if (fault == CHARSET_FAULT_NONE && text->data)
        fault = check_decoded(text->data + before, text->size - before);
    if (fault != CHARSET_FAULT_NONE)
        text->size = before;
    return fault;
}

struct qiao_bytes charset_mark(enum charset charset)
{
    static const struct qiao_bytes marks[] = { { (const uint8_t *)"\xef\xbb\xbf", 3 }, { (const uint8_t *)"\x84\x31\x95\x33", 4 } };
    return marks[charset];
}
