/* Which certificates are taken, what is said of their signatures, and when. */
#include "rings.h"

#include <stdio.h>
#include <stdlib.h>

TestSuite(seal_judgement, .init = rings_enter, .fini = rings_leave);

/* A message, and who signed it. */
struct letter {
    struct seal_key_id id;
    enum seal_suite suite;
    uint8_t signature[SEAL_SIGNATURE_SIZE];
};

static const struct qiao_bytes words = { (const uint8_t *)"a message", 9 };

static struct letter write_letter(struct keyring *from)
{
    struct letter letter = { .suite = keyring_seal(from)->suite };
    cr_assert_eq(keyring_seal(from)->sign(from, words, &letter.id, letter.signature), 0);
    return letter;
}

static unsigned read_letter(struct keyring *reader, const struct letter *letter, uint64_t at_ms)
{
    return rings_verify(reader, letter->suite, &letter->id, at_ms, words, qiao_bytes(letter->signature, SEAL_SIGNATURE_SIZE));
}

static struct keyring *open_of(const char *name)
{
    struct keyring_options options = rings_options(name);
    return rings_open(&options);
}

static uint64_t date_ms(const char *path, const char *which)
{
    SHELL("date -d \"$(openssl x509 -in %s -noout -%s | cut -d= -f2)\" +%%s", path, which);
    return strtoull(workshop_out, NULL, 10) * 1000;
}

Test(seal_judgement, a_certificate_stands_from_its_first_second_to_its_last)
{
    OK("init --out ca --name F");
    OK("issue --ca ca --name a --out o --days 10");
    OK("issue --ca ca --name b --out o");
    struct keyring *reader = open_of("b");
    struct letter letter = write_letter(open_of("a"));
    struct seal_key_id id;
    cr_assert_eq(rings_learn(reader, "o/a.crt", &id), QIAO_CODE_OK);
    uint64_t begins = date_ms("o/a.crt", "startdate"), ends = date_ms("o/a.crt", "enddate");
    cr_expect_eq(read_letter(reader, &letter, begins - 1), QIAO_CODE_KEY_EXPIRED);
    cr_expect_eq(read_letter(reader, &letter, begins), QIAO_CODE_OK);
    cr_expect_eq(read_letter(reader, &letter, ends), QIAO_CODE_OK);
    cr_expect_eq(read_letter(reader, &letter, ends + 999), QIAO_CODE_OK);
    cr_expect_eq(read_letter(reader, &letter, ends + 1000), QIAO_CODE_KEY_EXPIRED);
    cr_expect_eq(read_letter(reader, &letter, 0), QIAO_CODE_KEY_EXPIRED);
    cr_expect_eq(read_letter(reader, &letter, UINT64_MAX), QIAO_CODE_KEY_EXPIRED);
}

#define CA_TOOL \
    "cd ca && : > db && printf 01 > serial && " \
    "printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=db\\nserial=serial\\nnew_certs_dir=.\\ndefault_md=sha256\\npolicy=p\\nunique_subject=no\\n[p]\\ncommonName=supplied\\n' > c && "

Test(seal_judgement, what_was_signed_while_a_certificate_stood_is_good_when_it_has_ended)
{
    OK("init --out ca --name F");
    OK("issue --ca ca --name b --out o");
    SHELL(CA_TOOL "openssl req -new -newkey ed25519 -nodes -keyout k -out r -subj /CN=past && "
          "openssl ca -batch -config c -cert ca.crt -keyfile ca.key -in r -out past.crt -startdate 20200101000000Z -enddate 20200201000000Z && "
          "openssl ca -batch -config c -cert ca.crt -keyfile ca.key -in r -out future.crt -startdate 20990101000000Z -enddate 20990201000000Z && "
          "printf 'a message' > m && openssl pkeyutl -sign -rawin -inkey k -in m -out s");
    struct keyring *reader = open_of("b");
    struct seal_key_id past, future;
    cr_assert_eq(rings_learn(reader, "ca/past.crt", &past), QIAO_CODE_OK);
    cr_assert_eq(rings_learn(reader, "ca/future.crt", &future), QIAO_CODE_OK);
    struct qiao_bytes signature = rings_file("ca/s");
    cr_expect_eq(rings_verify(reader, SEAL_SUITE_INT1, &past, 1579000000000, words, signature), QIAO_CODE_OK);
    cr_expect_eq(rings_verify(reader, SEAL_SUITE_INT1, &past, now_ms(), words, signature), QIAO_CODE_KEY_EXPIRED);
    cr_expect_eq(rings_verify(reader, SEAL_SUITE_INT1, &future, now_ms(), words, signature), QIAO_CODE_KEY_EXPIRED);
    struct keyring_options options = rings_options("b");
    options.key_file = "ca/k";
    options.certificate_file = "ca/past.crt";
    rings_refused(&options, "has ended on 2020-02-01");
    options.certificate_file = "ca/future.crt";
    rings_refused(&options, "is not in force before 2099-01-01");
}

