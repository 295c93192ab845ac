/* Signatures of every kind of key: here to here, openssl to here, here to openssl, and what must not verify. */
#include "rings.h"

#include <stdio.h>
#include <stdlib.h>

TestSuite(seal_signatures, .init = rings_enter, .fini = rings_leave);

static const struct kind {
    const char *algorithm;
    enum seal_suite suite;
    bool pair;
    const char *tool;              /* options of openssl pkeyutl */
} kinds[] = {
    { "ed25519", SEAL_SUITE_INT1, false, "-rawin" },
    { "p256", SEAL_SUITE_INT1, true, "-rawin -digest sha256" },
    { "sm2", SEAL_SUITE_GM1, true, "-rawin -digest sm3 -pkeyopt distid:1234567812345678" },
};
#define KINDS 3

/* A federation of nodes named after their algorithms; the authority's algorithm comes round with each. */
static void make_federation(const char *authority)
{
    OK("init --out ca --name F --algorithm %s", authority);
    for (size_t i = 0; i < KINDS; i++) OK("issue --ca ca --name %s --area 99010%zu --out o --algorithm %s", kinds[i].algorithm, i, kinds[i].algorithm);
}

static struct keyring *open_of(const char *name)
{
    struct keyring_options options = rings_options(name);
    return rings_open(&options);
}

static struct seal_key_id show(struct keyring *from, struct keyring *to)
{
    buf_auto der = { 0 };
    struct seal_key_id id;
    cr_assert(keyring_seal(from)->certificate(keyring_seal(from)->context, NULL, &der));
    cr_assert_eq(keyring_seal(to)->learn(keyring_seal(to)->context, buf_bytes(&der), &id), QIAO_CODE_OK);
    return id;
}

Test(seal_signatures, what_one_signs_every_other_verifies_and_knows_whose_it_is)
{
    for (size_t a = 0; a < KINDS; a++) {
        SHELL("rm -rf ca o");
        make_federation(kinds[a].algorithm);
        for (size_t i = 0; i < KINDS; i++) {
            struct keyring *from = open_of(kinds[i].algorithm), *to = open_of(kinds[(i + 1) % KINDS].algorithm);
            struct seal_key_id shown = show(from, to), id;
            const struct seal *seal = keyring_seal(from), *other = keyring_seal(to);
            cr_expect_eq(seal->suite, kinds[i].suite);
            for (size_t size = 0; size < 300; size += 37) {
                uint8_t message[300] = { (uint8_t)size }, signature[SEAL_SIGNATURE_SIZE];
                struct seal_identity signer;
                cr_assert_eq(seal->sign(seal->context, qiao_bytes(message, size), &id, signature), 0);
                cr_expect_eq(memcmp(&id, &shown, sizeof id), 0);
                cr_expect_eq(other->verify(other->context, seal->suite, &id, now_ms(), qiao_bytes(message, size), qiao_bytes(signature, 64), &signer), QIAO_CODE_OK);
                cr_expect_str_eq(signer.name, kinds[i].algorithm);
                cr_expect(!signer.member && strlen(signer.area) == 6 && signer.area[5] == '0' + (char)i);
                cr_expect_eq(rings_verify(from, seal->suite, &id, now_ms(), qiao_bytes(message, size), qiao_bytes(signature, 64)), QIAO_CODE_OK, "its own too");
            }
        }
    }
}

Test(seal_signatures, the_key_id_is_what_openssl_says_it_is)
{
    char shown[2 * SEAL_DIGEST_SIZE + 2] = "";
    make_federation("p256");
    struct keyring *keyring = open_of("sm2");
    struct seal_key_id id;
    uint8_t signature[SEAL_SIGNATURE_SIZE];
    cr_assert_eq(keyring_seal(keyring)->sign(keyring, qiao_bytes("x", 1), &id, signature), 0);
    for (size_t i = 0; i < sizeof id.bytes; i++) snprintf(shown + 2 * i, 3, "%02x", id.bytes[i]);
    SHELL("openssl x509 -in o/sm2.crt -outform DER | sha256sum");
    cr_expect_eq(strncmp(shown, workshop_out, 2 * SEAL_KEY_ID_SIZE), 0, "%s", workshop_out);
}

Test(seal_signatures, what_openssl_signs_is_verified)
{
    make_federation("p256");
    struct keyring *keyring = open_of("p256");
    SHELL("printf 'a message to the district' > message");
    for (size_t i = 0; i < KINDS; i++) {
        struct seal_key_id id;
        uint8_t pair[64];
        cr_assert_eq(rings_learn(keyring, rings_options(kinds[i].algorithm).certificate_file, &id), QIAO_CODE_OK);
        for (int round = 0; round < 8; round++) { /* r and s have leading zeros now and then */
            SHELL("openssl pkeyutl -sign -inkey o/%s.key %s -in message -out signature", kinds[i].algorithm, kinds[i].tool);
            struct qiao_bytes signature = rings_file("signature");
            if (kinds[i].pair) signature = pair_of_der(signature, pair);
            cr_expect_eq(rings_verify(keyring, kinds[i].suite, &id, now_ms(), rings_file("message"), signature), QIAO_CODE_OK, "%s", kinds[i].algorithm);
        }
    }
}

