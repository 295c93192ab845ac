#include "options.h"

#include "text.h"

#include <assert.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* More than any command has, globals included. */
#define OPTIONS_MAX 64
/* getopt's values for long options; above every short one. */
#define LONG_BASE 256

/* Globals and the command's own options as one run, in getopt's shape. */
struct parser {
    const struct option_spec *specs[OPTIONS_MAX];
    void *values[OPTIONS_MAX];
    const char *names[OPTIONS_MAX];
    struct option longs[OPTIONS_MAX + 1];
    char shorts[2 * OPTIONS_MAX + 3];
    size_t count;
};

static bool store(const struct option_spec *spec, void *values, const char *text, char reterr_text[OPTIONS_ERROR_SIZE]);
static int refuse(const struct parser *parser, int found, char **argv, char reterr_text[OPTIONS_ERROR_SIZE]);
static void parser_init(struct parser *parser, const struct option_set *sets, size_t set_count, bool stop_at_word);
static size_t parser_find(const struct parser *parser, int found);

int options_parse(const struct option_set *sets, size_t set_count, int argc, char **argv, bool stop_at_word,
                  char reterr_text[OPTIONS_ERROR_SIZE])
{
    struct parser parser;
    int found;

    parser_init(&parser, sets, set_count, stop_at_word);
    optind = 0; /* GNU: start anew */
    opterr = 0;
    while ((found = getopt_long(argc, argv, parser.shorts, parser.longs, NULL)) != -1) {
        size_t i;
        if (found == '?' || found == ':')
            return refuse(&parser, found, argv, reterr_text);
        i = parser_find(&parser, found);
        if (!store(parser.specs[i], parser.values[i], optarg, reterr_text))
            return -1;
    }
    return optind;
}

static void parser_init(struct parser *parser, const struct option_set *sets, size_t set_count, bool stop_at_word)
{
    char *shorts = parser->shorts;

    memset(parser, 0, sizeof(*parser));
    if (stop_at_word)
        *shorts++ = '+';
    *shorts++ = ':';
    for (size_t s = 0; s < set_count; s++)
        for (size_t i = 0; i < sets[s].count; i++) {
            const struct option_spec *spec = &sets[s].specs[i];
            bool takes_value = spec->type != OPTION_FLAG;
            size_t at = parser->count++;
            assert(at < OPTIONS_MAX);
            parser->specs[at] = spec;
            parser->values[at] = sets[s].values;
            parser->names[at] = spec->name;
            parser->longs[at] = (struct option){ spec->name, takes_value ? required_argument : no_argument, NULL, LONG_BASE + (int)at };
            if (spec->letter)
                *shorts++ = spec->letter;
            if (spec->letter && takes_value)
                *shorts++ = ':';
        }
}

static size_t parser_find(const struct parser *parser, int found)
{
    size_t i = 0;

    if (found >= LONG_BASE)
        return (size_t)(found - LONG_BASE);
    while (i < parser->count && parser->specs[i]->letter != (char)found)
        i++;
    assert(i < parser->count);
    return i;
}

/* Says what is wrong with the option getopt stumbled over. */
static int refuse(const struct parser *parser, int found, char **argv, char reterr_text[OPTIONS_ERROR_SIZE])
{
    const char *word = argv[optind - 1];
    char name[64];
    const char *nearest;

    if (found == ':') {
        const struct option_spec *spec = parser->specs[parser_find(parser, optopt)];
        snprintf(reterr_text, OPTIONS_ERROR_SIZE, "option --%s needs a value: --%s %s", spec->name, spec->name, spec->placeholder);
        return -1;
    }
    if (optopt >= LONG_BASE) {
        snprintf(reterr_text, OPTIONS_ERROR_SIZE, "option --%s takes no value", parser->specs[parser_find(parser, optopt)]->name);
        return -1;
    }
    if (optopt) {
        snprintf(reterr_text, OPTIONS_ERROR_SIZE, "unknown option -%c", optopt);
        return -1;
    }
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
    nearest = text_nearest(name, parser->names, parser->count);
    if (nearest)
        snprintf(reterr_text, OPTIONS_ERROR_SIZE, "unknown option --%s; did you mean --%s?", name, nearest);
    else
        snprintf(reterr_text, OPTIONS_ERROR_SIZE, "unknown option --%s", name);
    return -1;
}

static void choices_format(const char *const *choices, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; choices[i] && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? "|" : "", choices[i]);
}

static bool store_choice(const struct option_spec *spec, unsigned *value, const char *text, char reterr_text[OPTIONS_ERROR_SIZE])
{
    char choices[200];

    for (unsigned i = 0; spec->choices[i]; i++)
        if (strcmp(spec->choices[i], text) == 0) {
            *value = i;
            return true;
        }
    choices_format(spec->choices, choices, sizeof(choices));
    snprintf(reterr_text, OPTIONS_ERROR_SIZE, "--%s is \"%.100s\" but must be one of %s", spec->name, text, choices);
    return false;
}

/* What the three kinds of number look like, for parsing and for complaints. */
static const struct {
    bool (*parse)(const char *text, uint64_t *ret_number);
    const char *expected;
    const char *unit;
} number_types[] = {
    [OPTION_NUMBER] = { text_number_parse, "a whole number", "" },
    [OPTION_SIZE] = { text_size_parse, "a size such as 512, 64k or 1M", " bytes" },
    [OPTION_DURATION] = { text_duration_parse, "a duration such as 500ms, 30s, 5m or 2h", " ms" },
};

