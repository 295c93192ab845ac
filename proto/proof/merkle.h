/* Merkle trees as in RFC 9162, 2.1: a leaf is hash(0x00 || data), a node hash(0x01 || left || right), and the left subtree holds the
 * largest power of two smaller than the number of leaves. Built level by level, the last odd node moves up: the same tree. */
#ifndef PROOF_MERKLE_H
#define PROOF_MERKLE_H

#include "seal/seal.h"

struct merkle_hash {
    uint8_t bytes[SEAL_DIGEST_SIZE];
};

void merkle_leaf(const struct seal *seal, enum seal_suite suite, struct qiao_bytes data, struct merkle_hash *ret_hash);
void merkle_node(const struct seal *seal, enum seal_suite suite, const struct merkle_hash *left, const struct merkle_hash *right, struct merkle_hash *ret_hash);

/* Nodes of all levels together. */
size_t merkle_nodes_count(size_t leaves_count);
/* nodes has merkle_nodes_count entries and starts with the leaves; the levels above are filled in. The last node is the root. */
void merkle_build(const struct seal *seal, enum seal_suite suite, struct merkle_hash *nodes, size_t leaves_count);
/* The siblings from leaf to root (RFC 9162, 2.1.3) as pointers into nodes; returns their number, at most 64. */
unsigned merkle_path(const struct merkle_hash *nodes, size_t leaves_count, size_t index, const struct merkle_hash *ret_path[64]);
/* RFC 9162, 2.1.3.2. path is path_count hashes, each `stride` bytes behind the one before. False if it is not the length that such a leaf's path has. */
bool merkle_root_of_path(const struct seal *seal, enum seal_suite suite, const struct merkle_hash *leaf, uint64_t index, uint64_t leaves_count,
                         const uint8_t *path, size_t path_count, size_t stride, struct merkle_hash *ret_root);

/* A log that grows: the roots of its complete subtrees, largest first. */
struct merkle_log {
    uint64_t size;
    struct merkle_hash peaks[64];
    unsigned peaks_count;
};

void merkle_log_add(const struct seal *seal, enum seal_suite suite, struct merkle_log *log, const struct merkle_hash *leaf);
/* The root of an empty log is the hash of nothing (RFC 9162, 2.1.1). */
void merkle_log_root(const struct seal *seal, enum seal_suite suite, const struct merkle_log *log, struct merkle_hash *ret_root);

#endif