Test(seal_signatures, what_is_signed_here_openssl_verifies)
{
    make_federation("sm2");
    SHELL("printf 'a message to the community' > message");
    for (size_t i = 0; i < KINDS; i++) {
        const struct seal *seal = keyring_seal(open_of(kinds[i].algorithm));
        uint8_t signature[SEAL_SIGNATURE_SIZE], der[80];
        struct seal_key_id id;
        for (int round = 0; round < 8; round++) {
            cr_assert_eq(seal->sign(seal->context, rings_file("message"), &id, signature), 0);
            size_t size = kinds[i].pair ? der_of_pair(signature, der) : 64;
            FILE *file = fopen("signature", "wb");
            cr_assert_eq(fwrite(kinds[i].pair ? der : signature, 1, size, file), size);
            fclose(file);
            SHELL("openssl x509 -in o/%s.crt -noout -pubkey > key; openssl pkeyutl -verify -pubin -inkey key %s -in message -sigfile signature",
                  kinds[i].algorithm, kinds[i].tool);
        }
    }
}

/* Every bit of the signature, and a bit of each byte of the message. */
Test(seal_signatures, one_flipped_bit_anywhere_is_enough)
{
    make_federation("ed25519");
    struct keyring *judge = open_of("p256");
    for (size_t i = 0; i < KINDS; i++) {
        struct keyring *from = open_of(kinds[i].algorithm);
        struct seal_key_id id = show(from, judge);
        uint8_t message[40] = "another message", signature[SEAL_SIGNATURE_SIZE];
        struct qiao_bytes m = qiao_bytes(message, sizeof message), s = qiao_bytes(signature, sizeof signature);
        cr_assert_eq(keyring_seal(from)->sign(from, m, &id, signature), 0);
        for (size_t bit = 0; bit < 512; bit++) {
            signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
            cr_expect_eq(rings_verify(judge, kinds[i].suite, &id, now_ms(), m, s), QIAO_CODE_SIGNATURE, "%s bit %zu", kinds[i].algorithm, bit);
            signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t byte = 0; byte < sizeof message; byte++) {
            message[byte] ^= (uint8_t)(1u << byte % 8);
            cr_expect_eq(rings_verify(judge, kinds[i].suite, &id, now_ms(), m, s), QIAO_CODE_SIGNATURE);
            message[byte] ^= (uint8_t)(1u << byte % 8);
        }
        for (size_t size = 0; size <= SEAL_SIGNATURE_SIZE; size++) {
            unsigned expected = size == SEAL_SIGNATURE_SIZE ? QIAO_CODE_OK : QIAO_CODE_SIGNATURE;
            cr_expect_eq(rings_verify(judge, kinds[i].suite, &id, now_ms(), m, qiao_bytes(signature, size)), expected);
        }
        cr_expect_eq(rings_verify(judge, kinds[i].suite, &id, now_ms(), qiao_bytes(message, sizeof message - 1), s), QIAO_CODE_SIGNATURE);
        uint8_t der[80];
        cr_expect_eq(rings_verify(judge, kinds[i].suite, &id, now_ms(), m, qiao_bytes(der, der_of_pair(signature, der))), QIAO_CODE_SIGNATURE, "DER is not ours");
    }
}

Test(seal_signatures, numbers_out_of_range_and_another_s_key_do_not_verify)
{
    make_federation("p256");
    struct keyring *judge = open_of("ed25519");
    struct qiao_bytes m = qiao_bytes_from_string("a message");
    for (size_t i = 0; i < KINDS; i++) {
        OK("issue --ca ca --name other-%s --out o --algorithm %s", kinds[i].algorithm, kinds[i].algorithm);
        char name[32];
        snprintf(name, sizeof name, "other-%s", kinds[i].algorithm);
        struct keyring *from = open_of(kinds[i].algorithm), *other = open_of(name);
        struct seal_key_id of_other = show(other, judge), id = show(from, judge);
        uint8_t signature[SEAL_SIGNATURE_SIZE], filled[SEAL_SIGNATURE_SIZE];
        cr_assert_eq(keyring_seal(from)->sign(from, m, &id, signature), 0);
        cr_expect_eq(rings_verify(judge, kinds[i].suite, &of_other, now_ms(), m, qiao_bytes(signature, 64)), QIAO_CODE_SIGNATURE);
        for (int fill = 0; fill < 256; fill += 255) {
            memset(filled, fill, sizeof filled);
            cr_expect_eq(rings_verify(judge, kinds[i].suite, &id, now_ms(), m, qiao_bytes(filled, 64)), QIAO_CODE_SIGNATURE);
            memcpy(filled, signature, 32);
            cr_expect_eq(rings_verify(judge, kinds[i].suite, &id, now_ms(), m, qiao_bytes(filled, 64)), QIAO_CODE_SIGNATURE);
        }
    }
}

