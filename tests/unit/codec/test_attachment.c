#include "codec/attachment.h"

#include <criterion/criterion.h>

static const struct attachment_ref good = { .digest = { 1, 2, 3 }, .size = 100000, .suite = 2 };

static struct qiao_bytes content_of(const struct buf *field)
{
    struct pb_reader r = pb_reader(buf_bytes(field));
    struct pb_field f;
    cr_assert(pb_next(&r, &f) && f.number == 29 && f.type == PB_BYTES);
    struct pb_field more;
    cr_assert(!pb_next(&r, &more) && !r.failed, "the length before it is right");
    return f.bytes;
}

Test(attachment, a_reference_is_read_as_it_was_written)
{
    static const uint64_t sizes[] = { 1, 127, 128, 16383, 16384, 1u << 21, QIAO_ATTACHMENT_SIZE_MAX };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (unsigned suite = 0; suite < 3; suite++) {
            buf_auto buf = { 0 };
            struct attachment_ref ref = good, read;
            ref.size = sizes[i];
            ref.suite = suite;
            attachment_ref_write(&buf, 29, &ref);
            cr_assert(attachment_ref_read(content_of(&buf), &read));
            cr_assert(memcmp(read.digest, ref.digest, sizeof ref.digest) == 0 && read.size == ref.size && read.suite == suite);
        }
}

Test(attachment, a_reference_without_digest_or_size_or_with_too_much_is_refused)
{
    static const struct { uint64_t size; unsigned suite; size_t digest_size; } bad[] = {
        { 0, 0, 32 }, { QIAO_ATTACHMENT_SIZE_MAX + 1ull, 0, 32 }, { UINT64_MAX, 0, 32 }, { 1, 3, 32 }, { 1, 0, 31 }, { 1, 0, 0 },
    };
    static const uint8_t digest[32] = { 9 };
    struct attachment_ref read;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        buf_auto buf = { 0 };
        pb_put_bytes(&buf, 1, qiao_bytes(digest, bad[i].digest_size));
        pb_put_varint(&buf, 2, bad[i].size);
        pb_put_varint(&buf, 3, bad[i].suite);
        cr_assert(!attachment_ref_read(buf_bytes(&buf), &read), "row %zu", i);
    }
    cr_assert(!attachment_ref_read(qiao_bytes("\x0a", 1), &read), "cut off");
}

Test(attachment, a_word_is_read_as_it_was_written_and_not_when_cut)
{
    struct attachment_word word = { .type = ATTACHMENT_PART, .digest = { 7 }, .first = 8191, .count = 32, .leaves = true, .data = { (const uint8_t *)"bytes", 5 },
                                    .state = ATTACHMENT_BUSY, .taken = UINT64_MAX }, read;
    buf_auto buf = { 0 };
    attachment_word_write(&buf, &word);
    cr_assert(attachment_word_read(buf_bytes(&buf), &read));
    cr_assert(read.type == word.type && read.first == 8191 && read.count == 32 && read.leaves && read.state == ATTACHMENT_BUSY && read.taken == UINT64_MAX);
    cr_assert(qiao_bytes_equal(read.data, word.data) && read.digest[0] == 7);
    for (size_t size = 0; size < 36; size++) cr_assert(!attachment_word_read(qiao_bytes(buf.data, size), &read), "%zu bytes of it", size);
}

Test(attachment, numbers_out_of_range_are_refused)
{
    static const struct { uint32_t field; uint64_t value; } bad[] = { { 1, 5 }, { 3, 8193 }, { 4, 33 }, { 5, 2 }, { 7, 5 }, { 4, UINT64_MAX } };
    static const uint8_t digest[32] = { 9 };
    struct attachment_word read;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        buf_auto buf = { 0 };
        pb_put_bytes(&buf, 2, qiao_bytes(digest, 32));
        pb_put_varint(&buf, bad[i].field, bad[i].value);
        cr_assert(!attachment_word_read(buf_bytes(&buf), &read), "row %zu", i);
    }
}

Test(attachment, chunks_cover_the_file_exactly)
{
    static const uint64_t sizes[] = { 1, 32767, 32768, 32769, 65536, QIAO_ATTACHMENT_SIZE_MAX };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t sum = 0;
        for (uint32_t k = 0; k < attachment_chunks(sizes[i]); k++) sum += attachment_chunk_size(sizes[i], k);
        cr_assert_eq(sum, sizes[i]);
    }
    cr_assert_eq(attachment_chunks(QIAO_ATTACHMENT_SIZE_MAX), ATTACHMENT_CHUNKS_MAX);
}
