/* A rules file, read into the tables of core/rules_tables.h. Errors have file, line, column, key and cure. */
#ifndef CONF_RULES_H
#define CONF_RULES_H

#include "core/rules_tables.h"
#include "errors.h"

struct conf_rules;

/* Reads the file. What is wrong goes to errors, and *ret_rules is NULL then. Negative: -errno (out of memory). */
int conf_rules_load(const char *file, struct conf_errors *errors, struct conf_rules **ret_rules);
struct conf_rules *conf_rules_free(struct conf_rules *rules); /* returns NULL */

/* Borrowed from rules. */
const struct rules_tables *conf_rules_tables(const struct conf_rules *rules);

#endif
