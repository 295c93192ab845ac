#include "journal_ring.h"
#include "checksum.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0600
#define FORMAT 1u
#define PIECE_SIZE (1u << 20)
static const char magic[8] = "qiaojrnl";

/* Block 0: magic(8) checksum of the rest(4) format(4) id(8) size(8), integers little endian. */
#define HEAD_SIZE 32u

static void put_le(uint8_t *to, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_le(const uint8_t *from, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = size; i-- > 0;)
        value = value << 8 | from[i];
    return value;
}

static int explain(int result, const char *path, const char *what, char *reterr_text, size_t reterr_size)
{
    snprintf(reterr_text, reterr_size, "journal %s: %s%s%s", path, what, result < 0 ? ": " : "", result < 0 ? strerror(-result) : "");
    return result == -ENOSPC || result == -EDQUOT ? STORE_FULL : result;
}

static int write_all(int fd, const uint8_t *bytes, size_t size, uint64_t offset)
{
    while (size > 0) {
        ssize_t written = pwrite(fd, bytes, size, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        bytes += written;
        size -= (size_t)written;
        offset += (uint64_t)written;
    }
    return 0;
}

static int read_all(int fd, uint8_t *bytes, size_t size, uint64_t offset)
{
    while (size > 0) {
        ssize_t got = pread(fd, bytes, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
        bytes += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return 0;
}

static void head_pack(uint8_t head[HEAD_SIZE], const struct ring *ring)
{
    memcpy(head, magic, sizeof(magic));
    put_le(head + 12, FORMAT, 4);
    put_le(head + 16, ring->id, 8);
    put_le(head + 24, ring->size, 8);
    put_le(head + 8, checksum(0, head + 12, HEAD_SIZE - 12), 4);
}

/* Zeros all over, then block 0, then durable. */
static int fill(const struct ring *ring, int fd)
{
    uint8_t *zeros = calloc(1, PIECE_SIZE), head[HEAD_SIZE];
    int result = zeros ? -posix_fallocate(fd, 0, (off_t)ring->size) : -ENOMEM;

    for (uint64_t at = 0; at < ring->size && !result; at += PIECE_SIZE)
        result = write_all(fd, zeros, ring->size - at < PIECE_SIZE ? (size_t)(ring->size - at) : PIECE_SIZE, at);
    free(zeros);
    head_pack(head, ring);
    if (!result)
        result = write_all(fd, head, sizeof(head), 0);
    return !result && fsync(fd) ? -errno : result;
}

static int directory_sync(const char *path)
{
    char *copy = strdup(path), *slash = copy ? strrchr(copy, '/') : NULL;
    int result = -ENOMEM, fd;

    if (slash)
        *slash = '\0';
    fd = copy ? open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (copy)
        result = fd < 0 || fsync(fd) ? -errno : 0;
    if (fd >= 0)
        close(fd);
    free(copy);
    return result;
}

static int create_as(const struct ring *ring, const char *temporary, const char *path)
{
    int result, fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);

    if (fd < 0)
        return -errno;
    result = fill(ring, fd);
    close(fd);
    if (!result && rename(temporary, path))
        result = -errno;
    if (result)
        unlink(temporary);
    return result ? result : directory_sync(path);
}

int ring_create(struct ring *ring, const char *path, uint64_t size, char *reterr_text, size_t reterr_size)
{
    char *temporary;
    int result;

    *ring = (struct ring){ .fd = -1, .size = size / RECORD_ALIGNMENT * RECORD_ALIGNMENT };
    while (getrandom(&ring->id, sizeof(ring->id), 0) != (ssize_t)sizeof(ring->id))
        continue;
    if (asprintf(&temporary, "%s.new", path) < 0)
        return -ENOMEM;
    result = create_as(ring, temporary, path);
    free(temporary);
    if (result)
        return explain(result, path, "cannot be made", reterr_text, reterr_size);
    return ring_open(ring, path, reterr_text, reterr_size);
}

/* Past the page cache: nothing is copied, and nothing of the file need be remembered. Where the file system cannot, the cache
 * does as well; what counts is the flush. */
static int open_direct(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_DIRECT);

    return fd < 0 && errno == EINVAL ? open(path, O_RDWR | O_CLOEXEC) : fd;
}

static int head_read(struct ring *ring, const uint8_t *block, const char *path, char *reterr_text, size_t reterr_size)
{
    struct stat file;

    if (memcmp(block, magic, sizeof(magic)) != 0 || get_le(block + 8, 4) != checksum(0, block + 12, HEAD_SIZE - 12))
        return explain(STORE_CORRUPT, path, "is not a journal, or its first block is damaged", reterr_text, reterr_size);
    if (get_le(block + 12, 4) > FORMAT)
        return explain(STORE_NEWER, path, "was written by a newer program", reterr_text, reterr_size);
    ring->id = get_le(block + 16, 8);
    ring->size = get_le(block + 24, 8);
    if (fstat(ring->fd, &file) || (uint64_t)file.st_size < ring->size || ring->size < 2 * RECORD_ALIGNMENT)
        return explain(STORE_CORRUPT, path, "was cut short", reterr_text, reterr_size);
    ring->head = ring->tail = RING_START;
    return STORE_OK;
}

int ring_open(struct ring *ring, const char *path, char *reterr_text, size_t reterr_size)
{
    uint8_t *block = aligned_alloc(RECORD_ALIGNMENT, RECORD_ALIGNMENT);
    int result;

    *ring = (struct ring){ .fd = open_direct(path) };
    result = !block ? -ENOMEM : ring->fd < 0 ? -errno : read_all(ring->fd, block, RECORD_ALIGNMENT, 0);
    if (result)
        result = explain(result == -EIO ? STORE_CORRUPT : result, path, "cannot be read", reterr_text, reterr_size);
    else
        result = head_read(ring, block, path, reterr_text, reterr_size);
    free(block);
    if (result)
        ring_close(ring);
    return result;
}

void ring_close(struct ring *ring)
{
    if (ring->fd >= 0)
        close(ring->fd);
    ring->fd = -1;
}

uint64_t ring_record_size_max(const struct ring *ring)
{
    return (ring->size / 2 - 2 * RECORD_ALIGNMENT) / RECORD_ALIGNMENT * RECORD_ALIGNMENT;
}

uint64_t ring_place(const struct ring *ring, uint64_t size)
{
    if (ring->head < ring->tail) /* the head must not meet the tail: that means empty */
        return ring->head + size < ring->tail ? ring->head : 0;
    if (ring->head + size <= ring->size)
        return ring->head;
    return RING_START + size < ring->tail ? RING_START : 0;
}

uint64_t ring_used(const struct ring *ring)
{
    return ring->head >= ring->tail ? ring->head - ring->tail : ring->size - RING_START - (ring->tail - ring->head);
}

int ring_write(const struct ring *ring, const struct record_buffer *buffer, uint64_t offset)
{
    int result = write_all(ring->fd, buffer->bytes, buffer->size, offset);

    if (result == -ENOSPC || result == -EDQUOT)
        return STORE_FULL;
    return !result && fdatasync(ring->fd) ? -errno : result;
}

int ring_flush(const struct ring *ring)
{
    return fdatasync(ring->fd) ? -errno : 0;
}

/* The record at offset if it is whole and has a number from..to, else *ret_buffer is NULL. */
static int read_at(const struct ring *ring, uint64_t offset, uint64_t from, uint64_t to, struct record_buffer **ret_buffer)
{
    struct record_buffer *first, *whole;
    uint64_t size, sequence = 0;
    int result;

    *ret_buffer = NULL;
    if (offset < RING_START || offset % RECORD_ALIGNMENT || offset + RECORD_ALIGNMENT > ring->size)
        return 0;
    first = record_buffer_new(RECORD_ALIGNMENT);
    if (!first)
        return -ENOMEM;
    result = read_all(ring->fd, first->bytes, RECORD_ALIGNMENT, offset);
    size = result ? 0 : record_header_size(first->bytes, ring->id, &sequence);
    record_buffer_unref(first);
    if (result || size == 0 || sequence < from || sequence > to || size > ring->size - offset)
        return result;
    whole = record_buffer_new((size_t)size);
    if (!whole)
        return -ENOMEM;
    result = read_all(ring->fd, whole->bytes, (size_t)size, offset);
    if (result || !record_is_whole(whole->bytes, (size_t)size)) {
        record_buffer_unref(whole);
        return result;
    }
    whole->sequence = sequence;
    whole->offset_end = offset + size;
    *ret_buffer = whole;
    return 0;
}

/* Looks at the headers in the piece of the file at offset; goes and checks those that might do. */
static int piece_has_later(const struct ring *ring, const uint8_t *piece, size_t size, uint64_t offset, uint64_t sequence, bool *ret_has)
{
    struct record_buffer *buffer = NULL;
    uint64_t found;
    int result = 0;

    for (size_t at = 0; at < size && !result && !buffer; at += RECORD_ALIGNMENT) {
        if (record_header_size(piece + at, ring->id, &found) > 0 && found >= sequence)
            result = read_at(ring, offset + at, sequence, UINT64_MAX, &buffer);
    }
    *ret_has = buffer != NULL;
    record_buffer_unref(buffer);
    return result;
}

int ring_has_later(const struct ring *ring, uint64_t sequence, bool *ret_has)
{
    uint8_t *piece = aligned_alloc(RECORD_ALIGNMENT, PIECE_SIZE);
    int result = piece ? 0 : -ENOMEM;

    *ret_has = false;
    for (uint64_t at = RING_START; at < ring->size && !result && !*ret_has; at += PIECE_SIZE) {
        size_t size = ring->size - at < PIECE_SIZE ? (size_t)(ring->size - at) : PIECE_SIZE;
        result = read_all(ring->fd, piece, size, at);
        if (!result)
            result = piece_has_later(ring, piece, size, at, sequence, ret_has);
    }
    free(piece);
    return result;
}

int ring_read(const struct ring *ring, uint64_t offset, uint64_t sequence, enum ring_found *ret_found, struct record_buffer **ret_buffer)
{
    int result = read_at(ring, offset, sequence, sequence, ret_buffer);
    bool has_later = false;

    if (!result && !*ret_buffer && offset != RING_START)
        result = read_at(ring, RING_START, sequence, sequence, ret_buffer);
    if (!result && !*ret_buffer)
        result = ring_has_later(ring, sequence + 1, &has_later);
    *ret_found = *ret_buffer ? RING_FOUND : has_later ? RING_DAMAGED : RING_END;
    return result;
}
