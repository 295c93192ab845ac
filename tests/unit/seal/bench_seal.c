/* Signatures and verifications a second of each kind of key, through the interface the broker uses.
 * usage: seal_bench FOLDER SECONDS NAME...: FOLDER/ca.crt and FOLDER/NAME.crt, .key as "qiao pki issue --out FOLDER" writes them. */
#include "seal/keyring.h"

#include <stdio.h>
#include <time.h>

static double now_seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct work {
    const struct seal *seal;
    struct qiao_bytes message;
    uint8_t signature[SEAL_SIGNATURE_SIZE];
    struct seal_key_id id;
    uint64_t at_ms;
    struct buf certificate;
};

static bool sign(struct work *work) { return work->seal->sign(work->seal->context, work->message, &work->id, work->signature) == 0; }

static bool verify(struct work *work)
{
    struct seal_identity signer;
    return work->seal->verify(work->seal->context, work->seal->suite, &work->id, work->at_ms, work->message,
                              qiao_bytes(work->signature, sizeof work->signature), &signer) == QIAO_CODE_OK;
}

static bool learn_known(struct work *work)
{
    return work->seal->learn(work->seal->context, buf_bytes(&work->certificate), &work->id) == QIAO_CODE_OK;
}

/* Per second of processor time, or -1. */
static double rate(bool (*step)(struct work *work), struct work *work, double seconds)
{
    double begun = now_seconds(CLOCK_PROCESS_CPUTIME_ID), used;
    unsigned count = 0;
    do {
        for (unsigned i = 0; i < 16; i++) {
            if (!step(work)) return -1;
        }
        count += 16;
        used = now_seconds(CLOCK_PROCESS_CPUTIME_ID) - begun;
    } while (used < seconds);
    return count / used;
}

static int measure(const char *folder, const char *name, double seconds)
{
    char certificate[512], key[512], ca[512], text[512];
    static const uint8_t root[SEAL_DIGEST_SIZE] = { 1 }; /* what is signed is mostly a digest */
    struct keyring *keyring;
    snprintf(certificate, sizeof certificate, "%s/%s.crt", folder, name);
    snprintf(key, sizeof key, "%s/%s.key", folder, name);
    snprintf(ca, sizeof ca, "%s/ca.crt", folder);
    struct keyring_options options = { .certificate_file = certificate, .key_file = key, .ca_file = ca, .accepted = ~0u };
    if (keyring_new(&options, &keyring, text, sizeof text) != 0) {
        fprintf(stderr, "%s\n", text);
        return 1;
    }
    struct work work = { .seal = keyring_seal(keyring), .message = qiao_bytes(root, sizeof root), .at_ms = (uint64_t)(now_seconds(CLOCK_REALTIME) * 1e3) };
    double made = rate(sign, &work, seconds), checked = rate(verify, &work, seconds);
    work.seal->certificate(work.seal->context, NULL, &work.certificate);
    printf("%-12s %8.0f signatures/s %8.0f verifications/s %9.0f known certificates shown/s\n", name, made, checked, rate(learn_known, &work, seconds));
    buf_deinit(&work.certificate);
    keyring_free(keyring);
    return made > 0 && checked > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    char *end;
    double seconds = argc > 3 ? strtod(argv[2], &end) : 0;
    if (seconds <= 0 || *end) {
        fprintf(stderr, "usage: seal_bench FOLDER SECONDS NAME...\n");
        return 2;
    }
    int status = 0;
    for (int i = 3; i < argc; i++) status |= measure(argv[1], argv[i], seconds);
    return status;
}
