/* CRC-32C (Castagnoli): finds torn and damaged records of the journal. */
#ifndef STORE_CHECKSUM_H
#define STORE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of bytes that follow those summed up in `before` (0 at the start). Thread safe. */
uint32_t checksum(uint32_t before, const void *bytes, size_t size);

/* The same without the processor's own instruction: what other processors use. For the test that compares the two. */
uint32_t checksum_portable(uint32_t before, const void *bytes, size_t size);

#endif
