#include "yaml.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_SIZE_MAX = 1024 * 1024, DEPTH_MAX = 8, CHILDREN_MAX = 65536 };

struct reader {
    struct yaml *yaml;
    struct fy_parser *parser;
    struct fy_diag *diagnostics;
};

static bool read_text(struct yaml *yaml, char **ret_text, size_t *ret_size);
static bool parse_text(struct yaml *yaml, const char *text, size_t size);

bool yaml_init(struct yaml *yaml, const char *path, FILE *problems_to)
{
    *yaml = (struct yaml){ .path = strdup(path), .problems_to = problems_to, .root = { .type = YAML_MAPPING, .line = 1, .column = 1 } };
    if (!yaml->path)
        abort();
    char *text = NULL;
    size_t size = 0;
    if (read_text(yaml, &text, &size))
        parse_text(yaml, text, size);
    free(text);
    return yaml->problems == 0;
}

static void node_deinit(struct yaml_node *node)
{
    for (size_t i = 0; i < node->children_count; i++)
        node_deinit(&node->children[i]);
    free(node->children);
    free(node->key);
    free(node->text);
}

void yaml_deinit(struct yaml *yaml)
{
    node_deinit(&yaml->root);
    free(yaml->path);
    *yaml = (struct yaml){ 0 };
}

const struct yaml_node *yaml_find(const struct yaml_node *node, const char *key)
{
    for (size_t i = 0; node->type == YAML_MAPPING && i < node->children_count; i++)
        if (strcmp(node->children[i].key, key) == 0)
            return &node->children[i];
    return NULL;
}

void yaml_problem(struct yaml *yaml, const struct yaml_node *node, const char *key, const char *format, ...)
{
    if (node && node->line > 0)
        fprintf(yaml->problems_to, "%s:%d:%d: ", yaml->path, node->line, node->column);
    else
        fprintf(yaml->problems_to, "%s: ", yaml->path);
    if (key[0])
        fprintf(yaml->problems_to, "%s: ", key);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(yaml->problems_to, format, arguments);
    va_end(arguments);
    fputc('\n', yaml->problems_to);
    yaml->problems++;
}

static bool read_text(struct yaml *yaml, char **ret_text, size_t *ret_size)
{
    FILE *file = fopen(yaml->path, "re");
    char *text = malloc(FILE_SIZE_MAX + 1);
    size_t size = file && text ? fread(text, 1, FILE_SIZE_MAX + 1, file) : 0;
    bool failed = !file || !text || ferror(file);
    if (failed)
        yaml_problem(yaml, NULL, "", "cannot be read: %s", strerror(errno));
    else if (size > FILE_SIZE_MAX)
        yaml_problem(yaml, NULL, "", "larger than 1 MiB; expected a configuration");
    else if (memchr(text, 0, size))
        yaml_problem(yaml, NULL, "", "contains a NUL byte; expected UTF-8 text");
    if (file)
        fclose(file);
    *ret_text = text;
    *ret_size = size;
    return yaml->problems == 0;
}

static void set_place(struct yaml_node *node, struct fy_token *token)
{
    const struct fy_mark *mark = token && node->line == 0 ? fy_token_start_mark(token) : NULL;
    if (mark) {
        node->line = mark->line + 1;
        node->column = mark->column + 1;
    }
}

static bool syntax_problem(struct reader *reader)
{
    void *position = NULL;
    struct fy_diag_error *error;
    unsigned before = reader->yaml->problems;
    while ((error = fy_diag_errors_iterate(reader->diagnostics, &position))) {
        struct yaml_node place = { .line = error->line, .column = error->column };
        yaml_problem(reader->yaml, &place, "", "not YAML: %s", error->msg);
    }
    if (reader->yaml->problems == before)
        yaml_problem(reader->yaml, NULL, "", "not YAML: it ends in the middle");
    return false;
}

static char *token_text(struct fy_token *token)
{
    size_t size = 0;
    const char *text = token ? fy_token_get_text(token, &size) : NULL;
    char *copy = strndup(text ? text : "", text ? size : 0);
    if (!copy)
        abort();
    return copy;
}

static struct yaml_node *add_child(struct yaml_node *node)
{
    if ((node->children_count & (node->children_count - 1)) == 0) {
        size_t wanted = node->children_count ? node->children_count * 2 : 1;
        struct yaml_node *grown = reallocarray(node->children, wanted, sizeof *grown);
        if (!grown)
            abort();
        node->children = grown;
    }
    node->children[node->children_count] = (struct yaml_node){ 0 };
    return &node->children[node->children_count++];
}

static bool parse_value(struct reader *reader, struct fy_event *event, struct yaml_node *node, int depth);

