/* Signed groups of strangers: units cover the messages, checked or not the tree is the same, and what is split stands alone. */
#include "fuzz.h"

#include "codec/run.h"
#include "proof/group.h"

/* Believes every signature of the suites there are: what follows a good signature is looked at as well. */
static unsigned believe(void *context, enum seal_suite suite, const struct seal_key_id *key_id, uint64_t at_ms, struct qiao_bytes message,
                        struct qiao_bytes signature, struct seal_identity *ret_signer)
{
    (void)context;
    (void)key_id;
    (void)at_ms;
    FUZZ_CHECK(message.size == PROOF_STATEMENT_SIZE && signature.size <= SEAL_SIGNATURE_SIZE_MAX);
    *ret_signer = (struct seal_identity){ .name = "street", .area = "990101" };
    return suite < SEAL_SUITES ? QIAO_CODE_OK : QIAO_CODE_SUITE;
}

static void check_units(const struct group_batch *batch, uint32_t count)
{
    uint32_t next = 0;
    FUZZ_CHECK(batch->messages_count == count);
    for (uint32_t i = 0; i < batch->units_count; i++) {
        const struct group_unit *unit = &batch->units[i];
        FUZZ_CHECK(unit->first == next && unit->count > 0 && unit->whole == (unit->count > 1) && unit->count <= PROOF_GROUP_MAX);
        for (uint32_t k = 0; k < unit->count; k++) FUZZ_CHECK(batch->messages[next + k].unit == i);
        next += unit->count;
    }
    FUZZ_CHECK(next == count && batch->nodes_count <= (size_t)count * 3 + 1);
}

/* A message of a whole group with its path leads to the group's root. */
static void check_single(const struct seal *seal, const struct group_batch *batch, uint32_t message)
{
    const struct group_unit *unit = &batch->units[batch->messages[message].unit];
    buf_auto field = { 0 };
    struct pb_field f;
    struct proof alone;
    struct merkle_hash root;
    group_put_single(&field, batch, message);
    struct pb_reader r = pb_reader(buf_bytes(&field));
    FUZZ_CHECK(pb_next(&r, &f) && f.number == 3 && proof_read(f.bytes, &alone));
    FUZZ_CHECK(merkle_root_of_path(seal, (enum seal_suite)alone.suite, &batch->messages[message].leaf, alone.leaf_index, alone.group_size, alone.path, alone.path_count,
                                   PROOF_PATH_STRIDE, &root));
    FUZZ_CHECK(memcmp(&root, &unit->hash, sizeof root) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seal seal = seal_null;
    struct group_batch checked, plain;
    struct qiao_bytes raw, entries = qiao_bytes(data, size);
    struct pb_reader r = pb_reader(entries);
    uint32_t count = 0;
    while (run_next(&r, &raw)) count++;
    seal.verify = believe;
    seal.accepted = size % 2 ? 7 : 6;
    bool opened = group_open(&seal, entries, count, true, &checked);
    FUZZ_CHECK(!opened || !r.failed);
    if (!opened) return 0;
    check_units(&checked, count);
    if (group_open(&seal, entries, count, false, &plain)) {
        check_units(&plain, count);
        FUZZ_CHECK(plain.units_count == checked.units_count);
        for (uint32_t i = 0; i < plain.units_count; i++)
            if (checked.units[i].code == QIAO_CODE_OK && checked.messages[checked.units[i].first].code == QIAO_CODE_OK)
                FUZZ_CHECK(memcmp(&plain.units[i].hash, &checked.units[i].hash, sizeof plain.units[i].hash) == 0);
        group_batch_deinit(&plain);
    }
    for (uint32_t i = 0; i < count; i++)
        if (checked.units[checked.messages[i].unit].whole && checked.units[checked.messages[i].unit].proof.suite < SEAL_SUITES) check_single(&seal, &checked, i);
    group_batch_deinit(&checked);
    return 0;
}
