#include "reader.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* How a look at the bytes ahead ended. */
enum scan_end { SCAN_ROW, SCAN_MORE };

struct scan {
    size_t size;            /* bytes of the row without line end */
    size_t end;             /* bytes with it */
    enum reader_fault fault;
};

struct reader {
    int fd;
    struct reader_limits limits;
    uint8_t *buffer;           /* capacity: one row and its line end, at least 64 KiB */
    size_t capacity;
    size_t at, filled;         /* buffer[at … filled) has not been handed out */
    bool ended;                /* the file has no more bytes */
    bool cr_ends;              /* lines end with a lone CR; the first line decides */
    bool line_end_known;
    bool skipping;             /* in the rest of a row that was too large */
    uint64_t rows, line;
    uint64_t lines_of_last;    /* line ends inside the row handed out last, its own included */
    struct qiao_bytes *fields; /* columns_max of them */
    uint8_t *unquoted;         /* row_bytes_max bytes: fields with doubled quotes halved */
};

const char *reader_fault_code(enum reader_fault fault)
{
    static const char *const codes[] = {
#define X(name, code, text) code,
        READER_FAULT_MAP(X)
#undef X
    };
    return codes[fault];
}

const char *reader_fault_text(enum reader_fault fault)
{
    static const char *const texts[] = {
#define X(name, code, text) text,
        READER_FAULT_MAP(X)
#undef X
    };
    return texts[fault];
}

static enum scan_end scan_row(struct reader *reader, struct scan *ret_scan);
static int refill(struct reader *reader);
static int hand_out(struct reader *reader, const struct scan *scan, struct reader_row *ret_row);
static int skip_rest(struct reader *reader);

struct reader *reader_new(int fd, const struct reader_limits *limits)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return NULL;
    size_t least = 64 * 1024;
    reader->fd = fd;
    reader->limits = *limits;
    reader->capacity = limits->row_bytes_max + 2 > least ? limits->row_bytes_max + 2 : least;
    reader->buffer = malloc(reader->capacity);
    reader->fields = calloc(limits->columns_max, sizeof *reader->fields);
    reader->unquoted = malloc(limits->row_bytes_max + 1);
    reader->line = 1;
    return reader->buffer && reader->fields && reader->unquoted ? reader : reader_free(reader);
}

struct reader *reader_free(struct reader *reader)
{
    if (reader) {
        free(reader->buffer);
        free(reader->fields);
        free(reader->unquoted);
        free(reader);
    }
    return NULL;
}

bool reader_skip_mark(struct reader *reader, struct qiao_bytes mark)
{
    while (reader->filled < mark.size && !reader->ended)
        if (refill(reader) < 0)
            return false;
    if (reader->filled < mark.size || memcmp(reader->buffer, mark.data, mark.size) != 0)
        return false;
    reader->at = mark.size;
    return true;
}

int reader_next(struct reader *reader, struct reader_row *ret_row)
{
    for (;;) {
        if (reader->skipping) {
            int r = skip_rest(reader);
            if (r < 0)
                return r;
        }
        reader->line += reader->lines_of_last;
        reader->lines_of_last = 0;
        struct scan scan = { 0 };
        while (scan_row(reader, &scan) == SCAN_MORE) {
            int r = refill(reader);
            if (r < 0)
                return r;
        }
        if (scan.end == 0)
            return 0;
        if (hand_out(reader, &scan, ret_row))
            return 1;
    }
}

/* Moves what is left to the front and reads until the buffer is full or the file ends, so that a row is looked at again only once a buffer. */
static int refill(struct reader *reader)
{
    memmove(reader->buffer, reader->buffer + reader->at, reader->filled - reader->at);
    reader->filled -= reader->at;
    reader->at = 0;
    while (!reader->ended && reader->filled < reader->capacity) {
        ssize_t size = read(reader->fd, reader->buffer + reader->filled, reader->capacity - reader->filled);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return -errno;
        reader->ended = size == 0;
        reader->filled += (size_t)size;
    }
    return 0;
}

