#include "journal.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static int replay_line(void *context, char *line);
static int append(struct journal *journal, const struct text *line);
static int compact(struct journal *journal, const char *path);
static int add_salt(struct journal *journal);

static void path_of(const struct journal *journal, const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", journal->folder, name);
}

int journal_open(struct journal *journal, const char *folder)
{
    *journal = (struct journal){ .folder = strdup(folder), .lines.fd = -1 };
    if (!journal->folder)
        return -ENOMEM;
    char path[PATH_MAX];
    path_of(journal, "journal", path);
    int r = line_file_open(&journal->lines, folder, path, replay_line, journal);
    if (r < 0)
        return r;
    journal->line_damaged = 0;
    if (!journal->salted)
        return add_salt(journal);
    return journal->lines_count > 8 * journal->files_count + 64 ? compact(journal, path) : 0;
}

void journal_close(struct journal *journal)
{
    line_file_close(&journal->lines);
    for (size_t i = 0; i < journal->files_count; i++) {
        free(journal->files[i]->name);
        free(journal->files[i]);
    }
    free(journal->files);
    free(journal->folder);
    *journal = (struct journal){ .lines.fd = -1 };
}

struct journal_file *journal_find(const struct journal *journal, const struct digest *digest)
{
    for (size_t i = journal->files_count; i-- > 0;)
        if (digest_equal(&journal->files[i]->digest, digest))
            return journal->files[i];
    return NULL;
}

static void apply_seen(struct journal *journal, const struct digest *digest, uint64_t now_ms, const char *name, struct journal_file **ret_file)
{
    struct journal_file *file = journal_find(journal, digest);
    if (!file) {
        journal->files = reallocarray(journal->files, journal->files_count + 1, sizeof *journal->files);
        file = calloc(1, sizeof *file);
        if (!journal->files || !file)
            abort();
        journal->files[journal->files_count++] = file;
    }
    free(file->name);
    *file = (struct journal_file){ .digest = *digest, .state = JOURNAL_SEEN, .first_seen_ms = now_ms, .name = strdup(name) };
    if (!file->name)
        abort();
    *ret_file = file;
}

static bool parse_number(const char *text, uint64_t *ret_number)
{
    char *rest = NULL;
    errno = 0;
    *ret_number = strtoull(text, &rest, 10);
    return text[0] >= '0' && text[0] <= '9' && !*rest && errno == 0;
}

static bool replay_salt(struct journal *journal, const char *text)
{
    struct digest padded;
    char wide[DIGEST_TEXT_SIZE];
    snprintf(wide, sizeof wide, "%s%s", text, "00000000000000000000000000000000");
    if (strlen(text) != 32 || !digest_parse(wide, &padded))
        return false;
    memcpy(journal->salt, padded.bytes, sizeof journal->salt);
    journal->salted = true;
    return true;
}

static bool replay_file(struct journal *journal, char *const *fields, size_t count)
{
    struct digest digest;
    uint64_t number = 0;
    if (count < 2 || !digest_parse(fields[1], &digest) || (count > 2 && !parse_number(fields[2], &number)))
        return false;
    struct journal_file *file = journal_find(journal, &digest);
    if (count == 4 && strcmp(fields[0], "seen") == 0)
        apply_seen(journal, &digest, number, fields[3], &file);
    else if (!file)
        return false;
    else if (count == 3 && strcmp(fields[0], "through") == 0)
        file->through = number;
    else if (count == 3 && strcmp(fields[0], "done") == 0) {
        file->through = number;
        file->state = JOURNAL_DONE;
    } else if (count == 2 && strcmp(fields[0], "settled") == 0)
        file->state = JOURNAL_SETTLED;
    else if (count == 2 && strcmp(fields[0], "refused") == 0)
        file->state = JOURNAL_REFUSED;
    else
        return false;
    return true;
}

static int replay_line(void *context, char *line)
{
    struct journal *journal = context;
    journal->line_damaged = ++journal->lines_count;
    char *fields[5];
    size_t count = text_split_fields(line, fields, 5);
    bool salt = count == 2 && strcmp(fields[0], "adapter") == 0;
    bool good = salt ? replay_salt(journal, fields[1]) : replay_file(journal, fields, count);
    return good ? 0 : -EBADMSG;
}

static void add_digest_field(struct text *line, const struct digest *digest)
{
    char text[DIGEST_TEXT_SIZE];
    digest_format(digest, text);
    text_add_field(line, text);
}

static void add_number_field(struct text *line, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    text_add_field(line, text);
}

