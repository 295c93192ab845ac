#include "codec/run.h"

#include "schema/link.pb-c.h"

#include <criterion/criterion.h>
#include <qiao/limits.h>

static void put_entry(struct buf *buf, const char *text)
{
    pb_put_bytes_head(buf, 1, strlen(text));
    buf_append(buf, text, strlen(text));
}

Test(run, what_is_built_is_opened)
{
    buf_auto buf = { 0 };
    run_begin(&buf);
    put_entry(&buf, "first");
    put_entry(&buf, "");
    put_entry(&buf, "third");
    run_put_head(&buf, 3, 1, 1700000000000u);
    struct run_view run;
    cr_assert(run_open(buf_bytes(&buf), &run));
    cr_assert_eq(run.count, 3);
    cr_assert_eq(run.ended, 1);
    cr_assert_eq(run.expires_at_ms, 1700000000000u);
    static const char *const expected[] = { "first", "", "third" };
    struct pb_reader r = pb_reader(run.entries);
    struct qiao_bytes entry = { 0 };
    for (size_t i = 0; i < 3; i++) {
        cr_assert(run_next(&r, &entry));
        cr_assert(qiao_bytes_equal(entry, qiao_bytes_from_string(expected[i])));
    }
    cr_assert_not(run_next(&r, &entry));
}

Test(run, less_than_a_head_or_nothing_in_it_is_no_run)
{
    uint8_t zeros[RUN_HEAD_SIZE + 4] = { 0 };
    struct run_view run;
    for (size_t size = 0; size <= sizeof zeros; size++) cr_assert_not(run_open(qiao_bytes(zeros, size), &run));
}

static void put_batch(struct buf *buf, unsigned lane, uint64_t first, uint32_t count, unsigned entries)
{
    batch_put_fields(buf, lane, first, count);
    for (unsigned i = 0; i < entries; i++) put_entry(buf, "message");
}

Test(batch, what_is_built_is_opened_here_and_by_protobuf_c)
{
    buf_auto buf = { 0 };
    struct batch_view batch;
    put_batch(&buf, 2, 77, 3, 3);
    cr_assert(batch_open(buf_bytes(&buf), &batch));
    cr_assert(batch.lane == 2 && batch.first_sequence == 77 && batch.count == 3);
    Qiao__V1__Batch *theirs = qiao__v1__batch__unpack(NULL, buf.size, buf.data);
    cr_assert_not_null(theirs);
    cr_assert(theirs->n_envelopes == 3 && (int)theirs->lane == 2 && theirs->first_sequence == 77 && theirs->count == 3);
    qiao__v1__batch__free_unpacked(theirs, NULL);
}

Test(batch, what_does_not_add_up_is_refused)
{
    static const struct { unsigned lane; uint64_t first; uint32_t count; unsigned entries; } wrong[] = {
        { 0, 1, 0, 0 }, { 0, 1, 1, 0 }, { 0, 1, 2, 1 }, { 0, 1, 1, 2 }, { 0, 0, 1, 1 }, { 4, 1, 1, 1 }, { 0, UINT64_MAX, 1, 1 }, { 0, UINT64_MAX / 2 + 1, 1, 1 },
    };
    struct batch_view batch;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        buf_auto buf = { 0 };
        put_batch(&buf, wrong[i].lane, wrong[i].first, wrong[i].count, wrong[i].entries);
        cr_assert_not(batch_open(buf_bytes(&buf), &batch), "case %zu", i);
    }
    buf_auto good = { 0 };
    put_batch(&good, 3, UINT64_MAX / 2, 1, 1);
    cr_assert(batch_open(buf_bytes(&good), &batch));
}

Test(batch, every_prefix_is_refused)
{
    buf_auto buf = { 0 };
    struct batch_view batch;
    put_batch(&buf, 1, 300, 4, 4);
    for (size_t size = 0; size < buf.size; size++) cr_assert_not(batch_open(qiao_bytes(buf.data, size), &batch), "prefix of %zu", size);
}

Test(batch, fields_of_the_wrong_type_are_refused)
{
    struct batch_view batch;
    for (uint32_t number = 1; number < 5; number++) {
        buf_auto buf = { 0 };
        put_batch(&buf, 1, 1, 1, 1);
        pb_put_fixed64(&buf, number, 1);
        cr_assert_not(batch_open(buf_bytes(&buf), &batch), "field %u", number);
    }
    buf_auto newer = { 0 };
    put_batch(&newer, 1, 1, 1, 1);
    pb_put_string(&newer, 99, "of a newer version");
    cr_assert(batch_open(buf_bytes(&newer), &batch));
}
