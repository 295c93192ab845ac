#include "workshop.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

TestSuite(pki_status, .init = workshop_enter, .fini = workshop_leave);

#define OK(line) cr_assert_eq(pki(line), 0, "%s: %s", line, workshop_err)
#define SHELL(...) cr_assert_eq(shell(__VA_ARGS__), 0, "%s", workshop_out)
#define SAYS(text, part) cr_expect_not_null(strstr(text, part), "expected \"%s\" in:\n%s", part, text)

static const char *field(json_t *rows, size_t row, const char *name)
{
    const char *value = json_string_value(json_object_get(json_array_get(rows, row), name));
    return value ? value : "(none)";
}

Test(pki_status, everything_in_order_is_0_and_anything_else_is_1)
{
    OK("init --out ca --name F");
    OK("issue --ca ca --name a --out o --days 40");
    OK("issue --ca ca --name 990101/b --out o --days 10");
    OK("status ca/ca.crt ca/ca.crl o/a.crt");
    SAYS(workshop_out, "authority");
    cr_expect_eq(pki("status o/a.crt o/990101_b.crt"), 1);
    SAYS(workshop_out, "ends soon");
    OK("status --warn-days 5 o/a.crt o/990101_b.crt");
    cr_expect_eq(pki("status --warn-days 60 o/a.crt"), 1);
    cr_expect_eq(pki("status none.crt"), 1);
    cr_expect_eq(pki("status o/a.key"), 1);
    SAYS(workshop_err, "expected a certificate");
}

Test(pki_status, json_has_a_row_for_each_certificate)
{
    OK("init --out ca --name 'F \"1\"'");
    OK("issue --ca ca --name a --out o --days 40");
    OK("issue --ca ca --name 990101/b --out o --days 10");
    /* ended, and not yet valid */
    SHELL("cd ca && openssl req -new -newkey ed25519 -nodes -keyout k -out r -subj /CN=x && : > db && printf 01 > serial && "
          "printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=db\\nserial=serial\\nnew_certs_dir=.\\ndefault_md=sha256\\npolicy=p\\nunique_subject=no\\n[p]\\ncommonName=supplied\\n' > c && "
          "openssl ca -batch -config c -cert ca.crt -keyfile ca.key -in r -out ended.crt -startdate 20200101000000Z -enddate 20200201000000Z && "
          "openssl ca -batch -config c -cert ca.crt -keyfile ca.key -in r -out early.crt -startdate 20990101000000Z -enddate 20990201000000Z");
    SHELL("cat o/a.crt ca/ca.crt > chain.crt");
    cr_expect_eq(pki("status --json chain.crt o/990101_b.crt ca/ca.crl ca/ended.crt ca/early.crt none.crt"), 1);
    json_error_t error;
    json_t *rows = json_loads(workshop_out, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(rows, "%s:\n%s", error.text, workshop_out);
    cr_assert_eq(json_array_size(rows), 7);
    static const struct {
        const char *kind, *name, *state;
    } wanted[] = { { "node", "a", "valid" },         { "authority", "F \"1\"", "valid" }, { "member", "990101/b", "ends soon" }, { "crl", "F \"1\"", "valid" },
                   { "certificate", "x", "ended" }, { "certificate", "x", "not yet valid" }, { "-", "-", "unreadable" } };
    for (size_t i = 0; i < 7; i++) {
        cr_expect_str_eq(field(rows, i, "kind"), wanted[i].kind, "row %zu", i);
        cr_expect_str_eq(field(rows, i, "name"), wanted[i].name, "row %zu", i);
        cr_expect_str_eq(field(rows, i, "state"), wanted[i].state, "row %zu", i);
    }
    json_int_t left = json_integer_value(json_object_get(json_array_get(rows, 0), "days_left"));
    cr_expect(left == 39 || left == 40, "%d", (int)left);
    cr_expect_lt(json_integer_value(json_object_get(json_array_get(rows, 4), "days_left")), 0);
    cr_expect_str_eq(field(rows, 4, "not_after"), "2020-02-01T00:00:00Z");
    json_decref(rows);
}

Test(pki_status, what_was_made_is_told_as_json)
{
    OK("init --out ca --name F --json");
    json_t *made = json_loads(workshop_out, 0, NULL);
    cr_assert_not_null(made, "%s", workshop_out);
    cr_expect_str_eq(json_string_value(json_object_get(made, "certificate")), "ca/ca.crt");
    json_decref(made);
    OK("csr --name a --out o --json");
    made = json_loads(workshop_out, 0, NULL);
    cr_assert_not_null(made, "%s", workshop_out);
    cr_expect_str_eq(json_string_value(json_object_get(made, "request")), "o/a.csr");
    json_decref(made);
}
