#include "conf/format.h"

#include <criterion/criterion.h>

/* Codes published in the standard's own examples and by real registers of organisations, plus slips in them. */
Test(conf_format, credit_codes_have_a_check_character)
{
    char why[FORMAT_WHY_SIZE];
    static const char *const good[] = { "91350100M000100Y43", "11990101QA0000014K", "12100000400000624D" };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        cr_expect(format_org(good[i], why), "%s: %s", good[i], why);
    static const char *const bad[] = { "91350100M000100Y34", "91350100M000100Y4", "91350100M000100Y431", "91350100m000100Y43", "" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_not(format_org(bad[i], why), "%s", bad[i]);
}

Test(conf_format, one_wrong_character_in_a_credit_code_is_always_seen)
{
    static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    char why[FORMAT_WHY_SIZE];
    for (size_t i = 0; i < 18; i++) {
        for (const char *c = alphabet; *c; c++) {
            char code[] = "91350100M000100Y43";
            bool same = code[i] == *c;
            code[i] = *c;
            cr_expect_eq(format_org(code, why), same, "%s", code);
        }
    }
}

Test(conf_format, addresses)
{
    char why[FORMAT_WHY_SIZE];
    static const char *const good[] = { "tls+tcp://a.b-c:1", "tcp://10.0.0.1:65535", "tcp://[fe80::1]:9", "ipc:///run/x" };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        cr_expect(format_dial_url(good[i], why), "%s: %s", good[i], why);
    static const char *const bad[] = { "", "tcp", "tcp://", "tcp://:1", "tcp://a", "tcp://a:", "tcp://a:0", "tcp://a:1/x", "tcp://[::1]", "tcp://[::1:1",
                                       "tcp://[zz]:1", "tcp://a b:1", "ipc://", "ipc:///", "http://a:1", "TCP://a:1", "tcp://*:1", "tcp://-a:1" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_not(format_dial_url(bad[i], why), "%s", bad[i]);
    cr_expect(format_listen_url("tcp://*:1", why));
}

Test(conf_format, loopback)
{
    cr_expect_not(format_url_is_plain_beyond_loopback("tcp://127.8.9.1:1"));
    cr_expect_not(format_url_is_plain_beyond_loopback("tcp://localhost:1"));
    cr_expect_not(format_url_is_plain_beyond_loopback("tls+tcp://0.0.0.0:1"));
    cr_expect(format_url_is_plain_beyond_loopback("tcp://127.evil.example:1"));
    cr_expect(format_url_is_plain_beyond_loopback("tcp://localhost.example:1"));
    cr_expect(format_url_is_plain_beyond_loopback("tcp://[::]:1"));
    cr_expect(format_url_is_plain_beyond_loopback("tcp://*:1"));
}
