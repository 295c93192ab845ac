/* Files that travel beside messages: references in headers, and what two holders of files say to each other (schema/attachment.proto).
 * A file is cut into chunks of QIAO_ATTACHMENT_CHUNK_SIZE; its digest is the head of the Merkle tree over them (RFC 9162, 2.1), so that
 * each chunk can be checked when it comes. */
#ifndef CODEC_ATTACHMENT_H
#define CODEC_ATTACHMENT_H

#include "codec/pb.h"

#include <qiao/limits.h>

#define ATTACHMENT_DIGEST_SIZE 32u
#define ATTACHMENT_LEAF_SIZE 32u
#define ATTACHMENT_CHUNKS_MAX (QIAO_ATTACHMENT_SIZE_MAX / QIAO_ATTACHMENT_CHUNK_SIZE)
#define ATTACHMENT_WINDOW_CHUNKS 32u /* asked for and not here yet, at most, for one file */

struct attachment_ref {
    uint8_t digest[ATTACHMENT_DIGEST_SIZE];
    uint64_t size;
    unsigned suite; /* as in the header: 0 and 1 SHA-256, 2 SM3 */
};

/* False if it is not well formed, or the size or the suite is out of range. */
bool attachment_ref_read(struct qiao_bytes raw, struct attachment_ref *ret_ref);
/* Appends it as a field of that number. */
void attachment_ref_write(struct buf *buf, uint32_t number, const struct attachment_ref *ref);

static inline uint32_t attachment_chunks(uint64_t size)
{
    return (uint32_t)((size + QIAO_ATTACHMENT_CHUNK_SIZE - 1) / QIAO_ATTACHMENT_CHUNK_SIZE);
}

/* Bytes of a chunk; index < attachment_chunks(size). */
static inline uint32_t attachment_chunk_size(uint64_t size, uint32_t index)
{
    uint64_t left = size - (uint64_t)index * QIAO_ATTACHMENT_CHUNK_SIZE;
    return left < QIAO_ATTACHMENT_CHUNK_SIZE ? (uint32_t)left : QIAO_ATTACHMENT_CHUNK_SIZE;
}

enum attachment_word_type { ATTACHMENT_NOTHING, ATTACHMENT_OFFER, ATTACHMENT_WANT, ATTACHMENT_PART, ATTACHMENT_STATE, ATTACHMENT_WORD_TYPES };
enum attachment_state { ATTACHMENT_UNKNOWN, ATTACHMENT_WANTED, ATTACHMENT_WHOLE, ATTACHMENT_GONE, ATTACHMENT_BUSY, ATTACHMENT_STATES };

struct attachment_word {
    enum attachment_word_type type;
    uint8_t digest[ATTACHMENT_DIGEST_SIZE];
    uint32_t first, count;
    bool leaves;
    struct qiao_bytes data; /* borrowed */
    enum attachment_state state;
    uint64_t taken;
};

/* False if it is not well formed, or a number is out of range. */
bool attachment_word_read(struct qiao_bytes raw, struct attachment_word *ret_word);
void attachment_word_write(struct buf *buf, const struct attachment_word *word);

#endif
