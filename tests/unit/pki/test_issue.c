#include "workshop.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(pki_issue, .init = workshop_enter, .fini = workshop_leave);

#define OK(line) cr_assert_eq(pki(line), 0, "%s: %s", line, workshop_err)
#define SHELL(...) cr_assert_eq(shell(__VA_ARGS__), 0, "%s", workshop_out)
#define SAYS(text, part) cr_expect_not_null(strstr(text, part), "expected \"%s\" in:\n%s", part, text)

Test(pki_issue, an_authority_of_either_algorithm_signs_nodes_and_members_of_either)
{
    static const char *const algorithms[] = { "p256", "ed25519" };
    char line[256];
    for (size_t i = 0; i < 2; i++) {
        snprintf(line, sizeof line, "init --out ca%zu --name 'Anlan Federation 安澜' --algorithm %s", i, algorithms[i]);
        OK(line);
        cr_expect_eq(mode_of(i == 0 ? "ca0/ca.key" : "ca1/ca.key"), 0600);
        for (size_t j = 0; j < 2; j++) {
            snprintf(line, sizeof line, "issue --ca ca%zu --name street-anlan --out n%zu%zu --algorithm %s", i, i, j, algorithms[j]);
            OK(line);
            snprintf(line, sizeof line, "issue --ca ca%zu --name 990101001/urban-management --out n%zu%zu --algorithm %s", i, i, j, algorithms[j]);
            OK(line);
            SHELL("openssl verify -x509_strict -purpose sslserver -CAfile n%zu%zu/ca.crt n%zu%zu/street-anlan.crt", i, j, i, j);
            SHELL("openssl verify -x509_strict -purpose sslclient -CAfile n%zu%zu/ca.crt n%zu%zu/street-anlan.crt", i, j, i, j);
            SHELL("openssl verify -x509_strict -purpose sslclient -crl_check -CRLfile n%zu%zu/ca.crl -CAfile n%zu%zu/ca.crt n%zu%zu/990101001_urban-management.crt", i, j, i, j, i, j);
            cr_expect_neq(shell("openssl verify -purpose sslserver -CAfile n%zu%zu/ca.crt n%zu%zu/990101001_urban-management.crt", i, j, i, j), 0, "a member is no server");
            SHELL("openssl verify -CAfile ca%zu/ca.crt ca%zu/ca.crt", i, i);
        }
    }
    cr_expect_neq(shell("openssl verify -CAfile ca1/ca.crt n00/street-anlan.crt"), 0, "another authority's");
}

Test(pki_issue, the_certificate_says_who_it_is_for)
{
    OK("init --out ca --name F");
    OK("issue --ca ca --name 990101001/urban-management --out m --days 10");
    SHELL("openssl x509 -in m/990101001_urban-management.crt -noout -text -nameopt utf8");
    SAYS(workshop_out, "Subject: CN=990101001/urban-management\n");
    SAYS(workshop_out, "Issuer: CN=F\n");
    SAYS(workshop_out, "URI:urn:qiao:member:990101001/urban-management\n");
    SAYS(workshop_out, "X509v3 Basic Constraints: critical\n                CA:FALSE");
    SAYS(workshop_out, "X509v3 Key Usage: critical\n                Digital Signature, Key Agreement\n");
    SAYS(workshop_out, "X509v3 Extended Key Usage: \n                TLS Web Client Authentication\n");
    SHELL("test $(openssl x509 -in m/990101001_urban-management.crt -noout -serial | wc -c) -ge 35"); /* "serial=", 128 bits less leading zeros */
    OK("issue --ca ca --name street-anlan --out n");
    SHELL("openssl x509 -in n/street-anlan.crt -noout -text");
    SAYS(workshop_out, "URI:urn:qiao:node:street-anlan\n");
    SAYS(workshop_out, "TLS Web Server Authentication, TLS Web Client Authentication\n");
    cr_expect_eq(mode_of("n/street-anlan.key"), 0600);
    cr_expect_eq(mode_of("n/street-anlan.crt"), 0644);
    SHELL("test \"$(openssl x509 -in n/street-anlan.crt -noout -pubkey)\" = \"$(openssl pkey -in n/street-anlan.key -pubout)\"");
    SHELL("cmp ca/ca.crt n/ca.crt");
    SHELL("test -z \"$(ls -A ca n m | grep -E '[.][A-Za-z0-9]{6}$')\""); /* no temporary files are left */
}

