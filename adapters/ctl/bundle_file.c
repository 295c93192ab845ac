#include "bundle_file.h"

#include "command.h"

#include <codec/pb.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than any node wraps (SEAL_WRAP_SIZE_MAX, padded, with its container). */
#define PART_SIZE_MAX (2u * 1024u * 1024u)

enum { FROM = 1, TO = 2, MADE = 3, PART = 4, COUNT = 5 };

void bundle_file_close(struct bundle_file *file)
{
    if (file->file)
        fclose(file->file);
    free(file->bytes);
    *file = (struct bundle_file){ 0 };
}

static int damaged(const struct bundle_file *file, const char *what)
{
    command_fail(CTL_NO, "%s: %s behind part %u. Copy it anew from where it was made", file->path, what, file->parts);
    return -1;
}

/* ---- reading ---- */

/* 1, 0 at the end of the file, -1: it ends in the middle. */
static int read_varint(FILE *file, uint64_t *ret)
{
    *ret = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        int byte = getc(file);
        if (byte == EOF)
            return shift == 0 ? 0 : -1;
        *ret |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return 1;
    }
    return -1;
}

static bool read_fixed(FILE *file, uint64_t *ret)
{
    uint8_t bytes[8];

    *ret = 0;
    if (fread(bytes, 1, sizeof(bytes), file) != sizeof(bytes))
        return false;
    for (unsigned i = 0; i < 8; i++)
        *ret |= (uint64_t)bytes[i] << 8 * i;
    return true;
}

/* A field of the file; bytes of it lie in file->bytes. 1, 0 at the end, -1: ends in the middle or is none. */
static int read_field(struct bundle_file *file, struct pb_field *ret)
{
    uint64_t tag, size;
    int result = read_varint(file->file, &tag);

    if (result != 1)
        return result;
    ret->number = (uint32_t)(tag >> 3);
    ret->type = (enum pb_type)(tag & 7);
    if (ret->type == PB_VARINT)
        return read_varint(file->file, &ret->value) == 1 ? 1 : -1;
    if (ret->type == PB_FIXED64)
        return read_fixed(file->file, &ret->value) ? 1 : -1;
    if (ret->type != PB_BYTES || read_varint(file->file, &size) != 1 || size > PART_SIZE_MAX)
        return -1;
    free(file->bytes);
    file->bytes = malloc(size + 1);
    if (!file->bytes || fread(file->bytes, 1, size, file->file) != size)
        return -1;
    ret->bytes = qiao_bytes(file->bytes, size);
    return 1;
}

static void take_next(const struct pb_field *f, struct bundle_part *part, unsigned *at)
{
    struct pb_reader packed = pb_reader(f->type == PB_BYTES ? f->bytes : qiao_bytes(NULL, 0));
    uint64_t value = 0;
    unsigned shift = 0;

    if (f->type == PB_VARINT && *at < QIAO_LANES)
        part->next[(*at)++] = f->value;
    for (; packed.at < packed.end && *at < QIAO_LANES && shift < 64; packed.at++) {
        value |= (uint64_t)(*packed.at & 0x7f) << shift;
        shift += 7;
        if (*packed.at >= 0x80)
            continue;
        part->next[(*at)++] = value;
        value = shift = 0;
    }
}

static bool read_part(struct qiao_bytes bytes, struct bundle_part *part)
{
    struct pb_reader r = pb_reader(bytes);
    struct pb_field f;
    unsigned at = 0;

    *part = (struct bundle_part){ 0 };
    while (pb_next(&r, &f)) {
        if (f.number == 1 && f.type == PB_BYTES) {
            part->wrapped = f.bytes.data;
            part->wrapped_size = f.bytes.size;
        }
        if (f.number == 2)
            take_next(&f, part, &at);
        if (f.number == 3 && f.type == PB_VARINT)
            part->messages = (uint32_t)f.value;
    }
    return !r.failed && part->wrapped_size > 0;
}

static bool copy_name(const struct pb_field *f, char *to, size_t to_size)
{
    if (f->type != PB_BYTES || f->bytes.size == 0 || f->bytes.size >= to_size || !utf8_valid(f->bytes))
        return false;
    memcpy(to, f->bytes.data, f->bytes.size);
    to[f->bytes.size] = '\0';
    return true;
}

