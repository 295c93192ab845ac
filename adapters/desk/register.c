#include "register.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <qiao/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECEIVED, MESSAGE_ID, CASE_ID, KEY, MATTER, SOURCE, SENT, LATENCY, ATTEMPT, VERDICT, CODE, TITLE, COLUMNS };
static const char header[] = "received_ms,message_id,case_id,idempotency_key,matter,source,sent_ms,latency_ms,attempt,verdict,code,title\n";

static void remember(struct book *book, const struct entry *entry);

static int read_line(void *context, char *line)
{
    char *fields[COLUMNS];
    struct entry entry = { .used = true };
    if (strncmp(line, "received_ms,", 12) == 0)
        return 0;
    if (text_split_fields(line, fields, COLUMNS) != COLUMNS || !qiao_id_parse(fields[MESSAGE_ID], &entry.id))
        return -EBADMSG;
    entry.accepted = strcmp(fields[VERDICT], "accepted") == 0;
    int code = entry.accepted ? 0 : qiao_code_from_name(fields[CODE]);
    entry.code = code < 0 ? QIAO_CODE_REFUSED_BY_MEMBER : (unsigned)code;
    remember(context, &entry);
    return 0;
}

int book_open(struct book *book, const char *folder, const char *path)
{
    *book = (struct book){ .lines.fd = -1, .capacity = 1024 };
    book->entries = calloc(book->capacity, sizeof *book->entries);
    if (!book->entries)
        return -ENOMEM;
    int r = line_file_open(&book->lines, folder, path, read_line, book);
    if (r == 0 && book->lines.fresh)
        r = line_file_append(&book->lines, qiao_bytes(header, sizeof header - 1));
    if (r < 0)
        book_close(book);
    return r;
}

void book_close(struct book *book)
{
    line_file_close(&book->lines);
    free(book->entries);
    *book = (struct book){ .lines.fd = -1 };
}

/* Ids end in random bytes. */
static struct entry *place_of(struct entry *entries, size_t capacity, const struct qiao_id *id)
{
    uint64_t tail;
    memcpy(&tail, id->bytes + 8, sizeof tail);
    size_t at = (size_t)((tail ^ tail >> 31) & (capacity - 1));
    while (entries[at].used && !qiao_id_equal(&entries[at].id, id))
        at = (at + 1) & (capacity - 1);
    return &entries[at];
}

const struct entry *book_find(const struct book *book, const struct qiao_id *id)
{
    const struct entry *entry = place_of(book->entries, book->capacity, id);
    return entry->used ? entry : NULL;
}

static void grow(struct book *book)
{
    struct entry *wider = calloc(book->capacity * 2, sizeof *wider);
    if (!wider)
        abort();
    for (size_t i = 0; i < book->capacity; i++)
        if (book->entries[i].used)
            *place_of(wider, book->capacity * 2, &book->entries[i].id) = book->entries[i];
    free(book->entries);
    book->entries = wider;
    book->capacity *= 2;
}

static void remember(struct book *book, const struct entry *entry)
{
    if (2 * (book->count + 1) > book->capacity)
        grow(book);
    struct entry *place = place_of(book->entries, book->capacity, &entry->id);
    book->count += !place->used;
    *place = *entry;
    place->used = true;
}

static void add_number(struct text *text, uint64_t number)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, number);
    text_add_field(text, digits);
}

static void format_line(struct text *text, const struct line *line)
{
    char id[QIAO_ID_TEXT_SIZE], source[160];
    qiao_id_format(&line->entry.id, id);
    snprintf(source, sizeof source, "%s/%s", line->area, line->org);
    add_number(text, line->received_ms);
    text_add_field(text, id);
    text_add_field(text, line->case_id);
    text_add_field(text, line->key);
    text_add_field(text, line->matter);
    text_add_field(text, source);
    add_number(text, line->sent_ms);
    add_number(text, line->received_ms > line->sent_ms ? line->received_ms - line->sent_ms : 0);
    add_number(text, line->attempt);
    text_add_field(text, line->entry.accepted ? "accepted" : "refused");
    text_add_field(text, line->entry.accepted ? "" : qiao_code_name(line->entry.code));
    text_add_field(text, line->title);
    text_add_string(text, "\n");
}

int book_add(struct book *book, const struct line *line)
{
    struct text text = { 0 };
    format_line(&text, line);
    int r = line_file_append(&book->lines, qiao_bytes(text.data, text.size));
    text_deinit(&text);
    if (r == 0)
        remember(book, &line->entry);
    return r;
}

int book_sync(struct book *book) { return line_file_sync(&book->lines); }
