/* Chains and statements, computed once more by hand. */
#include "proof/custody.h"

#include <criterion/criterion.h>
#include <openssl/sha.h>

Test(custody, a_chain_is_hashes_of_hashes)
{
    struct merkle_hash chain = { { 0 } }, unit = { { 7, 7 } };
    uint8_t wanted[32] = { 0 };
    for (uint32_t count = 1; count < 70; count++) {
        uint8_t words[69] = { 2 };
        memcpy(words + 1, wanted, 32);
        put_u32(words + 33, count * 1000);
        memcpy(words + 37, unit.bytes, 32);
        SHA256(words, sizeof words, wanted);
        custody_chain_add(&seal_openssl_digest, SEAL_SUITE_INT1, &chain, count * 1000, &unit);
        cr_assert_arr_eq(chain.bytes, wanted, 32);
        unit.bytes[31]++;
    }
}

Test(custody, order_and_number_of_units_count)
{
    struct merkle_hash a = { { 1 } }, b = { { 2 } }, one = { { 0 } }, other = { { 0 } }, third = { { 0 } };
    custody_chain_add(&seal_openssl_digest, SEAL_SUITE_INT1, &one, 1, &a);
    custody_chain_add(&seal_openssl_digest, SEAL_SUITE_INT1, &one, 1, &b);
    custody_chain_add(&seal_openssl_digest, SEAL_SUITE_INT1, &other, 1, &b);
    custody_chain_add(&seal_openssl_digest, SEAL_SUITE_INT1, &other, 1, &a);
    custody_chain_add(&seal_openssl_digest, SEAL_SUITE_INT1, &third, 2, &a);
    cr_assert_neq(memcmp(&one, &other, sizeof one), 0);
    cr_assert_neq(memcmp(&one, &third, sizeof one), 0);
}

static void expect_different(const struct custody *one, enum seal_suite suite, const struct custody *other, enum seal_suite other_suite)
{
    buf_auto a = { 0 };
    buf_auto b = { 0 };
    custody_statement(&a, suite, one);
    custody_statement(&b, other_suite, other);
    cr_assert_not(qiao_bytes_equal(buf_bytes(&a), buf_bytes(&b)));
}

Test(custody, a_statement_says_everything)
{
    static const char wanted[] = "qiao custody 1\0\1\0\6street\0\x08" "district\2\0\0\0\0\0\0\0\5";
    const struct custody c = { .receiver = "street", .sender = "district", .lane = 2, .sequence = 5, .at_ms = 6, .audit_size = 7 };
    buf_auto statement = { 0 };
    custody_statement(&statement, SEAL_SUITE_INT1, &c);
    cr_assert_eq(statement.size, sizeof wanted - 1 + 32 + 8 + 8 + 32);
    cr_assert_eq(memcmp(statement.data, wanted, sizeof wanted - 1), 0);
    expect_different(&c, SEAL_SUITE_INT1, &c, SEAL_SUITE_GM1);
    struct custody others[8];
    for (size_t i = 0; i < 8; i++) others[i] = c;
    others[0].receiver = "streetd";
    others[1].sender = "istrict";
    others[2].lane = 1;
    others[3].sequence = 6;
    others[4].chain.bytes[31] = 1;
    others[5].at_ms = 7;
    others[6].audit_size = 8;
    others[7].audit_root.bytes[0] = 1;
    for (size_t i = 0; i < 8; i++) expect_different(&c, SEAL_SUITE_INT1, &others[i], SEAL_SUITE_INT1);
}

/* Where one name ends and the next begins is signed too. */
Test(custody, names_do_not_run_into_each_other)
{
    const struct custody one = { .receiver = "ab", .sender = "c" }, other = { .receiver = "a", .sender = "bc" };
    expect_different(&one, SEAL_SUITE_INT1, &other, SEAL_SUITE_INT1);
}
