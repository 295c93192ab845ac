#include "csv/reader.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct reader_limits ordinary = { ',', 4096, 1024, 16 };

static int file_of(const void *data, size_t size)
{
    int fd = memfd_create("csv", MFD_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, data, size), (ssize_t)size);
    cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

/* Rows as text: "line:field|field" or "line:!FAULT(raw)", joined by spaces. NUL and line ends in fields are shown as ~ . */
static void read_all(const struct reader_limits *limits, const void *data, size_t size, char *out, size_t out_size)
{
    int fd = file_of(data, size);
    struct reader *reader = reader_new(fd, limits);
    struct reader_row row;
    size_t used = 0;
    int r;
    out[0] = 0;
    while ((r = reader_next(reader, &row)) == 1) {
        used += (size_t)snprintf(out + used, out_size - used, "%s%llu:", used ? " " : "", (unsigned long long)row.line);
        if (row.fault != READER_FAULT_NONE)
            used += (size_t)snprintf(out + used, out_size - used, "!%s(%.*s)", reader_fault_code(row.fault), (int)row.raw.size, (const char *)row.raw.data);
        for (size_t i = 0; i < row.fields_count; i++)
            used += (size_t)snprintf(out + used, out_size - used, "%s%.*s", i ? "|" : "", (int)row.fields[i].size, (const char *)row.fields[i].data);
        cr_assert_lt(used, out_size);
    }
    cr_assert_eq(r, 0);
    for (size_t i = 0; i < used; i++)
        if (out[i] == '\n' || out[i] == '\r')
            out[i] = '~';
    reader_free(reader);
    close(fd);
}

static const struct { const char *name, *in, *out; } table[] = {
    { "plain", "a,b\nc,d\n", "1:a|b 2:c|d" },
    { "no line end at the end", "a,b\nc,d", "1:a|b 2:c|d" },
    { "CRLF", "a,b\r\nc,d\r\n", "1:a|b 2:c|d" },
    { "CR", "a,b\rc,d\r", "1:a|b 2:c|d" },
    { "empty fields", ",\n,,\n", "1:| 2:||" },
    { "empty lines are no rows", "a\n\n\nb\n", "1:a 4:b" },
    { "empty file", "", "" },
    { "quoted", "\"a\",\"b\"\n", "1:a|b" },
    { "quoted and empty", "\"\",x\n\"\"\n", "1:|x 2:" },
    { "doubled quotes", "\"a\"\"b\",\"\"\"\"\n", "1:a\"b|\"" },
    { "delimiter in quotes", "\"a,b\",c\n", "1:a,b|c" },
    { "line end in quotes", "\"a\nb\",c\nd,e\n", "1:a~b|c 3:d|e" },
    { "CRLF in quotes", "\"a\r\nb\",c\r\nd,e\r\n", "1:a~~b|c 3:d|e" },
    { "quote inside", "a\"b,c\nd,e\n", "1:!QUOTE_INSIDE(a\"b,c) 2:d|e" },
    { "something after the quote", "\"a\"b,c\nd,e\n", "1:!QUOTE_AFTER(\"a\"b,c) 2:d|e" },
    { "space before the quote", "a, \"b\"\nd,e\n", "1:!QUOTE_INSIDE(a, \"b\") 2:d|e" },
    { "a quote never closed costs one line", "a,\"b\nc,d\ne,f\n", "1:!QUOTE_OPEN(a,\"b) 2:c|d 3:e|f" },
    { "a quote closed lines later keeps them together", "\"a\nb\"c\nd,e\n", "1:!QUOTE_AFTER(\"a~b\"c) 3:d|e" },
    { "CR alone in a file of LF", "a,b\nc\rd,e\nf,g\n", "1:a|b 2:!BARE_CR(c~d,e) 3:f|g" },
    { "too many columns", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17\na\n", "1:!COLUMNS_MAX(1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17) 2:a" },
};

Test(csv_reader, reads_and_refuses_as_the_table_says)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char out[4096];
        read_all(&ordinary, table[i].in, strlen(table[i].in), out, sizeof out);
        cr_expect_str_eq(out, table[i].out, "%s: found <%s>, expected <%s>", table[i].name, out, table[i].out);
    }
}