static bool store_number(const struct option_spec *spec, uint64_t *value, const char *text, char reterr_text[OPTIONS_ERROR_SIZE])
{
    const char *unit = number_types[spec->type].unit;
    uint64_t number;

    if (!number_types[spec->type].parse(text, &number)) {
        snprintf(reterr_text, OPTIONS_ERROR_SIZE, "--%s is \"%.100s\" but must be %s", spec->name, text, number_types[spec->type].expected);
        return false;
    }
    if (number < spec->min || (spec->max && number > spec->max)) {
        if (spec->max)
            snprintf(reterr_text, OPTIONS_ERROR_SIZE, "--%s is %.100s but must be from %" PRIu64 " to %" PRIu64 "%s", spec->name, text, spec->min,
                     spec->max, unit);
        else
            snprintf(reterr_text, OPTIONS_ERROR_SIZE, "--%s is %.100s but must be at least %" PRIu64 "%s", spec->name, text, spec->min, unit);
        return false;
    }
    *value = number;
    return true;
}

static bool store_item(const struct option_spec *spec, struct option_list *list, const char *text, char reterr_text[OPTIONS_ERROR_SIZE])
{
    if (list->count == OPTION_LIST_MAX) {
        snprintf(reterr_text, OPTIONS_ERROR_SIZE, "--%s may be given at most %d times", spec->name, OPTION_LIST_MAX);
        return false;
    }
    list->items[list->count++] = text;
    return true;
}

static bool store(const struct option_spec *spec, void *values, const char *text, char reterr_text[OPTIONS_ERROR_SIZE])
{
    char *value = (char *)values + spec->offset;

    switch (spec->type) {
    case OPTION_FLAG:
        *(bool *)(void *)value = true;
        return true;
    case OPTION_CHOICE:
        return store_choice(spec, (unsigned *)(void *)value, text, reterr_text);
    case OPTION_NUMBER:
    case OPTION_SIZE:
    case OPTION_DURATION:
        return store_number(spec, (uint64_t *)(void *)value, text, reterr_text);
    case OPTION_FILES:
        return store_item(spec, (struct option_list *)(void *)value, text, reterr_text);
    case OPTION_TEXT:
    case OPTION_FILE:
    case OPTION_DIRECTORY:
        *(const char **)(void *)value = text;
        return true;
    }
    return false;
}

bool options_prepare(const struct option_set *set, char reterr_text[OPTIONS_ERROR_SIZE])
{
    for (size_t i = 0; i < set->count; i++) {
        const struct option_spec *spec = &set->specs[i];
        const char *text = spec->environment ? getenv(spec->environment) : NULL;
        bool from_environment = text && *text;
        if (!from_environment)
            text = spec->standard;
        if (text && !store(spec, set->values, text, reterr_text)) {
            size_t used = strlen(reterr_text);
            assert(from_environment); /* a standard value that does not parse is a mistake in the table */
            snprintf(reterr_text + used, OPTIONS_ERROR_SIZE - used, " (from the environment variable %s)", spec->environment);
            return false;
        }
    }
    return true;
}

/* A list that has anything begins with it. */
_Static_assert(offsetof(struct option_list, items) == 0, "is_given reads the first text of a list like a text");

static bool is_given(const struct option_set *set, const struct option_spec *spec)
{
    const char *value;

    assert(spec->type == OPTION_TEXT || spec->type == OPTION_FILE || spec->type == OPTION_FILES || spec->type == OPTION_DIRECTORY);
    memcpy(&value, (const char *)set->values + spec->offset, sizeof(value));
    return value != NULL;
}

bool options_complete(const struct option_set *set, char reterr_text[OPTIONS_ERROR_SIZE])
{
    for (size_t i = 0; i < set->count; i++) {
        const struct option_spec *spec = &set->specs[i];
        if (!spec->required)
            continue;
        if (!is_given(set, spec)) {
            snprintf(reterr_text, OPTIONS_ERROR_SIZE, "option --%s %s is missing: %s", spec->name, spec->placeholder, spec->help);
            return false;
        }
    }
    return true;
}

void options_synopsis(const struct option_spec *spec, char text[OPTIONS_SYNOPSIS_SIZE])
{
    char choices[100];

    if (spec->type == OPTION_FLAG) {
        snprintf(text, OPTIONS_SYNOPSIS_SIZE, "--%s", spec->name);
    } else if (spec->type == OPTION_CHOICE) {
        choices_format(spec->choices, choices, sizeof(choices));
        snprintf(text, OPTIONS_SYNOPSIS_SIZE, "--%s %s", spec->name, choices);
    } else {
        snprintf(text, OPTIONS_SYNOPSIS_SIZE, "--%s %s", spec->name, spec->placeholder);
    }
}

void options_print_help(FILE *file, const struct option_spec *specs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct option_spec *spec = &specs[i];
        char synopsis[OPTIONS_SYNOPSIS_SIZE];
        options_synopsis(spec, synopsis);
        if (spec->letter)
            fprintf(file, "  -%c, ", spec->letter);
        else
            fputs("      ", file);
        fprintf(file, "%-28s ", synopsis);
        if (strlen(synopsis) > 28)
            fprintf(file, "\n%35s", "");
        fputs(spec->help, file);
        if (spec->standard)
            fprintf(file, " (%s)", spec->standard);
        if (spec->environment)
            fprintf(file, " [$%s]", spec->environment);
        fputs(spec->type == OPTION_FILES ? " (can be given again)" : "", file);
        fputs(spec->required ? " (required)\n" : "\n", file);
    }
}