int bundle_file_open(struct bundle_file *file, const char *path)
{
    struct pb_field f = { 0 };
    bool sound;

    *file = (struct bundle_file){ .file = fopen(path, "rb"), .path = path };
    if (!file->file)
        return command_fail(CTL_WRONG_USE, "cannot open %s: %s", path, strerror(errno));
    sound = read_field(file, &f) == 1 && f.number == FROM && copy_name(&f, file->from, sizeof(file->from));
    sound = sound && read_field(file, &f) == 1 && f.number == TO && copy_name(&f, file->to, sizeof(file->to));
    sound = sound && read_field(file, &f) == 1 && f.number == MADE && f.type == PB_FIXED64;
    if (!sound)
        return command_fail(CTL_WRONG_USE, "%s is no bundle. \"qiao bundle export\" makes them", path);
    file->made_at_ms = f.value;
    file->good = ftell(file->file);
    return CTL_OK;
}

int bundle_file_next(struct bundle_file *file, struct bundle_part *ret_part)
{
    struct pb_field f = { 0 };
    int result = read_field(file, &f);

    if (result == 0)
        return 0;
    if (result < 0)
        return damaged(file, "cut short");
    if (f.number == COUNT && f.type == PB_VARINT) {
        file->whole = f.value == file->parts && getc(file->file) == EOF;
        return file->whole ? 0 : damaged(file, "its end does not fit its parts");
    }
    if (f.number != PART || f.type != PB_BYTES || !read_part(f.bytes, ret_part))
        return damaged(file, "not what a bundle holds");
    file->parts++;
    file->messages += ret_part->messages;
    file->good = ftell(file->file);
    memcpy(file->next, ret_part->next, sizeof(file->next));
    return 1;
}

/* ---- writing ---- */

static int cannot_write(const struct bundle_file *file)
{
    return command_fail(CTL_NO, "cannot write %s: %s", file->path, strerror(errno));
}

static int put(struct bundle_file *file, const struct buf *bytes)
{
    return fwrite(bytes->data, 1, bytes->size, file->file) == bytes->size && fflush(file->file) == 0 ? CTL_OK : cannot_write(file);
}

int bundle_file_create(struct bundle_file *file, const char *path, const char *from, const char *to, uint64_t made_at_ms)
{
    buf_auto head = { 0 };

    *file = (struct bundle_file){ .file = fopen(path, "wb"), .path = path, .made_at_ms = made_at_ms };
    if (!file->file)
        return cannot_write(file);
    snprintf(file->from, sizeof(file->from), "%s", from);
    snprintf(file->to, sizeof(file->to), "%s", to);
    pb_put_string(&head, FROM, from);
    pb_put_string(&head, TO, to);
    pb_put_fixed64(&head, MADE, made_at_ms);
    return put(file, &head);
}

int bundle_file_go_on(struct bundle_file *file, const char *path)
{
    struct bundle_part part;
    int status = bundle_file_open(file, path), result = 1;

    if (status)
        return status;
    while (result == 1)
        result = bundle_file_next(file, &part);
    if (file->whole)
        return command_fail(CTL_NO, "%s has its end already; give it its name, or remove it", path);
    fclose(file->file);
    file->file = fopen(path, "r+b");
    if (!file->file || ftruncate(fileno(file->file), file->good) || fseek(file->file, 0, SEEK_END))
        return cannot_write(file);
    return CTL_OK;
}

int bundle_file_add(struct bundle_file *file, const struct bundle_part *part)
{
    buf_auto inner = { 0 };
    buf_auto bytes = { 0 };
    buf_auto numbers = { 0 };

    for (unsigned lane = 0; lane < QIAO_LANES; lane++) {
        uint8_t number[10];
        buf_append(&numbers, number, (size_t)(pb_write_varint(number, part->next[lane]) - number));
    }
    pb_put_bytes(&inner, 1, qiao_bytes(part->wrapped, part->wrapped_size));
    pb_put_bytes(&inner, 2, buf_bytes(&numbers));
    pb_put_varint(&inner, 3, part->messages);
    pb_put_bytes(&bytes, PART, buf_bytes(&inner));
    file->parts++;
    file->messages += part->messages;
    memcpy(file->next, part->next, sizeof(file->next));
    return put(file, &bytes);
}

int bundle_file_finish(struct bundle_file *file, const char *name)
{
    buf_auto end = { 0 };
    int status;

    pb_put_varint(&end, COUNT, file->parts);
    status = put(file, &end);
    if (status == CTL_OK && (fsync(fileno(file->file)) || rename(file->path, name)))
        status = cannot_write(file);
    return status;
}

void bundle_file_progress(const struct bundle_file *file, const char *word, bool last)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%s %" PRIu32 " parts, %" PRIu64 " messages%s", word, file->parts, file->messages, last ? "\n" : "");
}
