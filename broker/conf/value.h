/* From a written value to a field of the configuration and back: one row of functions a type. */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include "items.h"
#include "tree.h"

#define VALUE_WHY_SIZE 400u

/* VALUE_INVALID: why says what was found, what was expected and the cure; the field is as before. Negative: -errno. */
enum value_result { VALUE_OK = 0, VALUE_INVALID = 1 };

/* Writes the value of a scalar node into the field of the item's type, freeing what was there. folder: where relative paths start. */
int value_parse(const struct conf_item *item, const char *text, bool quoted, const char *folder, void *field, char why[VALUE_WHY_SIZE]);
/* The same value as it may be written in a file; "" if there is none. */
void value_print(enum conf_type type, const void *field, FILE *out);
bool value_equal(enum conf_type type, const void *a, const void *b);
bool value_is_given(enum conf_type type, const void *field);
void value_clear(enum conf_type type, void *field);
/* Size of the field, or of one element of a list of this type. */
size_t value_size(enum conf_type type);
/* The struct behind CONF_TYPE_LINK and CONF_TYPE_MEMBER; their prefix in item names, "links[]."; NULL for scalar types. */
const char *value_mapping_prefix(enum conf_type type);
/* What a person should write: "a file", "true or false". */
const char *value_expected(enum conf_type type);
/* The words of a choice, ended by NULL; NULL for other types. */
const char *const *value_choices(enum conf_type type);
/* Regular expression (ECMA 262) of the texts of this type, or NULL. */
const char *value_pattern(enum conf_type type);
/* A text in double quotation marks, as YAML and JSON both read it. */
void value_print_text(const char *text, FILE *out);

#endif
