#include "proof/leaves.h"

#include "seal/seal.h"

#include <criterion/criterion.h>

/* The digest of a file by the definition, level by level, without the code under test. */
static void head_of(struct merkle_hash *level, size_t count, uint8_t ret_digest[32])
{
    for (; count > 1; count = (count + 1) / 2)
        for (size_t i = 0; i < count; i += 2) {
            if (i + 1 < count) merkle_node(&seal_openssl_digest, SEAL_SUITE_INT1, &level[i], &level[i + 1], &level[i / 2]);
            else level[i / 2] = level[i];
        }
    memcpy(ret_digest, level[0].bytes, 32);
}

static void make(uint64_t size, struct attachment_ref *ref, struct merkle_hash leaves[8], uint8_t data[8 * 32768])
{
    struct merkle_hash level[8];
    *ref = (struct attachment_ref){ .size = size };
    for (uint64_t i = 0; i < size; i++) data[i] = (uint8_t)(i * 31 + i / 256);
    for (uint32_t i = 0; i < attachment_chunks(size); i++)
        merkle_leaf(&seal_openssl_digest, SEAL_SUITE_INT1, qiao_bytes(data + i * 32768u, attachment_chunk_size(size, i)), &leaves[i]);
    memcpy(level, leaves, 8 * sizeof *leaves);
    head_of(level, attachment_chunks(size), ref->digest);
}

Test(leaves, every_chunk_fits_and_no_other)
{
    static const uint64_t sizes[] = { 1, 32768, 32769, 3 * 32768, 5 * 32768 + 7, 8 * 32768 };
    static uint8_t data[8 * 32768];
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct attachment_ref ref;
        struct merkle_hash leaves[8];
        make(sizes[s], &ref, leaves, data);
        uint32_t chunks = attachment_chunks(ref.size);
        cr_assert(leaves_fit(&seal_openssl_digest, &ref, qiao_bytes(leaves, chunks * 32u)));
        for (uint32_t i = 0; i < chunks; i++) {
            struct qiao_bytes chunk = qiao_bytes(data + i * 32768u, attachment_chunk_size(ref.size, i));
            cr_assert(leaves_has_chunk(&seal_openssl_digest, &ref, leaves[0].bytes, i, chunk));
            cr_assert(!leaves_has_chunk(&seal_openssl_digest, &ref, leaves[0].bytes, i + 1, chunk), "another place");
            cr_assert(!leaves_has_chunk(&seal_openssl_digest, &ref, leaves[0].bytes, i, qiao_bytes(chunk.data, chunk.size - 1)), "cut");
            data[i * 32768u] ^= 1;
            cr_assert(!leaves_has_chunk(&seal_openssl_digest, &ref, leaves[0].bytes, i, chunk), "changed");
            data[i * 32768u] ^= 1;
        }
    }
}

Test(leaves, leaves_of_another_file_or_too_few_do_not_fit)
{
    static uint8_t data[8 * 32768];
    struct attachment_ref ref;
    struct merkle_hash leaves[8];
    make(5 * 32768, &ref, leaves, data);
    cr_assert(!leaves_fit(&seal_openssl_digest, &ref, qiao_bytes(leaves, 4 * 32)));
    cr_assert(!leaves_fit(&seal_openssl_digest, &ref, qiao_bytes(leaves, 5 * 32 - 1)));
    leaves[3].bytes[5] ^= 1;
    cr_assert(!leaves_fit(&seal_openssl_digest, &ref, qiao_bytes(leaves, 5 * 32)));
    leaves[3].bytes[5] ^= 1;
    ref.suite = SEAL_SUITE_GM1;
    cr_assert(!leaves_fit(&seal_openssl_digest, &ref, qiao_bytes(leaves, 5 * 32)), "the same bytes by another function");
}
