#include "base/text.h"
#include "csv/intake.h"
#include "csv/journal.h"
#include "csv/quarantine.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static const struct digest one = { { 1 } }, two = { { 2 } };

Test(csv_journal, remembers_over_reopening)
{
    char *folder = make_folder();
    struct journal journal;
    struct journal_file *file;
    cr_assert_eq(journal_open(&journal, folder), 0);
    uint8_t salt[16];
    memcpy(salt, journal.salt, 16);
    cr_assert_eq(journal_seen(&journal, &one, 1000, "name, with \"comma\".csv", &file), 0);
    cr_assert_eq(journal_through(&journal, file, 17), 0);
    cr_assert_eq(journal_seen(&journal, &two, 2000, "b", &file), 0);
    cr_assert_eq(journal_done(&journal, file, 5), 0);
    journal_close(&journal);
    cr_assert_eq(journal_open(&journal, folder), 0);
    cr_expect_eq(memcmp(salt, journal.salt, 16), 0);
    file = journal_find(&journal, &one);
    cr_assert_not_null(file);
    cr_expect_eq(file->state, JOURNAL_SEEN);
    cr_expect_eq(file->first_seen_ms, 1000u);
    cr_expect_eq(file->through, 17u);
    cr_expect_str_eq(file->name, "name, with \"comma\".csv");
    cr_expect_eq(journal_find(&journal, &two)->state, JOURNAL_DONE);
    journal_close(&journal);
    remove_folder(folder);
}

/* A crash may leave any prefix of the last line. */
Test(csv_journal, every_torn_tail_is_cut_off)
{
    char *folder = make_folder(), path[512];
    struct journal journal;
    struct journal_file *file;
    cr_assert_eq(journal_open(&journal, folder), 0);
    cr_assert_eq(journal_seen(&journal, &one, 1000, "a", &file), 0);
    journal_close(&journal);
    snprintf(path, sizeof path, "%s/journal", folder);
    char *whole = read_whole(path);
    size_t size = strlen(whole), salt_line = (size_t)(strchr(whole, '\n') - whole) + 1;
    for (size_t cut = salt_line; cut <= size; cut++) {
        write_file(folder, "journal", whole, cut);
        cr_assert_eq(journal_open(&journal, folder), 0, "cut at %zu", cut);
        cr_expect_eq(journal_find(&journal, &one) != NULL, cut == size, "cut at %zu", cut);
        cr_assert_eq(journal_seen(&journal, &two, 3, "c", &file), 0);
        journal_close(&journal);
        cr_assert_eq(journal_open(&journal, folder), 0, "cut at %zu, written on", cut);
        cr_expect_not_null(journal_find(&journal, &two));
        journal_close(&journal);
    }
    free(whole);
    remove_folder(folder);
}

Test(csv_journal, a_damaged_line_is_told_and_not_guessed)
{
    char *folder = make_folder();
    struct journal journal;
    write_file(folder, "journal", "adapter,00112233445566778899aabbccddeeff\nseen,zz,1,a\n", 53);
    cr_expect_eq(journal_open(&journal, folder), -EBADMSG);
    cr_expect_eq(journal.line_damaged, 2u);
    journal_close(&journal);
    remove_folder(folder);
}

Test(csv_journal, is_rewritten_when_it_has_grown_and_says_the_same)
{
    char *folder = make_folder(), path[512];
    struct journal journal;
    struct journal_file *file;
    cr_assert_eq(journal_open(&journal, folder), 0);
    cr_assert_eq(journal_seen(&journal, &one, 1000, "a", &file), 0);
    for (uint64_t row = 1; row <= 200; row++)
        cr_assert_eq(journal_through(&journal, file, row), 0);
    journal_close(&journal);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(journal_open(&journal, folder), 0);
        cr_expect_eq(journal_find(&journal, &one)->through, 200u);
        cr_expect_eq(journal_find(&journal, &one)->first_seen_ms, 1000u);
        journal_close(&journal);
    }
    snprintf(path, sizeof path, "%s/journal", folder);
    char *text = read_whole(path);
    cr_expect_lt(strlen(text), 400u);
    free(text);
    remove_folder(folder);
}

Test(csv_journal, ids_of_rows_depend_on_everything_that_names_a_row)
{
    const uint8_t salt[16] = { 1 }, other[16] = { 2 };
    struct qiao_id id = digest_row_id(salt, &one, 1000, 1), same = digest_row_id(salt, &one, 1000, 1);
    cr_expect(qiao_id_equal(&id, &same));
    struct qiao_id others[] = { digest_row_id(other, &one, 1000, 1), digest_row_id(salt, &two, 1000, 1), digest_row_id(salt, &one, 1001, 1),
                                digest_row_id(salt, &one, 1000, 2) };
    for (size_t i = 0; i < 4; i++)
        cr_expect_not(qiao_id_equal(&id, &others[i]), "%zu", i);
    cr_expect_eq(id.bytes[6] >> 4, 7, "version of the UUID");
}

