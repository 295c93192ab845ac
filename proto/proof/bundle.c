#include "proof/bundle.h"

#include "codec/pb.h"

/* ---- pages ---- */

static void put_lane(struct buf *out, unsigned lane, const struct bundle_lane *from)
{
    buf_auto packed = { 0 };
    pb_put_varint(&packed, 1, lane);
    pb_put_varint(&packed, 2, from->received);
    pb_put_varint(&packed, 3, from->next);
    pb_put_bytes(&packed, 4, from->next_chain);
    pb_put_bytes(out, 7, buf_bytes(&packed));
}

void bundle_page_write(const struct bundle_page *page, struct buf *out)
{
    pb_put_bytes(out, 1, page->from);
    pb_put_bytes(out, 2, page->area);
    pb_put_fixed64(out, 3, page->incarnation);
    pb_put_bytes(out, 4, page->to);
    pb_put_fixed64(out, 5, page->to_incarnation);
    pb_put_fixed64(out, 6, page->made_at_ms);
    for (unsigned lane = 0; lane < QIAO_LANES; lane++) put_lane(out, lane, &page->lanes[lane]);
    buf_append(out, page->certificates.data, page->certificates.size);
    pb_put_bytes(out, 9, page->frames);
}

static bool read_lane(struct qiao_bytes bytes, struct bundle_page *page)
{
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    uint64_t numbers[4] = { 0 };
    struct qiao_bytes chain = { 0 };
    while (pb_next(&r, &f)) {
        if (f.number >= 1 && f.number <= 3 && f.type == PB_VARINT) numbers[f.number] = f.value;
        if (f.number == 4 && f.type == PB_BYTES) chain = f.bytes;
    }
    if (r.failed || numbers[1] >= QIAO_LANES || (chain.size != 0 && chain.size != SEAL_DIGEST_SIZE)) return false;
    if (numbers[2] > UINT64_MAX / 2 || numbers[3] > UINT64_MAX / 2) return false;
    page->lanes[numbers[1]] = (struct bundle_lane){ numbers[2], numbers[3], chain };
    return true;
}

bool bundle_page_read(struct qiao_bytes bytes, struct bundle_page *page)
{
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    const uint8_t *before = bytes.data;
    bool sound = true;
    *page = (struct bundle_page){ 0 };
    struct qiao_bytes *const texts[] = { [1] = &page->from, [2] = &page->area, [4] = &page->to, [9] = &page->frames };
    uint64_t *const numbers[] = { [3] = &page->incarnation, [5] = &page->to_incarnation, [6] = &page->made_at_ms };
    while (sound && pb_next(&r, &f)) {
        if (f.number < sizeof texts / sizeof texts[0] && texts[f.number]) *texts[f.number] = f.type == PB_BYTES ? f.bytes : (struct qiao_bytes){ 0 };
        if (f.number < sizeof numbers / sizeof numbers[0] && numbers[f.number]) *numbers[f.number] = f.value;
        if (f.number == 7) sound = f.type == PB_BYTES && read_lane(f.bytes, page);
        if (f.number == 8) { /* they stand in a row */
            if (page->certificates.size == 0) page->certificates.data = before;
            page->certificates.size = (size_t)(r.at - page->certificates.data);
        }
        before = r.at;
    }
    return sound && !r.failed && page->from.size > 0 && page->to.size > 0;
}

void bundle_put_certificate(struct buf *certificates, struct qiao_bytes certificate)
{
    pb_put_bytes(certificates, 8, certificate);
}

bool bundle_next_certificate(const struct bundle_page *page, size_t *at, struct qiao_bytes *ret_certificate)
{
    if (*at >= page->certificates.size) return false;
    struct pb_reader r = pb_reader(qiao_bytes(page->certificates.data + *at, page->certificates.size - *at));
    struct pb_field f;
    if (!pb_next(&r, &f) || f.number != 8 || f.type != PB_BYTES) return false;
    *at = (size_t)(r.at - page->certificates.data);
    *ret_certificate = f.bytes;
    return true;
}

/* ---- signed and wrapped ---- */

static void statement(struct qiao_bytes page, struct buf *out)
{
    static const char words[] = "qiao bundle page";
    buf_append(out, words, sizeof words);
    buf_append(out, page.data, page.size);
}

unsigned bundle_close(const struct seal *seal, const struct seal_key_id *to, struct qiao_bytes page, struct buf *out, struct seal_identity *ret_holder)
{
    buf_auto words = { 0 };
    buf_auto whole = { 0 };
    buf_auto certificate = { 0 };
    struct seal_key_id key_id;
    uint8_t signature[SEAL_SIGNATURE_SIZE];
    statement(page, &words);
    if (seal->sign(seal->context, buf_bytes(&words), &key_id, signature) != 0 || !seal->certificate(seal->context, &key_id, &certificate)) return QIAO_CODE_SIGNATURE;
    pb_put_bytes(&whole, 1, page);
    pb_put_varint(&whole, 2, seal->suite);
    pb_put_bytes(&whole, 3, qiao_bytes(key_id.bytes, sizeof key_id.bytes));
    pb_put_bytes(&whole, 4, qiao_bytes(signature, sizeof signature));
    pb_put_bytes(&whole, 5, buf_bytes(&certificate));
    return seal->wrap(seal->context, to, buf_bytes(&whole), out, ret_holder);
}

unsigned bundle_open(const struct seal *seal, struct qiao_bytes wrapped, uint64_t now_ms, struct buf *out, struct seal_identity *ret_signer, unsigned *ret_suite,
                     struct seal_key_id *ret_key_id)
{
    buf_auto whole = { 0 };
    buf_auto words = { 0 };
    struct qiao_bytes parts[6] = { { 0 } };
    struct pb_field f;
    unsigned code = seal->unwrap(seal->context, wrapped, &whole);
    if (code != QIAO_CODE_OK) return code;
    struct pb_reader r = pb_reader(buf_bytes(&whole));
    *ret_suite = SEAL_SUITE_NONE;
    while (pb_next(&r, &f)) {
        if (f.number < 6 && f.type == PB_BYTES) parts[f.number] = f.bytes;
        if (f.number == 2 && f.type == PB_VARINT && f.value < SEAL_SUITES) *ret_suite = (unsigned)f.value;
    }
    if (r.failed || parts[3].size != SEAL_KEY_ID_SIZE) return QIAO_CODE_BUNDLE;
    memcpy(ret_key_id->bytes, parts[3].data, SEAL_KEY_ID_SIZE);
    struct seal_key_id shown;
    code = seal->learn(seal->context, parts[5], &shown);
    statement(parts[1], &words);
    if (code == QIAO_CODE_OK) code = seal->verify(seal->context, (enum seal_suite)*ret_suite, ret_key_id, now_ms, buf_bytes(&words), parts[4], ret_signer);
    if (code == QIAO_CODE_OK) buf_append(out, parts[1].data, parts[1].size);
    return code;
}
