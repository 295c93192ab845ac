/* Words and numbers as people type and read them. Pure functions. */
#ifndef CTL_TEXT_H
#define CTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A decimal number and nothing else. */
bool text_number_parse(const char *text, uint64_t *ret_number);

/* "90" (seconds), "500ms", "1h30m", "2d". Milliseconds. */
bool text_duration_parse(const char *text, uint64_t *ret_ms);

/* "512", "64k", "1M", "2G"; powers of 1024. */
bool text_size_parse(const char *text, uint64_t *ret_bytes);

/* "3 d 4 h", "12 s", "850 ms": at most two units. */
#define TEXT_DURATION_SIZE 48
void text_duration_format(uint64_t duration_ms, char text[TEXT_DURATION_SIZE]);

/* "1.5 MiB". */
#define TEXT_SIZE_SIZE 24
void text_size_format(uint64_t size_bytes, char text[TEXT_SIZE_SIZE]);

/* Local time "2025-03-01 14:05:06.789", or "-" for 0. */
#define TEXT_TIME_SIZE 40
void text_time_format(uint64_t unix_ms, char text[TEXT_TIME_SIZE]);

/* The word of the list that was probably meant, or NULL. */
const char *text_nearest(const char *word, const char *const *words, size_t word_count);

/* Length of the UTF-8 character at text, or 0 if the bytes are not valid UTF-8. At most size bytes are read. */
size_t text_utf8_next(const char *text, size_t size, uint32_t *ret_code_point);
bool text_is_utf8(const char *text, size_t size);

/* Columns on a terminal: East Asian wide characters count two. Bytes that are not UTF-8 count one each. */
size_t text_width(const char *text);

/* A copy fit for a terminal: control characters and bytes that are not UTF-8 become "\x1b". Caller frees; NULL without memory. */
char *text_printable(const char *text, size_t size);

#endif
