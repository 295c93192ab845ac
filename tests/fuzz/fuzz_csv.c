/* The reader of drop files and the strict decoder behind it: any file is rows and told faults, whatever its bytes. */
#include "fuzz.h"

#include "base/charset.h"
#include "csv/reader.h"

#include <sys/mman.h>
#include <unistd.h>

/* Valid UTF-8 as charset.h promises it: no control characters but tab and line ends, nothing overlong. Checked here by hand. */
static bool is_utf8(const char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        unsigned char first = (unsigned char)text[i++];
        unsigned more = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
        if (first >= 0x80 && (first < 0xc2 || first > 0xf4)) return false;
        for (; more > 0; more--)
            if (i == size || ((unsigned char)text[i++] & 0xc0) != 0x80) return false;
    }
    return true;
}

static void decode(struct charset_decoder *decoder, struct qiao_bytes field)
{
    struct buf text = { 0 };
    size_t at = 0;
    enum charset_fault fault = charset_decode(decoder, field, &text, &at);
    if (fault == CHARSET_FAULT_NONE) FUZZ_CHECK(is_utf8((const char *)text.data, text.size));
    else FUZZ_CHECK(text.size == 0 && at <= field.size && charset_fault_code(fault)[0] != '\0');
    buf_deinit(&text);
}

static void check_row(const struct reader_row *row, const struct reader_limits *limits, uint64_t number, uint64_t line)
{
    FUZZ_CHECK(row->number == number && row->line >= line);
    FUZZ_CHECK(row->fields_count <= limits->columns_max);
    if (row->fault == READER_FAULT_NONE || row->fault == READER_FAULT_ROW_SIZE) FUZZ_CHECK(row->raw.size <= limits->row_bytes_max);
    if (row->fault != READER_FAULT_NONE) FUZZ_CHECK(row->fields_count == 0 && reader_fault_text(row->fault)[0] != '\0');
    for (size_t i = 0; i < row->fields_count; i++) FUZZ_CHECK(row->fields[i].size <= limits->field_bytes_max);
}

static void read_rows(struct reader *reader, const struct reader_limits *limits, struct charset_decoder *decoder)
{
    struct reader_row row;
    uint64_t line = 1, number = 0;
    for (; reader_next(reader, &row) == 1; line = row.line) {
        check_row(&row, limits, number++, line);
        for (size_t i = 0; i < row.fields_count; i++) decode(decoder, row.fields[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char delimiters[] = { ',', ';', '\t' };
    struct choices c = choices(data, size);
    enum charset charset = (enum charset)choose_below(&c, 2);
    struct reader_limits limits = { .delimiter = delimiters[choose_below(&c, 3)], .columns_max = 1 + choose_below(&c, 16) };
    limits.row_bytes_max = 16u << choose_below(&c, 8);
    limits.field_bytes_max = limits.row_bytes_max >> choose_below(&c, 3);
    int fd = memfd_create("rows", 0);
    if (fd < 0 || write(fd, c.at, c.left) != (ssize_t)c.left || lseek(fd, 0, SEEK_SET) != 0) abort();
    struct reader *reader = reader_new(fd, &limits);
    struct charset_decoder *decoder = charset_decoder_new(charset);
    if (!reader || !decoder) abort();
    reader_skip_mark(reader, charset_mark(charset));
    read_rows(reader, &limits, decoder);
    charset_decoder_free(decoder);
    reader_free(reader);
    close(fd);
    return 0;
}
