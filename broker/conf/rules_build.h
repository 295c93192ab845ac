/* Rules while they are read; for conf/rules*.c only. */
#ifndef CONF_RULES_BUILD_H
#define CONF_RULES_BUILD_H

#include "fields.h"
#include "rules.h"

/* A growing array of structs, zeroed when appended. */
struct rules_list {
    void *items;
    size_t count;
    size_t size;                   /* of one, bytes */
};

/* Texts in the tables are those of the tree, which lives as long. */
struct conf_rules {
    struct tree tree;
    struct rules_tables tables;
    struct rules_list rules;
    bool out_of_memory;
};

/* NULL, with out_of_memory set, or after an error when there are max already. */
void *rules_append(const struct fields_reader *reader, struct rules_list *list, size_t max, const struct tree_node *node, const char *shown);
/* A list, or one value that stands for a list of one. An empty list is an error. */
void rules_each(const struct fields_reader *reader, const struct tree_node *node, const char *shown,
                void (*each)(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into), void *into);
/* One of the words as a bit of the mask. */
struct rules_words {
    const char *const *items;
    size_t count;
    const char *what;
};
int rules_word(const struct fields_reader *reader, const struct tree_node *node, const char *shown, const struct rules_words *words);

extern const struct rules_words rules_lane_words;

/* rules_when.c: what a rule asks for. rules_do.c: what it does. */
void rules_read_when(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *rule);
void rules_read_do(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *rule);

#endif
