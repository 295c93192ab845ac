/* Which protobuf message is the body of which kind. */
#ifndef CTL_BODIES_H
#define CTL_BODIES_H

#include "pbjson.h"

#include <qiao/bytes.h>
#include <stdbool.h>

/* NULL for kinds without a schema of their own (payload, bulletin, kinds of other makers). Static storage. */
const ProtobufCMessageDescriptor *body_descriptor(unsigned kind);

/* A kind by name ("case.open") or number. */
bool body_kind_parse(const char *text, unsigned *ret_kind);

/* JSON text to the packed body of the kind; caller frees ret_body->data. False with a sentence. */
bool body_from_json(unsigned kind, const char *json_text, size_t json_size, struct qiao_bytes *ret_body,
                    char reterr_text[PBJSON_ERROR_SIZE]);

/* The body by reflection, or NULL if the kind has no schema, the bytes are not of it, or there is no memory. New reference. */
json_t *body_to_json(unsigned kind, struct qiao_bytes body);

#endif
