#include "workshop.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite(pki_sm2, .init = workshop_enter, .fini = workshop_leave);

#define OK(line) cr_assert_eq(pki(line), 0, "%s: %s", line, workshop_err)
#define SHELL(...) cr_assert_eq(shell(__VA_ARGS__), 0, "%s", workshop_out)
#define SAYS(text, part) cr_expect_not_null(strstr(text, part), "expected \"%s\" in:\n%s", part, text)
#define DISTID "distid:1234567812345678"

Test(pki_sm2, a_chain_of_sm2_verifies_with_the_signer_id_of_the_standard_and_no_other)
{
    OK("init --out ca --name F --algorithm sm2");
    OK("issue --ca ca --name street-anlan --area 990101001 --out o --algorithm sm2");
    SHELL("openssl verify -x509_strict -purpose sslserver -vfyopt " DISTID " -CAfile o/ca.crt o/street-anlan.crt");
    cr_expect_neq(shell("openssl verify -vfyopt distid:other -CAfile o/ca.crt o/street-anlan.crt"), 0);
    SHELL("openssl x509 -in o/street-anlan.crt -noout -text");
    SAYS(workshop_out, "Signature Algorithm: SM2-with-SM3");
    SAYS(workshop_out, "ASN1 OID: SM2");
    SAYS(workshop_out, "Digital Signature, Key Encipherment, Key Agreement\n");
    SHELL("openssl pkey -in o/street-anlan.key -pubout > k1; openssl x509 -in o/street-anlan.crt -noout -pubkey > k2; cmp k1 k2");
}

Test(pki_sm2, sm2_and_the_others_sign_each_other)
{
    static const char *const algorithms[] = { "p256", "ed25519", "sm2" };
    char line[128];
    for (size_t i = 0; i < 3; i++) {
        snprintf(line, sizeof line, "init --out ca%zu --name F --algorithm %s", i, algorithms[i]);
        OK(line);
        for (size_t j = 0; j < 3; j++) {
            if (i != 2 && j != 2) continue;
            snprintf(line, sizeof line, "issue --ca ca%zu --name a --out n%zu%zu --algorithm %s", i, i, j, algorithms[j]);
            OK(line);
            SHELL("openssl verify -x509_strict %s -CAfile ca%zu/ca.crt n%zu%zu/a.crt", i == 2 ? "-vfyopt " DISTID : "", i, i, j);
        }
    }
}

/* openssl verifies no list with a signer id, so its parts are taken and verified as any SM2 signature. */
Test(pki_sm2, the_list_of_an_sm2_authority_is_signed_with_sm3_and_goes_on)
{
    OK("init --out ca --name F --algorithm sm2");
    OK("issue --ca ca --name a --out o");
    OK("revoke --ca ca --certificate o/a.crt --reason superseded");
    OK("crl --ca ca --days 10");
    SHELL("openssl crl -in ca/ca.crl -noout -text");
    SAYS(workshop_out, "Signature Algorithm: SM2-with-SM3");
    SAYS(workshop_out, "Superseded");
    SAYS(workshop_out, "X509v3 CRL Number: \n                3\n");
    SHELL("openssl crl -in ca/ca.crl -outform DER -out l.der && openssl x509 -in ca/ca.crt -noout -pubkey > k");
    SHELL("openssl asn1parse -inform DER -in l.der -strparse $(openssl asn1parse -inform DER -in l.der | sed -n 2p | cut -d: -f1) -noout -out content");
    SHELL("openssl asn1parse -inform DER -in l.der -strparse $(openssl asn1parse -inform DER -in l.der | grep 'BIT STRING' | tail -1 | cut -d: -f1) -noout -out signature");
    SHELL("openssl pkeyutl -verify -pubin -inkey k -rawin -digest sm3 -pkeyopt " DISTID " -in content -sigfile signature");
    OK("init --out other --name F --algorithm sm2");
    SHELL("cp other/ca.crl ca/ca.crl");
    cr_expect_eq(pki("revoke --ca ca --certificate o/a.crt"), 1);
    SAYS(workshop_err, "signed by this authority");
}

Test(pki_sm2, requests_are_made_and_signed_here_and_elsewhere)
{
    OK("init --out ca --name F --algorithm sm2");
    OK("csr --name street-anlan --area 990101001 --out o --algorithm sm2");
    SHELL("openssl req -in o/street-anlan.csr -noout -verify -vfyopt " DISTID " -text");
    SAYS(workshop_out, "urn:qiao:area:990101001");
    OK("issue --ca ca --csr o/street-anlan.csr --area 990101001 --out o");
    SHELL("openssl verify -vfyopt " DISTID " -CAfile ca/ca.crt o/street-anlan.crt");
    SHELL("openssl ecparam -name SM2 -genkey -noout -out raw && openssl pkey -in raw -out k");
    SHELL("openssl req -new -key k -sm3 -sigopt " DISTID " -subj /CN=node-1 -out good.csr");
    OK("issue --ca ca --csr good.csr --out o");
    SHELL("openssl req -new -key k -sm3 -sigopt distid:other -subj /CN=node-2 -out other.csr");
    cr_expect_eq(pki("issue --ca ca --csr other.csr --out o"), 1);
    SAYS(workshop_err, "the signer id 1234567812345678");
    cr_expect_neq(access("o/node-2.crt", F_OK), 0);
}

Test(pki_sm2, only_own_certificates_are_renewed)
{
    OK("init --out ca --name F --algorithm sm2");
    OK("init --out other --name F --algorithm sm2");
    OK("issue --ca ca --name a --out o --algorithm sm2");
    OK("renew --ca ca --certificate o/a.crt --days 700");
    SHELL("openssl verify -vfyopt " DISTID " -CAfile ca/ca.crt o/a.crt");
    cr_expect_eq(pki("renew --ca other --certificate o/a.crt"), 1);
    SAYS(workshop_err, "was not issued by");
}

Test(pki_sm2, passphrases_lock_sm2_keys)
{
    SHELL("echo 'first secret' > p1");
    OK("init --out ca --name F --algorithm sm2 --passphrase-file p1");
    cr_expect_eq(pki("issue --ca ca --name a --out o"), 1);
    OK("issue --ca ca --name a --out o --algorithm sm2 --passphrase-file p1 --ca-passphrase-file p1");
    SHELL("openssl pkey -in o/a.key -passin file:p1 -noout");
}
