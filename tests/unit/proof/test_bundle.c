/* Pages of bundles, written and read. Whom they are encrypted for is tests/unit/seal/test_wrap.c's. */
#include "proof/bundle.h"

#include "codec/pb.h"

#include <criterion/criterion.h>

static const uint8_t chain[SEAL_DIGEST_SIZE] = { 7, 7, 7 };

static struct bundle_page some_page(const struct buf *certificates)
{
    struct bundle_page page = {
        .from = qiao_bytes_from_string("street"), .area = qiao_bytes_from_string("990101001"), .to = qiao_bytes_from_string("district"),
        .incarnation = 0x1122334455667788, .to_incarnation = 3, .made_at_ms = 1700000000000, .certificates = buf_bytes(certificates),
        .frames = qiao_bytes_from_string("frames"),
    };
    page.lanes[0] = (struct bundle_lane){ 5, 6, qiao_bytes(chain, sizeof chain) };
    page.lanes[2] = (struct bundle_lane){ 0, 1, { 0 } };
    return page;
}

static void write_some(struct buf *certificates, struct buf *out)
{
    bundle_put_certificate(certificates, qiao_bytes_from_string("first"));
    bundle_put_certificate(certificates, qiao_bytes_from_string("second"));
    struct bundle_page page = some_page(certificates);
    bundle_page_write(&page, out);
}

Test(proof_bundle, a_page_reads_as_it_was_written)
{
    buf_auto certificates = { 0 };
    buf_auto written = { 0 };
    struct bundle_page page;
    struct qiao_bytes certificate;
    size_t at = 0;
    write_some(&certificates, &written);
    cr_assert(bundle_page_read(buf_bytes(&written), &page));
    cr_expect(qiao_bytes_equal(page.from, qiao_bytes_from_string("street")));
    cr_expect(qiao_bytes_equal(page.area, qiao_bytes_from_string("990101001")));
    cr_expect(qiao_bytes_equal(page.to, qiao_bytes_from_string("district")));
    cr_expect(qiao_bytes_equal(page.frames, qiao_bytes_from_string("frames")));
    cr_expect_eq(page.incarnation, 0x1122334455667788);
    cr_expect_eq(page.to_incarnation, 3);
    cr_expect_eq(page.made_at_ms, 1700000000000);
    cr_expect_eq(page.lanes[0].received, 5);
    cr_expect_eq(page.lanes[0].next, 6);
    cr_expect(qiao_bytes_equal(page.lanes[0].next_chain, qiao_bytes(chain, sizeof chain)));
    cr_expect_eq(page.lanes[2].next, 1);
    cr_expect_eq(page.lanes[2].next_chain.size, 0);
    cr_assert(bundle_next_certificate(&page, &at, &certificate));
    cr_expect(qiao_bytes_equal(certificate, qiao_bytes_from_string("first")));
    cr_assert(bundle_next_certificate(&page, &at, &certificate));
    cr_expect(qiao_bytes_equal(certificate, qiao_bytes_from_string("second")));
    cr_expect_not(bundle_next_certificate(&page, &at, &certificate));
}

/* In memory of exactly that size, so that a sanitizer sees a byte too many. */
Test(proof_bundle, no_part_of_a_page_is_read_beyond_its_end)
{
    buf_auto certificates = { 0 };
    buf_auto written = { 0 };
    write_some(&certificates, &written);
    for (size_t size = 0; size < written.size; size++) {
        uint8_t *exact = base_alloc(size ? size : 1);
        struct bundle_page page;
        struct qiao_bytes certificate;
        memcpy(exact, written.data, size);
        if (bundle_page_read(qiao_bytes(exact, size), &page))
            for (size_t at = 0; bundle_next_certificate(&page, &at, &certificate);) cr_expect_geq(certificate.size, 5);
        free(exact);
    }
}

static bool reads_with(struct qiao_bytes lane)
{
    buf_auto certificates = { 0 };
    buf_auto written = { 0 };
    struct bundle_page page;
    write_some(&certificates, &written);
    pb_put_bytes(&written, 7, lane);
    return bundle_page_read(buf_bytes(&written), &page);
}

Test(proof_bundle, lanes_that_cannot_be_are_refused)
{
    cr_expect(reads_with(qiao_bytes_from_string("\x08\x01\x10\x05")));
    cr_expect_not(reads_with(qiao_bytes_from_string("\x08\x03")), "there are three lanes");
    cr_expect_not(reads_with(qiao_bytes_from_string("\x22\x01X")), "a chain of one byte");
    cr_expect_not(reads_with(qiao_bytes_from_string("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")), "no sequence is that large");
}

Test(proof_bundle, a_page_names_both_sides)
{
    struct bundle_page page;
    buf_auto written = { 0 };
    pb_put_string(&written, 1, "street");
    cr_expect_not(bundle_page_read(buf_bytes(&written), &page));
    pb_put_string(&written, 4, "district");
    cr_expect(bundle_page_read(buf_bytes(&written), &page));
}
