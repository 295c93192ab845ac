#include "codec/share.h"

enum { BRANCH_NODE = 1, BRANCH_ABOVE, BRANCH_REGION };
enum { REGION_AREA = 1, REGION_HERE, REGION_EXCEPT };

static bool text_ok(struct qiao_bytes text, size_t size_max)
{
    return text.size <= size_max && utf8_valid(text) && (text.size == 0 || !memchr(text.data, '\0', text.size));
}

/* ---- reading ---- */

static bool next_message(struct pb_reader *reader, uint32_t number, struct pb_reader *ret_message)
{
    struct pb_field f;
    while (pb_next(reader, &f)) {
        if (f.number != number || f.type != PB_BYTES) continue;
        *ret_message = pb_reader(f.bytes);
        return true;
    }
    return false;
}

bool share_next_branch(struct pb_reader *reader, struct share_branch *ret)
{
    struct pb_field f;
    *ret = (struct share_branch){ 0 };
    if (!next_message(reader, 1, &ret->rest)) return false;
    for (struct pb_reader r = ret->rest; pb_next(&r, &f);) {
        if (f.number == BRANCH_NODE && f.type == PB_BYTES) ret->node = f.bytes;
        if (f.number == BRANCH_ABOVE && f.type == PB_VARINT) ret->above = f.value;
    }
    return true;
}

bool share_next_region(struct pb_reader *reader, struct share_region *ret)
{
    struct pb_field f;
    *ret = (struct share_region){ 0 };
    if (!next_message(reader, BRANCH_REGION, &ret->rest)) return false;
    for (struct pb_reader r = ret->rest; pb_next(&r, &f);) {
        if (f.number == REGION_AREA && f.type == PB_BYTES) ret->area = f.bytes;
        if (f.number == REGION_HERE && f.type == PB_VARINT) ret->here = f.value != 0;
    }
    return true;
}

bool share_next_except(struct pb_reader *reader, struct qiao_bytes *ret_area)
{
    struct pb_field f;
    while (pb_next(reader, &f)) {
        if (f.number != REGION_EXCEPT || f.type != PB_BYTES) continue;
        *ret_area = f.bytes;
        return true;
    }
    return false;
}

static bool region_is_sound(struct share_region *region)
{
    struct qiao_bytes area;
    struct pb_reader r = region->rest;
    while (share_next_except(&r, &area))
        if (!text_ok(area, QIAO_AREA_SIZE_MAX)) return false;
    return !r.failed && text_ok(region->area, QIAO_AREA_SIZE_MAX);
}

static bool branch_is_sound(struct share_branch *branch)
{
    struct share_region region;
    struct pb_reader r = branch->rest;
    while (share_next_region(&r, &region))
        if (!region_is_sound(&region)) return false;
    return !r.failed && branch->node.size > 0 && text_ok(branch->node, QIAO_NAME_SIZE_MAX);
}

bool share_is_sound(struct qiao_bytes share)
{
    struct share_branch branch;
    struct pb_reader r = pb_reader(share);
    uint64_t count = 0;
    if (share.size > QIAO_SHARE_SIZE_MAX) return false;
    for (; share_next_branch(&r, &branch); count++)
        if (!branch_is_sound(&branch) || (count > 0 && branch.above >= count)) return false;
    return !r.failed && count > 0;
}

/* ---- writing ---- */

void share_put_except(struct buf *region, struct qiao_bytes area)
{
    pb_put_bytes(region, REGION_EXCEPT, area);
}

void share_put_region(struct buf *branch, struct qiao_bytes area, bool here, const struct buf *excepts)
{
    buf_auto one = { 0 };
    pb_put_bytes(&one, REGION_AREA, area);
    pb_put_varint(&one, REGION_HERE, here);
    buf_append(&one, excepts->data, excepts->size);
    pb_put_bytes_head(branch, BRANCH_REGION, one.size);
    buf_append(branch, one.data, one.size);
}

void share_put_branch(struct buf *share, struct qiao_bytes node, uint64_t above, const struct buf *regions)
{
    buf_auto one = { 0 };
    pb_put_bytes(&one, BRANCH_NODE, node);
    pb_put_varint(&one, BRANCH_ABOVE, above);
    buf_append(&one, regions->data, regions->size);
    pb_put_bytes(share, 1, buf_bytes(&one));
}
