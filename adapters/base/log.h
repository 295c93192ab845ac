/* logfmt on stderr: time=… level=… event=… key=value …; with the priority prefix "<6>" when systemd's journal reads it. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines above this level are left out. */
void log_set_level(enum log_level level);

/* Pairs of key and value strings, ended by NULL; a NULL value is written as empty. */
void log_line(enum log_level level, const char *event, ...) __attribute__((sentinel));

/* A number as a value of log_line; lives until the end of the enclosing block. */
#define LOG_NUMBER(n) log_number_text((char[24]){ 0 }, (uint64_t)(n))
const char *log_number_text(char text[24], uint64_t number);

/* The wall clock, milliseconds since 1970. */
uint64_t clock_wall_ms(void);
/* A clock that never goes back, for durations. */
uint64_t clock_monotonic_us(void);

#endif
