/* CSV as RFC 4180 has it, over bytes: quotes, line ends inside quotes, LF, CRLF or CR. A row that is not CSV is told as such and the
 * next row goes on; a quote that is never closed costs its own line, not the rest of the file.
 * Rows are cut before their charset is decoded: comma, semicolon, tab, quote, CR and LF are never part of another character in UTF-8
 * or GB18030, so that broken characters cannot move the edges of rows. */
#ifndef CSV_READER_H
#define CSV_READER_H

#include <qiao/bytes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(name, code in the quarantine file, text) */
#define READER_FAULT_MAP(X)                                                                        \
    X(NONE, "OK", "no fault")                                                                      \
    X(NUL, "NUL", "the row contains a NUL byte")                                                   \
    X(QUOTE_INSIDE, "QUOTE_INSIDE", "a quote stands inside a field that does not begin with one")  \
    X(QUOTE_AFTER, "QUOTE_AFTER", "something stands between the closing quote and the delimiter")  \
    X(QUOTE_OPEN, "QUOTE_OPEN", "a quote is opened and not closed within the size of a row")       \
    X(BARE_CR, "BARE_CR", "a CR stands alone in a file whose lines end with LF")                   \
    X(ROW_SIZE, "ROW_SIZE", "the row is larger than file.row_bytes_max")                           \
    X(FIELD_SIZE, "FIELD_SIZE", "a field is larger than file.field_bytes_max")                     \
    X(COLUMNS_MAX, "COLUMNS_MAX", "the row has more fields than file.columns_max")

enum reader_fault {
#define X(name, code, text) READER_FAULT_##name,
    READER_FAULT_MAP(X)
#undef X
};

const char *reader_fault_code(enum reader_fault fault);
const char *reader_fault_text(enum reader_fault fault);

struct reader_limits {
    char delimiter;
    size_t row_bytes_max;   /* line end not counted */
    size_t field_bytes_max; /* without quotes */
    size_t columns_max;
};

struct reader_row {
    uint64_t number;           /* rows of the file from 0, faulty ones included, empty lines not: 0 is the header */
    uint64_t line;             /* line of the file its first byte stands in, from 1 */
    struct qiao_bytes raw;     /* as in the file without the line end; of ROW_SIZE the first row_bytes_max bytes */
    struct qiao_bytes *fields; /* without quotes; empty if there is a fault */
    size_t fields_count;
    enum reader_fault fault;
};

struct reader;

/* Reads from fd, which stays the caller's. NULL when out of memory. */
struct reader *reader_new(int fd, const struct reader_limits *limits);
struct reader *reader_free(struct reader *reader); /* returns NULL */

/* 1: *ret_row is the next row, borrowed until the next call. 0: end of file. Negative: -errno of read(). */
int reader_next(struct reader *reader, struct reader_row *ret_row);

/* Skips a byte order mark at the start; to be called before the first reader_next. True if mark was there. */
bool reader_skip_mark(struct reader *reader, struct qiao_bytes mark);

#endif
