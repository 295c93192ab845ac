/* A configuration while it is being made from its files, and where each part of it came from. */
#ifndef CONF_BUILD_H
#define CONF_BUILD_H

#include "items.h"
#include "tree.h"

/* The files behind the elements of one list, in the list's order. */
struct origins {
    struct origin {
        struct conf_place place;
        char key[48];              /* "links[2]", counted in its file */
    } *items;
    size_t count;
};

struct build {
    struct conf *conf;
    struct tree *trees;            /* the main file first; alive until the checks are done */
    size_t trees_count;
    struct conf_errors errors;
    bool given[CONF_ITEMS_MAX];    /* items of struct conf found in a file, right or wrong; by conf_item_index */
    bool wrong[CONF_ITEMS_MAX];    /* of these, the ones that did not parse */
    struct conf_place places[CONF_ITEMS_MAX]; /* of given items */
    struct origins listen, links, members;
};

/* Applies one file to the configuration: scalars replace, lists are appended to. Negative: -errno. */
int build_apply(struct build *build, const struct tree *tree);
/* Items that nobody wrote get their defaults; required ones become errors. Negative: -errno. */
int build_complete(struct build *build);
/* What no single value can show: references, order, uniqueness. Only for files that parsed. Negative: -errno. */
int build_check(struct build *build);

#endif
