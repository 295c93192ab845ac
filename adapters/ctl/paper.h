/* An organisation as people write it down: YAML or JSON, with the names of organisation.proto. */
#ifndef CTL_PAPER_H
#define CTL_PAPER_H

#include <jansson.h>
#include <schema/organisation.pb-c.h>

/* The file as a JSON object whose single values are texts, as proto3 JSON reads them. NULL after a message; new reference. */
json_t *paper_read(const char *path);

/* The organisation that json describes; key ids may be hexadecimal. NULL after a message; caller frees with
 * qiao__v1__organisation__free_unpacked. */
Qiao__V1__Organisation *paper_organisation(const json_t *json);

/* Back, for changing some of it. NULL without memory; new reference. */
json_t *paper_of(const Qiao__V1__Organisation *organisation);

#endif
