#include "pbjson_field.h"

#include "pbjson.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

static const size_t element_sizes[] = {
    [PROTOBUF_C_TYPE_INT32] = sizeof(int32_t),
    [PROTOBUF_C_TYPE_SINT32] = sizeof(int32_t),
    [PROTOBUF_C_TYPE_SFIXED32] = sizeof(int32_t),
    [PROTOBUF_C_TYPE_INT64] = sizeof(int64_t),
    [PROTOBUF_C_TYPE_SINT64] = sizeof(int64_t),
    [PROTOBUF_C_TYPE_SFIXED64] = sizeof(int64_t),
    [PROTOBUF_C_TYPE_UINT32] = sizeof(uint32_t),
    [PROTOBUF_C_TYPE_FIXED32] = sizeof(uint32_t),
    [PROTOBUF_C_TYPE_UINT64] = sizeof(uint64_t),
    [PROTOBUF_C_TYPE_FIXED64] = sizeof(uint64_t),
    [PROTOBUF_C_TYPE_FLOAT] = sizeof(float),
    [PROTOBUF_C_TYPE_DOUBLE] = sizeof(double),
    [PROTOBUF_C_TYPE_BOOL] = sizeof(protobuf_c_boolean),
    [PROTOBUF_C_TYPE_ENUM] = sizeof(int),
    [PROTOBUF_C_TYPE_STRING] = sizeof(char *),
    [PROTOBUF_C_TYPE_BYTES] = sizeof(ProtobufCBinaryData),
    [PROTOBUF_C_TYPE_MESSAGE] = sizeof(ProtobufCMessage *),
};

size_t pbjson_element_size(ProtobufCType type)
{
    return element_sizes[type];
}

/* Zero in every byte is the default of all scalar types of proto3. */
static bool is_zero(const char *value, size_t size)
{
    while (size && !*value) {
        value++;
        size--;
    }
    return size == 0;
}

static bool is_default(const ProtobufCFieldDescriptor *field, const char *value)
{
    const char *text;
    ProtobufCBinaryData bytes;

    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        memcpy(&text, value, sizeof(text));
        return !text || !*text;
    case PROTOBUF_C_TYPE_BYTES:
        memcpy(&bytes, value, sizeof(bytes));
        return bytes.len == 0;
    default:
        return is_zero(value, pbjson_element_size(field->type));
    }
}

bool pbjson_field_shown(const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message, bool defaults)
{
    const char *quantifier = (const char *)message + field->quantifier_offset;
    const char *value = (const char *)message + field->offset;
    uint32_t chosen;
    size_t count;

    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        memcpy(&chosen, quantifier, sizeof(chosen));
        return chosen == field->id;
    }
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        memcpy(&count, quantifier, sizeof(count));
        return count > 0 || defaults;
    }
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return !is_zero(value, sizeof(ProtobufCMessage *));
    return defaults || !is_default(field, value);
}

bool pbjson_is_id(const ProtobufCFieldDescriptor *field)
{
    size_t size = strlen(field->name);

    return strcmp(field->name, "id") == 0 || (size > 3 && strcmp(field->name + size - 3, "_id") == 0);
}

void pbjson_name(const char *field_name, char name[PBJSON_NAME_SIZE])
{
    size_t used = 0;
    bool upper = false;

    for (; *field_name && used + 1 < PBJSON_NAME_SIZE; field_name++) {
        if (*field_name == '_') {
            upper = true;
            continue;
        }
        name[used++] = upper ? (char)toupper((unsigned char)*field_name) : *field_name;
        upper = false;
    }
    name[used] = '\0';
}
