/* Text of a declared charset into UTF-8, strictly: what is not valid is refused, nothing is replaced or guessed. */
#ifndef BASE_CHARSET_H
#define BASE_CHARSET_H

#include "base/buf.h"

enum charset { CHARSET_UTF_8, CHARSET_GB18030 };
extern const char *const charset_names[]; /* ended by NULL, in the order of the enum */

/* X(name, code in the quarantine file, text) */
#define CHARSET_FAULT_MAP(X)                                                                             \
    X(NONE, "OK", "no fault")                                                                            \
    X(INVALID, "CHARSET", "bytes are not valid in the declared charset")                                         \
    X(REPLACEMENT, "REPLACEMENT", "contains U+FFFD: an earlier conversion has already lost characters")  \
    X(CONTROL, "CONTROL", "contains a control character")

enum charset_fault {
#define X(name, code, text) CHARSET_FAULT_##name,
    CHARSET_FAULT_MAP(X)
#undef X
};

const char *charset_fault_code(enum charset_fault fault);
const char *charset_fault_text(enum charset_fault fault);

struct charset_decoder;

/* NULL if this machine cannot convert the charset (errno tells why). */
struct charset_decoder *charset_decoder_new(enum charset charset);
struct charset_decoder *charset_decoder_free(struct charset_decoder *decoder); /* returns NULL */

/* Appends bytes as UTF-8 to text. On a fault text is as it was and *ret_at tells how many bytes were good. */
enum charset_fault charset_decode(struct charset_decoder *decoder, struct qiao_bytes bytes, struct buf *text, size_t *ret_at);

/* The byte order mark of the charset. */
struct qiao_bytes charset_mark(enum charset charset);

#endif
