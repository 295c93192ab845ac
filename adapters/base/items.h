/* Configuration keys as records. From one table come parsing, range checks, defaults and the list that --help prints. */
#ifndef BASE_ITEMS_H
#define BASE_ITEMS_H

#include "yaml.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum item_type {
    ITEM_TEXT,    /* char *, owned; "" stands for "not given" unless required */
    ITEM_NUMBER,  /* uint64_t */
    ITEM_BOOLEAN, /* bool */
    ITEM_CHOICE   /* unsigned, index into choices */
};

struct item {
    const char *key;              /* "member" or "file.charset": at most one dot */
    enum item_type type;
    size_t offset;                /* of the value in the struct that is filled */
    uint64_t min, max;            /* of numbers; of texts their size in bytes */
    const char *initial;          /* the default as text; NULL: required */
    const char *const *choices;   /* ended by NULL */
    const char *help;             /* one sentence */
};

/* Fills values from the tree. Keys at the top that belong to nobody and are not in others (ended by NULL) are problems, so are unknown
 * keys inside a section. Texts are owned by the caller, see items_free. */
bool items_fill(struct yaml *yaml, const struct item *items, size_t count, const char *const *others, void *values);

/* Frees the texts and sets them to NULL. */
void items_free(const struct item *items, size_t count, void *values);

/* "key (default): help" for each. */
void items_help(const struct item *items, size_t count, FILE *out);

#endif
