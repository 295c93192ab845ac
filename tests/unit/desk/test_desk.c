#include "desk/desk.h"
#include "desk/register.h"
#include "unit/csv/support.h"

#include <errno.h>
#include <qiao/err.h>

static bool load(struct desk_config *config, const char *text, char **ret_told)
{
    char path[] = "/tmp/qiao-desk-XXXXXX";
    size_t size = 0;
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    FILE *out = open_memstream(ret_told, &size);
    bool good = desk_config_load(config, path, out);
    fclose(out);
    unlink(path);
    return good;
}

Test(desk, the_sample_is_valid_and_decides_by_the_first_pattern)
{
    struct desk_config config;
    cr_assert(desk_config_load(&config, DESK_SAMPLE, stderr));
    cr_expect(desk_decide(&config, "WASTE.BULKY")->accept);
    cr_expect_not(desk_decide(&config, "LEAK.DWELLING")->accept);
    cr_expect_eq(desk_decide(&config, "LEAK.DWELLING")->code, QIAO_CODE_NOT_COMPETENT);
    cr_expect_str_eq(desk_decide(&config, "ANYTHING")->matter, "*");
    cr_expect_str_eq(desk_decide(&config, "")->matter, "*");
    desk_config_deinit(&config);
}

#define HEAD "member: m\nregister: { folder: f }\n"
static const struct { const char *text, *told; } bad[] = {
    { HEAD, "expected a list" },
    { HEAD "decisions: []\n", "expected a list" },
    { HEAD "decisions: [ { matter: A, verdict: accept } ]\n", "the last one must be" },
    { HEAD "decisions: [ { matter: \"*\", verdict: perhaps } ]\n", "expected accept or refuse" },
    { HEAD "decisions: [ { matter: \"*\", verdict: refuse, reason: r, code: NO_ROUTE } ]\n", "a member's refusal" },
    { HEAD "decisions: [ { matter: \"*\", verdict: refuse, code: NOT_COMPETENT } ]\n", "needs a reason" },
    { HEAD "decisions: [ { matter: \"*\", verdict: accept, mat: b } ]\n", "found \"mat\"" },
    { HEAD "decisions: [ { verdict: accept } ]\n", "needs matter" },
    { HEAD "decisions: [ x ]\n", "expected matter, verdict" },
    { "register: { folder: f }\ndecisions: [ { matter: \"*\", verdict: accept } ]\n", "member: missing" },
};

Test(desk, what_is_wrong_in_the_table_is_told)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct desk_config config;
        char *told = NULL;
        cr_expect_not(load(&config, bad[i].text, &told), "row %zu", i);
        cr_expect(strstr(told, bad[i].told), "row %zu: %s", i, told);
        desk_config_deinit(&config);
        free(told);
    }
}

static struct qiao_id id_of(unsigned number)
{
    uint8_t random[10] = { 0 };
    memcpy(random + 4, &number, sizeof number);
    return qiao_id_make(1000, random);
}

/* More entries than the first table holds, with ids that differ in few bits. */
Test(desk, the_register_knows_what_it_has_over_reopening)
{
    char *folder = make_folder(), path[256];
    snprintf(path, sizeof path, "%s/register.csv", folder);
    struct book book;
    cr_assert_eq(book_open(&book, folder, path), 0);
    for (unsigned i = 0; i < 3000; i++) {
        struct line line = { .entry = { .id = id_of(i), .accepted = i % 2, .code = i % 2 ? 0 : QIAO_CODE_NOT_COMPETENT }, .received_ms = 5, .sent_ms = 3,
                             .attempt = 1, .case_id = "c,\"1\"", .key = "k", .matter = "M", .area = "990101", .org = "o", .title = "t\nu" };
        cr_assert_eq(book_add(&book, &line), 0);
    }
    cr_assert_eq(book_sync(&book), 0);
    book_close(&book);
    cr_assert_eq(book_open(&book, folder, path), 0);
    cr_expect_eq(book.count, 3000u);
    for (unsigned i = 0; i < 3000; i++) {
        struct qiao_id id = id_of(i);
        const struct entry *entry = book_find(&book, &id);
        cr_assert_not_null(entry);
        cr_assert_eq(entry->accepted, i % 2 == 1);
        cr_assert_eq(entry->code, i % 2 ? 0u : (unsigned)QIAO_CODE_NOT_COMPETENT);
    }
    struct qiao_id other = id_of(3000);
    cr_expect_null(book_find(&book, &other));
    book_close(&book);
    remove_folder(folder);
}

Test(desk, a_damaged_register_is_told_and_a_torn_line_cut_off)
{
    char *folder = make_folder(), path[256];
    static const char torn[] = "received_ms,message_id\n5,01a2064c-";
    static const char damaged[] = "received_ms,message_id\n5,nonsense\n";
    snprintf(path, sizeof path, "%s/register.csv", folder);
    struct book book;
    write_file(folder, "register.csv", torn, sizeof torn - 1);
    cr_expect_eq(book_open(&book, folder, path), 0);
    cr_expect_eq(book.count, 0u);
    book_close(&book);
    write_file(folder, "register.csv", damaged, sizeof damaged - 1);
    cr_expect_eq(book_open(&book, folder, path), -EBADMSG);
    remove_folder(folder);
}