Test(csv_reader, a_nul_byte_makes_its_row_bad)
{
    char out[256];
    read_all(&ordinary, "a,b\nc\0d,e\nf,g\n", 14, out, sizeof out);
    cr_expect_str_eq(out, "1:a|b 2:!NUL(c) 3:f|g");
    int fd = file_of("a,b\nc\0d,e\nf,g\n", 14);
    struct reader *reader = reader_new(fd, &ordinary);
    struct reader_row row;
    cr_assert_eq(reader_next(reader, &row), 1);
    cr_assert_eq(reader_next(reader, &row), 1);
    cr_expect_eq(row.fault, READER_FAULT_NUL);
    cr_assert_eq(reader_next(reader, &row), 1);
    cr_expect_eq(row.fault, READER_FAULT_NONE);
    cr_expect_eq(row.line, 3u);
    reader_free(reader);
    close(fd);
}

Test(csv_reader, rows_and_fields_over_the_limit_are_bad_and_the_rest_goes_on)
{
    const struct reader_limits small = { ',', 10, 6, 4 };
    char out[512];
    read_all(&small, "1234567890\n", 11, out, sizeof out);
    cr_expect_str_eq(out, "1:!FIELD_SIZE(1234567890)");
    read_all(&small, "12345,7890\nx\n", 13, out, sizeof out);
    cr_expect_str_eq(out, "1:12345|7890 2:x");
    read_all(&small, "12345,78901\nx\n", 14, out, sizeof out);
    cr_expect_str_eq(out, "1:!ROW_SIZE(12345,7890) 2:x");
    read_all(&small, "12345,78901\r\nx\r\n", 16, out, sizeof out);
    cr_expect_str_eq(out, "1:!ROW_SIZE(12345,7890) 2:x");
    read_all(&small, "\"a\nbcdefghijklmnop\",\nx\n", 24 - 1, out, sizeof out);
    cr_expect_str_eq(out, "1:!QUOTE_OPEN(\"a) 2:!ROW_SIZE(bcdefghijk) 3:x");
}

/* A row longer than any buffer, in a pipe that gives it in pieces. */
Test(csv_reader, a_row_without_end_costs_no_memory)
{
    const struct reader_limits limits = { ',', 100, 100, 4 };
    int fd = memfd_create("csv", MFD_CLOEXEC);
    char block[4096];
    memset(block, 'x', sizeof block);
    cr_assert_eq(write(fd, "a\n", 2), 2);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(write(fd, block, sizeof block), (ssize_t)sizeof block);
    cr_assert_eq(write(fd, "\nb\n", 3), 3);
    cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
    struct reader *reader = reader_new(fd, &limits);
    struct reader_row row;
    cr_assert_eq(reader_next(reader, &row), 1);
    cr_assert_eq(reader_next(reader, &row), 1);
    cr_expect_eq(row.fault, READER_FAULT_ROW_SIZE);
    cr_expect_eq(row.raw.size, 100u);
    cr_assert_eq(reader_next(reader, &row), 1);
    cr_expect_eq(row.fault, READER_FAULT_NONE);
    cr_expect_eq(row.line, 3u);
    cr_expect_eq(reader_next(reader, &row), 0);
    reader_free(reader);
    close(fd);
}

static const char nasty[] = "h1,\"h\n2\",h3\r\n\"a\"\"\",\"\r\n,\",c\r\n\r\nx\"y,1,2\r\n\"open,1,2\r\n,,\r\n\"p\"q,\"r\ns\"\r\nlast,\"1\",\0\r\nno,end,\"q\"\"";