static void format_seen(struct text *line, const struct digest *digest, uint64_t first_seen_ms, const char *name)
{
    text_add_field(line, "seen");
    add_digest_field(line, digest);
    add_number_field(line, first_seen_ms);
    text_add_field(line, name);
    text_add_string(line, "\n");
}

static void format_step(struct text *line, const char *word, const struct digest *digest, const uint64_t *number)
{
    text_add_field(line, word);
    add_digest_field(line, digest);
    if (number)
        add_number_field(line, *number);
    text_add_string(line, "\n");
}

static void format_salt(struct text *line, const struct journal *journal)
{
    text_add_string(line, "adapter,");
    text_add_hex(line, qiao_bytes(journal->salt, sizeof journal->salt));
    text_add_string(line, "\n");
}

static int append(struct journal *journal, const struct text *line)
{
    int r = line_file_append(&journal->lines, qiao_bytes(line->data, line->size));
    if (r == 0)
        r = line_file_sync(&journal->lines);
    journal->lines_count += r == 0;
    return r;
}

static int append_step(struct journal *journal, const char *word, const struct digest *digest, const uint64_t *number)
{
    struct text line = { 0 };
    format_step(&line, word, digest, number);
    int r = append(journal, &line);
    text_deinit(&line);
    return r;
}

static int add_salt(struct journal *journal)
{
    if (getrandom(journal->salt, sizeof journal->salt, 0) != (ssize_t)sizeof journal->salt)
        return -EIO;
    struct text line = { 0 };
    format_salt(&line, journal);
    int r = append(journal, &line);
    text_deinit(&line);
    journal->salted = r == 0;
    return r;
}

int journal_seen(struct journal *journal, const struct digest *digest, uint64_t now_ms, const char *name, struct journal_file **ret_file)
{
    struct text line = { 0 };
    format_seen(&line, digest, now_ms, name);
    int r = append(journal, &line);
    text_deinit(&line);
    if (r == 0)
        apply_seen(journal, digest, now_ms, name, ret_file);
    return r;
}

int journal_through(struct journal *journal, struct journal_file *file, uint64_t row)
{
    int r = append_step(journal, "through", &file->digest, &row);
    if (r == 0)
        file->through = row;
    return r;
}

int journal_done(struct journal *journal, struct journal_file *file, uint64_t rows)
{
    int r = append_step(journal, "done", &file->digest, &rows);
    if (r == 0) {
        file->through = rows;
        file->state = JOURNAL_DONE;
    }
    return r;
}

int journal_settled(struct journal *journal, struct journal_file *file)
{
    int r = append_step(journal, "settled", &file->digest, NULL);
    if (r == 0)
        file->state = JOURNAL_SETTLED;
    return r;
}

int journal_refused(struct journal *journal, struct journal_file *file)
{
    int r = append_step(journal, "refused", &file->digest, NULL);
    if (r == 0)
        file->state = JOURNAL_REFUSED;
    return r;
}

static void format_file(struct text *lines, const struct journal_file *file)
{
    format_seen(lines, &file->digest, file->first_seen_ms, file->name);
    bool whole = file->state == JOURNAL_DONE || file->state == JOURNAL_SETTLED;
    if (whole || file->through > 0)
        format_step(lines, whole ? "done" : "through", &file->digest, &file->through);
    if (file->state == JOURNAL_SETTLED || file->state == JOURNAL_REFUSED)
        format_step(lines, file->state == JOURNAL_SETTLED ? "settled" : "refused", &file->digest, NULL);
}

static int write_whole(const char *path, const struct text *lines)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return -errno;
    int r = durable_write(fd, qiao_bytes(lines->data, lines->size));
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    close(fd);
    return r;
}

/* Writes what the journal says in as few lines as possible beside it and puts that in its place. */
static int compact(struct journal *journal, const char *path)
{
    struct text lines = { 0 };
    format_salt(&lines, journal);
    for (size_t i = 0; i < journal->files_count; i++)
        format_file(&lines, journal->files[i]);
    char beside[PATH_MAX];
    path_of(journal, "journal.new", beside);
    int r = write_whole(beside, &lines);
    text_deinit(&lines);
    if (r == 0 && rename(beside, path) < 0)
        r = -errno;
    if (r == 0)
        r = durable_sync_folder(journal->folder);
    if (r < 0)
        return r;
    line_file_close(&journal->lines);
    return line_file_open(&journal->lines, journal->folder, path, NULL, NULL);
}
