/* Any bytes are taken as a change of a table of areas, or refused with a reason; what came of one is a table, and the way to it and back can be
 * written down again. */
#include "fuzz.h"

#include "area/delta.h"
#include "area/load.h"
#include "codec/pb.h"

static void digest(void *context, struct qiao_bytes data, uint8_t ret_digest[AREA_VERSION_SIZE])
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    (void)context;
    for (size_t i = 0; i < data.size; i++) h = (h ^ data.data[i]) * UINT64_C(0x100000001b3);
    for (size_t k = 0; k < 4; k++) memcpy(ret_digest + 8 * k, &h, 8);
}

static struct area_table *apply(const struct area_table *table, const struct area_delta *delta, struct arena *arena)
{
    Qiao__V1__AreaDelta *parts[AREA_DELTA_PARTS_MAX];
    char why[AREA_DELTA_WHY_SIZE];
    for (size_t i = 0; i < delta->parts_count; i++) {
        FUZZ_CHECK(area_delta_check(&delta->parts[i]) == NULL);
        parts[i] = &delta->parts[i];
    }
    return area_delta_apply(table, parts, delta->parts_count, arena, why);
}

static void check_way(const struct area_table *from, const struct area_table *to)
{
    struct area_delta delta;
    struct arena arena;
    uint8_t versions[2][AREA_VERSION_SIZE];
    arena_init(&arena, SIZE_MAX);
    FUZZ_CHECK(area_delta_make(from, to, digest, NULL, &arena, &delta));
    struct area_table *made = apply(from, &delta, &arena);
    FUZZ_CHECK(made && area_table_count(made) == area_table_count(to));
    area_version(made, digest, NULL, versions[0]);
    area_version(to, digest, NULL, versions[1]);
    FUZZ_CHECK(memcmp(versions[0], versions[1], AREA_VERSION_SIZE) == 0);
    area_table_free(made);
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char csv[] = "code,name,valid_to,successors,aliases\n9901,city\n990101,a\n990102,b,2026-01-01,990101,x|990177\n990101001,street\n990101001001,community\n";
    struct arena arena;
    struct area_errors errors = { 0 };
    char why[AREA_DELTA_WHY_SIZE];
    arena_init(&arena, 16u * 1024u * 1024u);
    struct area_table *table = area_load(qiao_bytes_from_string(csv), CHARSET_UTF_8, &errors);
    Qiao__V1__AreaDelta *part = pb_depth_ok(qiao_bytes(data, size)) ? qiao__v1__area_delta__unpack(&arena.protobuf, size, data) : NULL;
    FUZZ_CHECK(table && errors.total == 0);
    if (part && area_delta_check(part) == NULL) {
        struct area_table *new = area_delta_apply(table, &part, 1, &arena, why);
        FUZZ_CHECK(new || why[0] != '\0');
        if (new) check_way(table, new);
        if (new) check_way(new, table);
        area_table_free(new);
    }
    area_table_free(table);
    arena_deinit(&arena);
    return 0;
}
