/* The Proof field: what is written is read, and nothing else is taken. */
#include "proof/proof.h"

#include "codec/pb.h"

#include <criterion/criterion.h>

static const uint8_t signature[SEAL_SIGNATURE_SIZE] = { 1, 2, 3 };
static const struct seal_key_id key = { { 9, 8, 7 } };
static struct merkle_hash siblings[64];

/* The content of the field that was appended. */
static struct qiao_bytes content(const struct buf *buf)
{
    struct pb_reader r = pb_reader(buf_bytes(buf));
    struct pb_field f;
    cr_assert(pb_next(&r, &f));
    cr_assert_eq(f.number, 3);
    return f.bytes;
}

static void put_single(struct buf *buf, uint32_t group_size, uint64_t index, unsigned path_count)
{
    const struct merkle_hash *path[64];
    struct proof head = { .suite = SEAL_SUITE_INT1, .key_id = key, .signature = qiao_bytes(signature, sizeof signature), .group_size = group_size, .signed_at_ms = 1700000000000u };
    for (unsigned i = 0; i < 64; i++) {
        memset(siblings[i].bytes, (int)i + 1, SEAL_DIGEST_SIZE);
        path[i] = &siblings[i];
    }
    proof_put_single(buf, &head, index, path, path_count);
}

Test(proof, a_head_is_read_back)
{
    buf_auto buf = { 0 };
    struct proof p;
    proof_put_head(&buf);
    cr_assert_eq(buf.size, PROOF_HEAD_SIZE);
    proof_fill_head(buf.data, SEAL_SUITE_GM1, &key, signature, 77, 1700000000000u);
    cr_assert(proof_read(content(&buf), &p));
    cr_assert_eq(p.suite, SEAL_SUITE_GM1);
    cr_assert_eq(p.group_size, 77);
    cr_assert_eq(p.leaf_index, 0);
    cr_assert_eq(p.signed_at_ms, 1700000000000u);
    cr_assert_eq(p.path_count, 0);
    cr_assert_arr_eq(p.key_id.bytes, key.bytes, SEAL_KEY_ID_SIZE);
    cr_assert(qiao_bytes_equal(p.signature, qiao_bytes(signature, sizeof signature)));
}

Test(proof, paths_up_to_the_longest_are_read_back)
{
    for (unsigned count = 0; count <= PROOF_PATH_MAX + 3; count++) {
        buf_auto buf = { 0 };
        struct proof p;
        put_single(&buf, PROOF_GROUP_MAX, 5, count);
        cr_assert_eq(proof_read(content(&buf), &p), count <= PROOF_PATH_MAX, "%u siblings", count);
        if (count > PROOF_PATH_MAX) continue;
        cr_assert_eq(p.path_count, count);
        cr_assert_eq(p.leaf_index, 5);
        for (unsigned i = 0; i < count; i++) cr_assert_arr_eq(p.path + i * PROOF_PATH_STRIDE, siblings[i].bytes, SEAL_DIGEST_SIZE);
    }
}