/* Every prefix is read to its end: no byte is lost or told twice, and lines only grow. */
Test(csv_reader, every_prefix_of_a_nasty_file_is_accounted_for)
{
    for (size_t size = 0; size < sizeof nasty; size++) {
        int fd = file_of(nasty, size);
        const struct reader_limits limits = { ',', size % 2 ? 4096 : 12, 64, 4 };
        struct reader *reader = reader_new(fd, &limits);
        struct reader_row row;
        size_t bytes = 0;
        uint64_t line = 0, number = 0;
        int r;
        while ((r = reader_next(reader, &row)) == 1) {
            cr_assert_gt(row.line, line, "prefix %zu", size);
            cr_assert_eq(row.number, number++, "prefix %zu", size);
            cr_assert_gt(row.raw.size, 0u);
            line = row.line;
            bytes += row.raw.size;
        }
        cr_assert_eq(r, 0);
        cr_assert_leq(bytes, size);
        size_t ends = 0;
        for (size_t i = 0; i < size; i++)
            ends += nasty[i] == '\r' || nasty[i] == '\n';
        if (limits.row_bytes_max > size)
            cr_assert_geq(bytes + ends, size, "prefix %zu: %zu bytes of rows and %zu line ends", size, bytes, ends);
        reader_free(reader);
        close(fd);
    }
}

/* The same rows whatever the size of the pieces the file comes in: rows are much shorter than the buffer and cross its end everywhere. */
Test(csv_reader, the_edge_of_the_buffer_does_not_show)
{
    int fd = memfd_create("csv", MFD_CLOEXEC);
    FILE *out = fdopen(dup(fd), "w");
    for (int i = 0; i < 20000; i++)
        fprintf(out, "%d,\"line %d\r\nsecond \"\"half\"\"\",%*s\r\n", i, i, i % 37, "");
    fclose(out);
    cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
    struct reader *reader = reader_new(fd, &ordinary);
    struct reader_row row;
    for (int i = 0; i < 20000; i++) {
        char first[16], second[64];
        cr_assert_eq(reader_next(reader, &row), 1);
        cr_assert_eq(row.fault, READER_FAULT_NONE, "row %d: %s", i, reader_fault_code(row.fault));
        cr_assert_eq(row.fields_count, 3u);
        snprintf(first, sizeof first, "%d", i);
        snprintf(second, sizeof second, "line %d\r\nsecond \"half\"", i);
        cr_assert(qiao_bytes_equal(row.fields[0], qiao_bytes_from_string(first)));
        cr_assert(qiao_bytes_equal(row.fields[1], qiao_bytes_from_string(second)));
        cr_assert_eq(row.fields[2].size, (size_t)(i % 37));
        cr_assert_eq(row.line, (uint64_t)(2 * i + 1));
    }
    cr_assert_eq(reader_next(reader, &row), 0);
    reader_free(reader);
    close(fd);
}

/* Random rows of the characters that matter, under small limits: the reader ends, tells every row once, and with room for everything
 * the bytes of the rows and the line ends between them make up the file. */
Test(csv_reader, random_files_are_accounted_for)
{
    static const char alphabet[] = "\"\",,\r\n\r\nab\0";
    unsigned random = 311;
    for (int round = 0; round < 20000; round++) {
        char data[48];
        size_t size = (size_t)rand_r(&random) % sizeof data, bytes = 0, ends = 0;
        for (size_t i = 0; i < size; i++) {
            data[i] = alphabet[(size_t)rand_r(&random) % (sizeof alphabet - 1)];
            ends += data[i] == '\r' || data[i] == '\n';
        }
        bool small = round % 2;
        const struct reader_limits limits = { ',', small ? 1 + (size_t)rand_r(&random) % 12 : 4096, 8, 3 };
        int fd = file_of(data, size);
        struct reader *reader = reader_new(fd, &limits);
        struct reader_row row;
        uint64_t number = 0;
        int r;
        while ((r = reader_next(reader, &row)) == 1) {
            cr_assert_eq(row.number, number++);
            cr_assert_leq(number, size + 1);
            bytes += row.raw.size;
            for (size_t i = 0; i < row.raw.size; i++) /* inside quotes, and lone ones of bad rows */
                ends -= row.raw.data[i] == '\r' || row.raw.data[i] == '\n';
            for (size_t i = 0; i < row.fields_count; i++)
                cr_assert_leq(row.fields[i].size, limits.field_bytes_max);
        }
        cr_assert_eq(r, 0);
        cr_assert_leq(bytes, size);
        if (!small)
            cr_assert_eq(bytes + ends, size, "round %d", round);
        reader_free(reader);
        close(fd);
    }
}
