/* A policy file and its catalogue of legal bases, read into the tables of core/policy_tables.h. Errors have file, line, column, key and cure. */
#ifndef CONF_POLICY_H
#define CONF_POLICY_H

#include "core/policy_tables.h"
#include "errors.h"

struct conf_policy;

/* Reads both files. What is wrong goes to errors, and *ret_policy is NULL then. Negative: -errno (out of memory). */
int conf_policy_load(const char *policy_file, const char *catalogue_file, struct conf_errors *errors, struct conf_policy **ret_policy);
struct conf_policy *conf_policy_free(struct conf_policy *policy); /* returns NULL */

/* Borrowed from policy. */
const struct policy_tables *conf_policy_tables(const struct conf_policy *policy);

#endif