/* The key of the next entry into child. */
static bool parse_key(struct reader *reader, struct fy_event *event, struct yaml_node *mapping)
{
    struct yaml_node *child = &mapping->children[mapping->children_count - 1];
    child->key = strdup("");
    if (event->type != FYET_SCALAR) {
        yaml_problem(reader->yaml, mapping, "", "found a key that is not a plain word");
        return false;
    }
    free(child->key);
    child->key = token_text(event->scalar.value);
    set_place(child, event->scalar.value);
    for (size_t i = 0; i + 1 < mapping->children_count; i++)
        if (strcmp(mapping->children[i].key, child->key) == 0) {
            yaml_problem(reader->yaml, child, child->key, "given twice, first in line %d", mapping->children[i].line);
            return false;
        }
    return true;
}

static bool is_end(const struct fy_event *event) { return event->type == FYET_MAPPING_END || event->type == FYET_SEQUENCE_END; }

static bool parse_entry(struct reader *reader, struct fy_event *event, struct yaml_node *node, int depth)
{
    if (node->children_count >= CHILDREN_MAX) {
        yaml_problem(reader->yaml, node, "", "more than %d entries", CHILDREN_MAX);
        return false;
    }
    struct yaml_node *child = add_child(node);
    if (node->type == YAML_SEQUENCE)
        return parse_value(reader, event, child, depth);
    if (!parse_key(reader, event, node))
        return false;
    struct fy_event *value = fy_parser_parse(reader->parser);
    bool good = value ? parse_value(reader, value, child, depth) : syntax_problem(reader);
    if (value)
        fy_parser_event_free(reader->parser, value);
    return good;
}

static bool parse_children(struct reader *reader, struct yaml_node *node, int depth)
{
    for (bool good = true, ended = false; !ended;) {
        struct fy_event *event = fy_parser_parse(reader->parser);
        if (!event)
            return syntax_problem(reader);
        ended = is_end(event);
        if (!ended)
            good = parse_entry(reader, event, node, depth + 1);
        fy_parser_event_free(reader->parser, event);
        if (!good)
            return false;
    }
    return true;
}

static bool parse_value(struct reader *reader, struct fy_event *event, struct yaml_node *node, int depth)
{
    if (depth > DEPTH_MAX) {
        yaml_problem(reader->yaml, node, "", "nested deeper than %d levels", DEPTH_MAX);
        return false;
    }
    switch (event->type) {
    case FYET_SCALAR:
        node->type = YAML_SCALAR;
        set_place(node, event->scalar.value);
        node->text = token_text(event->scalar.value);
        return true;
    case FYET_MAPPING_START:
        node->type = YAML_MAPPING;
        set_place(node, event->mapping_start.mapping_start);
        return parse_children(reader, node, depth);
    case FYET_SEQUENCE_START:
        node->type = YAML_SEQUENCE;
        set_place(node, event->sequence_start.sequence_start);
        return parse_children(reader, node, depth);
    default:
        yaml_problem(reader->yaml, node, "", "aliases are not used here; write the value where it belongs");
        return false;
    }
}

/* Skips the stream's and document's start, reads one value, and wants the end after it. */
static bool parse_stream(struct reader *reader)
{
    bool seen = false;
    for (;;) {
        struct fy_event *event = fy_parser_parse(reader->parser);
        if (!event)
            return syntax_problem(reader);
        enum fy_event_type type = event->type;
        bool frame = type == FYET_STREAM_START || type == FYET_STREAM_END || type == FYET_DOCUMENT_START || type == FYET_DOCUMENT_END;
        bool good = frame || (!seen && parse_value(reader, event, &reader->yaml->root, 0));
        if (!frame && seen)
            yaml_problem(reader->yaml, NULL, "", "more than one document; expected one");
        seen = seen || !frame;
        fy_parser_event_free(reader->parser, event);
        if (!good || type == FYET_STREAM_END)
            return good;
    }
}

static bool parse_text(struct yaml *yaml, const char *text, size_t size)
{
    struct fy_diag *diagnostics = fy_diag_create(NULL);
    struct fy_parse_cfg settings = { .flags = FYPCF_QUIET, .diag = diagnostics };
    if (diagnostics)
        fy_diag_set_collect_errors(diagnostics, true);
    struct fy_parser *parser = diagnostics ? fy_parser_create(&settings) : NULL;
    if (!parser || fy_parser_set_string(parser, text, size) < 0)
        abort();
    struct reader reader = { yaml, parser, diagnostics };
    yaml->root.line = 0;
    bool good = parse_stream(&reader);
    if (good && yaml->root.type != YAML_MAPPING)
        yaml_problem(yaml, &yaml->root, "", "expected a mapping at the top, such as \"node: ipc:///run/qiao/node\"");
    fy_parser_destroy(parser);
    fy_diag_destroy(diagnostics);
    return yaml->problems == 0;
}
