/* Groups whole, split and spoilt. */
#include "signers.h"

#include "codec/run.h"

#include <criterion/criterion.h>

enum { COUNT_MAX = PROOF_GROUP_MAX };

static struct buf raws[COUNT_MAX];

static void make_envelopes(uint32_t count, const char *org)
{
    for (uint32_t i = 0; i < count; i++) {
        raws[i].size = 0;
        signers_envelope(org, "a body", 0, &raws[i]);
    }
}

static void free_envelopes(void)
{
    for (uint32_t i = 0; i < COUNT_MAX; i++) buf_deinit(&raws[i]);
}

static void expect_all(const struct group_batch *batch, unsigned code)
{
    for (uint32_t i = 0; i < batch->messages_count; i++) cr_assert_eq(batch->messages[i].code, code, "message %u: %s", i, qiao_code_name(batch->messages[i].code));
}

/* The entry's raw bytes at a place. */
static struct qiao_bytes entry_at(const struct buf *entries, uint32_t index)
{
    struct pb_reader r = pb_reader(buf_bytes(entries));
    struct qiao_bytes raw = { 0 };
    for (uint32_t i = 0; i <= index; i++) cr_assert(run_next(&r, &raw));
    return raw;
}

Test(group, whole_groups_of_many_sizes, .fini = free_envelopes)
{
    static const uint32_t sizes[] = { 1, 2, 3, 4, 5, 7, 8, 9, 31, 64, 65, 127, 255, 256, 257, PROOF_GROUP_MAX };
    make_envelopes(COUNT_MAX, "court");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        buf_auto entries = { 0 };
        struct group_batch batch;
        signers_group(SIGNER_NODE, SEAL_SUITE_INT1, raws, sizes[i], &entries);
        cr_assert(group_open(&signers_seal, buf_bytes(&entries), sizes[i], true, &batch));
        cr_assert_eq(batch.units_count, 1);
        cr_assert_eq(batch.units[0].count, sizes[i]);
        cr_assert_eq(batch.units[0].whole, sizes[i] > 1);
        cr_assert_eq(batch.units[0].one_way, sizes[i] > 1);
        expect_all(&batch, QIAO_CODE_OK);
        group_batch_deinit(&batch);
    }
}

/* Each message with its path alone, in the order of the group or any other. */
Test(group, what_is_split_verifies_alone, .fini = free_envelopes)
{
    make_envelopes(77, "court");
    buf_auto entries = { 0 };
    buf_auto singles = { 0 };
    struct group_batch batch, alone;
    signers_group(SIGNER_NODE, SEAL_SUITE_INT1, raws, 77, &entries);
    cr_assert(group_open(&signers_seal, buf_bytes(&entries), 77, false, &batch));
    for (uint32_t i = 77; i > 0; i--) {
        buf_auto raw = { 0 };
        buf_append(&raw, batch.messages[i - 1].raw.data, batch.messages[i - 1].raw.size);
        group_put_single(&raw, &batch, i - 1);
        signers_entry(&singles, buf_bytes(&raw));
    }
    cr_assert(group_open(&signers_seal, buf_bytes(&singles), 77, true, &alone));
    cr_assert_eq(alone.units_count, 77);
    expect_all(&alone, QIAO_CODE_OK);
    cr_assert_arr_eq(alone.messages[0].leaf.bytes, batch.messages[76].leaf.bytes, SEAL_DIGEST_SIZE);
    group_batch_deinit(&alone);
    group_batch_deinit(&batch);
}

