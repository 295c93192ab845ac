/* Which table is this? A digest over all that its rows say, so that two nodes with the same version have the same table, whatever files they
 * read it from. */
#ifndef AREA_VERSION_H
#define AREA_VERSION_H

#include "area/table.h"

#define AREA_VERSION_SIZE 32u

/* A digest of 32 bytes: SHA-256 wherever versions travel. */
typedef void (*area_digest)(void *context, struct qiao_bytes data, uint8_t ret_digest[AREA_VERSION_SIZE]);

void area_version(const struct area_table *table, area_digest digest, void *context, uint8_t ret_version[AREA_VERSION_SIZE]);

#endif
