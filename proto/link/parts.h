/* Batches in pieces. On a line that is not fast a batch goes out in parts of a few kilobytes, so that what is urgent comes between them,
 * and so that a cut loses only what was under way: what has come of a batch stays in memory at the receiver, which says in the next
 * handshake how much it has, and the sender goes on behind that.
 *
 *   Part { lane, first_sequence, count, size, offset, bytes }: size is the payload's of the BATCH frame that the parts make up. */
#ifndef LINK_PARTS_H
#define LINK_PARTS_H

#include "base/buf.h"
#include "seal/seal.h"

struct link;

/* Of a batch that has come in part. */
struct link_part {
    uint64_t first_sequence;
    uint32_t count;
    size_t size;                  /* of the whole; 0: there is none */
    struct buf bytes;             /* the first of it; owned */
};

/* What the peer has of a batch, as it said in the handshake. */
struct link_held {
    uint64_t first_sequence;
    uint32_t count;
    uint64_t size, bytes;
    uint8_t digest[SEAL_DIGEST_SIZE]; /* SHA-256 of these bytes (with seal_null: its own) */
};

/* A batch that is going out in parts. */
struct link_rest {
    uint64_t first_sequence;
    uint32_t count;
    size_t sent;
    size_t before;                /* bytes of it that earlier links handed out */
    struct buf payload;           /* owned; empty: there is none */
};

void link_part_deinit(struct link_part *part);
/* The peer is not proved when it is told of the part, and an older link may still bring more of it: each link has its own. */
struct link_part link_part_copy(const struct link_part *part);
/* Moves it; `from` is empty afterwards. */
struct link_part link_part_take(struct link_part *from);

/* How much of this payload the peer has already. */
size_t parts_held(const struct link *link, unsigned lane, uint64_t first_sequence, uint32_t count, struct qiao_bytes payload);

/* A PART frame. 0, or the QIAO_CODE_* to end the link with. *ret_whole is the batch's payload when this was its last part, borrowed until
 * the next frame; else empty. */
unsigned parts_receive(struct link *link, struct qiao_bytes frame, struct qiao_bytes *ret_whole);

/* Writes the next part of the lane's rest, at most size_max bytes of it. Returns the bytes written, head included. */
size_t parts_send(struct link *link, unsigned lane, size_t size_max, struct buf *out);

#endif
