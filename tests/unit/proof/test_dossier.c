/* Proofs as documents: what holds, who may say what, and no byte that can be changed without being found. */
#include "papers.h"

#include "proof/dossier.h"

#include <criterion/criterion.h>

static const struct dossier_options options = { .clock_skew_ms = 1000 };

/* A reader who knows the authority, and no certificate. */
static enum dossier_reason judge(const struct papers *p, struct qiao_bytes bytes, struct dossier_verdict *ret_verdict)
{
    struct sim_keys reader;
    sim_keys_start(&reader, p->sim, "reader", "990101", false);
    bool good = dossier_verify(&reader.seal, bytes, &options, ret_verdict);
    cr_assert_eq(good, ret_verdict->reason == DOSSIER_GOOD);
    return ret_verdict->reason;
}

static const struct row { bool by_member; int decider; unsigned status, code; uint64_t received_ms; enum dossier_reason reason; } rows[] = {
    { false, 2, QIAO_OUTCOME_ACCEPTED, 0, 0, DOSSIER_GOOD },
    { true, 2, QIAO_OUTCOME_ACCEPTED, 0, 0, DOSSIER_GOOD },
    { true, 2, QIAO_OUTCOME_NONE, 0, 0, DOSSIER_GOOD },
    { false, 2, QIAO_OUTCOME_REFUSED, QIAO_CODE_NOT_COMPETENT, 0, DOSSIER_GOOD },
    { false, 2, QIAO_OUTCOME_REFUSED, QIAO_CODE_DIGEST, 0, DOSSIER_NOT_ENTITLED },
    { false, 2, QIAO_OUTCOME_REFUSED, QIAO_CODE_SIGNATURE, 0, DOSSIER_NOT_ENTITLED },
    { false, 0, QIAO_OUTCOME_ACCEPTED, 0, 0, DOSSIER_NOT_ENTITLED },
    { false, 0, QIAO_OUTCOME_REFUSED, QIAO_CODE_NOT_COMPETENT, 0, DOSSIER_NOT_ENTITLED },
    { false, 0, QIAO_OUTCOME_REFUSED, QIAO_CODE_NO_ROUTE, 0, DOSSIER_HOP_REMOVED },
    { false, 1, QIAO_OUTCOME_REFUSED, QIAO_CODE_NO_ROUTE, 0, DOSSIER_NOT_ENTITLED },
    { false, 2, QIAO_OUTCOME_ACCEPTED, 0, 1600000000000u, DOSSIER_TIME_REVERSED },
};

Test(dossier, each_has_its_reason)
{
    static struct papers p;
    papers_begin(&p);
    const struct sim_keys *const people[] = { &p.street, &p.court, &p.district };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct papers_options o = { rows[i].by_member, people[rows[i].decider], rows[i].status, rows[i].code, rows[i].received_ms };
        struct dossier_verdict verdict;
        buf_auto dossier = { 0 };
        papers_dossier(&p, &o, &dossier);
        enum dossier_reason reason = judge(&p, buf_bytes(&dossier), &verdict);
        cr_assert_eq(reason, rows[i].reason, "row %zu: %s at %s", i, dossier_reason_name(reason), verdict.where);
        if (reason != DOSSIER_GOOD) continue;
        cr_assert_eq(verdict.signer.member, rows[i].by_member);
        cr_assert_eq(verdict.outcome, rows[i].status);
        cr_assert_eq(verdict.hops_count, 1);
    }
    papers_end(&p);
}

/* Bits that are spare in protobuf change nothing that is proved: then the verdict is the same. */
Test(dossier, no_bit_can_be_turned_unnoticed)
{
    static struct papers p;
    papers_begin(&p);
    struct papers_options o = { .by_member = true, .status = QIAO_OUTCOME_ACCEPTED };
    struct dossier_verdict sound, verdict;
    buf_auto dossier = { 0 };
    papers_dossier(&p, &o, &dossier);
    cr_assert_eq(judge(&p, buf_bytes(&dossier), &sound), DOSSIER_GOOD);
    for (size_t i = 0; i < dossier.size * 8; i++) {
        dossier.data[i / 8] ^= (uint8_t)(1u << i % 8);
        bool good = judge(&p, buf_bytes(&dossier), &verdict) == DOSSIER_GOOD;
        dossier.data[i / 8] ^= (uint8_t)(1u << i % 8);
        if (!good) continue;
        bool open = verdict.outcome == QIAO_OUTCOME_NONE; /* its part became one of a newer version: less is proved, nothing else */
        cr_assert(open || verdict.outcome == sound.outcome, "bit %zu", i);
        cr_assert_str_eq(verdict.signer.name, sound.signer.name);
        cr_assert_str_eq(verdict.source, sound.source);
        cr_assert_str_eq(verdict.destination, sound.destination);
        cr_assert_arr_eq(verdict.body_digest, sound.body_digest, sizeof sound.body_digest);
    }
    papers_end(&p);
}

Test(dossier, no_part_of_one_passes_for_the_whole)
{
    static struct papers p;
    papers_begin(&p);
    struct papers_options o = { .status = QIAO_OUTCOME_ACCEPTED };
    struct dossier_verdict verdict;
    buf_auto dossier = { 0 };
    papers_dossier(&p, &o, &dossier);
    for (size_t size = 0; size < dossier.size; size++) cr_assert_neq(judge(&p, qiao_bytes(dossier.data, size), &verdict), DOSSIER_GOOD, "%zu bytes", size);
    papers_end(&p);
}
