/* Whom a copy of a message to an area set is for, as bytes. */
#include "codec/envelope.h"
#include "codec/share.h"

#include <criterion/criterion.h>
#include <qiao/err.h>

static struct qiao_bytes text(const char *string) { return qiao_bytes_from_string(string); }

static void put_branch(struct buf *share, const char *node, uint64_t above, const char *area, const char *except)
{
    buf_auto excepts = { 0 };
    buf_auto regions = { 0 };
    if (except) share_put_except(&excepts, text(except));
    if (area) share_put_region(&regions, text(area), false, &excepts);
    share_put_branch(share, text(node), above, &regions);
}

Test(share, branches_and_their_regions_are_read_as_they_were_written)
{
    buf_auto share = { 0 };
    struct share_branch b;
    struct share_region region;
    struct qiao_bytes area;
    put_branch(&share, "west", 0, "990203", "990203001");
    put_branch(&share, "south", 0, NULL, NULL);
    put_branch(&share, "east", 1, "", NULL);
    cr_assert(share_is_sound(buf_bytes(&share)));
    struct pb_reader r = pb_reader(buf_bytes(&share));
    cr_assert(share_next_branch(&r, &b) && qiao_bytes_equal(b.node, text("west")) && b.above == 0);
    cr_assert(share_next_region(&b.rest, &region) && qiao_bytes_equal(region.area, text("990203")) && !region.here);
    cr_assert(share_next_except(&region.rest, &area) && qiao_bytes_equal(area, text("990203001")) && !share_next_except(&region.rest, &area));
    cr_assert(share_next_branch(&r, &b) && qiao_bytes_equal(b.node, text("south")) && !share_next_region(&b.rest, &region));
    cr_assert(share_next_branch(&r, &b) && b.above == 1 && share_next_region(&b.rest, &region) && region.area.size == 0, "an area that is everything");
    cr_assert(!share_next_branch(&r, &b) && !r.failed);
}

Test(share, what_is_not_sound_is_refused)
{
    static const struct { const char *node, *area, *except; uint64_t above; } bad[] = {
        { "", "990203", NULL, 0 },                                                  /* nobody */
        { "far", "990203", NULL, 1 },                                               /* hangs on itself */
        { "far", "990203", NULL, 7 },                                               /* or on one behind it */
        { "far", "990203001001990203001001990203001001", NULL, 0 },                 /* longer than an area */
        { "far", "990203", "990203001001990203001001990203001001", 0 },
        { "\xff\xfe", "990203", NULL, 0 },                                          /* no text */
        { "a-name-that-is-longer-than-any-node-may-have-since-it-goes-on-and-on-x", "990203", NULL, 0 },
    };
    cr_assert(!share_is_sound(text("")), "nothing");
    cr_assert(!share_is_sound(text("\x0a\x7f")), "cut off");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        buf_auto share = { 0 };
        put_branch(&share, "west", 0, "990203", NULL);
        cr_assert(share_is_sound(buf_bytes(&share)));
        put_branch(&share, bad[i].node, bad[i].above, bad[i].area, bad[i].except);
        cr_assert(!share_is_sound(buf_bytes(&share)), "row %zu", i);
    }
}

Test(share, more_than_fits_beside_a_message_is_refused)
{
    buf_auto share = { 0 };
    while (share.size <= QIAO_SHARE_SIZE_MAX) {
        cr_assert(share.size == 0 || share_is_sound(buf_bytes(&share)));
        put_branch(&share, "west", 0, "990203", NULL);
    }
    cr_assert(!share_is_sound(buf_bytes(&share)));
}

static void write_message(struct buf *raw, const struct transit_note *first, const struct transit_note *second)
{
    buf_auto source = { 0 };
    buf_auto destination = { 0 };
    address_write(&source, text("990101"), text("office"), text(""));
    address_write(&destination, text("99/**"), text(""), text(""));
    struct envelope_draft draft = { .id = { { 1 } }, .kind = 500, .source = buf_bytes(&source), .destination = buf_bytes(&destination), .body = text("notice") };
    envelope_write(raw, &draft);
    envelope_put_hop(raw, text("north"), 1, text(""));
    envelope_put_note(raw, first);
    envelope_put_note(raw, second);
}

Test(share, the_last_one_beside_a_message_counts_and_is_left_out_alone)
{
    buf_auto raw = { 0 };
    buf_auto bare = { 0 };
    buf_auto first = { 0 };
    buf_auto second = { 0 };
    buf_auto plain = { 0 };
    struct envelope e;
    put_branch(&first, "west", 0, "990203", NULL);
    put_branch(&second, "south", 0, "990202", NULL);
    struct transit_note notes[] = { { .shared = true, .share = buf_bytes(&first) }, { .share = buf_bytes(&second) } };
    write_message(&raw, &notes[0], &notes[1]);
    cr_assert_eq(envelope_open(buf_bytes(&raw), &e), QIAO_CODE_OK);
    cr_assert(e.note.shared && qiao_bytes_equal(e.note.share, buf_bytes(&second)));
    envelope_put_without_share(&bare, buf_bytes(&raw));
    write_message(&plain, &(struct transit_note){ .shared = true }, &(struct transit_note){ 0 });
    cr_assert(qiao_bytes_equal(buf_bytes(&bare), buf_bytes(&plain)), "every other byte as it was");
    cr_assert_eq(envelope_note_size(&notes[0]), raw.size - plain.size - envelope_note_size(&notes[1]) + envelope_note_size(&(struct transit_note){ .shared = true }));
}

Test(share, a_message_with_a_broken_share_is_malformed)
{
    buf_auto raw = { 0 };
    struct envelope e;
    write_message(&raw, &(struct transit_note){ .share = text("\x0a\x7f") }, &(struct transit_note){ 0 });
    cr_assert_eq(envelope_open(buf_bytes(&raw), &e), QIAO_CODE_MALFORMED);
}