Test(group, ended_singles_and_groups_mixed, .fini = free_envelopes)
{
    make_envelopes(6, "court");
    buf_auto entries = { 0 };
    struct group_batch batch;
    signers_entry(&entries, qiao_bytes(NULL, 0));
    signers_group(SIGNER_NODE, SEAL_SUITE_INT1, raws, 3, &entries);
    signers_group(SIGNER_MEMBER, SEAL_SUITE_INT1, raws + 3, 1, &entries);
    signers_entry(&entries, qiao_bytes(NULL, 0));
    signers_group(SIGNER_NODE, SEAL_SUITE_INT1, raws + 4, 2, &entries);
    cr_assert(group_open(&signers_seal, buf_bytes(&entries), 8, true, &batch));
    static const uint32_t counts[] = { 1, 3, 1, 1, 2 };
    cr_assert_eq(batch.units_count, 5);
    for (uint32_t i = 0; i < 5; i++) cr_assert_eq(batch.units[i].count, counts[i]);
    cr_assert(batch.units[0].ended && batch.units[3].ended && !batch.units[1].ended);
    static const struct merkle_hash nothing;
    cr_assert_eq(memcmp(&batch.units[0].hash, &nothing, sizeof nothing), 0);
    expect_all(&batch, QIAO_CODE_OK);
    cr_assert(batch.signers[batch.units[2].signer].member && !batch.signers[batch.units[4].signer].member);
    group_batch_deinit(&batch);
}

static unsigned code_of(const struct seal *seal, const struct buf *entries)
{
    struct group_batch batch;
    cr_assert(group_open(seal, buf_bytes(entries), 1, true, &batch));
    unsigned code = batch.messages[0].code;
    group_batch_deinit(&batch);
    return code;
}

Test(group, what_is_wrong_with_one_message, .fini = free_envelopes)
{
    static const struct { const char *org; int signer; unsigned suite, code; } rows[] = {
        { "court", SIGNER_NODE, SEAL_SUITE_INT1, QIAO_CODE_OK },     { "court", SIGNER_MEMBER, SEAL_SUITE_INT1, QIAO_CODE_OK },
        { "office", SIGNER_MEMBER, SEAL_SUITE_INT1, QIAO_CODE_FORGED }, { "cour", SIGNER_MEMBER, SEAL_SUITE_INT1, QIAO_CODE_FORGED },
        { "court", SIGNER_UNKNOWN, SEAL_SUITE_INT1, QIAO_CODE_UNKNOWN_KEY }, { "court", SIGNER_NODE, SEAL_SUITE_GM1, QIAO_CODE_SUITE },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_auto entries = { 0 };
        make_envelopes(1, rows[i].org);
        signers_group(rows[i].signer, rows[i].suite, raws, 1, &entries);
        cr_assert_eq(code_of(&signers_seal, &entries), rows[i].code, "row %zu", i);
    }
}

Test(group, unsigned_messages_are_taken_only_where_that_is_said, .fini = free_envelopes)
{
    buf_auto entries = { 0 };
    make_envelopes(1, "court");
    signers_entry(&entries, buf_bytes(&raws[0]));
    cr_assert_eq(code_of(&signers_seal, &entries), QIAO_CODE_UNSIGNED);
    cr_assert_eq(code_of(&signers_lenient, &entries), QIAO_CODE_OK);
}

/* A proof that cannot be read is not no proof: a lenient node does not take it for an unsigned message. */
Test(group, a_proof_of_nonsense_is_refused_everywhere, .fini = free_envelopes)
{
    buf_auto entries = { 0 };
    make_envelopes(1, "court");
    pb_put_bytes(&raws[0], 3, qiao_bytes_from_string("nonsense"));
    signers_entry(&entries, buf_bytes(&raws[0]));
    cr_assert_eq(code_of(&signers_seal, &entries), QIAO_CODE_SUITE);
    cr_assert_eq(code_of(&signers_lenient, &entries), QIAO_CODE_SUITE);
}

/* Every byte of a signed message, changed: never taken as it was. */
Test(group, every_changed_byte_of_header_and_body_is_found, .fini = free_envelopes)
{
    make_envelopes(1, "court");
    buf_auto entries = { 0 };
    signers_group(SIGNER_NODE, SEAL_SUITE_INT1, raws, 1, &entries);
    struct envelope_parts parts;
    cr_assert(envelope_split(entry_at(&entries, 0), &parts));
    for (unsigned body = 0; body < 2; body++) {
        struct qiao_bytes part = body ? parts.body : parts.header;
        for (size_t i = 0; i < part.size; i++) {
            uint8_t *at = entries.data + (part.data - entries.data) + i;
            *at ^= 1;
            cr_assert_neq(code_of(&signers_seal, &entries), QIAO_CODE_OK, "byte %zu of the %s", i, body ? "body" : "header");
            *at ^= 1;
        }
    }
    cr_assert_eq(code_of(&signers_seal, &entries), QIAO_CODE_OK);
}

