#include "pki.h"
#include "workshop.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(pki_usage, .init = workshop_enter, .fini = workshop_leave);

static const struct {
    const char *line, *says;
} wrong[] = {
    { "", "qiao pki COMMAND" },
    { "isue", "expected a command" },
    { "init", "--out PATH is missing" },
    { "init --out ca", "--name NAME is missing" },
    { "init --out ca --name ''", "1 to 64 characters" },
    { "init --out ca --name 0123456789012345678901234567890123456789012345678901234567890123456789", "1 to 64 characters" },
    { "init --out ca --name F --algorithm rsa", "expected p256, ed25519 or sm2" },
    { "init --out ca --name F --days 0", "expected a number from 1 to 36500" },
    { "init --out ca --name F --days 10x", "expected a number" },
    { "init --out ca --name F --days 99999999999999999999", "expected a number" },
    { "init --out ca --name F --csr x", "--csr is no option of this command" },
    { "init --out ca --name", "--name needs a value" },
    { "init --out ca --name F more", "found \"more\"" },
    { "issue --ca ca --out o", "--name NAME or --csr FILE" },
    { "issue --ca ca --out o --name Street", "a node id" },
    { "issue --ca ca --out o --name 12345/a", "area/name" },
    { "issue --ca ca --out o --name 123456/", "area/name" },
    { "issue --ca ca --out o --name 123456/a/b", "area/name" },
    { "issue --ca ca --out o --name a --type member", "area/name" },
    { "issue --ca ca --out o --name 123456/a --type node", "a node id" },
    { "issue --ca ca --out o --name a --type office", "expected node or member" },
    { "issue --ca ca --out o --name 123456789012/0123456789012345678901234567890123456789012345678901", "at most 64" },
    { "issue --ca ca --out o --csr x --algorithm p256", "leave out --algorithm" },
    { "issue --ca ca --out o --name a --area 99010", "expected 6, 9 or 12 digits" },
    { "issue --ca ca --out o --name a --area 99010x", "expected 6, 9 or 12 digits" },
    { "issue --ca ca --out o --name a --area ''", "expected 6, 9 or 12 digits" },
    { "issue --ca ca --out o --name 990101/a --area 990101", "--area is for nodes" },
    { "csr --out o --name 990101/a --area 990101", "--area is for nodes" },
    { "renew --ca ca --certificate x --area 990101", "--area is no option of this command" },
    { "revoke --ca ca --certificate x --reason boredom", "expected unspecified" },
    { "renew --ca ca", "--certificate FILE is missing" },
    { "status", "FILE... are missing" },
    { "status --warn-days x a.crt", "expected a number" },
};

Test(pki_usage, wrong_use_is_2_and_says_why_and_makes_nothing)
{
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_expect_eq(pki(wrong[i].line), 2, "%s", wrong[i].line);
        cr_expect_not_null(strstr(workshop_err, wrong[i].says), "%s: expected \"%s\" in\n%s", wrong[i].line, wrong[i].says, workshop_err);
    }
    cr_expect_eq(shell("test -z \"$(ls -A | grep -v '^.out$' | grep -v '^.err$')\""), 0, "%s", workshop_out);
}

Test(pki_usage, every_command_has_help)
{
    cr_assert_eq(pki("--help"), 0);
    char all[sizeof workshop_out], line[64], words[128] = "";
    snprintf(all, sizeof all, "%s", workshop_out);
    for (const char *const *word = pki_words; *word; word++) {
        snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", word == pki_words ? "" : "|", *word);
        snprintf(line, sizeof line, "  %s ", *word);
        cr_expect_not_null(strstr(all, line), "%s", *word);
        snprintf(line, sizeof line, "%s --help", *word);
        cr_expect_eq(pki(line), 0);
        snprintf(line, sizeof line, "qiao pki %s", *word);
        cr_expect_not_null(strstr(workshop_out, line), "%s", workshop_out);
        cr_expect_not_null(strstr(workshop_out, "--help"));
    }
    cr_expect_str_eq(words, PKI_COMMANDS_TEXT);
}