/* Bytes of the line end at data[i], 0 if there is none, -1 if one more byte must be seen. */
static int line_end_size(const struct reader *reader, const uint8_t *data, size_t i, size_t size)
{
    if (data[i] == '\n')
        return 1;
    if (data[i] != '\r')
        return 0;
    if (reader->line_end_known && reader->cr_ends)
        return 1;
    if (i + 1 == size)
        return reader->ended ? 1 : -1;
    if (data[i + 1] == '\n')
        return 2;
    return reader->line_end_known ? 0 : 1;
}

/* The next line end at or after i, whatever quotes say. False if the buffer ends before. */
static bool find_line_end(struct reader *reader, const uint8_t *data, size_t i, size_t size, struct scan *scan)
{
    for (; i < size; i++) {
        int end = line_end_size(reader, data, i, size);
        if (end < 0)
            return false;
        if (end > 0) {
            scan->size = i;
            scan->end = i + (size_t)end;
            return true;
        }
    }
    scan->size = scan->end = size;
    return reader->ended;
}

/* The row is wrong from i on: it goes to the end of that line. */
static enum scan_end fault_row(struct reader *reader, const uint8_t *data, size_t i, size_t size, enum reader_fault fault, struct scan *scan)
{
    scan->fault = fault;
    if (find_line_end(reader, data, i, size, scan))
        return SCAN_ROW;
    if (size < reader->capacity)
        return SCAN_MORE;
    scan->size = scan->end = reader->limits.row_bytes_max;
    reader->skipping = true;
    return SCAN_ROW;
}

/* The bytes ended inside the row. Inside quotes the row ends with its first line, so that one stray quote costs one line. */
static enum scan_end fault_size(struct reader *reader, const uint8_t *data, size_t size, bool in_quotes, struct scan *scan)
{
    if (in_quotes && find_line_end(reader, data, 0, size, scan) && scan->size <= reader->limits.row_bytes_max) {
        scan->fault = READER_FAULT_QUOTE_OPEN;
        return SCAN_ROW;
    }
    scan->fault = READER_FAULT_ROW_SIZE;
    scan->size = scan->end = reader->limits.row_bytes_max;
    reader->skipping = true;
    return SCAN_ROW;
}

static void learn_line_end(struct reader *reader, const uint8_t *data, const struct scan *scan)
{
    if (reader->line_end_known || scan->end == scan->size)
        return;
    reader->line_end_known = true;
    reader->cr_ends = scan->end == scan->size + 1 && data[scan->size] == '\r';
}

/* Where the next row ends. Nothing is taken out of the buffer. */
static enum scan_end scan_row(struct reader *reader, struct scan *ret_scan)
{
    enum { FIELD_START, PLAIN, QUOTED, QUOTE_SEEN } state = FIELD_START;
    const uint8_t *data = reader->buffer + reader->at;
    size_t size = reader->filled - reader->at;
    *ret_scan = (struct scan){ 0 };
    for (size_t i = 0; i < size; i++) {
        uint8_t c = data[i];
        if (state == QUOTED) {
            if (i > reader->limits.row_bytes_max)
                return fault_size(reader, data, size, true, ret_scan);
            state = c == '"' ? QUOTE_SEEN : QUOTED;
            continue;
        }
        /* The size first: beyond it the buffer may have no room for the byte that decides about a CR. */
        if (i > reader->limits.row_bytes_max)
            return fault_size(reader, data, size, false, ret_scan);
        int end = line_end_size(reader, data, i, size);
        if (end < 0)
            return SCAN_MORE;
        if (end > 0) {
            ret_scan->size = i;
            ret_scan->end = i + (size_t)end;
            learn_line_end(reader, data, ret_scan);
            return SCAN_ROW;
        }
        if (c == '\r')
            return fault_row(reader, data, i + 1, size, READER_FAULT_BARE_CR, ret_scan);
        if (c == (uint8_t)reader->limits.delimiter)
            state = FIELD_START;
        else if (c == '"' && state == FIELD_START)
            state = QUOTED;
        else if (c == '"' && state == QUOTE_SEEN)
            state = QUOTED;
        else if (c == '"')
            return fault_row(reader, data, i, size, READER_FAULT_QUOTE_INSIDE, ret_scan);
        else if (state == QUOTE_SEEN)
            return fault_row(reader, data, i, size, READER_FAULT_QUOTE_AFTER, ret_scan);
        else
            state = PLAIN;
    }
    if (size > reader->limits.row_bytes_max)
        return fault_size(reader, data, size, state == QUOTED, ret_scan);
    if (!reader->ended)
        return SCAN_MORE;
    ret_scan->size = ret_scan->end = size;
    if (state == QUOTED)
        return fault_size(reader, data, size, true, ret_scan);
    return SCAN_ROW;
}

