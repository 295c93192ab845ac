/* store_check counts records, and finds what the rules say is wrong. */
#include "store/array.h"
#include "store/check.h"
#include "support.h"
#include <criterion/criterion.h>
#include <stdlib.h>

static char *report_text;
static size_t report_size;

static int check(struct store *store, const struct store_check_rule *rules, size_t rule_count)
{
    FILE *report;
    int problems;

    free(report_text);
    report = open_memstream(&report_text, &report_size);
    problems = store_check(store, rules, rule_count, report, true);
    fclose(report);
    return problems;
}

static void fini(void)
{
    free(report_text);
    test_directory_remove();
}

static const char *check_four_bytes(struct qiao_bytes key, struct qiao_bytes value)
{
    (void)key;
    return value.size == 4 ? NULL : "is not four bytes";
}

static const struct store_check_rule rules[] = { { 'A', "fours", check_four_bytes }, { 'B', "others", NULL } };

TestSuite(store_check, .fini = fini);

Test(store_check, a_good_store_has_no_problem_and_is_counted)
{
    struct store *store = test_open(&store_engine_lmdb, NULL, 0);

    for (unsigned i = 0; i < 250; i++) {
        put(store, numbered("A", i), filled(i, 4));
        put(store, numbered("B", i), filled(i, 3000));
    }
    store_refresh(store);
    cr_assert_eq(check(store, rules, 2), 0, "%s", report_text);
    cr_assert(strstr(report_text, "500 records, 0 problems"), "%s", report_text);
    cr_assert(strstr(report_text, "prefix 41 fours"), "%s", report_text);
    cr_assert(strstr(report_text, "prefix 42 others"), "%s", report_text);
    store_close(store);
}

Test(store_check, each_bad_record_is_a_problem_with_its_key)
{
    struct store *store = test_open(&store_engine_array, NULL, 0);

    put(store, text("A1"), filled(1, 4));
    put(store, text("A2"), filled(1, 5));
    put(store, text("C3"), filled(1, 4));
    store_refresh(store);
    cr_assert_eq(check(store, rules, 2), 2);
    cr_assert(strstr(report_text, "problem: key 4132: is not four bytes"), "%s", report_text);
    cr_assert(strstr(report_text, "problem: key 4333: no kind of record begins like this"), "%s", report_text);
    cr_assert_eq(check(store, NULL, 0), 0);
    store_close(store);
}

Test(store_check, problems_beyond_a_hundred_are_counted_only)
{
    struct store *store = test_open(&store_engine_array, NULL, 0);

    for (unsigned i = 0; i < 150; i++)
        put(store, numbered("A", i), text("bad"));
    store_refresh(store);
    cr_assert_eq(check(store, rules, 2), 150);
    cr_assert(strstr(report_text, "and 50 more problems"), "%s", report_text);
    store_close(store);
}

/* An engine whose scan is out of order and whose get finds something else: what a damaged index looks like. */
static void wrong_scan(struct store *store, struct qiao_bytes from, struct qiao_bytes to, store_visit visit, void *context)
{
    (void)store;
    (void)from;
    (void)to;
    if (visit(context, text("B2"), text("x")) && visit(context, text("B1"), text("x")))
        visit(context, qiao_bytes(NULL, 0), text("x"));
}

static bool wrong_get(struct store *store, struct qiao_bytes key, struct qiao_bytes *ret_value)
{
    (void)store;
    *ret_value = text("y");
    return qiao_bytes_equal(key, text("B1"));
}

Test(store_check, a_damaged_index_shows)
{
    static const struct store_engine wrong_engine = { .name = "wrong", .scan = wrong_scan, .get = wrong_get };
    struct store store = { &wrong_engine };

    cr_assert_eq(check(&store, rules, 2), 4, "%s", report_text);
    cr_assert(strstr(report_text, "4232: is in the scan but is not found by its key"), "%s", report_text);
    cr_assert(strstr(report_text, "4231: is out of order"), "%s", report_text);
    cr_assert(strstr(report_text, "4231: has another value"), "%s", report_text);
    cr_assert(strstr(report_text, "has a size no key can have"), "%s", report_text);
}
