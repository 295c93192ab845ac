/* A policy while it is read; for conf/policy*.c only. */
#ifndef CONF_POLICY_BUILD_H
#define CONF_POLICY_BUILD_H

#include "fields.h"
#include "policy.h"

/* A growing array of structs or pointers, zeroed when appended. */
struct policy_list {
    void *items;
    size_t count;
    size_t size;                   /* of one, bytes */
};

/* Texts in the tables are those of the trees, which live as long. */
struct conf_policy {
    struct tree file, catalogue;
    struct policy_tables tables;
    struct policy_list versions, purposes, kinds, retentions, orgs, articles, rules;
    struct policy_list secret_purposes, secret_prefixes, secret_keywords;
    struct policy_list orgs_at, articles_at; /* where they stand: const struct tree_node * */
    bool out_of_memory;
};

/* NULL, with out_of_memory set, or after an error when there are max already. */
void *policy_append(const struct fields_reader *reader, struct policy_list *list, size_t max, const struct tree_node *node, const char *shown);
/* One text more in a list of const char *. Twice the same is an error. */
void policy_append_text(const struct fields_reader *reader, struct policy_list *list, size_t max, const struct tree_node *node, const char *shown,
                        size_t size_max, const char *expected);
/* fields_word over such a list. */
int policy_text_index(const struct fields_reader *reader, const struct policy_list *list, const struct tree_node *node, const char *shown, const char *what);

/* policy_catalogue.c: fills versions and articles from the tree. */
void policy_read_catalogue(const struct fields_reader *reader);
/* policy_rules.c */
void policy_read_rules(const struct fields_reader *reader, const struct tree_node *node, const char *shown, void *into);
void policy_check_shadows(const struct fields_reader *reader);
/* Of a text name in the files. */
int policy_org_type(const struct fields_reader *reader, const struct tree_node *node, const char *shown);
/* A known name, or a number of a kind of one's own; false after an error. */
bool policy_kind_number(const struct fields_reader *reader, const struct tree_node *node, const char *shown, uint32_t *ret_number);

#endif