Test(csv_quarantine, a_row_is_there_once_and_its_bytes_come_back)
{
    char *folder = make_folder(), path[512];
    struct quarantine quarantine;
    struct quarantine_entry entry = { "a,b.csv", 7, 6, "CHARSET", "why \"so\"\nhere", qiao_bytes("\xff\0x", 3) };
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(quarantine_open(&quarantine, folder, "a,b.csv", &one), 0);
        cr_expect_eq(quarantine_add(&quarantine, &entry), i == 0);
        cr_expect(quarantine_has(&quarantine, 6));
        cr_expect_not(quarantine_has(&quarantine, 5));
        cr_assert_eq(quarantine_sync(&quarantine), 0);
        quarantine_close(&quarantine);
    }
    snprintf(path, sizeof path, "%s/a,b.csv.010000000000.csv", folder);
    char *text = read_whole(path);
    cr_expect_str_eq(text, "file,line,row,reason,explanation,raw_base64\n\"a,b.csv\",7,6,CHARSET,\"why \"\"so\"\" here\",/wB4\n");
    free(text);
    cr_assert_eq(quarantine_open(&quarantine, folder, "empty", &two), 0);
    quarantine_close(&quarantine);
    snprintf(path, sizeof path, "%s/empty.020000000000.csv", folder);
    cr_expect_neq(access(path, F_OK), 0, "a file without rows is removed");
    remove_folder(folder);
}

struct place {
    char *root, drop[64], state[64], done[64];
};

static struct place make_place(void)
{
    struct place place = { .root = make_folder() };
    snprintf(place.drop, sizeof place.drop, "%s/drop", place.root);
    snprintf(place.state, sizeof place.state, "%s/state", place.root);
    snprintf(place.done, sizeof place.done, "%s/done", place.root);
    cr_assert_eq(mkdir(place.done, 0700), 0);
    cr_assert_eq(intake_prepare(place.drop, place.state), 0);
    return place;
}

Test(csv_intake, a_file_open_for_writing_is_left_alone)
{
    struct place place = make_place();
    struct digest digest;
    char path[128];
    write_file(place.drop, "a.csv", "x", 1);
    snprintf(path, sizeof path, "%s/a.csv", place.drop);
    int fd = open(path, O_WRONLY | O_APPEND);
    cr_expect_eq(intake_copy(place.drop, "a.csv", place.state, 100, &digest), INTAKE_WRITING);
    close(fd);
    cr_expect_eq(intake_copy(place.drop, "a.csv", place.state, 100, &digest), INTAKE_OK);
    cr_expect_eq(intake_copy(place.drop, "a.csv", place.state, 0, &digest), INTAKE_TOO_LARGE);
    cr_expect_eq(intake_copy(place.drop, "b.csv", place.state, 100, &digest), INTAKE_GONE);
    snprintf(path, sizeof path, "%s/a.csv.link", place.drop);
    cr_assert_eq(symlink("/etc/passwd", path), 0);
    cr_expect_eq(intake_copy(place.drop, "a.csv.link", place.state, 100, &digest), INTAKE_NO_FILE);
    remove_folder(place.root);
}

Test(csv_intake, what_took_the_name_meanwhile_stays)
{
    struct place place = make_place();
    struct digest digest;
    char path[128];
    write_file(place.drop, "a.csv", "old", 3);
    cr_assert_eq(intake_copy(place.drop, "a.csv", place.state, 100, &digest), INTAKE_OK);
    write_file(place.drop, "a.csv", "new", 3);
    cr_expect_eq(intake_retire(place.drop, "a.csv", &digest, place.done), INTAKE_CHANGED);
    snprintf(path, sizeof path, "%s/a.csv", place.drop);
    char *text = read_whole(path);
    cr_assert_not_null(text);
    cr_expect_str_eq(text, "new");
    free(text);
    write_file(place.drop, "a.csv", "old", 3);
    cr_expect_eq(intake_retire(place.drop, "a.csv", &digest, place.done), INTAKE_OK);
    write_file(place.drop, "a.csv", "old", 3);
    cr_expect_eq(intake_retire(place.drop, "a.csv", &digest, place.done), INTAKE_OK);
    snprintf(path, sizeof path, "%s/a.csv.2", place.done);
    cr_expect_eq(access(path, F_OK), 0, "the second is beside the first");
    cr_expect_eq(intake_retire(place.drop, "a.csv", &digest, place.done), INTAKE_GONE);
    remove_folder(place.root);
}

Test(csv_intake, what_a_crash_left_aside_comes_back)
{
    struct place place = make_place();
    char aside[128], path[128];
    snprintf(aside, sizeof aside, "%s/.leaving", place.drop);
    write_file(aside, "a.csv", "old", 3);
    write_file(place.drop, "a.csv", "new", 3);
    cr_assert_eq(intake_prepare(place.drop, place.state), 0);
    snprintf(path, sizeof path, "%s/a.csv.2", place.drop);
    cr_expect_eq(access(path, F_OK), 0);
    remove_folder(place.root);
}
