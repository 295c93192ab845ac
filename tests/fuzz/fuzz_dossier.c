/* Proofs of strangers: whatever is said of one is said again the same way, names fit, and only who may decide has decided. */
#include "fuzz.h"

#include "proof/decider.h"
#include "proof/dossier.h"

/* Believes every signature of the suites there are; whose it is, its words and its time say: what follows is looked at as well. */
static unsigned believe(void *context, enum seal_suite suite, const struct seal_key_id *key_id, uint64_t at_ms, struct qiao_bytes message,
                        struct qiao_bytes signature, struct seal_identity *ret_signer)
{
    static const struct seal_identity people[] = { { .name = "street", .area = "990101" }, { .name = "990101/court", .area = "990101", .member = true }, { .name = "district", .area = "990102" } };
    bool received = message.size > 12 && memcmp(message.data, "qiao custody", 12) == 0;
    (void)context;
    (void)key_id;
    FUZZ_CHECK(message.size > 0 && signature.size <= SEAL_SIGNATURE_SIZE_MAX);
    *ret_signer = people[received || at_ms % 1000 >= 500 ? 2 : at_ms % 2];
    return suite > SEAL_SUITE_NONE && suite < SEAL_SUITES ? QIAO_CODE_OK : QIAO_CODE_SUITE;
}

/* All alike: then no digest stands between the reader and what lies behind it. */
static void zeros(enum seal_suite suite, const struct qiao_bytes *parts, size_t parts_count, uint8_t ret_digest[SEAL_DIGEST_SIZE])
{
    (void)suite;
    for (size_t i = 0; i < parts_count; i++) FUZZ_CHECK(parts[i].size == 0 || parts[i].data);
    memset(ret_digest, 0, SEAL_DIGEST_SIZE);
}

static unsigned learn(void *context, struct qiao_bytes certificate, struct seal_key_id *ret_key_id)
{
    (void)context;
    (void)certificate;
    (void)ret_key_id;
    return QIAO_CODE_UNKNOWN_KEY;
}

static void check_verdict(const struct dossier_verdict *v)
{
    FUZZ_CHECK(memchr(v->where, 0, sizeof v->where) && v->hops_count <= QIAO_HOPS_MAX);
    FUZZ_CHECK(dossier_reason_name(v->reason)[0] && dossier_reason_text(v->reason)[0]);
    for (unsigned i = 0; i < v->hops_count; i++) FUZZ_CHECK(v->hops[i].receiver[0] && memchr(v->hops[i].receiver, 0, sizeof v->hops[i].receiver));
    if (v->reason != DOSSIER_GOOD) return;
    FUZZ_CHECK(v->is_sent || v->outcome != 0);
    FUZZ_CHECK(memchr(v->source, 0, sizeof v->source) && memchr(v->destination, 0, sizeof v->destination));
    if (v->is_sent && v->outcome) FUZZ_CHECK(!v->decider.member && decider_of(v->outcome, v->code) != DECIDER_NOBODY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seal seal = { .suite = SEAL_SUITE_INT1, .accepted = 6, .digest = zeros, .verify = believe, .learn = learn };
    struct dossier_options options = { .clock_skew_ms = 1000 };
    struct dossier_verdict verdict, again;
    struct qiao_bytes bytes = qiao_bytes(data, size), body = qiao_bytes_from_string("a body");
    if (size % 3 == 1) seal.digest = seal_null.digest;
    if (size % 5 == 1) options.body = &body;
    bool good = dossier_verify(&seal, bytes, &options, &verdict);
    FUZZ_CHECK(good == (verdict.reason == DOSSIER_GOOD));
    check_verdict(&verdict);
    dossier_verify(&seal, bytes, &options, &again);
    FUZZ_CHECK(again.reason == verdict.reason && strcmp(again.where, verdict.where) == 0);
    return 0;
}
