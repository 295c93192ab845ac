#include "log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static enum log_level level_max = LOG_LEVEL_INFO;

void log_set_level(enum log_level level) { level_max = level; }

static bool needs_quotes(const char *value)
{
    if (!*value)
        return true;
    for (; *value; value++)
        if ((unsigned char)*value <= ' ' || *value == '"' || *value == '=' || *value == '\\' || *value == 0x7f)
            return true;
    return false;
}

static void write_value(FILE *out, const char *value)
{
    if (!needs_quotes(value)) {
        fputs(value, out);
        return;
    }
    fputc('"', out);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            fprintf(out, "\\%c", *value);
        else if ((unsigned char)*value < ' ' || *value == 0x7f)
            fprintf(out, "\\x%02x", (unsigned char)*value);
        else
            fputc(*value, out);
    }
    fputc('"', out);
}

static void write_head(FILE *out, enum log_level level, const char *event)
{
    static const struct { const char *name; int priority; } levels[] = { { "error", 3 }, { "warning", 4 }, { "info", 6 }, { "debug", 7 } };
    if (getenv("JOURNAL_STREAM"))
        fprintf(out, "<%d>", levels[level].priority);
    uint64_t now = clock_wall_ms();
    time_t seconds = (time_t)(now / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    char text[32];
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    fprintf(out, "time=%s.%03uZ level=%s event=%s", text, (unsigned)(now % 1000), levels[level].name, event);
}

/* Built in memory and written at once, so that lines of several processes do not mix. */
void log_line(enum log_level level, const char *event, ...)
{
    if (level > level_max)
        return;
    char *line = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&line, &size);
    if (!out)
        return;
    write_head(out, level, event);
    va_list pairs;
    va_start(pairs, event);
    for (const char *key; (key = va_arg(pairs, const char *));) {
        const char *value = va_arg(pairs, const char *);
        fprintf(out, " %s=", key);
        write_value(out, value ? value : "");
    }
    va_end(pairs);
    fputc('\n', out);
    if (fclose(out) == 0)
        fwrite(line, 1, size, stderr);
    free(line);
}

const char *log_number_text(char text[24], uint64_t number)
{
    snprintf(text, 24, "%" PRIu64, number);
    return text;
}

uint64_t clock_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
