#include "proof/audit.h"

void audit_statement(struct buf *buf, enum seal_suite suite, const struct audit_head *head)
{
    uint8_t suites[2] = { (uint8_t)suite, (uint8_t)head->log_suite }, number[8];
    buf_append(buf, "qiao audit 1", 13);
    buf_append(buf, suites, sizeof suites);
    put_u16(number, (uint16_t)strlen(head->node));
    buf_append(buf, number, 2);
    buf_append(buf, head->node, strlen(head->node));
    put_u64(number, head->size);
    buf_append(buf, number, sizeof number);
    buf_append(buf, head->root.bytes, SEAL_DIGEST_SIZE);
    put_u64(number, head->at_ms);
    buf_append(buf, number, sizeof number);
}
