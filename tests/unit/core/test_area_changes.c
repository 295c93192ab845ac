#include "core/area_changes.h"

#include "core/core.h"

#include <criterion/criterion.h>

static const char *check(uint8_t letter, size_t key_size, struct qiao_bytes value)
{
    uint8_t key[16] = { 'V', letter, 0, 0, 0, 0, 0, 0, 0, 7 };
    return core_check_record(qiao_bytes(key, key_size), value);
}

static const char *check_change(const Qiao__V1__AreaChange *record)
{
    uint8_t packed[256];
    return check('s', 10, qiao_bytes(packed, qiao__v1__area_change__pack(record, packed)));
}

Test(area_changes, a_record_comes_back_only_if_it_can_be_one)
{
    struct area_change change = { .number = 7, .from = { 1 }, .to = { 2 }, .parts = 3, .have = 5, .registrar = "990101/registry" };
    Qiao__V1__AreaChange good = area_change_tell(&change), record;
    cr_expect_null(check_change(&good));
    record = good, record.from.len = 31;
    cr_expect_not_null(check_change(&record));
    record = good, record.parts = AREA_DELTA_PARTS_MAX + 1;
    cr_expect_not_null(check_change(&record));
    record = good, record.have = 8; /* a fourth part of three */
    cr_expect_not_null(check_change(&record));
    record = good, record.parts = 0;
    cr_expect_not_null(check_change(&record));
    cr_expect_not_null(check('s', 9, qiao_bytes("", 0)));
    cr_expect_not_null(check('p', 11, qiao_bytes("\1x", 2)));
    cr_expect_not_null(check('c', 10, qiao_bytes("", 0)));
    cr_expect_not_null(check('q', 10, qiao_bytes("\1\2", 2)));
}

Test(area_changes, a_change_is_whole_when_each_part_is_there)
{
    struct area_change change = { .parts = 3, .have = 5 };
    cr_expect_not(area_change_is_whole(&change));
    change.have = 7;
    cr_expect(area_change_is_whole(&change));
    change = (struct area_change){ .parts = AREA_DELTA_PARTS_MAX, .have = UINT64_MAX };
    cr_expect(area_change_is_whole(&change));
    change = (struct area_change){ 0 };
    cr_expect_not(area_change_is_whole(&change));
}
