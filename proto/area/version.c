#include "area/version.h"

#include "base/buf.h"

/* Rows are digested so many bytes at a time, each time behind the digest of those before: a country's are 40 MB. */
#define STEP_SIZE (64u * 1024u)

static void put(struct buf *out, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    put_u64(bytes, value);
    buf_append(out, bytes + sizeof bytes - size, size);
}

static void put_text(struct buf *out, struct qiao_bytes text)
{
    put(out, text.size, 2);
    buf_append(out, text.data, text.size);
}

/* Big endian: code (8), level (1), parent if it was given, else 0 (8), first and last day (4 each), name, aliases, how many successors (2), of
 * each its code (8), relation (1) and share (2), how many other codes (2) and they (8 each). Texts behind their sizes (2). */
static void put_row(struct buf *out, const struct area_row *row)
{
    put(out, row->code.value, 8);
    put(out, row->level, 1);
    put(out, row->parent_is_given ? row->parent.value : 0, 8);
    put(out, (uint32_t)row->valid_from, 4);
    put(out, (uint32_t)row->valid_to, 4);
    put_text(out, row->name);
    put_text(out, row->aliases);
    put(out, row->successors_count, 2);
    for (size_t i = 0; i < row->successors_count; i++) {
        put(out, row->successors[i].code.value, 8);
        put(out, row->successors[i].relation, 1);
        put(out, row->successors[i].share, 2);
    }
    put(out, row->codes_count, 2);
    for (size_t i = 0; i < row->codes_count; i++) put(out, row->codes[i].value, 8);
}

void area_version(const struct area_table *table, area_digest digest, void *context, uint8_t ret_version[AREA_VERSION_SIZE])
{
    buf_auto rows = { 0 };
    memset(ret_version, 0, AREA_VERSION_SIZE);
    buf_append(&rows, ret_version, AREA_VERSION_SIZE);
    for (size_t i = 0, count = area_table_count(table); i < count; i++) {
        struct area_room room;
        struct area_row row;
        area_row_of(table, area_at(table, i), &room, &row);
        put_row(&rows, &row);
        if (rows.size < STEP_SIZE && i + 1 < count) continue;
        digest(context, buf_bytes(&rows), ret_version);
        rows.size = 0;
        buf_append(&rows, ret_version, AREA_VERSION_SIZE);
    }
}
