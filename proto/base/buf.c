#include "base/buf.h"

#include <stdio.h>

static void out_of_memory(size_t size)
{
    fprintf(stderr, "<2>level=error msg=\"out of memory\" bytes=%zu\n", size);
    abort();
}

void *base_alloc(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory) out_of_memory(size);
    return memory;
}

void *base_zalloc(size_t size)
{
    void *memory = calloc(1, size ? size : 1);
    if (!memory) out_of_memory(size);
    return memory;
}

void *base_realloc(void *old, size_t size)
{
    void *memory = realloc(old, size ? size : 1);
    if (!memory) out_of_memory(size);
    return memory;
}

char *base_strdup(const char *string)
{
    size_t size = strlen(string) + 1;
    return memcpy(base_alloc(size), string, size);
}

uint8_t *buf_reserve(struct buf *buf, size_t more)
{
    assert(more <= SIZE_MAX / 2 - buf->size);
    if (buf->size + more > buf->capacity) {
        size_t capacity = buf->capacity ? buf->capacity * 2 : 256;
        while (capacity < buf->size + more) capacity *= 2;
        buf->data = base_realloc(buf->data, capacity);
        buf->capacity = capacity;
    }
    return buf->data + buf->size;
}

void buf_append(struct buf *buf, const void *data, size_t size)
{
    if (size == 0) return;
    memcpy(buf_reserve(buf, size), data, size);
    buf->size += size;
}

void buf_clear(struct buf *buf, size_t capacity_max)
{
    buf->size = 0;
    if (buf->capacity > capacity_max) buf_deinit(buf);
}

void buf_deinit(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){ 0 };
}

uint8_t *buf_take(struct buf *buf, size_t *ret_size)
{
    uint8_t *data = buf->data;
    *ret_size = buf->size;
    *buf = (struct buf){ 0 };
    return data;
}
