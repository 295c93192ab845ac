/* A growing buffer of bytes, NUL terminated, and the two encodings the adapters write. Out of memory ends the process. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <qiao/bytes.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *data;      /* NULL while empty and never grown */
    size_t size;     /* without the NUL */
    size_t capacity;
};

void text_deinit(struct text *text);
void text_clear(struct text *text);
void text_add(struct text *text, const void *data, size_t size);
void text_add_string(struct text *text, const char *string);
void text_add_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Never NULL. */
const char *text_string(const struct text *text);

/* One CSV field, quoted where RFC 4180 asks for it, with a comma before it unless it is the first of its line. CR and LF become spaces,
 * so that one record is always one line. */
void text_add_field(struct text *text, const char *field);
void text_add_base64(struct text *text, struct qiao_bytes bytes);
/* A JSON string with its quotes; the bytes must be UTF-8. */
void text_add_json(struct text *text, const char *string);
void text_add_hex(struct text *text, struct qiao_bytes bytes);

/* Splits one line as text_add_field wrote it, in place; returns the number of fields found, at most most. */
size_t text_split_fields(char *line, char **fields, size_t most);

#endif
