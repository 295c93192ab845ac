/* What a member signs itself: every message of a run, in groups that stay whole. */
#include "sdk/sign.h"

#include "../proof/signers.h"

#include <criterion/criterion.h>

/* Signs as 990101/court, with the words of signers.c. */
static int sign_as_court(void *context, struct qiao_bytes message, struct seal_key_id *ret_key_id, uint8_t ret_signature[SEAL_SIGNATURE_SIZE])
{
    (void)context;
    *ret_key_id = (struct seal_key_id){ { SIGNER_MEMBER + 1 } };
    for (unsigned half = 0; half < 2; half++) {
        const uint8_t which = (uint8_t)half;
        const struct qiao_bytes parts[] = { qiao_bytes(&which, 1), qiao_bytes_from_string("990101/court"), message };
        signers_seal.digest(SEAL_SUITE_INT1, parts, 3, ret_signature + half * SEAL_DIGEST_SIZE);
    }
    return 0;
}

static int cannot_sign(void *context, struct qiao_bytes message, struct seal_key_id *ret_key_id, uint8_t ret_signature[SEAL_SIGNATURE_SIZE])
{
    (void)context;
    (void)message;
    (void)ret_key_id;
    (void)ret_signature;
    return -1;
}

static void put_run(struct buf *entries, uint32_t count, uint32_t ended)
{
    for (uint32_t i = 0; i < count; i++) {
        struct buf raw = { 0 };
        if (i != ended) signers_envelope("court", "a body", 0, &raw);
        signers_entry(entries, buf_bytes(&raw));
        buf_deinit(&raw);
    }
}

Test(sign, a_long_run_becomes_groups_that_verify)
{
    buf_auto entries = { 0 };
    buf_auto out = { 0 };
    struct seal seal = signers_seal;
    struct group_batch batch;
    seal.sign = sign_as_court;
    put_run(&entries, PROOF_GROUP_MAX + 100, UINT32_MAX);
    cr_assert_eq(sign_entries(&seal, buf_bytes(&entries), 1700000000000u, &out), 0);
    cr_assert(group_open(&signers_seal, buf_bytes(&out), PROOF_GROUP_MAX + 100, true, &batch));
    cr_assert_eq(batch.units_count, 2);
    cr_assert_eq(batch.units[0].count, PROOF_GROUP_MAX);
    cr_assert_eq(batch.units[1].count, 100);
    cr_assert_eq(batch.units[1].proof.signed_at_ms, 1700000000000u);
    for (uint32_t i = 0; i < batch.messages_count; i++) cr_assert_eq(batch.messages[i].code, QIAO_CODE_OK, "%u", i);
    group_batch_deinit(&batch);
}

Test(sign, a_message_that_ended_keeps_its_place_between_two_groups)
{
    buf_auto entries = { 0 };
    buf_auto out = { 0 };
    struct seal seal = signers_seal;
    struct group_batch batch;
    seal.sign = sign_as_court;
    put_run(&entries, 9, 4);
    cr_assert_eq(sign_entries(&seal, buf_bytes(&entries), 1, &out), 0);
    cr_assert(group_open(&signers_seal, buf_bytes(&out), 9, true, &batch));
    cr_assert_eq(batch.units_count, 3);
    cr_assert(batch.units[1].ended);
    group_batch_deinit(&batch);
}

Test(sign, a_key_that_cannot_sign_is_told_of)
{
    buf_auto entries = { 0 };
    buf_auto out = { 0 };
    struct seal seal = signers_seal;
    seal.sign = cannot_sign;
    put_run(&entries, 2, UINT32_MAX);
    cr_assert_lt(sign_entries(&seal, buf_bytes(&entries), 1, &out), 0);
}
