/* A growing run of bytes with an owner, and big-endian integers for keys and frames. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <qiao/bytes.h>
#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

struct buf {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

/* Makes room for more bytes behind the present ones and returns where they go. Running out of memory ends the process:
 * everything acknowledged is on disk, and a restart is a tested path, while half-done work in memory is not. */
uint8_t *buf_reserve(struct buf *buf, size_t more);
void buf_append(struct buf *buf, const void *data, size_t size);
/* Keeps the memory for reuse unless it is larger than capacity_max. */
void buf_clear(struct buf *buf, size_t capacity_max);
void buf_deinit(struct buf *buf);
/* Hands the memory to the caller (free) and leaves an empty buffer. */
uint8_t *buf_take(struct buf *buf, size_t *ret_size);

static inline struct qiao_bytes buf_bytes(const struct buf *buf) { return qiao_bytes(buf->data, buf->size); }

static inline void put_u16(uint8_t *at, uint16_t v) { at[0] = (uint8_t)(v >> 8); at[1] = (uint8_t)v; }
static inline void put_u32(uint8_t *at, uint32_t v) { put_u16(at, (uint16_t)(v >> 16)); put_u16(at + 2, (uint16_t)v); }
static inline void put_u64(uint8_t *at, uint64_t v) { put_u32(at, (uint32_t)(v >> 32)); put_u32(at + 4, (uint32_t)v); }
static inline uint16_t get_u16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }
static inline uint32_t get_u32(const uint8_t *at) { return (uint32_t)get_u16(at) << 16 | get_u16(at + 2); }
static inline uint64_t get_u64(const uint8_t *at) { return (uint64_t)get_u32(at) << 32 | get_u32(at + 4); }

/* malloc and realloc that end the process when there is no memory. */
void *base_alloc(size_t size);
void *base_zalloc(size_t size);
void *base_realloc(void *old, size_t size);
char *base_strdup(const char *string);

static inline void buf_cleanup(struct buf *buf) { buf_deinit(buf); }
#define buf_auto __attribute__((cleanup(buf_cleanup))) struct buf

#endif
