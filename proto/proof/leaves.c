#include "proof/leaves.h"

bool leaves_fit(const struct seal *seal, const struct attachment_ref *ref, struct qiao_bytes leaves)
{
    struct merkle_log log = { .size = 0 };
    struct merkle_hash head;
    if (leaves.size != (size_t)attachment_chunks(ref->size) * ATTACHMENT_LEAF_SIZE) return false;
    for (size_t at = 0; at < leaves.size; at += ATTACHMENT_LEAF_SIZE) {
        struct merkle_hash leaf;
        memcpy(leaf.bytes, leaves.data + at, ATTACHMENT_LEAF_SIZE);
        merkle_log_add(seal, (enum seal_suite)ref->suite, &log, &leaf);
    }
    merkle_log_root(seal, (enum seal_suite)ref->suite, &log, &head);
    return memcmp(head.bytes, ref->digest, ATTACHMENT_DIGEST_SIZE) == 0;
}

bool leaves_has_chunk(const struct seal *seal, const struct attachment_ref *ref, const uint8_t *leaves, uint32_t index, struct qiao_bytes data)
{
    struct merkle_hash leaf;
    uint32_t chunks = attachment_chunks(ref->size);
    if (index >= chunks || data.size != attachment_chunk_size(ref->size, index)) return false;
    merkle_leaf(seal, (enum seal_suite)ref->suite, data, &leaf);
    const uint8_t *expected = chunks == 1 ? ref->digest : leaves + (size_t)index * ATTACHMENT_LEAF_SIZE;
    return memcmp(leaf.bytes, expected, ATTACHMENT_LEAF_SIZE) == 0;
}
