/* Against vectors made by another implementation (tests/vectors/merkle.py). */
#include "proof/consistency.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define SIZE_MAX_HERE 3000u
#define SUITE SEAL_SUITE_INT1

static const struct seal *const seal = &seal_openssl_digest;
static struct merkle_hash leaves[SIZE_MAX_HERE], roots[SIZE_MAX_HERE + 1];

struct vector {
    uint64_t size, step;
    char root[65], paths[65], proofs[65];
};

static void set_up(void)
{
    struct merkle_log log = { 0 };
    merkle_log_root(seal, SUITE, &log, &roots[0]);
    for (uint64_t i = 0; i < SIZE_MAX_HERE; i++) {
        uint8_t number[8];
        put_u64(number, i);
        merkle_leaf(seal, SUITE, qiao_bytes(number, sizeof number), &leaves[i]);
        merkle_log_add(seal, SUITE, &log, &leaves[i]);
        merkle_log_root(seal, SUITE, &log, &roots[i + 1]);
    }
}

static void hex(const uint8_t *bytes, char ret_text[65])
{
    for (size_t i = 0; i < 32; i++) snprintf(ret_text + 2 * i, 3, "%02x", bytes[i]);
}

static void expect_digest(const struct buf *hashes, const char *wanted, uint64_t size)
{
    uint8_t digest[SEAL_DIGEST_SIZE];
    char text[65];
    seal_digest(seal, SUITE, buf_bytes(hashes), digest);
    hex(digest, text);
    cr_assert_str_eq(text, wanted, "size %llu", (unsigned long long)size);
}

static void check_inclusion(const struct vector *v)
{
    buf_auto all = { 0 };
    for (uint64_t i = 0; i < v->size; i += v->step) {
        struct merkle_hash path[64], root;
        unsigned count = merkle_inclusion(seal, SUITE, leaves, v->size, i, path);
        buf_append(&all, path, count * sizeof *path);
        cr_assert(merkle_root_of_path(seal, SUITE, &leaves[i], i, v->size, path[0].bytes, count, sizeof *path, &root));
        cr_assert_arr_eq(root.bytes, roots[v->size].bytes, 32);
        if (count == 0) continue;
        path[count / 2].bytes[5] ^= 1;
        bool read = merkle_root_of_path(seal, SUITE, &leaves[i], i, v->size, path[0].bytes, count, sizeof *path, &root);
        cr_assert(!read || memcmp(root.bytes, roots[v->size].bytes, 32) != 0);
        cr_assert_not(merkle_root_of_path(seal, SUITE, &leaves[i], i, v->size, path[0].bytes, count - 1, sizeof *path, &root));
    }
    expect_digest(&all, v->paths, v->size);
}

static void check_consistency(const struct vector *v)
{
    buf_auto all = { 0 };
    const struct merkle_hash *whole = &roots[v->size];
    for (uint64_t m = 1; m < v->size; m += v->step) {
        struct merkle_hash proof[CONSISTENCY_MAX];
        unsigned count = merkle_consistency(seal, SUITE, leaves, m, v->size, proof);
        buf_append(&all, proof, count * sizeof *proof);
        cr_assert(merkle_is_consistent(seal, SUITE, m, &roots[m], v->size, whole, proof, count));
        cr_assert_not(merkle_is_consistent(seal, SUITE, m, &roots[m - 1], v->size, whole, proof, count), "another old root");
        cr_assert_not(merkle_is_consistent(seal, SUITE, m, &roots[m], v->size, &roots[v->size - 1], proof, count), "another new root");
        cr_assert_not(merkle_is_consistent(seal, SUITE, m, &roots[m], v->size, whole, proof, count - 1), "a shorter proof");
        proof[count - 1].bytes[0] ^= 0x80;
        cr_assert_not(merkle_is_consistent(seal, SUITE, m, &roots[m], v->size, whole, proof, count), "another proof");
    }
    expect_digest(&all, v->proofs, v->size);
}

Test(log, agrees_with_another_implementation_of_the_rfc, .init = set_up)
{
    FILE *file = fopen(VECTORS, "r");
    struct vector v;
    unsigned count = 0;
    cr_assert_not_null(file);
    while (fscanf(file, "%lu %lu %64s %64s %64s", &v.size, &v.step, v.root, v.paths, v.proofs) == 5) {
        char text[65];
        cr_assert_lt(v.size, SIZE_MAX_HERE);
        hex(roots[v.size].bytes, text);
        cr_assert_str_eq(text, v.root, "root of %lu", v.size);
        check_inclusion(&v);
        check_consistency(&v);
        count++;
    }
    fclose(file);
    cr_assert_eq(count, 139);
}

Test(log, sizes_that_cannot_follow_are_not_consistent, .init = set_up)
{
    cr_assert(merkle_is_consistent(seal, SUITE, 7, &roots[7], 7, &roots[7], NULL, 0));
    cr_assert_not(merkle_is_consistent(seal, SUITE, 7, &roots[7], 7, &roots[6], NULL, 0));
    cr_assert_not(merkle_is_consistent(seal, SUITE, 8, &roots[8], 7, &roots[7], NULL, 0));
    cr_assert_not(merkle_is_consistent(seal, SUITE, 4, &roots[4], 7, &roots[7], NULL, 0));
    cr_assert(merkle_is_consistent(seal, SUITE, 0, &roots[0], 7, &roots[7], NULL, 0));
}