Test(pki_issue, hosts_and_the_address_of_the_list_are_in_it_and_stay_when_it_is_renewed)
{
    OK("init --out ca --name F");
    OK("issue --ca ca --name street-anlan --out n --area 990101001 --host node.example,192.0.2.7,2001:db8::7 --crl-url http://ca.example/ca.crl");
    SHELL("openssl verify -x509_strict -verify_hostname node.example -CAfile n/ca.crt n/street-anlan.crt");
    SHELL("openssl verify -x509_strict -verify_ip 2001:db8::7 -CAfile n/ca.crt n/street-anlan.crt");
    cr_expect_neq(shell("openssl verify -verify_hostname other.example -CAfile n/ca.crt n/street-anlan.crt"), 0);
    OK("renew --ca ca --certificate n/street-anlan.crt");
    SHELL("openssl x509 -in n/street-anlan.crt -noout -text");
    SAYS(workshop_out, "DNS:node.example, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7\n");
    SAYS(workshop_out, "URI:http://ca.example/ca.crl\n");
    SAYS(workshop_out, "URI:urn:qiao:area:990101001");
    OK("renew --ca ca --certificate n/street-anlan.crt --host moved.example");
    SHELL("openssl verify -x509_strict -verify_hostname moved.example -CAfile n/ca.crt n/street-anlan.crt");
    cr_expect_neq(shell("openssl verify -verify_hostname node.example -CAfile n/ca.crt n/street-anlan.crt"), 0);
}

Test(pki_issue, what_is_no_host_and_no_address_is_refused)
{
    static const char *const wrong[] = { "--host ''", "--host a,,b", "--host 'a b'", "--host a..b", "--host 'x,email:evil@example'",
                                         "--crl-url ftp://ca", "--crl-url 'http://a,URI:http://b'", "--crl-url x" };
    char line[160];
    OK("init --out ca --name F");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(line, sizeof line, "issue --ca ca --name a --out o %s", wrong[i]);
        cr_expect_eq(pki(line), 2, "%s", wrong[i]);
        SAYS(workshop_err, "expected");
    }
}

Test(pki_issue, validity_begins_a_little_earlier_and_never_outlives_the_authority)
{
    OK("init --out ca --name F --days 20");
    OK("issue --ca ca --name a --out o --days 10");
    OK("issue --ca ca --name b --out o --days 100");
    SHELL("openssl x509 -in o/a.crt -noout -checkend $((10 * 86400 - 60))");
    cr_expect_neq(shell("openssl x509 -in o/a.crt -noout -checkend $((10 * 86400 + 60))"), 0);
    SHELL("test \"$(openssl x509 -in o/b.crt -noout -enddate)\" = \"$(openssl x509 -in ca/ca.crt -noout -enddate)\"");
    SHELL("begins=$(date -d \"$(openssl x509 -in o/a.crt -noout -startdate | cut -d= -f2)\" +%%s); age=$(($(date +%%s) - begins)); test $age -ge 300 -a $age -le 360");
}

Test(pki_issue, keys_stay_unless_forced)
{
    OK("init --out ca --name F");
    OK("issue --ca ca --name a --out o");
    const char *ca_key = slurp("ca/ca.key"), *key = slurp("o/a.key"), *certificate = slurp("o/a.crt");
    cr_expect_eq(pki("init --out ca --name F"), 1);
    SAYS(workshop_err, "--force");
    cr_expect_eq(pki("issue --ca ca --name a --out o"), 1);
    SAYS(workshop_err, "--force");
    cr_expect_eq(pki("csr --name a --out o"), 1);
    cr_expect_str_eq(slurp("ca/ca.key"), ca_key);
    cr_expect_str_eq(slurp("o/a.key"), key);
    cr_expect_str_eq(slurp("o/a.crt"), certificate);
    OK("issue --ca ca --name a --out o --force");
    cr_expect_str_neq(slurp("o/a.key"), key);
    SHELL("openssl verify -CAfile ca/ca.crt o/a.crt");
    OK("init --out ca --name F --force");
    cr_expect_str_neq(slurp("ca/ca.key"), ca_key);
    cr_expect_eq(pki("issue --ca ca --name c --out o"), 1);
    SAYS(workshop_err, "o/ca.crt is another authority's");
    cr_expect_neq(access("o/c.key", F_OK), 0, "nothing is left of it");
}

Test(pki_issue, a_request_is_signed_here_and_elsewhere)
{
    OK("init --out ca --name F");
    OK("csr --name 990101/housing --out o --algorithm ed25519");
    cr_expect_eq(mode_of("o/990101_housing.key"), 0600);
    SHELL("openssl req -in o/990101_housing.csr -noout -verify -text");
    SAYS(workshop_out, "urn:qiao:member:990101/housing");
    OK("issue --ca ca --csr o/990101_housing.csr --out o");
    SHELL("openssl verify -purpose sslclient -CAfile ca/ca.crt o/990101_housing.crt");
    SHELL("test \"$(openssl x509 -in o/990101_housing.crt -noout -pubkey)\" = \"$(openssl pkey -in o/990101_housing.key -pubout)\"");
    SHELL("openssl x509 -req -in o/990101_housing.csr -CA ca/ca.crt -CAkey ca/ca.key -CAcreateserial -out outside.crt -days 5 -copy_extensions copy");
    SHELL("openssl verify -purpose sslclient -CAfile ca/ca.crt outside.crt");
}

