#include "value.h"

#include "format.h"
#include "suggest.h"

#include <qiao/org_type.h>

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

struct input {
    const struct conf_item *item;
    const char *text;
    bool quoted;
    const char *folder;
    char *why;                     /* VALUE_WHY_SIZE */
};

struct type {
    int (*parse)(const struct input *input, void *field);
    void (*print)(const void *field, FILE *out);
    bool (*format)(const char *text, char *why);
    const char *const *choices;
    const char *expected;
    const char *pattern;
    const char *prefix;            /* mappings */
    size_t size;
    bool owned;                    /* the field is a char * from malloc */
};

static const struct type types[CONF_TYPES];

static int refuse(const struct input *input, const char *expected)
{
    char found[CONF_QUOTE_SIZE];
    (void)snprintf(input->why, VALUE_WHY_SIZE, "found %s; %s", conf_quote(input->text, found), expected);
    return VALUE_INVALID;
}

int value_parse(const struct conf_item *item, const char *text, bool quoted, const char *folder, void *field, char why[VALUE_WHY_SIZE])
{
    assert(types[item->type].parse != NULL);
    struct input input = { item, text, quoted, folder, why };
    return types[item->type].parse(&input, field);
}

static int set_text(void *field, char *text)
{
    if (!text)
        return -ENOMEM;
    free(*(char **)field);
    *(char **)field = text;
    return VALUE_OK;
}

static int parse_text(const struct input *input, void *field)
{
    char why[FORMAT_WHY_SIZE];
    size_t size = strlen(input->text);
    if (!types[input->item->type].format(input->text, why))
        return refuse(input, why);
    if (!input->item->list && (size < input->item->min || size > input->item->max)) {
        (void)snprintf(why, sizeof why, "expected %" PRIu64 " to %" PRIu64 " characters, not %zu", input->item->min, input->item->max, size);
        return refuse(input, why);
    }
    return set_text(field, strdup(input->text));
}

static int parse_word(const struct input *input, const char *const *choices, size_t *ret_index)
{
    struct conf_suggestion near = { .word = input->text };
    char expected[FORMAT_WHY_SIZE] = "expected ";
    size_t used = strlen(expected);
    for (size_t i = 0; choices[i]; i++) {
        if (strcmp(choices[i], input->text) == 0) {
            *ret_index = i;
            return VALUE_OK;
        }
        conf_suggest(&near, choices[i]);
        used += (size_t)snprintf(expected + used, sizeof expected - used, "%s%s", i == 0 ? "" : choices[i + 1] ? ", " : " or ", choices[i]);
    }
    if (near.best)
        (void)snprintf(expected + used, sizeof expected - used, "; did you mean \"%s\"?", near.best);
    return refuse(input, expected);
}

static int parse_choice(const struct input *input, void *field)
{
    size_t index = 0;
    int r = parse_word(input, types[input->item->type].choices, &index);
    return r != VALUE_OK ? r : set_text(field, strdup(input->text));
}

/* In the order of enum conf_role. */
static const char *const roles[] = { [CONF_ROLE_PEER] = "peer", [CONF_ROLE_PARENT] = "parent", [CONF_ROLE_CHILD] = "child", NULL };

static int parse_role(const struct input *input, void *field)
{
    size_t index = 0;
    int r = parse_word(input, roles, &index);
    if (r == VALUE_OK)
        *(int *)field = (int)index;
    return r;
}

static int parse_bool(const struct input *input, void *field)
{
    static const char *const yes[] = { "yes", "on", "y", "1", "True", "TRUE", "Yes", "On", NULL };
    static const char *const no[] = { "no", "off", "n", "0", "False", "FALSE", "No", "Off", NULL };
    bool truth = strcmp(input->text, "true") == 0;
    if (input->quoted)
        return refuse(input, "expected true or false without quotation marks");
    if (!truth && strcmp(input->text, "false") != 0) {
        for (size_t i = 0; yes[i]; i++) {
            if (strcmp(yes[i], input->text) == 0)
                return refuse(input, "expected true or false; write true");
        }
        for (size_t i = 0; no[i]; i++) {
            if (strcmp(no[i], input->text) == 0)
                return refuse(input, "expected true or false; write false");
        }
        return refuse(input, "expected true or false");
    }
    *(bool *)field = truth;
    return VALUE_OK;
}

struct suffix {
    const char *text;
    uint64_t factor;
};

