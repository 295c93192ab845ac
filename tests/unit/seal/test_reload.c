/* What changes when key, certificate, CA and lists are read again, and what cannot be read at all. */
#include "rings.h"

#include <stdio.h>
#include <unistd.h>

TestSuite(seal_reload, .init = rings_enter, .fini = rings_leave);

static const struct qiao_bytes words = { (const uint8_t *)"a message", 9 };

static void make_federation(const char *algorithm)
{
    OK("init --out ca --name F --algorithm %s", algorithm);
    OK("issue --ca ca --name a --out o --algorithm %s", algorithm);
    OK("issue --ca ca --name b --out o --algorithm %s", algorithm);
}

static void reload(struct keyring *keyring, const struct keyring_options *options)
{
    char text[512] = "";
    cr_assert_eq(keyring_reload(keyring, options, text, sizeof text), 0, "%s", text);
}

static void reload_refused(struct keyring *keyring, const struct keyring_options *options, const char *part)
{
    char text[512] = "";
    cr_expect_eq(keyring_reload(keyring, options, text, sizeof text), KEYRING_E_UNUSABLE);
    cr_expect_not_null(strstr(text, part), "expected \"%s\" in: %s", part, text);
}

static unsigned check(struct keyring *reader, struct keyring *from, const struct seal_key_id *id, const uint8_t *signature)
{
    return rings_verify(reader, keyring_seal(from)->suite, id, now_ms(), words, qiao_bytes(signature, SEAL_SIGNATURE_SIZE));
}

Test(seal_reload, a_new_key_signs_and_the_old_certificate_stays_known)
{
    make_federation("ed25519");
    struct keyring_options options = rings_options("a");
    struct keyring *keyring = rings_open(&options);
    const struct seal *seal = keyring_seal(keyring);
    struct seal_key_id before, after;
    uint8_t old[SEAL_SIGNATURE_SIZE], new[SEAL_SIGNATURE_SIZE];
    buf_auto first = { 0 }, own = { 0 };
    cr_assert_eq(seal->sign(seal->context, words, &before, old), 0);
    OK("issue --ca ca --name a --out o --algorithm p256 --force"); /* another kind of the same suite */
    reload(keyring, &options);
    cr_assert_eq(seal->sign(seal->context, words, &after, new), 0);
    cr_expect_neq(memcmp(&before, &after, sizeof before), 0);
    cr_expect_eq(check(keyring, keyring, &before, old), QIAO_CODE_OK);
    cr_expect_eq(check(keyring, keyring, &after, new), QIAO_CODE_OK);
    cr_expect(seal->certificate(seal->context, NULL, &own) && qiao_bytes_equal(buf_bytes(&own), rings_der("o/a.crt")));
    cr_expect(seal->certificate(seal->context, &before, &first) && first.size > 0);
}

Test(seal_reload, the_suite_stays_and_what_cannot_be_used_changes_nothing)
{
    make_federation("sm2");
    struct keyring_options options = rings_options("a"), broken = options;
    struct keyring *keyring = rings_open(&options);
    const struct seal *seal = keyring_seal(keyring);
    struct seal_key_id before, after;
    uint8_t signature[SEAL_SIGNATURE_SIZE];
    cr_assert_eq(seal->sign(seal->context, words, &before, signature), 0);
    OK("issue --ca ca --name p --out o --algorithm p256");
    struct keyring_options other_suite = rings_options("p");
    reload_refused(keyring, &other_suite, "of another suite");
    broken.crl_file = "none";
    reload_refused(keyring, &broken, "CRL none");
    broken = rings_options("a");
    broken.key_file = "o/b.key";
    reload_refused(keyring, &broken, "does not belong to the certificate");
    cr_assert_eq(seal->sign(seal->context, words, &after, signature), 0);
    cr_expect_eq(memcmp(&before, &after, sizeof before), 0);
    cr_expect_eq(check(keyring, keyring, &after, signature), QIAO_CODE_OK);
}

Test(seal_reload, a_list_that_came_with_a_reload_revokes_what_was_learnt_before)
{
    static const char *const algorithms[] = { "p256", "ed25519", "sm2" };
    for (size_t i = 0; i < 3; i++) {
        SHELL("rm -rf ca o");
        make_federation(algorithms[i]);
        OK("issue --ca ca --name c --out o");
        struct keyring_options options = rings_options("a"), of_b = rings_options("b");
        struct keyring *reader = rings_open(&options), *from = rings_open(&of_b);
        struct seal_key_id id, other;
        uint8_t signature[SEAL_SIGNATURE_SIZE];
        cr_assert_eq(keyring_seal(from)->sign(from, words, &id, signature), 0);
        cr_assert_eq(rings_learn(reader, "o/b.crt", &id), QIAO_CODE_OK);
        cr_assert_eq(rings_learn(reader, "o/c.crt", &other), QIAO_CODE_OK);
        cr_expect_eq(check(reader, from, &id, signature), QIAO_CODE_OK);
        OK("revoke --ca ca --certificate o/b.crt");
        options.crl_file = "ca/ca.crl";
        cr_expect_not(keyring_is_revoked(reader, &id), "not before the reload");
        reload(reader, &options);
        cr_expect(keyring_is_revoked(reader, &id));
        cr_expect_not(keyring_is_revoked(reader, &other));
        cr_expect_eq(check(reader, from, &id, signature), QIAO_CODE_KEY_REVOKED);
        cr_expect_eq(rings_learn(reader, "o/b.crt", &id), QIAO_CODE_KEY_REVOKED);
        options.crl_file = NULL;
        reload(reader, &options);
        cr_expect_eq(check(reader, from, &id, signature), QIAO_CODE_OK, "and a list that is gone revokes no more");
    }
}

