#include "pbjson.h"

#include "base64.h"
#include "pbjson_field.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <qiao/id.h>
#include <qiao/limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    unsigned flags;
    char *error; /* PBJSON_ERROR_SIZE bytes */
};

static ProtobufCMessage *read_message(struct reader *reader, const ProtobufCMessageDescriptor *type, const json_t *json, unsigned depth);
static bool read_field(struct reader *reader, const ProtobufCFieldDescriptor *field, ProtobufCMessage *message, const json_t *json,
                       unsigned depth);
static bool read_value(struct reader *reader, const ProtobufCFieldDescriptor *field, void *value, const json_t *json, unsigned depth);

ProtobufCMessage *pbjson_to_message(const ProtobufCMessageDescriptor *type, const json_t *json, unsigned flags,
                                    char reterr_text[PBJSON_ERROR_SIZE])
{
    struct reader reader = { flags, reterr_text };

    return read_message(&reader, type, json, 1);
}

static bool __attribute__((format(printf, 2, 3))) refuse(struct reader *reader, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reader->error, PBJSON_ERROR_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type, const char *key)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        char name[PBJSON_NAME_SIZE];
        pbjson_name(type->fields[i].name, name);
        if (strcmp(name, key) == 0 || strcmp(type->fields[i].name, key) == 0)
            return &type->fields[i];
    }
    return NULL;
}

static bool read_member(struct reader *reader, ProtobufCMessage *message, const char *key, const json_t *json, unsigned depth)
{
    const ProtobufCFieldDescriptor *field = find_field(message->descriptor, key);

    if (!field)
        return refuse(reader, "\"%.60s\" is not a field of %s", key, message->descriptor->short_name);
    if (json_is_null(json))
        return true;
    return read_field(reader, field, message, json, depth);
}

static ProtobufCMessage *read_message(struct reader *reader, const ProtobufCMessageDescriptor *type, const json_t *json, unsigned depth)
{
    ProtobufCMessage *message;
    const char *key;
    json_t *value;

    if (!json_is_object(json)) {
        refuse(reader, "%s must be a JSON object", type->short_name);
        return NULL;
    }
    if (depth > QIAO_PROTOBUF_DEPTH_MAX) {
        refuse(reader, "%s is nested deeper than %u levels", type->short_name, QIAO_PROTOBUF_DEPTH_MAX);
        return NULL;
    }
    message = calloc(1, type->sizeof_message);
    if (!message) {
        refuse(reader, "out of memory");
        return NULL;
    }
    protobuf_c_message_init(type, message);
    json_object_foreach((json_t *)json, key, value) {
        if (!read_member(reader, message, key, value, depth)) {
            protobuf_c_message_free_unpacked(message, NULL);
            return NULL;
        }
    }
    return message;
}

static bool read_array(struct reader *reader, const ProtobufCFieldDescriptor *field, ProtobufCMessage *message, const json_t *json,
                       unsigned depth)
{
    size_t size = pbjson_element_size(field->type), wanted = json_array_size(json);
    char **elements = (char **)(void *)((char *)message + field->offset);
    size_t *count = (size_t *)(void *)((char *)message + field->quantifier_offset);

    if (!json_is_array(json))
        return refuse(reader, "%s must be a JSON array", field->name);
    if (*count)
        return refuse(reader, "%s is given twice", field->name);
    if (wanted == 0)
        return true;
    *elements = calloc(wanted, size);
    if (!*elements)
        return refuse(reader, "out of memory");
    /* The count grows with the elements, so that freeing after a mistake finds only what is there. */
    while (*count < wanted) {
        if (!read_value(reader, field, *elements + *count * size, json_array_get(json, *count), depth))
            return false;
        ++*count;
    }
    return true;
}

static bool read_oneof(struct reader *reader, const ProtobufCFieldDescriptor *field, ProtobufCMessage *message, const json_t *json,
                       unsigned depth)
{
    uint32_t *chosen = (uint32_t *)(void *)((char *)message + field->quantifier_offset);
    size_t size = pbjson_element_size(field->type);
    union {
        uint64_t number;
        ProtobufCBinaryData bytes;
        void *pointer;
    } value = { 0 };

    if (*chosen)
        return refuse(reader, "%s cannot be given together with another member of its group", field->name);
    if (!read_value(reader, field, &value, json, depth))
        return false;
    memcpy((char *)message + field->offset, &value, size);
    *chosen = field->id;
    return true;
}

static bool read_field(struct reader *reader, const ProtobufCFieldDescriptor *field, ProtobufCMessage *message, const json_t *json,
                       unsigned depth)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return read_array(reader, field, message, json, depth);
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return read_oneof(reader, field, message, json, depth);
    return read_value(reader, field, (char *)message + field->offset, json, depth);
}

/* A whole number, also when written as text or as 1.0 or 1e3, as proto3 JSON allows. */
static bool read_signed(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *json, int64_t min, int64_t max,
                        int64_t *ret_number)
{
    int64_t number = 0;
    bool valid = true;

    if (json_is_integer(json)) {
        number = json_integer_value(json);
    } else if (json_is_real(json)) {
        double real = json_real_value(json);
        valid = trunc(real) == real && fabs(real) <= 9007199254740992.0;
        number = valid ? (int64_t)real : 0;
    } else if (json_is_string(json)) {
        const char *text = json_string_value(json);
        char *end;
        errno = 0;
        number = strtoll(text, &end, 10);
        valid = !errno && end != text && !*end && strchr("-0123456789", *text);
    } else {
        valid = false;
    }
    if (!valid || number < min || number > max)
        return refuse(reader, "%s must be a whole number from %" PRId64 " to %" PRId64, field->name, min, max);
    *ret_number = number;
    return true;
}