static uint64_t count_lines(const struct reader *reader, struct qiao_bytes bytes)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < bytes.size; i++)
        lines += bytes.data[i] == (reader->cr_ends ? '\r' : '\n');
    return lines;
}

/* Adds one field found at raw[from … to). */
static enum reader_fault add_field(struct reader *reader, struct reader_row *row, size_t from, size_t to, uint8_t **write)
{
    if (row->fields_count == reader->limits.columns_max)
        return READER_FAULT_COLUMNS_MAX;
    uint8_t *start = *write;
    const uint8_t *data = row->raw.data;
    bool quoted = from < to && data[from] == '"';
    /* scan_row has seen to it that a quoted field ends with its closing quote. */
    for (size_t i = from + quoted; i < to - quoted; i++) {
        *(*write)++ = data[i];
        i += quoted && data[i] == '"';
    }
    size_t size = (size_t)(*write - start);
    if (size > reader->limits.field_bytes_max)
        return READER_FAULT_FIELD_SIZE;
    row->fields[row->fields_count++] = qiao_bytes(start, size);
    return READER_FAULT_NONE;
}

static enum reader_fault split_fields(struct reader *reader, struct reader_row *row)
{
    uint8_t *write = reader->unquoted;
    bool in_quotes = false;
    size_t from = 0;
    for (size_t i = 0; i <= row->raw.size; i++) {
        if (i < row->raw.size && row->raw.data[i] == 0)
            return READER_FAULT_NUL;
        if (i < row->raw.size && row->raw.data[i] == '"')
            in_quotes = !in_quotes;
        if (i < row->raw.size && (in_quotes || row->raw.data[i] != (uint8_t)reader->limits.delimiter))
            continue;
        enum reader_fault fault = add_field(reader, row, from, i, &write);
        if (fault != READER_FAULT_NONE)
            return fault;
        from = i + 1;
    }
    return READER_FAULT_NONE;
}

/* Takes the row out of the buffer. 0 for an empty line, which is no row. */
static int hand_out(struct reader *reader, const struct scan *scan, struct reader_row *ret_row)
{
    const uint8_t *data = reader->buffer + reader->at;
    reader->at += scan->end;
    reader->lines_of_last = count_lines(reader, qiao_bytes(data, scan->end));
    if (scan->size == 0)
        return 0;
    *ret_row = (struct reader_row){ .number = reader->rows++, .line = reader->line, .raw = qiao_bytes(data, scan->size),
                                    .fields = reader->fields, .fault = scan->fault };
    if (ret_row->fault == READER_FAULT_NONE)
        ret_row->fault = split_fields(reader, ret_row);
    if (ret_row->fault != READER_FAULT_NONE)
        ret_row->fields_count = 0;
    return 1;
}

/* Drops the rest of a row that was too large, up to its line end. */
static int skip_rest(struct reader *reader)
{
    for (;;) {
        struct scan scan = { 0 };
        const uint8_t *data = reader->buffer + reader->at;
        size_t size = reader->filled - reader->at;
        bool found = find_line_end(reader, data, 0, size, &scan);
        /* A last CR may be half of a CRLF: it stays for the next look. */
        size_t dropped = found ? scan.end : size > 0 && data[size - 1] == '\r' ? size - 1 : size;
        reader->lines_of_last += count_lines(reader, qiao_bytes(data, dropped));
        reader->at += dropped;
        reader->skipping = !found;
        if (found)
            return 0;
        int r = refill(reader);
        if (r < 0)
            return r;
    }
}
