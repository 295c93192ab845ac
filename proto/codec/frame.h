/* Frames on a byte stream: 'Q' 'i', version, type, payload length (4 bytes, big endian), payload. */
#ifndef CODEC_FRAME_H
#define CODEC_FRAME_H

#include "base/buf.h"

#define FRAME_HEAD_SIZE 8u
#define FRAME_VERSION 1u

enum frame_type {
    FRAME_HELLO = 1,
    FRAME_AUTH,
    FRAME_BATCH,
    FRAME_ACK,
    FRAME_VERDICTS,
    FRAME_PING,
    FRAME_PONG,
    FRAME_CLOSE,
    FRAME_ADMIN_REQUEST,
    FRAME_ADMIN_REPLY,
    FRAME_KEYS_WANTED,   /* KeysWanted: certificates of signers this side does not know */
    FRAME_KEYS,          /* Keys: the answer */
    FRAME_PART,          /* Part: of a batch */
    FRAME_ROUTES,        /* Routes: what the sender can reach, between nodes that both know LINK_FEATURE_ROUTES */
    FRAME_ATTACHMENT,    /* AttachmentWord, between a member and its node */
    FRAME_TYPE_COUNT,
};

struct frame {
    enum frame_type type;
    struct qiao_bytes payload;
};

enum frame_result { FRAME_MORE, FRAME_READY, FRAME_REJECT };

/* Looks for a frame at the start of bytes. MORE: *ret_size is how many bytes the frame needs in all, as far as known.
 * READY: *ret_frame borrows from bytes and *ret_size is the frame's size. REJECT: *ret_code is QIAO_CODE_FRAME_*. */
enum frame_result frame_parse(struct qiao_bytes bytes, size_t size_max, struct frame *ret_frame, size_t *ret_size, unsigned *ret_code);

/* Starts a frame at the end of buf; returns a mark for frame_end, which fills in the length. */
size_t frame_begin(struct buf *buf, enum frame_type type);
void frame_end(struct buf *buf, size_t mark);

/* Collects a stream into frames. */
struct frame_reader {
    struct buf partial; /* the start of a frame that has not come whole */
};

/* Called for each whole frame; returns false to stop (the connection is being closed). */
typedef bool (*frame_visit)(void *context, const struct frame *frame);

/* Feeds bytes; frames that lie whole within bytes are not copied. *size_max is read anew for each frame, since a link allows
 * more once it is up. Returns 0, or the code of a REJECT. */
unsigned frame_reader_feed(struct frame_reader *reader, struct qiao_bytes bytes, const size_t *size_max, frame_visit visit, void *context);
void frame_reader_deinit(struct frame_reader *reader);

#endif
