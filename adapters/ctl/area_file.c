#include "area_file.h"

#include "command.h"
#include "input.h"
#include "text.h"

#include "seal/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_SIZE_MAX ((size_t)512 * 1024 * 1024) /* a country has 35 MB */

static void print_errors(const char *path, const struct area_errors *errors)
{
    for (size_t i = 0; i < errors->count; i++) {
        char *text = text_printable(errors->items[i].text, strlen(errors->items[i].text));
        fprintf(stderr, "%s:%u:%u: %s\n", path, errors->items[i].line, errors->items[i].column, text ? text : "");
        free(text);
    }
}

int area_file_load(const char *path, enum charset charset, struct area_table **ret_table)
{
    struct area_errors errors = { 0 };
    char *data = NULL;
    size_t size = 0;
    int status = input_read(path, FILE_SIZE_MAX, &data, &size);
    *ret_table = NULL;
    if (status)
        return status;
    *ret_table = area_load(qiao_bytes(data, size), charset, &errors);
    free(data);
    print_errors(path, &errors);
    if (!*ret_table)
        status = command_fail(CTL_NO, "%s: %zu %s", path, errors.total, errors.total == 1 ? "error" : "errors");
    area_errors_deinit(&errors);
    return status;
}

void area_file_version_text(const uint8_t version[AREA_VERSION_SIZE], char ret_text[AREA_FILE_VERSION_TEXT_SIZE])
{
    for (size_t i = 0; i < AREA_VERSION_SIZE; i++)
        snprintf(ret_text + 2 * i, 3, "%02x", version[i]);
}

void area_file_digest(void *context, struct qiao_bytes data, uint8_t ret_digest[AREA_VERSION_SIZE])
{
    (void)context;
    seal_digest(&seal_openssl_digest, SEAL_SUITE_INT1, data, ret_digest);
}
