/* Message ids: UUIDv7 (RFC 9562 section 5.7), the same on every resend of a message. */
#ifndef QIAO_ID_H
#define QIAO_ID_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QIAO_ID_SIZE 16
/* 36 characters and the terminating NUL. */
#define QIAO_ID_TEXT_SIZE 37

struct qiao_id {
    uint8_t bytes[QIAO_ID_SIZE];
};

/* Makes an id from a wall clock in milliseconds since 1970 and 74 random bits taken from random[0..9].
 * Pure: the same input gives the same id. */
struct qiao_id qiao_id_make(uint64_t unix_ms, const uint8_t random[10]);

/* Makes an id from the system's clock and random source; ids made by one process increase. Thread safe. */
struct qiao_id qiao_id_new(void);

/* Writes the canonical lower-case text form into text, NUL terminated. */
void qiao_id_format(const struct qiao_id *id, char text[QIAO_ID_TEXT_SIZE]);

/* Reads the canonical text form, either case. Returns false, leaving *ret_id alone, if text is anything else. */
bool qiao_id_parse(const char *text, struct qiao_id *ret_id);

bool qiao_id_equal(const struct qiao_id *a, const struct qiao_id *b);

#ifdef __cplusplus
}
#endif
#endif
