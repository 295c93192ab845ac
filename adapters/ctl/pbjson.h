/* proto3 JSON by reflection over protobuf-c descriptors: lowerCamelCase names, 64-bit integers as text, enumerations by name,
 * bytes as base64. No code for any message type of its own. */
#ifndef CTL_PBJSON_H
#define CTL_PBJSON_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

enum pbjson_flags {
    PBJSON_DEFAULTS = 1, /* print fields that hold their default value too */
    PBJSON_UUID = 2      /* 16 bytes in a field whose name is "id" or ends in "_id" are UUID text; this is an extension of proto3 JSON */
};

/* A new reference, or NULL without memory. Text that is not UTF-8 gets U+FFFD for each bad byte. */
json_t *pbjson_from_message(const ProtobufCMessage *message, unsigned flags);

#define PBJSON_ERROR_SIZE 256

/* Reads an object into a new message, to be freed with protobuf_c_message_free_unpacked(message, NULL). Names may be lowerCamelCase or
 * as in the schema; UUID text is understood for ids when PBJSON_UUID is set. NULL, with a sentence naming the field, if it is not valid. */
ProtobufCMessage *pbjson_to_message(const ProtobufCMessageDescriptor *type, const json_t *json, unsigned flags,
                                    char reterr_text[PBJSON_ERROR_SIZE]);

#define PBJSON_NAME_SIZE 128
/* "case_id" → "caseId". */
void pbjson_name(const char *field_name, char name[PBJSON_NAME_SIZE]);

#endif