Test(seal_reload, with_another_ca_what_was_learnt_is_foreign)
{
    make_federation("p256");
    struct keyring_options options = rings_options("a"), of_b = rings_options("b");
    struct keyring *reader = rings_open(&options), *from = rings_open(&of_b);
    struct seal_key_id id;
    uint8_t signature[SEAL_SIGNATURE_SIZE];
    buf_auto none = { 0 };
    cr_assert_eq(keyring_seal(from)->sign(from, words, &id, signature), 0);
    cr_assert_eq(rings_learn(reader, "o/b.crt", &id), QIAO_CODE_OK);
    OK("init --out other --name F");
    OK("issue --ca other --name a --out other");
    options = (struct keyring_options){ .certificate_file = "other/a.crt", .key_file = "other/a.key", .ca_file = "other/ca.crt", .accepted = ACCEPT_BOTH };
    reload(reader, &options);
    cr_expect_eq(check(reader, from, &id, signature), QIAO_CODE_UNKNOWN_KEY);
    cr_expect(keyring_is_revoked(reader, &id));
    cr_expect_eq(rings_learn(reader, "o/b.crt", &id), QIAO_CODE_UNKNOWN_KEY);
    cr_expect_not(keyring_seal(reader)->certificate(reader, &id, &none));
    SHELL("cat ca/ca.crt other/ca.crt > both.crt"); /* how a federation moves to another CA */
    options.ca_file = "both.crt";
    reload(reader, &options);
    cr_expect_eq(rings_learn(reader, "o/b.crt", &id), QIAO_CODE_OK);
    cr_expect_eq(check(reader, from, &id, signature), QIAO_CODE_OK);
}

Test(seal_reload, keys_with_a_passphrase_open_with_it_only)
{
    static const char *const algorithms[] = { "p256", "ed25519", "sm2" };
    SHELL("echo 'first secret' > p");
    OK("init --out ca --name F");
    for (size_t i = 0; i < 3; i++) {
        OK("issue --ca ca --name %s --out o --algorithm %s --passphrase-file p", algorithms[i], algorithms[i]);
        struct keyring_options options = rings_options(algorithms[i]);
        rings_refused(&options, "is encrypted, and there is no passphrase");
        options.passphrase = "second secret";
        rings_refused(&options, "the passphrase does not open it");
        options.passphrase = "first secret";
        struct keyring *keyring = rings_open(&options);
        struct seal_key_id id;
        uint8_t signature[SEAL_SIGNATURE_SIZE];
        cr_assert_eq(keyring_seal(keyring)->sign(keyring, words, &id, signature), 0);
        cr_expect_eq(check(keyring, keyring, &id, signature), QIAO_CODE_OK);
    }
}

Test(seal_reload, files_that_cannot_be_used_are_named)
{
    make_federation("p256");
    OK("init --out other --name F");
    OK("issue --ca ca --name sm2 --out o --algorithm sm2");
    SHELL(": > empty; printf -- '-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n' > broken; cat ca/ca.crt broken > half; cat ca/ca.crt o/b.crt > leaf");
    const struct keyring_options good = rings_options("a");
    static const struct {
        const char *certificate, *key, *ca, *crl, *says;
    } wrong[] = {
        { "none.crt", NULL, NULL, NULL, "certificate none.crt: No such file" },
        { "empty", NULL, NULL, NULL, "certificate empty: no start line" },
        { "broken", NULL, NULL, NULL, "certificate broken: " },
        { "ca/ca.crt", "ca/ca.key", NULL, NULL, "is not for signing messages" },
        { NULL, "none.key", NULL, NULL, "key none.key: No such file" },
        { NULL, "empty", NULL, NULL, "key empty" },
        { NULL, "o/a.crt", NULL, NULL, "key o/a.crt" },
        { NULL, "o/b.key", NULL, NULL, "key o/b.key does not belong to the certificate" },
        { NULL, "o/sm2.key", NULL, NULL, "key o/sm2.key does not belong to the certificate, which is P-256" },
        { NULL, NULL, "none", NULL, "CA none: No such file" },
        { NULL, NULL, "empty", NULL, "CA empty holds no certificate" },
        { NULL, NULL, "half", NULL, "CA half: " },
        { NULL, NULL, "leaf", NULL, "CA leaf holds a certificate that is no CA's" },
        { NULL, NULL, NULL, "none", "CRL none: No such file" },
        { NULL, NULL, NULL, "empty", "CRL empty holds no list" },
        { NULL, NULL, NULL, "ca/ca.crt", "CRL ca/ca.crt holds no list" },
        { NULL, NULL, NULL, "other/ca.crl", "holds a list that no CA in the CA file signed" },
        { NULL, NULL, ".", NULL, "CA ." },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct keyring_options options = good;
        if (wrong[i].certificate) options.certificate_file = wrong[i].certificate;
        if (wrong[i].key) options.key_file = wrong[i].key;
        if (wrong[i].ca) options.ca_file = wrong[i].ca;
        options.crl_file = wrong[i].crl;
        rings_refused(&options, wrong[i].says);
    }
    struct keyring_options options = good;
    options.ca_file = NULL;
    rings_refused(&options, "needs a certificate, a key and a CA");
}
