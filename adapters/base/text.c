#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void text_deinit(struct text *text)
{
    free(text->data);
    *text = (struct text){ 0 };
}

void text_clear(struct text *text)
{
    text->size = 0;
    if (text->data)
        text->data[0] = 0;
}

static void reserve(struct text *text, size_t more)
{
    if (more > SIZE_MAX / 2 - text->size - 1)
        abort();
    size_t needed = text->size + more + 1;
    if (needed <= text->capacity)
        return;
    size_t wanted = text->capacity * 2 > needed ? text->capacity * 2 : needed + 64;
    text->data = realloc(text->data, wanted);
    if (!text->data)
        abort();
    text->capacity = wanted;
}

void text_add(struct text *text, const void *data, size_t size)
{
    reserve(text, size);
    if (size > 0)
        memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = 0;
}

void text_add_string(struct text *text, const char *string) { text_add(text, string, strlen(string)); }

void text_add_format(struct text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0)
        abort();
    reserve(text, (size_t)size);
    vsnprintf(text->data + text->size, (size_t)size + 1, format, again);
    va_end(again);
    text->size += (size_t)size;
}

const char *text_string(const struct text *text) { return text->data ? text->data : ""; }

void text_add_field(struct text *text, const char *field)
{
    if (text->size > 0 && text->data[text->size - 1] != '\n')
        text_add(text, ",", 1);
    if (field[0] && !strpbrk(field, "\",\r\n")) {
        text_add_string(text, field);
        return;
    }
    /* An empty field is quoted too: an empty first field would otherwise lose its comma. */
    text_add(text, "\"", 1);
    for (; *field; field++) {
        char c = *field == '\r' || *field == '\n' ? ' ' : *field;
        text_add(text, &c, 1);
        if (c == '"')
            text_add(text, &c, 1);
    }
    text_add(text, "\"", 1);
}

void text_add_base64(struct text *text, struct qiao_bytes bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16 | (left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0) | (left > 2 ? bytes.data[i + 2] : 0);
        char out[4] = { digits[group >> 18], digits[group >> 12 & 63], left > 1 ? digits[group >> 6 & 63] : '=', left > 2 ? digits[group & 63] : '=' };
        text_add(text, out, sizeof out);
    }
}

void text_add_json(struct text *text, const char *string)
{
    text_add(text, "\"", 1);
    for (; *string; string++) {
        unsigned char c = (unsigned char)*string;
        if (c == '"' || c == '\\')
            text_add_format(text, "\\%c", c);
        else if (c < ' ' || c == 0x7f)
            text_add_format(text, "\\u%04x", c);
        else
            text_add(text, string, 1);
    }
    text_add(text, "\"", 1);
}

void text_add_hex(struct text *text, struct qiao_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        text_add_format(text, "%02x", bytes.data[i]);
}

/* Unquotes one field in place and returns where the next begins, or NULL after the last. */
static char *split_one(char *at, char **ret_field)
{
    char *write = at;
    *ret_field = at;
    if (*at != '"') {
        char *comma = strchr(at, ',');
        if (comma)
            *comma++ = 0;
        return comma;
    }
    for (at++; *at; at++) {
        if (*at == '"' && *++at != '"')
            break;
        *write++ = *at;
    }
    char *next = *at == ',' ? at + 1 : NULL;
    *write = 0;
    return next;
}

size_t text_split_fields(char *line, char **fields, size_t most)
{
    size_t count = 0;
    while (line && count < most)
        line = split_one(line, &fields[count++]);
    return count;
}
