/* Base64 of RFC 4648. */
#ifndef CTL_BASE64_H
#define CTL_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Standard alphabet with padding. Caller frees; NULL without memory. */
char *base64_encode(const uint8_t *bytes, size_t size);

/* Standard or URL-safe alphabet, padding optional, as proto3 JSON asks. Caller frees *ret_bytes, which is never NULL on success.
 * False if text is not base64 or there is no memory. */
bool base64_decode(const char *text, size_t text_size, uint8_t **ret_bytes, size_t *ret_size);

#endif
