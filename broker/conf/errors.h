/* A growing list of what is wrong. Bounded: a file of rubbish must not fill the memory with complaints about it. */
#ifndef CONF_ERRORS_H
#define CONF_ERRORS_H

#include "conf.h"

#include <stdarg.h>

#define CONF_ERRORS_MAX 1000u

struct conf_errors {
    struct conf_error *items;
    size_t count;
    bool out_of_memory;
};

/* Where an error stands. line and column from 1; 0: the file as a whole. */
struct conf_place {
    const char *file;
    int line, column;
};

void conf_errors_add(struct conf_errors *errors, struct conf_place place, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void conf_errors_deinit(struct conf_errors *errors);
/* Puts them into the order of files and lines in which a person walks through them. Files keep the order of their first error. */
void conf_errors_sort(struct conf_errors *errors);

/* A found text made fit for a message: quoted, control characters as '?', long texts cut. Returns out. */
#define CONF_QUOTE_SIZE 96u
const char *conf_quote(const char *text, char out[CONF_QUOTE_SIZE]);

#endif
