#include "base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(text, fields_come_back_as_they_were)
{
    static const char *const fields[] = { "", "plain", "with, comma", "with \"quotes\"", "\"", ",", "", "end" };
    struct text text = { 0 };
    char *found[16];
    for (size_t i = 0; i < 8; i++)
        text_add_field(&text, fields[i]);
    cr_assert_eq(text_split_fields(text.data, found, 16), 8u);
    for (size_t i = 0; i < 8; i++)
        cr_expect_str_eq(found[i], fields[i], "field %zu", i);
    text_deinit(&text);
}

Test(text, a_field_is_always_one_line)
{
    struct text text = { 0 };
    text_add_field(&text, "a\r\nb");
    cr_expect_str_eq(text_string(&text), "\"a  b\"");
    text_deinit(&text);
}

Test(text, splitting_stops_at_the_most_and_at_nonsense)
{
    char many[] = "a,b,c,d", open[] = "\"never closed, here", after[] = "\"a\"b,c", *found[4];
    cr_expect_eq(text_split_fields(many, found, 2), 2u);
    cr_expect_eq(text_split_fields(open, found, 4), 1u);
    cr_expect_str_eq(found[0], "never closed, here");
    cr_expect_eq(text_split_fields(after, found, 4), 1u);
}

/* RFC 4648 section 10. */
Test(text, base64_as_the_standard_has_it)
{
    static const struct { const char *in, *out; } vectors[] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
                                                                 { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct text text = { 0 };
        text_add_base64(&text, qiao_bytes_from_string(vectors[i].in));
        cr_expect_str_eq(text_string(&text), vectors[i].out);
        text_deinit(&text);
    }
}

Test(text, json_strings_are_escaped)
{
    struct text text = { 0 };
    text_add_json(&text, "a\"b\\c\nd\x7f噪");
    cr_expect_str_eq(text_string(&text), "\"a\\\"b\\\\c\\u000ad\\u007f噪\"");
    text_deinit(&text);
}
