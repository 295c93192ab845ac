#include "options.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct values {
    const char *to;
    const char *file;
    uint64_t count, size, wait_ms;
    unsigned lane;
    bool quick;
    struct option_list parts;
};

static const char *const lanes[] = { "normal", "urgent", "bulk", NULL };

static const struct option_spec specs[] = {
    { .name = "to", .letter = 't', .type = OPTION_TEXT, .offset = offsetof(struct values, to), .placeholder = "ADDRESS", .help = "where to", .required = true },
    { .name = "file", .type = OPTION_FILE, .offset = offsetof(struct values, file), .placeholder = "FILE", .help = "a file", .environment = "CTL_TEST_FILE" },
    { .name = "count", .letter = 'n', .type = OPTION_NUMBER, .offset = offsetof(struct values, count), .placeholder = "N", .help = "how many", .min = 1, .max = 100, .standard = "10" },
    { .name = "size", .type = OPTION_SIZE, .offset = offsetof(struct values, size), .placeholder = "BYTES", .help = "how large", .min = 32 },
    { .name = "wait", .type = OPTION_DURATION, .offset = offsetof(struct values, wait_ms), .placeholder = "DURATION", .help = "how long", .environment = "CTL_TEST_WAIT" },
    { .name = "lane", .letter = 'l', .type = OPTION_CHOICE, .offset = offsetof(struct values, lane), .help = "which", .choices = lanes, .standard = "urgent" },
    { .name = "quick", .letter = 'q', .type = OPTION_FLAG, .offset = offsetof(struct values, quick), .help = "no waiting" },
    { .name = "part", .letter = 'p', .type = OPTION_FILES, .offset = offsetof(struct values, parts), .placeholder = "PART", .help = "files" },
};

static char error[OPTIONS_ERROR_SIZE];

/* Words end with NULL. */
static int parse(struct values *values, bool stop_at_word, char **words)
{
    struct option_set set = { specs, sizeof(specs) / sizeof(specs[0]), values };
    int count = 0;

    memset(values, 0, sizeof(*values));
    *error = '\0';
    while (words[count])
        count++;
    cr_assert(options_prepare(&set, error), "%s", error);
    return options_parse(&set, 1, count, words, stop_at_word, error);
}

#define WORDS(...) ((char **)(const char *[]){ "qiao", __VA_ARGS__, NULL })

Test(options, values_come_from_line_environment_and_standard_in_this_order)
{
    struct values values;

    setenv("CTL_TEST_FILE", "from-environment", 1);
    cr_assert_eq(parse(&values, false, WORDS("--to", "a/b")), 3);
    cr_assert_str_eq(values.to, "a/b");
    cr_assert_str_eq(values.file, "from-environment");
    cr_assert(values.count == 10 && values.lane == 1 && !values.quick);
    parse(&values, false, WORDS("--file=x", "-n5", "-ql", "bulk", "--size", "1k", "--wait", "2m"));
    cr_assert_str_eq(values.file, "x");
    cr_assert(values.count == 5 && values.lane == 2 && values.quick && values.size == 1024 && values.wait_ms == 120000);
}

Test(options, a_list_keeps_all_in_order_and_has_an_end)
{
    char *words[2 * OPTION_LIST_MAX + 4] = { (char *)"qiao" };
    struct values values;

    parse(&values, false, WORDS("-p", "a", "--part=b", "word", "--part", "c"));
    cr_assert_eq(values.parts.count, 3);
    cr_assert(!strcmp(values.parts.items[0], "a") && !strcmp(values.parts.items[1], "b") && !strcmp(values.parts.items[2], "c"));
    for (int i = 0; i <= OPTION_LIST_MAX; i++) {
        words[2 * i + 1] = (char *)"--part";
        words[2 * i + 2] = (char *)"x";
    }
    cr_assert_eq(parse(&values, false, words), -1);
    cr_assert(strstr(error, "--part may be given at most 16 times"), "%s", error);
    words[2 * OPTION_LIST_MAX + 1] = NULL;
    cr_assert(parse(&values, false, words) > 0 && values.parts.count == OPTION_LIST_MAX);
}

Test(options, words_may_stand_between_options_unless_the_first_ends_them)
{
    struct values values;
    char **words = WORDS("one", "-q", "two");

    cr_assert_eq(parse(&values, false, words), 2);
    cr_assert_str_eq(words[2], "one");
    cr_assert(values.quick);
    cr_assert_eq(parse(&values, true, WORDS("one", "-q")), 1);
    cr_assert_not(values.quick);
    cr_assert_eq(parse(&values, false, WORDS("--", "-q")), 2);
    cr_assert_not(values.quick);
}

static const struct {
    const char *words[3];
    const char *said; /* part of the sentence: the name, the value and the cure */
} mistakes[] = {
    { { "--tto", "x" }, "--tto; did you mean --to?" },
    { { "--zzzzzz" }, "unknown option --zzzzzz" },
    { { "-z" }, "unknown option -z" },
    { { "--to" }, "option --to needs a value: --to ADDRESS" },
    { { "-n" }, "option --count needs a value" },
    { { "--quick=yes" }, "--quick takes no value" },
    { { "--count", "0" }, "--count is 0 but must be from 1 to 100" },
    { { "--count", "101" }, "from 1 to 100" },
    { { "--count", "ten" }, "--count is \"ten\" but must be a whole number" },
    { { "--count", "-1" }, "whole number" },
    { { "--size", "31" }, "--size is 31 but must be at least 32 bytes" },
    { { "--wait", "soon" }, "must be a duration such as" },
    { { "--lane", "fast" }, "--lane is \"fast\" but must be one of normal|urgent|bulk" },
};

Test(options, every_mistake_names_the_option_the_value_and_the_cure)
{
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct values values;
        cr_assert_eq(parse(&values, false, WORDS(mistakes[i].words[0], mistakes[i].words[1])), -1, "%s", mistakes[i].said);
        cr_assert(strstr(error, mistakes[i].said), "\"%s\" does not say \"%s\"", error, mistakes[i].said);
    }
}

Test(options, nonsense_in_the_environment_names_the_variable)
{
    struct values values = { 0 };
    struct option_set set = { specs, sizeof(specs) / sizeof(specs[0]), &values };

    setenv("CTL_TEST_WAIT", "later", 1);
    cr_assert_not(options_prepare(&set, error));
    cr_assert(strstr(error, "CTL_TEST_WAIT") && strstr(error, "later"), "%s", error);
    setenv("CTL_TEST_WAIT", "", 1);
    cr_assert(options_prepare(&set, error));
}

Test(options, a_missing_required_option_is_named)
{
    struct values values = { 0 };
    struct option_set set = { specs, sizeof(specs) / sizeof(specs[0]), &values };

    cr_assert_not(options_complete(&set, error));
    cr_assert(strstr(error, "--to ADDRESS"), "%s", error);
    values.to = "a/b";
    cr_assert(options_complete(&set, error));
}

Test(options, help_lists_every_option_with_its_standard_and_variable)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);

    options_print_help(file, specs, sizeof(specs) / sizeof(specs[0]));
    fclose(file);
    for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
        cr_assert(strstr(text, specs[i].help) && strstr(text, specs[i].name), "%s", specs[i].name);
    cr_assert(strstr(text, "--lane normal|urgent|bulk") && strstr(text, "(urgent)") && strstr(text, "[$CTL_TEST_WAIT]") && strstr(text, "(required)"));
    free(text);
}
