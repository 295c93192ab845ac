/* What learn() does with bytes of any kind, how much is remembered, and many threads at once. */
#include "rings.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

TestSuite(seal_learning, .init = rings_enter, .fini = rings_leave);

static const struct qiao_bytes words = { (const uint8_t *)"a message", 9 };

static unsigned learn(struct keyring *keyring, struct qiao_bytes der, struct seal_key_id *ret_id)
{
    return keyring_seal(keyring)->learn(keyring, der, ret_id);
}

static bool knows(struct keyring *keyring, const struct seal_key_id *id)
{
    buf_auto der = { 0 };
    return keyring_seal(keyring)->certificate(keyring, id, &der);
}

static struct keyring *open_federation(const char *algorithm, unsigned certificates_max)
{
    OK("init --out ca --name F --algorithm %s", algorithm);
    OK("issue --ca ca --name a --out o --algorithm %s", algorithm);
    OK("issue --ca ca --name b --area 990101001 --out o --algorithm %s", algorithm);
    struct keyring_options options = rings_options("a");
    options.certificates_max = certificates_max;
    return rings_open(&options);
}

/* Every prefix, every bit flipped, bytes behind: none is taken, and the real one still is. */
static void break_everywhere(const char *algorithm)
{
    struct keyring *keyring = open_federation(algorithm, 0);
    struct seal_key_id id = { { 9 } }, untouched = id;
    struct qiao_bytes der = rings_der("o/b.crt");
    uint8_t *changed = malloc(der.size + 1);
    memcpy(changed, der.data, der.size);
    changed[der.size] = 0;
    for (size_t size = 0; size < der.size; size++) {
        uint8_t *exact = malloc(size ? size : 1); /* so that a sanitizer sees a byte too many */
        memcpy(exact, der.data, size);
        cr_expect_eq(learn(keyring, qiao_bytes(exact, size), &id), QIAO_CODE_UNKNOWN_KEY, "%zu bytes", size);
        free(exact);
    }
    cr_expect_eq(learn(keyring, qiao_bytes(changed, der.size + 1), &id), QIAO_CODE_UNKNOWN_KEY, "a byte behind");
    for (size_t bit = 0; bit < der.size * 8; bit++) {
        changed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_expect_eq(learn(keyring, qiao_bytes(changed, der.size), &id), QIAO_CODE_UNKNOWN_KEY, "bit %zu", bit);
        changed[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    cr_expect_eq(memcmp(&id, &untouched, sizeof id), 0);
    cr_expect_eq(learn(keyring, qiao_bytes(changed, der.size), &id), QIAO_CODE_OK);
    free(changed);
}

Test(seal_learning, a_broken_p256_certificate_is_not_taken) { break_everywhere("p256"); }
Test(seal_learning, a_broken_ed25519_certificate_is_not_taken) { break_everywhere("ed25519"); }
Test(seal_learning, a_broken_sm2_certificate_is_not_taken) { break_everywhere("sm2"); }

/* Lengths rewritten, pieces repeated, cut out and swapped, by a fixed generator: nothing crashes, nothing but the real one is taken. */
Test(seal_learning, nonsense_made_of_certificates_is_not_taken)
{
    struct keyring *keyring = open_federation("p256", 0);
    struct qiao_bytes der = rings_der("o/b.crt");
    struct seal_key_id id;
    uint64_t state = 20260101;
    for (int round = 0; round < 5000; round++) {
        uint8_t made[2048];
        size_t size = der.size;
        memcpy(made, der.data, size);
        for (unsigned change = 0; change < 1 + (unsigned)round % 4; change++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            size_t at = (state >> 33) % size, other = (state >> 13) % size, length = 1 + (state >> 52) % 32;
            if (at + length > size || other + length > size) continue;
            if (state >> 63) memmove(made + at, made + other, length);
            else memset(made + at, (int)(state >> 20), length);
        }
        if (memcmp(made, der.data, size) == 0) continue;
        cr_assert_eq(learn(keyring, qiao_bytes(made, size), &id), QIAO_CODE_UNKNOWN_KEY, "round %d", round);
    }
    cr_expect_eq(learn(keyring, der, &id), QIAO_CODE_OK);
}

/* BER allows one value in many lengths; each would be another key id. */
Test(seal_learning, one_certificate_has_one_form)
{
    struct keyring *keyring = open_federation("p256", 0);
    struct qiao_bytes der = rings_der("o/b.crt");
    struct seal_key_id id;
    uint8_t longer[2048] = { 0x30, 0x83, 0x00 };
    cr_assert(der.data[0] == 0x30 && der.data[1] == 0x82);
    memcpy(longer + 3, der.data + 2, der.size - 2);
    cr_expect_eq(learn(keyring, qiao_bytes(longer, der.size + 1), &id), QIAO_CODE_UNKNOWN_KEY);
    cr_expect_eq(learn(keyring, der, &id), QIAO_CODE_OK);
}

Test(seal_learning, sizes_are_bounded)
{
    struct keyring *keyring = open_federation("ed25519", 0);
    struct seal_key_id id;
    uint8_t *large = calloc(1, 1 << 20);
    cr_expect_eq(learn(keyring, qiao_bytes(NULL, 0), &id), QIAO_CODE_UNKNOWN_KEY);
    cr_expect_eq(learn(keyring, qiao_bytes(large, 1 << 20), &id), QIAO_CODE_UNKNOWN_KEY);
    free(large);
    static const unsigned fillers[] = { 15500, 16500 }; /* around 16 KiB with what else is in it */
    for (unsigned i = 0; i < 2; i++) {
        SHELL("printf 'nsComment=%%0*d\\n' %u 0 > e && openssl req -new -newkey ed25519 -nodes -keyout k -out r -subj /CN=large && "
              "openssl x509 -req -in r -CA ca/ca.crt -CAkey ca/ca.key -CAcreateserial -days 5 -extfile e -out large.crt", fillers[i]);
        cr_expect_eq(rings_learn(keyring, "large.crt", &id), i == 0 ? QIAO_CODE_OK : QIAO_CODE_UNKNOWN_KEY);
    }
    struct keyring_options options = rings_options("a");
    options.certificate_file = "large.crt";
    options.key_file = "k";
    rings_refused(&options, "is larger than 16 KiB");
}

Test(seal_learning, the_least_recently_used_goes_and_the_own_one_never)
{
    struct keyring *keyring = open_federation("p256", 4);
    struct seal_key_id ids[8], own;
    uint8_t signature[SEAL_SIGNATURE_SIZE];
    cr_assert_eq(keyring_seal(keyring)->sign(keyring, words, &own, signature), 0);
    for (int i = 0; i < 8; i++) {
        char path[32];
        OK("issue --ca ca --name n%d --out o", i);
        snprintf(path, sizeof path, "o/n%d.crt", i);
        cr_assert_eq(rings_learn(keyring, path, &ids[i]), QIAO_CODE_OK);
        if (i >= 1) cr_expect(knows(keyring, &ids[0]), "it is used all the time");
        if (i >= 3) cr_expect_eq(rings_verify(keyring, SEAL_SUITE_INT1, &ids[i - 3], now_ms(), words, qiao_bytes(signature, 64)),
                                 i == 3 ? QIAO_CODE_SIGNATURE : QIAO_CODE_UNKNOWN_KEY);
    }
    cr_expect(knows(keyring, &ids[0]) && knows(keyring, &ids[6]) && knows(keyring, &ids[7]) && knows(keyring, &own) && knows(keyring, NULL));
    for (int i = 1; i < 6; i++) cr_expect_not(knows(keyring, &ids[i]), "%d", i);
    cr_expect_eq(rings_learn(keyring, "o/n1.crt", &ids[1]), QIAO_CODE_OK, "and comes back when shown again");
}

Test(seal_learning, even_the_smallest_ring_holds_a_peer)
{
    struct keyring *keyring = open_federation("p256", 1);
    struct seal_key_id a, b;
    OK("issue --ca ca --name c --out o");
    for (int round = 0; round < 3; round++) {
        cr_assert_eq(rings_learn(keyring, "o/b.crt", &a), QIAO_CODE_OK);
        cr_expect(knows(keyring, &a));
        cr_assert_eq(rings_learn(keyring, "o/c.crt", &b), QIAO_CODE_OK);
        cr_expect(knows(keyring, &b) && !knows(keyring, &a) && knows(keyring, NULL));
    }
}

struct crowd {
    struct keyring *keyring, *peer;
    struct qiao_bytes shown[4];
    struct keyring_options options[2];
    _Atomic unsigned wrong;
    _Atomic bool stop;
};

/* Signs by one ring and verifies by the other, shows certificates, asks what is revoked. */
static void *work(void *of_crowd)
{
    struct crowd *crowd = of_crowd;
    const struct seal *seal = keyring_seal(crowd->keyring), *peer = keyring_seal(crowd->peer);
    for (unsigned round = 0; !crowd->stop; round++) {
        uint8_t signature[SEAL_SIGNATURE_SIZE];
        struct seal_key_id id, shown;
        struct seal_identity signer;
        crowd->wrong += seal->learn(crowd->keyring, crowd->shown[round % 4], &shown) != QIAO_CODE_OK;
        crowd->wrong += peer->sign(crowd->peer, words, &id, signature) != 0;
        buf_auto der = { 0 };
        crowd->wrong += !peer->certificate(crowd->peer, &id, &der) || seal->learn(crowd->keyring, buf_bytes(&der), &shown) != QIAO_CODE_OK;
        unsigned code = seal->verify(crowd->keyring, peer->suite, &id, now_ms(), words, qiao_bytes(signature, 64), &signer);
        crowd->wrong += code != QIAO_CODE_OK && code != QIAO_CODE_UNKNOWN_KEY; /* another thread's may have pushed it out */
        keyring_is_revoked(crowd->keyring, &shown);
    }
    return NULL;
}

Test(seal_learning, many_threads_and_reloads_at_once)
{
    struct crowd crowd = { .keyring = open_federation("ed25519", 4) };
    pthread_t threads[4];
    OK("issue --ca ca --name c --out o --algorithm p256");
    struct keyring_options of_b = rings_options("b");
    crowd.options[0] = of_b;
    crowd.options[1] = rings_options("c");
    crowd.peer = rings_open(&of_b);
    for (int i = 0; i < 4; i++) {
        char path[32];
        OK("issue --ca ca --name n%d --out o", i);
        snprintf(path, sizeof path, "o/n%d.crt", i);
        crowd.shown[i] = rings_der(path);
    }
    struct keyring_options own = rings_options("a");
    for (size_t i = 0; i < 4; i++) cr_assert_eq(pthread_create(&threads[i], NULL, work, &crowd), 0);
    for (int round = 0; round < 60; round++) {
        char text[256] = "";
        cr_expect_eq(keyring_reload(crowd.keyring, &own, text, sizeof text), 0, "%s", text);
        cr_expect_eq(keyring_reload(crowd.peer, &crowd.options[round % 2], text, sizeof text), 0, "%s", text);
    }
    crowd.stop = true;
    for (size_t i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    cr_expect_eq(crowd.wrong, 0);
}