Test(pki_issue, what_a_request_asks_for_beyond_name_and_key_is_not_granted)
{
    OK("init --out ca --name F");
    SHELL("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -out r.csr -subj /CN=node-1 "
          "-addext basicConstraints=critical,CA:TRUE -addext subjectAltName=URI:urn:qiao:node:other");
    OK("issue --ca ca --csr r.csr --out o");
    SHELL("openssl x509 -in o/node-1.crt -noout -text");
    SAYS(workshop_out, "CA:FALSE");
    SAYS(workshop_out, "urn:qiao:node:node-1");
    cr_expect_null(strstr(workshop_out, "CA:TRUE"));
    cr_expect_null(strstr(workshop_out, "other"));
}

Test(pki_issue, bad_requests_are_refused)
{
    OK("init --out ca --name F");
    SHELL("openssl req -new -newkey rsa:2048 -nodes -keyout k -out rsa.csr -subj /CN=node-1");
    cr_expect_eq(pki("issue --ca ca --csr rsa.csr --out o"), 1);
    SAYS(workshop_err, "neither P-256, Ed25519 nor SM2");
    SHELL("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout k -out p384.csr -subj /CN=node-1");
    cr_expect_eq(pki("issue --ca ca --csr p384.csr --out o"), 1);
    SHELL("openssl req -new -newkey ed25519 -nodes -keyout k -out bad.csr -subj '/CN=..\\/..\\/etc\\/passwd'");
    cr_expect_eq(pki("issue --ca ca --csr bad.csr --out o"), 2);
    SAYS(workshop_err, "expected for a member area/name");
    OK("csr --name node-2 --out .");
    /* the last byte of the signature changed */
    SHELL("openssl req -in node-2.csr -outform DER -out r.der && size=$(stat -c %%s r.der) && last=$(tail -c1 r.der | od -An -tu1 | tr -d ' ') && "
          "head -c $((size - 1)) r.der > t.der && printf \"\\\\$(printf %%o $((last ^ 1)))\" >> t.der && openssl req -inform DER -in t.der -out tampered.csr");
    cr_expect_eq(pki("issue --ca ca --csr tampered.csr --out o"), 1);
    SAYS(workshop_err, "its signature does not fit");
    cr_expect_eq(pki("issue --ca ca --csr ca/ca.key --out o"), 1);
    SAYS(workshop_err, "expected a certificate request in PEM");
    cr_expect_eq(pki("issue --ca ca --csr none.csr --out o"), 1);
    SAYS(workshop_err, "No such file");
    cr_expect_neq(access("o/node-1.crt", F_OK), 0);
    cr_expect_neq(access("o/node-2.crt", F_OK), 0);
}

Test(pki_issue, passphrases_lock_keys)
{
    SHELL("printf 'first secret\\n' > p1; printf 'second secret' > p2; : > empty");
    OK("init --out ca --name F --passphrase-file p1");
    SAYS(slurp("ca/ca.key"), "ENCRYPTED");
    cr_expect_eq(pki("issue --ca ca --name a --out o"), 1);
    SAYS(workshop_err, "encrypted");
    cr_expect_eq(pki("issue --ca ca --name a --out o --ca-passphrase-file p2"), 1);
    cr_expect_eq(pki("issue --ca ca --name a --out o --ca-passphrase-file empty"), 1);
    OK("issue --ca ca --name a --out o --ca-passphrase-file p1 --passphrase-file p2");
    SHELL("openssl pkey -in o/a.key -passin file:p2 -noout");
    cr_expect_neq(shell("openssl pkey -in o/a.key -passin file:p1 -noout"), 0);
}

Test(pki_issue, an_authority_that_is_not_one_is_refused)
{
    OK("init --out ca --name F");
    OK("init --out other --name G");
    OK("issue --ca ca --name a --out leaf");
    cr_expect_eq(pki("issue --ca none --name a --out o"), 1);
    SHELL("cp other/ca.key ca/ca.key");
    cr_expect_eq(pki("issue --ca ca --name b --out o"), 1);
    SAYS(workshop_err, "do not belong together");
    SHELL("cp leaf/a.crt other/ca.crt; cp leaf/a.key other/ca.key");
    cr_expect_eq(pki("issue --ca other --name b --out o"), 1);
    SAYS(workshop_err, "no certificate of an authority");
}

Test(pki_issue, a_full_disk_or_missing_right_leaves_nothing_half_made)
{
    OK("init --out ca --name F");
    SHELL("mkdir -p o/a.crt/x"); /* the certificate cannot be moved into place */
    cr_expect_eq(pki("issue --ca ca --name a --out o"), 1);
    cr_expect_neq(access("o/a.key", F_OK), 0);
    SHELL("touch file");
    cr_expect_eq(pki("issue --ca ca --name b --out file"), 1);
    cr_expect_eq(pki("issue --ca ca --name b --out file/deeper"), 1);
    cr_expect_eq(pki("issue --ca ca --name b --out ''"), 1);
}
