#include "digest.h"

#include "base/durable.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* OpenSSL fails here only without memory or without SHA-256, and then nothing can go on. */
static EVP_MD_CTX *begin(void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
        abort();
    return context;
}

static void add(EVP_MD_CTX *context, const void *data, size_t size)
{
    if (EVP_DigestUpdate(context, data, size) != 1)
        abort();
}

static void end(EVP_MD_CTX *context, struct digest *ret_digest)
{
    if (EVP_DigestFinal_ex(context, ret_digest->bytes, NULL) != 1)
        abort();
    EVP_MD_CTX_free(context);
}

int digest_file(int fd, int copy_to, uint64_t most, struct digest *ret_digest, uint64_t *ret_size)
{
    EVP_MD_CTX *context = begin();
    uint8_t block[65536];
    ssize_t size;
    int r = 0;
    *ret_size = 0;
    while (r == 0 && (size = read(fd, block, sizeof block)) != 0) {
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0) {
            r = -errno;
            break;
        }
        *ret_size += (uint64_t)size;
        add(context, block, (size_t)size);
        r = *ret_size > most ? -EFBIG : copy_to >= 0 ? durable_write(copy_to, qiao_bytes(block, (size_t)size)) : 0;
    }
    end(context, ret_digest);
    return r;
}

void digest_format(const struct digest *digest, char text[DIGEST_TEXT_SIZE])
{
    for (size_t i = 0; i < DIGEST_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", digest->bytes[i]);
}

static int hex_value(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

bool digest_parse(const char *text, struct digest *ret_digest)
{
    struct digest digest;
    if (strlen(text) != 2 * DIGEST_SIZE)
        return false;
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        digest.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *ret_digest = digest;
    return true;
}

bool digest_equal(const struct digest *a, const struct digest *b) { return memcmp(a->bytes, b->bytes, DIGEST_SIZE) == 0; }

struct qiao_id digest_row_id(const uint8_t salt[16], const struct digest *file, uint64_t first_seen_ms, uint64_t row)
{
    uint8_t number[8];
    for (int i = 0; i < 8; i++)
        number[i] = (uint8_t)(row >> (56 - 8 * i));
    EVP_MD_CTX *context = begin();
    add(context, salt, 16);
    add(context, file->bytes, DIGEST_SIZE);
    add(context, number, sizeof number);
    struct digest digest;
    end(context, &digest);
    return qiao_id_make(first_seen_ms, digest.bytes);
}