/* Opens a group of 5 with its entries in another order; `order` ends with 9. */
static bool open_in_order(const uint32_t *order, unsigned *ret_code)
{
    buf_auto entries = { 0 };
    buf_auto other = { 0 };
    struct group_batch batch;
    uint32_t count = 0;
    signers_group(SIGNER_NODE, SEAL_SUITE_INT1, raws, 5, &entries);
    for (; order[count] != 9; count++) signers_entry(&other, entry_at(&entries, order[count]));
    bool opened = group_open(&signers_seal, buf_bytes(&other), count, true, &batch);
    if (!opened) return false;
    *ret_code = batch.messages[0].code;
    for (uint32_t i = 1; i < count; i++) cr_assert_eq(batch.messages[i].code, *ret_code);
    group_batch_deinit(&batch);
    return true;
}

Test(group, left_out_swapped_doubled, .fini = free_envelopes)
{
    static const struct { uint32_t order[8]; bool opens; unsigned code; } rows[] = {
        { { 0, 1, 2, 3, 4, 9 }, true, QIAO_CODE_OK }, { { 0, 2, 1, 3, 4, 9 }, true, QIAO_CODE_SIGNATURE }, { { 0, 1, 2, 3, 3, 9 }, true, QIAO_CODE_SIGNATURE },
        { { 0, 1, 2, 3, 9 }, false, 0 }, { { 0, 9 }, false, 0 }, { { 0, 1, 2, 3, 0, 9 }, false, 0 },
        { { 1, 2, 3, 4, 9 }, true, QIAO_CODE_UNSIGNED },
    };
    make_envelopes(5, "court");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned code = 0;
        cr_assert_eq(open_in_order(rows[i].order, &code), rows[i].opens, "row %zu", i);
        cr_assert_eq(code, rows[i].code, "row %zu", i);
    }
}

Test(group, counts_that_do_not_fit_and_every_prefix, .fini = free_envelopes)
{
    make_envelopes(4, "court");
    buf_auto entries = { 0 };
    struct group_batch batch;
    signers_group(SIGNER_NODE, SEAL_SUITE_INT1, raws, 4, &entries);
    for (uint32_t count = 0; count < 9; count++) {
        bool opened = group_open(&signers_seal, buf_bytes(&entries), count, true, &batch);
        cr_assert_eq(opened, count == 4);
        if (opened) group_batch_deinit(&batch);
    }
    for (size_t size = 0; size < entries.size; size++) {
        uint8_t *copy = base_alloc(size + 1);
        memcpy(copy, entries.data, size);
        cr_assert_not(group_open(&signers_seal, qiao_bytes(copy, size), 4, true, &batch));
        free(copy);
    }
}

/* A message that may end on its way, or goes elsewhere, keeps its group from being passed on whole. */
Test(group, a_group_that_may_part_is_not_one_way, .fini = free_envelopes)
{
    for (uint32_t which = 0; which < 3; which++) {
        buf_auto entries = { 0 };
        struct group_batch batch;
        make_envelopes(3, "court");
        raws[which].size = 0;
        signers_envelope("court", "a body", 1800000000000u, &raws[which]);
        signers_group(SIGNER_NODE, SEAL_SUITE_INT1, raws, 3, &entries);
        cr_assert(group_open(&signers_seal, buf_bytes(&entries), 3, true, &batch));
        expect_all(&batch, QIAO_CODE_OK);
        cr_assert(batch.units[0].whole && !batch.units[0].one_way, "message %u expires", which);
        group_batch_deinit(&batch);
    }
}
