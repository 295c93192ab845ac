/* Mappings of a tree read by a table of their keys: for files beside the configuration, whose lists are the point and which nobody dumps. */
#ifndef CONF_FIELDS_H
#define CONF_FIELDS_H

#include "tree.h"

#define FIELDS_KEY_SIZE 128u

/* Where reading goes on. Copied from place to place; errors and out_of_memory are shared. */
struct fields_reader {
    const struct tree *tree;
    struct conf_errors *errors;
    void *context;                 /* of the read functions */
};

/* One key of a mapping. read is called with the value; shown is the whole key for people, "rules[2].kinds". */
struct fields_key {
    const char *name;
    bool required;
    void (*read)(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into);
    const char *expected;          /* of a required one that is missing: "a name" */
};

void fields_error(const struct fields_reader *reader, const struct tree_node *node, const char *shown, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Calls read for each key of the mapping; unknown, missing and misshapen ones become errors. */
void fields_read(const struct fields_reader *reader, const struct tree_node *node, const char *shown, const struct fields_key *keys, size_t count, void *into);

/* Calls each for every element of a list; an empty value is an empty list. */
void fields_each(const struct fields_reader *reader, const struct tree_node *node, const char *shown,
                 void (*each)(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into), void *into);

/* The text of a scalar, or NULL after an error. Between 1 and size_max bytes. */
const char *fields_text(const struct fields_reader *reader, const struct tree_node *node, const char *shown, size_t size_max, const char *expected);
/* A whole number from min to max; false after an error. */
bool fields_number(const struct fields_reader *reader, const struct tree_node *node, const char *shown, uint32_t min, uint32_t max, uint32_t *ret_number);
bool fields_bool(const struct fields_reader *reader, const struct tree_node *node, const char *shown, bool *ret_truth);
/* A day "2026-08-15", as days since 1970-01-01. */
bool fields_day(const struct fields_reader *reader, const struct tree_node *node, const char *shown, int32_t *ret_day);

/* The index of a word among count words that word_at tells, or -1 after an error that names the nearest. */
int fields_word(const struct fields_reader *reader, const struct tree_node *node, const char *shown, const char *what,
                const char *(*word_at)(const void *words, size_t i), const void *words, size_t count);

#endif
