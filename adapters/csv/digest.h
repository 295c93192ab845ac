/* SHA-256 of files, and message ids made from it. */
#ifndef CSV_DIGEST_H
#define CSV_DIGEST_H

#include <qiao/bytes.h>
#include <qiao/id.h>
#include <stdbool.h>
#include <stdint.h>

#define DIGEST_SIZE 32
#define DIGEST_TEXT_SIZE 65

struct digest {
    uint8_t bytes[DIGEST_SIZE];
};

/* Reads fd from where it stands to its end. With copy_to not below 0 everything read is written there too. Stops with -EFBIG past most
 * bytes. 0 or -errno. */
int digest_file(int fd, int copy_to, uint64_t most, struct digest *ret_digest, uint64_t *ret_size);

void digest_format(const struct digest *digest, char text[DIGEST_TEXT_SIZE]);
bool digest_parse(const char *text, struct digest *ret_digest);
bool digest_equal(const struct digest *a, const struct digest *b);

/* The id of a row: the same file, first seen at the same time by the same adapter, gives the same id, however often it is sent. */
struct qiao_id digest_row_id(const uint8_t salt[16], const struct digest *file, uint64_t first_seen_ms, uint64_t row);

#endif
