#include "sdk/files.h"

#include "proof/leaves.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct file *find(struct files *files, const struct attachment_ref *ref, bool fetched)
{
    for (size_t i = 0; i < files->count; i++)
        if (files->files[i].fetched == fetched && memcmp(files->files[i].ref.digest, ref->digest, ATTACHMENT_DIGEST_SIZE) == 0) return &files->files[i];
    return NULL;
}

static void add(struct files *files, struct file file)
{
    if (files->count == files->capacity) {
        files->capacity = files->capacity ? files->capacity * 2 : 4;
        files->files = base_realloc(files->files, files->capacity * sizeof *files->files);
    }
    file.path = base_strdup(file.path);
    files->files[files->count++] = file;
}

static bool read_at(int fd, uint64_t offset, uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t got = pread(fd, data, size, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        data += got;
        size -= (size_t)got;
        offset += (size_t)got;
    }
    return true;
}

static bool write_at(int fd, uint64_t offset, struct qiao_bytes data)
{
    while (data.size > 0) {
        ssize_t put = pwrite(fd, data.data, data.size, (off_t)offset);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        data = qiao_bytes(data.data + put, data.size - (size_t)put);
        offset += (size_t)put;
    }
    return true;
}

/* ---- offered ---- */

static int read_leaves(int fd, const struct seal *seal, struct attachment_ref *ref, uint8_t *leaves)
{
    struct merkle_log log = { .size = 0 };
    struct merkle_hash leaf, head;
    uint8_t *chunk = base_alloc(QIAO_ATTACHMENT_CHUNK_SIZE);
    bool read = true;
    for (uint32_t i = 0; read && i < attachment_chunks(ref->size); i++) {
        size_t size = attachment_chunk_size(ref->size, i);
        read = read_at(fd, (uint64_t)i * QIAO_ATTACHMENT_CHUNK_SIZE, chunk, size);
        if (!read) break;
        merkle_leaf(seal, (enum seal_suite)ref->suite, qiao_bytes(chunk, size), &leaf);
        memcpy(leaves + (size_t)i * ATTACHMENT_LEAF_SIZE, leaf.bytes, ATTACHMENT_LEAF_SIZE);
        merkle_log_add(seal, (enum seal_suite)ref->suite, &log, &leaf);
    }
    free(chunk);
    if (!read) return -(errno ? errno : EIO);
    merkle_log_root(seal, (enum seal_suite)ref->suite, &log, &head);
    memcpy(ref->digest, head.bytes, ATTACHMENT_DIGEST_SIZE);
    return 0;
}

static int offer_open(int fd, const struct seal *seal, struct attachment_ref *ref, uint8_t **ret_leaves)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0) return -errno;
    if (!S_ISREG(stat.st_mode)) return -EINVAL;
    if (stat.st_size <= 0 || stat.st_size > (off_t)QIAO_ATTACHMENT_SIZE_MAX) return 1;
    ref->size = (uint64_t)stat.st_size;
    *ret_leaves = base_alloc((size_t)attachment_chunks(ref->size) * ATTACHMENT_LEAF_SIZE);
    errno = 0;
    int result = read_leaves(fd, seal, ref, *ret_leaves);
    if (result != 0) free(*ret_leaves);
    return result;
}

int files_offer(struct files *files, const struct seal *seal, const char *path, struct attachment_ref *ret_ref, uint8_t **ret_leaves)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    int result = offer_open(fd, seal, ret_ref, ret_leaves);
    if (result != 0 || find(files, ret_ref, false)) close(fd);
    else add(files, (struct file){ .ref = *ret_ref, .fd = fd, .path = (char *)path });
    return result;
}

bool files_read(struct files *files, const struct attachment_ref *ref, bool fetched, uint32_t index, uint8_t *ret_data, size_t size)
{
    const struct file *file = find(files, ref, fetched);
    return file && read_at(file->fd, (uint64_t)index * QIAO_ATTACHMENT_CHUNK_SIZE, ret_data, size);
}

/* ---- fetched ---- */

static char *part_of(const char *path)
{
    size_t size = strlen(path) + sizeof ".part";
    char *part = base_alloc(size);
    snprintf(part, size, "%s.part", path);
    return part;
}

int files_fetch(struct files *files, const char *path, const struct attachment_ref *ref, uint32_t *ret_there)
{
    struct stat stat;
    *ret_there = 0;
    if (find(files, ref, true)) return 0;
    char *part = part_of(path);
    int fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    int result = fd < 0 || fstat(fd, &stat) != 0 ? -errno : 0;
    free(part);
    if (result == 0 && !S_ISREG(stat.st_mode)) result = -EINVAL;
    if (result != 0) {
        if (fd >= 0) close(fd);
        return result;
    }
    *ret_there = (uint64_t)stat.st_size >= ref->size ? attachment_chunks(ref->size) : (uint32_t)((uint64_t)stat.st_size / QIAO_ATTACHMENT_CHUNK_SIZE);
    add(files, (struct file){ .ref = *ref, .fetched = true, .fd = fd, .path = (char *)path });
    return 0;
}

bool files_write(struct files *files, const struct attachment_ref *ref, uint32_t index, struct qiao_bytes data)
{
    const struct file *file = find(files, ref, true);
    return file && write_at(file->fd, (uint64_t)index * QIAO_ATTACHMENT_CHUNK_SIZE, data);
}

static bool sync_folder(const char *path)
{
    char *copy = base_strdup(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    free(copy);
    return synced;
}

static bool publish(const struct file *file)
{
    char *part = part_of(file->path);
    bool done = ftruncate(file->fd, (off_t)file->ref.size) == 0 && fsync(file->fd) == 0 && rename(part, file->path) == 0 && sync_folder(file->path);
    free(part);
    return done;
}

char *files_end(struct files *files, const struct attachment_ref *ref, bool fetched, unsigned *code)
{
    struct file *file = find(files, ref, fetched);
    if (!file) return NULL;
    char *path = file->path;
    if (fetched && *code == QIAO_CODE_OK && !publish(file)) *code = QIAO_CODE_BUSY;
    close(file->fd);
    *file = files->files[--files->count];
    return path;
}

void files_deinit(struct files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        close(files->files[i].fd);
        free(files->files[i].path);
    }
    free(files->files);
    *files = (struct files){ .count = 0 };
}