static bool read_unsigned(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *json, uint64_t *ret_number)
{
    int64_t number;

    if (json_is_string(json)) {
        const char *text = json_string_value(json);
        char *end;
        errno = 0;
        *ret_number = strtoull(text, &end, 10);
        if (!errno && *text >= '0' && *text <= '9' && !*end)
            return true;
        return refuse(reader, "%s must be a whole number from 0 to %" PRIu64, field->name, UINT64_MAX);
    }
    if (!read_signed(reader, field, json, 0, INT64_MAX, &number))
        return false;
    *ret_number = (uint64_t)number;
    return true;
}

static bool read_real(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *json, double *ret_number)
{
    const char *text = json_string_value(json);
    char *end;

    if (json_is_number(json)) {
        *ret_number = json_number_value(json);
        return true;
    }
    if (text && *text) {
        *ret_number = strtod(text, &end);
        if (!*end)
            return true;
    }
    return refuse(reader, "%s must be a number", field->name);
}

static bool read_enum(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *json, int *ret_number)
{
    const ProtobufCEnumDescriptor *type = field->descriptor;
    const ProtobufCEnumValue *value;
    int64_t number;

    if (json_is_string(json)) {
        value = protobuf_c_enum_descriptor_get_value_by_name(type, json_string_value(json));
        if (!value)
            return refuse(reader, "%s is \"%.60s\", which is not a %s", field->name, json_string_value(json), type->short_name);
        *ret_number = value->value;
        return true;
    }
    if (!read_signed(reader, field, json, INT32_MIN, INT32_MAX, &number))
        return false;
    *ret_number = (int)number;
    return true;
}

static bool read_text(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *json, char **value)
{
    char *copy;

    if (!json_is_string(json) || strlen(json_string_value(json)) != json_string_length(json))
        return refuse(reader, "%s must be text without NUL", field->name);
    copy = strdup(json_string_value(json));
    if (!copy)
        return refuse(reader, "out of memory");
    /* A second spelling of the same name must not leak the first value. */
    if (*value && *value != field->default_value && *value != protobuf_c_empty_string)
        free(*value);
    *value = copy;
    return true;
}

static bool read_uuid(const json_t *json, ProtobufCBinaryData *value)
{
    struct qiao_id id;

    if (!qiao_id_parse(json_string_value(json), &id) || !(value->data = malloc(sizeof(id.bytes))))
        return false;
    memcpy(value->data, id.bytes, sizeof(id.bytes));
    value->len = sizeof(id.bytes);
    return true;
}

static bool read_bytes(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *json, ProtobufCBinaryData *value)
{
    if (!json_is_string(json))
        return refuse(reader, "%s must be base64 text", field->name);
    if (value->data)
        return refuse(reader, "%s is given twice", field->name);
    if ((reader->flags & PBJSON_UUID) && pbjson_is_id(field) && read_uuid(json, value))
        return true;
    if (!base64_decode(json_string_value(json), json_string_length(json), &value->data, &value->len))
        return refuse(reader, "%s is not base64", field->name);
    return true;
}

static bool read_submessage(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *json, ProtobufCMessage **value,
                            unsigned depth)
{
    if (*value)
        return refuse(reader, "%s is given twice", field->name);
    *value = read_message(reader, field->descriptor, json, depth + 1);
    return *value != NULL;
}

static bool read_signed32(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *json, int32_t *value)
{
    int64_t number;

    if (!read_signed(reader, field, json, INT32_MIN, INT32_MAX, &number))
        return false;
    *value = (int32_t)number;
    return true;
}

static bool read_unsigned32(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *json, uint32_t *value)
{
    int64_t number;

    if (!read_signed(reader, field, json, 0, UINT32_MAX, &number))
        return false;
    *value = (uint32_t)number;
    return true;
}

static bool read_float(struct reader *reader, const ProtobufCFieldDescriptor *field, const json_t *json, float *value)
{
    double number;

    if (!read_real(reader, field, json, &number))
        return false;
    *value = (float)number;
    return true;
}

static bool read_value(struct reader *reader, const ProtobufCFieldDescriptor *field, void *value, const json_t *json, unsigned depth)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return read_signed32(reader, field, json, value);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return read_unsigned32(reader, field, json, value);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return read_signed(reader, field, json, INT64_MIN, INT64_MAX, value);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return read_unsigned(reader, field, json, value);
    case PROTOBUF_C_TYPE_FLOAT:
        return read_float(reader, field, json, value);
    case PROTOBUF_C_TYPE_DOUBLE:
        return read_real(reader, field, json, value);
    case PROTOBUF_C_TYPE_BOOL:
        if (!json_is_boolean(json))
            return refuse(reader, "%s must be true or false", field->name);
        *(protobuf_c_boolean *)value = json_is_true(json);
        return true;
    case PROTOBUF_C_TYPE_ENUM:
        return read_enum(reader, field, json, value);
    case PROTOBUF_C_TYPE_STRING:
        return read_text(reader, field, json, value);
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(reader, field, json, value);
    case PROTOBUF_C_TYPE_MESSAGE:
        return read_submessage(reader, field, json, value, depth);
    }
    return refuse(reader, "%s has a type this program does not know", field->name);
}