static const struct suffix no_suffixes[] = { { "", 1 }, { NULL, 0 } };
static const struct suffix size_suffixes[] = {
    { "", 1 }, { "KiB", UINT64_C(1) << 10 }, { "MiB", UINT64_C(1) << 20 }, { "GiB", UINT64_C(1) << 30 }, { NULL, 0 }
};
static const struct suffix duration_suffixes[] = {
    { "", 1 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 }
};

static int refuse_number(const struct input *input, const char *cure)
{
    char expected[FORMAT_WHY_SIZE];
    (void)snprintf(expected, sizeof expected, "expected %s%s", types[input->item->type].expected, cure);
    return refuse(input, expected);
}

static int refuse_range(const struct input *input)
{
    char expected[FORMAT_WHY_SIZE];
    (void)snprintf(expected, sizeof expected, "expected %" PRIu64 " to %" PRIu64 " %s", input->item->min, input->item->max, input->item->unit);
    return refuse(input, expected);
}

/* "MB", "kb", "sec": no suffixes of ours, but it is clear what is wanted. */
static int refuse_suffix(const struct input *input, const char *found, const struct suffix *suffixes)
{
    static const struct { const char *slip, *meant; } slips[] = {
        { "kb", "KiB" }, { "k", "KiB" }, { "kib", "KiB" }, { "mb", "MiB" }, { "m", "MiB" }, { "mib", "MiB" }, { "gb", "GiB" }, { "g", "GiB" }, { "gib", "GiB" },
        { "sec", "s" }, { "seconds", "s" }, { "min", "m" }, { "minutes", "m" }, { "hours", "h" }, { "days", "d" }, { "msec", "ms" },
    };
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        for (size_t j = 0; suffixes[j].text; j++) {
            if (strcasecmp(found, slips[i].slip) != 0 || strcmp(suffixes[j].text, slips[i].meant) != 0)
                continue;
            char cure[64];
            (void)snprintf(cure, sizeof cure, "; did you mean \"%s\"?", slips[i].meant);
            return refuse_number(input, cure);
        }
    }
    return refuse_number(input, "");
}

static int parse_number(const struct input *input, const struct suffix *suffixes, uint64_t *ret_number)
{
    const char *text = input->text;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0)
        return refuse_number(input, text[0] == '-' ? "; negative numbers make no sense here" : "");
    if (digits > 1 && text[0] == '0')
        return refuse_number(input, " without leading zeros");
    errno = 0;
    uint64_t number = strtoull(text, NULL, 10);
    bool overflow = errno == ERANGE;
    const char *found = text + digits;
    while (*found == ' ' && found[1])
        found++;
    while (suffixes->text && strcmp(suffixes->text, found) != 0)
        suffixes++;
    if (!suffixes->text)
        return refuse_suffix(input, found, input->item->type == CONF_TYPE_BYTES ? size_suffixes
                             : input->item->type == CONF_TYPE_DURATION ? duration_suffixes : no_suffixes);
    if (overflow || __builtin_mul_overflow(number, suffixes->factor, &number) || number < input->item->min || number > input->item->max)
        return refuse_range(input);
    *ret_number = number;
    return VALUE_OK;
}

static int parse_bytes(const struct input *input, void *field) { return parse_number(input, size_suffixes, field); }

static int parse_small(const struct input *input, const struct suffix *suffixes, void *field)
{
    uint64_t number = 0;
    int r = parse_number(input, suffixes, &number);
    if (r != VALUE_OK)
        return r;
    assert(number <= UINT32_MAX); /* the table's bounds */
    *(uint32_t *)field = (uint32_t)number;
    return VALUE_OK;
}

static int parse_count(const struct input *input, void *field)
{
    if (input->quoted)
        return refuse(input, "expected a number without quotation marks");
    return parse_small(input, no_suffixes, field);
}

static int parse_duration(const struct input *input, void *field) { return parse_small(input, duration_suffixes, field); }

static char *join_path(const char *folder, const char *path)
{
    char *joined = NULL;
    if (path[0] == '/')
        return strdup(path);
    return asprintf(&joined, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, path) < 0 ? NULL : joined;
}

static int parse_path(const struct input *input, void *field, bool (*fits)(const char *path, char *why))
{
    char why[FORMAT_WHY_SIZE];
    size_t size = strlen(input->text);
    if (size < input->item->min || size > input->item->max || !format_text(input->text, why))
        return refuse_number(input, "");
    char *path = join_path(input->folder, input->text);
    if (!path)
        return -ENOMEM;
    if (fits(path, why))
        return set_text(field, path);
    free(path);
    return refuse(input, why);
}

