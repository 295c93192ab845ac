#include "tree.h"

#include "utf8.h"

#include <errno.h>
#include <libfyaml.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Outcomes inside this file: 0, BROKEN (an error was added, reading stops), or -errno. */
enum { BROKEN = 1 };

struct reader {
    const char *text;              /* of the whole file */
    size_t size;
    struct fy_parser *parser;
    struct fy_diag *diagnostics;
    struct tree *tree;
    struct conf_errors *errors;
    char path[128];                /* of the node being read, "links[0].to"; cut when it is long */
};

static int read_file(struct tree *tree, struct conf_errors *errors, char **ret_text, size_t *ret_size);
static int check_characters(struct tree *tree, struct conf_errors *errors, const char *text, size_t size);
static int parse(struct tree *tree, struct conf_errors *errors, const char *text, size_t size);
static int name_file(struct tree *tree, const char *path);

int tree_init(struct tree *tree, const char *path, struct conf_errors *errors)
{
    *tree = (struct tree){ 0 };
    int r = name_file(tree, path);
    if (r < 0)
        return r;
    char *text = NULL;
    size_t size = 0;
    r = read_file(tree, errors, &text, &size);
    if (r == 0)
        r = check_characters(tree, errors, text, size);
    if (r == 0)
        r = parse(tree, errors, text, size);
    free(text);
    tree->broken = r != 0;
    return r < 0 ? r : 0;
}

static void node_deinit(struct tree_node *node)
{
    for (size_t i = 0; i < node->children_count; i++)
        node_deinit(&node->children[i]);
    free(node->children);
    free(node->key);
    free(node->text);
    *node = (struct tree_node){ 0 };
}

void tree_deinit(struct tree *tree)
{
    node_deinit(&tree->root);
    free(tree->file);
    free(tree->folder);
    *tree = (struct tree){ 0 };
}

struct conf_place tree_place(const struct tree *tree, const struct tree_node *node)
{
    return (struct conf_place){ tree->file, node->line, node->column };
}

struct conf_place tree_key_place(const struct tree *tree, const struct tree_node *node)
{
    return node->key_line ? (struct conf_place){ tree->file, node->key_line, node->key_column } : tree_place(tree, node);
}

static struct conf_place whole_file(const struct tree *tree) { return (struct conf_place){ tree->file, 0, 0 }; }

/* A file that does not exist keeps the folder as it was written; opening it reports the rest. */
static int name_file(struct tree *tree, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
    tree->file = strdup(path);
    if (!folder || !tree->file) {
        free(folder);
        return -ENOMEM;
    }
    tree->folder = realpath(folder, NULL);
    if (tree->folder) {
        free(folder);
        return 0;
    }
    tree->folder = folder;
    return errno == ENOMEM ? -ENOMEM : 0;
}

static int read_open_file(struct tree *tree, struct conf_errors *errors, FILE *file, char **ret_text, size_t *ret_size)
{
    struct stat status;
    if (fstat(fileno(file), &status) < 0 || S_ISDIR(status.st_mode)) {
        conf_errors_add(errors, whole_file(tree), "", "found something that is not a file; expected a YAML file");
        return BROKEN;
    }
    size_t room = S_ISREG(status.st_mode) && status.st_size < (off_t)TREE_FILE_SIZE_MAX ? (size_t)status.st_size : TREE_FILE_SIZE_MAX;
    char *text = malloc(room + 1u); /* one more, to see that there is no more */
    if (!text)
        return -ENOMEM;
    size_t size = fread(text, 1, room + 1u, file);
    *ret_text = text;
    *ret_size = size;
    if (ferror(file)) {
        conf_errors_add(errors, whole_file(tree), "", "cannot be read: %s", strerror(errno));
        return BROKEN;
    }
    if (size > TREE_FILE_SIZE_MAX) {
        conf_errors_add(errors, whole_file(tree), "", "larger than %u MiB; expected a configuration", TREE_FILE_SIZE_MAX >> 20);
        return BROKEN;
    }
    if (size > room) {
        conf_errors_add(errors, whole_file(tree), "", "it grew while it was read; try again");
        return BROKEN;
    }
    return 0;
}

