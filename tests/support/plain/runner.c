#include "criterion/criterion.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* NNG counts references with atomics the sanitizer does not see, for it watches our code only: it takes the destruction of
 * a lock of NNG for a race with its last use. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:pthread_mutex_destroy\n";
}

static struct plain_test *tests;
static int failures;

void plain_add(struct plain_test *test)
{
    test->next = tests;
    tests = test;
}

void plain_check(int holds, int fatal, const char *file, int line, const char *condition, const char *format, ...)
{
    if (holds)
        return;
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s:%d: %s\n    ", file, line, condition);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    failures++;
    if (fatal)
        _exit(1);
}

static void run_here(const struct plain_test *test)
{
    alarm(test->options.timeout > 0 ? (unsigned)test->options.timeout : 120);
    if (test->options.init)
        test->options.init();
    test->run();
    if (test->options.fini)
        test->options.fini();
    exit(failures > 0);
}

static int run(const struct plain_test *test)
{
    int status = 0;
    fflush(NULL);
    pid_t process = fork();
    if (process == 0)
        run_here(test);
    waitpid(process, &status, 0);
    printf("%s %s.%s\n", status == 0 ? "ok  " : "FAIL", test->suite, test->name);
    return status != 0;
}

/* Arguments that are no options choose the tests whose suite or name begins so. */
static int chosen(const struct plain_test *test, int count, char **words)
{
    int any = 0, match = 0;
    for (int i = 1; i < count; i++) {
        if (words[i][0] == '-')
            continue;
        any = 1;
        match |= strncmp(test->suite, words[i], strlen(words[i])) == 0 || strncmp(test->name, words[i], strlen(words[i])) == 0;
    }
    return match || !any;
}

int main(int count, char **words)
{
    int failed = 0;
    for (const struct plain_test *test = tests; test; test = test->next)
        if (chosen(test, count, words))
            failed += run(test);
    printf("%d failed\n", failed);
    return failed > 0;
}
