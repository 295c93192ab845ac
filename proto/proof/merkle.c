#include "proof/merkle.h"

void merkle_leaf(const struct seal *seal, enum seal_suite suite, struct qiao_bytes data, struct merkle_hash *ret_hash)
{
    const struct qiao_bytes parts[] = { qiao_bytes("\x00", 1), data };
    seal->digest(suite, parts, 2, ret_hash->bytes);
}

void merkle_node(const struct seal *seal, enum seal_suite suite, const struct merkle_hash *left, const struct merkle_hash *right, struct merkle_hash *ret_hash)
{
    const struct qiao_bytes parts[] = { qiao_bytes("\x01", 1), qiao_bytes(left->bytes, SEAL_DIGEST_SIZE), qiao_bytes(right->bytes, SEAL_DIGEST_SIZE) };
    seal->digest(suite, parts, 3, ret_hash->bytes);
}

size_t merkle_nodes_count(size_t leaves_count)
{
    size_t count = leaves_count;
    for (size_t level = leaves_count; level > 1; count += level) level = (level + 1) / 2;
    return count;
}

void merkle_build(const struct seal *seal, enum seal_suite suite, struct merkle_hash *nodes, size_t leaves_count)
{
    for (size_t level = leaves_count; level > 1; level = (level + 1) / 2) {
        struct merkle_hash *above = nodes + level;
        for (size_t i = 0; i + 1 < level; i += 2) merkle_node(seal, suite, &nodes[i], &nodes[i + 1], &above[i / 2]);
        if (level % 2 == 1) above[level / 2] = nodes[level - 1];
        nodes = above;
    }
}

unsigned merkle_path(const struct merkle_hash *nodes, size_t leaves_count, size_t index, const struct merkle_hash *ret_path[64])
{
    unsigned count = 0;
    for (size_t level = leaves_count; level > 1; level = (level + 1) / 2) {
        size_t sibling = index ^ 1;
        if (sibling < level) ret_path[count++] = &nodes[sibling];
        nodes += level;
        index /= 2;
    }
    return count;
}

bool merkle_root_of_path(const struct seal *seal, enum seal_suite suite, const struct merkle_hash *leaf, uint64_t index, uint64_t leaves_count,
                         const uint8_t *path, size_t path_count, size_t stride, struct merkle_hash *ret_root)
{
    struct merkle_hash at = *leaf;
    size_t used = 0;
    if (index >= leaves_count) return false;
    for (uint64_t level = leaves_count; level > 1; level = (level + 1) / 2) {
        struct merkle_hash sibling;
        if ((index ^ 1) < level) {
            if (used == path_count) return false;
            memcpy(sibling.bytes, path + stride * used++, SEAL_DIGEST_SIZE);
            merkle_node(seal, suite, index & 1 ? &sibling : &at, index & 1 ? &at : &sibling, &at);
        }
        index /= 2;
    }
    *ret_root = at;
    return used == path_count;
}

void merkle_log_add(const struct seal *seal, enum seal_suite suite, struct merkle_log *log, const struct merkle_hash *leaf)
{
    struct merkle_hash at = *leaf;
    for (uint64_t size = log->size; size & 1; size >>= 1) merkle_node(seal, suite, &log->peaks[--log->peaks_count], &at, &at);
    log->peaks[log->peaks_count++] = at;
    log->size++;
}

void merkle_log_root(const struct seal *seal, enum seal_suite suite, const struct merkle_log *log, struct merkle_hash *ret_root)
{
    if (log->peaks_count == 0) {
        seal_digest(seal, suite, qiao_bytes("", 0), ret_root->bytes);
        return;
    }
    struct merkle_hash at = log->peaks[log->peaks_count - 1];
    for (unsigned i = log->peaks_count - 1; i > 0; i--) merkle_node(seal, suite, &log->peaks[i - 1], &at, &at);
    *ret_root = at;
}
