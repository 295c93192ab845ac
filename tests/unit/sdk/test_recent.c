#include "sdk/recent.h"

#include <criterion/criterion.h>

static struct qiao_id id_of(uint32_t number)
{
    struct qiao_id id = { { 0 } };
    for (int i = 0; i < 4; i++) id.bytes[12 + i] = (uint8_t)(number >> (24 - 8 * i));
    return id;
}

Test(recent, knows_what_was_added_and_nothing_else)
{
    struct recent recent = { 0 };
    struct qiao_id one = id_of(1), other = id_of(2);
    cr_expect(!recent_has(&recent, &one));
    recent_add(&recent, &one);
    cr_expect(recent_has(&recent, &one));
    cr_expect(!recent_has(&recent, &other));
    recent_deinit(&recent);
    cr_expect(!recent_has(&recent, &one));
}

Test(recent, forgets_the_oldest_and_only_the_oldest)
{
    struct recent recent = { 0 };
    uint32_t added = 3 * RECENT_IDS + 7;
    for (uint32_t i = 0; i < added; i++) {
        struct qiao_id id = id_of(i);
        recent_add(&recent, &id);
    }
    for (uint32_t i = 0; i < added; i++) {
        struct qiao_id id = id_of(i);
        cr_assert_eq(recent_has(&recent, &id), i >= added - RECENT_IDS, "%u", i);
    }
    recent_deinit(&recent);
}
