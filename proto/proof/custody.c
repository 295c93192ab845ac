#include "proof/custody.h"

void custody_chain_add(const struct seal *seal, enum seal_suite suite, struct merkle_hash *chain, uint32_t count, const struct merkle_hash *hash)
{
    uint8_t number[4];
    put_u32(number, count);
    const struct qiao_bytes parts[] = { qiao_bytes("\x02", 1), qiao_bytes(chain->bytes, SEAL_DIGEST_SIZE), qiao_bytes(number, 4), qiao_bytes(hash->bytes, SEAL_DIGEST_SIZE) };
    seal->digest(suite, parts, 4, chain->bytes);
}

static void put_number(struct buf *buf, uint64_t number)
{
    uint8_t bytes[8];
    put_u64(bytes, number);
    buf_append(buf, bytes, sizeof bytes);
}

static void put_text(struct buf *buf, const char *text)
{
    uint8_t size[2];
    put_u16(size, (uint16_t)strlen(text));
    buf_append(buf, size, sizeof size);
    buf_append(buf, text, strlen(text));
}

void custody_statement(struct buf *buf, enum seal_suite suite, const struct custody *c)
{
    uint8_t suite_byte = (uint8_t)suite, lane = (uint8_t)c->lane;
    buf_append(buf, "qiao custody 1", 15);
    buf_append(buf, &suite_byte, 1);
    put_text(buf, c->receiver);
    put_text(buf, c->sender);
    buf_append(buf, &lane, 1);
    put_number(buf, c->sequence);
    buf_append(buf, c->chain.bytes, SEAL_DIGEST_SIZE);
    put_number(buf, c->at_ms);
    put_number(buf, c->audit_size);
    buf_append(buf, c->audit_root.bytes, SEAL_DIGEST_SIZE);
}
