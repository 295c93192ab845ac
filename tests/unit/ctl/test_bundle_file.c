/* Files of bundles: written part by part, broken off, gone on with, cut short. */
#include "bundle_file.h"

#include "command.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/qiao-bundle-XXXXXX";
static char growing[128], whole[128];

static void enter(void)
{
    cr_assert(mkdtemp(folder));
    snprintf(growing, sizeof(growing), "%s/b.part", folder);
    snprintf(whole, sizeof(whole), "%s/b", folder);
}

static void leave(void)
{
    unlink(growing);
    unlink(whole);
    rmdir(folder);
}

TestSuite(bundle_file, .init = enter, .fini = leave);

static void add(struct bundle_file *file, uint64_t number)
{
    uint8_t bytes[300] = { (uint8_t)number };
    struct bundle_part part = { .wrapped = bytes, .wrapped_size = sizeof(bytes), .next = { number, 1u << 20, UINT64_MAX / 2 }, .messages = 3 };

    cr_assert_eq(bundle_file_add(file, &part), CTL_OK);
}

static void expect_parts(const char *path, uint32_t parts)
{
    struct bundle_file file;
    struct bundle_part part;

    cr_assert_eq(bundle_file_open(&file, path), CTL_OK);
    cr_expect_str_eq(file.from, "street");
    cr_expect_str_eq(file.to, "district");
    cr_expect_eq(file.made_at_ms, 1700000000000);
    for (uint32_t i = 0; i < parts; i++) {
        cr_assert_eq(bundle_file_next(&file, &part), 1);
        cr_expect_eq(part.wrapped_size, 300);
        cr_expect_eq(part.wrapped[0], i);
        cr_expect_eq(part.next[0], i);
        cr_expect_eq(part.next[1], 1u << 20);
        cr_expect_eq(part.next[2], UINT64_MAX / 2);
    }
    cr_expect_eq(bundle_file_next(&file, &part), 0);
    cr_expect(file.whole);
    cr_expect_eq(file.messages, 3 * parts);
    bundle_file_close(&file);
}

static void begin(struct bundle_file *file, uint32_t parts)
{
    cr_assert_eq(bundle_file_create(file, growing, "street", "district", 1700000000000), CTL_OK);
    for (uint32_t i = 0; i < parts; i++)
        add(file, i);
}

Test(bundle_file, what_was_written_is_read)
{
    struct bundle_file file;

    begin(&file, 3);
    cr_assert_eq(bundle_file_finish(&file, whole), CTL_OK);
    bundle_file_close(&file);
    cr_expect_neq(access(growing, F_OK), 0);
    expect_parts(whole, 3);
}

Test(bundle_file, one_that_was_broken_off_goes_on_behind_its_last_whole_part)
{
    struct bundle_file file;
    off_t end;

    begin(&file, 3);
    end = ftell(file.file);
    bundle_file_close(&file);
    cr_assert_eq(truncate(growing, end - 7), 0);
    cr_assert_eq(bundle_file_go_on(&file, growing), CTL_OK);
    cr_expect_eq(file.parts, 2);
    cr_expect_eq(file.next[0], 1);
    add(&file, 2);
    add(&file, 3);
    cr_assert_eq(bundle_file_finish(&file, whole), CTL_OK);
    bundle_file_close(&file);
    expect_parts(whole, 4);
}

/* At no length is a cut file taken for a whole one, nor more read of it than was written. */
Test(bundle_file, a_cut_file_is_not_whole)
{
    struct bundle_file file;
    long size;

    begin(&file, 2);
    cr_assert_eq(bundle_file_finish(&file, whole), CTL_OK);
    size = ftell(file.file);
    bundle_file_close(&file);
    while (--size > 0) {
        struct bundle_part part;
        int result = 1;
        cr_assert_eq(truncate(whole, size), 0);
        if (bundle_file_open(&file, whole) == CTL_OK)
            while (result == 1)
                result = bundle_file_next(&file, &part);
        cr_expect_not(file.whole, "%ld bytes", size);
        cr_expect_leq(file.parts, 2);
        bundle_file_close(&file);
    }
}
