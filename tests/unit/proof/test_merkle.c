/* Trees against RFC 9162's own recursive definitions, with SHA-256 taken from OpenSSL directly. */
#include "proof/merkle.h"

#include <criterion/criterion.h>
#include <openssl/sha.h>

enum { LEAVES_MAX = 300 };

static struct merkle_hash leaves[LEAVES_MAX];

/* Leaf i is about the number i. */
static void make_leaves(void)
{
    for (uint32_t i = 0; i < LEAVES_MAX; i++) {
        uint8_t data[4];
        put_u32(data, i);
        merkle_leaf(&seal_openssl_digest, SEAL_SUITE_INT1, qiao_bytes(data, 4), &leaves[i]);
    }
}

static size_t split_of(size_t n)
{
    size_t k = 1;
    while (k * 2 < n) k *= 2;
    return k;
}

/* MTH(D[first:first+n]) of 2.1.1. */
static void tree_hash(size_t first, size_t n, uint8_t ret[32])
{
    uint8_t words[65] = { 1 };
    if (n == 1) {
        uint8_t leaf[5] = { 0 };
        put_u32(leaf + 1, (uint32_t)first);
        SHA256(leaf, sizeof leaf, ret);
        return;
    }
    size_t k = split_of(n);
    tree_hash(first, k, words + 1);
    tree_hash(first + k, n - k, words + 33);
    SHA256(words, sizeof words, ret);
}

/* PATH(m, D) of 2.1.3.1; returns its length. */
static unsigned tree_path(size_t m, size_t first, size_t n, uint8_t path[][32])
{
    if (n == 1) return 0;
    size_t k = split_of(n);
    unsigned count = m < k ? tree_path(m, first, k, path) : tree_path(m - k, first + k, n - k, path);
    if (m < k) tree_hash(first + k, n - k, path[count]);
    else tree_hash(first, k, path[count]);
    return count + 1;
}

static void build(struct merkle_hash *nodes, size_t n)
{
    memcpy(nodes, leaves, n * sizeof *nodes);
    merkle_build(&seal_openssl_digest, SEAL_SUITE_INT1, nodes, n);
}

Test(merkle, roots_of_all_sizes)
{
    make_leaves();
    for (size_t n = 1; n <= LEAVES_MAX; n++) {
        static struct merkle_hash nodes[3 * LEAVES_MAX];
        uint8_t wanted[32];
        tree_hash(0, n, wanted);
        build(nodes, n);
        cr_assert(merkle_nodes_count(n) <= 3 * n);
        cr_assert_arr_eq(nodes[merkle_nodes_count(n) - 1].bytes, wanted, 32, "%zu leaves", n);
    }
}

static void check_paths(size_t n)
{
    static struct merkle_hash nodes[3 * LEAVES_MAX];
    build(nodes, n);
    const struct merkle_hash *root = &nodes[merkle_nodes_count(n) - 1];
    for (size_t i = 0; i < n; i++) {
        const struct merkle_hash *path[64];
        struct merkle_hash found;
        uint8_t wanted[64][32], bytes[64][32];
        unsigned count = merkle_path(nodes, n, i, path);
        cr_assert_eq(count, tree_path(i, 0, n, wanted));
        for (unsigned k = 0; k < count; k++) memcpy(bytes[k], path[k]->bytes, 32);
        for (unsigned k = 0; k < count; k++) cr_assert_arr_eq(bytes[k], wanted[k], 32, "leaf %zu of %zu, step %u", i, n, k);
        cr_assert(merkle_root_of_path(&seal_openssl_digest, SEAL_SUITE_INT1, &leaves[i], i, n, bytes[0], count, 32, &found));
        cr_assert_arr_eq(found.bytes, root->bytes, 32);
        cr_assert_not(merkle_root_of_path(&seal_openssl_digest, SEAL_SUITE_INT1, &leaves[i], i, n, bytes[0], count + 1, 32, &found));
        if (count > 0) cr_assert_not(merkle_root_of_path(&seal_openssl_digest, SEAL_SUITE_INT1, &leaves[i], i, n, bytes[0], count - 1, 32, &found));
    }
}

Test(merkle, paths_of_all_leaves)
{
    make_leaves();
    for (size_t n = 1; n <= 70; n++) check_paths(n);
    for (size_t n = 127; n <= 129; n++) check_paths(n);
    for (size_t n = 255; n <= 258; n++) check_paths(n);
    check_paths(LEAVES_MAX);
}

Test(merkle, a_path_of_another_place_leads_elsewhere)
{
    static struct merkle_hash nodes[3 * LEAVES_MAX];
    const struct merkle_hash *path[64];
    uint8_t bytes[64][32];
    struct merkle_hash found;
    make_leaves();
    build(nodes, 8);
    unsigned count = merkle_path(nodes, 8, 3, path);
    for (unsigned k = 0; k < count; k++) memcpy(bytes[k], path[k]->bytes, 32);
    for (uint64_t i = 0; i < 8; i++) {
        cr_assert(merkle_root_of_path(&seal_openssl_digest, SEAL_SUITE_INT1, &leaves[3], i, 8, bytes[0], count, 32, &found));
        cr_assert_eq(memcmp(&found, &nodes[merkle_nodes_count(8) - 1], sizeof found) == 0, i == 3);
    }
    cr_assert_not(merkle_root_of_path(&seal_openssl_digest, SEAL_SUITE_INT1, &leaves[3], 8, 8, bytes[0], count, 32, &found));
    cr_assert_not(merkle_root_of_path(&seal_openssl_digest, SEAL_SUITE_INT1, &leaves[3], 0, 0, bytes[0], 0, 32, &found));
}

Test(merkle, a_log_has_the_root_of_its_tree)
{
    struct merkle_log log = { 0 };
    struct merkle_hash root;
    uint8_t wanted[32];
    make_leaves();
    merkle_log_root(&seal_openssl_digest, SEAL_SUITE_INT1, &log, &root);
    SHA256((const uint8_t *)"", 0, wanted);
    cr_assert_arr_eq(root.bytes, wanted, 32);
    for (size_t n = 1; n <= LEAVES_MAX; n++) {
        merkle_log_add(&seal_openssl_digest, SEAL_SUITE_INT1, &log, &leaves[n - 1]);
        merkle_log_root(&seal_openssl_digest, SEAL_SUITE_INT1, &log, &root);
        tree_hash(0, n, wanted);
        cr_assert_eq(log.size, n);
        cr_assert_arr_eq(root.bytes, wanted, 32, "%zu leaves", n);
    }
}
