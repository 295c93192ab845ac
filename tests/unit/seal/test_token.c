/* A key in a PKCS #11 token: SoftHSM, with a token of its own in the workshop. */
#include "rings.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static const struct qiao_bytes words = { (const uint8_t *)"a message", 9 };

/* The key of o/a.crt and one that is not, in a token with the PIN 4321. Before anything loads the module: it reads its settings once. */
static void enter(void)
{
    rings_enter();
    SHELL("mkdir tokens && echo \"directories.tokendir = $PWD/tokens\" > softhsm.conf");
    char *conf = realpath("softhsm.conf", NULL);
    cr_assert_eq(setenv("SOFTHSM2_CONF", conf, 1), 0);
    free(conf);
    OK("init --out ca --name F");
    OK("issue --ca ca --name a --out o");
    OK("issue --ca ca --name b --out o");
    SHELL("softhsm2-util --init-token --free --label node --so-pin 12345678 --pin 4321");
    SHELL("softhsm2-util --import o/a.key --label seal --id 01 --token node --pin 4321");
    SHELL("softhsm2-util --import o/b.key --label 'another key' --id 02 --token node --pin 4321");
}

TestSuite(seal_token, .init = enter, .fini = rings_leave);

#define MODULE "module-path=" SOFTHSM_MODULE

static struct keyring_options in_token(const char *uri, const char *pin)
{
    struct keyring_options options = rings_options("a");
    options.key_file = uri;
    options.passphrase = pin;
    return options;
}

static void expect_signs(struct keyring *keyring)
{
    const struct seal *seal = keyring_seal(keyring);
    struct keyring_options options = rings_options("b");
    struct keyring *reader = rings_open(&options);
    uint8_t signature[SEAL_SIGNATURE_SIZE];
    struct seal_key_id id, shown;
    cr_assert_eq(seal->sign(seal->context, words, &id, signature), 0);
    cr_assert_eq(rings_learn(reader, "o/a.crt", &shown), QIAO_CODE_OK);
    cr_expect_eq(memcmp(&id, &shown, sizeof id), 0);
    cr_expect_eq(rings_verify(reader, SEAL_SUITE_INT1, &id, now_ms(), words, qiao_bytes(signature, sizeof signature)), QIAO_CODE_OK);
}

Test(seal_token, a_key_in_a_token_signs_with_the_pin_from_either_place)
{
    struct keyring_options options = in_token("pkcs11:token=node;object=seal;type=private?" MODULE, "4321");
    struct keyring *keyring = rings_open(&options);
    expect_signs(keyring);
    char text[256] = "";
    cr_assert_eq(keyring_reload(keyring, &options, text, sizeof text), 0, "%s", text);
    expect_signs(keyring);
    options = in_token("pkcs11:token=node;id=%01;type=private?pin-value=4321&" MODULE, NULL);
    expect_signs(rings_open(&options));
    options = in_token("pkcs11:token=node;object=seal?module-path=%2Fnowhere", "4321");
    cr_expect_eq(keyring_reload(keyring, &options, text, sizeof text), KEYRING_E_UNUSABLE);
    cr_expect_not_null(strstr(text, "restart it"), "%s", text);
    expect_signs(keyring);
}

Test(seal_token, a_wrong_pin_or_object_is_refused_and_no_pin_is_shown)
{
    static const struct {
        const char *uri, *pin, *says;
    } wrong[] = {
        { "pkcs11:token=node;object=seal;type=private?" MODULE, "9999", "token: pkcs11:token=node;object=seal;type=private cannot be used" },
        { "pkcs11:token=node;object=seal;type=private?" MODULE, NULL, "cannot be used" },
        { "pkcs11:token=node;object=seal;type=private?pin-value=9999&" MODULE, NULL, "cannot be used" },
        { "pkcs11:token=node;object=none;type=private?" MODULE, "4321", "cannot be used" },
        { "pkcs11:token=none;object=seal;type=private?" MODULE, "4321", "cannot be used" },
        { "pkcs11:token=node;object=another%20key;type=private?" MODULE, "4321", "key pkcs11:token=node;object=another%20key;type=private does not belong" },
        { "pkcs11:token=node;object=seal?module-path=%zz", "4321", "is no URI" },
        { "pkcs11:token=node;object=seal?module-path=a%00b", "4321", "is no URI" },
        { "pkcs11:token=node;object=seal?module-path=a%2", "4321", "is no URI" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct keyring_options options = in_token(wrong[i].uri, wrong[i].pin);
        char text[512] = "";
        struct keyring *none = NULL;
        cr_expect_eq(keyring_new(&options, &none, text, sizeof text), KEYRING_E_UNUSABLE, "%s", wrong[i].uri);
        cr_expect_not_null(strstr(text, wrong[i].says), "expected \"%s\" in: %s", wrong[i].says, text);
        cr_expect(!strstr(text, "9999") && !strstr(text, "4321") && !strchr(text, '?'), "%s", text);
    }
    struct keyring_options options = in_token("pkcs11:token=node;object=seal;type=private?" MODULE, "4321");
    expect_signs(rings_open(&options)); /* wrong PINs were tried once each: the token is not locked */
}

Test(seal_token, a_module_that_is_not_there_is_named)
{
    struct keyring_options options = in_token("pkcs11:token=node;object=seal?module-path=/usr/lib/none.so", "4321");
    rings_refused(&options, "the module \"/usr/lib/none.so\" cannot be read: No such file");
    options = in_token("pkcs11:token=node;object=seal;type=private?" MODULE, "4321");
    expect_signs(rings_open(&options));
}

static void *sign_many(void *of_seal)
{
    const struct seal *seal = of_seal;
    uint8_t signature[SEAL_SIGNATURE_SIZE];
    struct seal_key_id id;
    struct seal_identity signer;
    for (int i = 0; i < 200; i++) {
        if (seal->sign(seal->context, words, &id, signature) != 0) return (void *)1;
        if (seal->verify(seal->context, SEAL_SUITE_INT1, &id, now_ms(), words, qiao_bytes(signature, 64), &signer) != QIAO_CODE_OK) return (void *)1;
    }
    return NULL;
}

Test(seal_token, many_threads_sign_at_once)
{
    struct keyring_options options = in_token("pkcs11:token=node;object=seal;type=private?" MODULE, "4321");
    const struct seal *seal = keyring_seal(rings_open(&options));
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) cr_assert_eq(pthread_create(&threads[i], NULL, sign_many, (void *)(uintptr_t)seal), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failed = NULL;
        cr_assert_eq(pthread_join(threads[i], &failed), 0);
        cr_expect_null(failed);
    }
}