/* Bits of the key, and what learn says. A signature of 4104 bits is a byte too long. */
static const struct {
    unsigned bits;
    unsigned expected;
} rsa_keys[] = { { 1024, QIAO_CODE_UNKNOWN_KEY }, { 2048, QIAO_CODE_OK }, { 4096, QIAO_CODE_OK }, { 4104, QIAO_CODE_UNKNOWN_KEY } };

Test(seal_signatures, rsa_of_existing_pki_is_verified_and_never_signed_with)
{
    make_federation("p256");
    struct keyring *keyring = open_of("p256");
    SHELL("printf 'signed by an older system' > message");
    for (size_t i = 0; i < sizeof rsa_keys / sizeof rsa_keys[0]; i++) {
        /* of three primes, which are found sooner than two large ones */
        SHELL("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:%u -pkeyopt rsa_keygen_primes:3 -out o/rsa%u.key && "
              "openssl req -new -key o/rsa%u.key -out r -subj /CN=rsa && openssl x509 -req -in r -CA ca/ca.crt -CAkey ca/ca.key -CAcreateserial -days 5 -out o/rsa%u.crt",
              rsa_keys[i].bits, rsa_keys[i].bits, rsa_keys[i].bits, rsa_keys[i].bits);
        char path[32];
        struct seal_key_id id;
        snprintf(path, sizeof path, "o/rsa%u.crt", rsa_keys[i].bits);
        cr_expect_eq(rings_learn(keyring, path, &id), rsa_keys[i].expected, "%u bits", rsa_keys[i].bits);
        if (rsa_keys[i].expected != QIAO_CODE_OK) continue;
        SHELL("openssl dgst -sha256 -sign o/rsa%u.key -out signature message", rsa_keys[i].bits);
        struct qiao_bytes message = rings_file("message"), signature = rings_file("signature");
        cr_assert_eq(signature.size, rsa_keys[i].bits / 8);
        cr_expect_eq(rings_verify(keyring, SEAL_SUITE_INT1, &id, now_ms(), message, signature), QIAO_CODE_OK);
        cr_expect_eq(rings_verify(keyring, SEAL_SUITE_GM1, &id, now_ms(), message, signature), QIAO_CODE_SIGNATURE);
        for (size_t byte = 0; byte < signature.size; byte += 5) {
            uint8_t *at = (uint8_t *)(uintptr_t)signature.data + byte;
            *at ^= 0x10;
            cr_expect_eq(rings_verify(keyring, SEAL_SUITE_INT1, &id, now_ms(), message, signature), QIAO_CODE_SIGNATURE);
            *at ^= 0x10;
        }
        SHELL("openssl pkeyutl -sign -rawin -digest sha256 -pkeyopt rsa_padding_mode:pss -inkey o/rsa%u.key -in message -out pss", rsa_keys[i].bits);
        cr_expect_eq(rings_verify(keyring, SEAL_SUITE_INT1, &id, now_ms(), message, rings_file("pss")), QIAO_CODE_SIGNATURE);
        cr_expect_eq(rings_verify(keyring, SEAL_SUITE_INT1, &id, now_ms(), message, qiao_bytes(signature.data, 64)), QIAO_CODE_SIGNATURE);
    }
    struct keyring_options options = rings_options("rsa2048");
    rings_refused(&options, "RSA keys only verify here");
}

Test(seal_signatures, another_signer_id_is_another_signature)
{
    make_federation("sm2");
    struct keyring_options options = rings_options("sm2");
    options.sm2_signer_id = "990101@example";
    struct keyring *from = rings_open(&options), *agreed = rings_open(&options), *standard = open_of("sm2");
    uint8_t signature[SEAL_SIGNATURE_SIZE], der[80];
    struct qiao_bytes m = qiao_bytes_from_string("a message"), s = qiao_bytes(signature, sizeof signature);
    struct seal_key_id id;
    cr_assert_eq(keyring_seal(from)->sign(from, m, &id, signature), 0);
    cr_expect_eq(rings_verify(agreed, SEAL_SUITE_GM1, &id, now_ms(), m, s), QIAO_CODE_OK);
    cr_expect_eq(rings_verify(standard, SEAL_SUITE_GM1, &id, now_ms(), m, s), QIAO_CODE_SIGNATURE);
    FILE *file = fopen("signature", "wb");
    size_t size = der_of_pair(signature, der);
    cr_assert_eq(fwrite(der, 1, size, file), size);
    fclose(file);
    SHELL("printf 'a message' > message; openssl pkeyutl -verify -inkey o/sm2.key -rawin -digest sm3 -pkeyopt distid:990101@example -in message -sigfile signature");
    options.sm2_signer_id = "";
    rings_refused(&options, "expected 1 to 128");
}
