#include "workshop.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(pki_area, .init = workshop_enter, .fini = workshop_leave);

#define OK(line) cr_assert_eq(pki(line), 0, "%s: %s", line, workshop_err)
#define SHELL(...) cr_assert_eq(shell(__VA_ARGS__), 0, "%s", workshop_out)
#define SAYS(text, part) cr_expect_not_null(strstr(text, part), "expected \"%s\" in:\n%s", part, text)

Test(pki_area, a_node_s_area_is_in_its_certificate_stays_when_renewed_and_is_shown)
{
    static const char *const areas[] = { "990101", "990101001", "990101001002" };
    char line[128];
    OK("init --out ca --name F");
    for (size_t i = 0; i < 3; i++) {
        snprintf(line, sizeof line, "issue --ca ca --name n%zu --area %s --out o", i, areas[i]);
        OK(line);
        snprintf(line, sizeof line, "renew --ca ca --certificate o/n%zu.crt --days 100", i);
        OK(line);
        SHELL("openssl x509 -in o/n%zu.crt -noout -ext subjectAltName", i);
        snprintf(line, sizeof line, "URI:urn:qiao:node:n%zu, URI:urn:qiao:area:%s\n", i, areas[i]);
        SAYS(workshop_out, line);
        snprintf(line, sizeof line, "status o/n%zu.crt", i);
        OK(line);
        snprintf(line, sizeof line, "n%zu                               %-12s o/n%zu.crt\n", i, areas[i], i);
        SAYS(workshop_out, line);
    }
    OK("status --json o/n1.crt");
    SAYS(workshop_out, "\"area\": \"990101001\"");
}

Test(pki_area, what_has_no_area_gets_none)
{
    OK("init --out ca --name F");
    OK("issue --ca ca --name a --out o");
    OK("issue --ca ca --name 990101/housing --out o");
    OK("renew --ca ca --certificate o/a.crt");
    SHELL("openssl x509 -in o/a.crt -noout -ext subjectAltName; openssl x509 -in o/990101_housing.crt -noout -ext subjectAltName");
    cr_expect_null(strstr(workshop_out, "urn:qiao:area"));
    OK("status --json o/a.crt");
    SAYS(workshop_out, "\"area\": \"\"");
}

Test(pki_area, an_area_that_a_request_asks_for_is_not_granted_unasked)
{
    OK("init --out ca --name F");
    OK("csr --name a --area 990101 --out o");
    OK("issue --ca ca --csr o/a.csr --out o");
    SHELL("openssl x509 -in o/a.crt -noout -ext subjectAltName");
    cr_expect_null(strstr(workshop_out, "urn:qiao:area"));
    OK("issue --ca ca --csr o/a.csr --area 990102 --out o --force");
    SHELL("openssl x509 -in o/a.crt -noout -ext subjectAltName");
    SAYS(workshop_out, "urn:qiao:area:990102\n");
}
