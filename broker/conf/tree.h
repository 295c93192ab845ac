/* A YAML file as a tree in which every node knows its line and column. Anchors, aliases, tags, duplicate keys and second documents are refused. */
#ifndef CONF_TREE_H
#define CONF_TREE_H

#include "errors.h"

enum tree_kind {
    TREE_EMPTY,                    /* a key without a value */
    TREE_SCALAR,
    TREE_MAPPING,
    TREE_LIST,
    TREE_REFUSED,                  /* an error about it was added already: to be skipped */
};

struct tree_node {
    enum tree_kind kind;
    char *key;                     /* in a mapping; otherwise NULL */
    char *text;                    /* scalars */
    bool quoted;                   /* scalars: not plain */
    int line, column;              /* of the value, from 1 */
    int key_line, key_column;
    struct tree_node *children;    /* mappings and lists */
    size_t children_count;
};

struct tree {
    char *file;                    /* as a person calls it */
    char *folder;                  /* absolute: relative paths count from here */
    struct tree_node root;         /* a mapping, or TREE_EMPTY if the file has nothing in it */
    bool broken;                   /* did not parse: errors were added, root is not to be used */
};

#define TREE_FILE_SIZE_MAX (8u * 1024u * 1024u)
#define TREE_DEPTH_MAX 8u
#define TREE_KEYS_MAX 256u         /* in one mapping */

/* Reads and parses. What is wrong with the file goes to errors. Negative: -errno (out of memory). The caller deinits in every case. */
int tree_init(struct tree *tree, const char *path, struct conf_errors *errors);
void tree_deinit(struct tree *tree);

struct conf_place tree_place(const struct tree *tree, const struct tree_node *node);
struct conf_place tree_key_place(const struct tree *tree, const struct tree_node *node);

#endif