static bool fits_file(const char *path, char *why)
{
    struct stat status;
    const char *what = stat(path, &status) < 0 ? strerror(errno) : !S_ISREG(status.st_mode) ? "not a regular file" : access(path, R_OK) < 0 ? strerror(errno) : NULL;
    if (!what)
        return true;
    (void)snprintf(why, FORMAT_WHY_SIZE, "expected a readable file, but %.180s: %s", path, what);
    return false;
}

static bool fits_directory(const char *path, char *why)
{
    struct stat status;
    if (stat(path, &status) < 0 || S_ISDIR(status.st_mode))
        return true;
    (void)snprintf(why, FORMAT_WHY_SIZE, "expected a directory, but %.180s is something else", path);
    return false;
}

static int parse_file(const struct input *input, void *field) { return parse_path(input, field, fits_file); }
static int parse_key(const struct input *input, void *field)
{
    const char *text = input->text;
    return strncmp(text, "pkcs11:", 7) == 0 ? parse_text(input, field) : parse_file(input, field);
}

static int parse_directory(const struct input *input, void *field) { return parse_path(input, field, fits_directory); }

void value_print_text(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20) {
            fprintf(out, "\\u%04x", (unsigned)*text);
            continue;
        }
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void print_text(const void *field, FILE *out) { value_print_text(*(char *const *)field, out); }
static void print_role(const void *field, FILE *out) { fputs(roles[*(const int *)field], out); }
static void print_bool(const void *field, FILE *out) { fputs(*(const bool *)field ? "true" : "false", out); }
static void print_count(const void *field, FILE *out) { fprintf(out, "%" PRIu32, *(const uint32_t *)field); }

/* With the largest suffix that leaves a whole number. */
static void print_number(uint64_t number, const struct suffix *suffixes, FILE *out)
{
    const struct suffix *best = &suffixes[0];
    for (const struct suffix *s = suffixes; s->text; s++) {
        if (number > 0 && number % s->factor == 0)
            best = s;
    }
    fprintf(out, "%" PRIu64 "%s%s", number / best->factor, suffixes == size_suffixes && best->text[0] ? " " : "", best->text);
}

static void print_bytes(const void *field, FILE *out) { print_number(*(const uint64_t *)field, size_suffixes, out); }
static void print_duration(const void *field, FILE *out) { print_number(*(const uint32_t *)field, duration_suffixes, out); }

static const char *const suites[] = { "int1", "gm1", "none", NULL };
static const char *const engines[] = { "lmdb", NULL };
static const char *const levels[] = { "error", "warning", "info", "debug", NULL };
static const char *const charsets[] = { "UTF-8", "GB18030", NULL };
static const char *const filters[] = { "off", "log", "enforce", NULL };
static const char *const formats[] = { "logfmt", "json", NULL };

static const char *const org_types[] = {
#define X(name, number, text) text,
    QIAO_ORG_TYPE_MAP(X)
#undef X
    NULL
};

#define URL_PATTERN(host) "^(tls\\+tcp|tcp)://(\\[[0-9A-Fa-f:.]+\\]|" host "):[0-9]{1,5}$|^ipc:///.{1,106}$"
#define TEXT_TYPE(format_, pattern_, expected_) \
    { .parse = parse_text, .print = print_text, .format = format_, .pattern = pattern_, .expected = expected_, .size = sizeof(char *), .owned = true }
#define CHOICE_TYPE(choices_) \
    { .parse = parse_choice, .print = print_text, .choices = choices_, .expected = "a word", .size = sizeof(char *), .owned = true }

