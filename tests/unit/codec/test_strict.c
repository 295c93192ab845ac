/* Envelopes that two readers could read in two ways are refused. Found by tests/fuzz/fuzz_envelope.c. */
#include "codec/envelope.h"

#include <criterion/criterion.h>
#include <qiao/err.h>

static void put_text(struct buf *out, uint32_t number, const char *text)
{
    pb_put_string(out, number, text);
}

static void put_sound_header(struct buf *out)
{
    static const uint8_t id[QIAO_ID_SIZE] = { 1 };
    buf_auto address = { 0 };
    address_write(&address, qiao_bytes_from_string("990101"), qiao_bytes_from_string("desk"), qiao_bytes(NULL, 0));
    pb_put_bytes(out, 1, qiao_bytes(id, sizeof id));
    pb_put_varint(out, 2, 200);
    pb_put_bytes(out, 5, buf_bytes(&address));
    put_text(out, 6, "C1");
}

static unsigned open_with(const struct buf *header, const struct buf *transit, struct envelope *e)
{
    static struct buf raw; /* the views of *e lie in it */
    raw.size = 0;
    pb_put_bytes(&raw, 1, buf_bytes(header));
    if (transit) pb_put_bytes(&raw, 4, buf_bytes(transit));
    return envelope_open(buf_bytes(&raw), e);
}

Test(codec_strict, the_sound_header_is_taken)
{
    buf_auto header = { 0 };
    struct envelope e;
    put_sound_header(&header);
    cr_assert_eq(open_with(&header, NULL, &e), QIAO_CODE_OK);
    cr_assert(qiao_bytes_equal(e.header.case_id, qiao_bytes_from_string("C1")));
}

/* Readers that merge see area and organisation of two addresses; readers that take the last see one. */
Test(codec_strict, no_field_of_a_header_stands_twice)
{
    for (int twice = 0; twice < 4; twice++) {
        buf_auto header = { 0 };
        struct envelope e;
        put_sound_header(&header);
        if (twice == 0) pb_put_varint(&header, 2, 200);
        if (twice == 1) pb_put_bytes(&header, 5, qiao_bytes("\x0a\x02" "99", 4));
        if (twice == 2) put_text(&header, 6, "C2");
        if (twice == 3) pb_put_bytes(&header, 1, qiao_bytes("0123456789abcdef", 16));
        cr_expect_eq(open_with(&header, NULL, &e), QIAO_CODE_MALFORMED, "case %d", twice);
    }
}

Test(codec_strict, the_legal_basis_repeats)
{
    buf_auto header = { 0 };
    struct envelope e;
    put_sound_header(&header);
    for (int i = 0; i < 3; i++) pb_put_bytes(&header, 17, qiao_bytes("\x0a\x01" "a", 3));
    cr_assert_eq(open_with(&header, NULL, &e), QIAO_CODE_OK);
}

/* "C1" and "C1\0x" would be one case to a member and two to the node. */
Test(codec_strict, texts_have_no_nul)
{
    static const uint32_t texts[] = { 6, 10, 24 };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        buf_auto header = { 0 };
        struct envelope e;
        put_sound_header(&header);
        header.size -= 4; /* without the case id */
        pb_put_bytes(&header, texts[i], qiao_bytes("C1\0x", 4));
        cr_expect_eq(open_with(&header, NULL, &e), QIAO_CODE_MALFORMED, "field %u", texts[i]);
    }
}

/* What a sender hides in an address as fields of a newer version costs every node that keeps and shows it. */
Test(codec_strict, addresses_are_small)
{
    for (int large = 0; large < 2; large++) {
        buf_auto header = { 0 };
        buf_auto address = { 0 };
        struct envelope e;
        put_sound_header(&header);
        address_write(&address, qiao_bytes_from_string("990101"), qiao_bytes_from_string("desk"), qiao_bytes(NULL, 0));
        while (address.size + 2 <= QIAO_ADDRESS_SIZE_MAX) pb_put_varint(&address, 9, 1);
        if (large) pb_put_varint(&address, 9, 1);
        pb_put_bytes(&header, 4, buf_bytes(&address));
        cr_expect_eq(open_with(&header, NULL, &e), large ? QIAO_CODE_MALFORMED : QIAO_CODE_OK);
    }
}

Test(codec_strict, transit_has_its_types)
{
    buf_auto header = { 0 };
    buf_auto transit = { 0 };
    struct envelope e;
    put_sound_header(&header);
    pb_put_varint(&transit, 2, 3);
    cr_assert_eq(open_with(&header, &transit, &e), QIAO_CODE_OK);
    cr_expect_eq(e.attempt, 3u);
    pb_put_varint(&transit, 1, 1); /* a hop that is a number */
    cr_expect_eq(open_with(&header, &transit, &e), QIAO_CODE_MALFORMED);
}
