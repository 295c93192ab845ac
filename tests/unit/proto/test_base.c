#include "base/arena.h"
#include "base/buf.h"
#include "base/prng.h"

#include <criterion/criterion.h>
#include <qiao/err.h>
#include <qiao/id.h>

Test(arena, answers_null_beyond_its_bound_and_works_again_after_reset)
{
    struct arena arena;
    arena_init(&arena, 10000);
    for (int turn = 0; turn < 3; turn++) {
        size_t got = 0;
        while (arena_alloc(&arena, 100)) got++;
        cr_assert_geq(got, 80);
        cr_assert_leq(got, 100);
        arena_reset(&arena);
    }
    cr_assert_null(arena_alloc(&arena, 10001));
    cr_assert_not_null(arena_alloc(&arena, 10000));
    arena_deinit(&arena);
}

Test(arena, gives_aligned_memory_that_does_not_overlap)
{
    struct arena arena;
    uint8_t *at[200];
    arena_init(&arena, 1 << 20);
    for (int i = 0; i < 200; i++) {
        at[i] = arena_alloc(&arena, (size_t)i + 1);
        cr_assert_eq((uintptr_t)at[i] % 16, 0);
        memset(at[i], i, (size_t)i + 1);
    }
    for (int i = 0; i < 200; i++)
        for (int k = 0; k <= i; k++) cr_assert_eq(at[i][k], i);
    arena_deinit(&arena);
}

Test(buf, grows_and_hands_over)
{
    struct buf buf = { 0 };
    for (int i = 0; i < 1000; i++) buf_append(&buf, "abc", 3);
    size_t size;
    uint8_t *data = buf_take(&buf, &size);
    cr_assert_eq(size, 3000);
    cr_assert_arr_eq(data + 2997, "abc", 3);
    cr_assert_null(buf.data);
    free(data);
}

Test(buf, integers_are_big_endian)
{
    uint8_t bytes[8];
    put_u64(bytes, 0x0102030405060708u);
    for (int i = 0; i < 8; i++) cr_assert_eq(bytes[i], i + 1);
    cr_assert_eq(get_u64(bytes), 0x0102030405060708u);
    cr_assert_eq(get_u32(bytes), 0x01020304u);
    cr_assert_eq(get_u16(bytes), 0x0102u);
}

Test(prng, same_seed_same_numbers_other_seed_others)
{
    struct prng a, b, c;
    prng_init(&a, 1);
    prng_init(&b, 1);
    prng_init(&c, 2);
    uint64_t first = prng_next(&a);
    cr_assert_eq(first, prng_next(&b));
    cr_assert_neq(first, prng_next(&c));
    for (int i = 0; i < 1000; i++) cr_assert_lt(prng_below(&a, 7), 7);
}

Test(id, text_and_back)
{
    struct qiao_id id = qiao_id_make(1700000000000u, (const uint8_t *)"0123456789"), again;
    char text[QIAO_ID_TEXT_SIZE];
    qiao_id_format(&id, text);
    cr_assert_eq(strlen(text), 36);
    cr_assert_eq(text[14], '7');
    cr_assert(qiao_id_parse(text, &again));
    cr_assert(qiao_id_equal(&id, &again));
    for (size_t cut = 0; cut < 36; cut++) {
        char part[QIAO_ID_TEXT_SIZE];
        memcpy(part, text, cut);
        part[cut] = '\0';
        cr_assert_not(qiao_id_parse(part, &again), "%s", part);
    }
    text[0] = 'g';
    cr_assert_not(qiao_id_parse(text, &again));
}

Test(codes, names_are_found_again)
{
    cr_assert_str_eq(qiao_code_name(QIAO_CODE_NO_ROUTE), "NO_ROUTE");
    cr_assert_eq(qiao_code_from_name("NO_ROUTE"), QIAO_CODE_NO_ROUTE);
    cr_assert_eq(qiao_code_from_name("NO_SUCH_NAME"), -1);
    cr_assert_str_eq(qiao_code_name(99999), "UNKNOWN");
}
