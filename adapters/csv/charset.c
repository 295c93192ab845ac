#include "charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>

const char *const charset_names[] = { "UTF-8", "GB18030", NULL };

struct charset_decoder {
    iconv_t converter;
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
    decoder->converter = iconv_open("UTF-8", charset_names[charset]);
    if (decoder->converter != (iconv_t)-1)
        return decoder;
    free(decoder);
    return NULL;
}

struct charset_decoder *charset_decoder_free(struct charset_decoder *decoder)
{
    if (decoder) {
        iconv_close(decoder->converter);
        free(decoder);
    }
    return NULL;
}

/* Line ends and tabs are text; every other control character is a broken export or an attempt on a terminal. */
static enum charset_fault check_decoded(const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)data[i];
        unsigned char next = i + 1 < size ? (unsigned char)data[i + 1] : 0;
        /* The C library's UTF-8 goes past U+10FFFF and, in some versions, takes surrogates. */
        if (c > 0xf4 || (c == 0xf4 && next > 0x8f) || (c == 0xed && next > 0x9f))
            return CHARSET_FAULT_INVALID;
        if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f)
            return CHARSET_FAULT_CONTROL;
        if (c == 0xc2 && next < 0xa0)
            return CHARSET_FAULT_CONTROL;
        if (c == 0xef && i + 2 < size && next == 0xbf && (unsigned char)data[i + 2] == 0xbd)
            return CHARSET_FAULT_REPLACEMENT;
    }
    return CHARSET_FAULT_NONE;
}

static enum charset_fault convert(struct charset_decoder *decoder, struct qiao_bytes bytes, struct text *text, size_t *ret_at)
{
    char *in = (char *)(uintptr_t)bytes.data;
    size_t in_left = bytes.size;
    iconv(decoder->converter, NULL, NULL, NULL, NULL);
    while (in_left > 0) {
        char block[1024];
        char *out = block;
        size_t out_left = sizeof block;
        size_t irreversible = iconv(decoder->converter, &in, &in_left, &out, &out_left);
        text_add(text, block, sizeof block - out_left);
        *ret_at = bytes.size - in_left;
        if ((irreversible == (size_t)-1 && errno != E2BIG) || (irreversible != (size_t)-1 && irreversible > 0))
            return CHARSET_FAULT_INVALID;
    }
    return CHARSET_FAULT_NONE;
}

enum charset_fault charset_decode(struct charset_decoder *decoder, struct qiao_bytes bytes, struct text *text, size_t *ret_at)
{
    size_t before = text->size;
    *ret_at = 0;
    enum charset_fault fault = convert(decoder, bytes, text, ret_at);
    if (fault == CHARSET_FAULT_NONE && text->data)
        fault = check_decoded(text->data + before, text->size - before);
    if (fault != CHARSET_FAULT_NONE && text->data) {
        text->size = before;
        text->data[before] = 0;
    }
    return fault;
}

struct qiao_bytes charset_mark(enum charset charset)
{
    static const struct qiao_bytes marks[] = { { (const uint8_t *)"\xef\xbb\xbf", 3 }, { (const uint8_t *)"\x84\x31\x95\x33", 4 } };
    return marks[charset];
}
