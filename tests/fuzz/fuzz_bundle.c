/* Pages of bundles by strangers: what is read, written again, reads the same, and nothing lies outside of the page. */
#include "fuzz.h"

#include "proof/bundle.h"

static void check_inside(struct qiao_bytes part, struct qiao_bytes whole)
{
    FUZZ_CHECK(part.size == 0 || (part.data >= whole.data && part.size <= whole.size && (size_t)(part.data - whole.data) <= whole.size - part.size));
}

static void check_certificates(const struct bundle_page *page, struct qiao_bytes whole)
{
    struct qiao_bytes certificate;
    size_t count = 0;
    for (size_t at = 0; bundle_next_certificate(page, &at, &certificate); count++) {
        check_inside(certificate, whole);
        FUZZ_CHECK(at <= page->certificates.size && count <= whole.size);
    }
}

static bool same(const struct bundle_page *a, const struct bundle_page *b)
{
    bool same = qiao_bytes_equal(a->from, b->from) && qiao_bytes_equal(a->area, b->area) && qiao_bytes_equal(a->to, b->to) && qiao_bytes_equal(a->frames, b->frames) &&
                a->incarnation == b->incarnation && a->to_incarnation == b->to_incarnation && a->made_at_ms == b->made_at_ms;
    for (unsigned lane = 0; lane < QIAO_LANES; lane++)
        same &= a->lanes[lane].received == b->lanes[lane].received && a->lanes[lane].next == b->lanes[lane].next &&
                qiao_bytes_equal(a->lanes[lane].next_chain, b->lanes[lane].next_chain);
    return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qiao_bytes bytes = qiao_bytes(data, size);
    struct bundle_page page, again;
    buf_auto written = { 0 };
    if (!bundle_page_read(bytes, &page)) return 0;
    check_inside(page.from, bytes);
    check_inside(page.frames, bytes);
    check_inside(page.certificates, bytes);
    check_certificates(&page, bytes);
    page.certificates.size = 0; /* what stands between them would come along */
    bundle_page_write(&page, &written);
    FUZZ_CHECK(bundle_page_read(buf_bytes(&written), &again) && same(&page, &again));
    return 0;
}