static int read_file(struct tree *tree, struct conf_errors *errors, char **ret_text, size_t *ret_size)
{
    FILE *file = fopen(tree->file, "rbe");
    if (!file) {
        conf_errors_add(errors, whole_file(tree), "", "cannot be opened: %s", strerror(errno));
        return BROKEN;
    }
    int r = read_open_file(tree, errors, file, ret_text, ret_size);
    fclose(file);
    return r;
}

/* The library is for trusted text; what is not text at all does not get that far. */
static int check_characters(struct tree *tree, struct conf_errors *errors, const char *text, size_t size)
{
    int line = 1, column = 1;
    for (size_t i = 0; i < size;) {
        size_t step = utf8_step(text + i, size - i);
        unsigned char c = (unsigned char)text[i];
        if (step == 0 || (c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f) {
            conf_errors_add(errors, (struct conf_place){ tree->file, line, column }, "",
                            "found byte 0x%02x, which is %s; expected UTF-8 text", c, step == 0 ? "no UTF-8" : "a control character");
            return BROKEN;
        }
        column = c == '\n' ? 1 : column + 1;
        line += c == '\n';
        i += step;
    }
    return 0;
}

/* The library marks some tokens behind their first character ("text", 'text', &anchor, *alias): back to that. */
static bool is_behind_indicator(const struct reader *reader, const struct fy_mark *mark)
{
    size_t at = mark->input_pos;
    return mark->column > 0 && at > 0 && at <= reader->size && strchr("\"'&*", reader->text[at - 1]) != NULL;
}

static void set_place(const struct reader *reader, struct tree_node *node, struct fy_token *token)
{
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    if (!mark)
        return;
    node->line = mark->line + 1;
    node->column = mark->column + 1 - (is_behind_indicator(reader, mark) ? 1 : 0);
}

static struct conf_place token_place(const struct reader *reader, struct fy_token *token, const struct tree_node *otherwise)
{
    struct tree_node at = *otherwise;
    set_place(reader, &at, token);
    return tree_place(reader->tree, &at);
}

/* What went wrong inside the library, in its words. */
static int report_syntax(struct reader *reader)
{
    void *iterator = NULL;
    struct fy_diag_error *error;
    bool any = false;
    while ((error = fy_diag_errors_iterate(reader->diagnostics, &iterator))) {
        struct conf_place place = { reader->tree->file, error->line, error->column };
        conf_errors_add(reader->errors, place, "", "not YAML: %s", error->msg);
        any = true;
    }
    if (!any)
        conf_errors_add(reader->errors, whole_file(reader->tree), "", "not YAML: it ends in the middle");
    return BROKEN;
}

struct event_guard {
    struct fy_parser *parser;
    struct fy_event *event;
};

static void event_freep(struct event_guard *guard)
{
    if (guard->event)
        fy_parser_event_free(guard->parser, guard->event);
}

/* An event that is freed at the end of the scope. */
#define NEXT_EVENT(reader, name) \
    __attribute__((cleanup(event_freep))) struct event_guard name = { (reader)->parser, fy_parser_parse((reader)->parser) }

static void refuse_anchor_and_tag(struct reader *reader, struct fy_token *anchor, struct fy_token *tag, const struct tree_node *node)
{
    if (anchor)
        conf_errors_add(reader->errors, token_place(reader, anchor, node), reader->path,
                        "found an anchor (&); anchors are not used here: write the value where it belongs");
    if (tag)
        conf_errors_add(reader->errors, token_place(reader, tag, node), reader->path,
                        "found a tag (!); tags are not used here: remove it");
}

static int read_node(struct reader *reader, struct fy_event *event, struct tree_node *node, unsigned depth);

/* Returns the length to go back to. */
static size_t enter_key(struct reader *reader, const char *key)
{
    size_t size = strlen(reader->path);
    (void)snprintf(reader->path + size, sizeof reader->path - size, "%s%s", size > 0 ? "." : "", key);
    return size;
}

static size_t enter_element(struct reader *reader, size_t index)
{
    size_t size = strlen(reader->path);
    (void)snprintf(reader->path + size, sizeof reader->path - size, "[%zu]", index);
    return size;
}

static struct tree_node *append_child(struct tree_node *node)
{
    if ((node->children_count & (node->children_count - 1)) == 0) { /* 0 or a power of two: full */
        size_t capacity = node->children_count == 0 ? 1 : node->children_count * 2;
        struct tree_node *children = realloc(node->children, capacity * sizeof *children);
        if (!children)
            return NULL;
        node->children = children;
    }
    return memset(&node->children[node->children_count++], 0, sizeof *node->children);
}

static int read_list(struct reader *reader, struct tree_node *node, unsigned depth)
{
    node->kind = TREE_LIST;
    for (;;) {
        NEXT_EVENT(reader, next);
        if (!next.event)
            return report_syntax(reader);
        if (next.event->type == FYET_SEQUENCE_END)
            return 0;
        struct tree_node *child = append_child(node);
        if (!child)
            return -ENOMEM;
        child->line = node->line;
        child->column = node->column;
        size_t outside = enter_element(reader, node->children_count - 1);
        int r = read_node(reader, next.event, child, depth + 1);
        if (r != 0)
            return r;
        reader->path[outside] = '\0';
    }
}

static void refuse_twin(struct reader *reader, const struct tree_node *node, struct tree_node *child)
{
    const struct tree_node *twin = node->children;
    while (twin < child && strcmp(twin->key, child->key) != 0)
        twin++;
    if (twin == child)
        return;
    conf_errors_add(reader->errors, tree_key_place(reader->tree, child), reader->path,
                    "given twice in one place, first in line %d; keep one of them", twin->key_line);
    child->kind = TREE_REFUSED;
}

static int read_key(struct reader *reader, struct fy_event *event, const struct tree_node *node, struct tree_node *child)
{
    struct tree_node key = { .line = node->line, .column = node->column };
    if (event->type != FYET_SCALAR) {
        set_place(reader, &key, event->type == FYET_MAPPING_START ? event->mapping_start.mapping_start
                        : event->type == FYET_SEQUENCE_START ? event->sequence_start.sequence_start : NULL);
        conf_errors_add(reader->errors, tree_place(reader->tree, &key), "", "found a key that is not a word; expected key: value");
        return BROKEN;
    }
    int r = read_node(reader, event, &key, TREE_DEPTH_MAX);
    if (r != 0) {
        node_deinit(&key);
        return r;
    }
    child->key = key.text ? key.text : strdup("");
    child->line = child->key_line = key.line;
    child->column = child->key_column = key.column;
    return child->key ? 0 : -ENOMEM;
}

static int read_pair(struct reader *reader, struct fy_event *event, struct tree_node *node, unsigned depth)
{
    if (node->children_count == TREE_KEYS_MAX) {
        conf_errors_add(reader->errors, tree_place(reader->tree, node), "", "more than %u keys in one place", TREE_KEYS_MAX);
        return BROKEN;
    }
    struct tree_node *child = append_child(node);
    if (!child)
        return -ENOMEM;
    int r = read_key(reader, event, node, child);
    if (r != 0)
        return r;
    NEXT_EVENT(reader, value);
    if (!value.event)
        return report_syntax(reader);
    size_t outside = enter_key(reader, child->key);
    r = read_node(reader, value.event, child, depth + 1);
    if (r != 0)
        return r;
    refuse_twin(reader, node, child);
    reader->path[outside] = '\0';
    return 0;
}

static int read_mapping(struct reader *reader, struct tree_node *node, unsigned depth)
{
    node->kind = TREE_MAPPING;
    for (;;) {
        NEXT_EVENT(reader, next);
        if (!next.event)
            return report_syntax(reader);
        if (next.event->type == FYET_MAPPING_END)
            return 0;
        int r = read_pair(reader, next.event, node, depth);
        if (r != 0)
            return r;
    }
}

static int read_scalar(struct reader *reader, struct fy_event *event, struct tree_node *node)
{
    struct fy_token *token = event->scalar.value;
    refuse_anchor_and_tag(reader, event->scalar.anchor, event->scalar.tag, node);
    size_t size = 0;
    const char *text = token ? fy_token_get_text(token, &size) : NULL;
    enum fy_scalar_style style = token ? fy_token_scalar_style(token) : FYSS_PLAIN;
    node->quoted = style != FYSS_PLAIN;
    bool nothing = !node->quoted && (size == 0 || (size == 1 && *text == '~') || (size == 4 && memcmp(text, "null", 4) == 0));
    if (!text || nothing) {
        node->kind = TREE_EMPTY;
        return 0;
    }
    set_place(reader, node, token);
    node->kind = TREE_SCALAR;
    node->text = strndup(text, size);
    if (!node->text)
        return -ENOMEM;
    if (strlen(node->text) == size)
        return 0;
    conf_errors_add(reader->errors, tree_place(reader->tree, node), reader->path, "found a zero byte (\\0) in a text; remove it");
    node->kind = TREE_REFUSED;
    return 0;
}

static int read_node(struct reader *reader, struct fy_event *event, struct tree_node *node, unsigned depth)
{
    switch (event->type) {
    case FYET_SCALAR:
        return read_scalar(reader, event, node);
    case FYET_ALIAS:
        set_place(reader, node, event->alias.anchor);
        conf_errors_add(reader->errors, tree_place(reader->tree, node), reader->path,
                        "found an alias (*); aliases are not used here: write the value where it belongs");
        node->kind = TREE_REFUSED;
        return 0;
    case FYET_MAPPING_START:
        set_place(reader, node, event->mapping_start.mapping_start);
        refuse_anchor_and_tag(reader, event->mapping_start.anchor, event->mapping_start.tag, node);
        break;
    case FYET_SEQUENCE_START:
        set_place(reader, node, event->sequence_start.sequence_start);
        refuse_anchor_and_tag(reader, event->sequence_start.anchor, event->sequence_start.tag, node);
        break;
    default:
        return report_syntax(reader);
    }
    if (depth >= TREE_DEPTH_MAX) {
        conf_errors_add(reader->errors, tree_place(reader->tree, node), "", "nested more than %u deep", TREE_DEPTH_MAX);
        return BROKEN;
    }
    return event->type == FYET_MAPPING_START ? read_mapping(reader, node, depth) : read_list(reader, node, depth);
}

/* One document, or none: an empty file is an empty mapping. */
static int read_stream(struct reader *reader)
{
    struct tree_node *root = &reader->tree->root;
    bool document = false;
    for (;;) {
        NEXT_EVENT(reader, next);
        if (!next.event)
            return fy_parser_get_stream_error(reader->parser) ? report_syntax(reader) : 0;
        if (next.event->type == FYET_STREAM_START || next.event->type == FYET_STREAM_END || next.event->type == FYET_DOCUMENT_END)
            continue;
        if (next.event->type == FYET_DOCUMENT_START) {
            if (document) {
                struct tree_node at = { 0 };
                set_place(reader, &at, next.event->document_start.document_start);
                conf_errors_add(reader->errors, tree_place(reader->tree, &at), "", "a second document (---); expected one document in a file");
                return BROKEN;
            }
            document = true;
            continue;
        }
        root->line = root->column = 1;
        int r = read_node(reader, next.event, root, 0);
        if (r != 0)
            return r;
        if (root->kind == TREE_MAPPING || root->kind == TREE_EMPTY)
            continue;
        conf_errors_add(reader->errors, tree_place(reader->tree, root), "", "found no keys; expected keys, as in node: {...}");
        return BROKEN;
    }
}

static int parse(struct tree *tree, struct conf_errors *errors, const char *text, size_t size)
{
    struct fy_diag_cfg quiet;
    fy_diag_cfg_default(&quiet);
    quiet.fp = NULL;
    quiet.colorize = false;
    struct reader reader = { .text = text, .size = size, .tree = tree, .errors = errors, .diagnostics = fy_diag_create(&quiet) };
    if (!reader.diagnostics)
        return -ENOMEM;
    fy_diag_set_collect_errors(reader.diagnostics, true);
    struct fy_parse_cfg options = {
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE,
        .diag = reader.diagnostics,
    };
    int r = -ENOMEM;
    reader.parser = fy_parser_create(&options);
    if (reader.parser && fy_parser_set_string(reader.parser, text, size) == 0)
        r = read_stream(&reader);
    if (reader.parser)
        fy_parser_destroy(reader.parser);
    fy_diag_destroy(reader.diagnostics);
    return r;
}
