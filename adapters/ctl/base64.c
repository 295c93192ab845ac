#include "base64.h"

#include <stdlib.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const uint8_t *bytes, size_t size)
{
    char *text, *out;

    if (size > SIZE_MAX / 2 || !(text = malloc((size + 2) / 3 * 4 + 1)))
        return NULL;
    out = text;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t group = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
        *out++ = alphabet[group >> 18];
        *out++ = alphabet[group >> 12 & 63];
        *out++ = left > 1 ? alphabet[group >> 6 & 63] : '=';
        *out++ = left > 2 ? alphabet[group & 63] : '=';
    }
    *out = '\0';
    return text;
}

static int digit_value(char digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52;
    if (digit == '+' || digit == '-')
        return 62;
    return digit == '/' || digit == '_' ? 63 : -1;
}

bool base64_decode(const char *text, size_t text_size, uint8_t **ret_bytes, size_t *ret_size)
{
    uint8_t *bytes, *out;
    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t padding = 0;

    while (padding < 2 && text_size && text[text_size - 1] == '=') {
        text_size--;
        padding++;
    }
    if (text_size % 4 == 1 || (padding && (text_size + padding) % 4) || !(bytes = malloc(text_size / 4 * 3 + 3)))
        return false;
    out = bytes;
    for (size_t i = 0; i < text_size; i++) {
        int value = digit_value(text[i]);
        if (value < 0) {
            free(bytes);
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            *out++ = (uint8_t)(bits >> bit_count);
        }
    }
    *ret_bytes = bytes;
    *ret_size = (size_t)(out - bytes);
    return true;
}
