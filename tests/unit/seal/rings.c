#include "rings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define HELD_MAX 256

static void *held[HELD_MAX]; /* memory, freed when the workshop is left */
static size_t held_count;
static struct keyring *rings[32];
static size_t rings_count;

static void *hold(void *memory)
{
    cr_assert(memory && held_count < HELD_MAX);
    return held[held_count++] = memory;
}

void rings_enter(void) { workshop_enter(); }

void rings_leave(void)
{
    while (rings_count > 0) keyring_free(rings[--rings_count]);
    while (held_count > 0) free(held[--held_count]);
    workshop_leave();
}

int rings_pki(const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    return pki(line);
}

uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static const char *path_of(const char *name, const char *ending)
{
    char *path = hold(malloc(256));
    snprintf(path, 256, "o/%s%s", name, ending);
    return path;
}

struct keyring_options rings_options(const char *name)
{
    return (struct keyring_options){ .certificate_file = path_of(name, ".crt"), .key_file = path_of(name, ".key"), .ca_file = "ca/ca.crt",
                                     .accepted = ACCEPT_BOTH };
}

struct keyring *rings_open(const struct keyring_options *options)
{
    char text[512] = "";
    cr_assert_lt(rings_count, sizeof rings / sizeof rings[0]);
    cr_assert_eq(keyring_new(options, &rings[rings_count], text, sizeof text), 0, "%s", text);
    return rings[rings_count++];
}

void rings_refused(const struct keyring_options *options, const char *part)
{
    char text[512] = "";
    struct keyring *none = NULL;
    cr_expect_eq(keyring_new(options, &none, text, sizeof text), KEYRING_E_UNUSABLE, "expected \"%s\"", part);
    cr_expect_null(none);
    cr_expect_not_null(strstr(text, part), "expected \"%s\" in: %s", part, text);
}

struct qiao_bytes rings_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    uint8_t *bytes = hold(malloc(65536));
    size_t size = fread(bytes, 1, 65536, file);
    fclose(file);
    return qiao_bytes(bytes, size);
}

struct qiao_bytes rings_der(const char *path)
{
    SHELL("openssl x509 -in %s -outform DER -out .der", path);
    return rings_file(".der");
}

unsigned rings_learn(struct keyring *keyring, const char *path, struct seal_key_id *ret_id)
{
    const struct seal *seal = keyring_seal(keyring);
    return seal->learn(seal->context, rings_der(path), ret_id);
}

unsigned rings_verify(struct keyring *keyring, enum seal_suite suite, const struct seal_key_id *id, uint64_t at_ms, struct qiao_bytes message,
                      struct qiao_bytes signature)
{
    const struct seal *seal = keyring_seal(keyring);
    struct seal_identity signer = { .name = "untouched" };
    unsigned code = seal->verify(seal->context, suite, id, at_ms, message, signature, &signer);
    if (code != QIAO_CODE_OK) cr_expect_str_eq(signer.name, "untouched");
    return code;
}

static const uint8_t *number_of_der(const uint8_t *at, uint8_t *ret_number)
{
    cr_assert_eq(at[0], 0x02);
    size_t size = at[1], skip = size == 33;
    cr_assert(size - skip <= 32);
    memset(ret_number, 0, 32);
    memcpy(ret_number + 32 - (size - skip), at + 2 + skip, size - skip);
    return at + 2 + size;
}

struct qiao_bytes pair_of_der(struct qiao_bytes der, uint8_t ret_pair[64])
{
    cr_assert(der.size > 8 && der.data[0] == 0x30 && der.data[1] == der.size - 2);
    const uint8_t *end = number_of_der(number_of_der(der.data + 2, ret_pair), ret_pair + 32);
    cr_assert_eq(end, der.data + der.size);
    return qiao_bytes(ret_pair, 64);
}

static size_t put_number(const uint8_t *number, uint8_t *out)
{
    size_t from = 0;
    while (from < 31 && number[from] == 0) from++;
    size_t zero = number[from] >> 7, size = 32 - from;
    out[0] = 0x02;
    out[1] = (uint8_t)(size + zero);
    out[2] = 0;
    memcpy(out + 2 + zero, number + from, size);
    return 2 + zero + size;
}

size_t der_of_pair(const uint8_t pair[64], uint8_t ret_der[80])
{
    size_t size = put_number(pair, ret_der + 2);
    size += put_number(pair + 32, ret_der + 2 + size);
    ret_der[0] = 0x30;
    ret_der[1] = (uint8_t)size;
    return size + 2;
}
