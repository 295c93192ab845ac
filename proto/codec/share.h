/* Whom a copy of a message to an area set is for (schema Share): read field by field, without building a tree of objects. */
#ifndef CODEC_SHARE_H
#define CODEC_SHARE_H

#include "codec/pb.h"

#include <qiao/limits.h>

/* One node on the way, or the receiver itself, which comes first. */
struct share_branch {
    struct qiao_bytes node;
    uint64_t above;              /* which branch it hangs on, counted from 0 */
    struct pb_reader rest;       /* its regions: share_next_region */
};

/* What the branch's node answers for: all in the area, but for what lies in the others. */
struct share_region {
    struct qiao_bytes area;
    bool here;                   /* only the members of the node itself */
    struct pb_reader rest;       /* share_next_except */
};

/* Sizes, texts, and that each branch hangs on one before it. What is not sound is not read. */
bool share_is_sound(struct qiao_bytes share);
bool share_next_branch(struct pb_reader *reader, struct share_branch *ret_branch);
bool share_next_region(struct pb_reader *reader, struct share_region *ret_region);
bool share_next_except(struct pb_reader *reader, struct qiao_bytes *ret_area);

/* Writing, from the inside out: except, region, branch. */
void share_put_except(struct buf *region, struct qiao_bytes area);
void share_put_region(struct buf *branch, struct qiao_bytes area, bool here, const struct buf *excepts);
void share_put_branch(struct buf *share, struct qiao_bytes node, uint64_t above, const struct buf *regions);

#endif