Test(seal_judgement, suites_are_taken_as_configured_and_fit_the_key)
{
    OK("init --out ca --name F");
    OK("issue --ca ca --name a --out o");
    OK("issue --ca ca --name b --out o --algorithm sm2");
    struct keyring_options options = rings_options("a");
    struct letter int1 = write_letter(open_of("a")), gm1 = write_letter(open_of("b"));
    const unsigned accepted[] = { 1u << SEAL_SUITE_NONE, 1u << SEAL_SUITE_INT1, 1u << SEAL_SUITE_GM1, ACCEPT_BOTH };
    for (size_t i = 0; i < 4; i++) {
        struct seal_key_id id;
        options.accepted = accepted[i];
        struct keyring *reader = rings_open(&options);
        cr_assert_eq(rings_learn(reader, "o/b.crt", &id), QIAO_CODE_OK);
        cr_expect_eq(read_letter(reader, &int1, now_ms()), i & 1 ? QIAO_CODE_OK : QIAO_CODE_SUITE);
        cr_expect_eq(read_letter(reader, &gm1, now_ms()), i & 2 ? QIAO_CODE_OK : QIAO_CODE_SUITE);
    }
    struct keyring *reader = rings_open(&options);
    struct seal_key_id id;
    cr_assert_eq(rings_learn(reader, "o/b.crt", &id), QIAO_CODE_OK);
    int1.suite = SEAL_SUITE_GM1;
    gm1.suite = SEAL_SUITE_INT1;
    cr_expect_eq(read_letter(reader, &int1, now_ms()), QIAO_CODE_SIGNATURE, "GM1 by P-256");
    cr_expect_eq(read_letter(reader, &gm1, now_ms()), QIAO_CODE_SIGNATURE, "INT1 by SM2");
    const unsigned outside[] = { 0, 3, 31, 32, 33, 64, 255, 0x7fffffff, 0xffffffff };
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        gm1.suite = (enum seal_suite)outside[i];
        cr_expect_eq(read_letter(reader, &gm1, now_ms()), QIAO_CODE_SIGNATURE, "%u", outside[i]);
    }
}

Test(seal_judgement, keys_that_were_never_shown_or_are_of_another_ca_are_unknown)
{
    static const char *const algorithms[] = { "p256", "ed25519", "sm2" };
    for (size_t i = 0; i < 3; i++) {
        SHELL("rm -rf ca other o");
        OK("init --out ca --name F --algorithm %s", algorithms[i]);
        OK("issue --ca ca --name a --out o");
        OK("issue --ca ca --name b --out o");
        struct keyring *reader = open_of("a");
        struct letter letter = write_letter(open_of("b"));
        struct seal_key_id id = { { 7 } }, before = id;
        cr_expect_eq(read_letter(reader, &letter, now_ms()), QIAO_CODE_UNKNOWN_KEY, "not shown yet");
        OK("init --out other --name F --algorithm %s", algorithms[i]); /* the same name */
        OK("issue --ca other --name b --out other");
        SHELL("openssl req -x509 -newkey ed25519 -nodes -keyout k -subj /CN=b -days 5 -addext basicConstraints=CA:FALSE -out self.crt");
        cr_expect_eq(rings_learn(reader, "other/b.crt", &id), QIAO_CODE_UNKNOWN_KEY);
        cr_expect_eq(rings_learn(reader, "other/ca.crt", &id), QIAO_CODE_UNKNOWN_KEY);
        cr_expect_eq(rings_learn(reader, "self.crt", &id), QIAO_CODE_UNKNOWN_KEY);
        cr_expect_eq(rings_learn(reader, "ca/ca.crt", &id), QIAO_CODE_UNKNOWN_KEY, "the CA itself sends no messages");
        cr_expect_eq(memcmp(&id, &before, sizeof id), 0, "untouched");
        cr_expect_eq(rings_learn(reader, "o/b.crt", &id), QIAO_CODE_OK);
        cr_expect_eq(read_letter(reader, &letter, now_ms()), QIAO_CODE_OK);
        struct keyring_options options = rings_options("a");
        options.ca_file = "other/ca.crt";
        rings_refused(&options, "was not issued by the CA");
    }
}

