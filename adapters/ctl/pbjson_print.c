#include "pbjson.h"

#include "base64.h"
#include "pbjson_field.h"
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <qiao/id.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *print_field(const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message, unsigned flags);
static json_t *print_value(const ProtobufCFieldDescriptor *field, const void *value, unsigned flags);

json_t *pbjson_from_message(const ProtobufCMessage *message, unsigned flags)
{
    json_t *object = json_object();

    for (unsigned i = 0; object && i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        char name[PBJSON_NAME_SIZE];
        json_t *value;
        if (!pbjson_field_shown(field, message, flags & PBJSON_DEFAULTS))
            continue;
        pbjson_name(field->name, name);
        value = print_field(field, message, flags);
        if (!value || json_object_set_new(object, name, value)) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *print_field(const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message, unsigned flags)
{
    const char *at = (const char *)message + field->offset;
    const char *elements;
    size_t count;
    json_t *array;

    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return print_value(field, at, flags);
    memcpy(&elements, at, sizeof(elements));
    memcpy(&count, (const char *)message + field->quantifier_offset, sizeof(count));
    array = json_array();
    for (size_t i = 0; array && i < count; i++) {
        json_t *value = print_value(field, elements + i * pbjson_element_size(field->type), flags);
        if (!value || json_array_append_new(array, value)) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *print_text(const char *text)
{
    size_t size = strlen(text);
    json_t *json = json_stringn(text, size);
    char *repaired, *out;

    if (json || text_is_utf8(text, size) || size > (SIZE_MAX - 1) / 3 || !(repaired = out = malloc(size * 3 + 1)))
        return json;
    while (size) {
        uint32_t point;
        size_t length = text_utf8_next(text, size, &point);
        size_t written = length ? length : 3;
        memcpy(out, length ? text : "\xef\xbf\xbd", written);
        out += written;
        text += length ? length : 1;
        size -= length ? length : 1;
    }
    json = json_stringn(repaired, (size_t)(out - repaired));
    free(repaired);
    return json;
}

static json_t *print_bytes(const ProtobufCFieldDescriptor *field, const ProtobufCBinaryData *bytes, unsigned flags)
{
    char *text;
    json_t *json;

    if ((flags & PBJSON_UUID) && bytes->len == QIAO_ID_SIZE && pbjson_is_id(field)) {
        struct qiao_id id;
        char uuid[QIAO_ID_TEXT_SIZE];
        memcpy(id.bytes, bytes->data, sizeof(id.bytes));
        qiao_id_format(&id, uuid);
        return json_string(uuid);
    }
    text = base64_encode(bytes->data, bytes->len);
    json = text ? json_string(text) : NULL;
    free(text);
    return json;
}

static json_t *print_enum(const ProtobufCFieldDescriptor *field, int number)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(field->descriptor, number);

    return value ? json_string(value->name) : json_integer(number);
}

static json_t *print_real(double number)
{
    if (isnan(number))
        return json_string("NaN");
    if (isinf(number))
        return json_string(number > 0 ? "Infinity" : "-Infinity");
    return json_real(number);
}

static json_t *print_signed(int64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, number);
    return json_string(text);
}

static json_t *print_unsigned(uint64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, number);
    return json_string(text);
}

/* Values lie in protobuf-c's structs, so they are aligned for their type. */
static json_t *print_value(const ProtobufCFieldDescriptor *field, const void *value, unsigned flags)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return json_integer(*(const int32_t *)value);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return json_integer(*(const uint32_t *)value);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return print_signed(*(const int64_t *)value);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return print_unsigned(*(const uint64_t *)value);
    case PROTOBUF_C_TYPE_FLOAT:
        return print_real((double)*(const float *)value);
    case PROTOBUF_C_TYPE_DOUBLE:
        return print_real(*(const double *)value);
    case PROTOBUF_C_TYPE_BOOL:
        return json_boolean(*(const protobuf_c_boolean *)value);
    case PROTOBUF_C_TYPE_ENUM:
        return print_enum(field, *(const int *)value);
    case PROTOBUF_C_TYPE_STRING:
        return print_text(*(const char *const *)value ? *(const char *const *)value : "");
    case PROTOBUF_C_TYPE_BYTES:
        return print_bytes(field, value, flags);
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(const ProtobufCMessage *const *)value ? pbjson_from_message(*(const ProtobufCMessage *const *)value, flags) : json_null();
    }
    return NULL;
}
