/* One YAML file as a tree of owned strings that knows where everything stood. Anchors, tags and aliases are not used. */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum yaml_type { YAML_SCALAR, YAML_MAPPING, YAML_SEQUENCE };

struct yaml_node {
    enum yaml_type type;
    char *key;                  /* in a mapping, or NULL */
    char *text;                 /* of a scalar; "" for an empty one */
    struct yaml_node *children; /* of a mapping or sequence, in file order */
    size_t children_count;
    int line, column;           /* of the key if there is one, else of the value; from 1 */
};

/* Problems are printed as "file:line:column: key: text" as they are found, and counted. */
struct yaml {
    char *path;
    FILE *problems_to;
    unsigned problems;
    struct yaml_node root;
};

/* Reads the file, at most 1 MiB and 8 levels deep. False after a printed problem; yaml_deinit is needed either way. */
bool yaml_init(struct yaml *yaml, const char *path, FILE *problems_to);
void yaml_deinit(struct yaml *yaml);

/* NULL if the mapping has no such key or node is no mapping. */
const struct yaml_node *yaml_find(const struct yaml_node *node, const char *key);

/* key is the dotted name for people, or "". */
void yaml_problem(struct yaml *yaml, const struct yaml_node *node, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
