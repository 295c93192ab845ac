/* A borrowed run of bytes, passed by value. It never owns what it points at. */
#ifndef QIAO_BYTES_H
#define QIAO_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

struct qiao_bytes {
    const uint8_t *data;
    size_t size;
};

static inline struct qiao_bytes qiao_bytes(const void *data, size_t size)
{
    struct qiao_bytes bytes = { (const uint8_t *)data, size };
    return bytes;
}

static inline struct qiao_bytes qiao_bytes_from_string(const char *string)
{
    return qiao_bytes(string, string ? strlen(string) : 0);
}

static inline int qiao_bytes_equal(struct qiao_bytes a, struct qiao_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

#ifdef __cplusplus
}
#endif
#endif