Test(seal_judgement, revoked_certificates_are_known_and_say_so)
{
    static const char *const algorithms[] = { "p256", "ed25519", "sm2" };
    for (size_t i = 0; i < 3; i++) {
        SHELL("rm -rf ca o");
        OK("init --out ca --name F --algorithm %s", algorithms[i]);
        OK("issue --ca ca --name a --out o");
        OK("issue --ca ca --name b --out o");
        OK("issue --ca ca --name c --out o");
        struct letter of_b = write_letter(open_of("b")), of_c = write_letter(open_of("c"));
        OK("revoke --ca ca --certificate o/b.crt");
        struct keyring_options options = rings_options("a");
        options.crl_file = "ca/ca.crl";
        struct keyring *reader = rings_open(&options);
        const struct seal *seal = keyring_seal(reader);
        struct seal_key_id id;
        buf_auto der = { 0 };
        cr_expect_eq(rings_learn(reader, "o/b.crt", &id), QIAO_CODE_KEY_REVOKED);
        cr_expect_eq(rings_learn(reader, "o/b.crt", &id), QIAO_CODE_KEY_REVOKED, "and again");
        cr_expect_eq(read_letter(reader, &of_b, now_ms()), QIAO_CODE_KEY_REVOKED);
        cr_expect(keyring_is_revoked(reader, &id));
        cr_expect(seal->certificate(seal->context, &id, &der) && qiao_bytes_equal(buf_bytes(&der), rings_der("o/b.crt")));
        cr_expect_eq(rings_learn(reader, "o/c.crt", &id), QIAO_CODE_OK);
        cr_expect_not(keyring_is_revoked(reader, &id));
        cr_expect_eq(read_letter(reader, &of_c, now_ms()), QIAO_CODE_OK);
        memset(id.bytes, 3, sizeof id.bytes);
        cr_expect(keyring_is_revoked(reader, &id), "never heard of");
        options = rings_options("b");
        options.crl_file = "ca/ca.crl";
        rings_refused(&options, "o/b.crt is revoked");
    }
}

Test(seal_judgement, an_authority_in_between_is_followed_and_may_be_revoked)
{
    OK("init --out root --name Root");
    SHELL("mkdir o ca; openssl req -new -newkey ed25519 -nodes -keyout ca/ca.key -out r -subj /CN=Issuing && "
          "printf 'basicConstraints=critical,CA:TRUE\\nkeyUsage=critical,keyCertSign,cRLSign\\n' > e && "
          /* a root of qiao pki allows no authority below it: one that does, with the same key and name */
          "openssl req -x509 -key root/ca.key -subj /CN=Root -days 50 -addext keyUsage=critical,keyCertSign,cRLSign -out ca/root.crt && "
          "openssl x509 -req -in r -CA ca/root.crt -CAkey root/ca.key -CAcreateserial -days 20 -extfile e -out ca/issuing.crt && "
          "cp ca/issuing.crt ca/ca.crt");
    OK("crl --ca ca --force");
    OK("issue --ca ca --name a --out o");
    OK("issue --ca ca --name b --out o");
    struct keyring_options options = rings_options("a");
    rings_refused(&options, "was not issued by the CA"); /* no root */
    SHELL("cat ca/root.crt ca/issuing.crt > bundle.crt");
    options.ca_file = "bundle.crt";
    struct keyring *reader = rings_open(&options);
    struct seal_key_id id;
    cr_expect_eq(rings_learn(reader, "o/b.crt", &id), QIAO_CODE_OK);
    SHELL("cp ca/root.crt root/ca.crt");
    OK("revoke --ca root --certificate ca/issuing.crt");
    SHELL("cat root/ca.crl ca/ca.crl > lists");
    options.crl_file = "lists";
    rings_refused(&options, "o/a.crt is revoked");
}

