#include "text.h"

#include "base64.h"
#include "command.h"
#include "verdict.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(text, durations_are_read_in_every_unit)
{
    static const struct { const char *text; uint64_t ms; } good[] = {
        { "0", 0 }, { "90", 90000 }, { "500ms", 500 }, { "2h", 7200000 }, { "1h30m", 5400000 }, { "1d", 86400000 }, { "1m1s1ms", 61001 },
    };
    static const char *const bad[] = { "", "h", "-1", "1x", "1h 2m", "1hm", "99999999999999999999", "18446744073709551615", "0x10", "1.5h", " 1" };
    uint64_t ms;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        cr_assert(text_duration_parse(good[i].text, &ms), "%s", good[i].text);
        cr_assert_eq(ms, good[i].ms, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_not(text_duration_parse(bad[i], &ms), "%s", bad[i]);
}

Test(text, sizes_are_read_with_their_letter)
{
    uint64_t bytes;

    cr_assert(text_size_parse("512", &bytes) && bytes == 512);
    cr_assert(text_size_parse("64k", &bytes) && bytes == 65536);
    cr_assert(text_size_parse("2G", &bytes) && bytes == UINT64_C(2) << 30);
    cr_assert_not(text_size_parse("1kb", &bytes));
    cr_assert_not(text_size_parse("k", &bytes));
    cr_assert_not(text_size_parse("18446744073709551615k", &bytes));
}

Test(text, durations_and_sizes_are_written_with_at_most_two_units)
{
    char text[TEXT_DURATION_SIZE], size[TEXT_SIZE_SIZE];

    text_duration_format(999, text);
    cr_assert_str_eq(text, "999 ms");
    text_duration_format(12345, text);
    cr_assert_str_eq(text, "12 s");
    text_duration_format(3 * 86400000ull + 4 * 3600000 + 5, text);
    cr_assert_str_eq(text, "3 d 4 h");
    text_size_format(1023, size);
    cr_assert_str_eq(size, "1023 B");
    text_size_format(1536, size);
    cr_assert_str_eq(size, "1.5 KiB");
}

Test(text, the_nearest_word_is_found_and_far_ones_are_not)
{
    static const char *const words[] = { "status", "send", "recv", "route" };

    cr_assert_str_eq(text_nearest("stauts", words, 4), "status");
    cr_assert_str_eq(text_nearest("sned", words, 4), "send");
    cr_assert_str_eq(text_nearest("rout", words, 4), "route");
    cr_assert_null(text_nearest("frobnicate", words, 4));
    cr_assert_null(text_nearest("", words, 4));
    cr_assert_null(text_nearest("a-word-that-is-longer-than-any-word-of-this-program-could-be", words, 4));
}

Test(text, width_counts_columns)
{
    cr_assert_eq(text_width("abc"), 3);
    cr_assert_eq(text_width("安澜"), 4);
    cr_assert_eq(text_width("e\xcc\x81"), 1);
    cr_assert_eq(text_width("\xff\xfe"), 2);
}

Test(text, what_steers_a_terminal_is_made_visible)
{
    static const struct { const char *text, *printable; } rows[] = {
        { "plain 安", "plain 安" }, { "\x1b[31m", "\\x1b[31m" }, { "a\nb", "a\\x0ab" }, { "\xc2\x9b", "\\xc2\\x9b" },
        { "\xff", "\\xff" }, { "\xed\xa0\x80", "\\xed\\xa0\\x80" }, { "\xc0\xaf", "\\xc0\\xaf" }, { "", "" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *printable = text_printable(rows[i].text, strlen(rows[i].text));
        cr_assert_str_eq(printable, rows[i].printable);
        free(printable);
    }
}

Test(text, utf8_is_checked_strictly)
{
    cr_assert(text_is_utf8("\xf0\x9f\x8c\x89", 4));
    cr_assert_not(text_is_utf8("\xf0\x9f\x8c", 3));
    cr_assert_not(text_is_utf8("\xf4\x90\x80\x80", 4));
    cr_assert_not(text_is_utf8("\xe0\x80\xaf", 3));
    cr_assert(text_is_utf8("", 0));
}

Test(base64, the_vectors_of_rfc_4648_hold_both_ways)
{
    static const struct { const char *plain, *coded; } rows[] = {
        { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
    };
    static const char *const bad[] = { "Z", "Zg=", "Z===", "Zm9v=", "Zm 9v", "Zm9v!", "====", "Zg==Zg==" };
    uint8_t *bytes;
    size_t size;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = base64_encode((const uint8_t *)rows[i].plain, strlen(rows[i].plain));
        cr_assert_str_eq(text, rows[i].coded);
        cr_assert(base64_decode(text, strlen(text), &bytes, &size));
        cr_assert(size == strlen(rows[i].plain) && memcmp(bytes, rows[i].plain, size) == 0);
        free(bytes);
        free(text);
    }
    cr_assert(base64_decode("-_8", 3, &bytes, &size) && size == 2 && bytes[0] == 0xfb && bytes[1] == 0xff);
    free(bytes);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_not(base64_decode(bad[i], strlen(bad[i]), &bytes, &size), "%s", bad[i]);
}

Test(verdict, is_read_with_code_reason_and_time)
{
    struct verdict verdict;

    cr_assert(verdict_read("accept", &verdict) == CTL_OK && verdict.verdict == QIAO_VERDICT_ACCEPT);
    cr_assert(verdict_read("refuse", &verdict) == CTL_OK && verdict.code == QIAO_CODE_REFUSED_BY_MEMBER);
    cr_assert(verdict_read("refuse:NOT_COMPETENT:ask: housing", &verdict) == CTL_OK && verdict.code == QIAO_CODE_NOT_COMPETENT);
    cr_assert_str_eq(verdict.reason, "ask: housing");
    cr_assert(verdict_read("refuse:202", &verdict) == CTL_OK && verdict.code == 202 && !*verdict.reason);
    cr_assert(verdict_read("retry:1500", &verdict) == CTL_OK && verdict.verdict == QIAO_VERDICT_RETRY && verdict.retry_after_ms == 1500);
    cr_assert_eq(verdict_read("refuse:NONSENSE", &verdict), CTL_WRONG_USE);
    cr_assert_eq(verdict_read("refuse:0", &verdict), CTL_WRONG_USE);
    cr_assert_eq(verdict_read("retry:soon", &verdict), CTL_WRONG_USE);
    cr_assert_eq(verdict_read("accepted", &verdict), CTL_WRONG_USE);
}
