#include "quarantine.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char header[] = "file,line,row,reason,explanation,raw_base64\n";

static int remember(struct quarantine *quarantine, uint64_t row)
{
    if ((quarantine->rows_count & (quarantine->rows_count - 1)) == 0) {
        uint64_t *grown = reallocarray(quarantine->rows, quarantine->rows_count ? 2 * quarantine->rows_count : 1, sizeof *grown);
        if (!grown)
            return -ENOMEM;
        quarantine->rows = grown;
    }
    quarantine->rows[quarantine->rows_count++] = row;
    quarantine->last_row = (int64_t)row;
    return 0;
}

static int read_line(void *context, char *line)
{
    char *fields[6];
    if (strcmp(line, "file,line,row,reason,explanation,raw_base64") == 0)
        return 0;
    if (text_split_fields(line, fields, 6) != 6)
        return -EBADMSG;
    return remember(context, strtoull(fields[2], NULL, 10));
}

int quarantine_open(struct quarantine *quarantine, const char *folder, const char *file_name, const struct digest *digest)
{
    *quarantine = (struct quarantine){ .lines.fd = -1, .last_row = -1 };
    char path[PATH_MAX], text[DIGEST_TEXT_SIZE];
    digest_format(digest, text);
    int size = snprintf(path, sizeof path, "%s/%s.%.12s.csv", folder, file_name, text);
    if (size < 0 || (size_t)size >= sizeof path)
        return -ENAMETOOLONG;
    quarantine->path = strdup(path);
    if (!quarantine->path)
        return -ENOMEM;
    int r = line_file_open(&quarantine->lines, folder, path, read_line, quarantine);
    if (r == 0 && quarantine->lines.fresh)
        r = line_file_append(&quarantine->lines, qiao_bytes(header, sizeof header - 1));
    if (r < 0)
        quarantine_close(quarantine);
    return r;
}

void quarantine_close(struct quarantine *quarantine)
{
    bool empty = quarantine->lines.fd >= 0 && quarantine->rows_count == 0;
    line_file_close(&quarantine->lines);
    if (empty)
        unlink(quarantine->path);
    free(quarantine->path);
    free(quarantine->rows);
    *quarantine = (struct quarantine){ .lines.fd = -1, .last_row = -1 };
}

static void add_number(struct text *line, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    text_add_field(line, text);
}

int quarantine_add(struct quarantine *quarantine, const struct quarantine_entry *entry)
{
    if ((int64_t)entry->row <= quarantine->last_row)
        return 0;
    struct text line = { 0 };
    text_add_field(&line, entry->file);
    add_number(&line, entry->line);
    add_number(&line, entry->row);
    text_add_field(&line, entry->reason);
    text_add_field(&line, entry->explanation);
    text_add_string(&line, ",");
    text_add_base64(&line, entry->raw);
    text_add_string(&line, "\n");
    int r = line_file_append(&quarantine->lines, qiao_bytes(line.data, line.size));
    text_deinit(&line);
    if (r == 0)
        r = remember(quarantine, entry->row);
    return r < 0 ? r : 1;
}

int quarantine_sync(struct quarantine *quarantine) { return line_file_sync(&quarantine->lines); }

bool quarantine_has(const struct quarantine *quarantine, uint64_t row)
{
    size_t low = 0, high = quarantine->rows_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (quarantine->rows[middle] == row)
            return true;
        if (quarantine->rows[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}