/* Extensions for openssl x509 -extfile ("basicConstraints" and key usage come with them or not), subject, and what is made of it. */
static const struct {
    const char *subject, *extensions, *name, *area;
    bool member;
} identities[] = {
    { "/CN=street-anlan", "subjectAltName=URI:urn:qiao:node:street-anlan,URI:urn:qiao:area:990101001", "street-anlan", "990101001", false },
    { "/CN=street-anlan", "keyUsage=digitalSignature", "street-anlan", "", false },
    { "/O=Anlan/CN=street-anlan", "subjectAltName=DNS:a.example,URI:https://a.example/,URI:urn:qiao:area:990101", "street-anlan", "990101", false },
    { "/CN=990101001\\/urban-management", "subjectAltName=URI:urn:qiao:member:990101001/urban-management", "990101001/urban-management", "990101001", true },
    { "/CN=990101001\\/urban-management", "keyUsage=nonRepudiation,digitalSignature", "990101001/urban-management", "990101001", true },
    { "/CN=街道", "basicConstraints=CA:FALSE", "街道", "", false },
    /* not taken */
    { "/O=Anlan", "basicConstraints=CA:FALSE", NULL, NULL, false },
    { "/CN=a/CN=b", "basicConstraints=CA:FALSE", NULL, NULL, false },
    { "/CN=street anlan", "basicConstraints=CA:FALSE", NULL, NULL, false },
    { "/CN=a", "subjectAltName=URI:urn:qiao:node:b", NULL, NULL, false },
    { "/CN=a", "subjectAltName=URI:urn:qiao:node:a,URI:urn:qiao:node:a", NULL, NULL, false },
    { "/CN=a", "subjectAltName=URI:urn:qiao:area:990101,URI:urn:qiao:area:990102", NULL, NULL, false },
    { "/CN=a", "subjectAltName=URI:urn:qiao:area:", NULL, NULL, false },
    { "/CN=a", "subjectAltName=URI:urn:qiao:area:99x101", NULL, NULL, false },
    { "/CN=a", "subjectAltName=URI:urn:qiao:area:012345678901234567890123456789012", NULL, NULL, false },
    { "/CN=a", "subjectAltName=URI:urn:qiao:member:a", NULL, NULL, false },
    { "/CN=990101\\/a", "subjectAltName=URI:urn:qiao:member:990102/a", NULL, NULL, false },
    { "/CN=990101\\/a", "subjectAltName=URI:urn:qiao:node:990101/a", NULL, NULL, false },
    { "/CN=990101\\/", "basicConstraints=CA:FALSE", NULL, NULL, false },
    { "/CN=\\/a", "basicConstraints=CA:FALSE", NULL, NULL, false },
    { "/CN=x990101\\/a", "basicConstraints=CA:FALSE", NULL, NULL, false },
    { "/CN=a", "keyUsage=keyEncipherment", NULL, NULL, false },
    { "/CN=a", "basicConstraints=CA:TRUE", NULL, NULL, false },
};

Test(seal_judgement, a_certificate_says_clearly_whose_it_is_or_is_not_taken)
{
    OK("init --out ca --name F");
    OK("issue --ca ca --name reader --out o");
    struct keyring *reader = open_of("reader");
    const struct seal *seal = keyring_seal(reader);
    for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++) {
        SHELL("printf '%s\\n' > e && openssl req -new -newkey ed25519 -nodes -keyout k -out r -utf8 -subj '%s' && "
              "openssl x509 -req -in r -CA ca/ca.crt -CAkey ca/ca.key -CAcreateserial -days 5 -extfile e -out made.crt && "
              "printf 'a message' > m && openssl pkeyutl -sign -rawin -inkey k -in m -out s", identities[i].extensions, identities[i].subject);
        struct seal_key_id id;
        struct seal_identity signer;
        unsigned code = rings_learn(reader, "made.crt", &id);
        cr_expect_eq(code, identities[i].name ? QIAO_CODE_OK : QIAO_CODE_UNKNOWN_KEY, "%zu %s: %u", i, identities[i].subject, code);
        if (!identities[i].name || code != QIAO_CODE_OK) continue;
        cr_assert_eq(seal->verify(seal->context, SEAL_SUITE_INT1, &id, now_ms(), words, rings_file("s"), &signer), QIAO_CODE_OK);
        cr_expect_str_eq(signer.name, identities[i].name);
        cr_expect_str_eq(signer.area, identities[i].area, "%s", signer.name);
        cr_expect_eq(signer.member, identities[i].member);
    }
}

Test(seal_judgement, weak_and_unknown_kinds_of_keys_and_signatures_are_not_taken)
{
    OK("init --out ca --name F");
    OK("issue --ca ca --name reader --out o");
    struct keyring *reader = open_of("reader");
    struct seal_key_id id;
    static const struct {
        const char *key, *digest;
        unsigned expected;
    } made[] = {
        { "ec -pkeyopt ec_paramgen_curve:P-256", "sha256", QIAO_CODE_OK },         { "ec -pkeyopt ec_paramgen_curve:P-384", "sha256", QIAO_CODE_UNKNOWN_KEY },
        { "ec -pkeyopt ec_paramgen_curve:secp256k1", "sha256", QIAO_CODE_UNKNOWN_KEY }, { "ed448", "sha256", QIAO_CODE_UNKNOWN_KEY },
        { "ec -pkeyopt ec_paramgen_curve:P-256", "sha1", QIAO_CODE_UNKNOWN_KEY },
    };
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        SHELL("openssl req -new -newkey %s -nodes -keyout k -out r -subj /CN=a && "
              "openssl x509 -req -in r -CA ca/ca.crt -CAkey ca/ca.key -CAcreateserial -days 5 -%s -out made.crt", made[i].key, made[i].digest);
        cr_expect_eq(rings_learn(reader, "made.crt", &id), made[i].expected, "%s %s", made[i].key, made[i].digest);
    }
}
