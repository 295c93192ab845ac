/* What printing and reading of proto3 JSON both know about a field. */
#ifndef CTL_PBJSON_FIELD_H
#define CTL_PBJSON_FIELD_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

/* Bytes of one value of the type inside a message struct or array. */
size_t pbjson_element_size(ProtobufCType type);

/* Whether the field is printed: it has presence and is present, or differs from its default, or defaults are asked for. */
bool pbjson_field_shown(const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message, bool defaults);

/* Whether the name is "id" or ends in "_id". */
bool pbjson_is_id(const ProtobufCFieldDescriptor *field);

#endif
