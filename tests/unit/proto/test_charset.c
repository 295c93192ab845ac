#include "base/charset.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static enum charset_fault decode(enum charset charset, const char *bytes, size_t size, char *out, size_t out_size)
{
    struct charset_decoder *decoder = charset_decoder_new(charset);
    cr_assert_not_null(decoder);
    struct buf text = { 0 };
    size_t good;
    buf_append(&text, "before ", 7);
    enum charset_fault fault = charset_decode(decoder, qiao_bytes(bytes, size), &text, &good);
    cr_assert_leq(good, size);
    if (fault != CHARSET_FAULT_NONE)
        cr_assert(qiao_bytes_equal(buf_bytes(&text), qiao_bytes("before ", 7)));
    snprintf(out, out_size, "%.*s", (int)(text.size - 7), (const char *)text.data + 7);
    buf_deinit(&text);
    charset_decoder_free(decoder);
    return fault;
}

static const struct { enum charset charset; const char *bytes, *text; } good[] = {
    { CHARSET_UTF_8, "", "" },
    { CHARSET_UTF_8, "\xe5\x99\xaa\xe9\x9f\xb3", "噪音" },
    { CHARSET_UTF_8, "\xf0\xa0\x80\x80", "𠀀" },
    { CHARSET_GB18030, "plain", "plain" },
    { CHARSET_GB18030, "\xd4\xeb\xd2\xf4", "噪音" },
    { CHARSET_GB18030, "\x81\x30\x81\x30" + 4, "" },
    { CHARSET_GB18030, "\x95\x32\x82\x36", "𠀀" },       /* U+20000, four bytes */
    { CHARSET_GB18030, "\x82\x35\x8f\x33", "龦" },        /* U+9FA6, four bytes in the basic plane */
    { CHARSET_GB18030, "\xb0\xa1" "A" "\x95\x32\x82\x36" "B", "啊A𠀀B" },
};

Test(base_charset, what_is_valid_is_decoded)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char out[64];
        cr_expect_eq(decode(good[i].charset, good[i].bytes, strlen(good[i].bytes), out, sizeof out), CHARSET_FAULT_NONE, "row %zu", i);
        cr_expect_str_eq(out, good[i].text, "row %zu", i);
    }
}

static const struct { enum charset charset; const char *bytes; enum charset_fault fault; } bad[] = {
    { CHARSET_UTF_8, "\xd4\xeb\xd2\xf4", CHARSET_FAULT_INVALID },             /* GB18030 declared as UTF-8 */
    { CHARSET_UTF_8, "\xc0\xaf", CHARSET_FAULT_INVALID },                     /* overlong */
    { CHARSET_UTF_8, "\xed\xa0\x80", CHARSET_FAULT_INVALID },                 /* surrogate */
    { CHARSET_UTF_8, "\xf4\x90\x80\x80", CHARSET_FAULT_INVALID },             /* past U+10FFFF */
    { CHARSET_UTF_8, "ab\xe5\x99", CHARSET_FAULT_INVALID },                   /* ends inside a character */
    { CHARSET_GB18030, "\x80", CHARSET_FAULT_INVALID },
    { CHARSET_GB18030, "\xff", CHARSET_FAULT_INVALID },
    { CHARSET_GB18030, "ab\xd4", CHARSET_FAULT_INVALID },                     /* ends inside a character */
    { CHARSET_GB18030, "\x95\x32\x82", CHARSET_FAULT_INVALID },
    { CHARSET_GB18030, "\x81\x20", CHARSET_FAULT_INVALID },                   /* second byte out of range */
    { CHARSET_GB18030, "\x81\x30\x81\x20", CHARSET_FAULT_INVALID },
    { CHARSET_GB18030, "\xfe\x39\xfe\x39", CHARSET_FAULT_INVALID },           /* past U+10FFFF */
    { CHARSET_UTF_8, "a\xef\xbf\xbd" "b", CHARSET_FAULT_REPLACEMENT },
    { CHARSET_GB18030, "\x84\x31\xa4\x37", CHARSET_FAULT_REPLACEMENT },
    { CHARSET_UTF_8, "a\x1b[31m", CHARSET_FAULT_CONTROL },
    { CHARSET_UTF_8, "a\xc2\x9b", CHARSET_FAULT_CONTROL },
};

Test(base_charset, what_is_not_valid_is_refused_and_leaves_nothing_behind)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char out[64];
        cr_expect_eq(decode(bad[i].charset, bad[i].bytes, strlen(bad[i].bytes), out, sizeof out), bad[i].fault, "row %zu", i);
    }
}

Test(base_charset, a_bad_text_does_not_disturb_the_next)
{
    struct charset_decoder *decoder = charset_decoder_new(CHARSET_GB18030);
    struct buf text = { 0 };
    size_t at;
    cr_expect_eq(charset_decode(decoder, qiao_bytes("\xd4", 1), &text, &at), CHARSET_FAULT_INVALID);
    cr_expect_eq(charset_decode(decoder, qiao_bytes("\xd4\xeb", 2), &text, &at), CHARSET_FAULT_NONE);
    cr_expect(qiao_bytes_equal(buf_bytes(&text), qiao_bytes_from_string("噪")));
    buf_deinit(&text);
    charset_decoder_free(decoder);
}

/* Longer than the block inside, with characters across its edge. */
Test(base_charset, long_text_is_whole)
{
    struct buf in = { 0 }, out = { 0 };
    size_t at;
    struct charset_decoder *decoder = charset_decoder_new(CHARSET_GB18030);
    for (int i = 0; i < 5000; i++)
        buf_append(&in, i % 3 ? "\xd4\xeb" : "\x95\x32\x82\x36", i % 3 ? 2 : 4);
    cr_expect_eq(charset_decode(decoder, qiao_bytes(in.data, in.size), &out, &at), CHARSET_FAULT_NONE);
    cr_expect_eq(out.size, 1667u * 4 + 3333u * 3);
    buf_deinit(&in);
    buf_deinit(&out);
    charset_decoder_free(decoder);
}
