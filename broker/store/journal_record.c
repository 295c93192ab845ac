#include "journal_record.h"
#include "checksum.h"
#include "journal_pages.h"
#include <stdlib.h>

#define MAGIC 0x6a6f6971u /* "qioj" */
#define CHECKED_FROM 8u   /* behind magic and checksum */
#define OP_HEADER_SIZE 6u
/* LMDB keeps a larger value in pages of its own. */
#define VALUE_SIZE_INLINE 2000u
#define NODE_OVERHEAD 16u
#define PAGES_FROM (64u * 1024u)

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

bool record_batch_is_valid(const struct store_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct store_op *op = &batch->ops[i];
        bool is_range = op->type == STORE_REMOVE_RANGE;
        if (op->type > STORE_REMOVE_RANGE || op->key.size > STORE_KEY_SIZE_MAX || (op->key.size == 0 && !is_range))
            return false;
        if (op->value.size > (is_range ? STORE_KEY_SIZE_MAX : UINT32_MAX))
            return false;
    }
    return batch->count <= UINT32_MAX;
}

static size_t value_size_of(const struct store_op *op)
{
    return op->type == STORE_REMOVE ? 0 : op->value.size;
}

uint64_t record_size(const struct store_batch *batch)
{
    uint64_t size = RECORD_HEADER_SIZE;

    for (size_t i = 0; i < batch->count; i++)
        size += OP_HEADER_SIZE + batch->ops[i].key.size + value_size_of(&batch->ops[i]);
    return (size + RECORD_ALIGNMENT - 1) / RECORD_ALIGNMENT * RECORD_ALIGNMENT;
}

uint64_t record_cost(size_t key_size, size_t value_size)
{
    uint64_t value = value_size;

    if (value > VALUE_SIZE_INLINE)
        value = (value + NODE_OVERHEAD + RECORD_ALIGNMENT - 1) / RECORD_ALIGNMENT * RECORD_ALIGNMENT;
    return key_size + NODE_OVERHEAD + value;
}

/* Large ones are pages, not heap: they come in one thread, live for a while and go in another, which leaves a heap full of holes. */
static uint8_t *bytes_new(size_t size, size_t *ret_capacity)
{
    *ret_capacity = 0;
    return size < PAGES_FROM ? aligned_alloc(RECORD_ALIGNMENT, size) : pages_new(size, ret_capacity);
}

struct record_buffer *record_buffer_new(size_t size)
{
    struct record_buffer *buffer = calloc(1, sizeof(*buffer));

    if (!buffer)
        return NULL;
    buffer->bytes = bytes_new(size, &buffer->capacity);
    if (!buffer->bytes) {
        free(buffer);
        return NULL;
    }
    buffer->size = size;
    atomic_init(&buffer->references, 1);
    return buffer;
}

struct record_buffer *record_buffer_unref(struct record_buffer *buffer)
{
    if (buffer && atomic_fetch_sub(&buffer->references, 1) == 1) {
        if (buffer->capacity)
            pages_free(buffer->bytes, buffer->capacity);
        else
            free(buffer->bytes);
        free(buffer);
    }
    return NULL;
}

static uint8_t *op_pack(uint8_t *to, const struct store_op *op)
{
    size_t value_size = value_size_of(op);

    to[0] = (uint8_t)op->type;
    to[1] = (uint8_t)op->key.size;
    put_le(to + 2, value_size, 4);
    to += OP_HEADER_SIZE;
    if (op->key.size)
        memcpy(to, op->key.data, op->key.size);
    to += op->key.size;
    if (value_size)
        memcpy(to, op->value.data, value_size);
    return to + value_size;
}

void record_pack(struct record_buffer *buffer, const struct store_batch *batch)
{
    uint8_t *start = buffer->bytes + RECORD_HEADER_SIZE, *to = start;

    buffer->growth = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const struct store_op *op = &batch->ops[i];
        to = op_pack(to, op);
        if (op->type == STORE_PUT)
            buffer->growth += record_cost(op->key.size, op->value.size);
    }
    put_le(buffer->bytes, MAGIC, 4);
    put_le(buffer->bytes + 24, (uint64_t)(to - start), 4);
    put_le(buffer->bytes + 28, batch->count, 4);
    memset(to, 0, buffer->size - (size_t)(to - buffer->bytes)); /* old heap bytes, maybe keys or bodies, stay out of the file */
}

void record_seal(struct record_buffer *buffer, uint64_t journal_id, uint64_t sequence)
{
    size_t size = RECORD_HEADER_SIZE + (size_t)get_le(buffer->bytes + 24, 4);

    buffer->sequence = sequence;
    put_le(buffer->bytes + 8, journal_id, 8);
    put_le(buffer->bytes + 16, sequence, 8);
    put_le(buffer->bytes + 4, checksum(0, buffer->bytes + CHECKED_FROM, size - CHECKED_FROM), 4);
}

uint64_t record_header_size(const uint8_t header[RECORD_HEADER_SIZE], uint64_t journal_id, uint64_t *ret_sequence)
{
    if (get_le(header, 4) != MAGIC || get_le(header + 8, 8) != journal_id)
        return 0;
    *ret_sequence = get_le(header + 16, 8);
    return (RECORD_HEADER_SIZE + get_le(header + 24, 4) + RECORD_ALIGNMENT - 1) / RECORD_ALIGNMENT * RECORD_ALIGNMENT;
}

bool record_is_whole(const uint8_t *bytes, size_t size)
{
    size_t used = RECORD_HEADER_SIZE + (size_t)get_le(bytes + 24, 4);

    return used <= size && get_le(bytes + 4, 4) == checksum(0, bytes + CHECKED_FROM, used - CHECKED_FROM);
}

struct record_cursor record_begin(const struct record_buffer *buffer)
{
    const uint8_t *start = buffer->bytes + RECORD_HEADER_SIZE;

    return (struct record_cursor){ start, start + get_le(buffer->bytes + 24, 4), (uint32_t)get_le(buffer->bytes + 28, 4) };
}

bool record_next(struct record_cursor *cursor, struct store_op *ret_op)
{
    const uint8_t *at = cursor->at;
    size_t key_size, value_size;

    if (cursor->left == 0 || (size_t)(cursor->end - at) < OP_HEADER_SIZE)
        return false;
    key_size = at[1];
    value_size = (size_t)get_le(at + 2, 4);
    if ((size_t)(cursor->end - at) - OP_HEADER_SIZE < key_size + value_size || at[0] > STORE_REMOVE_RANGE)
        return false;
    at += OP_HEADER_SIZE;
    *ret_op = (struct store_op){ (enum store_op_type)cursor->at[0], qiao_bytes(at, key_size), qiao_bytes(at + key_size, value_size) };
    cursor->at = at + key_size + value_size;
    cursor->left--;
    return true;
}
