#include "area/sheet.h"

static bool begins_with(struct qiao_bytes bytes, struct qiao_bytes start)
{
    return bytes.size >= start.size && memcmp(bytes.data, start.data, start.size) == 0;
}

static struct qiao_bytes behind(struct qiao_bytes bytes, size_t size)
{
    return qiao_bytes(bytes.data + size, bytes.size - size);
}

static char choose_delimiter(struct qiao_bytes line)
{
    static const char delimiters[] = { ',', '\t', ';' };
    for (size_t i = 0; i < sizeof delimiters; i++)
        if (line.size > 0 && memchr(line.data, delimiters[i], line.size)) return delimiters[i];
    return ',';
}

bool sheet_open(struct sheet *sheet, struct qiao_bytes file, enum charset charset)
{
    struct qiao_bytes mark = charset_mark(charset);
    *sheet = (struct sheet){ .left = begins_with(file, mark) ? behind(file, mark.size) : file, .line = 1, .decoder = charset_decoder_new(charset) };
    if (!sheet->decoder) return false;
    const uint8_t *end = sheet->left.size ? memchr(sheet->left.data, '\n', sheet->left.size) : NULL;
    sheet->delimiter = choose_delimiter(qiao_bytes(sheet->left.data, end ? (size_t)(end - sheet->left.data) : sheet->left.size));
    buf_reserve(&sheet->text, file.size * 2 + 16); /* GB18030's two bytes become three, its four four */
    return true;
}

void sheet_close(struct sheet *sheet)
{
    sheet->decoder = charset_decoder_free(sheet->decoder);
    buf_deinit(&sheet->text);
}

/* Bytes of the row at the front, its line end included: a line end inside quotes does not end it. */
static size_t row_size(struct qiao_bytes left)
{
    bool quoted = false;
    for (size_t at = 0; at < left.size;) {
        const uint8_t *end = memchr(left.data + at, '\n', left.size - at);
        size_t next = end ? (size_t)(end - left.data) + 1 : left.size;
        for (const uint8_t *c = left.data + at; (c = memchr(c, '"', (size_t)(left.data + next - c))); c++) quoted = !quoted;
        if (!quoted || next == left.size || next > SHEET_LINE_SIZE_MAX) return next;
        at = next;
    }
    return left.size;
}

/* Bytes of the blank at the front or the end of the bytes, the ideographic one included; 0: there is none. */
static size_t blank_size(struct qiao_bytes bytes, bool at_end)
{
    if (bytes.size == 0) return 0;
    uint8_t c = bytes.data[at_end ? bytes.size - 1 : 0];
    if (c == ' ' || c == '\t') return 1;
    return bytes.size >= 3 && memcmp(bytes.data + (at_end ? bytes.size - 3 : 0), "\xe3\x80\x80", 3) == 0 ? 3 : 0;
}

static struct qiao_bytes trim(struct qiao_bytes bytes, size_t *at)
{
    for (size_t size; (size = blank_size(bytes, false)) > 0; *at += size) bytes = behind(bytes, size);
    for (size_t size; (size = blank_size(bytes, true)) > 0;) bytes.size -= size;
    return bytes;
}

static void fail(struct sheet_line *line, const char *fault, size_t at)
{
    line->fault = fault;
    line->fault_at = at;
}

/* A field in quotes, at the quote: takes the quotes out in place. Returns where the text goes on. */
static size_t unquote(uint8_t *text, size_t size, size_t at, struct qiao_bytes *ret_field)
{
    size_t write = at + 1, read = at + 1;
    for (; read < size; read++) {
        if (text[read] == '"' && (read + 1 == size || text[read + 1] != '"')) break;
        if (text[read] == '"') read++;
        text[write++] = text[read];
    }
    *ret_field = qiao_bytes(text + at + 1, write - at - 1);
    return read < size ? read + 1 : SIZE_MAX;
}

static void split(const struct sheet *sheet, struct sheet_line *line, uint8_t *text)
{
    size_t size = line->text.size;
    for (size_t at = 0;; at++) {
        if (line->fields_count == SHEET_COLUMNS_MAX) {
            fail(line, "has more than 64 fields", at);
            return;
        }
        size_t i = line->fields_count++, end = at;
        line->fields_at[i] = at;
        if (at < size && text[at] == '"') {
            end = unquote(text, size, at, &line->fields[i]);
            if (end == SIZE_MAX) fail(line, "opens a quote and does not close it", at);
            else if (end < size && text[end] != (uint8_t)sheet->delimiter) fail(line, "has something between a closing quote and the next field; quotes inside a field are doubled", end);
            if (line->fault) return;
        } else {
            const uint8_t *found = at < size ? memchr(text + at, sheet->delimiter, size - at) : NULL;
            end = found ? (size_t)(found - text) : size;
            line->fields[i] = qiao_bytes(text + at, end - at);
        }
        line->fields[i] = trim(line->fields[i], &line->fields_at[i]);
        if (end >= size) return;
        at = end;
    }
}

static const char *charset_fault(enum charset_fault fault)
{
    static const char *const texts[] = {
        [CHARSET_FAULT_NONE] = NULL,
        [CHARSET_FAULT_INVALID] = "is not valid in the declared charset; exports are UTF-8 or GB18030, say which (areas.charset, --charset)",
        [CHARSET_FAULT_REPLACEMENT] = "holds U+FFFD: an earlier conversion has already lost characters; export again",
        [CHARSET_FAULT_CONTROL] = "holds a control character; take it out",
    };
    return texts[fault];
}

static void read_line(struct sheet *sheet, struct qiao_bytes raw, struct sheet_line *ret_line)
{
    size_t before = sheet->text.size, good = 0;
    if (raw.size > SHEET_LINE_SIZE_MAX) {
        fail(ret_line, "is larger than 64 KiB: a quote is open, or the line ends are neither LF nor CRLF", 0);
        return;
    }
    enum charset_fault fault = charset_decode(sheet->decoder, raw, &sheet->text, &good);
    ret_line->text = fault == CHARSET_FAULT_NONE ? qiao_bytes(sheet->text.data + before, sheet->text.size - before) : raw;
    if (fault != CHARSET_FAULT_NONE) fail(ret_line, charset_fault(fault), good < raw.size ? good : 0);
    else split(sheet, ret_line, sheet->text.data + before);
}

static uint32_t count_lines(struct qiao_bytes bytes)
{
    uint32_t count = 0;
    for (const uint8_t *c = bytes.data, *end = c + bytes.size; c < end && (c = memchr(c, '\n', (size_t)(end - c))); c++) count++;
    return count;
}

bool sheet_next(struct sheet *sheet, struct sheet_line *ret_line)
{
    while (sheet->left.size > 0) {
        size_t size = row_size(sheet->left);
        struct qiao_bytes raw = qiao_bytes(sheet->left.data, size);
        ret_line->number = sheet->line;
        ret_line->fault = NULL;
        ret_line->fields_count = 0;
        sheet->line += count_lines(raw);
        sheet->left = behind(sheet->left, size);
        if (raw.size > 0 && raw.data[raw.size - 1] == '\n') raw.size--;
        if (raw.size > 0 && raw.data[raw.size - 1] == '\r') raw.size--;
        if (raw.size == 0) continue;
        read_line(sheet, raw, ret_line);
        return true;
    }
    return false;
}