static const struct type types[CONF_TYPES] = {
    [CONF_TYPE_TEXT] = TEXT_TYPE(format_text, NULL, "text in one line"),
    [CONF_TYPE_NODE_ID] = TEXT_TYPE(format_node_id, "^[a-z0-9-]{1,64}$", "a node id"),
    [CONF_TYPE_AREA] = TEXT_TYPE(format_area, "^([0-9]{6}|[0-9]{9}|[0-9]{12})$", "an area code"),
    [CONF_TYPE_NAME] = TEXT_TYPE(format_name, "^[a-z0-9.-]{1,64}$", "a name"),
    [CONF_TYPE_ORG] = TEXT_TYPE(format_org, "^[0-9A-HJ-NPQRTUWXY]{18}$", "a unified social credit code"),
    [CONF_TYPE_REGISTRAR] = TEXT_TYPE(format_registrar, "^[0-9]{6}/[a-z0-9.-]{1,64}(#[A-Za-z0-9._-]{1,64})?$", "the address of an office of the district"),
    [CONF_TYPE_LISTEN_URL] = TEXT_TYPE(format_listen_url, URL_PATTERN("\\*|[A-Za-z0-9_.-]+"), "an address to listen on"),
    [CONF_TYPE_DIAL_URL] = TEXT_TYPE(format_dial_url, URL_PATTERN("[A-Za-z0-9_.-]+"), "an address to dial"),
    [CONF_TYPE_FILE] = { .parse = parse_file, .print = print_text, .expected = "a file", .size = sizeof(char *), .owned = true },
    [CONF_TYPE_KEY] = { .parse = parse_key, .print = print_text, .expected = "a file, or a pkcs11: URI", .size = sizeof(char *), .owned = true },
    [CONF_TYPE_SUITE] = CHOICE_TYPE(suites),
    [CONF_TYPE_DIRECTORY] = { .parse = parse_directory, .print = print_text, .expected = "a directory", .size = sizeof(char *), .owned = true },
    [CONF_TYPE_ENGINE] = CHOICE_TYPE(engines),
    [CONF_TYPE_LOG_LEVEL] = CHOICE_TYPE(levels),
    [CONF_TYPE_LOG_FORMAT] = CHOICE_TYPE(formats),
    [CONF_TYPE_SECCOMP] = CHOICE_TYPE(filters),
    [CONF_TYPE_CHARSET] = CHOICE_TYPE(charsets),
    [CONF_TYPE_ROLE] = { .parse = parse_role, .print = print_role, .choices = roles, .expected = "parent, child or peer", .size = sizeof(int) },
    [CONF_TYPE_ORG_TYPE] = CHOICE_TYPE(org_types),
    [CONF_TYPE_BOOL] = { .parse = parse_bool, .print = print_bool, .expected = "true or false", .size = sizeof(bool) },
    [CONF_TYPE_COUNT] = { .parse = parse_count, .print = print_count, .expected = "a whole number", .size = sizeof(uint32_t) },
    [CONF_TYPE_BYTES] = { .parse = parse_bytes, .print = print_bytes, .expected = "a whole number of bytes, KiB, MiB or GiB",
                          .pattern = "^(0|[1-9][0-9]*)( *(KiB|MiB|GiB))?$", .size = sizeof(uint64_t) },
    [CONF_TYPE_DURATION] = { .parse = parse_duration, .print = print_duration, .expected = "a whole number of ms, s, m, h or d",
                             .pattern = "^(0|[1-9][0-9]*)( *(ms|s|m|h|d))?$", .size = sizeof(uint32_t) },
    [CONF_TYPE_LINK] = { .prefix = "links[].", .expected = "a mapping with to, node, area, role", .size = sizeof(struct conf_link) },
    [CONF_TYPE_MEMBER] = { .prefix = "members[].", .expected = "a mapping with name, org, type, services, seats", .size = sizeof(struct conf_member) },
};

void value_print(enum conf_type type, const void *field, FILE *out)
{
    if (value_is_given(type, field))
        types[type].print(field, out);
}

bool value_is_given(enum conf_type type, const void *field) { return !types[type].owned || *(char *const *)field != NULL; }

bool value_equal(enum conf_type type, const void *a, const void *b)
{
    if (!types[type].owned)
        return memcmp(a, b, types[type].size) == 0;
    const char *a_text = *(char *const *)a, *b_text = *(char *const *)b;
    return a_text && b_text ? strcmp(a_text, b_text) == 0 : a_text == b_text;
}

void value_clear(enum conf_type type, void *field)
{
    if (!types[type].owned)
        return;
    free(*(char **)field);
    *(char **)field = NULL;
}

size_t value_size(enum conf_type type) { return types[type].size; }
const char *value_mapping_prefix(enum conf_type type) { return types[type].prefix; }
const char *value_expected(enum conf_type type) { return types[type].expected; }
const char *const *value_choices(enum conf_type type) { return types[type].choices; }
const char *value_pattern(enum conf_type type) { return types[type].pattern; }
