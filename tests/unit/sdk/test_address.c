/* Addresses as people write them. */
#include <qiao/client.h>
#include <qiao/limits.h>

#include <criterion/criterion.h>
#include <string.h>

static const struct { const char *text, *area, *org, *seat, *service; } good[] = {
    { "990101001/court", "990101001", "court", "", "" },
    { "990101001/court#duty", "990101001", "court", "duty", "" },
    { "990101/**", "990101/**", "", "", "" },
    { "svc:mediation.labour", "", "", "", "mediation.labour" },
    { "990101001/svc:notary", "990101001", "", "", "notary" },
};

Test(address, what_people_write_is_read)
{
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char buffer[256];
        struct qiao_address a;
        cr_assert(qiao_address_parse(good[i].text, buffer, sizeof buffer, &a), "%s", good[i].text);
        cr_expect_str_eq(a.area, good[i].area);
        cr_expect_str_eq(a.org, good[i].org);
        cr_expect_str_eq(a.seat, good[i].seat);
        cr_expect_str_eq(a.service, good[i].service);
    }
}

Test(address, what_is_no_address_is_refused)
{
    static const char *const bad[] = { "", "990101001", "/court", "990101001/", "990101001/court#", "svc:", "990101001/svc:", "svc:two words", "/svc:notary", "990101001/a b" };
    char buffer[256], small[8];
    struct qiao_address a;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) cr_expect(!qiao_address_parse(bad[i], buffer, sizeof buffer, &a), "%s", bad[i]);
    cr_expect(!qiao_address_parse("990101001/court", small, sizeof small, &a));
}