Test(proof, sizes_and_places_that_cannot_be_are_refused)
{
    static const struct { uint32_t size; uint64_t index; bool good; } rows[] = {
        { 0, 0, false }, { 1, 0, true }, { 1, 1, false }, { PROOF_GROUP_MAX, PROOF_GROUP_MAX - 1, true }, { PROOF_GROUP_MAX, PROOF_GROUP_MAX, false },
        { PROOF_GROUP_MAX + 1, 0, false }, { UINT32_MAX, 0, false }, { 2, UINT64_MAX, false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_auto buf = { 0 };
        struct proof p;
        put_single(&buf, rows[i].size, rows[i].index, 0);
        cr_assert_eq(proof_read(content(&buf), &p), rows[i].good, "row %zu", i);
    }
}

/* Siblings are found by their distance: another field between two of them would be read as one. */
Test(proof, a_path_with_something_in_between_is_refused)
{
    buf_auto buf = { 0 };
    buf_auto torn = { 0 };
    struct proof p;
    pb_put_varint(&buf, 1, SEAL_SUITE_INT1);
    pb_put_bytes(&buf, 4, qiao_bytes(signature, SEAL_DIGEST_SIZE));
    buf_append(&torn, buf.data, buf.size);
    pb_put_varint(&torn, 9, 1);
    for (unsigned i = 0; i < 2; i++) {
        struct buf *one = i ? &torn : &buf;
        pb_put_bytes(one, 4, qiao_bytes(signature, SEAL_DIGEST_SIZE));
        uint8_t size[5] = { 6 << 3 | PB_FIXED32, 4 };
        buf_append(one, size, sizeof size);
        cr_assert_eq(proof_read(buf_bytes(one), &p), i == 0);
    }
}

Test(proof, every_prefix_and_every_flipped_bit_is_taken_or_refused_within_its_bounds)
{
    buf_auto buf = { 0 };
    struct proof p;
    put_single(&buf, 200, 17, 8);
    struct qiao_bytes whole = content(&buf);
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *copy = base_alloc(size + 1); /* its end is known to the sanitizer */
        memcpy(copy, whole.data, size);
        if (proof_read(qiao_bytes(copy, size), &p)) cr_assert(p.path_count <= PROOF_PATH_MAX && p.leaf_index < p.group_size);
        free(copy);
    }
    for (size_t bit = 0; bit < whole.size * 8; bit++) {
        buf_auto copy = { 0 };
        buf_append(&copy, whole.data, whole.size);
        copy.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (!proof_read(buf_bytes(&copy), &p)) continue;
        cr_assert(p.path_count <= PROOF_PATH_MAX && p.leaf_index < p.group_size && p.suite <= SEAL_SUITES && p.signature.size <= SEAL_SIGNATURE_SIZE_MAX);
        if (p.path_count > 0) cr_assert(p.path >= copy.data && p.path + (p.path_count - 1) * PROOF_PATH_STRIDE + SEAL_DIGEST_SIZE <= copy.data + copy.size);
    }
}

Test(proof, wrong_types_and_sizes_of_fields_are_refused)
{
    static const char *const bad[] = { "\x08\x01\x12\x02\x01\x02\x35\x01\0\0\0", "\x08\x01\x22\x01\x01\x35\x01\0\0\0", "\x08\x01\x10\x01\x35\x01\0\0\0", "\x0a\x01\x01\x35\x01\0\0\0" };
    static const size_t sizes[] = { 11, 10, 9, 8 };
    struct proof p;
    for (size_t i = 0; i < 4; i++) cr_assert_not(proof_read(qiao_bytes(bad[i], sizes[i]), &p), "row %zu", i);
    cr_assert(proof_read(qiao_bytes("\x08\x01\x35\x01\0\0\0", 7), &p));
    cr_assert(proof_read(qiao_bytes("\x08\x63\x35\x01\0\0\0", 7), &p));
    cr_assert_eq(p.suite, SEAL_SUITES, "a suite of a newer version is read as one that nobody accepts");
}

Test(proof, the_statement_holds_everything_that_is_signed)
{
    uint8_t one[PROOF_STATEMENT_SIZE], other[PROOF_STATEMENT_SIZE];
    struct merkle_hash root = { { 5 } }, second = { { 6 } };
    proof_statement(one, 1, 2, 3, &root);
    cr_assert_eq(memcmp(one, "qiao origin 1\0\1\0\0\0\0\0\0\0\2\0\0\0\3\5", 28), 0);
    proof_statement(other, 2, 2, 3, &root);
    cr_assert_neq(memcmp(one, other, sizeof one), 0);
    proof_statement(other, 1, 3, 3, &root);
    cr_assert_neq(memcmp(one, other, sizeof one), 0);
    proof_statement(other, 1, 2, 4, &root);
    cr_assert_neq(memcmp(one, other, sizeof one), 0);
    proof_statement(other, 1, 2, 3, &second);
    cr_assert_neq(memcmp(one, other, sizeof one), 0);
}
