#include "conf/suggest.h"

#include <criterion/criterion.h>
#include <stdint.h>

Test(conf_suggest, distances)
{
    cr_expect_eq(conf_edit_distance("", ""), 0);
    cr_expect_eq(conf_edit_distance("", "abc"), 3);
    cr_expect_eq(conf_edit_distance("listen", "listne"), 1);
    cr_expect_eq(conf_edit_distance("kitten", "sitting"), 3);
    cr_expect_eq(conf_edit_distance("heartbeat_ms", "heartbeat"), 3);
    char far[80] = { 0 };
    for (size_t i = 0; i < 70; i++)
        far[i] = 'a';
    cr_expect_eq(conf_edit_distance(far, "a"), SIZE_MAX);
}

Test(conf_suggest, only_near_words_are_proposed)
{
    struct conf_suggestion near = { .word = "certifcate" };
    conf_suggest(&near, "key");
    cr_expect_null(near.best);
    conf_suggest(&near, "certificate");
    conf_suggest(&near, "certificates");
    cr_expect_str_eq(near.best, "certificate");
}
