/* Stands in for Criterion in builds with ThreadSanitizer, under which Criterion 2.4 cannot start (its arena and the sanitizer want
 * the same addresses). Only what our tests use: Test with .init, .fini, .timeout, and the basic assertions. Each test runs in a
 * process of its own, one after the other. Put this folder first on the include path and add runner.c. */
#ifndef SUPPORT_PLAIN_CRITERION_H
#define SUPPORT_PLAIN_CRITERION_H

#include <stdio.h>
#include <string.h>

struct plain_options {
    void (*init)(void);
    void (*fini)(void);
    double timeout;
};

struct plain_test {
    struct plain_test *next;
    const char *suite, *name;
    void (*run)(void);
    struct plain_options options;
};

void plain_add(struct plain_test *test);
/* Notes a failure; a fatal one ends the test's process. The format may be empty. */
void plain_check(int holds, int fatal, const char *file, int line, const char *condition, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

#define Test(Suite, Name, ...)                                                                                    \
    static void Suite##_##Name##_run(void);                                                                       \
    __attribute__((constructor)) static void Suite##_##Name##_add(void)                                           \
    {                                                                                                             \
        static struct plain_test test = { NULL, #Suite, #Name, Suite##_##Name##_run, { __VA_ARGS__ } };           \
        plain_add(&test);                                                                                         \
    }                                                                                                             \
    static void Suite##_##Name##_run(void)

#define cr_assert(Condition, ...) plain_check(!!(Condition), 1, __FILE__, __LINE__, #Condition, "" __VA_ARGS__)
#define cr_expect(Condition, ...) plain_check(!!(Condition), 0, __FILE__, __LINE__, #Condition, "" __VA_ARGS__)
#define cr_assert_str_eq(A, B, ...) cr_assert(strcmp((A), (B)) == 0, ##__VA_ARGS__)
#define cr_expect_str_eq(A, B, ...) cr_expect(strcmp((A), (B)) == 0, ##__VA_ARGS__)

#endif
