#include "base/durable.h"
#include "unit/csv/support.h"

#include <errno.h>
#include <sys/resource.h>
#include <signal.h>

static int count_line(void *context, char *line)
{
    *(int *)context += line[0] == 'x';
    return strcmp(line, "stop") == 0 ? -EBADMSG : 0;
}

Test(durable, a_torn_last_line_is_cut_off_and_writing_goes_on_behind_the_whole_ones)
{
    char *folder = make_folder(), path[256];
    struct line_file file;
    int lines = 0;
    snprintf(path, sizeof path, "%s/f", folder);
    write_file(folder, "f", "x1\nx2\nx3 torn", 13);
    cr_assert_eq(line_file_open(&file, folder, path, count_line, &lines), 0);
    cr_expect_eq(lines, 2);
    cr_expect_not(file.fresh);
    cr_assert_eq(line_file_append(&file, qiao_bytes("x4\n", 3)), 0);
    cr_assert_eq(line_file_sync(&file), 0);
    line_file_close(&file);
    char *text = read_whole(path);
    cr_expect_str_eq(text, "x1\nx2\nx4\n");
    free(text);
    remove_folder(folder);
}

Test(durable, the_reader_of_lines_may_end_it)
{
    char *folder = make_folder(), path[256];
    struct line_file file;
    int lines = 0;
    snprintf(path, sizeof path, "%s/f", folder);
    write_file(folder, "f", "x\nstop\nx\n", 9);
    cr_expect_eq(line_file_open(&file, folder, path, count_line, &lines), -EBADMSG);
    cr_expect_eq(lines, 1);
    cr_expect_eq(file.fd, -1);
    remove_folder(folder);
}

/* A disk that takes half of a line: nothing of it may stay, or the next line would be glued to it. */
Test(durable, what_is_written_in_part_is_taken_back)
{
    char *folder = make_folder(), path[256];
    struct line_file file;
    struct rlimit limit = { 10, RLIM_INFINITY };
    signal(SIGXFSZ, SIG_IGN);
    snprintf(path, sizeof path, "%s/f", folder);
    cr_assert_eq(line_file_open(&file, folder, path, NULL, NULL), 0);
    cr_expect(file.fresh);
    cr_assert_eq(line_file_append(&file, qiao_bytes("first\n", 6)), 0);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_expect_eq(line_file_append(&file, qiao_bytes("second line\n", 12)), -EFBIG);
    limit.rlim_cur = RLIM_INFINITY;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(line_file_append(&file, qiao_bytes("third\n", 6)), 0);
    line_file_close(&file);
    char *text = read_whole(path);
    cr_expect_str_eq(text, "first\nthird\n");
    free(text);
    remove_folder(folder);
}
