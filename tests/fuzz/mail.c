#include "mail.h"

#include <qiao/kind.h>

const struct mail_place mail_places[MAIL_PLACES] = {
    { "990101", "desk" }, { "990101", "office" }, { "990101001", "clinic" }, { "990102", "court" }, { "99", "bureau" },
    { "990101", "nobody" }, { "990101002", "lost" }, { "990101", "" }, { "990101/**", "" },
};

struct qiao_id mail_id(uint8_t number)
{
    struct qiao_id id = { { 1, 0x8c, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, number } };
    return id;
}

static void put_address(struct buf *out, const struct mail_place *place)
{
    address_write(out, qiao_bytes_from_string(place->area), qiao_bytes_from_string(place->org), qiao_bytes(NULL, 0));
}

bool mail_envelope(struct choices *c, uint8_t number, unsigned kind, int source, const struct seal *seal, struct buf *out)
{
    static const uint64_t expiries[] = { 0, 0, 0, 1, 1700000000500u, 1700000005000u, 1700000060000u, UINT64_MAX };
    static const char *const cases[] = { "", "C1", "C2", "C3" };
    uint8_t digest[32];
    buf_auto from = { 0 };
    buf_auto to = { 0 };
    unsigned destination = choose_below(c, MAIL_PLACES), origin = source >= 0 ? (unsigned)source : choose_below(c, MAIL_PLACES);
    put_address(&from, &mail_places[origin]);
    put_address(&to, &mail_places[destination]);
    unsigned shape = choose(c);
    struct qiao_bytes body = choose_bytes(c, shape & 15);
    struct envelope_draft draft = {
        .id = mail_id(number), .kind = kind, .schema_version = 1, .source = buf_bytes(&from), .destination = buf_bytes(&to),
        .case_id = qiao_bytes_from_string(cases[shape >> 4 & 3]), .sent_at_ms = 1700000000000u, .expires_at_ms = expiries[choose_below(c, 8)],
        .lane = shape >> 6 & 1, .privacy = destination == MAIL_PLACES - 1 ? 1 : 0, .body = body,
    };
    seal_digest(seal, SEAL_SUITE_NONE, body, digest);
    if (body.size > 0) draft.body_digest = qiao_bytes(digest, sizeof digest);
    envelope_write(out, &draft);
    return kind >= QIAO_KIND_PAYLOAD;
}

void mail_receipt(struct choices *c, const struct seal *seal, struct buf *out)
{
    buf_auto body = { 0 };
    buf_auto one = { 0 };
    buf_auto from = { 0 };
    buf_auto to = { 0 };
    uint8_t digest[32];
    unsigned recipient = choose_below(c, MAIL_PLACES), number = choose(c);
    put_address(&from, &mail_places[recipient]);
    put_address(&to, &mail_places[choose_below(c, MAIL_PLACES)]);
    pb_put_bytes(&body, 1, buf_bytes(&from));
    pb_put_fixed64(&body, 2, 1700000000400u);
    for (unsigned i = 0; i < 1 + number % 4; i++) {
        struct qiao_id id = mail_id(choose(c));
        one.size = 0;
        pb_put_bytes(&one, 1, qiao_bytes(id.bytes, QIAO_ID_SIZE));
        pb_put_varint(&one, 2, choose_below(c, 6));
        pb_put_varint(&one, 3, choose(c));
        pb_put_bytes(&body, 4, buf_bytes(&one));
    }
    seal_digest(seal, SEAL_SUITE_NONE, buf_bytes(&body), digest);
    struct envelope_draft draft = {
        .id = mail_id((uint8_t)number), .kind = QIAO_KIND_RECEIPT, .schema_version = 1, .source = buf_bytes(&from), .destination = buf_bytes(&to),
        .sent_at_ms = 1700000000400u, .body = buf_bytes(&body), .body_digest = qiao_bytes(digest, sizeof digest),
    };
    envelope_write(out, &draft);
}

void mail_entry(struct buf *entries, struct qiao_bytes raw)
{
    pb_put_bytes_head(entries, 1, raw.size);
    buf_append(entries, raw.data, raw.size);
}

void mail_frames(struct buf *from, size_t size_max, void (*visit)(void *, const struct frame *), void *context)
{
    struct buf said = *from; /* visiting may make the other side say more */
    struct qiao_bytes bytes = buf_bytes(&said);
    struct frame frame;
    size_t size;
    unsigned code;
    *from = (struct buf){ 0 };
    while (frame_parse(bytes, size_max, &frame, &size, &code) == FRAME_READY) {
        visit(context, &frame);
        bytes = qiao_bytes(bytes.data + size, bytes.size - size);
    }
    buf_deinit(&said);
}
