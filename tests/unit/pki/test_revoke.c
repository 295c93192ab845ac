#include "pki.h"
#include "workshop.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(pki_revoke, .init = workshop_enter, .fini = workshop_leave);

#define OK(line) cr_assert_eq(pki(line), 0, "%s: %s", line, workshop_err)
#define SHELL(...) cr_assert_eq(shell(__VA_ARGS__), 0, "%s", workshop_out)
#define SAYS(text, part) cr_expect_not_null(strstr(text, part), "expected \"%s\" in:\n%s", part, text)
#define VERIFY "openssl verify -crl_check -CRLfile ca/ca.crl -CAfile ca/ca.crt "

static void make_authority(const char *algorithm)
{
    char line[128];
    snprintf(line, sizeof line, "init --out ca --name F --algorithm %s", algorithm);
    OK(line);
    OK("issue --ca ca --name a --out o");
    OK("issue --ca ca --name b --out o");
    OK("issue --ca ca --name 990101/c --out o");
}

Test(pki_revoke, a_renewed_certificate_has_the_same_key_and_name_and_another_serial)
{
    make_authority("p256");
    SHELL("cp o/a.crt old.crt");
    OK("renew --ca ca --certificate o/a.crt --days 700");
    SHELL("test \"$(openssl x509 -in old.crt -noout -subject -pubkey)\" = \"$(openssl x509 -in o/a.crt -noout -subject -pubkey)\"");
    cr_expect_neq(shell("test \"$(openssl x509 -in old.crt -noout -serial)\" = \"$(openssl x509 -in o/a.crt -noout -serial)\""), 0);
    SHELL("openssl x509 -in o/a.crt -noout -checkend $((699 * 86400))");
    SHELL(VERIFY "-purpose sslserver o/a.crt");
    OK("renew --ca ca --certificate o/990101_c.crt --out elsewhere.crt");
    SHELL(VERIFY "-purpose sslclient elsewhere.crt");
    cr_expect_neq(shell("cmp elsewhere.crt o/990101_c.crt"), 0);
}

Test(pki_revoke, only_own_certificates_are_renewed_and_revoked)
{
    make_authority("ed25519");
    OK("init --out other --name F");
    OK("issue --ca other --name a --out foreign");
    cr_expect_eq(pki("renew --ca ca --certificate foreign/a.crt"), 1);
    SAYS(workshop_err, "was not issued by the authority in ca");
    cr_expect_eq(pki("revoke --ca ca --certificate foreign/a.crt"), 1);
    cr_expect_eq(pki("revoke --ca ca --certificate ca/ca.crt"), 1);
    SAYS(workshop_err, "own certificate");
    cr_expect_eq(pki("renew --ca ca --certificate o/a.key"), 1);
}

Test(pki_revoke, revoked_certificates_do_not_verify_and_the_others_do)
{
    static const char *const algorithms[] = { "p256", "ed25519" };
    for (size_t i = 0; i < 2; i++) {
        SHELL("rm -rf ca o");
        make_authority(algorithms[i]);
        SHELL(VERIFY "o/a.crt o/b.crt o/990101_c.crt");
        OK("revoke --ca ca --certificate o/a.crt --reason key-compromise");
        cr_expect_neq(shell(VERIFY "o/a.crt"), 0);
        SAYS(workshop_out, "certificate revoked");
        SHELL(VERIFY "o/b.crt o/990101_c.crt");
        OK("revoke --ca ca --certificate o/990101_c.crt");
        cr_expect_neq(shell(VERIFY "o/a.crt"), 0, "still");
        cr_expect_neq(shell(VERIFY "o/990101_c.crt"), 0);
        SHELL(VERIFY "o/b.crt");
        SHELL("openssl crl -in ca/ca.crl -noout -text -CAfile ca/ca.crt");
        SAYS(workshop_out, "Key Compromise");
        SAYS(workshop_out, "X509v3 CRL Number: \n                3\n");
        OK("revoke --ca ca --certificate o/a.crt");
        SAYS(workshop_out, "was revoked already");
        cr_expect_eq(pki("renew --ca ca --certificate o/a.crt"), 1);
        SAYS(workshop_err, "is revoked");
        OK("issue --ca ca --name a --out fresh");
        SHELL(VERIFY "fresh/a.crt");
        cr_expect_neq(shell("openssl verify -crl_check -CRLfile fresh/ca.crl -CAfile ca/ca.crt o/a.crt"), 0, "the new folder has the list");
        SHELL("rm -rf fresh");
    }
}

Test(pki_revoke, the_list_is_signed_anew_and_forgets_nothing)
{
    make_authority("p256");
    OK("revoke --ca ca --certificate o/a.crt --days 5");
    OK("crl --ca ca --days 400");
    SHELL("end=$(date -d \"$(openssl crl -in ca/ca.crl -noout -nextupdate | cut -d= -f2)\" +%%s); test $((end - $(date +%%s))) -gt $((399 * 86400))");
    cr_expect_neq(shell(VERIFY "o/a.crt"), 0);
    OK("crl --ca ca --force");
    cr_expect_neq(shell(VERIFY "o/a.crt"), 0, "--force does not empty a list that is there");
}

Test(pki_revoke, a_list_that_is_gone_or_forged_is_not_quietly_replaced)
{
    make_authority("p256");
    OK("init --out other --name F");
    SHELL("cp other/ca.crl ca/ca.crl");
    cr_expect_eq(pki("revoke --ca ca --certificate o/a.crt"), 1);
    SAYS(workshop_err, "signed by this authority");
    SHELL("rm ca/ca.crl");
    cr_expect_eq(pki("revoke --ca ca --certificate o/a.crt"), 1);
    SAYS(workshop_err, "is gone");
    cr_expect_eq(pki("crl --ca ca"), 1);
    OK("crl --ca ca --force");
    OK("revoke --ca ca --certificate o/a.crt");
    cr_expect_neq(shell(VERIFY "o/a.crt"), 0);
}

Test(pki_revoke, revocations_at_the_same_time_are_all_kept)
{
    char line[64];
    OK("init --out ca --name F");
    for (int i = 0; i < 8; i++) {
        snprintf(line, sizeof line, "issue --ca ca --name n%d --out o", i);
        OK(line);
    }
    for (int i = 0; i < 8; i++) {
        pid_t child = fork();
        cr_assert_geq(child, 0);
        if (child != 0)
            continue;
        char certificate[32], *words[] = { (char[]){ "pki" }, (char[]){ "revoke" }, (char[]){ "--ca" }, (char[]){ "ca" }, (char[]){ "--certificate" }, certificate, NULL };
        snprintf(certificate, sizeof certificate, "o/n%d.crt", i);
        _exit(cmd_pki(6, words));
    }
    for (int i = 0; i < 8; i++) {
        int status = -1;
        cr_assert_gt(wait(&status), 0);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    for (int i = 0; i < 8; i++) {
        cr_expect_neq(shell(VERIFY "o/n%d.crt", i), 0);
        SAYS(workshop_out, "certificate revoked");
    }
}
